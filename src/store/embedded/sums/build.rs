//! Makes the sums of a run from its flows in one order.

use std::collections::{BTreeSet, HashMap};
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::shares::Shares;
use super::sum::Sum;
use super::table::{Alike, Table, is_known};
use crate::flow::{Column, Columns, FlowBatch, Source, ValuesMut};
use crate::row::Order;
use crate::store::Result;
use crate::store::embedded::folder::manifest::{Run, SumsPart};
use crate::store::embedded::run::schema::PAGE_ROWS;

/// A table has so many rows at most: they are in memory.
const MAX_TABLE_ROWS: usize = 1 << 18;

/// Where the rows of sums go.
pub(crate) trait Sink {
    /// Takes the next rows of the part with this number. Parts come one after the other.
    ///
    /// # Errors
    ///
    /// What keeping them meets.
    fn append(&mut self, part: usize, rows: &FlowBatch) -> Result<()>;

    /// Forgets what came of the first part, which has too many rows.
    ///
    /// # Errors
    ///
    /// As [`Self::append`].
    fn give_up_first(&mut self) -> Result<()>;
}

/// The sums of a run while they are made.
pub(crate) struct Builder {
    order: Order,
    /// The column of the address that leads.
    lead: Column,
    most_rows: usize,
    /// By its place, a source of the same sampling, and what counters are multiplied by.
    samplings: Vec<(u32, u64)>,
    /// The sums by the address that leads, and the number of their part.
    led: Option<Led>,
    tables: Vec<(usize, Table)>,
    /// What was sent in stretches of time, and the number of that part.
    shares: Option<(usize, Shares)>,
    rows: SumRows,
}

impl Builder {
    /// Makes those of `parts` of the sums of `run`, whose flows come in `order`, that have no more
    /// than `most_rows` rows together: the first if it can, and of the others the smallest. `columns` are those of all of them.
    pub(crate) fn new(
        run: &Run,
        sources: &Arc<Vec<Source>>,
        (order, parts): (Order, &[SumsPart]),
        columns: Columns,
        most_rows: u64,
    ) -> Self {
        let lead = order.columns().0;
        let numbered = || parts.iter().enumerate();
        let tables = numbered().filter(|(_, part)| is_known(part));
        let shares = numbered().find(|(_, part)| part.shares && part.by.is_empty());
        let mut rows = FlowBatch::new(run.family);
        rows.sources = Arc::clone(sources);
        Self {
            order,
            lead,
            most_rows: usize::try_from(most_rows).unwrap_or(usize::MAX),
            samplings: samplings(run, sources),
            led: parts.first().filter(|part| part.by == [lead.name()]).map(|_| Led::default()),
            tables: tables
                .map(|(number, part)| (number, Table::new(part, run.min_first)))
                .collect(),
            shares: shares
                .map(|(number, part)| (number, Shares::new(part.within_ms, run.min_first))),
            rows: SumRows { columns, batch: rows },
        }
    }

    /// Adds `flows`, which come behind those before them.
    ///
    /// # Errors
    ///
    /// What the sink meets.
    pub(crate) fn observe(&mut self, flows: &FlowBatch, sink: &mut impl Sink) -> Result<()> {
        let unknown = |source| (source, 1);
        let sampling = |&source: &u32| self.samplings.get(source as usize).copied();
        let sources = flows.source.iter();
        let samplings: Vec<(u32, u64)> =
            sources.map(|source| sampling(source).unwrap_or_else(|| unknown(*source))).collect();
        for (_, table) in &mut self.tables {
            table.observe(flows, &samplings);
        }
        self.tables.retain(|(_, table)| table.len() <= self.most_rows.min(MAX_TABLE_ROWS));
        if let Some((_, shares)) = &mut self.shares {
            shares.observe(flows);
        }
        self.shares.take_if(|(_, shares)| !shares.are_worth_it(self.most_rows));
        let Some(led) = &mut self.led else { return Ok(()) };
        let leads = self.order.addresses(flows).0;
        for (row, sampling) in samplings.into_iter().enumerate() {
            let push = |lead, source, sum| {
                self.rows.push(&Alike { values: vec![(self.lead, lead)], source }, sum);
            };
            led.observe(leads.bits(row), sampling, Sum::of(flows, row), push);
            self.rows.give_pages(0, sink)?;
        }
        if led.rows > self.most_rows {
            self.led = None;
            self.rows.batch.clear();
            sink.give_up_first()?;
        }
        Ok(())
    }

    /// Ends all sums: which parts there are, each with its number and rows.
    ///
    /// # Errors
    ///
    /// What the sink meets.
    pub(crate) fn finish(mut self, sink: &mut impl Sink) -> Result<()> {
        if let Some(led) = &mut self.led {
            led.close(|lead, source, sum| {
                self.rows.push(&Alike { values: vec![(self.lead, lead)], source }, sum);
            });
            self.rows.give_rest(0, sink)?;
        }
        let fits = self.fitting();
        for (number, table) in self.tables.into_iter().filter(|(number, _)| fits.contains(number)) {
            for (alike, sum) in table.finish() {
                self.rows.push(&alike, sum);
                self.rows.give_pages(number, sink)?;
            }
            self.rows.give_rest(number, sink)?;
        }
        if let Some((number, shares)) = self.shares.filter(|(number, _)| fits.contains(number)) {
            // Where any source samples, they are of use as they were exported only.
            let alike = Alike { values: Vec::new(), source: 0 };
            shares.finish().for_each(|sum| self.rows.push(&alike, sum));
            self.rows.give_rest(number, sink)?;
        }
        Ok(())
    }
}

impl Builder {
    /// The numbers of the other parts for which there is room beside the first, the smallest first.
    fn fitting(&self) -> BTreeSet<usize> {
        let tables = self.tables.iter().map(|(number, table)| (table.len(), *number));
        let shares = self.shares.iter().map(|(number, shares)| (shares.len(), *number));
        let mut parts: Vec<(usize, usize)> = tables.chain(shares).collect();
        parts.sort_unstable();
        let mut rows = self.led.as_ref().map_or(0, |led| led.rows);
        let fits = |&(more, _): &(usize, usize)| {
            rows = rows.saturating_add(more);
            rows <= self.most_rows
        };
        parts.into_iter().take_while(fits).map(|(_, number)| number).collect()
    }
}

/// By the place of each source, the first one that the run may refer to that samples likewise, and
/// what counters are multiplied by.
fn samplings(run: &Run, sources: &[Source]) -> Vec<(u32, u64)> {
    let factor = |source: &Source| u64::from(source.sampling.interval.max(1));
    let all = vec![0..=u32::MAX];
    let ranges = run.sources.as_ref().map(|ranges| ranges.iter().map(|range| range.0..=range.1));
    let ranges: Vec<RangeInclusive<u32>> = ranges.map_or(all, Iterator::collect);
    let mut first = HashMap::new();
    for (place, source) in (0..).zip(sources) {
        if ranges.iter().any(|range| range.contains(&place)) {
            first.entry(factor(source)).or_insert(place);
        }
    }
    let of_source = |(place, source): (u32, &Source)| {
        let factor = factor(source);
        (first.get(&factor).copied().unwrap_or(place), factor)
    };
    (0..).zip(sources).map(of_source).collect()
}

/// Sums by the address that leads the flows, which come in their order.
#[derive(Default)]
struct Led {
    lead: Option<u128>,
    /// Of that address, by source and by whether there was traffic, rising.
    sums: Vec<((u32, bool), Sum)>,
    /// How many rows there are.
    rows: usize,
}

impl Led {
    /// Adds a flow; `push` takes sums to which nothing is added any more.
    fn observe(
        &mut self,
        lead: u128,
        (source, factor): (u32, u64),
        sum: Sum,
        mut push: impl FnMut(u128, u32, Sum),
    ) {
        if self.lead != Some(lead) {
            self.close(&mut push);
            self.lead = Some(lead);
        }
        let key = (source, sum.has_traffic());
        match self.sums.binary_search_by_key(&key, |&(key, _)| key) {
            Ok(at) => {
                if let Some(full) = self.sums[at].1.add(sum, factor) {
                    self.rows += 1;
                    push(lead, source, full);
                }
            }
            Err(at) => {
                self.rows += 1;
                self.sums.insert(at, (key, sum));
            }
        }
    }

    fn close(&mut self, mut push: impl FnMut(u128, u32, Sum)) {
        let Some(lead) = self.lead else { return };
        for ((source, _), sum) in self.sums.drain(..) {
            push(lead, source, sum);
        }
    }
}

/// Rows on their way to a sink.
struct SumRows {
    columns: Columns,
    batch: FlowBatch,
}

impl SumRows {
    fn push(&mut self, alike: &Alike, sum: Sum) {
        for (row, duration) in sum.rows() {
            let batch = &mut self.batch;
            for &(column, value) in &alike.values {
                push_number(batch.values_mut(column), value);
            }
            batch.first_ms.push(row.first);
            batch.duration_ms.push(duration);
            batch.octets.push(row.octets);
            batch.packets.push(row.packets);
            batch.source.push(alike.source);
            batch.flows.push(row.flows);
            batch.set_len(batch.len() + 1);
        }
    }

    /// Gives whole pages to `sink`; the rows behind them wait for others.
    fn give_pages(&mut self, part: usize, sink: &mut impl Sink) -> Result<()> {
        while self.batch.len() >= PAGE_ROWS {
            self.fill();
            let mut rest = FlowBatch::new(self.batch.family());
            rest.sources = Arc::clone(&self.batch.sources);
            let mut page = rest.clone();
            page.append_rows(&self.batch, 0..PAGE_ROWS);
            rest.append_rows(&self.batch, PAGE_ROWS..self.batch.len());
            self.batch = rest;
            sink.append(part, &page)?;
        }
        Ok(())
    }

    /// Gives all rows to `sink`.
    fn give_rest(&mut self, part: usize, sink: &mut impl Sink) -> Result<()> {
        self.give_pages(part, sink)?;
        if !self.batch.is_empty() {
            self.fill();
            sink.append(part, &self.batch)?;
            self.batch.clear();
        }
        Ok(())
    }

    /// What a part is not by is zero in it.
    fn fill(&mut self) {
        let rows = self.batch.len();
        for column in self.columns.iter() {
            self.batch.values_mut(column).grow(rows);
        }
    }
}

/// Appends a number of the column's own width.
fn push_number(to: ValuesMut<'_>, number: u128) {
    match to {
        ValuesMut::Addresses(to) => to.push_bits(number),
        ValuesMut::U8(to) => to.push(number as u8),
        ValuesMut::U16(to) => to.push(number as u16),
        ValuesMut::U32(to) => to.push(number as u32),
        ValuesMut::U64(to) => to.push(number as u64),
        ValuesMut::Extras(_) => {}
    }
}

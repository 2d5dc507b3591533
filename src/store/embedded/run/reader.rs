//! Reads of a run what a scan asks for: by key range, by time, by predicate, and no more pages
//! than that takes (page pruning, late materialisation).

use std::ops::Range;
use std::sync::Arc;

use super::cursor::ColumnCursor;
use super::file::{PageBounds, RunFile};
use super::key_range::{key_ranges, sorted_range};
use super::schema::PAGE_ROWS;
use crate::flow::{Column, Columns, FlowBatch, Source, UnixMillis, saturated_u32};
use crate::row::{AddressRange, AddressSet, Predicate, Verdict};
use crate::store::{FlowStream, Reading, Result, SCAN_BATCH_ROWS, Scan};

const BATCH_PAGES: usize = SCAN_BATCH_ROWS / PAGE_ROWS;

/// Pages of one row group that may hold what a scan looks for.
#[derive(Debug, Clone)]
pub(crate) struct Stretch {
    pub run: Arc<RunFile>,
    pub group: usize,
    /// The rows of the row group.
    pub group_rows: usize,
    pub pages: Range<usize>,
}

/// The stretches of `run` that `scan` must read, in key order.
pub(crate) fn stretches(run: &Arc<RunFile>, scan: &Scan) -> Result<Vec<Stretch>> {
    let mut stretches = Vec::new();
    let hull = match &scan.lead {
        None => None,
        Some(lead) => match lead.hull(run.lead_family()) {
            None => return Ok(stretches),
            hull => hull,
        },
    };
    for (group, group_rows) in run.groups()?.into_iter().enumerate() {
        scan.watch.check()?;
        let mut pages = 0..group_rows.div_ceil(PAGE_ROWS);
        let mut leads = None;
        if let Some(hull) = &hull {
            let bounds = run.bounds(group, run.order().columns().0)?;
            let (first, last) = hull.bits();
            pages.start = bounds.partition_point(|&(_, max)| max < first);
            pages.end = bounds.partition_point(|&(min, _)| min <= last);
            leads = scan.lead.as_ref().filter(|lead| lead.len() > 1).map(|lead| (lead, bounds));
        }
        if pages.is_empty() {
            continue;
        }
        let ports = match scan.port {
            Some(port) => Some((u128::from(port), run.bounds(group, Column::NatPort)?)),
            None => None,
        };
        let times = if scan.time.is_all() { None } else { Some(run.bounds(group, Column::First)?) };
        let told = told_bounds(run, group, scan.predicate.as_ref())?;
        let passes = |page: usize, predicate: &Predicate| {
            let of_page = |(_, bounds): &(Column, PageBounds)| bounds[page];
            let bounds = |column| told.iter().find(|told| told.0 == column).map(of_page);
            predicate.verdict(run.family(), &bounds) > Verdict::None
        };
        let wanted = |&page: &usize| {
            ports.as_ref().is_none_or(|(port, ports)| {
                let (min, max) = ports[page];
                (min..=max).contains(port)
            }) && times.as_ref().is_none_or(|times| {
                let (first, last) = moments(times[page]);
                scan.time.overlaps(first, last)
            }) && leads.as_ref().is_none_or(|(lead, bounds)| {
                let (min, max) = bounds[page];
                lead.meets(&AddressRange::of_bits(run.lead_family(), min, max))
            }) && scan.predicate.as_ref().is_none_or(|predicate| passes(page, predicate))
        };
        let mut next = pages.start;
        while let Some(start) = (next..pages.end).find(wanted) {
            next = (start..pages.end).find(|page| !wanted(page)).unwrap_or(pages.end);
            let run = Arc::clone(run);
            stretches.push(Stretch { run, group, group_rows, pages: start..next });
        }
    }
    Ok(stretches)
}

/// The bounds of the pages of those columns that `predicate` reads, as far as the run tells them.
fn told_bounds(
    run: &RunFile,
    group: usize,
    predicate: Option<&Predicate>,
) -> Result<Vec<(Column, PageBounds)>> {
    let mut told = Vec::new();
    for column in predicate.map_or(Columns::NONE, Predicate::columns).iter() {
        told.extend(run.known_bounds(group, column)?.map(|bounds| (column, bounds)));
    }
    Ok(told)
}

/// The bounds of a page of times, as times.
fn moments((first, last): (u128, u128)) -> (UnixMillis, UnixMillis) {
    let moment = |bound: u128| UnixMillis(bound.try_into().unwrap_or(u64::MAX));
    (moment(first), moment(last))
}

impl Stretch {
    /// How many rows are in it.
    pub(crate) fn rows(&self) -> u64 {
        self.rows_of(&self.pages).len() as u64
    }

    /// The rows of `pages`, counted from the beginning of the row group.
    fn rows_of(&self, pages: &Range<usize>) -> Range<usize> {
        pages.start * PAGE_ROWS..(pages.end * PAGE_ROWS).min(self.group_rows)
    }

    /// Reads the flows of the stretch that `scan` finds. `sources` are the store's.
    pub(crate) fn read(self, scan: Arc<Scan>, sources: Arc<Vec<Source>>) -> FlowStream {
        scan.meter.add(Reading { blocks: 1, ..Reading::default() });
        let next = self.pages.start;
        let mut reader = StretchReader {
            cursors: Column::EVERY.map(|_| None),
            stretch: self,
            scan,
            sources,
            next,
        };
        let mut failed = false;
        Box::new(std::iter::from_fn(move || {
            if failed {
                return None;
            }
            let batch = reader.next_found().transpose();
            failed = matches!(batch, Some(Err(_)));
            batch
        }))
    }
}

struct StretchReader {
    stretch: Stretch,
    scan: Arc<Scan>,
    sources: Arc<Vec<Source>>,
    /// The next page to read.
    next: usize,
    cursors: [Option<ColumnCursor>; Column::EVERY.len()],
}

impl StretchReader {
    /// The next batch in which anything was found.
    fn next_found(&mut self) -> Result<Option<FlowBatch>> {
        while self.next < self.stretch.pages.end {
            let pages = self.next..(self.next + BATCH_PAGES).min(self.stretch.pages.end);
            self.next = pages.end;
            let batch = self.read(&pages)?;
            if !batch.is_empty() {
                let found = batch.len() as u64;
                self.scan.meter.add(Reading { found, ..Reading::default() });
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }

    fn read(&mut self, pages: &Range<usize>) -> Result<FlowBatch> {
        let scan = Arc::clone(&self.scan);
        let mut rows = self.stretch.rows_of(pages);
        scan.count(Reading { rows: rows.len() as u64, ..Reading::default() })?;
        let mut batch = self.empty();
        let mut have = Columns::NONE;
        for (column, values) in key_ranges(&scan, self.stretch.run.lead_family()) {
            self.narrow(column, values, &mut rows, &mut have, &mut batch)?;
            if rows.is_empty() {
                return Ok(self.empty());
            }
        }
        batch.set_len(rows.len());
        let mut keep: Option<Vec<bool>> = None;
        if let Some(lead) = &scan.lead
            && !self.all_lead(pages, lead)?
        {
            let order = self.stretch.run.order();
            self.fill(Columns::of(&[order.columns().0]), &mut have, &rows, &mut batch)?;
            keep = Some(lead.test(order.addresses(&batch).0));
        }
        if !have.contains(Column::First) && !self.all_in_time(pages)? {
            self.fill(Columns::of(&[Column::First]), &mut have, &rows, &mut batch)?;
            let in_time = |&first: &u64| scan.time.contains(UnixMillis(first));
            keep = Some(both(keep, batch.first_ms.iter().map(in_time).collect()));
        }
        // What costs least is not asked first, but what leaves nothing to be asked ends it.
        for term in scan.predicate.iter().flat_map(Predicate::conjuncts) {
            if keep.as_ref().is_some_and(|keep| !keep.contains(&true)) {
                return Ok(self.empty());
            }
            self.fill(term.columns(), &mut have, &rows, &mut batch)?;
            keep = Some(both(keep, term.evaluate(&batch)));
        }
        let Some(keep) = keep else {
            self.fill(scan.columns, &mut have, &rows, &mut batch)?;
            return Ok(batch.project(scan.columns));
        };
        let kept: Vec<u32> =
            (0..saturated_u32(rows.len())).filter(|&row| keep[row as usize]).collect();
        let (Some(&first), Some(&last)) = (kept.first(), kept.last()) else {
            return Ok(self.empty());
        };
        // Of the columns that decided nothing, only what lies between the first row found and the
        // last is read.
        let found = batch.take_rows(&kept);
        let mut rest = self.empty();
        let found_rows = rows.start + first as usize..rows.start + last as usize + 1;
        rest.set_len(found_rows.len());
        let missing = scan.columns.without(have);
        self.fill(missing, &mut Columns::NONE.clone(), &found_rows, &mut rest)?;
        let kept: Vec<u32> = kept.iter().map(|&row| row - first).collect();
        Ok(found.with_columns_of(rest.take_rows(&kept), missing).project(scan.columns))
    }

    fn empty(&self) -> FlowBatch {
        let mut batch = FlowBatch::new(self.stretch.run.family());
        batch.sources = Arc::clone(&self.sources);
        batch
    }

    /// Leaves only those of `rows` whose `column` is in this range, and adds it to what `batch` has of
    /// them. Among these rows the column is sorted; where no page holds a bound of the range, nothing
    /// is read.
    fn narrow(
        &self,
        column: Column,
        (first, last): (u128, u128),
        rows: &mut Range<usize>,
        have: &mut Columns,
        batch: &mut FlowBatch,
    ) -> Result<()> {
        let Stretch { run, group, .. } = &self.stretch;
        let pages = rows.start / PAGE_ROWS..rows.end.div_ceil(PAGE_ROWS);
        let bounds = run.bounds(*group, column)?;
        if bounds[pages.clone()].iter().all(|&(min, max)| first <= min && max <= last) {
            return Ok(());
        }
        ColumnCursor::open(run, *group, column, pages, &self.scan.meter)?
            .read(rows.clone(), batch)?;
        let found = sorted_range(batch.values(column), first, last);
        let read = std::mem::replace(batch, self.empty());
        batch.append_rows(&read, found.clone());
        *rows = rows.start + found.start..rows.start + found.end;
        *have = *have | Columns::of(&[column]);
        Ok(())
    }

    /// Whether every row that the narrowed pages hold is led by an address of `lead`.
    fn all_lead(&self, pages: &Range<usize>, lead: &AddressSet) -> Result<bool> {
        // Of one range, what is not in it was cut off at both ends.
        let Stretch { run, group, .. } = &self.stretch;
        if lead.ranges_of(run.lead_family()).nth(1).is_none() {
            return Ok(true);
        }
        let bounds = run.bounds(*group, run.order().columns().0)?;
        let covered = |&(min, max): &(u128, u128)| {
            lead.covers(&AddressRange::of_bits(run.lead_family(), min, max))
        };
        Ok(bounds[pages.clone()].iter().all(covered))
    }

    fn all_in_time(&self, pages: &Range<usize>) -> Result<bool> {
        if self.scan.time.is_all() {
            return Ok(true);
        }
        let bounds = self.stretch.run.bounds(self.stretch.group, Column::First)?;
        Ok(bounds[pages.clone()].iter().all(|&page| {
            let (first, last) = moments(page);
            self.scan.time.covers(first, last)
        }))
    }

    /// Reads those of `columns` that `batch` does not have yet.
    fn fill(
        &mut self,
        columns: Columns,
        have: &mut Columns,
        rows: &Range<usize>,
        batch: &mut FlowBatch,
    ) -> Result<()> {
        let from_page = rows.start / PAGE_ROWS;
        for column in columns.without(*have).iter() {
            if !self.stretch.run.has(column) {
                // Rows that tell no number of flows are one flow each.
                if column != Column::Flows {
                    batch.values_mut(column).zeros(rows.len());
                }
                continue;
            }
            let cursor = match &mut self.cursors[column as usize] {
                Some(cursor) => cursor,
                none => none.insert(ColumnCursor::open(
                    &self.stretch.run,
                    self.stretch.group,
                    column,
                    from_page..self.stretch.pages.end,
                    &self.scan.meter,
                )?),
            };
            cursor.read(rows.clone(), batch)?;
        }
        *have = *have | columns;
        Ok(())
    }
}

/// What both keep.
fn both(keep: Option<Vec<bool>>, mut passes: Vec<bool>) -> Vec<bool> {
    for (pass, kept) in passes.iter_mut().zip(keep.into_iter().flatten()) {
        *pass &= kept;
    }
    passes
}

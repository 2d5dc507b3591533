//! Answers page by page: what lies behind a position, and where a page ends.

use std::net::IpAddr;

use super::position::{Behind, Place};
use super::{Lookup, Position};
use crate::flow::{Columns, Family, FlowBatch, NatLead, UnixMillis, address_bits};
use crate::row::{AddressRange, AddressSet, Order};
use crate::store::{self, FlowStream};

impl Position {
    /// The position of the last flow of a page, of which `batches` are the last flows that `lookup`
    /// found; `before` is where the page began.
    pub fn last(lookup: &Lookup, batches: &[FlowBatch], before: Option<Self>) -> Option<Self> {
        let mut rows = batches
            .iter()
            .rev()
            .flat_map(|batch| (0..batch.len()).rev().map(move |row| lookup.place_of(batch, row)));
        let place = rows.next()?;
        let mut seen = 1;
        let mut others = false;
        for row in rows {
            if row != place {
                others = true;
                break;
            }
            seen += 1;
        }
        // A page of nothing else goes on where the one before it ended.
        let before = before.filter(|before| !others && before.place == place);
        Some(Self { place, seen: seen + before.map_or(0, |before| before.seen) })
    }
}

impl Lookup {
    /// This lookup, of the flows behind `position` alone.
    #[must_use]
    pub fn after(mut self, position: Position) -> Self {
        if let Place::Key(lead, first, ..) = position.place {
            let rest = from_on(lead);
            for scan in &mut self.scans {
                let leads = scan
                    .lead
                    .as_ref()
                    .map_or_else(|| rest.clone(), |lead| lead.intersection(&rest));
                // The time lies behind the address, and narrows the range of one alone.
                if leads.host() == Some(lead) {
                    scan.time.since = scan.time.since.max(first);
                }
                scan.lead = Some(leads);
            }
        }
        if let Place::Behind(Behind { first, .. }) = position.place {
            // Those that a port leads, too, are in the order of time.
            for scan in self.scans.iter_mut().filter(|scan| scan.port.is_some()) {
                scan.time.since = scan.time.since.max(first);
            }
        }
        self.after = Some(position);
        self
    }

    /// This lookup, which reads `columns`, too.
    #[must_use]
    pub fn reading_also(mut self, columns: Columns) -> Self {
        // What leads a flow behind a NAT is a part of its place.
        let behind = self.scans.iter().any(|scan| scan.order == Order::Nat);
        let columns = if behind { columns | Order::Nat.lead_columns() } else { columns };
        self.columns = self.columns | columns;
        for scan in &mut self.scans {
            scan.columns = scan.columns | columns;
        }
        self
    }

    /// `flows`, which this lookup finds, without those up to where it is to begin.
    pub(super) fn skipping(&self, flows: FlowStream) -> FlowStream {
        let Some(Position { place, seen }) = self.after else { return flows };
        let lookup = self.clone();
        let mut left = seen;
        let mut passed = false;
        Box::new(flows.filter_map(move |batch: store::Result<FlowBatch>| {
            let batch = match batch {
                Ok(batch) if !passed => batch,
                other => return Some(other),
            };
            let from = (0..batch.len()).find(|&row| {
                let here = lookup.place_of(&batch, row);
                let is_seen = here < place || here == place && left > 0;
                left -= u64::from(here == place && is_seen);
                !is_seen
            });
            let from = from?;
            passed = true;
            let rows: Vec<u32> = (from as u32..batch.len() as u32).collect();
            Some(Ok(batch.take_rows(&rows)))
        }))
    }

    fn place_of(&self, batch: &FlowBatch, row: usize) -> Place {
        let [first_scan, others @ ..] = &self.scans[..] else { return Place::Anywhere };
        let (src, dst) = (batch.src.get(row), batch.dst.get(row));
        let sent = match first_scan.order {
            Order::Nat if first_scan.lead.is_none() || batch.nat.0.is_empty() => {
                return Place::Anywhere;
            }
            Order::Nat => return Place::Behind(behind(batch, row, !others.is_empty())),
            Order::Dst => false,
            Order::Src if others.is_empty() => true,
            // What an address of the question sent is found by the first scan alone.
            Order::Src => self.sent.as_ref().is_none_or(|sent| sent.contains(src)),
        };
        let first = UnixMillis(batch.first_ms[row]);
        if sent { Place::Key(src, first, 0, dst) } else { Place::Key(dst, first, 1, src) }
    }
}

/// Where a row stands that an address behind a NAT leads; what a port of it leads and what no port
/// does may be `merged`, by time.
fn behind(batch: &FlowBatch, row: usize, merged: bool) -> Behind {
    let lead = batch.nat_lead(row).unwrap_or(NatLead { address: 0, port: 0 });
    Behind {
        family: if batch.family() == Family::V4 { 4 } else { 6 },
        lead: lead.address.into(),
        port: if merged { 0 } else { lead.port },
        first: UnixMillis(batch.first_ms[row]),
        side: u8::from(merged && lead.port != 0),
        src: batch.src.get(row),
        dst: batch.dst.get(row),
    }
}

/// `lead`, and every address behind it.
fn from_on(lead: IpAddr) -> AddressSet {
    let of_family = |family: Family, from: u128| {
        AddressRange::of_bits(family, from, address_bits(AddressRange::all(family).last()))
    };
    let family = Family::of(lead);
    let rest = of_family(family, address_bits(lead));
    let later = (family == Family::V4).then(|| AddressRange::all(Family::V6));
    AddressSet::new([rest].into_iter().chain(later))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::{Extra, FlowRecord, Origin, push_extra};
    use crate::query::{Direction, POSITION_COLUMNS, Question, parse_addresses, parse_nat_end};
    use crate::row::Predicate;
    use crate::store::conformance;
    use crate::store::memory::MemoryStore;
    use crate::store::{Access, Snapshot, Store, WriteBatch};

    /// The flows of `question` on pages of `size`, by way of positions as text.
    fn on_pages(snapshot: &dyn Snapshot, question: &Question, size: usize) -> Vec<String> {
        let (mut shown, mut position) = (Vec::new(), None::<Position>);
        loop {
            let limit = Some(size as u64);
            let mut lookup = Question { limit, ..question.clone() }.plan(Columns::ALL);
            if let Some(position) = position {
                lookup = lookup.after(position.to_string().parse().unwrap());
            }
            let page: Vec<FlowBatch> =
                lookup.run(snapshot).unwrap().collect::<Result<_, _>>().unwrap();
            let rows = page.iter().map(FlowBatch::len).sum::<usize>();
            assert!(rows <= size);
            if rows == 0 {
                return shown;
            }
            shown.extend(page.iter().flat_map(FlowBatch::records).map(|flow| format!("{flow:?}")));
            position = Position::last(&lookup, &page, position);
        }
    }

    #[test]
    fn pages_of_any_size_are_the_whole_answer() {
        let store = MemoryStore::default();
        conformance::write_sample(&store, 400);
        let snapshot = store.snapshot().unwrap();
        let everything = Question::everything();
        let mut questions = vec![everything.clone()];
        for (addresses, direction) in [
            ("0.0.0.0/0", Direction::Any),
            ("10.0.0.0/8", Direction::Any),
            ("::/0", Direction::Dst),
            ("10.0.0.1", Direction::Src),
            ("10.0.0.1", Direction::Any),
        ] {
            let addresses = parse_addresses(addresses).ok();
            for access in [Access::Range, Access::Filter] {
                let question = everything.clone();
                questions.push(Question { addresses, direction, access, ..question });
            }
        }
        for question in questions {
            let whole = on_pages(&*snapshot, &question, 100_000);
            for size in [1, 7, 100] {
                assert_eq!(on_pages(&*snapshot, &question, size), whole, "{question:?} by {size}");
            }
        }
    }

    /// Flows behind a NAT, of which octets tell them apart, at `minute` after an hour.
    fn write_behind_nat(store: &MemoryStore, octets: u64, minute: u64) {
        let mut batch = WriteBatch::new();
        for number in 0..60 {
            let flow = FlowRecord {
                first: UnixMillis(1_700_000_000_000 + minute * 60_000 + number / 9),
                octets: octets + number,
                ..FlowRecord::between("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap())
            };
            let to = batch.family_mut(flow.family());
            to.push(&flow, 0, Origin(octets + number));
            let mut extras = Vec::new();
            let mut push = |number, value: &[u8]| {
                push_extra(&mut extras, 0, Extra { number, enterprise: 0, value });
            };
            push(225, &[203, 0, 113, [7, 8][number as usize % 2]]);
            if number % 3 > 0 {
                push(227, &(80 + number as u16 % 3).to_be_bytes());
            }
            let row = to.len() - 1;
            to.extras.set(row, &extras);
        }
        let mut writer = store.writer().unwrap();
        writer.write(batch).unwrap();
        writer.commit().unwrap();
    }

    #[test]
    fn what_is_loaded_meanwhile_moves_no_page_behind_a_nat() {
        for end in ["203.0.113.0/24", "203.0.113.7", "203.0.113.7:81"] {
            let store = MemoryStore::default();
            write_behind_nat(&store, 1000, 5);
            let filter = Some(Predicate::Nat(parse_nat_end(end).unwrap()));
            let page = |size: u64, after: Option<Position>| -> (Vec<u64>, Option<Position>) {
                let limit = Some(size);
                let question = Question { filter: filter.clone(), limit, ..Question::everything() };
                let mut lookup = question.plan(Columns::ALL).reading_also(POSITION_COLUMNS);
                if let Some(after) = after {
                    lookup = lookup.after(after.to_string().parse().unwrap());
                }
                let page: Vec<FlowBatch> = lookup
                    .run(&*store.snapshot().unwrap())
                    .unwrap()
                    .collect::<Result<_, _>>()
                    .unwrap();
                let octets = page.iter().flat_map(FlowBatch::records).map(|flow| flow.octets);
                (octets.collect(), Position::last(&lookup, &page, after))
            };
            let whole = page(1000, None).0;
            assert!(whole.len() >= 10, "{end}: {whole:?}");
            let (mut shown, mut after) = page(7, None);
            // Before all of these, and behind them.
            write_behind_nat(&store, 5000, 1);
            write_behind_nat(&store, 7000, 9);
            while let (next, position @ Some(_)) = page(7, after) {
                shown.extend(next);
                after = position;
            }
            shown.retain(|octets| *octets < 5000);
            assert_eq!(shown, whole, "{end}");
        }
    }
}

//! Flows with what of them fell into a stretch of time: keys are chosen by that, not by what flows had
//! before and after.

use std::net::IpAddr;

use crate::aggregate::{Measure, Top, TopEntry, TopOptions};
use crate::flow::{Column, Columns, FlowBatch, TimeRange, come_before};
use crate::store::{FlowStream, Plan, Region, Result, Rows, Scan, Snapshot};

/// The keys of most that fell into `window`, counted by `by`, of what `scans` find.
pub(super) fn keys(
    (snapshot, scans): (&dyn Snapshot, &[Scan]),
    options: &TopOptions,
    (by, window): (Measure, TimeRange),
) -> Result<Vec<TopEntry>> {
    Ok(Top::of(&Within { inside: snapshot, by, window }, scans, options)?.entries)
}

/// A snapshot whose octets and packets are those of a window, spread as bins have them.
struct Within<'a> {
    inside: &'a dyn Snapshot,
    by: Measure,
    window: TimeRange,
}

impl Within<'_> {
    /// What the snapshot inside is asked for `scan`. The sum of several flows cannot be cut.
    fn asked(&self, scan: &Scan) -> Scan {
        let columns = scan.columns | Columns::of(&[Column::First, Column::Duration]);
        let TimeRange { since, until } = scan.time;
        let time = match self.by {
            // A flow counts where it began.
            Measure::Flows => TimeRange {
                since: since.max(self.window.since),
                until: until.min(self.window.until),
            },
            Measure::Octets | Measure::Packets => scan.time,
        };
        Scan { columns, time, rows: Rows::Flows, ..scan.clone() }
    }
}

impl Snapshot for Within<'_> {
    fn regions(&self, scan: &Scan) -> Result<Vec<Box<dyn Region>>> {
        let (columns, window) = (scan.columns | Columns::of(&[Column::Flows]), self.window);
        let wrap = |region| Box::new(CutRegion { region, columns, window }) as Box<dyn Region>;
        Ok(self.inside.regions(&self.asked(scan))?.into_iter().map(wrap).collect())
    }

    fn plan(&self, scan: &Scan) -> Result<Plan> {
        self.inside.plan(&self.asked(scan))
    }

    fn cuts(&self, scan: &Scan) -> Result<Vec<IpAddr>> {
        self.inside.cuts(&self.asked(scan))
    }

    fn counted(&self) -> Option<u64> {
        self.inside.counted()
    }

    fn may_be_sampled(&self) -> bool {
        self.inside.may_be_sampled()
    }
}

struct CutRegion {
    region: Box<dyn Region>,
    /// What was asked for.
    columns: Columns,
    window: TimeRange,
}

impl Region for CutRegion {
    fn read(self: Box<Self>) -> FlowStream {
        let Self { region, columns, window } = *self;
        Box::new(region.read().map(move |batch| {
            let mut batch = batch?;
            cut(&mut batch, window);
            Ok(batch.project(columns))
        }))
    }

    fn rows(&self) -> Option<u64> {
        self.region.rows()
    }
}

/// Leaves of the counters of each flow what came within `window`.
fn cut(batch: &mut FlowBatch, window: TimeRange) {
    for counters in [&mut batch.octets, &mut batch.packets] {
        // A column that was not asked for has no rows.
        let times = batch.first_ms.iter().zip(&batch.duration_ms);
        for (counter, (&first, &duration)) in counters.iter_mut().zip(times) {
            let end = first.saturating_add(duration.into());
            let before = |moment: u64| come_before(moment, first, end, *counter);
            let within = before(window.until.0).saturating_sub(before(window.since.0));
            // A part of a number of 64 bits.
            *counter = u64::try_from(within).unwrap_or(u64::MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::{KeyValue, Limits, TopOrder, parse_keys};
    use crate::flow::{Family, Origin, UnixMillis};
    use crate::store::memory::MemoryStore;
    use crate::store::{Store, WriteBatch, conformance};

    /// The destinations of most in the second from 10 s on, of flows of (first, duration, octets).
    fn chosen(by: Measure, count: usize) -> Vec<String> {
        let mut batch = WriteBatch::new();
        for (place, (dst, first, duration, octets)) in [
            // Of 100,000 octets 1,000 fall into the second.
            ("10.0.0.1", 1_000, 100_000, 100_000),
            ("10.0.0.2", 10_500, 0, 1_200),
            ("10.0.0.2", 10_600, 0, 1_200),
            // Half of it.
            ("10.0.0.3", 10_500, 1_000, 4_000),
            // Nothing: it ends when the second begins.
            ("10.0.0.4", 9_000, 1_000, 900_000),
            ("10.0.0.4", 11_000, 0, 900_000),
        ]
        .into_iter()
        .enumerate()
        {
            let mut flow = conformance::flow("192.0.2.1", dst, first, 1);
            (flow.duration_ms, flow.octets) = (duration, octets);
            batch.v4.push(&flow, 0, Origin(place as u64));
        }
        assert_eq!(batch.v4.family(), Family::V4);
        let store = MemoryStore::default();
        let mut writer = store.writer().unwrap();
        writer.write(batch).unwrap();
        writer.commit().unwrap();
        let options = TopOptions {
            fields: parse_keys("dst").unwrap(),
            order: TopOrder::Measure(by),
            count: Some(count),
            zone: jiff::tz::TimeZone::UTC,
            limits: Limits::default(),
        };
        let window = TimeRange { since: UnixMillis(10_000), until: UnixMillis(11_000) };
        let scan = Scan::all(Columns::of(&[Column::First]));
        let snapshot = store.snapshot().unwrap();
        let found = keys((&*snapshot, &[scan]), &options, (by, window)).unwrap();
        let text = |value: &KeyValue| match value {
            KeyValue::Address(address) => address.to_string(),
            other => panic!("{other:?}"),
        };
        found.iter().map(|entry| text(&entry.key[0])).collect()
    }

    #[test]
    fn keys_are_chosen_by_what_fell_into_the_window() {
        assert_eq!(chosen(Measure::Octets, 3), ["10.0.0.2", "10.0.0.3", "10.0.0.1"]);
        assert_eq!(chosen(Measure::Octets, 1), ["10.0.0.2"]);
        // Two flows began in it, and one.
        assert_eq!(chosen(Measure::Flows, 0), Vec::<String>::new());
        assert_eq!(chosen(Measure::Flows, 9), ["10.0.0.2", "10.0.0.3"]);
    }
}

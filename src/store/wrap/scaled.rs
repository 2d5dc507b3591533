//! A snapshot whose counters are what the exporter saw no more than a part of: multiplied by the
//! interval of its sampling.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::counted_elements;
use crate::flow::{Column, Columns, FlowBatch};
use crate::row::Predicate;
use crate::store::{FlowStream, Plan, Region, Result, Rows, Scan, Size, Snapshot, StoredDay};

/// The columns that are multiplied.
const COUNTERS: Columns = Columns::of(&[Column::Octets, Column::Packets]);

/// What is said of a predicate that tests counters.
const AS_EXPORTED: &str =
    "the filter compares octets and packets as they were exported, before they are multiplied";

/// The snapshot inside, whose octets and packets are multiplied by the sampling interval of their
/// source, where it said one. Predicates see the counters as they were exported.
pub struct ScaledSnapshot {
    inside: Box<dyn Snapshot>,
    /// What was read once, and what was read again.
    tallies: [Arc<Tally>; 2],
}

/// So many intervals are told apart; a user is told of the first few.
const MAX_INTERVALS: usize = 1024;

/// How many flows were multiplied by which interval.
#[derive(Debug, Default)]
struct Tally(Mutex<BTreeMap<u32, u64>>);

impl ScaledSnapshot {
    /// The flows of `inside`.
    pub fn new(inside: Box<dyn Snapshot>) -> Self {
        Self { inside, tallies: Default::default() }
    }

    fn scales(&self, scan: &Scan) -> bool {
        !(scan.columns & COUNTERS).is_empty() && self.inside.may_be_sampled()
    }

    /// What the snapshot inside is asked for `scan`.
    fn asked(&self, scan: &Scan) -> Scan {
        if self.scales(scan) { unspread(scan) } else { scan.clone() }
    }

    /// By which intervals counters were multiplied that were read so far, and of how many flows
    /// each: most flows first. A flow that is looked at twice for one answer counts once.
    pub fn scaled(&self) -> Vec<(u32, u64)> {
        let counts = self.tallies.iter().map(|tally| tally.counts().clone());
        let counts = counts.into_iter().find(|counts| !counts.is_empty()).unwrap_or_default();
        let mut counts: Vec<(u32, u64)> = counts.into_iter().collect();
        counts.sort_by_key(|&(_, flows)| Reverse(flows));
        counts
    }
}

impl Snapshot for ScaledSnapshot {
    fn regions(&self, scan: &Scan) -> Result<Vec<Box<dyn Region>>> {
        if !self.scales(scan) {
            return self.inside.regions(scan);
        }
        let columns = scan.columns;
        let read = Scan { columns: columns | Columns::of(&[Column::Source]), ..unspread(scan) };
        let wrap = |region| {
            let tally = Arc::clone(&self.tallies[usize::from(scan.again)]);
            Box::new(ScaledRegion { region, columns, tally }) as Box<dyn Region>
        };
        Ok(self.inside.regions(&read)?.into_iter().map(wrap).collect())
    }

    fn version(&self) -> Option<String> {
        self.inside.version()
    }

    fn plan(&self, scan: &Scan) -> Result<Plan> {
        let mut plan = self.inside.plan(&self.asked(scan))?;
        let compared = scan.predicate.as_ref().map_or(Columns::NONE, Predicate::columns);
        if self.scales(scan) && !(compared & COUNTERS).is_empty() {
            plan.notes.push(AS_EXPORTED.to_owned());
        }
        Ok(plan)
    }

    fn cuts(&self, scan: &Scan) -> Result<Vec<IpAddr>> {
        self.inside.cuts(scan)
    }

    fn counted(&self) -> Option<u64> {
        self.inside.counted()
    }

    fn size(&self) -> Result<Size> {
        self.inside.size()
    }

    fn days(&self) -> Result<Option<Vec<StoredDay>>> {
        self.inside.days()
    }

    fn summed(&self, scan: &Scan) -> (u64, u64) {
        self.inside.summed(&self.asked(scan))
    }

    fn may_be_sampled(&self) -> bool {
        self.inside.may_be_sampled()
    }
}

/// `scan`, of flows where it allows for shares of several: what is multiplied first is rounded
/// otherwise.
fn unspread(scan: &Scan) -> Scan {
    let rows = if matches!(scan.rows, Rows::Shares { .. }) { Rows::Flows } else { scan.rows };
    Scan { rows, ..scan.clone() }
}

struct ScaledRegion {
    region: Box<dyn Region>,
    /// What was asked for.
    columns: Columns,
    tally: Arc<Tally>,
}

impl Region for ScaledRegion {
    fn read(self: Box<Self>) -> FlowStream {
        let Self { region, columns, tally } = *self;
        Box::new(region.read().map(move |batch| {
            let mut batch = batch?;
            scale(&mut batch, &tally);
            Ok(batch.project(columns | Columns::of(&[Column::Flows])))
        }))
    }

    fn rows(&self) -> Option<u64> {
        self.region.rows()
    }
}

impl Tally {
    fn counts(&self) -> MutexGuard<'_, BTreeMap<u32, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Multiplies the counters of `batch`, and counts the rows of sources that sample.
fn scale(batch: &mut FlowBatch, tally: &Tally) {
    let factors: Vec<u64> =
        batch.sources.iter().map(|source| source.sampling.interval.max(1).into()).collect();
    if factors.iter().all(|&factor| factor == 1) {
        return;
    }
    for counters in [&mut batch.octets, &mut batch.packets] {
        // A column that was not asked for has no rows.
        for (counter, &source) in counters.iter_mut().zip(&batch.source) {
            let factor = factors.get(source as usize).copied().unwrap_or(1);
            *counter = counter.saturating_mul(factor);
        }
    }
    if !batch.extras.is_empty() {
        counted_elements::scale(batch, &factors);
    }
    let mut counts = tally.counts();
    let mut from = 0;
    for run in batch.source.chunk_by(PartialEq::eq) {
        let flows = batch.flows.of_rows(from..from + run.len()).sum::<u64>();
        from += run.len();
        let source = run.first().and_then(|&source| batch.sources.get(source as usize));
        let interval = source.map_or(0, |source| source.sampling.interval);
        let has_room = counts.len() < MAX_INTERVALS || counts.contains_key(&interval);
        if interval > 1 && has_room {
            *counts.entry(interval).or_default() += flows;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::{Family, FlowRecord, Origin, Sampling, Source};
    use crate::row::{NumberField, NumberSet};
    use crate::store::memory::MemoryStore;
    use crate::store::{Store, WriteBatch};

    /// A store of one flow for each interval: 10 octets in 2 packets.
    fn store(intervals: &[u32]) -> MemoryStore {
        let mut batch = WriteBatch::new();
        let source = |&interval: &u32| Source {
            exporter: [192, 0, 2, 1].into(),
            engine: 0,
            sampling: Sampling { mode: 0, interval },
        };
        batch.v4.sources = Arc::new(intervals.iter().map(source).collect());
        for (place, _) in intervals.iter().enumerate() {
            let flow = FlowRecord {
                octets: 10,
                packets: 2,
                src: [10, 0, 0, place as u8].into(),
                ..FlowBatch::new(Family::V4).record(0)
            };
            batch.v4.push(&flow, place as u32, Origin(place as u64));
        }
        let store = MemoryStore::default();
        let mut writer = store.writer().unwrap();
        writer.write(batch).unwrap();
        writer.commit().unwrap();
        store
    }

    fn octets(snapshot: &ScaledSnapshot, columns: Columns) -> Vec<(u64, u64)> {
        let scan = Scan { ordered: true, ..Scan::all(columns) };
        let mut found = Vec::new();
        for region in snapshot.regions(&scan).unwrap() {
            for batch in region.read() {
                let batch = batch.unwrap();
                assert_eq!(batch.source.is_empty(), !columns.contains(Column::Source));
                found.extend(batch.records().map(|flow| (flow.octets, flow.packets)));
            }
        }
        found
    }

    #[test]
    fn counters_are_multiplied_where_the_source_said_an_interval() {
        let snapshot = ScaledSnapshot::new(store(&[0, 1, 100, u32::MAX]).snapshot().unwrap());
        assert!(snapshot.scaled().is_empty());
        let all = [(10, 2), (10, 2), (1000, 200), (10 * 0xffff_ffff, 2 * 0xffff_ffff)];
        assert_eq!(octets(&snapshot, Columns::ALL), all);
        assert_eq!(snapshot.scaled(), [(100, 1), (u32::MAX, 1)]);
        let only = octets(&snapshot, Columns::of(&[Column::Octets]));
        assert_eq!(only, all.map(|(octets, _)| (octets, 0)));
    }

    #[test]
    fn a_plan_says_what_a_filter_compares() {
        let notes = |interval, field, columns| {
            let large = Predicate::Number(field, NumberSet::between(1000, u64::MAX));
            let snapshot = ScaledSnapshot::new(store(&[interval]).snapshot().unwrap());
            snapshot.plan(&Scan::all(columns).testing(large)).unwrap().notes
        };
        let [octets, port] = [Column::Octets, Column::DstPort].map(NumberField::Column);
        assert_eq!(notes(100, octets, COUNTERS), [AS_EXPORTED]);
        assert_eq!(notes(100, NumberField::PacketsPerSecond, COUNTERS), [AS_EXPORTED]);
        assert!(notes(100, port, COUNTERS).is_empty());
        assert!(notes(100, octets, Columns::of(&[Column::First])).is_empty());
    }

    #[test]
    fn nothing_is_told_where_nobody_samples() {
        let snapshot = ScaledSnapshot::new(store(&[0, 1]).snapshot().unwrap());
        assert_eq!(octets(&snapshot, COUNTERS), [(10, 2), (10, 2)]);
        assert!(snapshot.scaled().is_empty());
    }
}

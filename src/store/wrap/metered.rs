//! A store that counts what is asked of it, and how long that takes.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use serde::Serialize;

use super::Call;
use crate::flow::{DatagramId, FlowBatch, Names, Remembered, Topic, UnixMillis};
use crate::store::{
    Expired, FlowStream, Load, Plan, Region, Result, Scan, Size, Snapshot, Store, StoredDay,
    WatchLists, WriteBatch, Writer,
};

/// A store that carries out everything on the one inside, and counts.
#[derive(Debug, Clone)]
pub struct MeteredStore<S> {
    store: S,
    tallies: Arc<Tallies>,
}

/// The counters of a [`MeteredStore`], one set for each kind of call.
#[derive(Debug, Default)]
pub struct Tallies([Counters; Call::ALL.len()]);

#[derive(Debug, Default)]
struct Counters {
    calls: AtomicU64,
    failed: AtomicU64,
    flows: AtomicU64,
    nanos: AtomicU64,
}

/// What was counted of one kind of call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Tally {
    /// Calls.
    pub calls: u64,
    /// Calls among these that failed.
    pub failed: u64,
    /// Flows written, read or deleted by them.
    pub flows: u64,
    /// The time they took together. Calls side by side count each.
    pub seconds: f64,
}

impl<S: Store> MeteredStore<S> {
    /// `store`, with all counters at zero.
    pub fn new(store: S) -> Self {
        Self { store, tallies: Arc::default() }
    }

    /// The counters, which go on counting.
    pub fn tallies(&self) -> Arc<Tallies> {
        Arc::clone(&self.tallies)
    }
}

impl Tallies {
    /// What was counted of `call` up to now.
    pub fn of(&self, call: Call) -> Tally {
        let counters = &self.0[call as usize];
        Tally {
            calls: counters.calls.load(Relaxed),
            failed: counters.failed.load(Relaxed),
            flows: counters.flows.load(Relaxed),
            seconds: counters.nanos.load(Relaxed) as f64 / 1e9,
        }
    }

    /// Carries out `work`, which is a call of this kind; `flows` tells how many flows it moved.
    fn count<T>(
        &self,
        call: Call,
        flows: impl FnOnce(&T) -> usize,
        work: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let start = Instant::now();
        let result = work();
        let counters = &self.0[call as usize];
        counters.nanos.fetch_add(start.elapsed().as_nanos() as u64, Relaxed);
        counters.calls.fetch_add(1, Relaxed);
        match &result {
            Ok(done) => counters.flows.fetch_add(flows(done) as u64, Relaxed),
            Err(_) => counters.failed.fetch_add(1, Relaxed),
        };
        result
    }

    fn count_call<T>(&self, call: Call, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.count(call, |_| 0, work)
    }
}

impl<S: fmt::Display> fmt::Display for MeteredStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}

impl<S: Store> Store for MeteredStore<S> {
    fn snapshot(&self) -> Result<Box<dyn Snapshot>> {
        let snapshot = self.tallies.count_call(Call::Snapshot, || self.store.snapshot())?;
        Ok(Box::new(MeteredSnapshot { snapshot, tallies: self.tallies() }))
    }

    fn writer(&self) -> Result<Box<dyn Writer>> {
        let writer = self.tallies.count_call(Call::Writer, || self.store.writer())?;
        Ok(Box::new(MeteredWriter { writer, tallies: self.tallies() }))
    }

    fn loads(&self) -> Result<Vec<Load>> {
        self.tallies.count_call(Call::Loads, || self.store.loads())
    }

    fn names(&self) -> Result<Names> {
        self.tallies.count_call(Call::Names, || self.store.names())
    }

    fn remembered(&self, topic: Topic) -> Result<Remembered> {
        self.tallies.count_call(Call::Remembered, || self.store.remembered(topic))
    }

    fn expire(&self, before: UnixMillis, dry_run: bool) -> Result<Expired> {
        let flows = |expired: &Expired| expired.flows as usize;
        self.tallies.count(Call::Expire, flows, || self.store.expire(before, dry_run))
    }

    fn watch_lists(&self) -> Result<Box<dyn WatchLists + '_>> {
        self.store.watch_lists()
    }
}

struct MeteredWriter {
    writer: Box<dyn Writer>,
    tallies: Arc<Tallies>,
}

impl Writer for MeteredWriter {
    fn admit(&mut self, datagram: DatagramId) -> Result<bool> {
        self.tallies.count_call(Call::Admit, || self.writer.admit(datagram))
    }

    fn write(&mut self, batch: WriteBatch) -> Result<WriteBatch> {
        let flows = batch.len();
        self.tallies.count(Call::Write, |_| flows, || self.writer.write(batch))
    }

    fn commit(&mut self) -> Result<()> {
        self.tallies.count_call(Call::Commit, || self.writer.commit())
    }

    fn record(&mut self, load: &Load) -> Result<()> {
        self.tallies.count_call(Call::Record, || self.writer.record(load))
    }

    fn name(&mut self, names: &Names) -> Result<()> {
        self.tallies.count_call(Call::Name, || self.writer.name(names))
    }

    fn remember(&mut self, topic: Topic, memos: &Remembered) -> Result<()> {
        self.tallies.count_call(Call::Remember, || self.writer.remember(topic, memos))
    }

    fn take_hits(&mut self) -> u64 {
        self.writer.take_hits()
    }

    fn tidy(&mut self) {
        self.writer.tidy();
    }
}

struct MeteredSnapshot {
    snapshot: Box<dyn Snapshot>,
    tallies: Arc<Tallies>,
}

impl Snapshot for MeteredSnapshot {
    fn regions(&self, scan: &Scan) -> Result<Vec<Box<dyn Region>>> {
        let regions = self.tallies.count_call(Call::Regions, || self.snapshot.regions(scan))?;
        let wrap = |region| {
            Box::new(MeteredRegion { region, tallies: Arc::clone(&self.tallies) })
                as Box<dyn Region>
        };
        Ok(regions.into_iter().map(wrap).collect())
    }

    fn version(&self) -> Option<String> {
        self.snapshot.version()
    }

    fn is_in_order(&self, scan: &Scan) -> bool {
        self.snapshot.is_in_order(scan)
    }

    fn plan(&self, scan: &Scan) -> Result<Plan> {
        self.tallies.count_call(Call::Plan, || self.snapshot.plan(scan))
    }

    fn cuts(&self, scan: &Scan) -> Result<Vec<IpAddr>> {
        self.snapshot.cuts(scan)
    }

    fn counted(&self) -> Option<u64> {
        self.snapshot.counted()
    }

    fn size(&self) -> Result<Size> {
        self.snapshot.size()
    }

    fn days(&self) -> Result<Option<Vec<StoredDay>>> {
        self.snapshot.days()
    }

    fn summed(&self, scan: &Scan) -> (u64, u64) {
        self.snapshot.summed(scan)
    }
}

struct MeteredRegion {
    region: Box<dyn Region>,
    tallies: Arc<Tallies>,
}

impl Region for MeteredRegion {
    fn read(self: Box<Self>) -> FlowStream {
        let Self { region, tallies } = *self;
        let mut batches = region.read();
        Box::new(std::iter::from_fn(move || {
            // The end of a region is no batch, and is not counted.
            let start = Instant::now();
            let batch = batches.next()?;
            let waited = start.elapsed().as_nanos() as u64;
            tallies.0[Call::Read as usize].nanos.fetch_add(waited, Relaxed);
            Some(tallies.count(Call::Read, FlowBatch::len, || batch))
        }))
    }

    fn rows(&self) -> Option<u64> {
        self.region.rows()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Columns;
    use crate::store::conformance;
    use crate::store::memory::MemoryStore;
    use crate::store::wrap::{Fault, FaultStore};

    #[test]
    fn a_metered_store_does_what_every_store_must() {
        conformance::all(&|| Box::new(MeteredStore::new(MemoryStore::default())));
    }

    #[test]
    fn it_counts_calls_failures_flows_and_time() {
        let faulty = FaultStore::new(MemoryStore::default(), [Fault::Before(Call::Commit, 2)]);
        let store = MeteredStore::new(faulty);
        let tallies = store.tallies();
        conformance::write_sample(&store, 70);
        let mut writer = store.writer().unwrap();
        writer.commit().unwrap_err();
        let snapshot = store.snapshot().unwrap();
        for region in snapshot.regions(&Scan::all(Columns::NONE)).unwrap() {
            region.read().for_each(drop);
        }
        let counted = |call| {
            let tally = tallies.of(call);
            (tally.calls, tally.failed, tally.flows)
        };
        for (call, expected) in [
            (Call::Writer, (2, 0, 0)),
            (Call::Admit, (3, 0, 0)),
            (Call::Write, (1, 0, 70)),
            (Call::Commit, (2, 1, 0)),
            (Call::Snapshot, (1, 0, 0)),
            (Call::Regions, (1, 0, 0)),
            (Call::Loads, (0, 0, 0)),
        ] {
            assert_eq!(counted(call), expected, "{call:?}");
        }
        assert_eq!(tallies.of(Call::Read).flows, 70);
        assert!(tallies.of(Call::Write).seconds > 0.0);
    }
}

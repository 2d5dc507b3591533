//! A store that fails when it is told to, so that tests see what its callers make of it.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::Call;
use crate::flow::{DatagramId, Names, Remembered, Topic, UnixMillis};
use crate::store::{
    Expired, FlowStream, Load, Plan, Region, Result, Scan, Size, Snapshot, Store, StoreError,
    StoredDay, WatchLists, WriteBatch, Writer,
};

/// A failure to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The n-th call of a kind, counted from 1, fails and is not carried out.
    Before(Call, u64),
    /// The n-th call of a kind fails after it was carried out: an answer that was lost.
    After(Call, u64),
    /// The n-th call of a kind panics, as a mistake in a store would have it.
    Panic(Call, u64),
    /// Writes fail that would bring the flows written above this number, as on a full disk.
    Full(u64),
}

/// A store that carries out what it is asked for on the one inside, but for its faults.
#[derive(Debug, Clone)]
pub struct FaultStore<S> {
    store: S,
    faults: Arc<Faults>,
}

/// The faults of a [`FaultStore`], and what it was asked for so far.
#[derive(Debug, Default)]
pub struct Faults {
    wanted: Vec<Fault>,
    calls: [AtomicU64; Call::ALL.len()],
    flows: AtomicU64,
    met: AtomicU64,
}

impl<S: Store> FaultStore<S> {
    /// `store` with these faults.
    pub fn new(store: S, faults: impl Into<Vec<Fault>>) -> Self {
        let faults = Faults { wanted: faults.into(), ..Faults::default() };
        Self { store, faults: Arc::new(faults) }
    }

    /// The faults, for asking later what became of them.
    pub fn faults(&self) -> Arc<Faults> {
        Arc::clone(&self.faults)
    }
}

impl Faults {
    /// How often this kind of call was made.
    pub fn calls(&self, call: Call) -> u64 {
        self.calls[call as usize].load(Relaxed)
    }

    /// How many calls failed because a fault said so.
    pub fn met(&self) -> u64 {
        self.met.load(Relaxed)
    }

    /// Carries out `work`, which is a call of this kind, but for the faults.
    fn pass<T>(&self, call: Call, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let nth = self.calls[call as usize].fetch_add(1, Relaxed) + 1;
        if self.wanted.contains(&Fault::Before(call, nth)) {
            return Err(self.injected(call));
        }
        self.panic_at(call, nth);
        let done = work()?;
        if self.wanted.contains(&Fault::After(call, nth)) {
            return Err(self.injected(call));
        }
        Ok(done)
    }

    #[expect(clippy::panic, reason = "that is what it is told to do")]
    fn panic_at(&self, call: Call, nth: u64) {
        if self.wanted.contains(&Fault::Panic(call, nth)) {
            self.met.fetch_add(1, Relaxed);
            panic!("a panic that was asked for");
        }
    }

    /// Whether so many more flows find room.
    fn room_for(&self, flows: u64) -> Result<()> {
        let before = self.flows.fetch_add(flows, Relaxed);
        let full = |fault: &Fault| matches!(fault, Fault::Full(most) if before + flows > *most);
        if self.wanted.iter().any(full) {
            self.flows.fetch_sub(flows, Relaxed);
            return Err(self.injected(Call::Write));
        }
        Ok(())
    }

    fn injected(&self, call: Call) -> StoreError {
        self.met.fetch_add(1, Relaxed);
        StoreError::Injected { at: call.name() }
    }
}

impl<S: fmt::Display> fmt::Display for FaultStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}

impl<S: Store> Store for FaultStore<S> {
    fn snapshot(&self) -> Result<Box<dyn Snapshot>> {
        let snapshot = self.faults.pass(Call::Snapshot, || self.store.snapshot())?;
        Ok(Box::new(FaultSnapshot { snapshot, faults: self.faults() }))
    }

    fn writer(&self) -> Result<Box<dyn Writer>> {
        let writer = self.faults.pass(Call::Writer, || self.store.writer())?;
        Ok(Box::new(FaultWriter { writer, faults: self.faults() }))
    }

    fn loads(&self) -> Result<Vec<Load>> {
        self.faults.pass(Call::Loads, || self.store.loads())
    }

    fn names(&self) -> Result<Names> {
        self.faults.pass(Call::Names, || self.store.names())
    }

    fn remembered(&self, topic: Topic) -> Result<Remembered> {
        self.faults.pass(Call::Remembered, || self.store.remembered(topic))
    }

    fn expire(&self, before: UnixMillis, dry_run: bool) -> Result<Expired> {
        self.faults.pass(Call::Expire, || self.store.expire(before, dry_run))
    }

    fn watch_lists(&self) -> Result<Box<dyn WatchLists + '_>> {
        self.store.watch_lists()
    }
}

struct FaultWriter {
    writer: Box<dyn Writer>,
    faults: Arc<Faults>,
}

impl Writer for FaultWriter {
    fn admit(&mut self, datagram: DatagramId) -> Result<bool> {
        self.faults.pass(Call::Admit, || self.writer.admit(datagram))
    }

    fn write(&mut self, batch: WriteBatch) -> Result<WriteBatch> {
        let flows = batch.len() as u64;
        let faults = &self.faults;
        faults.pass(Call::Write, || {
            faults.room_for(flows)?;
            self.writer.write(batch)
        })
    }

    fn commit(&mut self) -> Result<()> {
        self.faults.pass(Call::Commit, || self.writer.commit())
    }

    fn record(&mut self, load: &Load) -> Result<()> {
        self.faults.pass(Call::Record, || self.writer.record(load))
    }

    fn name(&mut self, names: &Names) -> Result<()> {
        self.faults.pass(Call::Name, || self.writer.name(names))
    }

    fn remember(&mut self, topic: Topic, memos: &Remembered) -> Result<()> {
        self.faults.pass(Call::Remember, || self.writer.remember(topic, memos))
    }

    fn take_hits(&mut self) -> u64 {
        self.writer.take_hits()
    }

    fn tidy(&mut self) {
        self.writer.tidy();
    }
}

struct FaultSnapshot {
    snapshot: Box<dyn Snapshot>,
    faults: Arc<Faults>,
}

impl Snapshot for FaultSnapshot {
    fn regions(&self, scan: &Scan) -> Result<Vec<Box<dyn Region>>> {
        let regions = self.faults.pass(Call::Regions, || self.snapshot.regions(scan))?;
        let wrap = |region| {
            Box::new(FaultRegion { region, faults: Arc::clone(&self.faults) }) as Box<dyn Region>
        };
        Ok(regions.into_iter().map(wrap).collect())
    }

    fn is_in_order(&self, scan: &Scan) -> bool {
        self.snapshot.is_in_order(scan)
    }

    fn plan(&self, scan: &Scan) -> Result<Plan> {
        self.faults.pass(Call::Plan, || self.snapshot.plan(scan))
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

struct FaultRegion {
    region: Box<dyn Region>,
    faults: Arc<Faults>,
}

impl Region for FaultRegion {
    fn read(self: Box<Self>) -> FlowStream {
        let Self { region, faults } = *self;
        let batches = region.read().map(move |batch| faults.pass(Call::Read, || batch));
        // After an error nothing follows.
        Box::new(batches.scan(false, |failed, batch| {
            if *failed {
                return None;
            }
            *failed = batch.is_err();
            Some(batch)
        }))
    }

    fn rows(&self) -> Option<u64> {
        self.region.rows()
    }
}

#[cfg(test)]
mod tests;

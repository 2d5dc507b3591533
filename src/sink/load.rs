//! What takes the place of a store where captures are loaded straight into another place.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Written;
use crate::flow::{DatagramId, FlowRecord, Names, Origin, Remembered, Topic};
use crate::store::{Load, Result, WriteBatch, Writer};

/// So many datagrams of a load are remembered; the flows of one that comes again later are known by
/// what the place has of them.
const MAX_REMEMBERED: usize = 4_000_000;

/// A way to another place, for flows one by one.
pub(super) trait Outlet: Send {
    /// Takes a flow. What it meets may be told by a later call.
    fn push(&mut self, flow: &FlowRecord, extras: &[u8], origin: Origin) -> Result<()>;

    /// Waits until all that was taken is there.
    fn flush(&mut self) -> Result<()>;

    /// What became of the flows up to now, also when not all is well.
    fn written(&self) -> Written;
}

/// What became of the flows of all loads into one place.
#[derive(Clone, Default)]
pub(super) struct Account(Arc<Mutex<Written>>);

impl Account {
    fn lock(&self) -> MutexGuard<'_, Written> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn written(&self) -> Written {
        self.lock().clone()
    }
}

/// Writes to an outlet. Nothing is kept beside the flows: no ledger, no names, no memos.
pub(super) struct LoadWriter<O> {
    outlet: O,
    /// The place's name in messages.
    place: String,
    account: Account,
    /// What earlier writers wrote.
    before: Written,
    seen: HashSet<DatagramId>,
}

impl<O: Outlet> LoadWriter<O> {
    pub(super) fn new(outlet: O, place: String, account: &Account) -> Self {
        let (account, before) = (account.clone(), account.written());
        Self { outlet, place, account, before, seen: HashSet::new() }
    }

    /// Tells what became of the flows up to now.
    fn tell(&self) {
        let mut written = self.before.clone();
        written.merge(&self.outlet.written());
        let retries = written.retries - self.account.written().retries;
        *self.account.lock() = written;
        if retries > 0 {
            tracing::info!("{}: sent again {retries} times", self.place);
        }
    }
}

impl<O: Outlet> Writer for LoadWriter<O> {
    fn admit(&mut self, datagram: DatagramId) -> Result<bool> {
        if self.seen.len() >= MAX_REMEMBERED {
            self.seen.clear();
        }
        Ok(self.seen.insert(datagram))
    }

    fn write(&mut self, mut batch: WriteBatch) -> Result<WriteBatch> {
        for flows in [&batch.v4, &batch.v6] {
            for (row, (flow, &origin)) in flows.records().zip(&flows.origin).enumerate() {
                self.outlet.push(&flow, flows.extras.get(row), origin)?;
            }
        }
        batch.clear();
        Ok(batch)
    }

    fn commit(&mut self) -> Result<()> {
        let flushed = self.outlet.flush();
        self.tell();
        flushed
    }

    fn record(&mut self, _load: &Load) -> Result<()> {
        Ok(())
    }

    fn name(&mut self, _names: &Names) -> Result<()> {
        Ok(())
    }

    fn remember(&mut self, _topic: Topic, _memos: &Remembered) -> Result<()> {
        Ok(())
    }
}

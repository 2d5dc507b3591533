//! The writing end: rows sorted by key, written over several connections at once.

use std::collections::HashSet;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use hbase_thrift::Attributes;
use hbase_thrift::hbase::THbaseSyncClient;

use super::gateways::{Gateways, Session};
use super::tables::{self, Layout, Tables, mutation};
use super::{cell, ledger};
use crate::flow::{DatagramId, Family, FlowBatch};
use crate::netflow::Names;
use crate::row::{Order, RowKey, V4_KEY_BYTES, V6_KEY_BYTES};
use crate::store::{Load, Result, StoreError, WriteBatch, Writer};

/// Rows of one call: enough that the way there and back does not count.
const CALL_ROWS: usize = 2_000;
/// Bytes of one call, or a little more: a gateway with frames takes 2 MB.
const CALL_BYTES: usize = 1 << 20;
/// What a row takes of a call beside its extras, at most.
const ROW_BYTES: usize = 256;
/// Datagrams of this load that are remembered. One that is met again after more than these is
/// written again, which changes nothing but the count.
const REMEMBERED_DATAGRAMS: usize = 1 << 20;

/// Hands batches to workers, each with a connection of its own.
pub(super) struct HbaseWriter {
    gateways: Gateways,
    session: Session,
    orders: Vec<Order>,
    seen: HashSet<DatagramId>,
    jobs: Option<SyncSender<Job>>,
    state: Arc<State>,
    workers: Vec<JoinHandle<()>>,
}

/// Some rows of a batch, to be written to the table in `order`.
struct Job {
    batch: Arc<WriteBatch>,
    family: Family,
    order: Order,
    rows: Vec<u32>,
}

/// How the jobs stand.
#[derive(Default)]
struct State {
    open: Mutex<Open>,
    changed: Condvar,
}

#[derive(Default)]
struct Open {
    /// Jobs that are not done.
    jobs: usize,
    /// Whether one failed; what comes after it is left undone.
    failed: bool,
    /// Why, until somebody was told.
    failure: Option<StoreError>,
}

impl HbaseWriter {
    pub(super) fn open(gateways: &Gateways, layout: &Layout, connections: usize) -> Result<Self> {
        let (jobs, to_do) = sync_channel(connections);
        let to_do = Arc::new(Mutex::new(to_do));
        let state = Arc::<State>::default();
        let workers = (0..connections)
            .map(|_| {
                let (gateways, to_do, state) =
                    (gateways.clone(), Arc::clone(&to_do), Arc::clone(&state));
                std::thread::Builder::new()
                    .name("hbase-writer".into())
                    .spawn(move || work(&gateways, &to_do, &state))
                    .map_err(StoreError::io("a thread".as_ref(), "start"))
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            session: gateways.session(),
            gateways: gateways.clone(),
            orders: layout.orders.clone(),
            seen: HashSet::new(),
            jobs: Some(jobs),
            state,
            workers,
        })
    }

    /// # Errors
    ///
    /// What a job met.
    fn check(&self) -> Result<()> {
        let mut open = self.state.lock();
        match (open.failure.take(), open.failed) {
            (Some(failure), _) => Err(failure),
            (None, true) => Err(StoreError::refused(
                self.gateways.location().to_string(),
                "write",
                "an earlier batch could not be written".to_owned(),
            )),
            (None, false) => Ok(()),
        }
    }

    fn send(&self, job: Job) -> Result<()> {
        self.check()?;
        self.state.lock().jobs += 1;
        // The workers live as long as this does.
        let _ = self.jobs.as_ref().map(|jobs| jobs.send(job));
        Ok(())
    }
}

impl Writer for HbaseWriter {
    fn admit(&mut self, datagram: DatagramId) -> Result<bool> {
        if self.seen.len() >= REMEMBERED_DATAGRAMS {
            self.seen.clear();
        }
        Ok(self.seen.insert(datagram))
    }

    fn write(&mut self, batch: WriteBatch) -> Result<WriteBatch> {
        self.check()?;
        let batch = Arc::new(batch);
        for (family, flows) in [(Family::V4, &batch.v4), (Family::V6, &batch.v6)] {
            for &order in &self.orders {
                for rows in calls(flows, &in_key_order(flows, order)) {
                    let (batch, rows) = (Arc::clone(&batch), rows.to_vec());
                    self.send(Job { batch, family, order, rows })?;
                }
            }
        }
        Ok(WriteBatch::new())
    }

    fn commit(&mut self) -> Result<()> {
        let mut open = self.state.lock();
        while open.jobs > 0 {
            open = self.state.changed.wait(open).unwrap_or_else(PoisonError::into_inner);
        }
        drop(open);
        self.check()
    }

    fn record(&mut self, load: &Load) -> Result<()> {
        ledger::record(&self.gateways, &mut self.session, load)
    }

    fn name(&mut self, names: &Names) -> Result<()> {
        ledger::name(&self.gateways, &mut self.session, names)
    }
}

impl Drop for HbaseWriter {
    fn drop(&mut self) {
        // What was not committed need not be written.
        self.state.lock().failed = true;
        self.jobs = None;
        for worker in self.workers.drain(..) {
            // A panic there was told on its own thread.
            let _ = worker.join();
        }
    }
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn done(&self, result: Result<()>) {
        let mut open = self.lock();
        open.jobs -= 1;
        if let Err(error) = result {
            open.failed = true;
            open.failure.get_or_insert(error);
        }
        self.changed.notify_all();
    }
}

fn work(gateways: &Gateways, jobs: &Mutex<Receiver<Job>>, state: &State) {
    let tables = Tables::of(gateways);
    let mut session = gateways.session();
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        let mut result = Ok(());
        if !state.lock().failed {
            let table = tables.flows(job.order);
            result = write(&mut session, &table, &job).map_err(|error| match error {
                StoreError::Unreachable { .. } => {
                    tables::refuse_disabled(gateways, &mut session, &table).err().unwrap_or(error)
                }
                error => error,
            });
        }
        drop(job);
        state.done(result);
    }
}

fn write(session: &mut Session, table: &str, job: &Job) -> Result<()> {
    let flows = match job.family {
        Family::V4 => &job.batch.v4,
        Family::V6 => &job.batch.v6,
    };
    session.call("write", |gateway| {
        let rows = job
            .rows
            .iter()
            .map(|&row| {
                let row = row as usize;
                let mut key = Vec::with_capacity(V6_KEY_BYTES);
                key_at(flows, row, job.order).encode(&mut key);
                let mut value = Vec::with_capacity(80);
                cell::encode(flows, row, &mut value);
                mutation(key, value)
            })
            .collect();
        gateway.client().mutate_rows(table.into(), rows, Attributes::new())
    })
}

fn key_at(flows: &FlowBatch, row: usize, order: Order) -> RowKey {
    let (src, dst) = (flows.src.get(row), flows.dst.get(row));
    let (lead, other) = match order {
        Order::Src => (src, dst),
        Order::Dst => (dst, src),
    };
    let first = crate::flow::UnixMillis(flows.first_ms[row]);
    RowKey { lead, first, other, origin: flows.origin[row] }
}

/// The rows of each call, in their order.
fn calls<'a>(flows: &FlowBatch, rows: &'a [u32]) -> impl Iterator<Item = &'a [u32]> {
    let mut rest = rows;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fit = rest.iter().take(CALL_ROWS).take_while(|&&row| {
            let room = bytes < CALL_BYTES;
            bytes += ROW_BYTES + flows.extras.get(row as usize).len();
            room
        });
        let (call, after) = rest.split_at(fit.count());
        rest = after;
        (!call.is_empty()).then_some(call)
    })
}

/// The rows of `flows` in the order of their keys: neighbours go to one region in one call.
fn in_key_order(flows: &FlowBatch, order: Order) -> Vec<u32> {
    let key_bytes = match flows.family() {
        Family::V4 => V4_KEY_BYTES,
        Family::V6 => V6_KEY_BYTES,
    };
    let mut keys = Vec::with_capacity(flows.len() * key_bytes);
    for row in 0..flows.len() {
        key_at(flows, row, order).encode(&mut keys);
    }
    let mut rows: Vec<u32> = (0..flows.len() as u32).collect();
    rows.sort_unstable_by_key(|&row| &keys[row as usize * key_bytes..][..key_bytes]);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_bounded_by_rows_and_by_bytes() {
        let mut flows = FlowBatch::new(Family::V4);
        let rows: Vec<u32> = (0..5000).collect();
        let sizes = |flows: &FlowBatch| calls(flows, &rows).map(<[u32]>::len).collect::<Vec<_>>();
        assert_eq!(sizes(&flows), [2000, 2000, 1000]);
        for row in 0..5000 {
            flows.extras.set(row, &[0; 1000]);
        }
        let long = sizes(&flows);
        assert_eq!(long.iter().sum::<usize>(), 5000);
        assert!(
            long.iter().all(|&rows| rows * (ROW_BYTES + 1000) <= CALL_BYTES + 2000),
            "{long:?}"
        );
    }
}

//! The writing end: rows sorted by key, written over several connections at once.

use std::collections::HashSet;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use hbase_thrift::Attributes;
use hbase_thrift::hbase::THbaseSyncClient;

use super::gateways::{Gateways, Session};
use super::order::{in_key_order, in_nat_order, key_at, nat_key_at};
use super::tables::{self, Layout, Tables, mutation};
use super::watchlists::Looking;
use super::{cell, ledger, schema};
use crate::flow::{DatagramId, Family, FlowBatch, Names, NatLead, Remembered, Topic};
use crate::row::{MAX_KEY_BYTES, Order};
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
    nat: NatTable,
    /// Looks at what is written, where there may be watch lists.
    looking: Option<Looking>,
    seen: HashSet<DatagramId>,
    jobs: Option<SyncSender<Job>>,
    state: Arc<State>,
    workers: Vec<JoinHandle<()>>,
}

/// The table of flows behind a NAT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NatTable {
    There,
    /// It is made when the first such flow comes; `is_new` where no flow was written before.
    Missing {
        is_new: bool,
    },
}

/// What a worker is to do.
struct Job {
    rows: CallRows,
    open: OpenJob,
}

/// Some rows of a batch, to be written to the table in `order`.
struct CallRows {
    batch: Arc<WriteBatch>,
    family: Family,
    order: Order,
    places: Vec<u32>,
    /// What leads them in the order of addresses behind a NAT; none in other orders.
    leads: Vec<NatLead>,
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

/// A job that counts as not done as long as this lives. Where it goes before it was said how the job
/// ended, in a panic or in a queue that nobody reads, the job failed.
struct OpenJob {
    state: Arc<State>,
    ended: bool,
}

impl OpenJob {
    fn new(state: &Arc<State>) -> Self {
        state.lock().jobs += 1;
        Self { state: Arc::clone(state), ended: false }
    }

    fn end(mut self, result: Result<()>) {
        if let Err(error) = result {
            let mut open = self.state.lock();
            open.failed = true;
            open.failure.get_or_insert(error);
        }
        self.ended = true;
    }
}

impl Drop for OpenJob {
    fn drop(&mut self) {
        let mut open = self.state.lock();
        open.jobs -= 1;
        open.failed |= !self.ended;
        self.state.changed.notify_all();
    }
}

impl HbaseWriter {
    pub(super) fn open(gateways: &Gateways, layout: &Layout, connections: usize) -> Result<Self> {
        let nat = match (layout.nat, layout.orders.first()) {
            (None, Some(&order)) => {
                let first = Tables::of(gateways).flows(order);
                let is_new = tables::is_empty(&mut gateways.session(), &first)?;
                NatTable::Missing { is_new }
            }
            _ => NatTable::There,
        };
        let mut writer = Self::open_with(gateways, (layout, nat), connections, write)?;
        writer.looking = Some(Looking::open(gateways)?);
        Ok(writer)
    }

    /// As [`Self::open`]; rows are written by `write`.
    fn open_with(
        gateways: &Gateways,
        (layout, nat): (&Layout, NatTable),
        connections: usize,
        write: impl Fn(&mut Session, &str, &CallRows) -> Result<()> + Copy + Send + 'static,
    ) -> Result<Self> {
        let (jobs, to_do) = sync_channel(connections);
        let to_do = Arc::new(Mutex::new(to_do));
        let state = Arc::<State>::default();
        let workers = (0..connections)
            .map(|_| {
                let (gateways, to_do) = (gateways.clone(), Arc::clone(&to_do));
                std::thread::Builder::new()
                    .name("hbase-writer".into())
                    .spawn(move || work(&gateways, &to_do, write))
                    .map_err(StoreError::Thread)
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            session: gateways.session(),
            gateways: gateways.clone(),
            orders: layout.orders.clone(),
            nat,
            looking: None,
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
                "not all of it was written".to_owned(),
            )),
            (None, false) => Ok(()),
        }
    }

    /// Writes the flows of `family` that are behind a NAT in the order of their addresses there.
    fn write_by_nat(&mut self, batch: &Arc<WriteBatch>, family: Family) -> Result<()> {
        let flows = of_family(batch, family);
        let (mut leads, rows) = in_nat_order(flows);
        if let (NatTable::Missing { is_new }, false) = (self.nat, rows.is_empty()) {
            schema::ensure_nat(&self.gateways, &mut self.session, is_new)?;
            self.nat = NatTable::There;
        }
        for rows in calls(flows, &rows) {
            let later = leads.split_off(rows.len());
            let (batch, places, order) = (Arc::clone(batch), rows.to_vec(), Order::Nat);
            self.send(CallRows { batch, family, order, places, leads })?;
            leads = later;
        }
        Ok(())
    }

    fn send(&self, rows: CallRows) -> Result<()> {
        self.check()?;
        let job = Job { rows, open: OpenJob::new(&self.state) };
        // Where no worker is left, the job goes, and says that it was not done.
        match self.jobs.as_ref().map(|jobs| jobs.send(job)) {
            Some(Ok(())) => Ok(()),
            _ => self.check(),
        }
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
        if let Some(looking) = &mut self.looking {
            looking.look(&batch)?;
        }
        let batch = Arc::new(batch);
        for family in Family::ALL {
            let flows = of_family(&batch, family);
            for &order in &self.orders {
                for rows in calls(flows, &in_key_order(flows, order)) {
                    let (batch, places) = (Arc::clone(&batch), rows.to_vec());
                    self.send(CallRows { batch, family, order, places, leads: Vec::new() })?;
                }
            }
            self.write_by_nat(&batch, family)?;
        }
        Ok(WriteBatch::new())
    }

    fn commit(&mut self) -> Result<()> {
        let mut open = self.state.lock();
        while open.jobs > 0 {
            open = self.state.changed.wait(open).unwrap_or_else(PoisonError::into_inner);
        }
        drop(open);
        self.check()?;
        self.looking.as_mut().map_or(Ok(()), Looking::catch_up)
    }

    fn take_hits(&mut self) -> u64 {
        self.looking.as_mut().map_or(0, |looking| std::mem::take(&mut looking.hits))
    }

    fn record(&mut self, load: &Load) -> Result<()> {
        ledger::record(&self.gateways, &mut self.session, load)
    }

    fn name(&mut self, names: &Names) -> Result<()> {
        ledger::name(&self.gateways, &mut self.session, names)
    }

    fn remember(&mut self, topic: Topic, memos: &Remembered) -> Result<()> {
        ledger::remember(&self.gateways, &mut self.session, topic, memos)
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
}

fn work(
    gateways: &Gateways,
    jobs: &Mutex<Receiver<Job>>,
    write: impl Fn(&mut Session, &str, &CallRows) -> Result<()>,
) {
    let tables = Tables::of(gateways);
    let mut session = gateways.session();
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { rows, open }) = job else { return };
        let mut result = Ok(());
        if !open.state.lock().failed {
            let table = tables.flows(rows.order);
            result = write(&mut session, &table, &rows).map_err(|error| match error {
                StoreError::Unreachable { .. } => {
                    tables::refuse_disabled(gateways, &mut session, &table).err().unwrap_or(error)
                }
                error => error,
            });
        }
        drop(rows);
        open.end(result);
    }
}

fn write(session: &mut Session, table: &str, rows: &CallRows) -> Result<()> {
    let CallRows { batch, family, order, places, leads } = rows;
    let flows = of_family(batch, *family);
    session.call("write", |gateway| {
        let rows = places
            .iter()
            .enumerate()
            .map(|(place, &row)| {
                let row = row as usize;
                let mut key = Vec::with_capacity(MAX_KEY_BYTES);
                match leads.get(place) {
                    Some(&lead) => nat_key_at(flows, row, lead).encode(&mut key),
                    None => key_at(flows, row, *order).encode(&mut key),
                }
                let mut value = Vec::with_capacity(80);
                cell::encode(flows, row, &mut value);
                mutation(key, value)
            })
            .collect();
        gateway.client().mutate_rows(table.into(), rows, Attributes::new())
    })
}

fn of_family(batch: &WriteBatch, family: Family) -> &FlowBatch {
    match family {
        Family::V4 => &batch.v4,
        Family::V6 => &batch.v6,
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance::sample_batch;
    use crate::store::hbase::gateways::Patience;
    use std::time::Duration;

    /// A writer of so many workers that never reach a server, but `write`.
    fn writer(
        connections: usize,
        write: impl Fn(&mut Session, &str, &CallRows) -> Result<()> + Copy + Send + 'static,
    ) -> HbaseWriter {
        let patience = Patience { answer: Duration::ZERO, recovery: Duration::ZERO };
        let gateways = Gateways::new("hbase://127.0.0.1:1".parse().unwrap(), patience);
        let layout = Layout::new(Order::ALL.to_vec(), None);
        HbaseWriter::open_with(&gateways, (&layout, NatTable::There), connections, write).unwrap()
    }

    #[test]
    fn a_worker_that_panics_fails_the_commit_and_is_not_waited_for() {
        for connections in [1, 3] {
            let mut writer = writer(connections, |_, _, rows| {
                assert!(rows.order == Order::Src, "an injected panic");
                Ok(())
            });
            // Written, or refused as soon as a worker is gone: but never for good in silence.
            let _ = writer.write(sample_batch(1, 10_000));
            let error = writer.commit().unwrap_err();
            assert!(error.to_string().ends_with("write: not all of it was written"), "{error}");
            let again = (0..50).find_map(|number| writer.write(sample_batch(number, 10)).err());
            assert!(again.is_some() && writer.commit().is_err());
        }
    }

    #[test]
    fn what_a_job_met_is_told_once_and_what_was_written_is_done() {
        let mut sound = writer(2, |_, _, _| Ok(()));
        sound.write(sample_batch(1, 5_000)).unwrap();
        sound.commit().unwrap();
        let mut failing = writer(2, |_, _, _| Err(StoreError::Injected { at: "write" }));
        let _ = failing.write(sample_batch(1, 1));
        let met = |error: &StoreError| matches!(error, StoreError::Injected { .. });
        let errors = [failing.commit().unwrap_err(), failing.commit().unwrap_err()];
        assert!(errors.iter().filter(|error| met(error)).count() <= 1, "{errors:?}");
    }

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

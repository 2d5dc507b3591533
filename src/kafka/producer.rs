//! Messages to a topic.

use std::mem::take;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use rskafka::client::partition::{Compression, PartitionClient};
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::batch::Batch;
use super::connection::{Cluster, runtime, within};
use super::error::KafkaError;
use super::location::Location;
use super::options::Options;
use super::partition::partition_of;
use super::patience::Patience;
use super::trouble::Trouble;

/// A batch has about so many bytes, which are fewer than any broker takes unless it is told otherwise:
/// a message and what a topic does with it have room beside them.
const MAX_BATCH_BYTES: usize = 512 << 10;
const MIN_BATCH_BYTES: usize = 16 << 10;
/// All batches together have about so many. Of a partition one is filled, one waits and one is sent.
const MAX_BYTES: usize = 96 << 20;

/// Sends messages, in the order in which they come where they go to one partition. A broker
/// acknowledges each when all replicas have it that are in sync.
pub struct Producer {
    shared: Arc<Shared>,
    queues: Vec<Queue>,
    batch_bytes: usize,
    runtime: Option<Runtime>,
}

/// What was sent, and acknowledged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sent {
    /// Messages.
    pub messages: u64,
    /// Their bytes, before they were compressed.
    pub bytes: u64,
    /// Batches that were sent once more, as nobody said what became of them.
    pub retries: u64,
}

/// The way to a partition.
struct Queue {
    batch: Batch,
    to: Sender<Batch>,
}

/// What all partitions share.
struct Shared {
    cluster: Cluster,
    stop: Arc<AtomicBool>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    sent: Sent,
    /// Batches that are on their way.
    under_way: usize,
    error: Option<KafkaError>,
    failed: bool,
}

impl Producer {
    /// Finds the partitions of the topic at `location`. `stop` ends everything.
    ///
    /// # Errors
    ///
    /// [`KafkaError`] if no broker answers, or there is no such topic.
    pub fn open(
        location: Location,
        options: &Options,
        stop: Arc<AtomicBool>,
    ) -> Result<Self, KafkaError> {
        let cluster = Cluster::new(location, options)?;
        let runtime = runtime()?;
        let opened = runtime.block_on(async {
            let client = cluster.connect().await?;
            cluster.partitions(&client).await
        });
        let partitions = opened.map_err(|trouble| trouble.error(&cluster.location, "open"))?;
        let batch_bytes = MAX_BYTES / 3 / partitions.len().max(1);
        let shared =
            Arc::new(Shared { cluster, stop, state: Mutex::default(), changed: Condvar::new() });
        let queue = |partition: i32| {
            let (to, batches) = channel(1);
            runtime.spawn(work(Arc::clone(&shared), partition, batches));
            Queue { batch: Batch::default(), to }
        };
        Ok(Self {
            queues: partitions.into_iter().map(queue).collect(),
            shared,
            batch_bytes: batch_bytes.clamp(MIN_BATCH_BYTES, MAX_BATCH_BYTES),
            runtime: Some(runtime),
        })
    }

    /// Takes a message whose value `write` appends; those with one key go to one partition. The header
    /// says by `id` whose record it is.
    ///
    /// # Errors
    ///
    /// What an earlier one met.
    pub fn push(
        &mut self,
        key: &[u8],
        id: u64,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), KafkaError> {
        let partitions = u32::try_from(self.queues.len()).unwrap_or(u32::MAX);
        let at = partition_of(key, partitions) as usize;
        let Some(queue) = self.queues.get_mut(at) else { return Ok(()) };
        queue.batch.push(key, id, write);
        if queue.batch.is_full(self.batch_bytes) {
            self.shared.pass_on(queue)?;
        }
        Ok(())
    }

    /// Waits until all that was taken is acknowledged, and says how much that was.
    ///
    /// # Errors
    ///
    /// As [`Self::push`].
    pub fn flush(&mut self) -> Result<Sent, KafkaError> {
        for queue in &mut self.queues {
            self.shared.pass_on(queue)?;
        }
        let idle = self.shared.changed.wait_while(self.shared.state(), |state| state.under_way > 0);
        let mut state = idle.unwrap_or_else(PoisonError::into_inner);
        state.error.take().map_or(Ok(state.sent), Err)
    }

    /// What was acknowledged up to now, also when not all is well.
    pub fn sent(&self) -> Sent {
        self.shared.state().sent
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.shared.state().failed = true;
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refuse(&self, detail: &str) -> KafkaError {
        let place = self.cluster.location.to_string();
        KafkaError::Refused { place, doing: "write", detail: detail.to_owned() }
    }

    fn pass_on(&self, queue: &mut Queue) -> Result<(), KafkaError> {
        let mut state = self.state();
        if let Some(error) = state.error.take() {
            return Err(error);
        }
        if state.failed {
            return Err(self.refuse("earlier messages failed"));
        }
        if queue.batch.is_empty() {
            return Ok(());
        }
        state.under_way += 1;
        drop(state);
        let sent = queue.to.blocking_send(take(&mut queue.batch));
        sent.map_err(|_| self.refuse("no connection is left"))
    }

    /// Sends a batch until all of it is acknowledged; in parts where it is too large.
    async fn deliver(
        &self,
        partition: i32,
        leader: &mut Option<PartitionClient>,
        batch: &Batch,
    ) -> Result<(), KafkaError> {
        let Cluster { location, recovery, .. } = &self.cluster;
        let all = 0..batch.len();
        let mut parts = vec![all];
        let mut patience = Patience::new(Some(*recovery));
        while let Some(part) = parts.last().cloned() {
            match self.once(partition, leader, batch.records(part.clone())).await {
                Ok(()) => {
                    parts.pop();
                    patience = Patience::new(Some(*recovery));
                    let mut state = self.state();
                    state.sent.messages += part.len() as u64;
                    state.sent.bytes += batch.bytes_of(part);
                }
                Err(Trouble::TooLarge) if part.len() > 1 => {
                    let middle = part.start + part.len() / 2;
                    parts.pop();
                    parts.extend([middle..part.end, part.start..middle]);
                }
                Err(trouble) if trouble.may_pass() => {
                    // Whatever the connection is good for: the next one finds out who leads now.
                    *leader = None;
                    self.state().sent.retries += 1;
                    tracing::debug!("{location}: partition {partition}: {trouble:?}");
                    if !patience.pause(&self.stop).await {
                        let is_stopped = self.stop.load(Relaxed);
                        let error = trouble.error(location, "write");
                        return Err(if is_stopped { KafkaError::Stopped } else { error });
                    }
                }
                Err(trouble) => return Err(trouble.error(location, "write")),
            }
        }
        Ok(())
    }

    async fn once(
        &self,
        partition: i32,
        leader: &mut Option<PartitionClient>,
        records: Vec<rskafka::record::Record>,
    ) -> Result<(), Trouble> {
        let client = match leader.take() {
            Some(client) => client,
            None => self.cluster.leader(partition).await?,
        };
        let client = leader.insert(client);
        within(self.cluster.answer, client.produce(records, Compression::Zstd)).await.map(drop)
    }
}

/// Sends batch after batch to a partition.
async fn work(shared: Arc<Shared>, partition: i32, mut batches: Receiver<Batch>) {
    let mut leader = None;
    while let Some(batch) = batches.recv().await {
        let failed = shared.state().failed;
        let result =
            if failed { Ok(()) } else { shared.deliver(partition, &mut leader, &batch).await };
        let mut state = shared.state();
        state.under_way -= 1;
        if let Err(error) = result {
            state.failed = true;
            state.error.get_or_insert(error);
        }
        drop(state);
        shared.changed.notify_all();
    }
}

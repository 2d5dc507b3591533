//! Messages from a topic.

mod partition;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rskafka::client::Client;
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::timeout;

use super::connection::{Cluster, runtime};
use super::error::KafkaError;
use super::location::Location;
use super::options::Options;
use partition::Partition;

/// What is fetched of a partition at once has about so many bytes.
const MAX_FETCH_BYTES: i32 = 1 << 20;
const MIN_FETCH_BYTES: i32 = 128 << 10;
/// All that was fetched and is not taken has about so many, before it is unpacked.
const MAX_BYTES: i32 = 16 << 20;
/// So many pieces wait to be taken, beside one of each partition.
const WAITING: usize = 2;

/// Where to begin in a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The partition.
    pub partition: i32,
    /// The offset of the next message.
    pub next: i64,
    /// The last message that was read before it.
    pub last: Option<Last>,
}

/// A message that was read, by which a topic is told from another one of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Last {
    /// Its offset.
    pub offset: i64,
    /// A hash of what it holds.
    pub hash: u32,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its place in the partition.
    pub offset: i64,
    /// What it says; empty where it says nothing.
    pub value: Vec<u8>,
    /// What its header [`HEADER`](super::HEADER) says.
    pub id: Option<Vec<u8>>,
}

/// What is met in a topic.
#[derive(Debug)]
pub enum Event {
    /// Messages of a partition in their order, as many as were there, and where it goes on.
    Messages {
        /// The partition.
        partition: i32,
        /// The messages.
        messages: Vec<Message>,
        /// The offset behind them.
        next: i64,
    },
    /// Messages that were to be read are there no more, as the topic keeps none for so long.
    Gone {
        /// The partition.
        partition: i32,
        /// The offset of the first of them.
        from: i64,
        /// The offset of the first message that is there.
        to: i64,
    },
    /// What was read before was another topic of this name: it is read from its beginning.
    Another {
        /// The partition.
        partition: i32,
        /// Where that begins.
        from: i64,
    },
    /// No broker answers, for this reason; it is tried again.
    Waits(String),
    /// Brokers answer again.
    Back,
}

/// Reads a topic, on threads of its own.
pub struct Reader {
    events: Receiver<Result<Event, KafkaError>>,
    runtime: Option<Runtime>,
}

impl Reader {
    /// Begins to read every partition of the topic at `location`: from where `starts` says, or from
    /// its beginning, to where its end is now, or, if it is to `follow`, on and on. `stop` ends it.
    ///
    /// # Errors
    ///
    /// [`KafkaError`] if no broker answers, or there is no such topic.
    pub fn open(
        location: Location,
        options: &Options,
        starts: &[Start],
        follow: bool,
        stop: &Arc<AtomicBool>,
    ) -> Result<Self, KafkaError> {
        let cluster = Cluster::new(location, options)?;
        let runtime = runtime()?;
        let (to, events) = channel(WAITING);
        let begun = runtime.block_on(async {
            let client = cluster.connect().await?;
            let partitions = cluster.partitions(&client).await?;
            let count = i32::try_from(partitions.len()).unwrap_or(i32::MAX).max(1);
            let begin = Begin {
                client: &client,
                cluster: &cluster,
                fetch_bytes: (MAX_BYTES / count).clamp(MIN_FETCH_BYTES, MAX_FETCH_BYTES),
                follow,
                stop,
                to,
            };
            for partition in partitions {
                let start = starts.iter().find(|start| start.partition == partition);
                begin.partition(partition, start.cloned()).await?;
            }
            Ok(())
        });
        begun
            .map_err(|trouble: super::trouble::Trouble| trouble.error(&cluster.location, "open"))?;
        Ok(Self { events, runtime: Some(runtime) })
    }

    /// What is met next, if that comes within this time.
    ///
    /// # Errors
    ///
    /// [`KafkaError`] if a partition cannot be read any more.
    pub fn next(&mut self, within: Duration) -> Result<Next, KafkaError> {
        let Some(runtime) = &self.runtime else { return Ok(Next::End) };
        match runtime.block_on(async { timeout(within, self.events.recv()).await }) {
            Err(_) => Ok(Next::Nothing),
            Ok(None) => Ok(Next::End),
            Ok(Some(event)) => event.map(Next::Event),
        }
    }
}

/// What came within a time.
#[derive(Debug)]
pub enum Next {
    /// Something was met.
    Event(Event),
    /// Nothing yet.
    Nothing,
    /// All is read that was to be read.
    End,
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// What partitions begin with.
struct Begin<'a> {
    client: &'a Client,
    cluster: &'a Cluster,
    fetch_bytes: i32,
    follow: bool,
    stop: &'a Arc<AtomicBool>,
    to: Sender<Result<Event, KafkaError>>,
}

impl Begin<'_> {
    /// Begins with a partition as soon as it is known where it ends now.
    async fn partition(
        &self,
        partition: i32,
        start: Option<Start>,
    ) -> Result<(), super::trouble::Trouble> {
        let leader = self.cluster.partition(self.client, partition).await?;
        let partition = Partition {
            cluster: self.cluster.clone(),
            number: partition,
            leader: Some(leader),
            fetch_bytes: self.fetch_bytes,
            to: self.to.clone(),
            stop: Arc::clone(self.stop),
            waits: false,
        };
        let reading = partition.begin(start, self.follow).await?;
        tokio::spawn(reading.run());
        Ok(())
    }
}

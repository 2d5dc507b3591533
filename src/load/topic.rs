//! From a topic of Kafka to a store.
//!
//! How far each partition is read stands in the ledger's entry, which is written behind every commit: so
//! it is never ahead of the flows. Behind them it may be, after a crash; then the messages between are
//! read again, and known by their identities, as the store keeps these with the flows. The next load of
//! the same group goes on where the last entry says.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::feed::Feed;
use super::session::Session;
use super::{LoadError, Options, Progress, chain};
use crate::flow::{DatagramId, Origin, UnixMillis, saturated_u32};
use crate::import::Wrong;
use crate::import::message::Messages;
use crate::kafka::{self, Event, Last, Location, Message, Next, Reader, Start};
use crate::netflow::{DataRecord, Stamp};
use crate::store::{
    LastRead, Load, PartitionRead, Result, Store, StoreError, TopicRead, WrongMessage,
};

/// While nothing comes it is looked so often whether something is due.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A topic, and how it is to be read.
#[derive(Debug, Clone)]
pub struct Topic {
    /// Where it is.
    pub location: Location,
    /// How brokers are reached.
    pub options: kafka::Options,
    /// In whose name it is read: each goes on where a load of its own name was.
    pub group: String,
    /// Whether to go on when its end is reached.
    pub follow: bool,
}

/// Reads a topic to the end that it has now, or on and on until it is told to stop, and writes its
/// flows to `store`.
///
/// A message is stored once, however often it comes. One that tells by its header whose record it is, is
/// known by that in any topic and at any place; another one is known by its topic, its place and what
/// it holds.
///
/// # Errors
///
/// [`LoadError::Open`] if the topic or the store cannot be opened; else [`LoadError::Stopped`] with what
/// is durable.
pub fn load_topic(
    store: &dyn Store,
    topic: &Topic,
    options: &Options,
    progress: &Progress,
) -> Result<Load, LoadError> {
    let read = kept(store, topic).map_err(LoadError::Open)?;
    let starts: Vec<Start> = read.iter().map(start).collect();
    let (location, stop) = (topic.location.clone(), &options.stop);
    let reader = Reader::open(location, &topic.options, &starts, topic.follow, stop);
    let reader = reader.map_err(|error| LoadError::Open(StoreError::of_topic(error)))?;
    let session = Session::of(&topic.location);
    let mut feed = Feed::open(store, session, options).map_err(LoadError::Open)?;
    feed.accounts().load.topic = Some(TopicRead {
        topic: topic.location.topic.clone(),
        group: topic.group.clone(),
        partitions: read
            .into_iter()
            .map(|read| PartitionRead { from: read.next, ..read })
            .collect(),
        ..TopicRead::default()
    });
    let name = topic.location.topic.as_bytes();
    let (messages, follow) = (Messages::default(), topic.follow);
    Loading { reader, feed, options, progress, messages, name, follow }.run()
}

/// How far the topic was read in the name of the group.
fn kept(store: &dyn Store, topic: &Topic) -> Result<Vec<PartitionRead>> {
    let loads = match store.loads() {
        Err(StoreError::Missing { .. }) => return Ok(Vec::new()),
        loads => loads?,
    };
    let is_ours =
        |read: &TopicRead| read.topic == topic.location.topic && read.group == topic.group;
    let mut reads = loads.into_iter().rev().filter_map(|load| load.topic);
    Ok(reads.find(is_ours).map(|read| read.partitions).unwrap_or_default())
}

fn start(read: &PartitionRead) -> Start {
    let last = read.last.map(|LastRead { offset, hash }| Last { offset, hash });
    Start { partition: read.partition, next: read.next, last }
}

struct Loading<'a> {
    reader: Reader,
    feed: Feed,
    options: &'a Options,
    progress: &'a Progress,
    messages: Messages,
    /// The topic's name.
    name: &'a [u8],
    follow: bool,
}

impl Loading<'_> {
    fn run(mut self) -> Result<Load, LoadError> {
        loop {
            if self.options.stop.load(Relaxed) {
                // Who follows has no other end.
                self.feed.accounts().load.interrupted = !self.follow;
                return self.feed.end();
            }
            let step = match self.reader.next(LOOK_EVERY) {
                Ok(Next::Event(event)) => self.take(event),
                Ok(Next::Nothing) => Ok(()),
                Ok(Next::End) if self.options.stop.load(Relaxed) => continue,
                Ok(Next::End) => return self.feed.end(),
                Err(error) => return Err(self.failed(StoreError::of_topic(error))),
            };
            if let Err(error) = step.and_then(|()| self.feed.commit_if_due()) {
                return Err(self.feed.stopped(error));
            }
        }
    }

    /// Keeps what was read before the topic failed.
    fn failed(mut self, source: StoreError) -> LoadError {
        let load = &mut self.feed.accounts().load;
        load.failure = Some(chain(&source));
        match self.feed.end() {
            Ok(kept) => LoadError::Stopped { kept: Box::new(kept), source },
            Err(error) => error,
        }
    }

    fn take(&mut self, event: Event) -> Result<()> {
        match event {
            Event::Messages { partition, messages, next } => {
                for message in &messages {
                    self.message(partition, message)?;
                }
                let last = messages.last().map(Message::last);
                let last = last.map(|Last { offset, hash }| LastRead { offset, hash });
                let from = messages.first().map_or(next, |first| first.offset);
                let read = self.partition(partition, from);
                read.next = next;
                read.last = last.or(read.last);
            }
            Event::Gone { partition, from, to } => {
                tracing::warn!(
                    "partition {partition}: messages {from} to {to} are there no more, as the topic \
                     keeps none for so long"
                );
                self.feed.accounts().load.account.gone_messages += (to - from).unsigned_abs();
                *self.partition(partition, to) =
                    PartitionRead { partition, from, next: to, last: None };
            }
            Event::Another { partition, from } => {
                tracing::warn!(
                    "partition {partition}: what was read before was another topic of this name; this \
                     one is read from its beginning, offset {from}"
                );
                *self.partition(partition, from) =
                    PartitionRead { partition, from, next: from, last: None };
                if let Some(topic) = &mut self.feed.accounts().load.topic {
                    topic.replaced += 1;
                }
            }
            Event::Waits(why) => tracing::warn!("no broker answers ({why}); it is waited for"),
            Event::Back => tracing::warn!("brokers answer again"),
        }
        Ok(())
    }

    /// What the ledger says of a partition, which is read from `from` on if it is a new one.
    fn partition(&mut self, partition: i32, from: i64) -> &mut PartitionRead {
        let topic = self.feed.accounts().load.topic.get_or_insert_default();
        let known = topic.partitions.iter().position(|read| read.partition == partition);
        let at = known.unwrap_or_else(|| {
            topic.partitions.push(PartitionRead { partition, from, next: from, last: None });
            topic.partitions.len() - 1
        });
        &mut topic.partitions[at]
    }

    fn message(&mut self, partition: i32, message: &Message) -> Result<()> {
        self.progress.bytes_done.fetch_add(message.value.len() as u64, Relaxed);
        if let Some(file) = self.feed.accounts().file_mut() {
            file.bytes += message.value.len() as u64;
        }
        if let Err(wrong) = self.messages.read(&message.value) {
            self.progress.records.fetch_add(1, Relaxed);
            self.wrong(partition, message.offset, wrong);
            return Ok(());
        }
        let first = self.messages.flows().first().map(|(record, _)| began(record));
        let (hash, origin) = self.identity(partition, message);
        let exported_secs = saturated_u32(first.unwrap_or_default().0 / 1000);
        self.feed.push_message(DatagramId { exported_secs, hash }, origin, &self.messages)?;
        self.progress.records.fetch_add(self.messages.flows().len() as u64, Relaxed);
        for name in self.messages.unknown() {
            self.feed.accounts().passed_over(name, 1);
        }
        Ok(())
    }

    /// What makes a message the same one when it comes again, and the identity of its flow if it tells
    /// that.
    fn identity(&self, partition: i32, message: &Message) -> (u64, Option<Origin>) {
        /// Keeps these apart from the hashes of datagrams.
        const TOLD: u64 = 0x6b61_666b_6121;
        if let Some(id) = &message.id {
            let origin = str::from_utf8(id).ok().filter(|id| id.len() == 16);
            let origin = origin.and_then(|id| u64::from_str_radix(id, 16).ok()).map(Origin);
            return (xxh3_64_with_seed(id, TOLD), origin);
        }
        let place = [
            &(self.name.len() as u64).to_le_bytes()[..],
            self.name,
            &partition.to_le_bytes(),
            &message.offset.to_le_bytes(),
        ];
        (xxh3_64_with_seed(&message.value, xxh3_64(&place.concat())), None)
    }

    fn wrong(&mut self, partition: i32, offset: i64, wrong: Wrong) {
        let Wrong { reason, detail } = wrong;
        let accounts = self.feed.accounts();
        if !accounts.wrong_message(reason) {
            return;
        }
        tracing::warn!("partition {partition}, offset {offset}: {reason}: {detail}");
        if let Some(topic) = &mut accounts.load.topic {
            let first = WrongMessage { partition, offset, detail };
            topic.first_wrong.insert(reason.to_owned(), first);
        }
    }
}

/// When a flow began.
fn began(record: &DataRecord) -> UnixMillis {
    match record.first {
        Some(Stamp::Unix(time)) => time,
        _ => UnixMillis::default(),
    }
}

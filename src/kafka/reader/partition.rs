//! A partition, from an offset on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use rskafka::client::partition::{OffsetAt, PartitionClient};
use rskafka::record::RecordAndOffset;
use tokio::sync::mpsc::Sender;
use xxhash_rust::xxh3::xxh3_64;

use super::{Event, Last, Message, Start};
use crate::flow::low_u32;
use crate::kafka::HEADER;
use crate::kafka::connection::{Cluster, within};
use crate::kafka::error::KafkaError;
use crate::kafka::patience::Patience;
use crate::kafka::trouble::Trouble;

/// So long a broker waits for messages, in milliseconds, before it says that there are none.
const WAIT_MS: i32 = 500;
/// An offset at which a broker gives nothing so many times, though there are later ones, is one of which
/// the message was taken out (compaction).
const TIMES_EMPTY: u32 = 2;

/// A partition of which the leader may change.
pub(super) struct Partition {
    pub(super) cluster: Cluster,
    pub(super) number: i32,
    pub(super) leader: Option<PartitionClient>,
    pub(super) fetch_bytes: i32,
    pub(super) to: Sender<Result<Event, KafkaError>>,
    pub(super) stop: Arc<AtomicBool>,
    /// Whether it was told that nobody answers.
    pub(super) waits: bool,
}

/// A partition that is being read.
pub(super) struct Reading {
    of: Partition,
    next: i64,
    /// Where to end; None to follow.
    end: Option<i64>,
    /// Messages up to here were there when it was asked last.
    known: i64,
    /// What is told before the first message.
    first: Option<Event>,
}

impl Partition {
    async fn leader(&mut self) -> Result<&PartitionClient, Trouble> {
        let leader = match self.leader.take() {
            Some(leader) => leader,
            None => self.cluster.leader(self.number).await?,
        };
        Ok(self.leader.insert(leader))
    }

    /// The offset of the first message that is there, and the one behind the last.
    async fn range(&mut self) -> Result<(i64, i64), Trouble> {
        let answer = self.cluster.answer;
        let leader = self.leader().await?;
        let earliest = within(answer, leader.get_offset(OffsetAt::Earliest)).await?;
        let latest = within(answer, leader.get_offset(OffsetAt::Latest)).await?;
        Ok((earliest, latest))
    }

    async fn fetch(&mut self, offset: i64) -> Result<(Vec<RecordAndOffset>, i64), Trouble> {
        let (answer, bytes) = (self.cluster.answer, self.fetch_bytes);
        let leader = self.leader().await?;
        within(answer, leader.fetch_records(offset, 1..bytes, WAIT_MS)).await
    }

    /// Whether the message `last` is another one than it was; None where it is there no more.
    async fn is_another(&mut self, last: Last) -> Result<Option<bool>, Trouble> {
        let (records, _) = self.fetch(last.offset).await?;
        let same = records.first().filter(|record| record.offset == last.offset);
        Ok(same.map(|record| hash(record) != last.hash))
    }

    /// Finds out where to begin.
    pub(super) async fn begin(
        mut self,
        start: Option<Start>,
        follow: bool,
    ) -> Result<Reading, Trouble> {
        let (earliest, latest) = self.range().await?;
        let partition = self.number;
        let (next, first) = match start {
            None => (earliest, None),
            Some(start) => {
                let is_there = |last: &Last| (earliest..latest).contains(&last.offset);
                let another = match start.last.filter(is_there) {
                    Some(last) => self.is_another(last).await?.unwrap_or(false),
                    None => false,
                };
                if another || start.next > latest {
                    (earliest, Some(Event::Another { partition, from: earliest }))
                } else if start.next < earliest {
                    let gone = Event::Gone { partition, from: start.next, to: earliest };
                    (earliest, Some(gone))
                } else {
                    (start.next, None)
                }
            }
        };
        let end = (!follow).then_some(latest);
        Ok(Reading { of: self, next, end, known: latest, first })
    }
}

impl Reading {
    /// Reads until its end, or until nobody takes what is read.
    pub(super) async fn run(mut self) {
        if let Err(error) = self.read().await {
            // Nobody may be there to hear it.
            let _ = self.of.to.send(Err(error)).await;
        }
    }

    async fn read(&mut self) -> Result<(), KafkaError> {
        if let Some(event) = self.first.take()
            && !self.tell(event).await
        {
            return Ok(());
        }
        let mut patience = self.patience();
        let mut empty = 0;
        while self.end.is_none_or(|end| self.next < end) && !self.of.stop.load(Relaxed) {
            match self.step(&mut empty).await {
                Ok(true) => {
                    patience = self.patience();
                    if std::mem::take(&mut self.of.waits) && !self.tell(Event::Back).await {
                        return Ok(());
                    }
                }
                Ok(false) => return Ok(()),
                Err(trouble) if trouble.may_pass() => {
                    self.of.leader = None;
                    if self.end.is_none() && !self.of.waits {
                        self.of.waits = true;
                        let text = format!("{trouble:?}");
                        if !self.tell(Event::Waits(text)).await {
                            return Ok(());
                        }
                    }
                    if !patience.pause(&self.of.stop).await {
                        let is_stopped = self.of.stop.load(Relaxed);
                        return if is_stopped { Ok(()) } else { Err(self.error(trouble)) };
                    }
                }
                Err(trouble) => return Err(self.error(trouble)),
            }
        }
        Ok(())
    }

    /// Fetches once, and says whether anybody wants more.
    async fn step(&mut self, empty: &mut u32) -> Result<bool, Trouble> {
        let (mut records, high) = match self.of.fetch(self.next).await {
            Err(Trouble::OutOfRange) => return self.find_place().await,
            fetched => fetched?,
        };
        if let Some(end) = self.end {
            records.retain(|record| record.offset < end);
        }
        let Some(last) = records.last() else {
            if self.next < self.known {
                *empty += 1;
                if *empty >= TIMES_EMPTY {
                    *empty = 0;
                    self.next += 1;
                }
            } else if high > self.next {
                (_, self.known) = self.of.range().await?;
            }
            return Ok(true);
        };
        *empty = 0;
        self.next = last.offset + 1;
        let (partition, next) = (self.of.number, self.next);
        let messages = records.into_iter().map(message).collect();
        Ok(self.tell(Event::Messages { partition, messages, next }).await)
    }

    /// Goes on where messages are.
    async fn find_place(&mut self) -> Result<bool, Trouble> {
        let (earliest, latest) = self.of.range().await?;
        let partition = self.of.number;
        let event = if self.next < earliest {
            Event::Gone { partition, from: self.next, to: earliest }
        } else if self.next > latest {
            // What was deleted and made again has another end as well.
            self.end = self.end.map(|_| latest);
            Event::Another { partition, from: earliest }
        } else {
            return Ok(true);
        };
        (self.next, self.known) = (earliest, latest);
        Ok(self.tell(event).await)
    }

    /// Who follows never gives up.
    fn patience(&self) -> Patience {
        Patience::new(self.end.map(|_| self.of.cluster.recovery))
    }

    fn error(&self, trouble: Trouble) -> KafkaError {
        match trouble {
            Trouble::NoAnswer(text) => {
                let text = format!("partition {}, offset {}: {text}", self.of.number, self.next);
                Trouble::NoAnswer(text).error(&self.of.cluster.location, "read")
            }
            trouble => trouble.error(&self.of.cluster.location, "read"),
        }
    }

    async fn tell(&self, event: Event) -> bool {
        self.of.to.send(Ok(event)).await.is_ok()
    }
}

fn message(RecordAndOffset { record, offset }: RecordAndOffset) -> Message {
    let mut headers = record.headers;
    Message { offset, value: record.value.unwrap_or_default(), id: headers.remove(HEADER) }
}

fn hash(record: &RecordAndOffset) -> u32 {
    hash_of(record.record.value.as_deref().unwrap_or_default())
}

fn hash_of(value: &[u8]) -> u32 {
    low_u32(xxh3_64(value))
}

impl Message {
    /// What tells that it was read, later.
    pub fn last(&self) -> Last {
        Last { offset: self.offset, hash: hash_of(&self.value) }
    }
}

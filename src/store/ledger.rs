//! The audit ledger: what was loaded when, from which file, with which counts.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::flow::{Lost, SequenceUnit, UnixMillis};

/// One run of `load`, as the ledger keeps it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Load {
    /// Tells it from every other load of the store.
    pub id: String,
    /// When it began.
    pub started: UnixMillis,
    /// When it ended. None while it runs, and for ever if it was killed.
    pub finished: Option<UnixMillis>,
    /// Whether it was told to end before it had read everything.
    pub interrupted: bool,
    /// What ended it, if the store failed before everything was read.
    pub failure: Option<String>,
    /// What was read, in this order.
    pub files: Vec<LoadedFile>,
    /// Files that are no captures, as far as they are named.
    pub other_files: Vec<String>,
    /// What it read of a topic, if it read one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<TopicRead>,
    /// What came of it. Of a load that was killed: what was durable when it last said so.
    pub account: Account,
}

/// How far a load read a topic of Kafka. The next one of the same group goes on from there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TopicRead {
    /// The topic.
    pub topic: String,
    /// In whose name it was read.
    pub group: String,
    /// Its partitions, as far as something is known of them.
    pub partitions: Vec<PartitionRead>,
    /// How many partitions were found to be of another topic of that name than the one read before.
    pub replaced: u64,
    /// The first message that could not be read, by reason.
    pub first_wrong: BTreeMap<String, WrongMessage>,
}

/// How far a partition was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PartitionRead {
    /// The partition.
    pub partition: i32,
    /// The offset from which this load read.
    pub from: i64,
    /// The offset behind the last message that is stored.
    pub next: i64,
    /// That message, if any was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<LastRead>,
}

/// By what a message is known again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRead {
    /// Its offset.
    pub offset: i64,
    /// The lower half of the XXH3-64 of its value.
    pub hash: u32,
}

/// Where a message is that could not be read, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrongMessage {
    /// The partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// What is wrong with it.
    pub detail: String,
}

/// One file that a load read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadedFile {
    /// Its path as it was given; members of archives as `archive.tar/member`.
    pub path: String,
    /// Its size as stored; of an archive's member, what was read of the archive for it.
    pub bytes: u64,
    /// Datagrams in it.
    pub datagrams: u64,
    /// Flow records stored from it.
    pub stored: u64,
    /// What was wrong with it, if anything was.
    pub fault: Option<String>,
}

/// An exporter whose clock was ahead of the receipt of what it sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ahead {
    /// The exporter.
    pub exporter: IpAddr,
    /// By how many milliseconds it was at last.
    pub by_ms: u64,
    /// When it was met first.
    #[serde(with = "crate::flow::text")]
    pub since: UnixMillis,
    /// How many flows were moved.
    pub flows: u64,
}

/// An exporter whose clock is far from that of who received it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Clock {
    /// The exporter.
    pub exporter: IpAddr,
    /// By how many milliseconds it was ahead at last; behind where that is negative.
    pub ahead_ms: i64,
    /// When it was met first, by the clock of who received it.
    #[serde(with = "crate::flow::text")]
    pub since: UnixMillis,
    /// How many datagrams were sent by it.
    pub datagrams: u64,
}

impl From<&Ahead> for Clock {
    fn from(ahead: &Ahead) -> Self {
        let ahead_ms = i64::try_from(ahead.by_ms).unwrap_or(i64::MAX);
        Self { exporter: ahead.exporter, ahead_ms, since: ahead.since, datagrams: 0 }
    }
}

/// What a load read, and what became of it.
///
/// Two identities hold at every moment:
/// `datagrams = decoded + duplicate + malformed + waiting + given up + not flow export`, and
/// `records = stored + duplicate + rejected`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// Packets that the captures hold: datagrams, and what was skipped.
    pub captured_packets: u64,
    /// Packets that gave no datagram of their own, by reason.
    pub skipped_packets: BTreeMap<String, u64>,
    /// Files that are no captures.
    pub other_files: u64,
    /// Places where a capture is damaged, or cut.
    pub faults: u64,
    /// UDP datagrams read.
    pub datagrams: u64,
    /// Datagrams decoded, new to the store.
    pub decoded: u64,
    /// Datagrams among these with something wrong that left whole records, by what it is.
    pub faulty: BTreeMap<String, u64>,
    /// Bytes in these after the records that they declare. They are not read.
    pub trailing_bytes: u64,
    /// Datagrams that were met before.
    pub duplicate_datagrams: u64,
    /// Datagrams that could not be decoded, by reason.
    pub malformed: BTreeMap<String, u64>,
    /// Datagrams whose template never came.
    pub waiting_for_template: u64,
    /// Datagrams whose template did not come as long as there was room for them to wait.
    #[serde(default)]
    pub given_up: u64,
    /// Datagrams that are no flow export.
    pub not_flow_export: u64,
    /// Pieces read, of files of other tools: blocks, stretches of texts and of tables.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub pieces: u64,
    /// Pieces among these that were met before.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub duplicate_pieces: u64,
    /// Blocks beyond these that are damaged; how many records they held nobody knows.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub damaged_pieces: u64,
    /// What these files say and nobody here knows, by what it is.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub passed_over: BTreeMap<String, u64>,
    /// Messages read, of a topic.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub messages: u64,
    /// Messages among these that were met before.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub duplicate_messages: u64,
    /// Messages beyond these that the topic kept no longer when they were to be read.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub gone_messages: u64,
    /// Flow records read.
    pub records: u64,
    /// Flow records stored.
    pub stored: u64,
    /// Flows beyond these: of what came back, by records that tell both directions. Each of those
    /// is two flows of the store.
    #[serde(default)]
    pub reverse: u64,
    /// Hits of watch lists by the flows stored: one by each list and end of a flow.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub hits: u64,
    /// Flows among these that ended before they began, by their exporter: they have no duration.
    pub clamped: u64,
    /// Flows among these of which a time lay more than a day after their export: the flow's other
    /// times stand for it, else the export's. Ledgers of earlier versions do not say it.
    #[serde(default)]
    pub not_believed: u64,
    /// Flows among these that lasted longer than is kept, 49.7 days: they begin so long before they
    /// ended.
    #[serde(default)]
    pub shortened: u64,
    /// Flows among these that were moved, because their exporter's clock runs ahead.
    #[serde(default)]
    pub moved: u64,
    /// Whose clock that is, by how many flows were moved.
    #[serde(default)]
    pub ahead: Vec<Ahead>,
    /// Templates that a UDP port of an exporter defined otherwise than another one, in the same
    /// observation domain, by exporter. Each port's data was read by its own.
    #[serde(default)]
    pub conflicting_templates: BTreeMap<IpAddr, u64>,
    /// Flows that came before their exporter told, by options, how it samples, by exporter. Of
    /// those that never tell it none count.
    #[serde(default)]
    pub flows_before_rate: BTreeMap<IpAddr, u64>,
    /// Flow records in datagrams that were met before.
    pub duplicate_records: u64,
    /// Flow records refused, by reason.
    pub rejected: BTreeMap<String, u64>,
    /// What sequence numbers say was exported and is not here, by exporter and engine.
    pub lost: Vec<Lost>,
    /// Whose sequence numbers count something else than their format says, by their steps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sequence_units: Vec<SequenceUnit>,
    /// Whose clock is more than a day from the capture's, or, in a collector, from the receipt, and
    /// whose flows stay where it has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clocks: Vec<Clock>,
    /// The first packet of the flows stored.
    pub first: Option<UnixMillis>,
    /// The last packet of the flows stored.
    pub last: Option<UnixMillis>,
    /// Layer-3 bytes of the flows stored.
    pub octets: u128,
    /// Packets of the flows stored.
    pub packets: u128,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "it is called by what serde generates")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Account {
    /// Whether the two identities hold.
    pub fn balances(&self) -> bool {
        let malformed: u64 = self.malformed.values().sum();
        let rejected: u64 = self.rejected.values().sum();
        self.datagrams
            == self.decoded
                + self.duplicate_datagrams
                + malformed
                + self.waiting_for_template
                + self.given_up
                + self.not_flow_export
            && self.records == self.stored + self.duplicate_records + rejected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_of_before_anything_was_given_up_is_read() {
        let account = Account { datagrams: 3, decoded: 2, given_up: 1, ..Account::default() };
        assert!(account.balances());
        let mut entry = serde_json::to_value(&account).unwrap();
        assert_eq!(entry.as_object_mut().unwrap().remove("givenUp"), Some(1.into()));
        let read: Account = serde_json::from_value(entry).unwrap();
        assert_eq!(read, Account { given_up: 0, ..account });
    }
}

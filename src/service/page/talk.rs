//! What a host did in a window, as its conversations tell it.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

use super::ask::{Ask, Fault};
use crate::aggregate::{Conversation, Conversations, Sent};
use crate::flow::{FlowBatch, Protocol, TimeRange, UnixMillis};
use crate::query::Asked;
use crate::store::StoreError;

/// So many flows are looked at. In a window of more, the first ones are.
pub(super) const MAX_FLOWS: u64 = 50_000;

/// So many peers and ports are told.
const GREATEST: usize = 10;

/// What a host did in the window.
pub(super) struct Talk {
    pub(super) host: IpAddr,
    /// The latest first.
    pub(super) conversations: Vec<Conversation>,
    pub(super) flows: u64,
    /// What was looked at; it ends before the window does where there is too much.
    pub(super) looked_at: TimeRange,
    pub(super) is_cut: bool,
    /// When the first and the last of the flows began.
    pub(super) began: Option<(UnixMillis, UnixMillis)>,
}

impl Talk {
    pub(super) fn of(ask: &Ask<'_>, asked: &Asked, host: IpAddr) -> Result<Self, Fault> {
        let lookup = asked.question.plan(Conversations::COLUMNS);
        let batches: Vec<FlowBatch> =
            lookup.run(asked.snapshot())?.collect::<Result<_, StoreError>>()?;
        let is_cut = batches.iter().map(|batch| batch.len() as u64).sum::<u64>() > MAX_FLOWS;
        let until = if is_cut { end(&batches) } else { ask.window.until };
        let mut joined = Conversations::new(&ask.limits);
        let (mut flows, mut began) = (0, None);
        for batch in batches {
            let within = batch.first_ms.partition_point(|&first| first < until.0);
            let batch = batch.take_rows(&(0..within as u32).collect::<Vec<_>>());
            flows += batch.len() as u64;
            if let (Some(&first), Some(&last)) = (batch.first_ms.first(), batch.first_ms.last()) {
                let first = began.map_or(UnixMillis(first), |(first, _)| first);
                began = Some((first, UnixMillis(last)));
            }
            joined.observe(&batch)?;
        }
        let mut conversations = joined.finish()?.collect::<Result<Vec<_>, StoreError>>()?;
        conversations.reverse();
        let looked_at = TimeRange { until, ..ask.window };
        Ok(Self { host, conversations, flows, looked_at, is_cut, began })
    }

    /// The other end of a conversation, and whether the host began it.
    pub(super) fn peer(&self, conversation: &Conversation) -> (IpAddr, bool) {
        if conversation.initiator == self.host {
            (conversation.responder, true)
        } else {
            (conversation.initiator, false)
        }
    }

    /// What the host sent in a conversation, and what it received.
    pub(super) fn ways(&self, conversation: &Conversation) -> (Sent, Sent) {
        if conversation.initiator == self.host {
            (conversation.sent, conversation.returned)
        } else {
            (conversation.returned, conversation.sent)
        }
    }

    /// The greatest by what `key` says of conversations, with what was sent and received; and how
    /// many there are.
    pub(super) fn greatest<K: Hash + Ord + Copy>(
        &self,
        key: impl Fn(&Conversation) -> Option<K>,
    ) -> (Vec<(K, Tally)>, usize) {
        let mut tallies: HashMap<K, Tally> = HashMap::new();
        for conversation in &self.conversations {
            let Some(key) = key(conversation) else { continue };
            let (sent, received) = self.ways(conversation);
            let tally = tallies.entry(key).or_default();
            tally.sent += sent.octets;
            tally.received += received.octets;
            tally.conversations += 1;
        }
        let mut tallies: Vec<(K, Tally)> = tallies.into_iter().collect();
        tallies.sort_by_key(|&(key, tally)| (std::cmp::Reverse(tally.octets()), key));
        let count = tallies.len();
        tallies.truncate(GREATEST);
        (tallies, count)
    }
}

/// Where what is looked at of too many flows ends, and the next look begins: before the last
/// millisecond, of which not all may be there, unless there is no other.
fn end(batches: &[FlowBatch]) -> UnixMillis {
    let first = batches.iter().find_map(|batch| batch.first_ms.first());
    let last = batches.iter().rev().find_map(|batch| batch.first_ms.last());
    let (first, last) = (first.copied().unwrap_or_default(), last.copied().unwrap_or_default());
    UnixMillis(if first < last { last } else { last.saturating_add(1) })
}

/// What some conversations come to.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) sent: u128,
    pub(super) received: u128,
    pub(super) conversations: u64,
}

impl Tally {
    pub(super) fn octets(&self) -> u128 {
        self.sent + self.received
    }
}

/// The port at which a conversation was served, with its protocol, where these protocols have ports.
pub(super) fn served(conversation: &Conversation) -> Option<(Protocol, u16)> {
    let has_ports = [Protocol::TCP, Protocol::UDP, Protocol(132), Protocol(33), Protocol(136)];
    let protocol = conversation.protocol;
    has_ports.contains(&protocol).then_some((protocol, conversation.responder_port))
}

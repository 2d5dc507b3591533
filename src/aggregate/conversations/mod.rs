//! Flows joined to conversations: both directions of a 5-tuple in one.

mod half;
mod joined;
mod runs;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::IpAddr;

use half::Half;
pub(super) use half::WayBack;
use joined::Joined;
use joined::Tuple;
pub(super) use joined::ports;
use runs::Runs;

use super::Limits;
use crate::flow::tcp_flags::{FIN, PSH, RST, SYN};
use crate::flow::{Column, Columns, FlowBatch, Protocol, UnixMillis};
use crate::store::Result;

/// One conversation: what two ends sent each other between two ports.
///
/// The initiator is the end whose flow began first; of two that began at once, the end with the
/// higher port, as servers listen on low ones; of equal ports, the end with the lower address. A
/// biflow that says so itself (RFC 5103 §6.3) is taken at its word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// Who began it.
    pub initiator: IpAddr,
    /// Its port; 0 where the protocol has none.
    pub initiator_port: u16,
    /// Who was spoken to.
    pub responder: IpAddr,
    /// Its port; for ICMP type × 256 + code of what the initiator sent.
    pub responder_port: u16,
    /// IP protocol.
    pub protocol: Protocol,
    /// When the first packet of either direction was seen.
    pub first: UnixMillis,
    /// From then to the last packet of either direction, in milliseconds.
    pub duration_ms: u64,
    /// What the initiator sent.
    pub sent: Sent,
    /// What the responder sent.
    pub returned: Sent,
    /// Type of service of the initiator's earliest flow; without one, of the responder's.
    pub tos: u8,
    /// How many flows it was exported as. A biflow is one.
    pub flows: u64,
}

/// What one end sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sent {
    /// Layer-3 bytes.
    pub octets: u128,
    /// Packets.
    pub packets: u128,
    /// The OR of the TCP flags.
    pub tcp_flags: u8,
}

impl Conversation {
    /// The OR of the TCP flags of both directions.
    pub fn tcp_flags(&self) -> u8 {
        self.sent.tcp_flags | self.returned.tcp_flags
    }

    /// What became of it.
    pub fn outcome(&self) -> Outcome {
        let Sent { octets, packets, tcp_flags } = self.returned;
        if octets == 0 && packets == 0 && tcp_flags == 0 {
            Outcome::Silent
        } else if self.protocol == Protocol::TCP && tcp_flags & (FIN | SYN | RST | PSH) == RST {
            Outcome::Refused
        } else {
            Outcome::Answered
        }
    }
}

/// What became of a conversation or a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Nothing came back.
    Silent,
    /// TCP's RST came back, and nothing else that opens or carries anything.
    Refused,
    /// Something came back.
    Answered,
}

impl Outcome {
    /// What it is called in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Refused => "refused",
            Self::Answered => "answered",
        }
    }
}

/// Joins flows to conversations, exactly and in bounded memory.
///
/// It is an external sort: what does not fit into memory goes, sorted, into temporary files, and
/// the parts of a conversation meet when these are merged.
#[derive(Debug)]
pub struct Conversations {
    limits: Limits,
    table: HashMap<Tuple, [Half; 2]>,
    /// How many conversations are kept in memory.
    held: usize,
    runs: Runs,
}

impl Conversations {
    /// What must be known of a flow.
    pub const COLUMNS: Columns = Columns::of(&[
        Column::Src,
        Column::First,
        Column::Dst,
        Column::Protocol,
        Column::SrcPort,
        Column::DstPort,
        Column::Octets,
        Column::Packets,
        Column::Duration,
        Column::TcpFlags,
        Column::Tos,
        Column::Extras,
    ]);

    /// Joins within these limits.
    pub fn new(limits: &Limits) -> Self {
        // A table is half empty at times, and lies in memory twice while it grows.
        let held = (limits.memory_bytes / 3 / size_of::<Joined>()).max(MIN_HELD);
        let runs = Runs::new(limits, Joined::by_tuple);
        Self { limits: limits.clone(), table: HashMap::new(), held, runs }
    }

    /// Takes in `flows`, which have [`Self::COLUMNS`].
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`](crate::StoreError::Io) if what does not fit into memory cannot be
    /// written to a temporary file.
    pub fn observe(&mut self, flows: &FlowBatch) -> Result<()> {
        for (row, flow) in flows.records().enumerate() {
            let back = WayBack::of(flows.extras.get(row));
            let (tuple, direction) = Tuple::of(&flow, back.answers());
            let halves = half::halves_of(&flow, &back, direction);
            let known = self.table.entry(tuple).or_default();
            half::merge(known, &halves);
            if self.table.len() >= self.held {
                self.runs.write(self.table.drain().map(Joined::from).collect())?;
            }
        }
        Ok(())
    }

    /// The conversations, by their beginning; of those that began at once, by their ends.
    ///
    /// # Errors
    ///
    /// As [`Self::observe`], also in the stream.
    pub fn finish(self) -> Result<impl Iterator<Item = Result<Conversation>>> {
        let mut by_time = Runs::new(&self.limits, Joined::by_time);
        let rest: Vec<Joined> = self.table.into_iter().map(Joined::from).collect();
        let mut last = rest;
        if !self.runs.is_empty() {
            let joined = self.runs.merge(last)?;
            last = Vec::new();
            for joined in joined {
                last.push(joined?);
                if last.len() >= self.held {
                    by_time.write(std::mem::take(&mut last))?;
                }
            }
        }
        Ok(by_time.merge(last)?.map(|joined| joined.map(|joined| joined.conversation())))
    }
}

/// So many conversations are always kept in memory, however little of it there is.
const MIN_HELD: usize = 1024;

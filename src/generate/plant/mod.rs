//! What stands out, planted among a background, and what only looks so: for trying detections, with
//! the truth.

mod attack;
mod everyday;

use std::collections::VecDeque;
use std::net::Ipv4Addr;

use serde::Serialize;

use super::conversation::{Conversation, Side};
use super::hosts::{Host, Inside, customer};
use super::random::Random;
use super::world::World;
use crate::detect::Kind;
use crate::flow::UnixMillis;

/// Something that was planted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Planted {
    /// What it is.
    pub kind: Kind,
    /// Which kind of it, such as a `vertical` scan.
    pub variant: &'static str,
    /// Who did it; of a flood, who suffered it.
    pub host: Ipv4Addr,
    /// Whom it was done to, where that is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<Ipv4Addr>,
    /// By which port of theirs, where that is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// To how many hosts, ports or contacts, whichever tells of its size.
    pub size: u32,
    /// When it began.
    pub first: UnixMillis,
    /// When it ended.
    pub last: UnixMillis,
}

/// What is planted, in the order in which it is exported.
#[derive(Debug, Default)]
pub(super) struct Plants {
    due: VecDeque<(u64, Conversation)>,
    pub(super) truth: Vec<Planted>,
    /// What there was no time for.
    pub(super) skipped: Vec<Skipped>,
}

/// A kind that was not planted, as it would not have ended within the capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Skipped {
    /// What it is.
    pub kind: Kind,
    /// Which kind of it.
    pub variant: &'static str,
}

/// What is sown until it is sorted.
struct Field<'a> {
    world: &'a World,
    random: Random,
    /// From when to when everything is to be exported, in milliseconds.
    from_ms: u64,
    until_ms: u64,
    talks: Vec<(u64, Conversation)>,
    truth: Vec<Planted>,
    skipped: Vec<Skipped>,
}

impl Plants {
    /// `kinds`, and where there is any of them what is often mistaken for one, within `span_ms`.
    pub(super) fn of(kinds: &[Kind], world: &World, seed: u64, span_ms: (u64, u64)) -> Self {
        if kinds.is_empty() {
            return Self::default();
        }
        let (from_ms, until_ms) = span_ms;
        let (talks, truth, skipped) = (Vec::new(), Vec::new(), Vec::new());
        let random = Random::new(seed, 7);
        let mut field = Field { world, random, from_ms, until_ms, talks, truth, skipped };
        for kind in Kind::ALL.into_iter().filter(|kind| kinds.contains(kind)) {
            match kind {
                Kind::Scan => attack::scans(&mut field),
                Kind::Beacon => attack::beacons(&mut field),
                Kind::Long => attack::long_ones(&mut field),
                Kind::Spread => attack::spreads(&mut field),
                Kind::Ddos => attack::floods(&mut field),
                Kind::Indicator => attack::listed(&mut field),
                Kind::Exfil => attack::uploads(&mut field),
                Kind::Silent => attack::silent_ones(&mut field),
                Kind::New => attack::new_ones(&mut field),
            }
        }
        everyday::sow(&mut field);
        // Behind all else, so that seeds plant the same as when there were none.
        if kinds.contains(&Kind::Beacon) {
            attack::sleepers(&mut field);
        }
        let Field { mut talks, truth, mut skipped, .. } = field;
        talks.sort_by_key(|&(due_ms, _)| due_ms);
        skipped.sort_unstable();
        Self { due: talks.into(), truth, skipped }
    }

    /// The next that is exported until `now_us`, and when.
    pub(super) fn next(&mut self, now_us: u64) -> Option<(u64, Conversation)> {
        self.due.front().filter(|(due_ms, _)| due_ms * 1_000 <= now_us)?;
        self.due.pop_front().map(|(due_ms, talk)| (due_ms * 1_000, talk))
    }
}

impl Field<'_> {
    fn span_ms(&self) -> u64 {
        self.until_ms - self.from_ms
    }

    /// A moment so that what lasts for `length_ms` from then on is within the capture; none where that
    /// is shorter.
    fn moment(&mut self, length_ms: u64) -> Option<u64> {
        let drawn = self.random.unit();
        let free = self.span_ms().checked_sub(length_ms)?;
        Some(self.from_ms + (free as f64 * drawn) as u64)
    }

    /// Any host inside, each as often as any other.
    fn inside(&mut self) -> Host {
        self.world.inside_any(&mut self.random)
    }

    /// A host inside of which nothing else is heard.
    fn idle(&mut self) -> Host {
        self.world.inside_idle(&mut self.random)
    }

    fn outside(&mut self) -> Host {
        self.world.outside_any(&mut self.random)
    }

    /// Sows a conversation that begins at `first_ms`; one that would not be exported in time is not.
    fn sow(&mut self, first_ms: u64, mut talk: Conversation) {
        let inside = if Inside::has(talk.client.address) { talk.client } else { talk.server };
        talk.customer = customer(inside.address);
        let due_ms = first_ms + u64::from(talk.duration_ms) + u64::from(talk.export_delay_ms);
        if due_ms < self.until_ms {
            self.talks.push((due_ms, talk));
        }
    }

    /// Takes note of what there is no time for.
    fn skip(&mut self, kind: Kind, variant: &'static str) {
        self.skipped.push(Skipped { kind, variant });
    }

    fn tell(&mut self, planted: Planted) {
        self.truth.push(planted);
    }
}

/// What somebody sends in one record.
const fn side(packets: u32, octets: u32, tcp_flags: u8) -> Side {
    Side { packets, octets, tcp_flags }
}

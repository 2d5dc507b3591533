//! One flow as several routers see it: each by its own clock, some by a sample of its packets, and
//! perhaps both on its way in and on its way out.

use super::conversation::{Conversation, Side};
use super::random::Random;

/// So many packets at most stand for one that a router sees: what NetFlow v5 has room for.
pub const MAX_SAMPLING: u16 = 0x3fff;

/// Who sees a flow, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sights {
    /// By how many routers each flow comes, all of which export it.
    pub routers: u16,
    /// So far apart are the stamps that they give one moment at most, in milliseconds.
    pub jitter_ms: u32,
    /// Every second router sees one packet of so many, and tells nothing of a flow of which it sees
    /// none. 0: all see every packet.
    pub sampling: u16,
    /// Whether a router exports a flow twice: on its way in, and on its way out.
    pub in_and_out: bool,
    /// Whether the first router is a NAT: what a client sends it tells with both sides, and others
    /// see the far one only.
    pub behind_nat: bool,
}

impl Default for Sights {
    /// One router sees all of a flow, once.
    fn default() -> Self {
        Self { routers: 1, jitter_ms: 0, sampling: 0, in_and_out: false, behind_nat: false }
    }
}

/// One direction of a conversation as a router sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sight {
    /// What it sees of it.
    pub(super) side: Side,
    /// From the first packet that it sees to the last.
    pub(super) duration_ms: u32,
    /// How long before its last packet, by an exact clock, it saw the last one, by its own.
    pub(super) early_ms: u32,
    pub(super) way_out: bool,
    pub(super) side_of_nat: SideOfNat,
}

/// How a router sees a client's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SideOfNat {
    /// As it is.
    Near,
    /// As what a NAT makes of it.
    Far,
    /// As both: it is the NAT.
    Both,
}

impl Sights {
    /// How the router that is so many behind the first one sees a client, in what he sends and in the
    /// answer to it.
    pub(super) const fn side_of_nat(&self, further: usize, answer: bool) -> SideOfNat {
        match (self.behind_nat, further, answer) {
            (false, ..) => SideOfNat::Near,
            (true, 0, false) => SideOfNat::Both,
            (true, ..) => SideOfNat::Far,
        }
    }

    /// What a router that samples one packet of `sampling` sees of a `side` of `talk`, if anything.
    pub(super) fn see(
        &self,
        talk: &Conversation,
        side: Side,
        sampling: u16,
        way_out: bool,
        random: &mut Random,
    ) -> Option<Sight> {
        let duration_ms = if side.packets > 1 { talk.duration_ms } else { 0 };
        let side_of_nat = SideOfNat::Near;
        let mut sight = Sight { side, duration_ms, early_ms: 0, way_out, side_of_nat };
        if sampling > 1 {
            sight = sight.sampled(sampling.into(), random)?;
        }
        if self.jitter_ms > 0 {
            sight.early_ms += random.below(self.jitter_ms + 1);
        }
        Some(sight)
    }
}

impl Sight {
    /// What one packet of `interval` tells of it: as many as that makes, and with luck one more.
    fn sampled(mut self, interval: u32, random: &mut Random) -> Option<Self> {
        let all = self.side.packets;
        let packets = all / interval + u32::from(random.below(interval) < all % interval);
        if packets == 0 {
            return None;
        }
        let octets = u64::from(self.side.octets) * u64::from(packets) / u64::from(all);
        self.side = Side { packets, octets: octets as u32, ..self.side };
        // What is sampled lies anywhere: so long were the first and the last packet not seen.
        let unseen = self.duration_ms / (packets + 1);
        self.early_ms = random.below(unseen.max(1));
        let late_ms = random.below(unseen.max(1));
        self.duration_ms =
            if packets == 1 { 0 } else { self.duration_ms - self.early_ms - late_ms };
        Some(self)
    }
}

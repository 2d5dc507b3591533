//! The made-up world: who talks with whom, and about what.

use super::conversation::{
    Conversation, call, clock_time, lookup, peer_to_peer, ping, quic, scan, tunnel, web,
};
use super::hosts::{EXAMPLE_HOST, Host, Inside, Outside, customer};
use super::random::{Random, scale};

/// Every so many conversations one is the example host's.
const EXAMPLE_EVERY: u64 = 512;
/// A customer's host comes back to so many hosts outside.
const FAVOURITES: u32 = 24;

/// The hosts, and how many conversations they had.
#[derive(Debug)]
pub(super) struct World {
    inside: Inside,
    outside: Outside,
    conversations: u64,
    /// Whether nobody scans of himself: ports are tried by ever other hosts, each now and then.
    is_peaceful: bool,
}

impl World {
    pub(super) fn new(random: &mut Random, is_peaceful: bool) -> Self {
        let (inside, outside) = (Inside::new(random), Outside::new(random));
        Self { inside, outside, conversations: 0, is_peaceful }
    }

    /// A host of a customer, each as often as any other.
    pub(super) fn inside_any(&self, random: &mut Random) -> Host {
        self.inside.any(random)
    }

    /// A host of a customer of which nothing is heard by itself.
    pub(super) fn inside_idle(&self, random: &mut Random) -> Host {
        self.inside.idle(random)
    }

    /// A host of somebody else, each about as often as any other.
    pub(super) fn outside_any(&self, random: &mut Random) -> Host {
        self.outside.any(random)
    }

    /// The next conversation.
    pub(super) fn talk(&mut self, random: &mut Random) -> Conversation {
        self.conversations += 1;
        // One table of shares, in thousandths, for who talks and about what.
        let kind = random.below(1000);
        let own = match kind {
            _ if self.conversations % EXAMPLE_EVERY == 1 => self.inside.host(EXAMPLE_HOST.into()),
            600..680 => self.inside.server(random),
            680..760 => self.inside.any(random),
            _ => self.inside.draw(random),
        };
        let other = match kind {
            680..760 if self.is_peaceful => self.outside.any(random),
            _ => self.other(random, own),
        };
        let mut talk = match kind {
            0..280 => web(random, own, other, 443),
            280..360 => web(random, own, other, 80),
            360..540 => lookup(random, own, other),
            540..600 => quic(random, own, other),
            600..670 => {
                let port = random.one_of(&[443, 443, 443, 80, 80, 8080, 8443, 5222]);
                web(random, other, own, port)
            }
            670..680 => web(random, other, own, 22),
            680..760 => scan(random, other, own),
            760..780 => {
                let port = random.one_of(&[25, 25, 587, 993, 993, 995, 143]);
                web(random, own, other, port)
            }
            780..950 => peer_to_peer(random, own, other),
            950..970 => clock_time(random, own, other),
            970..992 => ping(random, own, other),
            992..996 => call(random, own, other),
            _ => tunnel(random, own, other),
        };
        talk.customer = customer(own.address);
        talk
    }

    /// Whom `own` talks with: mostly one of those that it always does.
    fn other(&self, random: &mut Random, own: Host) -> Host {
        if !random.chance(180) {
            return self.outside.draw(random);
        }
        let bits = random.next() >> 32;
        let favourite = scale((bits * bits) >> 32, FAVOURITES);
        let own = &mut Random::new(u64::from(own.address), u64::from(favourite));
        self.outside.draw(own)
    }
}

//! Dark space: addresses inside that nobody has, as far as the store tells.
//!
//! Who has an address sends by it sooner or later, so an address that sent nothing for a month is nobody's.
//! Zeek's simple-scan weighs contacts with such ones more, and SiLK's rwscan takes a first contact for a
//! hit where the destination is a host that answered others, and for a miss where it is none. Where records
//! do not tell whether somebody answered, this still does.

use std::collections::{BTreeSet, HashSet};
use std::mem::take;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use super::Inside;
use crate::aggregate::{Aggregate, over};
use crate::flow::tcp_flags::{ACK, FIN, PSH, RST, SYN};
use crate::flow::{
    Column, Columns, Family, FlowBatch, Protocol, TimeRange, UnixMillis, address_bits,
};
use crate::query::Question;
use crate::store::{Result, Rows, Snapshot};

/// So many addresses that are in use are kept one by one; of more, only their networks.
const MAX_USED: usize = 1 << 19;

/// Of these networks many hosts are in use or none, by the bits behind them: 256 addresses, and what IPv6
/// has for one line. Beyond that nothing is said of what is dark.
const NETWORK_BITS: [(Family, u32); 2] = [(Family::V4, 8), (Family::V6, 64)];

const DAY_MS: u64 = 24 * 3_600_000;

/// Where somebody inside was seen on fewer days it is not known whether others ever send.
const FEW_DAYS: u64 = 7;

/// Which addresses inside are in use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dark {
    /// Addresses in use as numbers, in their order.
    used: Vec<(Family, u128)>,
    /// Their networks.
    networks: Vec<(Family, u128)>,
    /// Those of them of which a router tells what they send.
    told: Vec<(Family, u128)>,
    /// Whether single ones were too many to be kept.
    is_coarse: bool,
    /// Whether networks were, too: then nothing is dark.
    is_full: bool,
}

impl Dark {
    /// Learns from what was sent since so many days before `question`, and from what of TCP was
    /// acknowledged within its time: who exports one direction only tells of an answer by that alone.
    /// None where the store has too few days.
    ///
    /// # Errors
    ///
    /// As [`over`].
    pub(super) fn learn(
        snapshot: &dyn Snapshot,
        question: &Question,
        (inside, days): (&Inside, u64),
    ) -> Result<Option<Self>> {
        let (back_ms, wanted) = (days.saturating_mul(DAY_MS), days.min(FEW_DAYS));
        let since = UnixMillis(question.time.since.0.saturating_sub(back_ms));
        let look = |time: TimeRange, columns: Columns| {
            Question { time, ..Question::everything() }.plan_unordered(columns)
        };
        let sent = look(TimeRange { since, ..question.time }, Sent::COLUMNS);
        // Of the days before there are sums.
        let sent = sent.of(Rows::Sums { by: Columns::of(&[Column::Src]), within_ms: 0 });
        // All threads have one, so that there is one bound.
        let used = Mutex::new(Used::default());
        let days = over(snapshot, sent.scans(), || Sent::of(inside, &used))?.days.len() as u64;
        if days < wanted {
            return Ok(None);
        }
        let told = used.lock().unwrap_or_else(PoisonError::into_inner).networks.clone();
        let received = look(question.time, Received::COLUMNS);
        over(snapshot, received.scans(), || Received(Entering { inside, used: &used }))?;
        let used = used.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(Some(used.finish(told)))
    }

    /// Whether nobody has `address`, which is inside. Where packets were sampled, few that an address sends
    /// are seen, so it is dark only where its whole network is. Where nobody exports the way back, it is
    /// only where others of its network are heard: else nobody may export what these send either.
    pub(super) fn has(&self, address: IpAddr, is_sampled: bool, is_blind: bool) -> bool {
        let address = numbered(address);
        let network = network_of(address);
        if self.is_full || self.networks.is_empty() {
            // Of who never sends it is more likely that nobody exports it.
            return false;
        }
        if is_blind {
            let is_told = self.told.binary_search(&network).is_ok();
            return is_told && !is_sampled && !self.is_coarse && self.is_unused(address);
        }
        if is_sampled || self.is_coarse {
            return self.networks.binary_search(&network).is_err();
        }
        self.is_unused(address)
    }

    fn is_unused(&self, address: (Family, u128)) -> bool {
        self.used.binary_search(&address).is_err()
    }
}

fn numbered(address: IpAddr) -> (Family, u128) {
    (Family::of(address), address_bits(address))
}

fn network_of((family, bits): (Family, u128)) -> (Family, u128) {
    let behind = NETWORK_BITS.iter().find(|(known, _)| *known == family);
    (family, bits >> behind.map_or(0, |(_, behind)| *behind))
}

/// Addresses inside that are in use, as they are found.
#[derive(Debug, Default)]
struct Used {
    addresses: HashSet<(Family, u128)>,
    networks: HashSet<(Family, u128)>,
    is_coarse: bool,
    is_full: bool,
}

impl Used {
    fn enter(&mut self, address: (Family, u128)) {
        if !self.is_full {
            self.networks.insert(network_of(address));
            self.is_full = self.networks.len() > MAX_USED;
        }
        if !self.is_coarse {
            self.addresses.insert(address);
            self.is_coarse = self.addresses.len() > MAX_USED;
        }
        if self.is_coarse {
            drop(take(&mut self.addresses));
        }
        if self.is_full {
            drop(take(&mut self.networks));
        }
    }

    fn finish(self, told: HashSet<(Family, u128)>) -> Dark {
        let sorted = |numbers: HashSet<(Family, u128)>| {
            let mut sorted: Vec<_> = numbers.into_iter().collect();
            sorted.sort_unstable();
            sorted
        };
        let Self { is_coarse, is_full, .. } = self;
        let (used, networks) = (sorted(self.addresses), sorted(self.networks));
        Dark { used, networks, told: sorted(told), is_coarse, is_full }
    }
}

/// Enters what is inside, of a batch at a time.
struct Entering<'a> {
    inside: &'a Inside,
    used: &'a Mutex<Used>,
}

impl Entering<'_> {
    /// Says whether any of `addresses` is inside.
    fn enter(&self, addresses: impl Iterator<Item = IpAddr>) -> bool {
        let mut numbers: Vec<_> =
            addresses.filter(|&address| self.inside.has(address)).map(numbered).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let is_any = !numbers.is_empty();
        for number in numbers {
            used.enter(number);
        }
        is_any
    }
}

/// So many days are told apart: some may be of clocks that are wrong.
const MAX_DAYS: usize = 10_000;

/// Who sent anything, and on which days anybody inside did.
struct Sent<'a> {
    entering: Entering<'a>,
    days: BTreeSet<u64>,
}

impl<'a> Sent<'a> {
    const COLUMNS: Columns = Columns::of(&[Column::Src, Column::First]);

    fn of(inside: &'a Inside, used: &'a Mutex<Used>) -> Self {
        Self { entering: Entering { inside, used }, days: BTreeSet::new() }
    }
}

impl Aggregate for Sent<'_> {
    fn observe(&mut self, flows: &FlowBatch) -> Result<()> {
        if self.entering.enter((0..flows.len()).map(|row| flows.src.get(row))) {
            let mut last = None;
            for row in 0..flows.len() {
                let day = flows.first_ms[row] / DAY_MS;
                if last.replace(day) != Some(day)
                    && self.days.len() < MAX_DAYS
                    && self.entering.inside.has(flows.src.get(row))
                {
                    self.days.insert(day);
                }
            }
        }
        Ok(())
    }

    fn merge(&mut self, other: Self) -> Result<()> {
        self.days.extend(other.days);
        Ok(())
    }
}

/// Who was sent what acknowledges something that he sent.
struct Received<'a>(Entering<'a>);

impl Received<'_> {
    const COLUMNS: Columns = Columns::of(&[Column::Dst, Column::Protocol, Column::TcpFlags]);

    /// Whether such flags are of somebody who goes on talking: answers to who never asked have none but
    /// SYN and ACK, or RST.
    const fn is_of_talk(flags: u8) -> bool {
        flags & ACK != 0 && (flags & (PSH | FIN) != 0 || flags & (SYN | RST) == 0)
    }
}

impl Aggregate for Received<'_> {
    fn observe(&mut self, flows: &FlowBatch) -> Result<()> {
        let is_talk = |row: &usize| {
            flows.protocol[*row] == Protocol::TCP.0 && Self::is_of_talk(flows.tcp_flags[*row])
        };
        self.0.enter((0..flows.len()).filter(is_talk).map(|row| flows.dst.get(row)));
        Ok(())
    }

    fn merge(&mut self, _: Self) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
impl Dark {
    /// What is dark where these alone are in use.
    pub(super) fn but(used: impl IntoIterator<Item = IpAddr>) -> Self {
        let mut all = Used::default();
        used.into_iter().for_each(|address| all.enter(numbered(address)));
        let told = all.networks.clone();
        all.finish(told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn what_never_sent_is_dark_and_of_what_is_sampled_only_whole_networks() {
        let dark = Dark::but(["10.0.0.7", "10.0.2.1", "fd00::1"].map(address));
        for (of, alone, sampled) in [
            ("10.0.0.7", false, false),
            ("10.0.0.8", true, false),
            ("10.0.1.7", true, true),
            ("fd00::2", true, false),
            ("fd00:0:0:1::1", true, true),
        ] {
            assert_eq!(
                (dark.has(address(of), false, false), dark.has(address(of), true, false)),
                (alone, sampled)
            );
        }
        // Where nobody exports the way back, only beside somebody who is heard.
        for (of, is_dark) in [("10.0.0.8", true), ("10.0.0.7", false), ("10.0.1.7", false)] {
            assert_eq!(dark.has(address(of), false, true), is_dark, "{of}");
            assert!(!dark.has(address(of), true, true), "{of}");
        }
        // Of others it is not known.
        let dark = Dark::but([]);
        assert!(!dark.has(address("10.0.0.1"), false, false), "nobody exports what they send");
    }

    #[test]
    fn of_too_many_only_networks_are_known_and_of_too_many_of_these_nothing() {
        let enter = |used: &mut Used, address: IpAddr| used.enter(numbered(address));
        let mut used = Used::default();
        for host in 0..=MAX_USED as u32 {
            enter(&mut used, std::net::Ipv4Addr::from(0x0a00_0000 + host).into());
        }
        let dark = used.finish(HashSet::new());
        assert!(dark.is_coarse && dark.used.is_empty());
        // 10.0.0.0 to 10.8.0.0, so 10.8.0.255 is of a network in use, and 10.8.1.0 is not.
        let has = |text: &str| dark.has(address(text), false, false);
        assert!(!has("10.8.0.255") && has("10.8.1.0"));
        let mut used = Used::default();
        for network in 0..=MAX_USED as u128 {
            enter(&mut used, std::net::Ipv6Addr::from(0xfd00 << 112 | network << 64).into());
        }
        let dark = used.finish(HashSet::new());
        assert!(dark.is_full && !dark.has(address("fdff::1"), false, false));
    }

    #[test]
    fn only_talk_says_that_somebody_is_there() {
        for (flags, is_talk) in [
            (SYN, false),
            (SYN | ACK, false),
            (RST | ACK, false),
            (RST, false),
            (ACK, true),
            (SYN | ACK | PSH, true),
            (SYN | ACK | FIN | RST, true),
            (PSH | FIN, false),
        ] {
            assert_eq!(Received::is_of_talk(flags), is_talk, "{flags:02x}");
        }
    }
}

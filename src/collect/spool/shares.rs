//! Who holds how much of the spool, so that nobody fills it for all others.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use crate::load::MAX_EXPORTERS;

/// This part of the spool, one in so many, is for exporters that hold less than an equal share.
const RESERVED: u64 = 10;

/// A datagram in a batch of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::collect) struct Framed {
    /// Where its frame ends.
    pub(in crate::collect) end: usize,
    /// Who sent it.
    pub(in crate::collect) exporter: IpAddr,
}

/// Bytes by exporter; without an address, those of all that are too many to be told apart.
type Bytes = HashMap<Option<IpAddr>, u64>;

/// The bytes that each exporter has in the spool. What an earlier collector left is nobody's.
#[derive(Debug, Default)]
pub(super) struct Shares {
    held: Bytes,
    /// By the number of the segment.
    segments: BTreeMap<u64, Bytes>,
}

/// What of a batch goes into the spool.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Choice {
    All,
    /// The frames at these places.
    Some {
        places: Vec<usize>,
        /// Whether the others lack room, and not only a share of it.
        is_full: bool,
    },
}

impl Shares {
    /// Which of `framed` there is room for in a spool of `limit_bytes`, `room_bytes` of them free.
    pub(super) fn choose(&self, framed: &[Framed], room_bytes: u64, limit_bytes: u64) -> Choice {
        let reserved = limit_bytes / RESERVED;
        let all = framed.last().map_or(0, |last| last.end as u64);
        if all.saturating_add(reserved) <= room_bytes {
            return Choice::All;
        }
        let (mut places, mut is_full) = (Vec::new(), false);
        let mut taken = Bytes::new();
        let (mut sum, mut start) = (0, 0);
        for (place, &Framed { end, exporter }) in framed.iter().enumerate() {
            let bytes = (end - std::mem::replace(&mut start, end)) as u64;
            let needed = sum + bytes;
            let of_exporter = taken.entry(Some(exporter)).or_default();
            let fits = needed + reserved <= room_bytes
                || needed <= room_bytes && self.is_below_share(exporter, *of_exporter, limit_bytes);
            if fits {
                sum = needed;
                *of_exporter += bytes;
                places.push(place);
            } else {
                is_full |= needed > room_bytes;
            }
        }
        if places.len() == framed.len() { Choice::All } else { Choice::Some { places, is_full } }
    }

    /// Whether `exporter`, with `more` bytes, has less than an equal share of the spool.
    fn is_below_share(&self, exporter: IpAddr, more: u64, limit_bytes: u64) -> bool {
        let held = self.held.get(&Some(exporter));
        let exporters = self.held.len() as u64 + u64::from(held.is_none());
        held.unwrap_or(&0) + more < limit_bytes / exporters
    }

    /// Enters what was appended to the segment `number`.
    pub(super) fn enter(&mut self, number: u64, exporter: IpAddr, bytes: u64) {
        let key = Some(exporter);
        let is_known = self.held.contains_key(&key) || self.held.len() < MAX_EXPORTERS;
        let key = key.filter(|_| is_known);
        *self.held.entry(key).or_default() += bytes;
        *self.segments.entry(number).or_default().entry(key).or_default() += bytes;
    }

    /// Forgets the segment `number`, which goes.
    pub(super) fn forget(&mut self, number: u64) {
        for (exporter, bytes) in self.segments.remove(&number).unwrap_or_default() {
            if let Some(held) = self.held.get_mut(&exporter) {
                *held = held.saturating_sub(bytes);
                if *held == 0 {
                    self.held.remove(&exporter);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(exporter: u8) -> IpAddr {
        [192, 0, 2, exporter].into()
    }

    /// Frames of ten bytes each, of these exporters.
    fn frames(exporters: &[u8]) -> Vec<Framed> {
        let framed =
            |(at, &exporter): (usize, &u8)| Framed { end: (at + 1) * 10, exporter: from(exporter) };
        exporters.iter().enumerate().map(framed).collect()
    }

    #[test]
    fn the_last_tenth_is_for_those_that_hold_less_than_an_equal_share() {
        let mut shares = Shares::default();
        shares.enter(1, from(1), 860);
        shares.enter(1, from(2), 20);
        // There is room for two frames before the last tenth, and ten in it.
        let choose =
            |shares: &Shares, exporters: &[u8]| shares.choose(&frames(exporters), 1000 - 880, 1000);
        assert_eq!(choose(&shares, &[1, 1]), Choice::All);
        let some = |places: Vec<usize>, is_full| Choice::Some { places, is_full };
        assert_eq!(choose(&shares, &[1, 1, 1, 2, 1, 3]), some(vec![0, 1, 3, 5], false));
        assert_eq!(choose(&shares, &[2; 13]), some((0..12).collect(), true));
        // One that is alone has all of it.
        shares.forget(1);
        shares.enter(2, from(1), 880);
        assert_eq!(choose(&shares, &[1; 12]), Choice::All);
        assert_eq!(choose(&shares, &[1; 13]), some((0..12).collect(), true));
    }

    #[test]
    fn what_goes_is_held_no_more_and_the_table_is_bounded() {
        let mut shares = Shares::default();
        for number in 0..MAX_EXPORTERS as u32 + 50 {
            shares.enter(u64::from(number % 3), IpAddr::from(number.to_be_bytes()), 7);
        }
        assert_eq!(shares.held.len(), MAX_EXPORTERS + 1);
        assert_eq!(shares.held.values().sum::<u64>(), 7 * (MAX_EXPORTERS as u64 + 50));
        (0..3).for_each(|number| shares.forget(number));
        assert!(shares.held.is_empty() && shares.segments.is_empty());
    }
}

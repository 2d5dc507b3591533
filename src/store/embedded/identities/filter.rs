//! Tells of most identities that are not in a file that they are not, without reading it (a Bloom
//! filter).
//!
//! Whoever sends datagrams with old export times, again and again others, would have a block of some
//! file read for each of them.

use std::hash::BuildHasher;

use crate::flow::{DatagramId, low_u16, saturated_usize};
use crate::store::mix::Seeded;

/// So many bits for each identity: of others, one in a hundred is taken for one that may be there.
const BITS_EACH: usize = 10;
/// All bits of an identity lie in one line of the processor's cache.
const LINE_BITS: usize = 512;
/// So many bits are set for an identity.
const PROBES: u32 = 6;

type Line = [u64; LINE_BITS / 64];

/// A blocked Bloom filter (Putze, Sanders and Singler 2007) of the identities of one file.
#[derive(Debug)]
pub(super) struct Filter {
    lines: Vec<Line>,
}

impl Filter {
    /// The bytes that a filter of so many identities takes.
    pub(super) fn bytes_for(identities: usize) -> usize {
        lines_for(identities) * LINE_BITS / 8
    }

    /// The filter of `identities`, of which there are so many. Nobody outside knows `seeded`, so
    /// datagrams cannot be made up so that they pass.
    pub(super) fn of(
        identities: impl Iterator<Item = DatagramId>,
        count: usize,
        seeded: &Seeded,
    ) -> Self {
        let mut lines = vec![[0; LINE_BITS / 64]; lines_for(count)];
        for identity in identities {
            let (line, bits) = places(identity, lines.len(), seeded);
            for bit in bits {
                lines[line][bit / 64] |= 1 << (bit % 64);
            }
        }
        Self { lines }
    }

    /// Whether `identity` may be one of them.
    pub(super) fn may_hold(&self, identity: DatagramId, seeded: &Seeded) -> bool {
        let (line, mut bits) = places(identity, self.lines.len(), seeded);
        bits.all(|bit| self.lines[line][bit / 64] >> (bit % 64) & 1 == 1)
    }
}

fn lines_for(identities: usize) -> usize {
    (identities * BITS_EACH).div_ceil(LINE_BITS).max(1)
}

/// The line of `identity`, and the places of its bits in it.
fn places(
    identity: DatagramId,
    lines: usize,
    seeded: &Seeded,
) -> (usize, impl Iterator<Item = usize> + use<>) {
    let hash = seeded.hash_one(identity);
    // The line by the high half, the bits by what another multiplication makes of all of it.
    let line = saturated_usize(((hash >> 32) * lines as u64) >> 32);
    let mixed = seeded.hash_one(hash);
    (line, (0..PROBES).map(move |probe| usize::from(low_u16(mixed >> (9 * probe))) % LINE_BITS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::embedded::identities::file::tests::ids;

    #[test]
    fn what_is_there_passes_and_little_else() {
        let seeded = Seeded::default();
        for count in [1, 300, 100_000] {
            let there = ids(1_700_000_000, 3600, count);
            let filter = Filter::of(there.iter().copied(), count, &seeded);
            assert!(there.iter().all(|&id| filter.may_hold(id, &seeded)));
            let absent = there.iter().map(|id| DatagramId { hash: id.hash ^ 1 << 7, ..*id });
            let passed = absent.filter(|&id| filter.may_hold(id, &seeded)).count();
            assert!(passed * 40 <= count, "{passed} of {count}");
            assert_eq!(Filter::bytes_for(count), filter.lines.len() * 64);
        }
        let none = Filter::of(std::iter::empty(), 0, &seeded);
        assert!(!none.may_hold(DatagramId { exported_secs: 0, hash: 0 }, &seeded));
    }
}

//! Who gives way where a table that input fills is full.

use std::cmp::Reverse;
use std::net::IpAddr;

/// Of `entries`, each with its owner and when it was heard of last, those that go so that `keep`
/// are left, the first one first: those of owners that have most, down to as many as others have,
/// and of these the ones that were not heard of for longest.
///
/// So whoever fills a table takes no room from those who need little of it. It looks at all
/// entries: room is to be made for many at once.
pub(crate) fn giving_way<K>(mut entries: Vec<(IpAddr, u64, K)>, keep: usize) -> Vec<(IpAddr, K)> {
    let go = entries.len().saturating_sub(keep);
    entries.sort_unstable_by_key(|&(owner, heard, _)| (owner, Reverse(heard)));
    let mut ranked = Vec::with_capacity(entries.len());
    let mut last = None;
    for (owner, heard, entry) in entries {
        let rank = match last {
            Some((known, rank)) if known == owner => rank + 1,
            _ => 0,
        };
        last = Some((owner, rank));
        ranked.push((Reverse(rank), heard, owner, entry));
    }
    ranked.sort_by_key(|&(rank, heard, ..)| (rank, heard));
    ranked.into_iter().take(go).map(|(_, _, owner, entry)| (owner, entry)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_give_way_who_have_most_and_of_equals_the_longest_unheard() {
        let owner = |last: u8| IpAddr::from([192, 0, 2, last]);
        let entries = || {
            let one = (0..10).map(|heard| (owner(1), heard, ()));
            let two = (0..3).map(|heard| (owner(2), 100 + heard, ()));
            one.chain(two)
                .chain([(owner(3), 50, ())])
                .map(|(owner, heard, ())| (owner, heard, heard))
        };
        let go = |keep| {
            let gone = giving_way(entries().collect(), keep);
            gone.into_iter().map(|(_, heard)| heard).collect::<Vec<_>>()
        };
        assert!(go(14).is_empty());
        assert_eq!(go(8), [0, 1, 2, 3, 4, 5]);
        assert_eq!(go(5), [0, 1, 2, 3, 4, 5, 6, 7, 100]);
        assert_eq!(go(1).last(), Some(&50));
    }
}

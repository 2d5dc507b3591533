//! Stretches of export times: which files an identity may be in, told from the manifest alone.
//!
//! Damaged clocks scatter a few export times over decades. Told as one stretch from the first to
//! the last, a file that holds one of them would seem to hold everything.

use crate::flow::DatagramId;
use crate::store::embedded::folder::manifest::Span;

/// Export times further apart than this are in stretches of their own.
const GAP_SECS: u32 = 3600;
/// A file has at most so many stretches; the narrowest gaps between them are closed.
const MAX_SPANS: usize = 16;

impl Span {
    pub(super) fn contains(self, exported_secs: u32) -> bool {
        self.0 <= exported_secs && exported_secs <= self.1
    }
}

/// The stretches that these identities, which are sorted, lie in.
pub(super) fn spans_of(sorted: &[DatagramId]) -> Vec<Span> {
    let (Some(first), Some(last)) = (sorted.first(), sorted.last()) else {
        return Vec::new();
    };
    let mut gaps: Vec<Span> = sorted
        .windows(2)
        .map(|pair| Span(pair[0].exported_secs, pair[1].exported_secs))
        .filter(|gap| gap.1 - gap.0 > GAP_SECS)
        .collect();
    gaps.sort_unstable_by_key(|gap| std::cmp::Reverse(gap.1 - gap.0));
    gaps.truncate(MAX_SPANS - 1);
    gaps.sort_unstable_by_key(|gap| gap.0);
    let begins = std::iter::once(first.exported_secs).chain(gaps.iter().map(|gap| gap.1));
    let ends = gaps.iter().map(|gap| gap.0).chain(std::iter::once(last.exported_secs));
    begins.zip(ends).map(|(begin, end)| Span(begin, end)).collect()
}

/// Whether one of `spans` holds `exported_secs`, and the stretch around it for which that is so.
pub(super) fn held_around(spans: &[Span], exported_secs: u32) -> (bool, Span) {
    let mut around = Span(0, u32::MAX);
    for span in spans {
        if span.contains(exported_secs) {
            return (true, *span);
        }
        if span.1 < exported_secs {
            around.0 = around.0.max(span.1 + 1);
        } else {
            around.1 = around.1.min(span.0 - 1);
        }
    }
    (false, around)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ids(times: &[u32]) -> Vec<DatagramId> {
        times.iter().map(|&exported_secs| DatagramId { exported_secs, hash: 1 }).collect()
    }

    #[test]
    fn a_wrong_clock_gets_a_stretch_of_its_own() {
        for (times, spans) in [
            (&[][..], vec![]),
            (&[5], vec![Span(5, 5)]),
            (&[0, 3600, 7200], vec![Span(0, 7200)]),
            (&[0, 3601], vec![Span(0, 0), Span(3601, 3601)]),
            (
                &[0, 1000, 9000, u32::MAX],
                vec![Span(0, 1000), Span(9000, 9000), Span(u32::MAX, u32::MAX)],
            ),
        ] {
            assert_eq!(spans_of(&ids(times)), spans, "{times:?}");
        }
    }

    #[test]
    fn many_wrong_clocks_close_the_narrowest_gaps() {
        let times: Vec<u32> = (0..1000).map(|n| n * n * 4000).collect();
        let spans = spans_of(&ids(&times));
        assert_eq!(spans.len(), MAX_SPANS);
        assert_eq!(spans[0], Span(0, 984 * 984 * 4000));
        assert_eq!(spans[15], Span(999 * 999 * 4000, 999 * 999 * 4000));
    }

    proptest! {
        #[test]
        fn the_stretch_around_a_time_has_one_answer(
            mut times in prop::collection::vec(0u32..200_000, 0..40), asked in 0u32..200_000,
        ) {
            times.sort_unstable();
            let spans = spans_of(&ids(&times));
            let (held, around) = held_around(&spans, asked);
            prop_assert!(around.contains(asked));
            for end in [around.0, around.1, asked] {
                prop_assert_eq!(spans.iter().any(|span| span.contains(end)), held);
            }
            prop_assert!(times.iter().all(|&time| held_around(&spans, time).0));
            prop_assert!(held || !times.iter().any(|&time| around.contains(time)));
        }
    }
}

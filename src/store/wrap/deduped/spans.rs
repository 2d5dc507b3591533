//! When flows of one 5-tuple were under way.

use super::sightings::JITTER_MS;

/// From the first packet of a flow to the last, in milliseconds since 1970.
pub(super) type Span = (u64, u64);

/// Spans of flows of one 5-tuple. Whether one is among them takes the time of finding a place, however
/// many one sender makes up.
#[derive(Debug, Default)]
pub(super) struct Spans(Vec<Told>);

/// A span, and what tells at once of all that began before it, or later.
#[derive(Debug, Clone, Copy)]
struct Told {
    span: Span,
    /// The latest end of those up to this one.
    latest_ms: u64,
    /// Likewise, of those that are longer than the jitter; 0 where none is.
    latest_of_long_ms: u64,
    /// The earliest end of those from this one on.
    earliest_ms: u64,
}

impl Spans {
    /// Adds one. What is there already may be counted again, until it is put in order.
    pub(super) fn add(&mut self, span: Span) {
        let spans = &mut self.0;
        if spans.len() == spans.capacity() {
            order(spans);
            // Twice as many are put in order the next time.
            spans.reserve_exact(spans.len().max(1));
        }
        spans.push(Told { span, latest_ms: 0, latest_of_long_ms: 0, earliest_ms: 0 });
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Makes them ready to be asked, when all are there.
    pub(super) fn settle(&mut self) {
        order(&mut self.0);
        let (mut latest, mut of_long) = (0, 0);
        for told in &mut self.0 {
            let (first, last) = told.span;
            latest = last.max(latest);
            if first.saturating_add(JITTER_MS) < last {
                of_long = last.max(of_long);
            }
            (told.latest_ms, told.latest_of_long_ms) = (latest, of_long);
        }
        let mut earliest = u64::MAX;
        for told in self.0.iter_mut().rev() {
            earliest = told.span.1.min(earliest);
            told.earliest_ms = earliest;
        }
    }

    /// Whether one of them and this span may be of one flow, as two routers see it: it began within the
    /// jitter for both, or for one while it was under way for the other. Where one part of a long flow
    /// ends the next one begins, and is told from it by its end, or by neither being long.
    pub(super) fn have_one_of(&self, (first, last): Span) -> bool {
        let earlier = self.begun_before(first.saturating_sub(JITTER_MS));
        let later = self.begun_before(first.saturating_add(JITTER_MS + 1));
        if earlier < later {
            return true;
        }
        let of_earlier = earlier.checked_sub(1).is_some_and(|place| {
            let Told { latest_ms, latest_of_long_ms, .. } = self.0[place];
            let end_ms = last.saturating_sub(JITTER_MS);
            latest_ms >= first.saturating_add(JITTER_MS)
                || latest_ms >= end_ms.max(first)
                || latest_of_long_ms > 0 && latest_of_long_ms >= end_ms
        });
        let is_long = first.saturating_add(JITTER_MS) < last;
        let of_later = self.0.get(later).is_some_and(|told| {
            told.span.0.saturating_add(JITTER_MS) <= last
                || is_long && told.earliest_ms <= last.saturating_add(JITTER_MS)
        });
        of_earlier || of_later
    }

    /// How many began before `time_ms`.
    fn begun_before(&self, time_ms: u64) -> usize {
        self.0.partition_point(|told| {
            #[cfg(test)]
            tests::STEPS.set(tests::STEPS.get() + 1);
            told.span.0 < time_ms
        })
    }
}

fn order(spans: &mut Vec<Told>) {
    spans.sort_unstable_by_key(|told| told.span);
    spans.dedup_by_key(|told| told.span);
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;

    use super::*;

    thread_local! {
        /// At how many spans was looked.
        pub(super) static STEPS: Cell<u64> = const { Cell::new(0) };
    }

    fn spans(all: impl IntoIterator<Item = Span>) -> Spans {
        let mut spans = Spans::default();
        for span in all {
            spans.add(span);
        }
        spans.settle();
        spans
    }

    /// The rule, of two spans.
    fn are_of_one(one: Span, other: Span) -> bool {
        let (early, late) = if one.0 <= other.0 { (one, other) } else { (other, one) };
        let is_long = early.0 + JITTER_MS < early.1;
        let is_within = late.1 <= early.1 + JITTER_MS;
        late.0 <= early.0 + JITTER_MS
            || late.0 + JITTER_MS <= early.1
            || is_within && (is_long || late.0 <= early.1)
    }

    fn span() -> impl Strategy<Value = Span> {
        // In steps that meet the jitter exactly, and steps beside them.
        let moment = || (0_u64..14, 0_u64..3).prop_map(|(half, more)| half * 500 + more);
        let length = prop_oneof![0_u64..3, moment()];
        (moment(), length).prop_map(|(first, length)| (first, first + length))
    }

    proptest! {
        #[test]
        fn one_of_many_is_found_as_by_a_look_at_each(
            all in proptest::collection::vec(span(), 0..12),
            asked in span(),
        ) {
            let expected = all.iter().any(|&told| are_of_one(told, asked));
            prop_assert_eq!(spans(all).have_one_of(asked), expected);
        }
    }

    #[test]
    fn what_one_sender_makes_up_takes_no_look_at_each() {
        const SPANS: u64 = 100_000;
        let told = spans((0..SPANS).map(|number| (number * 5_000, number * 5_000 + 10)));
        STEPS.set(0);
        for (later_ms, expected) in [(2_500, 0), (900, SPANS as usize)] {
            let asked = (0..SPANS).map(|number| number * 5_000 + later_ms);
            let found = asked.filter(|&first| told.have_one_of((first, first + 5))).count();
            assert_eq!(found, expected, "{later_ms}");
        }
        // Each looks for two places among 100,000, which takes 17 steps or 18.
        assert!(STEPS.get() <= 2 * SPANS * 2 * 18, "{}", STEPS.get());
    }

    #[test]
    fn what_is_told_again_is_kept_once() {
        let mut spans = Spans::default();
        for number in 0..100_000_u64 {
            spans.add((number % 3, 9));
        }
        assert!(spans.len() <= 8, "{}", spans.len());
        spans.settle();
        assert_eq!(spans.len(), 3);
    }
}

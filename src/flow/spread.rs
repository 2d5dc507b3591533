//! A flow's octets and packets, spread over the time that it lasted.

/// The shares of `value` in stretches of `width_ms` since 1970, where it is spread evenly from `first`
/// to `end`: the number of each stretch with its share.
///
/// Each gets the rounded share of the time up to its end, less what those before it got. So the
/// shares add up to the value, and longer stretches have what the shorter ones in them have.
#[inline]
pub(crate) fn shares(
    first: u64,
    end: u64,
    value: u64,
    width_ms: u64,
) -> impl Iterator<Item = (u64, u128)> {
    let (from, to) = (first / width_ms, end.saturating_sub(1).max(first) / width_ms);
    let (value, duration) = (u128::from(value), u128::from(end - first));
    let mut given = 0;
    (from..=to).map(move |stretch| {
        let so_far = if stretch == to {
            value
        } else {
            let elapsed = u128::from((stretch + 1) * width_ms - first);
            (value * elapsed + duration / 2) / duration
        };
        let share = so_far - given;
        given = so_far;
        (stretch, share)
    })
}

/// How much of `value`, spread evenly from `first` to `end`, came before `moment`: rounded, as
/// [`shares`] has it.
#[inline]
pub(crate) fn come_before(moment: u64, first: u64, end: u64, value: u64) -> u128 {
    if moment <= first {
        return 0;
    }
    if moment >= end {
        return value.into();
    }
    let (elapsed, duration) = (u128::from(moment - first), u128::from(end - first));
    (u128::from(value) * elapsed + duration / 2) / duration
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_came_before_the_end_of_a_stretch_is_its_share_and_those_before(
            first in 0u64..5000, duration in 0u64..3000, value: u64, width in 1u64..700,
        ) {
            let end = first + duration;
            for (stretch, share) in shares(first, end, value, width) {
                let before = |moment| come_before(moment, first, end, value);
                let (begin, next) = (stretch * width, (stretch + 1) * width);
                prop_assert_eq!(before(next) - before(begin), share);
            }
        }
    }
}

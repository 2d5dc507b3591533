//! Counters among the elements of a flow, which are multiplied as its octets and packets are: those of
//! its way back, and those that were taken behind the router.

use std::mem::take;

use crate::flow::{Extra, FlowBatch, REVERSE_ENTERPRISE, extras, push_extra, unsigned};

/// Multiplies them by the factor of each flow's source.
pub(super) fn scale(flows: &mut FlowBatch, factors: &[u64]) {
    let told = take(&mut flows.extras);
    let mut scaled = Vec::new();
    for (row, &source) in flows.source.iter().enumerate().take(told.len()) {
        let factor = factors.get(source as usize).copied().unwrap_or(1);
        scaled.clear();
        for extra in extras(told.get(row)) {
            let product = unsigned(extra.value).saturating_mul(factor).to_be_bytes();
            let value = if factor > 1 && counts(extra) { &product } else { extra.value };
            // A counter that grew may have no room any more; it is left out then, as others are.
            push_extra(&mut scaled, 0, Extra { value, ..extra });
        }
        flows.extras.set(row, &scaled);
    }
}

/// Whether an element counts octets or packets.
const fn counts(extra: Extra<'_>) -> bool {
    // Deltas and totals, before the router and behind it; what firewalls call those of both ends.
    let of_any_way = matches!(extra.number, 1 | 2 | 23 | 24 | 85 | 86 | 171 | 172);
    let of_ends = matches!(extra.number, 231 | 232 | 298 | 299);
    match extra.enterprise {
        0 => of_any_way || of_ends,
        REVERSE_ENTERPRISE => of_any_way,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::{ElementId, Family, extra_value};

    #[test]
    fn counters_are_multiplied_and_other_elements_stay() {
        let elements = [
            (1, REVERSE_ENTERPRISE, 300),
            (2, REVERSE_ENTERPRISE, 3),
            (58, 0, 7),
            (232, 0, u64::MAX),
        ];
        let mut flows = FlowBatch::new(Family::V4);
        for row in 0..3 {
            let mut bytes = Vec::new();
            for (number, enterprise, value) in elements {
                let value = &u64::to_be_bytes(value)[..];
                push_extra(&mut bytes, 0, Extra { number, enterprise, value });
            }
            flows.source.push(row % 2);
            // The second has none.
            if row != 1 {
                flows.extras.set(row as usize, &bytes);
            }
        }
        scale(&mut flows, &[100, 1]);
        let told = |row: usize, number, enterprise| {
            extra_value(flows.extras.get(row), ElementId { number, enterprise }).map(unsigned)
        };
        for row in [0, 2] {
            assert_eq!(told(row, 1, REVERSE_ENTERPRISE), Some(30_000));
            assert_eq!(told(row, 2, REVERSE_ENTERPRISE), Some(300));
            assert_eq!((told(row, 58, 0), told(row, 232, 0)), (Some(7), Some(u64::MAX)));
        }
        assert_eq!(told(1, 58, 0), None);
    }
}

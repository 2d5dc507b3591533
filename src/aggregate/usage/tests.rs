use proptest::prelude::*;

use super::grid::{Filling, Grid};
use super::*;
use crate::aggregate::{Aggregate, parse_keys};
use crate::flow::{Family, FlowBatch, UnixMillis, shares};

fn axis(since: u64, until: u64, bin_ms: u64) -> Axis {
    let window = TimeRange { since: UnixMillis(since), until: UnixMillis(until) };
    Axis { window, bin_ms }
}

/// What flows, (first, duration, octets), come to in bins.
fn filled(axis: Axis, flows: &[(u64, u32, u64)]) -> Vec<u128> {
    let mut batch = FlowBatch::new(Family::V4);
    for &(first, duration, octets) in flows {
        batch.first_ms.push(first);
        batch.duration_ms.push(duration);
        batch.octets.push(octets);
    }
    batch.set_len(flows.len());
    let grid = Grid::new(axis, 1);
    let mut filling = Filling { grid: &grid, by: Measure::Octets, into: Into::One(0) };
    filling.observe(&batch).unwrap();
    grid.values(0)
}

#[test]
fn what_falls_outside_of_the_time_does_not_count() {
    for (flow, expected) in [
        ((5, 20, 20), &[10, 5, 0][..]),
        ((0, 40, 40), &[10, 10, 5]),
        ((10, 0, 7), &[7, 0, 0]),
        ((34, 0, 7), &[0, 0, 7]),
        ((35, 0, 7), &[0, 0, 0]),
        ((35, 100, 7), &[0, 0, 0]),
        ((0, 10, 7), &[0, 0, 0]),
        ((u64::MAX, u32::MAX, 7), &[0, 0, 0]),
    ] {
        // The last bin is half as long.
        assert_eq!(filled(axis(10, 35, 10), &[flow]), expected, "{flow:?}");
    }
}

#[test]
fn sums_go_beyond_64_bits() {
    let whole = u128::from(u64::MAX);
    let flows = [(0, 0, u64::MAX), (3, 0, u64::MAX), (12, 0, 1), (5, 0, 9)];
    assert_eq!(filled(axis(0, 20, 10), &flows), [2 * whole + 9, 1]);
}

proptest! {
    #[test]
    fn bins_that_begin_with_those_of_a_timeline_have_the_same(
        flows in prop::collection::vec((0u64..900, 0u32..500, 0u64..10_000), 0..20),
        bin in 1u64..90,
    ) {
        let axis = axis(2 * bin, 9 * bin, bin);
        let mut expected = vec![0; 7];
        for &(first, duration, octets) in &flows {
            for (stretch, share) in shares(first, first + u64::from(duration), octets, bin) {
                if (2..9).contains(&stretch) {
                    expected[stretch as usize - 2] += share;
                }
            }
        }
        prop_assert_eq!(filled(axis, &flows), expected);
    }
}

#[test]
fn ways_are_told_as_keys_see_them() {
    for (key, expected) in [
        ("ip", &[Way::Out, Way::In][..]),
        ("ip/24", &[Way::Out, Way::In]),
        ("as", &[Way::Out, Way::In]),
        ("mac", &[Way::Out, Way::In]),
        ("if", &[Way::In, Way::Out]),
        ("exporter,if", &[Way::In, Way::Out]),
        ("vlan", &[Way::In, Way::Out]),
        ("vrf", &[Way::In, Way::Out]),
        ("src,if", &[Way::In, Way::Out]),
        ("src/24", &[Way::Out]),
        ("dst", &[Way::In]),
        ("srcas", &[Way::Out]),
        ("dstas", &[Way::In]),
        ("exporter,srcas", &[Way::Out]),
        ("srcport", &[Way::Out]),
        ("dstport:p", &[Way::In]),
        ("input", &[Way::In]),
        ("exporter,output", &[Way::Out]),
        ("srcvlan", &[Way::In]),
        ("dstvlan", &[Way::Out]),
        ("srcmac", &[Way::Out]),
        ("dstmac", &[Way::In]),
        ("outsrcmac", &[Way::Out]),
        ("outdstmac", &[Way::In]),
        ("ingressvrf", &[Way::In]),
        ("egressvrf", &[Way::Out]),
        ("application", &[Way::Any]),
        ("exporter", &[Way::Any]),
        ("proto,bin:1h", &[Way::Any]),
    ] {
        assert_eq!(ways(&parse_keys(key).unwrap()), expected, "{key}");
    }
}

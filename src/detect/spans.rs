//! Counters spread evenly over the time in which they were counted, in bins of one width.
//!
//! Of what lasts for a day only the first bin, the last one and what lies between as a rate are kept, so
//! that it costs as much as what lasts for a second; the rate is added up when the bins are read.
//! Numbers are of fixed point, and what is rounded off is in the last bin, so that all shares add up to
//! what was counted.

use std::collections::BTreeMap;
use std::mem::take;
use std::ops::{Add, AddAssign, Neg};

/// Of slow flows a bin has less than a packet: shares are so many parts of one.
const PARTS: u128 = 1 << 20;

/// So many bins are kept, of each thread's host: half a year of minutes.
const MAX_BINS: usize = 1 << 18;

/// Packets and octets, in parts; negative only as a step of a rate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Amount {
    packets: i128,
    octets: i128,
}

impl Add for Amount {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { packets: self.packets + other.packets, octets: self.octets + other.octets }
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Neg for Amount {
    type Output = Self;

    fn neg(self) -> Self {
        Self { packets: -self.packets, octets: -self.octets }
    }
}

/// What a bin has for itself, and by how much more each bin from it on has than those before.
#[derive(Debug, Clone, Copy, Default)]
struct Step {
    own: Amount,
    rate: Amount,
}

/// Bins on end that have as much each.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Run {
    /// The first bin, as its time over the width.
    pub(super) from: u64,
    pub(super) bins: u64,
    pub(super) packets: f64,
    pub(super) octets: f64,
}

impl Run {
    /// The bin behind the last.
    pub(super) fn end(&self) -> u64 {
        self.from + self.bins
    }
}

/// Counters by bins.
#[derive(Debug)]
pub(super) struct Spans {
    width_ms: u64,
    steps: BTreeMap<u64, Step>,
    /// How many were left out for want of room.
    pub(super) left_out: u64,
}

impl Spans {
    pub(super) fn new(width_ms: u64) -> Self {
        Self { width_ms: width_ms.max(1), steps: BTreeMap::new(), left_out: 0 }
    }

    /// Counts what was seen from `first_ms` to `last_ms`; what lasts no time is in one bin.
    pub(super) fn add(&mut self, (first_ms, last_ms): (u64, u64), packets: u64, octets: u64) {
        // A span has four steps at most.
        if self.steps.len() + 4 > MAX_BINS {
            self.left_out += 1;
            return;
        }
        let end_ms = last_ms.max(first_ms.saturating_add(1));
        let (from, to) = (first_ms / self.width_ms, (end_ms - 1) / self.width_ms);
        let lasts = u128::from((end_ms - first_ms).max(1));
        let all = |count: u64| u128::from(count) * PARTS;
        if from == to {
            self.step(from).own += amount(all(packets), all(octets));
            return;
        }
        let head_ms = u128::from((from + 1).saturating_mul(self.width_ms) - first_ms);
        let head = |count: u64| all(count) * head_ms / lasts;
        let rate = |count: u64| all(count) * u128::from(self.width_ms) / lasts;
        let between = u128::from(to - from - 1);
        let tail = |count: u64| all(count) - head(count) - rate(count) * between;
        let [head, rate, tail] = [
            amount(head(packets), head(octets)),
            amount(rate(packets), rate(octets)),
            amount(tail(packets), tail(octets)),
        ];
        self.step(from).own += head;
        self.step(to).own += tail;
        if between > 0 {
            self.step(from + 1).rate += rate;
            self.step(to).rate += -rate;
        }
    }

    fn step(&mut self, bin: u64) -> &mut Step {
        self.steps.entry(bin).or_default()
    }

    /// All bins that have something, rising; what is kept is forgotten.
    pub(super) fn take(&mut self) -> Vec<Run> {
        let (mut runs, mut rate, mut behind) = (Vec::new(), Amount::default(), 0);
        for (bin, step) in take(&mut self.steps) {
            push(&mut runs, behind, bin - behind, rate);
            rate += step.rate;
            push(&mut runs, bin, 1, step.own + rate);
            behind = bin + 1;
        }
        runs
    }
}

/// Of no more than a u64 in parts, so that it fits.
fn amount(packets: u128, octets: u128) -> Amount {
    Amount { packets: packets.cast_signed(), octets: octets.cast_signed() }
}

fn push(runs: &mut Vec<Run>, from: u64, bins: u64, amount: Amount) {
    let whole = |parts: i128| parts as f64 / PARTS as f64;
    if bins > 0 && amount != Amount::default() {
        let Amount { packets, octets } = amount;
        runs.push(Run { from, bins, packets: whole(packets), octets: whole(octets) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bins(runs: &[Run]) -> Vec<(u64, f64)> {
        runs.iter().flat_map(|run| (run.from..run.end()).map(|bin| (bin, run.octets))).collect()
    }

    #[test]
    fn a_share_is_of_its_time() {
        // From 30 s to 210 s: half a minute, two whole ones, and half a minute, of 180 s.
        let mut spans = Spans::new(60_000);
        spans.add((30_000, 210_000), 18, 1_800);
        let expected = [(0, 300.0), (1, 600.0), (2, 600.0), (3, 300.0)];
        let found = bins(&spans.take());
        assert_eq!(found.len(), expected.len());
        for ((bin, octets), (expected_bin, expected)) in found.into_iter().zip(expected) {
            assert_eq!(bin, expected_bin);
            // A 2^20th part of an octet is rounded off.
            assert!((octets - expected).abs() < 1e-4, "{octets} in minute {bin}");
        }
        assert_eq!(spans.take(), []);
    }

    #[test]
    fn a_day_takes_as_many_steps_as_a_few_minutes() {
        let mut spans = Spans::new(60_000);
        for _ in 0..1_000 {
            spans.add((30_000, 86_430_000), 1_000, 1_000_000);
        }
        assert_eq!(spans.steps.len(), 3);
        let runs = spans.take();
        assert_eq!(runs.iter().map(|run| run.bins).sum::<u64>(), 1_441);
        // The first minute, the one in which the rate begins, those that follow, and the last.
        assert_eq!(runs.iter().map(|run| run.bins).collect::<Vec<_>>(), [1, 1, 1_438, 1]);
    }

    proptest! {
        #[test]
        fn shares_add_up_to_what_was_counted(
            flows in prop::collection::vec((0..400_000_u64, 0..400_000_u64, 0..9_000_u64), 1..40),
        ) {
            let mut spans = Spans::new(60_000);
            for &(first, lasts, octets) in &flows {
                spans.add((first, first + lasts), octets / 40, octets);
            }
            let runs = spans.take();
            let parts: f64 = runs.iter().map(|run| run.octets * run.bins as f64).sum();
            let counted: u64 = flows.iter().map(|flow| flow.2).sum();
            prop_assert!((parts - counted as f64).abs() < 1e-6, "{parts} of {counted}");
            // Bin by bin as by counting each millisecond's share.
            for (bin, octets) in bins(&runs) {
                let (begin, end) = (bin * 60_000, (bin + 1) * 60_000);
                let share = |&(first, lasts, octets): &(u64, u64, u64)| {
                    let (last, lasts) = (first + lasts.max(1), lasts.max(1));
                    let within = last.min(end).saturating_sub(first.max(begin));
                    octets as f64 * within as f64 / lasts as f64
                };
                let expected: f64 = flows.iter().map(share).sum();
                prop_assert!((octets - expected).abs() < 0.01, "{octets} for {expected}");
            }
        }
    }
}

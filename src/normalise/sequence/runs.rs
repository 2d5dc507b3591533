//! The runs of an exporter, from one start to the next, and which numbers were seen of each.

use super::{Span, Told};
use crate::flow::{UnixMillis, low_u32};

/// A leap of the sequence number by more than this many flows is taken for a restart of the
/// exporter, in either direction.
pub const MAX_LEAP: u32 = 1 << 24;

/// A leap by more than this many flows counts only when the next datagram follows it: a damaged
/// header would otherwise lose thousands of flows that were never sent.
pub const MAX_UNCONFIRMED_LEAP: u32 = 1 << 15;

/// So many gaps of a stream are remembered. What arrives late fills the gap that it left, unless
/// so many newer ones have been left since.
pub const MAX_GAPS: usize = 64;

/// So many runs of an exporter, from one start to the next, are remembered.
pub(super) const MAX_RUNS: usize = 4;

/// Two exports come from one run of the exporter if by their headers it started at the same time,
/// give or take this: clocks are set, and drift.
const SAME_START_MS: u32 = 60_000;

/// An export whose sequence number is at most so many flows from where the stream stands comes
/// from the same run, whatever its clock says: the clocks of one router's cards, whose exports
/// share a sequence, were seen minutes apart.
const NEAR_FLOWS: i64 = 1024;

/// The runs of one stream, the one that was heard of last in front.
#[derive(Debug, Clone, Default)]
pub(super) struct Runs {
    pub(super) runs: Vec<Run>,
    /// Lost in runs that are no longer remembered.
    lost_before: u64,
}

impl Runs {
    pub(super) fn observe(&mut self, told: Told, span: Span) {
        let goes_on = self.runs.first().is_some_and(|run| run.goes_on_at(span.from));
        let known = if goes_on {
            Some(0)
        } else {
            self.runs.iter().position(|run| run.bears(told, span.from))
        };
        match known {
            Some(0) => {}
            Some(place) => self.runs[..=place].rotate_right(1),
            None => {
                if self.runs.len() == MAX_RUNS {
                    self.lost_before += self.runs.pop().map_or(0, |run| run.lost);
                }
                self.runs.insert(0, Run::new(told, span));
            }
        }
        self.runs[0].observe(told, span);
    }

    pub(super) fn lost(&self) -> u64 {
        self.lost_before + self.runs.iter().map(|run| run.lost).sum::<u64>()
    }
}

/// What was seen of one run of an exporter. Positions are sequence numbers that do not wrap.
#[derive(Debug, Clone)]
pub(super) struct Run {
    /// When the exporter started, modulo 2³² ms, if it tells.
    start_ms: Option<u32>,
    /// When the last of these was exported.
    exported: UnixMillis,
    /// Nothing before this position was seen.
    begin: i64,
    /// Nothing from this position on was seen.
    end: i64,
    /// What was not seen between them, in order: from, to.
    pub(super) gaps: Vec<(i64, i64)>,
    /// Flows in these gaps, and in those that were forgotten.
    lost: u64,
    /// Seen beyond a leap that nothing confirmed yet: from, to.
    beyond: Option<(i64, i64)>,
}

impl Run {
    fn new(told: Told, span: Span) -> Self {
        let begin = i64::from(span.from);
        let end = begin + i64::from(span.count);
        let (start_ms, exported) = (told.start_ms(), told.exported());
        Self { start_ms, exported, begin, end, gaps: Vec::new(), lost: 0, beyond: None }
    }

    /// Whether a datagram whose header tells this can be one of this run.
    fn bears(&self, told: Told, from: u32) -> bool {
        let near = if let (Some(start_ms), Some(known_ms)) = (told.start_ms(), self.start_ms) {
            let later_ms = start_ms.wrapping_sub(known_ms);
            later_ms <= SAME_START_MS || later_ms.wrapping_neg() <= SAME_START_MS
        } else {
            // What was exported later and counts from before has begun again.
            told.exported() <= self.exported || self.position(from) >= self.end
        };
        let position = self.position(from);
        let reach = i64::from(MAX_LEAP);
        near && (self.begin - reach..=self.end + reach).contains(&position)
    }

    /// Whether `from` is just about where this run stands.
    fn goes_on_at(&self, from: u32) -> bool {
        let position = self.position(from);
        position >= self.begin && (position - self.end).abs() <= NEAR_FLOWS
    }

    /// The position whose sequence number is `from`, next to the end.
    fn position(&self, from: u32) -> i64 {
        let ahead = from.wrapping_sub(low_u32(self.end.cast_unsigned()));
        self.end + i64::from(ahead.cast_signed())
    }

    fn observe(&mut self, told: Told, span: Span) {
        self.start_ms = told.start_ms();
        self.exported = self.exported.max(told.exported());
        let from = self.position(span.from);
        let seen = (from, from + i64::from(span.count));
        if !self.leaps_to(seen) {
            self.see(seen);
        } else if let Some(beyond) = self.beyond.take()
            && (beyond.0 - seen.0).abs() <= i64::from(MAX_UNCONFIRMED_LEAP)
            && beyond != seen
        {
            self.see(beyond);
            self.see(seen);
        } else {
            self.beyond = Some(seen);
        }
    }

    fn leaps_to(&self, seen: (i64, i64)) -> bool {
        let leap = (seen.0 - self.end).max(self.begin - seen.1);
        leap > i64::from(MAX_UNCONFIRMED_LEAP)
    }

    fn see(&mut self, (from, to): (i64, i64)) {
        if from > self.end {
            self.leave_gap(self.end, from);
        } else if to < self.begin {
            self.leave_gap(to, self.begin);
        } else if !self.gaps.is_empty() {
            self.fill_gaps(from, to);
        }
        self.begin = self.begin.min(from);
        self.end = self.end.max(to);
    }

    /// Notes that nothing of `from..to` was seen, which lies before or behind all other gaps.
    fn leave_gap(&mut self, from: i64, to: i64) {
        self.lost += (to - from).unsigned_abs();
        if self.gaps.len() == MAX_GAPS {
            self.gaps.remove(0);
        }
        let place = self.gaps.partition_point(|gap| gap.0 < from);
        self.gaps.insert(place, (from, to));
    }

    fn fill_gaps(&mut self, from: i64, to: i64) {
        let touched = self.gaps.partition_point(|gap| gap.1 <= from)
            ..self.gaps.partition_point(|gap| gap.0 < to);
        if touched.is_empty() {
            return;
        }
        let (head, tail) = (self.gaps[touched.start].0, self.gaps[touched.end - 1].1);
        let left = [(head, from), (to, tail)].into_iter().filter(|gap| gap.0 < gap.1);
        let before: i64 = self.gaps[touched.clone()].iter().map(|gap| gap.1 - gap.0).sum();
        let after: i64 = left.clone().map(|gap| gap.1 - gap.0).sum();
        self.lost -= (before - after).unsigned_abs();
        self.gaps.splice(touched, left);
        // A gap may have become two.
        if self.gaps.len() > MAX_GAPS {
            self.gaps.remove(0);
        }
    }
}

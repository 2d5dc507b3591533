//! Bins while they fill: a stretch of them without gaps, which grows at both ends.

use std::collections::VecDeque;

use super::BinWidth;
use crate::aggregate::{Aggregate, KnownKeys, Measure};
use crate::flow::{Columns, FlowBatch, UnixMillis, shares};
use crate::store::Result;

/// So many bins of a given width there may be.
pub const MAX_BINS: usize = 100_000;
/// So many series the most bins may have; where there are more series, bins are fewer.
const USUAL_SERIES: usize = 2;

/// Bins of several series, while they are filled. Times in here are moved by the shift.
#[derive(Debug)]
pub(super) struct Bins<'a> {
    by: Measure,
    width: BinWidth,
    shift_ms: u64,
    filled: Filled<'a>,
    series: usize,
    width_ms: u64,
    most: usize,
    /// The time that all flows so far take; none before the first.
    span: Option<Span>,
    /// The bins of that time, from that of its first moment on, each with its value of each series.
    /// None after there were too many.
    cells: VecDeque<u128>,
    overflowed: bool,
}

/// Which series flows go into.
#[derive(Debug, Clone, Copy)]
pub(super) enum Filled<'a> {
    /// All into the one of that number.
    One(usize),
    /// Each into that of its key, and those of other keys into the one behind these.
    OfKey(&'a KnownKeys),
}

impl Filled<'_> {
    /// What must be known of a flow to tell its series.
    pub(super) fn columns(self) -> Columns {
        match self {
            Self::One(_) => Columns::NONE,
            Self::OfKey(keys) => keys.columns(),
        }
    }
}

/// From one moment to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub first: u64,
    pub last: u64,
}

impl Span {
    fn and(self, other: Self) -> Self {
        Self { first: self.first.min(other.first), last: self.last.max(other.last) }
    }
}

/// How many bins there may be of `series` series, of `most` that are wanted, where usual ones are
/// at most `usual`.
fn room(most: usize, usual: usize, series: usize) -> usize {
    most.min(usual.saturating_mul(USUAL_SERIES) / series.max(USUAL_SERIES)).max(2)
}

impl<'a> Bins<'a> {
    /// No bins yet, of so many series.
    pub(super) fn new(
        by: Measure,
        width: BinWidth,
        shift_ms: u64,
        (filled, series): (Filled<'a>, usize),
    ) -> Self {
        let (width_ms, most) = width.start();
        let most = room(most, MAX_BINS, series);
        let (span, cells) = (None, VecDeque::new());
        Self { by, width, shift_ms, filled, series, width_ms, most, span, cells, overflowed: false }
    }

    /// As many bins as `most`, or fewer where they have many series.
    pub(super) fn up_to(self, most: usize) -> Self {
        Self { most: room(most, most, self.series), ..self }
    }

    /// How many there may be.
    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// How long each bin is.
    pub(super) fn width_ms(&self) -> u64 {
        self.width_ms
    }

    pub(super) fn len(&self) -> usize {
        self.cells.len() / self.series
    }

    /// When a bin begins.
    pub(super) fn start(&self, bin: u64) -> UnixMillis {
        self.moment((self.first_bin() + bin).saturating_mul(self.width_ms))
    }

    /// A time of these bins as a moment.
    pub(super) fn moment(&self, time: u64) -> UnixMillis {
        UnixMillis(time.saturating_sub(self.shift_ms))
    }

    /// The values of a series, bin by bin.
    pub(super) fn values(&self, series: usize) -> impl Iterator<Item = u128> {
        self.cells.iter().copied().skip(series).step_by(self.series)
    }

    /// Whether these bins begin where those of another shift would.
    pub(super) fn is_shifted_as(&self, shift_ms: u64) -> bool {
        self.cells.is_empty() || self.shift_ms.abs_diff(shift_ms).is_multiple_of(self.width_ms)
    }

    /// Whether these bins may come to be [of](Self::are_of) stretches of so many milliseconds.
    pub(super) fn may_be_of(&self, stretch_ms: u64) -> bool {
        self.shift_ms.is_multiple_of(stretch_ms)
            && (self.width_ms.is_multiple_of(stretch_ms)
                || self.width.wider(self.width_ms).is_some())
    }

    /// Whether each of these bins is made of whole stretches of so many milliseconds since 1970.
    pub(super) fn are_of(&self, stretch_ms: u64) -> bool {
        self.shift_ms.is_multiple_of(stretch_ms)
            && self.width_ms.is_multiple_of(stretch_ms)
            && !self.overflowed
    }

    /// The time that was too much for bins of this width.
    pub(super) fn overflow(&self) -> Option<Span> {
        self.span.filter(|_| self.overflowed)
    }

    fn first_bin(&self) -> u64 {
        self.span.map_or(0, |span| span.first / self.width_ms)
    }

    /// Sees that there are bins for `more`, longer ones if need be.
    fn cover(&mut self, more: Span) {
        let span = self.span.map_or(more, |span| span.and(more));
        while !self.overflowed
            && (span.last / self.width_ms - span.first / self.width_ms) >= self.most as u64
        {
            if let Some(width_ms) = self.width.wider(self.width_ms) {
                self.widen(width_ms);
            } else {
                self.overflowed = true;
                self.cells = VecDeque::new();
            }
        }
        if !self.overflowed {
            let (first, last) = (span.first / self.width_ms, span.last / self.width_ms);
            let begun = self.span.map_or(first, |span| span.first / self.width_ms);
            for _ in 0..(begun - first) as usize * self.series {
                self.cells.push_front(0);
            }
            self.cells.resize((last - first + 1) as usize * self.series, 0);
        }
        self.span = Some(span);
    }

    /// Puts bins together into longer ones, whose width is a multiple.
    fn widen(&mut self, width_ms: u64) {
        let (each, begin) = (width_ms / self.width_ms, self.first_bin());
        let at = |bin: usize| ((begin + bin as u64) / each - begin / each) as usize;
        let bins = if self.cells.is_empty() { 0 } else { at(self.len() - 1) + 1 };
        let mut wide: VecDeque<u128> = std::iter::repeat_n(0, bins * self.series).collect();
        for (cell, value) in self.cells.iter().enumerate() {
            wide[at(cell / self.series) * self.series + cell % self.series] += value;
        }
        self.cells = wide;
        self.width_ms = width_ms;
    }

    /// Spreads `value` over the time from `first` to `end`, which is covered, into one series.
    #[inline]
    fn spread(&mut self, series: usize, first: u64, end: u64, value: u64) {
        let begin = self.first_bin();
        for (bin, share) in shares(first, end, value, self.width_ms) {
            self.cells[(bin - begin) as usize * self.series + series] += share;
        }
    }
}

impl Aggregate for Bins<'_> {
    fn observe(&mut self, flows: &FlowBatch) -> Result<()> {
        let (by, shift_ms) = (self.by, self.shift_ms);
        let flow = |row: usize| {
            let (first, end, value) = by.spread(flows, row);
            (first.saturating_add(shift_ms), end.saturating_add(shift_ms), value)
        };
        // What no flow began in has shares of flows only.
        let is_counted = |&row: &usize| by != Measure::Flows || flows.flows.of(row) > 0;
        let all = (0..flows.len()).filter(is_counted).map(flow);
        let first = all.clone().map(|(first, ..)| first).min();
        let last = all.clone().map(|(first, end, _)| end.saturating_sub(1).max(first)).max();
        let (Some(first), Some(last)) = (first, last) else { return Ok(()) };
        self.cover(Span { first, last });
        if self.overflowed {
            return Ok(());
        }
        match self.filled {
            Filled::One(series) => {
                all.for_each(|(first, end, value)| self.spread(series, first, end, value));
            }
            Filled::OfKey(keys) => keys.for_each(flows, |row, series, _| {
                let (first, end, value) = flow(row);
                self.spread(series, first, end, value);
            }),
        }
        Ok(())
    }

    fn merge(&mut self, mut other: Self) -> Result<()> {
        let Some(span) = other.span else { return Ok(()) };
        self.cover(span);
        // If its time alone is too much, it is so for these bins as well.
        debug_assert!(self.overflowed || !other.overflowed);
        if self.overflowed {
            return Ok(());
        }
        if other.width_ms < self.width_ms {
            other.widen(self.width_ms);
        }
        let begin = (other.first_bin() - self.first_bin()) as usize * self.series;
        for (to, more) in self.cells.iter_mut().skip(begin).zip(other.cells) {
            *to += more;
        }
        Ok(())
    }
}

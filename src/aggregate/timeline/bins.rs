//! Bins while they fill: a stretch of them without gaps, which grows at both ends.

use std::collections::VecDeque;

use super::BinWidth;
use crate::aggregate::{Aggregate, Measure};
use crate::flow::{FlowBatch, UnixMillis};
use crate::store::Result;

/// So many bins of a given width there may be.
pub const MAX_BINS: usize = 100_000;
/// So many series are summed up side by side.
pub(super) const SERIES: usize = 2;

/// Bins, of which one series is filled. Times in here are moved by the shift.
#[derive(Debug)]
pub(super) struct Bins {
    by: Measure,
    width: BinWidth,
    shift_ms: u64,
    series: usize,
    width_ms: u64,
    most: usize,
    /// The time that all flows so far take; none before the first.
    span: Option<Span>,
    /// The bins of that time, from that of its first moment on. None after there were too many.
    cells: VecDeque<[u128; SERIES]>,
    overflowed: bool,
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

impl Bins {
    /// No bins yet; what is observed goes into the series of that number.
    pub(super) fn new(by: Measure, width: BinWidth, shift_ms: u64, series: usize) -> Self {
        let (width_ms, most) = width.start();
        let (span, cells) = (None, VecDeque::new());
        let series = series.min(SERIES - 1);
        Self { by, width, shift_ms, series, width_ms, most, span, cells, overflowed: false }
    }

    /// As many bins as `most`.
    pub(super) fn up_to(self, most: usize) -> Self {
        Self { most, ..self }
    }

    /// How long each bin is.
    pub(super) fn width_ms(&self) -> u64 {
        self.width_ms
    }

    pub(super) fn len(&self) -> usize {
        self.cells.len()
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
        self.cells.iter().map(move |cell| cell[series])
    }

    /// Whether these bins begin where those of another shift would.
    pub(super) fn is_shifted_as(&self, shift_ms: u64) -> bool {
        self.cells.is_empty() || self.shift_ms.abs_diff(shift_ms).is_multiple_of(self.width_ms)
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
            for _ in first..begun {
                self.cells.push_front([0; SERIES]);
            }
            self.cells.resize((last - first + 1) as usize, [0; SERIES]);
        }
        self.span = Some(span);
    }

    /// Puts bins together into longer ones, whose width is a multiple.
    fn widen(&mut self, width_ms: u64) {
        let mut wide: VecDeque<[u128; SERIES]> = VecDeque::new();
        let (each, begin) = (width_ms / self.width_ms, self.first_bin());
        for (bin, cell) in (begin..).zip(&self.cells) {
            let at = (bin / each - begin / each) as usize;
            if at == wide.len() {
                wide.push_back([0; SERIES]);
            }
            add(&mut wide[at], *cell);
        }
        self.cells = wide;
        self.width_ms = width_ms;
    }

    /// Spreads `value` over the time from `first` to `end`, which is covered.
    fn spread(&mut self, first: u64, end: u64, value: u64) {
        let begin = self.first_bin();
        let (from, to) = (first / self.width_ms, end.saturating_sub(1).max(first) / self.width_ms);
        let (value, duration) = (u128::from(value), u128::from(end - first));
        let mut given = 0;
        for bin in from..to {
            let elapsed = u128::from((bin + 1) * self.width_ms - first);
            let so_far = (value * elapsed + duration / 2) / duration;
            self.cells[(bin - begin) as usize][self.series] += so_far - given;
            given = so_far;
        }
        self.cells[(to - begin) as usize][self.series] += value - given;
    }
}

fn add(to: &mut [u128; SERIES], more: [u128; SERIES]) {
    for (to, more) in to.iter_mut().zip(more) {
        *to += more;
    }
}

impl Aggregate for Bins {
    fn observe(&mut self, flows: &FlowBatch) -> Result<()> {
        let shift_ms = self.shift_ms;
        let shift = |first_ms: u64| first_ms.saturating_add(shift_ms);
        // Flows are counted where they begin, so their duration is not even read.
        let counters = match self.by {
            Measure::Octets => &flows.octets,
            Measure::Packets => &flows.packets,
            Measure::Flows => &Vec::new(),
        };
        let firsts = flows.first_ms.iter().copied().map(shift);
        let spans = firsts
            .clone()
            .zip(&flows.duration_ms)
            .map(|(first, &duration)| (first, first.saturating_add(duration.into())));
        let first = firsts.clone().min();
        let last = match self.by {
            Measure::Flows => firsts.clone().max(),
            _ => spans.clone().map(|(first, end)| end.saturating_sub(1).max(first)).max(),
        };
        let (Some(first), Some(last)) = (first, last) else { return Ok(()) };
        self.cover(Span { first, last });
        if self.overflowed {
            return Ok(());
        }
        if self.by == Measure::Flows {
            for first in firsts {
                self.spread(first, first, 1);
            }
        }
        for ((first, end), &value) in spans.zip(counters) {
            self.spread(first, end, value);
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
        let begin = (other.first_bin() - self.first_bin()) as usize;
        for (to, more) in self.cells.iter_mut().skip(begin).zip(other.cells) {
            add(to, more);
        }
        Ok(())
    }
}

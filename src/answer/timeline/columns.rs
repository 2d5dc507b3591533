//! Bins put together into as many columns as a chart has room for.

use crate::aggregate::Timeline;
use crate::answer::units::units_each;
use crate::flow::UnixMillis;

/// A chart's columns, each of one or more bins.
pub(in crate::answer) struct ChartColumns {
    /// Which stretch of time they show.
    pub since: UnixMillis,
    pub until: UnixMillis,
    /// How long each is; the last may be cut short, and days are not all equally long.
    pub column_ms: u64,
    /// When each begins.
    pub starts: Vec<UnixMillis>,
    /// The rates of each series in the unit of the chart, column by column.
    pub rates: Vec<Vec<f64>>,
}

impl ChartColumns {
    /// The columns of `timeline`, at most `most`; none of a timeline of nothing.
    pub(in crate::answer) fn new(timeline: &Timeline, most: usize) -> Option<Self> {
        let (&since, until) = (timeline.starts.first()?, timeline.until);
        let bins = timeline.starts.len();
        let each = bins.div_ceil(most.max(1));
        let rate = |(column, values): (usize, &[u128])| {
            let first = column * each;
            let long_ms = timeline.end(first + values.len() - 1) - timeline.starts[first];
            let seconds = long_ms as f64 / 1000.0;
            values.iter().sum::<u128>() as f64 * units_each(timeline.by) / seconds
        };
        let rates = |values: &Vec<u128>| values.chunks(each).enumerate().map(rate).collect();
        Some(Self {
            since,
            until,
            column_ms: timeline.bin_ms.saturating_mul(each as u64),
            starts: timeline.starts.iter().copied().step_by(each).collect(),
            rates: timeline.series.iter().map(|series| rates(&series.values)).collect(),
        })
    }

    pub(in crate::answer) fn len(&self) -> usize {
        self.rates.first().map_or(0, Vec::len)
    }

    /// The greatest rate of a series.
    pub(in crate::answer) fn peak(&self, series: usize) -> f64 {
        self.rates.get(series).into_iter().flatten().copied().fold(0.0, f64::max)
    }

    /// The greatest rate of all.
    pub(in crate::answer) fn greatest(&self) -> f64 {
        (0..self.rates.len()).map(|series| self.peak(series)).fold(0.0, f64::max)
    }

    /// Where a moment is: 0 at the beginning of the first column, 1 at that of the second.
    pub(in crate::answer) fn place(&self, moment: UnixMillis) -> f64 {
        let column = self.starts.partition_point(|&start| start <= moment).saturating_sub(1);
        let start = self.starts.get(column).copied().unwrap_or(self.since);
        let end = self.starts.get(column + 1).copied().unwrap_or(start + self.column_ms);
        column as f64 + (moment - start) as f64 / (end - start) as f64
    }
}

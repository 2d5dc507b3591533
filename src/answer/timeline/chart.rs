//! A chart of characters: bars of eighths of a line. What was received hangs below the axis.

use std::fmt::Write as _;

use super::{ChartColumns, TimelineView, summary, time_text, title};
use crate::aggregate::{Measure, Timeline};
use crate::answer::axis::{steps, ticks, time_ticks};
use crate::answer::condition::condition;
use crate::answer::units::{rate, units_each, width};

/// Room for the labels of the axis of rates.
const LABELS: usize = 16;

/// How many bins a chart has room for that is so many characters wide.
pub const fn chart_bins(columns: usize) -> usize {
    let bins = columns.saturating_sub(LABELS + 1);
    if bins < 16 { 16 } else { bins }
}

/// At most so wide are the bars of few bins.
const MAX_BAR_COLUMNS: usize = 8;
/// At most so many marks are at the axis of rates.
const MARKS: usize = 4;
/// Upright, in eighths of a line.
const UP: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// There are no others that hang.
const DOWN: [char; 9] = [' ', '▔', '▔', '▀', '▀', '▀', '▀', '█', '█'];

/// The chart, its title above it and what it comes to below.
pub(super) fn chart(timeline: &Timeline, view: &TimelineView<'_>, columns: usize) -> String {
    let mut text = title(timeline, view);
    let room = chart_bins(columns);
    let condition = condition(view.filter, columns).map(|line| line + "\n").unwrap_or_default();
    // What keys come to together is the chart, and each of them is told below it.
    let together = timeline.is_of_keys().then(|| timeline.together());
    let drawn = together.as_ref().unwrap_or(timeline);
    let Some(columns) = ChartColumns::new(drawn, room) else {
        return text + ": no flows\n" + &condition;
    };
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        ", {} – {} ({}), {} a column\n{condition}",
        time_text(columns.since, &view.zone, timeline.bin_ms),
        time_text(columns.until, &view.zone, timeline.bin_ms),
        view.zone_name,
        width(columns.column_ms)
    );
    let bar = (room / columns.len()).clamp(1, MAX_BAR_COLUMNS);
    let scale = Scale::new(timeline, &columns);
    if let Some(rates) = columns.rates.first() {
        text += &scale.stand(rates, bar);
    }
    text += &time_axis(&columns, view, bar);
    if let Some(rates) = columns.rates.get(1) {
        text += &scale.hang(rates, bar);
    }
    text.push('\n');
    for series in together.iter().flat_map(|all| &all.series) {
        text += &summary(timeline, series, view);
        text += "\n\n";
    }
    let of_keys = together.is_some().then(|| ChartColumns::new(timeline, room)).flatten();
    for (place, series) in timeline.series.iter().enumerate() {
        text += &summary(timeline, series, view);
        text.push('\n');
        // A line for each key is told from others also where there are no colours.
        let rates = of_keys.as_ref().and_then(|columns| columns.rates.get(place));
        text += &rates.map(|rates| line(timeline.by, rates, bar)).unwrap_or_default();
    }
    text
}

/// A series in one line of characters, whose height is its greatest rate.
fn line(by: Measure, rates: &[f64], bar: usize) -> String {
    let line = rates.iter().copied().fold(0.0, f64::max);
    let scale = Scale { by, line, lines: 1, above: 1, below: 0 };
    if line > 0.0 { scale.stand(rates, bar) } else { String::new() }
}

/// The axis of rates.
struct Scale {
    by: Measure,
    /// The rate that a line is high.
    line: f64,
    /// How many lines the marks are apart.
    lines: usize,
    /// How many lines there are above the axis of time.
    above: usize,
    /// And below it.
    below: usize,
}

impl Scale {
    fn new(timeline: &Timeline, columns: &ChartColumns) -> Self {
        // Both series have one scale, else their bars could not be compared, and each the room that
        // it takes.
        let hangs = columns.rates.len() > 1;
        let lines = if hangs { 2 } else { 3 };
        let step = ticks(columns.greatest(), MARKS)[1];
        let lines_for = |series| steps(columns.peak(series), step) * lines;
        Self {
            by: timeline.by,
            line: step / lines as f64,
            lines,
            above: lines_for(0),
            below: if hangs { lines_for(1) } else { 0 },
        }
    }

    /// The lines of bars that stand on the axis, the highest first.
    fn stand(&self, rates: &[f64], bar: usize) -> String {
        (0..self.above).rev().map(|row| self.row(row, rates, bar, UP)).collect()
    }

    /// The lines of bars that hang from it.
    fn hang(&self, rates: &[f64], bar: usize) -> String {
        (0..self.below).map(|row| self.row(row, rates, bar, DOWN)).collect()
    }

    fn row(&self, row: usize, rates: &[f64], bar: usize, blocks: [char; 9]) -> String {
        let (label, axis) = if (row + 1).is_multiple_of(self.lines) {
            let mark = self.line * (row + 1) as f64;
            (rate(self.by, mark / units_each(self.by)), '┤')
        } else {
            (String::new(), '│')
        };
        let mut text = format!("{label:>width$} {axis}", width = LABELS - 1);
        for &rate in rates {
            let mut eighths = ((rate / self.line - row as f64) * 8.0).round().clamp(0.0, 8.0);
            // Little is not nothing.
            if row == 0 && rate > 0.0 {
                eighths = eighths.max(1.0);
            }
            text.extend(std::iter::repeat_n(blocks[eighths as usize], bar));
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
        text
    }
}

/// The axis of time, and two lines of what is written at its ticks.
fn time_axis(columns: &ChartColumns, view: &TimelineView<'_>, bar: usize) -> String {
    let long = columns.len() * bar;
    let mut axis = vec!['─'; long];
    let (mut labels, mut dates) = (String::new(), String::new());
    for tick in time_ticks(columns.since, columns.until, &view.zone, long / 10) {
        let at = (columns.place(tick.at) * bar as f64) as usize;
        if at >= long {
            continue;
        }
        axis[at] = '┬';
        put(&mut labels, at, &tick.label);
        if let Some(above) = tick.above {
            put(&mut dates, at, &above);
        }
    }
    let axis: String = axis.into_iter().collect();
    let blank = " ".repeat(LABELS + 1);
    let line =
        |labels: &str| if labels.is_empty() { String::new() } else { format!("{blank}{labels}\n") };
    format!("{:>width$} ┼{axis}\n{}{}", 0, line(&labels), line(&dates), width = LABELS - 1)
}

/// Writes `label` at a place of a line, unless it would touch what stands before it.
fn put(line: &mut String, at: usize, label: &str) {
    if line.is_empty() || line.len() < at {
        *line += &" ".repeat(at - line.len());
        *line += label;
    }
}

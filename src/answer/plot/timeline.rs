//! Traffic over time as bars, one for each bin; what was received hangs below the axis.

use super::{
    AXIS, Anchor, BLUE, Drawing, FAINT_INK, GRID, HEIGHT, INK, LINE, MARGIN, ORANGE, Plot, WIDTH,
    nothing, titled,
};
use crate::aggregate::{Timeline, Whose};
use crate::answer::axis::{steps, ticks, time_ticks};
use crate::answer::timeline::{ChartColumns, TimelineView, summary, time_text, title};
use crate::answer::units::{rate, rate_unit, units_each, width};

const LEFT: f64 = 140.0;
/// Leaves room for half of a date.
const RIGHT: f64 = WIDTH - 50.0;
/// How wide a bar is at most; that of a longer bin is in its middle.
const MAX_BAR: f64 = 160.0;
const BOTTOM: f64 = HEIGHT - 78.0;

/// Draws `timeline`, bins put together where there are more than pixels.
pub fn plot_timeline(timeline: &Timeline, view: &TimelineView<'_>) -> Plot {
    let title = title(timeline, view);
    let Some(columns) = ChartColumns::new(timeline, (RIGHT - LEFT) as usize) else {
        return nothing(title, "There are no flows.", view.filter);
    };
    let when = format!(
        "{} – {} ({}), {} a bar",
        time_text(columns.since, &view.zone, timeline.bin_ms),
        time_text(columns.until, &view.zone, timeline.bin_ms),
        view.zone_name,
        width(columns.column_ms)
    );
    let mut drawing = titled(HEIGHT, title, when, view.filter);
    let colors = [BLUE, ORANGE];
    let mut legend = if view.filter.is_empty() { 84.0 } else { 84.0 + LINE };
    for (series, color) in timeline.series.iter().zip(colors) {
        if series.whose != Whose::All {
            drawing.rectangle("legend", (MARGIN, legend - 10.0), (11.0, 11.0), color);
        }
        let indent = if series.whose == Whose::All { 0.0 } else { 18.0 };
        let text = summary(timeline, series, view);
        drawing.text((MARGIN + indent, legend), text, 14.0, INK, Anchor::Start);
        legend += 20.0;
    }
    let frame = Frame::new(&columns, legend + 8.0);
    frame.draw_rates(&mut drawing, timeline);
    frame.draw_times(&mut drawing, &columns, view);
    drawing.line((LEFT, frame.axis), (RIGHT, frame.axis), AXIS);
    for ((series, rates), color) in columns.rates.iter().enumerate().zip(colors) {
        frame.draw_bars(&mut drawing, rates, series == 1, color);
    }
    drawing.finish()
}

/// Where what is drawn.
struct Frame {
    top: f64,
    /// The height of the axis of time.
    axis: f64,
    bar: f64,
    /// What marks at the axis of rates are apart, as a rate and in pixels.
    step: (f64, f64),
    /// How many marks are above the axis of time, and below it.
    steps: (usize, usize),
}

impl Frame {
    fn new(columns: &ChartColumns, top: f64) -> Self {
        let hangs = columns.rates.len() > 1;
        let bar = (RIGHT - LEFT) / columns.len() as f64;
        // Both series have one scale, else their bars could not be compared, and each the room that
        // it takes.
        let rate = ticks(columns.greatest(), if hangs { 4 } else { 6 })[1];
        let below = if hangs { steps(columns.peak(1), rate) } else { 0 };
        let above = steps(columns.peak(0), rate);
        let pixels = (BOTTOM - top) / (above + below) as f64;
        let axis = top + pixels * above as f64;
        Self { top, axis, bar, step: (rate, pixels), steps: (above, below) }
    }

    /// How high above the axis a rate is.
    fn height(&self, rate: f64) -> f64 {
        self.step.1 * rate / self.step.0
    }

    fn draw_rates(&self, drawing: &mut Drawing, timeline: &Timeline) {
        let mut mark_at = |mark: f64, y: f64| {
            drawing.line((LEFT, y), (RIGHT, y), GRID);
            let text = if mark > 0.0 {
                rate(timeline.by, mark / units_each(timeline.by))
            } else {
                format!("0 {}", rate_unit(timeline.by))
            };
            drawing.text((LEFT - 10.0, y + 4.5), text, 13.0, FAINT_INK, Anchor::End);
        };
        for mark in 0..=self.steps.0 {
            mark_at(self.step.0 * mark as f64, self.axis - self.step.1 * mark as f64);
        }
        for mark in 1..=self.steps.1 {
            mark_at(self.step.0 * mark as f64, self.axis + self.step.1 * mark as f64);
        }
    }

    fn draw_times(&self, drawing: &mut Drawing, columns: &ChartColumns, view: &TimelineView<'_>) {
        let most = ((RIGHT - LEFT) / 90.0) as usize;
        for tick in time_ticks(columns.since, columns.until, &view.zone, most) {
            let x = LEFT + columns.place(tick.at) * self.bar;
            drawing.line((x, self.top), (x, BOTTOM + 5.0), GRID);
            drawing.text((x, BOTTOM + 22.0), tick.label, 13.0, FAINT_INK, Anchor::Middle);
            if let Some(above) = tick.above {
                drawing.text((x, BOTTOM + 40.0), above, 13.0, FAINT_INK, Anchor::Middle);
            }
        }
        let name = format!("time ({})", view.zone_name);
        let middle = (f64::midpoint(LEFT, RIGHT), BOTTOM + 64.0);
        drawing.text(middle, name, 13.0, FAINT_INK, Anchor::Middle);
    }

    fn draw_bars(&self, drawing: &mut Drawing, rates: &[f64], hangs: bool, color: &str) {
        let gap = if self.bar > 5.0 { 1.0 } else { 0.0 };
        for (column, &rate) in rates.iter().enumerate().filter(|(_, rate)| **rate > 0.0) {
            let height = self.height(rate).max(1.0);
            let y = if hangs { self.axis } else { self.axis - height };
            // On whole pixels, else neighbours would show stripes.
            let edge = |column: usize| (LEFT + self.bar * column as f64).round();
            let room = edge(column + 1) - gap - edge(column);
            let wide = room.min(MAX_BAR);
            let left = edge(column) + ((room - wide) / 2.0).floor();
            drawing.rectangle("bar", (left, y), (wide, height), color);
        }
    }
}

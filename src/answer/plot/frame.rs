//! The axes of a plot over time: rates upwards, and downwards for what hangs; time to the right.

use super::drawing::{Anchor, Drawing};
use super::ink;
use crate::aggregate::Measure;
use crate::answer::axis::{steps, ticks, time_ticks};
use crate::answer::timeline::{ChartColumns, TimelineView};
use crate::answer::units::{rate, rate_unit, units_each};

/// Where a plot is shown, which says how large it is, and how large what is written in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// A file: it says in itself what it is of.
    File,
    /// A page, which says what it is of beside it.
    Page,
    /// A page on a narrow screen.
    NarrowPage,
}

impl Room {
    pub(super) const fn width(self) -> f64 {
        match self {
            Self::File => super::WIDTH,
            Self::Page => 960.0,
            Self::NarrowPage => 360.0,
        }
    }

    pub(super) const fn height(self) -> f64 {
        match self {
            Self::File => super::HEIGHT,
            Self::Page => 300.0,
            Self::NarrowPage => 240.0,
        }
    }

    /// The size of what is written at axes.
    pub(super) const fn text_size(self) -> f64 {
        match self {
            Self::Page | Self::NarrowPage => 12.0,
            Self::File => 13.0,
        }
    }

    /// From where to where the axis of time goes: there is room for rates, and for half of a date.
    const fn sides(self) -> (f64, f64) {
        match self {
            Self::File => (140.0, self.width() - 50.0),
            Self::Page => (112.0, self.width() - 46.0),
            Self::NarrowPage => (92.0, self.width() - 38.0),
        }
    }

    /// How far above the lower edge that axis is.
    const fn below(self) -> f64 {
        match self {
            Self::File => 78.0,
            _ => 44.0,
        }
    }

    /// So many columns are drawn at most.
    pub(super) const fn columns(self) -> usize {
        match self {
            Self::File => {
                let (left, right) = self.sides();
                (right - left) as usize
            }
            Self::Page => 180,
            Self::NarrowPage => 60,
        }
    }
}

/// Where what is drawn.
pub(super) struct Frame {
    room: Room,
    pub(super) left: f64,
    right: f64,
    pub(super) top: f64,
    /// The height of the axis of time.
    pub(super) axis: f64,
    /// Where the plot ends below.
    pub(super) bottom: f64,
    /// How wide a column is.
    pub(super) column: f64,
    /// What marks at the axis of rates are apart, as a rate and in pixels.
    step: (f64, f64),
    /// How many marks are above the axis of time, and below it.
    steps: (usize, usize),
}

impl Frame {
    /// One from `top` to the lower edge at `height`, for rates up to `peaks` above the axis and
    /// below it; None where nothing hangs.
    pub(super) fn new(
        room: Room,
        columns: usize,
        (top, height): (f64, f64),
        peaks: (f64, Option<f64>),
    ) -> Self {
        let (left, right) = room.sides();
        let bottom = height - room.below();
        let column = (right - left) / columns as f64;
        // Both sides have one scale, else they could not be compared, and each the room that it
        // takes.
        let (above, below) = peaks;
        let most = match (room, below) {
            (Room::File, None) => 6,
            (_, None) | (Room::File, _) => 4,
            _ => 3,
        };
        let rate = ticks(above.max(below.unwrap_or(0.0)), most)[1];
        let below = below.map_or(0, |peak| steps(peak, rate));
        let above = steps(above, rate);
        let pixels = (bottom - top) / (above + below) as f64;
        let axis = top + pixels * above as f64;
        Self {
            room,
            left,
            right,
            top,
            axis,
            bottom,
            column,
            step: (rate, pixels),
            steps: (above, below),
        }
    }

    /// How high a rate is.
    pub(super) fn high(&self, rate: f64) -> f64 {
        self.step.1 * rate / self.step.0
    }

    /// Where a column begins.
    pub(super) fn edge(&self, column: usize) -> f64 {
        self.left + self.column * column as f64
    }

    /// Where a rate is, above the axis or below it.
    pub(super) fn place(&self, rate: f64, hangs: bool) -> f64 {
        if hangs { self.axis + self.high(rate) } else { self.axis - self.high(rate) }
    }

    /// Draws both axes, with what is written at them.
    pub(super) fn draw(
        &self,
        drawing: &mut Drawing,
        columns: &ChartColumns,
        by: Measure,
        view: &TimelineView<'_>,
    ) {
        self.draw_rates(drawing, by);
        self.draw_times(drawing, columns, view);
        drawing.line((self.left, self.axis), (self.right, self.axis), ink::AXIS);
    }

    fn draw_rates(&self, drawing: &mut Drawing, by: Measure) {
        let size = self.room.text_size();
        let mut mark_at = |mark: usize, hangs: bool| {
            let mark = self.step.0 * mark as f64;
            let y = self.place(mark, hangs);
            drawing.line((self.left, y), (self.right, y), ink::GRID);
            let text = if mark > 0.0 {
                rate(by, mark / units_each(by))
            } else {
                format!("0 {}", rate_unit(by))
            };
            drawing.text((self.left - 10.0, y + 4.5), text, size, ink::FAINT, Anchor::End);
        };
        (0..=self.steps.0).for_each(|mark| mark_at(mark, false));
        (1..=self.steps.1).for_each(|mark| mark_at(mark, true));
    }

    fn draw_times(&self, drawing: &mut Drawing, columns: &ChartColumns, view: &TimelineView<'_>) {
        let size = self.room.text_size();
        let most = ((self.right - self.left) / (7.0 * size)) as usize;
        for tick in time_ticks(columns.since, columns.until, &view.zone, most) {
            let x = self.left + columns.place(tick.at) * self.column;
            drawing.line((x, self.top), (x, self.bottom + 5.0), ink::GRID);
            let y = self.bottom + 9.0 + size;
            drawing.text((x, y), tick.label, size, ink::FAINT, Anchor::Middle);
            if let Some(above) = tick.above {
                drawing.text((x, y + size + 5.0), above, size, ink::FAINT, Anchor::Middle);
            }
        }
        if self.room == Room::File {
            let name = format!("time ({})", view.zone_name);
            let middle = (f64::midpoint(self.left, self.right), self.bottom + 64.0);
            drawing.text(middle, name, size, ink::FAINT, Anchor::Middle);
        }
    }
}

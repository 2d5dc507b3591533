//! The frame that evidence is drawn in: an axis of time or of numbers below, values at the left.

use jiff::tz::TimeZone;

use super::super::drawing::{Anchor, Drawing, Point, Role};
use super::super::frame::Room;
use super::super::ink;
use crate::answer::axis::time_ticks;
use crate::flow::UnixMillis;

/// Where evidence is shown, and what it is called there.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// Where.
    pub room: Room,
    /// What it shows.
    pub title: &'a str,
    /// The zone of its times.
    pub zone: &'a TimeZone,
}

/// Where what is drawn, in pixels.
pub(super) struct Sheet {
    room: Room,
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
    /// What the axis below goes from and to.
    from: f64,
    to: f64,
}

impl Sheet {
    /// One with so much room for what is drawn, and an axis below `from` one number `to` another.
    pub(super) fn new(room: Room, high: f64, (from, to): (f64, f64)) -> Self {
        let (left, right) = match room {
            Room::NarrowPage => (74.0, room.width() - 14.0),
            _ => (112.0, room.width() - 30.0),
        };
        let top = room.text_size();
        Self { room, left, right, top, bottom: top + high, from, to: to.max(from + 1.0) }
    }

    /// An empty picture of it; `told` is what it shows where it cannot be seen.
    pub(super) fn drawing(&self, look: Look<'_>, told: &str) -> Drawing {
        let size = (self.room.width(), self.bottom + 2.0 * self.size() + 16.0);
        Drawing::new(size, look.title, told, Role::Image)
    }

    /// The size of what is written.
    pub(super) const fn size(&self) -> f64 {
        self.room.text_size()
    }

    /// Where a number of the axis below is.
    pub(super) fn x(&self, at: f64) -> f64 {
        let share = (at - self.from) / (self.to - self.from);
        self.left + (self.right - self.left) * share.clamp(0.0, 1.0)
    }

    /// Where `value` is, of values up to `most`.
    pub(super) fn y(&self, value: f64, most: f64) -> f64 {
        self.bottom - (self.bottom - self.top) * (value / most).clamp(0.0, 1.0)
    }

    /// Draws the axis of time.
    pub(super) fn draw_times(&self, drawing: &mut Drawing, zone: &TimeZone) {
        let size = self.size();
        let most = ((self.right - self.left) / (7.0 * size)) as usize;
        let (since, until) = (UnixMillis(self.from as u64), UnixMillis(self.to as u64));
        for tick in time_ticks(since, until, zone, most) {
            self.tick(drawing, tick.at.0 as f64, &tick.label);
            if let Some(above) = tick.above {
                let place = (self.inward(self.x(tick.at.0 as f64), &above), self.second_line());
                drawing.text(place, above, size, ink::FAINT, Anchor::Middle);
            }
        }
        drawing.line((self.left, self.bottom), (self.right, self.bottom), ink::AXIS);
    }

    /// Draws a mark of the axis below, with what is written at it.
    pub(super) fn tick(&self, drawing: &mut Drawing, at: f64, label: &str) {
        let x = self.x(at);
        drawing.line((x, self.top), (x, self.bottom + 5.0), ink::GRID);
        let place = (self.inward(x, label), self.bottom + 9.0 + self.size());
        drawing.text(place, label, self.size(), ink::FAINT, Anchor::Middle);
    }

    /// The middle of a text at `x` that does not end beyond the picture.
    fn inward(&self, x: f64, text: &str) -> f64 {
        let half = super::super::text_width(text, self.size()) / 2.0;
        x.min(self.room.width() - half).max(half)
    }

    fn second_line(&self) -> f64 {
        self.bottom + 2.0 * self.size() + 13.0
    }

    /// Says below the axis what it is of.
    pub(super) fn name_axis(&self, drawing: &mut Drawing, name: &str) {
        let place = (f64::midpoint(self.left, self.right), self.second_line());
        drawing.text(place, name, self.size(), ink::FAINT, Anchor::Middle);
    }

    /// Draws a mark of the values.
    pub(super) fn value(&self, drawing: &mut Drawing, y: f64, label: &str) {
        drawing.line((self.left, y), (self.right, y), ink::GRID);
        self.label(drawing, y, label);
    }

    /// Writes what is at the height of `y`, left of the picture.
    pub(super) fn label(&self, drawing: &mut Drawing, y: f64, label: &str) {
        let most = self.left - 10.0;
        let label = super::super::fitting(label, self.size(), most);
        drawing.text((most, y + 4.5), label, self.size(), ink::FAINT, Anchor::End);
    }

    /// A rectangle of the class that an ink has.
    pub(super) fn block(drawing: &mut Drawing, at: Point, size: Point, ink: ink::Ink) {
        drawing.rectangle(ink.class, at, size, ink.color);
    }

    /// So much room is from the left to the right.
    pub(super) fn width(&self) -> f64 {
        self.right - self.left
    }
}

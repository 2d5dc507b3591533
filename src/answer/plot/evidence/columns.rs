//! Values over time as columns, with a line for each of what they are compared with.

use std::fmt::Write as _;

use super::super::drawing::{Anchor, Path};
use super::super::frame::Room;
use super::super::{Plot, ink, nothing};
use super::sheet::{Look, Sheet};
use crate::answer::axis::ticks;
use crate::answer::timeline::time_text;
use crate::flow::{TimeRange, UnixMillis};

/// A value for each of equal stretches of time.
pub struct Columns<'a> {
    /// When the first begins.
    pub since: UnixMillis,
    /// How long each is, in milliseconds.
    pub step_ms: u64,
    /// The values.
    pub values: Vec<f64>,
    /// What the values are compared with: what it is, and how much.
    pub lines: Vec<(String, f64)>,
    /// What was told: its columns are set apart.
    pub told: TimeRange,
    /// As long as they have so much at least.
    pub least: f64,
    /// A value in words.
    pub text: &'a dyn Fn(f64) -> String,
}

impl Columns<'_> {
    fn start(&self, column: usize) -> u64 {
        self.since.0 + self.step_ms * column as u64
    }

    fn is_told(&self, column: usize) -> bool {
        let from = self.start(column);
        from < self.told.until.0
            && from + self.step_ms > self.told.since.0
            && self.values[column] >= self.least
    }

    /// The same with fewer columns where there is no room for all: each the greatest of several.
    fn fitting(self, most: usize) -> Self {
        let each = self.values.len().div_ceil(most.max(1)).max(1);
        let values = self.values.chunks(each);
        let values = values.map(|some| some.iter().copied().fold(0.0, f64::max)).collect();
        Self { values, step_ms: self.step_ms * each as u64, ..self }
    }
}

/// Draws `columns`.
pub fn draw_columns(columns: Columns<'_>, look: Look<'_>) -> Plot {
    let greatest = columns.values.iter().copied().fold(0.0, f64::max);
    if columns.values.is_empty() {
        return nothing(look.room, look.title, "There are no flows.", "");
    }
    let columns = columns.fitting(match look.room {
        Room::NarrowPage => 90,
        _ => 270,
    });
    let until = columns.start(columns.values.len());
    let high = if look.room == Room::NarrowPage { 170.0 } else { 210.0 };
    let sheet = Sheet::new(look.room, high, (columns.since.0 as f64, until as f64));
    let mut drawing = sheet.drawing(look, &told(&columns, greatest));
    let compared = columns.lines.iter().map(|(_, value)| *value).fold(greatest, f64::max);
    let marks = ticks(compared * 1.04, 4);
    let most = marks.last().copied().unwrap_or(1.0);
    for mark in &marks {
        sheet.value(&mut drawing, sheet.y(*mark, most), &(columns.text)(*mark));
    }
    sheet.draw_times(&mut drawing, look.zone);
    let wide = sheet.width() / columns.values.len() as f64;
    let gap = if wide > 4.0 { 1.0 } else { 0.0 };
    for (column, &value) in columns.values.iter().enumerate() {
        let x = sheet.left + wide * column as f64;
        let y = sheet.y(value, most);
        let ink = ink::series(usize::from(columns.is_told(column)));
        if value > 0.0 {
            let high = (sheet.bottom - y).max(1.0);
            let at = (x, sheet.bottom - high);
            Sheet::block(&mut drawing, at, ((wide - gap).max(0.6), high), ink);
        }
        let since = UnixMillis(columns.start(column));
        let title =
            format!("{}\n{}", time_text(since, look.zone, columns.step_ms), (columns.text)(value));
        let size = (wide, sheet.bottom - sheet.top);
        drawing.spot((x, sheet.top), size, since.0, &title);
    }
    draw_lines(&mut drawing, &sheet, &columns, most);
    drawing.finish()
}

/// What the values are compared with: dashed lines, with what each is, one above the other.
fn draw_lines(
    drawing: &mut super::super::drawing::Drawing,
    sheet: &Sheet,
    columns: &Columns<'_>,
    most: f64,
) {
    let mut above = sheet.bottom;
    let lines = columns.lines.iter().filter(|(_, value)| *value > 0.0);
    let mut lines: Vec<&(String, f64)> = lines.collect();
    lines.sort_by(|one, other| one.1.total_cmp(&other.1));
    for (name, value) in lines {
        let y = sheet.y(*value, most);
        let ends = [(sheet.left, y), (sheet.right, y)];
        drawing.curve(&Path::through(ends.into_iter()), ink::BEFORE, true);
        let text = format!("{name}: {}", (columns.text)(*value));
        // Texts of lines that are near each other do not lie on each other.
        let base = (y - 5.0).min(above - sheet.size() - 2.0).max(sheet.top + sheet.size() * 0.6);
        above = base;
        drawing.text((sheet.left + 6.0, base), text, sheet.size(), ink::TEXT, Anchor::Start);
    }
}

/// What the picture shows, in words.
fn told(columns: &Columns<'_>, greatest: f64) -> String {
    let mut text = format!("at most {}", (columns.text)(greatest));
    for (name, value) in &columns.lines {
        // Writing to a string cannot fail.
        let _ = write!(text, "; {name}: {}", (columns.text)(*value));
    }
    text
}

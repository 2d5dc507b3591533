//! When somebody called, line by line: what is regular stands in columns, or in slants.

use std::fmt::Write as _;

use super::super::frame::Room;
use super::super::{Plot, ink, nothing};
use super::sheet::{Look, Sheet};
use crate::answer::timeline::time_text;
use crate::answer::units::width;
use crate::flow::UnixMillis;

/// Calls by when each began, rising.
pub struct Calls<'a> {
    /// When.
    pub times: &'a [UnixMillis],
    /// How long half of the pauses are at most, in milliseconds.
    pub pause_ms: u64,
}

/// So many lines there are at most.
const MAX_ROWS: u64 = 25;
/// How high a line is.
const ROW: f64 = 15.0;
/// A line has so many usual pauses at most, where more would run into each other.
const MAX_PAUSES: u64 = 120;

/// How long a line may be, in milliseconds.
const SPANS: [u64; 12] = [
    10_000,
    60_000,
    5 * 60_000,
    10 * 60_000,
    30 * 60_000,
    3_600_000,
    3 * 3_600_000,
    6 * 3_600_000,
    12 * 3_600_000,
    86_400_000,
    7 * 86_400_000,
    28 * 86_400_000,
];

impl Calls<'_> {
    /// How long a line is: as short as there is room for lines, and not so long that marks are one.
    fn span_ms(&self) -> u64 {
        let [Some(first), Some(last)] = [self.times.first(), self.times.last()] else {
            return SPANS[0];
        };
        let fits = |span: &u64| last.0 / span - first.0 / span < MAX_ROWS;
        let longest = self.pause_ms.saturating_mul(MAX_PAUSES).max(SPANS[0]);
        let span = SPANS.into_iter().find(fits).unwrap_or(SPANS[SPANS.len() - 1]);
        if span <= longest {
            return span;
        }
        SPANS.into_iter().rfind(|span| *span <= longest).unwrap_or(SPANS[0])
    }

    /// The lines that are drawn, the last ones, each with when it begins and its calls.
    fn rows(&self, span_ms: u64) -> Vec<(u64, &[UnixMillis])> {
        let last = self.times.last().map_or(0, |last| last.0 / span_ms);
        let first = self.times.first().map_or(0, |first| first.0 / span_ms);
        let first = first.max((last + 1).saturating_sub(MAX_ROWS));
        let row = |row: u64| {
            let at = |time: u64| self.times.partition_point(|call| call.0 < time);
            (row * span_ms, &self.times[at(row * span_ms)..at((row + 1) * span_ms)])
        };
        (first..=last).map(row).collect()
    }
}

/// Draws `calls`, and says what a line is, and of how many calls none is drawn.
pub fn draw_calls(calls: &Calls<'_>, look: Look<'_>) -> (Plot, String) {
    if calls.times.is_empty() {
        return (nothing(look.room, look.title, "There are no calls.", ""), String::new());
    }
    let span_ms = calls.span_ms();
    let rows = calls.rows(span_ms);
    let drawn: usize = rows.iter().map(|(_, calls)| calls.len()).sum();
    let mut said = format!("each line is {}", width(span_ms));
    if drawn < calls.times.len() {
        // Writing to a string cannot fail.
        let _ = write!(said, ", the last {} of {} calls", drawn, calls.times.len());
    }
    let sheet = Sheet::new(look.room, ROW * rows.len() as f64, (0.0, span_ms as f64));
    let told = format!("{} calls, {said}", calls.times.len());
    let mut drawing = sheet.drawing(look, &told);
    for part in 0..=4 {
        let at = span_ms as f64 * f64::from(part) / 4.0;
        let label = if part == 0 { "0".to_owned() } else { format!("+{}", short(at as u64)) };
        sheet.tick(&mut drawing, at, &label);
    }
    sheet.name_axis(&mut drawing, &format!("within the {} of a line", width(span_ms)));
    for (number, (from, calls)) in rows.iter().enumerate() {
        let top = sheet.top + ROW * number as f64;
        let begins = time_text(UnixMillis(*from), look.zone, span_ms);
        let label = label(UnixMillis(*from), span_ms, look);
        // Each second one says when it begins where there are many.
        if rows.len() <= 12 || number % 2 == 0 {
            sheet.label(&mut drawing, top + ROW / 2.0, &label);
        }
        drawing.line((sheet.left, top + ROW), (sheet.right, top + ROW), ink::GRID);
        let title = format!("from {begins}\n{} calls", calls.len());
        let path = marks(&sheet, *from, calls, top);
        drawing.titled(&title, None, |drawing| drawing.area(&path, ink::series(0), 1.0));
    }
    (drawing.finish(), said)
}

/// When a line begins, as there is room for it.
fn label(from: UnixMillis, span_ms: u64, look: Look<'_>) -> String {
    let format = match (span_ms, look.room) {
        (86_400_000.., _) => "%-d %b",
        (60_000.., Room::NarrowPage) => "%H:%M",
        (60_000.., _) => "%-d %b %H:%M",
        _ => "%H:%M:%S",
    };
    from.timestamp().to_zoned_datetime(look.zone.clone()).strftime(format).to_string()
}

/// A mark for each call; those that would be at one place are one.
fn marks(sheet: &Sheet, from: u64, calls: &[UnixMillis], top: f64) -> String {
    let mut path = String::new();
    let mut before = f64::MIN;
    for call in calls {
        let x = (sheet.x((call.0 - from) as f64) * 2.0).round() / 2.0;
        if x > before {
            // Writing to a string cannot fail.
            let _ = write!(path, "M{x} {}h1.6v{}h-1.6z", top + 2.5, ROW - 5.0);
            before = x;
        }
    }
    path
}

/// A part of a line's time, in few letters.
fn short(millis: u64) -> String {
    match millis {
        0..60_000 => format!("{} s", millis as f64 / 1000.0),
        60_000..3_600_000 => format!("{} min", millis as f64 / 60_000.0),
        3_600_000..86_400_000 => format!("{} h", millis as f64 / 3_600_000.0),
        _ => format!("{} d", millis as f64 / 86_400_000.0),
    }
}

//! Whom somebody tried when: time to the right, targets in their order upwards. However many there are,
//! what falls on one place is drawn once.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::super::drawing::Anchor;
use super::super::frame::Room;
use super::super::{Plot, ink, nothing};
use super::sheet::{Look, Sheet};
use crate::answer::words::{grouped, plural};
use crate::flow::{TimeRange, UnixMillis};

/// A try of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Try {
    /// When.
    pub at: UnixMillis,
    /// Which target, by its place among their names.
    pub target: usize,
    /// Whether it answered.
    pub answered: bool,
}

/// Tries of targets.
pub struct Tries<'a> {
    /// Each of them.
    pub tries: &'a [Try],
    /// What the targets are called, in their order.
    pub names: &'a [String],
    /// What one of them is.
    pub noun: &'a str,
    /// From when to when.
    pub time: TimeRange,
}

/// How large the place of a try is, in pixels.
const PLACE: f64 = 4.0;

impl Tries<'_> {
    /// How many targets answered.
    fn answering(&self) -> usize {
        let answering = self.tries.iter().filter(|one| one.answered).map(|one| one.target);
        answering.collect::<BTreeSet<_>>().len()
    }
}

/// Draws `tries`.
pub fn draw_tries(tries: &Tries<'_>, look: Look<'_>) -> Plot {
    if tries.tries.is_empty() || tries.names.is_empty() {
        return nothing(look.room, look.title, "There are no tries.", "");
    }
    let high = if look.room == Room::NarrowPage { 220.0 } else { 250.0 };
    let time = tries.time;
    let sheet = Sheet::new(look.room, high, (time.since.0 as f64, time.until.0 as f64));
    let targets = plural(tries.names.len() as u64, tries.noun);
    let told = format!(
        "{} tries of {targets}, of which {} answered",
        grouped(tries.tries.len() as u64),
        grouped(tries.answering() as u64)
    );
    let mut drawing = sheet.drawing(look, &told);
    let last = tries.names.len() - 1;
    let place = |target: usize| {
        let share = if last == 0 { 0.5 } else { target as f64 / last as f64 };
        sheet.bottom - 6.0 - (sheet.bottom - sheet.top - 12.0) * share
    };
    sheet.draw_times(&mut drawing, look.zone);
    let marks: BTreeSet<usize> = (0..=4).map(|part| last * part / 4).collect();
    for target in marks {
        sheet.value(&mut drawing, place(target), &tries.names[target]);
    }
    let places = |answered: bool| -> BTreeSet<(i64, i64)> {
        let of = tries.tries.iter().filter(|one| one.answered == answered);
        let cell = |at: f64| (at / PLACE).floor() as i64;
        of.map(|one| (cell(sheet.x(one.at.0 as f64)), cell(place(one.target)))).collect()
    };
    let mut path = String::new();
    for (x, y) in places(false) {
        // Writing to a string cannot fail.
        let _ = write!(path, "M{} {}h3v3h-3z", x as f64 * PLACE, y as f64 * PLACE);
    }
    drawing.area(&path, ink::series(0), 0.85);
    let mut path = String::new();
    for (x, y) in places(true) {
        let _ = write!(path, "M{} {}l5 5-5 5-5-5z", x as f64 * PLACE + 1.5, y as f64 * PLACE - 3.5);
    }
    drawing.area(&path, ink::series(1), 1.0);
    if look.room != Room::NarrowPage {
        let axis = format!("{}s in order", tries.noun);
        drawing.text((0.0, sheet.bottom + 21.0), axis, sheet.size(), ink::FAINT, Anchor::Start);
    }
    drawing.finish()
}

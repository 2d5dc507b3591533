//! A small line of what a key used over time: what it sent stands on the axis, what it received hangs.

use super::Plot;
use super::drawing::{Drawing, Path, Role};
use super::ink::{self, Ink};
use crate::aggregate::{Figures, Measure, UsageEntry};
use crate::answer::units::{rate, units_each};

/// So many columns there is room for.
pub const USAGE_COLUMNS: usize = 240;
/// In pixels.
const SIZE: (f64, f64) = (USAGE_COLUMNS as f64, 56.0);

/// Draws the rates of an entry, which is called `name`, with a dashed line at each percentile.
pub fn draw_usage(entry: &UsageEntry, by: Measure, name: &str) -> Plot {
    let sent = if entry.received.is_some() { entry.sent.as_ref() } else { Some(&entry.both) };
    let ways = [(sent, false, ink::series(0)), (entry.received.as_ref(), true, ink::series(1))];
    let drawn = || ways.iter().filter_map(|&(way, hangs, ink)| Some((way?, hangs, ink)));
    let told = |(figures, hangs, _): (&Figures, bool, Ink)| {
        let peak = rate(by, figures.peak as f64 / units_each(by));
        format!("{} up to {peak}", if hangs { "in" } else { "out" })
    };
    let description: Vec<String> = drawn().map(told).collect();
    let mut drawing = Drawing::new(SIZE, name, &description.join(", "), Role::Image);
    let greatest = |hangs: bool| {
        let of_side = drawn().filter(|&(_, other, _)| other == hangs);
        of_side.map(|(figures, ..)| reached(figures)).fold(0, u128::max) as f64
    };
    let (above, below) = (greatest(false), greatest(true));
    let pixels = (SIZE.1 - 2.0) / (above + below).max(1.0);
    let axis = 1.0 + above * pixels;
    for (figures, hangs, ink) in drawn() {
        let place = |rate: u128| {
            let high = rate as f64 * pixels;
            if hangs { axis + high } else { axis - high }
        };
        let column = SIZE.0 / figures.line.len().max(1) as f64;
        let mut path = Path::from((0.0, axis));
        for (number, &rate) in figures.line.iter().enumerate() {
            path.level(((number + 1) as f64 * column, place(rate)));
        }
        path.level((SIZE.0, axis));
        drawing.area(&(path.finish() + "Z"), ink, 1.0);
        if figures.percentile > 0 {
            let percentile = place(figures.percentile);
            let line = [(0.0, percentile), (SIZE.0, percentile)];
            drawing.curve(&Path::through(line.into_iter()), ink::BEFORE, true);
        }
    }
    drawing.line((0.0, axis), (SIZE.0, axis), ink::AXIS);
    drawing.finish()
}

/// The greatest rate that is drawn.
fn reached(figures: &Figures) -> u128 {
    figures.line.iter().copied().max().unwrap_or(0).max(figures.percentile)
}

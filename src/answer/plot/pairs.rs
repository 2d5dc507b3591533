//! Pairs of addresses as bars, the greatest first.

use super::drawing::{Anchor, Drawing};
use super::frame::Room;
use super::{LINE, MARGIN, Plot, WIDTH, ink, nothing, text_width, titled};
use crate::aggregate::{ActivePair, Measure, PairOptions};
use crate::answer::axis::ticks;
use crate::answer::units::amount;

/// So many pairs are drawn; a plot of more could not be read.
pub const MAX_PLOTTED_PAIRS: usize = 200;

const TOP: f64 = 92.0;
const BOTTOM: f64 = 64.0;
/// The rows share this height, as far as their limits let them.
const ROWS_HEIGHT: f64 = super::HEIGHT - TOP - BOTTOM;
const MAX_ROW: f64 = 56.0;
const LABEL_SIZE: f64 = 14.0;
/// Room for the value behind the longest bar.
const VALUE_WIDTH: f64 = 150.0;
/// Labels that are longer take two lines.
const MAX_LABEL_WIDTH: f64 = 420.0;

/// Of which flows pairs are, in words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PairsView<'a> {
    /// When they began; empty for all of time.
    pub when: &'a str,
    /// The filter that they pass; empty for none.
    pub filter: &'a str,
}

/// Draws the first [`MAX_PLOTTED_PAIRS`] of `pairs`, which were made with `options`.
pub fn plot_pairs(pairs: &[ActivePair], options: &PairOptions, view: PairsView<'_>) -> Plot {
    let (by, when) = (options.by, view.when);
    let title = if options.directed {
        format!("Sources and destinations with most {by}")
    } else {
        format!("Pairs of addresses with most {by}")
    };
    if pairs.is_empty() {
        let of = if when.is_empty() { String::new() } else { format!(" ({when})") };
        return nothing(Room::File, title, format_args!("There are no flows{of}."), view.filter);
    }
    let drawn = &pairs[..pairs.len().min(MAX_PLOTTED_PAIRS)];
    let below = [number(drawn.len(), pairs.len(), options.directed), when.to_owned()];
    let below: Vec<String> = below.into_iter().filter(|part| !part.is_empty()).collect();

    let labels = Labels::new(drawn, options.directed);
    let row = (ROWS_HEIGHT / drawn.len() as f64).clamp(labels.row_height(), MAX_ROW);
    // Where all lines are below the title, the rows begin lower.
    let top = if below.is_empty() || view.filter.is_empty() { TOP } else { TOP + LINE };
    let bottom = top + row * drawn.len() as f64;
    let mut drawing = titled((Room::File, bottom + BOTTOM), &title, below.join(" · "), view.filter);

    let left = MARGIN + labels.width + 12.0;
    let right = WIDTH - VALUE_WIDTH;
    let greatest = drawn.first().map_or(0.0, |pair| pair.value as f64);
    // There is no half of an octet.
    let marks = ticks(greatest.max(1.0), if right - left > 500.0 { 6 } else { 3 });
    let marks: Vec<f64> = marks.into_iter().filter(|mark| mark.fract() == 0.0).collect();
    let end = marks.last().copied().unwrap_or(1.0);
    let place = |value: f64| left + (right - left) * value / end;
    for mark in marks {
        let x = place(mark);
        drawing.line((x, top), (x, bottom), if mark > 0.0 { ink::GRID } else { ink::AXIS });
        drawing.text((x, bottom + 20.0), amount_text(by, mark), 12.0, ink::FAINT, Anchor::Middle);
    }
    let unit = match by {
        Measure::Octets => "octets, in bytes",
        Measure::Packets => "packets",
        Measure::Flows => "flows",
    };
    let middle = f64::midpoint(left, right);
    drawing.text((middle, bottom + 44.0), unit, 13.0, ink::FAINT, Anchor::Middle);

    for (number, pair) in drawn.iter().enumerate() {
        let middle = top + row * (number as f64 + 0.5);
        let high = (row * 0.62).min(30.0);
        // What is little is seen to be there.
        let long = (place(pair.value as f64) - left).max(if pair.value > 0 { 1.0 } else { 0.0 });
        drawing.rectangle("bar", (left, middle - high / 2.0), (long, high), ink::series(0).color);
        labels.draw(&mut drawing, number, (left - 12.0, middle));
        let value = amount_text(by, pair.value as f64);
        drawing.text(
            (left + long + 8.0, middle + 5.0),
            value,
            LABEL_SIZE,
            ink::TEXT,
            Anchor::Start,
        );
    }
    drawing.finish()
}

/// How many are drawn, and of how many.
fn number(drawn: usize, all: usize, directed: bool) -> String {
    let which = if directed { "" } else { "both directions together" };
    match (drawn < all, which) {
        (true, "") => format!("the first {drawn} of {all}"),
        (true, which) => format!("the first {drawn} of {all}, {which}"),
        (false, which) => which.to_owned(),
    }
}

/// An amount without the name of what is counted, which stands at the axis.
fn amount_text(by: Measure, value: f64) -> String {
    let text = amount(by, value);
    text.strip_suffix(by.name()).map(|text| text.trim_end().to_owned()).unwrap_or(text)
}

/// What stands left of the bars.
struct Labels {
    /// One line each, or two.
    lines: Vec<Vec<String>>,
    width: f64,
}

impl Labels {
    fn new(pairs: &[ActivePair], directed: bool) -> Self {
        let between = if directed { "->" } else { "–" };
        let one_line =
            |pair: &ActivePair| vec![format!("{} {between} {}", pair.first, pair.second)];
        let two_lines =
            |pair: &ActivePair| vec![pair.first.to_string(), format!("{between} {}", pair.second)];
        let lines: Vec<Vec<String>> = pairs.iter().map(one_line).collect();
        if widest(&lines) <= MAX_LABEL_WIDTH {
            return Self { width: widest(&lines), lines };
        }
        let lines: Vec<Vec<String>> = pairs.iter().map(two_lines).collect();
        Self { width: widest(&lines), lines }
    }

    fn row_height(&self) -> f64 {
        if self.lines.iter().any(|lines| lines.len() > 1) { 40.0 } else { 24.0 }
    }

    /// Writes the label of a pair, its right end in the middle of its height.
    fn draw(&self, drawing: &mut Drawing, number: usize, (x, middle): (f64, f64)) {
        let lines = &self.lines[number];
        let first = middle + 5.0 - (lines.len() - 1) as f64 * 8.5;
        for (line, text) in lines.iter().enumerate() {
            drawing.text((x, first + line as f64 * 17.0), text, LABEL_SIZE, ink::TEXT, Anchor::End);
        }
    }
}

fn widest(lines: &[Vec<String>]) -> f64 {
    lines.iter().flatten().map(|line| text_width(line, LABEL_SIZE)).fold(0.0, f64::max)
}

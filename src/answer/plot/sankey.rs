//! Where traffic passes: its keys as columns, and bands between those that come together.

use super::drawing::{Anchor, Drawing, Role};
use super::frame::Room;
use super::{Plot, fitting, ink, nothing};
use crate::aggregate::Measure;
use crate::answer::units::amount;

/// Some of the traffic.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Where it passes, column by column.
    pub stops: Vec<Stop>,
    /// How much it is.
    pub value: f64,
}

/// A place where traffic passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// What it is called.
    pub name: String,
    /// Where its name leads.
    pub href: Option<String>,
    /// Whether it stands for all others.
    pub is_others: bool,
}

/// How wide a stop is.
const STOP: f64 = 12.0;
/// How far stops are apart.
const GAP: f64 = 5.0;

/// Draws `parts`, all with as many stops, of what is counted as `by` says.
pub fn draw_sankey(parts: &[Part], by: Measure, room: Room, title: &str) -> Plot {
    let total: f64 = parts.iter().map(|part| part.value).sum();
    let columns = parts.first().map_or(0, |part| part.stops.len());
    if total <= 0.0 || columns == 0 {
        return nothing(room, title, "There are no flows.", "");
    }
    let columns: Vec<Vec<Node<'_>>> = (0..columns).map(|column| nodes(parts, column)).collect();
    let most = columns.iter().map(Vec::len).max().unwrap_or(1);
    // Where there are many, each has room for its name.
    let height = room.height().max(most as f64 * (room.text_size() + GAP + 4.0));
    let scale = (height - GAP * (most + 1) as f64) / total;
    let told: Vec<String> = columns.iter().flatten().map(|node| node.told(by, total)).collect();
    let size = (room.width(), height);
    let mut drawing = Drawing::new(size, title, &told.join("; "), Role::Links);
    let sankey = Sankey { room, by, scale, total, columns: &columns };
    sankey.draw_bands(&mut drawing, parts);
    sankey.draw_stops(&mut drawing);
    drawing.finish()
}

/// What passes one place.
struct Node<'a> {
    stop: &'a Stop,
    value: f64,
}

impl Node<'_> {
    fn told(&self, by: Measure, total: f64) -> String {
        let share = self.value * 100.0 / total;
        format!("{}: {} ({share:.1} %)", self.stop.name, amount(by, self.value))
    }
}

/// The places of a column, that of most traffic first, and all others last.
fn nodes(parts: &[Part], column: usize) -> Vec<Node<'_>> {
    let mut nodes: Vec<Node<'_>> = Vec::new();
    for part in parts {
        let stop = &part.stops[column];
        match nodes.iter_mut().find(|node| node.stop.name == stop.name) {
            Some(node) => node.value += part.value,
            None => nodes.push(Node { stop, value: part.value }),
        }
    }
    nodes.sort_by(|a, b| a.stop.is_others.cmp(&b.stop.is_others).then(b.value.total_cmp(&a.value)));
    nodes
}

struct Sankey<'a> {
    room: Room,
    by: Measure,
    /// Pixels to one that is counted.
    scale: f64,
    total: f64,
    columns: &'a [Vec<Node<'a>>],
}

impl Sankey<'_> {
    /// Where a column is.
    fn x(&self, column: usize) -> f64 {
        let apart = (self.room.width() - STOP) / (self.columns.len() - 1).max(1) as f64;
        apart * column as f64
    }

    fn high(&self, value: f64) -> f64 {
        (value * self.scale).max(1.0)
    }

    /// Where each stop of a column begins.
    fn tops(&self, column: usize) -> Vec<f64> {
        let mut y = GAP;
        let mut tops = Vec::new();
        for node in &self.columns[column] {
            tops.push(y);
            y += self.high(node.value) + GAP;
        }
        tops
    }

    fn place(&self, column: usize, stop: &Stop) -> usize {
        let mut nodes = self.columns[column].iter();
        nodes.position(|node| node.stop.name == stop.name).unwrap_or(0)
    }

    fn ink(&self, column: usize, place: usize) -> ink::Ink {
        let others = self.columns[column].get(place).is_some_and(|node| node.stop.is_others);
        if others { ink::OTHERS } else { ink::series(place) }
    }

    fn draw_bands(&self, drawing: &mut Drawing, parts: &[Part]) {
        for column in 1..self.columns.len() {
            let (mut left, mut right) = (self.tops(column - 1), self.tops(column));
            for (from, to, value) in self.bands(column, parts) {
                let high = value * self.scale;
                let (x1, x2) = (self.x(column - 1) + STOP, self.x(column));
                let middle = f64::midpoint(x1, x2);
                let (y1, y2) = (left[from], right[to]);
                let path = format!(
                    "M{x1:.1} {y1:.1}C{middle:.1} {y1:.1} {middle:.1} {y2:.1} {x2:.1} {y2:.1}\
                     v{high:.1}C{middle:.1} {:.1} {middle:.1} {:.1} {x1:.1} {:.1}Z",
                    y2 + high,
                    y1 + high,
                    y1 + high
                );
                let names = [(column - 1, from), (column, to)]
                    .map(|(column, place)| &*self.columns[column][place].stop.name);
                let title = format!("{} → {}\n{}", names[0], names[1], amount(self.by, value));
                let ink = self.ink(column - 1, from);
                drawing.titled(&title, None, |drawing| drawing.area(&path, ink, 0.4));
                left[from] += high;
                right[to] += high;
            }
        }
    }

    /// What comes together in a column and the one before it, from above to below: places in both,
    /// and how much it is.
    fn bands(&self, column: usize, parts: &[Part]) -> Vec<(usize, usize, f64)> {
        let mut bands: Vec<(usize, usize, f64)> = Vec::new();
        for part in parts {
            let from = self.place(column - 1, &part.stops[column - 1]);
            let to = self.place(column, &part.stops[column]);
            match bands.iter_mut().find(|band| (band.0, band.1) == (from, to)) {
                Some(band) => band.2 += part.value,
                None => bands.push((from, to, part.value)),
            }
        }
        bands.sort_by_key(|&(from, to, _)| (from, to));
        bands
    }

    fn draw_stops(&self, drawing: &mut Drawing) {
        let size = self.room.text_size();
        let room = self.room.width() / self.columns.len() as f64 - STOP - 12.0;
        for (column, nodes) in self.columns.iter().enumerate() {
            let is_last = column + 1 == self.columns.len() && column > 0;
            let mut written = f64::MIN;
            for (place, (node, top)) in nodes.iter().zip(self.tops(column)).enumerate() {
                let high = self.high(node.value);
                let ink = self.ink(column, place);
                let (x, middle) = (self.x(column), top + high / 2.0);
                // Names of thin stops would lie on each other.
                let has_name = middle - written >= size + 2.0;
                let href = node.stop.href.as_deref();
                drawing.titled(&node.told(self.by, self.total), href, |drawing| {
                    drawing.rectangle(ink.class, (x, top), (STOP, high), ink.color);
                    if !has_name {
                        return;
                    }
                    let (x, anchor) = if is_last {
                        (x - 6.0, Anchor::End)
                    } else {
                        (x + STOP + 6.0, Anchor::Start)
                    };
                    let name = fitting(&node.stop.name, size, room);
                    drawing.text((x, middle + size * 0.35), name, size, ink::TEXT, anchor);
                });
                if has_name {
                    written = middle;
                }
            }
        }
    }
}

//! Plots: pictures of summaries, drawn as SVG, and from that as PNG.

mod drawing;
mod pairs;
mod raster;
mod timeline;

#[cfg(test)]
mod tests;

pub use pairs::{MAX_PLOTTED_PAIRS, PairsView, plot_pairs};
pub use timeline::plot_timeline;

use std::fmt::Display;
use std::io;

use drawing::{Anchor, Drawing};

use super::condition::condition;

/// A plot, as SVG.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plot {
    svg: String,
}

impl Plot {
    /// The text of an SVG file.
    pub fn svg(&self) -> &str {
        &self.svg
    }

    /// The bytes of a PNG file of the same size in pixels.
    ///
    /// # Errors
    ///
    /// If there is no memory for the picture.
    pub fn png(&self) -> io::Result<Vec<u8>> {
        raster::png(&self.svg)
    }
}

/// In pixels; the height is that of most plots.
const WIDTH: f64 = 1200.0;
const HEIGHT: f64 = 600.0;
/// How far from the left edge titles are.
const MARGIN: f64 = 32.0;

const INK: &str = "#1f2933";
const FAINT_INK: &str = "#52606d";
const AXIS: &str = "#7b8794";
const GRID: &str = "#e4e7eb";
const BLUE: &str = "#2f6fb2";
const ORANGE: &str = "#d9822b";

/// How wide text of a size is at most. The plot may be shown in another font than the one that
/// the PNG is drawn in; digits and the letters of addresses are this wide in a wide one.
fn text_width(text: &str, size: f64) -> f64 {
    text.chars().count() as f64 * size * 0.6
}

/// How large what stands below a title is.
const BELOW_SIZE: f64 = 14.0;
/// How far its lines are apart.
const LINE: f64 = 20.0;

/// A drawing with its title, and below it what there is of `below` and of the filter.
fn titled(height: f64, title: impl Display, below: impl Display, filter: &str) -> Drawing {
    let mut drawing = Drawing::new(WIDTH, height, &title);
    drawing.text((MARGIN, 38.0), &title, 21.0, INK, Anchor::Start);
    let most = ((WIDTH - 2.0 * MARGIN) / text_width("0", BELOW_SIZE)) as usize;
    let lines = Some(below.to_string()).filter(|below| !below.is_empty());
    let lines = lines.into_iter().chain(condition(filter, most));
    for (number, line) in lines.enumerate() {
        let y = 62.0 + LINE * number as f64;
        drawing.text((MARGIN, y), line, BELOW_SIZE, FAINT_INK, Anchor::Start);
    }
    drawing
}

/// Says in the middle that there is nothing to be drawn.
fn nothing(title: impl Display, why: impl Display, filter: &str) -> Plot {
    let mut drawing = titled(HEIGHT, title, "", filter);
    drawing.text((WIDTH / 2.0, HEIGHT / 2.0), why, 18.0, FAINT_INK, Anchor::Middle);
    drawing.finish()
}

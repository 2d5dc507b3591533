//! Plots: pictures of summaries, drawn as SVG, and from that as PNG.

mod drawing;
mod evidence;
mod frame;
mod ink;
mod pairs;
mod raster;
mod sankey;
mod timeline;
mod usage;

#[cfg(test)]
mod tests;

pub use evidence::{
    Calls, Columns, FanPart, Look, Pauses, Tries, Try, draw_calls, draw_columns, draw_fan,
    draw_pauses, draw_tries,
};
pub use frame::Room;
pub use pairs::{MAX_PLOTTED_PAIRS, PairsView, plot_pairs};
pub use sankey::{Part, Stop, draw_sankey};
pub use timeline::{Shape, TimelineLook, draw_timeline, plot_timeline};
pub use usage::{USAGE_COLUMNS, draw_usage};

use std::fmt::Display;
use std::io;

use drawing::{Anchor, Drawing, Role};

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

    /// Likewise, for who has no use for the plot any more.
    pub fn into_svg(self) -> String {
        self.svg
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

/// How wide text of a size is at most. The plot may be shown in another font than the one that
/// the PNG is drawn in; digits and the letters of addresses are this wide in a wide one.
fn text_width(text: &str, size: f64) -> f64 {
    text.chars().count() as f64 * size * 0.6
}

/// As much of a name as there is room for: of addresses the end tells more than the middle.
fn fitting(name: &str, size: f64, room: f64) -> String {
    if text_width(name, size) <= room {
        return name.to_owned();
    }
    let most = (room / text_width("0", size)) as usize;
    let (kept, length) = (most.saturating_sub(1), name.chars().count());
    let (begin, end) = (kept.div_ceil(2), kept / 2);
    name.chars().take(begin).chain(['…']).chain(name.chars().skip(length - end)).collect()
}

/// How large what stands below a title is.
const BELOW_SIZE: f64 = 14.0;
/// How far its lines are apart.
const LINE: f64 = 20.0;

/// A drawing of that height with its title, and below it what there is of `below` and of the filter.
fn titled(
    (room, height): (Room, f64),
    title: impl Display,
    below: impl Display,
    filter: &str,
) -> Drawing {
    let width = room.width();
    let mut drawing = Drawing::new((width, height), &title, "", Role::Image);
    drawing.text((MARGIN, 38.0), &title, 21.0, ink::TEXT, Anchor::Start);
    let most = ((width - 2.0 * MARGIN) / text_width("0", BELOW_SIZE)) as usize;
    let lines = Some(below.to_string()).filter(|below| !below.is_empty());
    let lines = lines.into_iter().chain(condition(filter, most));
    for (number, line) in lines.enumerate() {
        let y = 62.0 + LINE * number as f64;
        drawing.text((MARGIN, y), line, BELOW_SIZE, ink::FAINT, Anchor::Start);
    }
    drawing
}

/// Says in the middle that there is nothing to be drawn.
fn nothing(room: Room, title: impl Display, why: impl Display, filter: &str) -> Plot {
    let (width, height) = (room.width(), room.height());
    let mut drawing = if room == Room::File {
        titled((room, height), title, "", filter)
    } else {
        Drawing::new((width, height), title, "", Role::Image)
    };
    let size = room.text_size() + 5.0;
    drawing.text((width / 2.0, height / 2.0), why, size, ink::FAINT, Anchor::Middle);
    drawing.finish()
}

//! SVG, as far as plots need it: rectangles, lines and text.

use std::fmt::{Display, Write as _};

use super::Plot;

/// Which point of a text is where it is put.
#[derive(Debug, Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A picture while it is drawn.
#[derive(Debug)]
pub(super) struct Drawing {
    svg: String,
}

/// From left to right, and from top to bottom.
pub(super) type Point = (f64, f64);

impl Drawing {
    /// An empty picture; `name` is what it is called where it cannot be seen.
    pub(super) fn new(width: f64, height: f64, name: impl Display) -> Self {
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\">\n<title>"
        );
        push_escaped(&mut svg, name);
        svg += "</title>\n";
        let mut drawing = Self { svg };
        drawing.rectangle("background", (0.0, 0.0), (width, height), "#ffffff");
        drawing
    }

    pub(super) fn rectangle(
        &mut self,
        class: &str,
        (x, y): Point,
        (width, height): Point,
        fill: &str,
    ) {
        // Writing to a string cannot fail.
        let _ = writeln!(
            self.svg,
            "<rect class=\"{class}\" x=\"{x:.2}\" y=\"{y:.2}\" width=\"{width:.2}\" \
             height=\"{height:.2}\" fill=\"{fill}\"/>"
        );
    }

    pub(super) fn line(&mut self, (x1, y1): Point, (x2, y2): Point, stroke: &str) {
        let _ = writeln!(
            self.svg,
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{stroke}\"/>"
        );
    }

    /// Text whose base line is at `y`.
    pub(super) fn text(
        &mut self,
        (x, y): Point,
        text: impl Display,
        size: f64,
        fill: &str,
        anchor: Anchor,
    ) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let _ = write!(
            self.svg,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" fill=\"{fill}\" \
             text-anchor=\"{anchor}\">"
        );
        push_escaped(&mut self.svg, text);
        self.svg += "</text>\n";
    }

    pub(super) fn finish(mut self) -> Plot {
        self.svg += "</svg>\n";
        Plot { svg: self.svg }
    }
}

fn push_escaped(svg: &mut String, text: impl Display) {
    for character in text.to_string().chars() {
        match character {
            '<' => *svg += "&lt;",
            '>' => *svg += "&gt;",
            '&' => *svg += "&amp;",
            // No XML can hold these.
            character if character.is_control() => svg.push('\u{fffd}'),
            character => svg.push(character),
        }
    }
}

//! SVG, as far as plots need it: shapes, lines, text and links.

use std::fmt::{Display, Write as _};

use super::Plot;
use super::ink::Ink;

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

/// Who can follow what is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// It is one image.
    Image,
    /// It has links in it.
    Links,
}

impl Drawing {
    /// An empty picture; `name` is what it is called where it cannot be seen, and `description` what
    /// it shows then.
    pub(super) fn new(
        (width, height): Point,
        name: impl Display,
        description: &str,
        role: Role,
    ) -> Self {
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" role=\"{}\" aria-label=\"",
            if role == Role::Image { "img" } else { "group" }
        );
        push_escaped(&mut svg, &name);
        svg += "\">\n<title>";
        push_escaped(&mut svg, &name);
        svg += "</title>\n";
        if !description.is_empty() {
            svg += "<desc>";
            push_escaped(&mut svg, description);
            svg += "</desc>\n";
        }
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

    pub(super) fn line(&mut self, (x1, y1): Point, (x2, y2): Point, ink: Ink) {
        let Ink { class, color } = ink;
        let _ = writeln!(
            self.svg,
            "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" \
             stroke=\"{color}\"/>"
        );
    }

    /// A shape that is filled, as SVG writes a path.
    pub(super) fn area(&mut self, path: &str, ink: Ink, opacity: f64) {
        let Ink { class, color } = ink;
        let _ = writeln!(
            self.svg,
            "<path class=\"area {class}\" d=\"{path}\" fill=\"{color}\" fill-opacity=\"{opacity}\"/>"
        );
    }

    /// A line along a path; a dashed one is of what was before.
    pub(super) fn curve(&mut self, path: &str, ink: Ink, dashed: bool) {
        let Ink { class, color } = ink;
        let pattern = if dashed { " stroke-dasharray=\"4 3\"" } else { "" };
        let _ = writeln!(
            self.svg,
            "<path class=\"curve {class}\" d=\"{path}\" fill=\"none\" stroke=\"{color}\" \
             stroke-width=\"1.8\" stroke-linejoin=\"round\"{pattern}/>"
        );
    }

    /// A place that shows nothing but its `title`, where a pointer is over it; scripts find in it from
    /// when on it is, in milliseconds.
    pub(super) fn spot(&mut self, (x, y): Point, (width, height): Point, since: u64, title: &str) {
        let _ = write!(
            self.svg,
            "<path class=\"spot\" d=\"M{x:.1} {y:.1}h{width:.1}v{height:.1}h-{width:.1}z\" \
             fill=\"none\" pointer-events=\"all\" data-since=\"{since}\"><title>"
        );
        push_lines(&mut self.svg, title);
        self.svg += "</title></path>\n";
    }

    /// What `draw` draws, with a title for who points at it, as a link where it leads somewhere.
    pub(super) fn titled(&mut self, title: &str, href: Option<&str>, draw: impl FnOnce(&mut Self)) {
        let end = if let Some(href) = href {
            self.svg += "<a href=\"";
            push_escaped(&mut self.svg, href);
            self.svg += "\">";
            "</a>\n"
        } else {
            self.svg += "<g>";
            "</g>\n"
        };
        self.svg += "<title>";
        push_lines(&mut self.svg, title);
        self.svg += "</title>\n";
        draw(self);
        self.svg += end;
    }

    /// Text whose base line is at `y`.
    pub(super) fn text(
        &mut self,
        (x, y): Point,
        text: impl Display,
        size: f64,
        ink: Ink,
        anchor: Anchor,
    ) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let Ink { class, color } = ink;
        let _ = write!(
            self.svg,
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" fill=\"{color}\" \
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

/// A path of horizontal and vertical strokes, or from point to point.
#[derive(Debug, Default)]
pub(super) struct Path {
    text: String,
    x: f64,
    y: f64,
}

impl Path {
    pub(super) fn from((x, y): Point) -> Self {
        Self { text: format!("M{} {}", short(x), short(y)), x, y }
    }

    /// Goes up or down to `y`, then along to `x`.
    pub(super) fn level(&mut self, (x, y): Point) {
        // Strokes along one line are one.
        if short(y) != short(self.y) {
            let _ = write!(self.text, "H{}V{}", short(self.x), short(y));
            self.y = y;
        }
        self.x = x;
    }

    /// The straight lines from point to point.
    pub(super) fn through(points: impl Iterator<Item = Point>) -> String {
        let mut text = String::new();
        for (number, (x, y)) in points.enumerate() {
            let _ =
                write!(text, "{}{} {}", if number == 0 { 'M' } else { 'L' }, short(x), short(y));
        }
        text
    }

    /// The text of it, as far as it went.
    pub(super) fn finish(self) -> String {
        self.text + &format!("H{}", short(self.x))
    }
}

/// A coordinate to a tenth of a pixel.
fn short(number: f64) -> String {
    let text = format!("{number:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

fn push_escaped(svg: &mut String, text: impl Display) {
    for character in text.to_string().chars() {
        match character {
            '<' => *svg += "&lt;",
            '>' => *svg += "&gt;",
            '&' => *svg += "&amp;",
            '"' => *svg += "&quot;",
            // No XML can hold these.
            character if character.is_control() => svg.push('\u{fffd}'),
            character => svg.push(character),
        }
    }
}

/// Likewise of several lines.
fn push_lines(svg: &mut String, text: &str) {
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            svg.push('\n');
        }
        push_escaped(svg, line);
    }
}

//! Traffic over time: as bars, as areas that stand on each other, or as lines. What was received
//! hangs below the axis.

use std::fmt::Write as _;

use super::drawing::{Anchor, Drawing, Path, Role};
use super::frame::{Frame, Room};
use super::ink::{self, Ink};
use super::{LINE, MARGIN, Plot, nothing, titled};
use crate::aggregate::{Timeline, Whose};
use crate::answer::timeline::{ChartColumns, TimelineView, series_name, summary, time_text, title};
use crate::answer::units::{rate, units_each, width};

/// How wide a bar is at most; that of a longer bin is in its middle.
const MAX_BAR: f64 = 160.0;

/// How rates over time are drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Shape {
    /// As bars; those of keys as areas.
    #[default]
    Bars,
    /// As areas, each on the one before.
    Stacked,
    /// As lines.
    Lines,
}

/// How a timeline is drawn.
#[derive(Debug, Clone, Copy)]
pub struct TimelineLook<'a> {
    /// Where.
    pub room: Room,
    /// As what.
    pub shape: Shape,
    /// The time before, bin by bin as long and with the same series, to be compared.
    pub before: Option<&'a Timeline>,
}

/// Draws `timeline` for a file, bins put together where there are more than pixels.
pub fn plot_timeline(timeline: &Timeline, view: &TimelineView<'_>) -> Plot {
    let shape = if timeline.is_of_keys() { Shape::Stacked } else { Shape::Bars };
    draw_timeline(timeline, view, TimelineLook { room: Room::File, shape, before: None })
}

/// Draws `timeline`, bins put together where there is no room for all.
pub fn draw_timeline(timeline: &Timeline, view: &TimelineView<'_>, look: TimelineLook<'_>) -> Plot {
    let TimelineLook { room, before, .. } = look;
    let title = title(timeline, view);
    let Some(columns) = ChartColumns::new(timeline, room.columns()) else {
        return nothing(room, title, "There are no flows.", view.filter);
    };
    let before = before.and_then(|before| ChartColumns::new(before, room.columns()));
    let when = format!(
        "{} – {} ({}), {} a bar",
        time_text(columns.since, &view.zone, timeline.bin_ms),
        time_text(columns.until, &view.zone, timeline.bin_ms),
        view.zone_name,
        width(columns.column_ms)
    );
    let (mut drawing, top, height) = if room == Room::File {
        // Above there is room for two series and a filter.
        let more = LINE * timeline.series.len().saturating_sub(3) as f64;
        let height = room.height() + more;
        let mut drawing = titled((room, height), title, when, view.filter);
        let top = draw_legend(&mut drawing, timeline, view);
        (drawing, top, height)
    } else {
        let told: Vec<String> =
            timeline.series.iter().map(|series| summary(timeline, series, view)).collect();
        let told = format!("{when}. {}", told.join("; "));
        let size = (room.width(), room.height());
        (Drawing::new(size, title, &told, Role::Image), room.text_size(), room.height())
    };
    let curves = Curves { timeline, columns: &columns, before: before.as_ref(), shape: look.shape };
    let frame = Frame::new(room, columns.len(), (top, height), curves.peaks());
    frame.draw(&mut drawing, &columns, timeline.by, view);
    curves.draw(&mut drawing, &frame);
    if room != Room::File {
        curves.draw_spots(&mut drawing, &frame, view);
    }
    drawing.finish()
}

/// Says below the title what each series comes to; gives the height at which the plot may begin.
fn draw_legend(drawing: &mut Drawing, timeline: &Timeline, view: &TimelineView<'_>) -> f64 {
    let mut legend = if view.filter.is_empty() { 84.0 } else { 84.0 + LINE };
    for (number, series) in timeline.series.iter().enumerate() {
        let is_all = series.whose == Whose::All;
        if !is_all {
            let ink = ink_of(series.whose, number);
            drawing.rectangle("legend", (MARGIN, legend - 10.0), (11.0, 11.0), ink.color);
        }
        let indent = if is_all { 0.0 } else { 18.0 };
        let text = summary(timeline, series, view);
        drawing.text((MARGIN + indent, legend), text, 14.0, ink::TEXT, Anchor::Start);
        legend += LINE;
    }
    legend + 8.0
}

fn ink_of(whose: Whose, number: usize) -> Ink {
    if whose == Whose::OtherKeys { ink::OTHERS } else { ink::series(number) }
}

/// What is drawn in the frame.
struct Curves<'a> {
    timeline: &'a Timeline,
    columns: &'a ChartColumns,
    before: Option<&'a ChartColumns>,
    shape: Shape,
}

impl Curves<'_> {
    fn whose(&self) -> impl DoubleEndedIterator<Item = (usize, Whose)> {
        self.timeline.series.iter().map(|series| series.whose).enumerate()
    }

    /// The rates of all series up to one of that number that are on its side of the axis.
    fn up_to(&self, columns: &ChartColumns, last: usize) -> Vec<f64> {
        let side = |whose| whose == Whose::Received;
        let hangs = side(self.timeline.series[last].whose);
        let mut sums = vec![0.0; columns.len()];
        for (number, _) in
            self.whose().filter(|&(number, whose)| number <= last && side(whose) == hangs)
        {
            let rates = columns.rates.get(number).into_iter().flatten();
            sums.iter_mut().zip(rates).for_each(|(sum, rate)| *sum += rate);
        }
        sums
    }

    /// The rates that a series reaches, as it is drawn.
    fn reached(&self, columns: &ChartColumns, number: usize) -> Vec<f64> {
        match self.shape {
            Shape::Stacked => self.up_to(columns, number),
            Shape::Bars | Shape::Lines => columns.rates.get(number).cloned().unwrap_or_default(),
        }
    }

    /// The greatest rates above the axis, and below it if anything hangs.
    fn peaks(&self) -> (f64, Option<f64>) {
        let (mut above, mut below) = (0.0, None);
        for (number, whose) in self.whose() {
            let shown = [Some(self.columns), self.before].into_iter().flatten();
            let reached = shown.flat_map(|columns| self.reached(columns, number));
            let peak = reached.fold(0.0, f64::max);
            if whose == Whose::Received && number > 0 {
                below = Some(peak.max(below.unwrap_or(0.0)));
            } else {
                above = peak.max(above);
            }
        }
        (above, below)
    }

    fn draw(&self, drawing: &mut Drawing, frame: &Frame) {
        // The highest areas first, as the others are drawn over them.
        for (number, whose) in self.whose().rev() {
            let (ink, hangs) = (ink_of(whose, number), self.hangs(number));
            let reached = self.reached(self.columns, number);
            match self.shape {
                Shape::Bars => draw_bars(drawing, frame, &reached, hangs, ink),
                Shape::Stacked => drawing.area(&area(frame, &reached, hangs), ink, 1.0),
                Shape::Lines => drawing.curve(&curve(frame, &reached, hangs), ink, false),
            }
        }
        let Some(before) = self.before else { return };
        for (number, whose) in self.whose() {
            let is_last = number + 1 == self.timeline.series.len() || self.hangs(number + 1);
            let (drawn, ink) = match self.shape {
                Shape::Lines => (true, ink_of(whose, number)),
                Shape::Bars | Shape::Stacked => (is_last || self.hangs(number), ink::BEFORE),
            };
            if drawn {
                let reached = self.reached(before, number);
                drawing.curve(&curve(frame, &reached, self.hangs(number)), ink, true);
            }
        }
    }

    /// Whether a series is below the axis.
    fn hangs(&self, number: usize) -> bool {
        number > 0 && self.timeline.series[number].whose == Whose::Received
    }

    /// A place for each column that says what it has.
    fn draw_spots(&self, drawing: &mut Drawing, frame: &Frame, view: &TimelineView<'_>) {
        let by = self.timeline.by;
        for column in 0..self.columns.len() {
            let since = self.columns.starts[column];
            let mut title = time_text(since, &view.zone, self.timeline.bin_ms);
            for (number, whose) in self.whose() {
                let value = rate(by, self.columns.rates[number][column] / units_each(by));
                // Writing to a string cannot fail.
                let _ = match whose {
                    Whose::All => write!(title, "\n{value}"),
                    whose => write!(title, "\n{value} {}", series_name(whose, view)),
                };
            }
            let size = (frame.column, frame.bottom - frame.top);
            drawing.spot((frame.edge(column), frame.top), size, since.0, &title);
        }
    }
}

/// The path around what is between the axis and `rates`.
fn area(frame: &Frame, rates: &[f64], hangs: bool) -> String {
    let mut path = Path::from((frame.left, frame.axis));
    for (column, &rate) in rates.iter().enumerate() {
        path.level((frame.edge(column + 1), frame.place(rate, hangs)));
    }
    path.level((frame.edge(rates.len()), frame.axis));
    path.finish() + "Z"
}

/// The path through the middles of columns.
fn curve(frame: &Frame, rates: &[f64], hangs: bool) -> String {
    let points = rates
        .iter()
        .enumerate()
        .map(|(column, &rate)| (frame.edge(column) + frame.column / 2.0, frame.place(rate, hangs)));
    Path::through(points)
}

fn draw_bars(drawing: &mut Drawing, frame: &Frame, rates: &[f64], hangs: bool, ink: Ink) {
    let gap = if frame.column > 5.0 { 1.0 } else { 0.0 };
    for (column, &rate) in rates.iter().enumerate().filter(|(_, rate)| **rate > 0.0) {
        let height = frame.high(rate).max(1.0);
        let y = if hangs { frame.axis } else { frame.axis - height };
        // On whole pixels, else neighbours would show stripes.
        let edge = |column: usize| frame.edge(column).round();
        let room = edge(column + 1) - gap - edge(column);
        let wide = room.min(MAX_BAR);
        let left = edge(column) + ((room - wide) / 2.0).floor();
        drawing.rectangle("bar", (left, y), (wide, height), ink.color);
    }
}

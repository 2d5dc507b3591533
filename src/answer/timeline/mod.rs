//! Traffic over time to an output: as a chart of characters, as JSON, as CSV.

mod chart;
mod columns;
mod told;

#[cfg(test)]
mod tests;

use std::fmt;
use std::io::Write;
use std::str::FromStr;

use jiff::tz::TimeZone;

pub use chart::chart_bins;
pub(super) use columns::ChartColumns;
pub(super) use told::{summary, time_text, title};

use super::clock::Clock;
use super::json::push_array;
use super::pieces::or_closed;
use super::{AnswerError, ParseFormatError};
use crate::aggregate::Timeline;

/// A format of timelines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TimelineFormat {
    /// A chart of characters.
    #[default]
    Chart,
    /// One JSON object with an array of bins.
    Json,
    /// A JSON object for each bin, on a line.
    Ndjson,
    /// A header line, then a line for each bin.
    Csv,
}

impl TimelineFormat {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Chart, Self::Json, Self::Ndjson, Self::Csv];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chart => "chart",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
        }
    }

    /// Whether it is JSON, in one piece or in lines.
    pub const fn is_json(self) -> bool {
        matches!(self, Self::Json | Self::Ndjson)
    }
}

impl fmt::Display for TimelineFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for TimelineFormat {
    type Err = ParseFormatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|format| format.name() == text);
        found.ok_or_else(|| ParseFormatError::new(text, "chart, json, ndjson or csv"))
    }
}

/// What a timeline is shown with.
#[derive(Debug, Clone)]
pub struct TimelineView<'a> {
    /// Whose traffic it is, as the title says; empty for everybody's.
    pub of: &'a str,
    /// The filter that the flows pass, as the title says; empty for none.
    pub filter: &'a str,
    /// The time zone of all times.
    pub zone: TimeZone,
    /// What that is called.
    pub zone_name: &'a str,
}

/// Prints `timeline` in `format`; a chart is `columns` characters wide.
///
/// Bins have `time`, when they begin, and a value under the name of the measure, or `sent` and
/// `received`. In JSON they are in `bins`, beside `by` and `binMs`.
///
/// # Errors
///
/// [`AnswerError::Output`] for what the output meets, but for a closed pipe.
pub fn write_timeline(
    timeline: &Timeline,
    view: &TimelineView<'_>,
    format: TimelineFormat,
    columns: usize,
    mut to: impl Write,
) -> Result<(), AnswerError> {
    let text = match format {
        TimelineFormat::Chart => chart::chart(timeline, view, columns).into_bytes(),
        TimelineFormat::Json => json(timeline, view),
        TimelineFormat::Ndjson => bins(timeline, view, "\n"),
        TimelineFormat::Csv => csv(timeline, view),
    };
    or_closed(to.write_all(&text).and_then(|()| to.flush()))
        .map(|_| ())
        .map_err(AnswerError::Output)
}

fn json(timeline: &Timeline, view: &TimelineView<'_>) -> Vec<u8> {
    let mut text = format!("{{\"by\":\"{}\",\"binMs\":{},\"bins\":", timeline.by, timeline.bin_ms)
        .into_bytes();
    push_array(&mut text, &bins(timeline, view, ",\n"));
    text.extend_from_slice(b"}\n");
    text
}

/// An object for each bin, with `end` behind it.
fn bins(timeline: &Timeline, view: &TimelineView<'_>, end: &str) -> Vec<u8> {
    let mut clock = Clock::new(view.zone.clone());
    let mut text = Vec::new();
    for (bin, &start) in timeline.starts.iter().enumerate() {
        text.extend_from_slice(b"{\"time\":\"");
        clock.push_rfc_3339(&mut text, start);
        text.push(b'"');
        for series in &timeline.series {
            let name = series.whose.name(timeline.by);
            text.extend_from_slice(format!(",\"{name}\":{}", series.values[bin]).as_bytes());
        }
        text.push(b'}');
        text.extend_from_slice(end.as_bytes());
    }
    text
}

fn csv(timeline: &Timeline, view: &TimelineView<'_>) -> Vec<u8> {
    let mut clock = Clock::new(view.zone.clone());
    let mut text = b"time".to_vec();
    for series in &timeline.series {
        text.extend_from_slice(format!(",{}", series.whose.name(timeline.by)).as_bytes());
    }
    text.push(b'\n');
    for (bin, &start) in timeline.starts.iter().enumerate() {
        clock.push(&mut text, start);
        for series in &timeline.series {
            text.extend_from_slice(format!(",{}", series.values[bin]).as_bytes());
        }
        text.push(b'\n');
    }
    text
}

//! Traffic over time to an output: as a chart of characters, as JSON, as CSV.

mod chart;
mod columns;
mod told;

#[cfg(test)]
mod tests;

use std::io::Write;
use std::str::FromStr;
use std::{fmt, iter};

use jiff::tz::TimeZone;

pub use chart::chart_bins;
pub(super) use columns::ChartColumns;
pub use told::time_text;
pub(super) use told::{series_name, summary, title};

use super::beside::{Beside, OF_ALL, Share, Used};
use super::keys::{key_names, key_values};
use super::pieces::write_text;
use super::rows::{Head, Value, write_rows};
use super::{AnswerError, PairFormat, ParseFormatError};
use crate::aggregate::{KeyField, KeyValue, Measure, Series, Timeline, TopEntry, Whose};

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

    /// How its rows are written; none for a chart.
    pub const fn of_rows(self) -> Option<PairFormat> {
        match self {
            Self::Chart => None,
            Self::Json => Some(PairFormat::Json),
            Self::Ndjson => Some(PairFormat::Ndjson),
            Self::Csv => Some(PairFormat::Csv),
        }
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
    /// What flows are grouped by, and the keys that series are of; none of them otherwise.
    pub fields: &'a [KeyField],
    /// The keys themselves.
    pub keys: &'a [TopEntry],
    /// What is said of them beside them.
    pub beside: Option<&'a Beside>,
}

impl TimelineView<'_> {
    /// The key that a series is of, if it is of one.
    fn key(&self, series: &Series) -> Option<&[KeyValue]> {
        match series.whose {
            Whose::Key(place) => self.keys.get(place).map(|entry| &*entry.key),
            _ => None,
        }
    }
}

/// Prints `timeline` in `format`; a chart is `columns` characters wide.
///
/// Bins have `time`, when they begin, and a value under the name of the measure, or `sent` and
/// `received`. In JSON they are in `bins`, beside `by` and `binMs`. Of keys there is a row for each
/// bin and key, with the values of the key, and one with none of them for all other keys. What is said
/// of keys [beside](Beside) them comes last; how much of a link was used is of each bin.
///
/// # Errors
///
/// [`AnswerError::Output`] for what the output meets, but for a closed pipe.
pub fn write_timeline(
    timeline: &Timeline,
    view: &TimelineView<'_>,
    format: TimelineFormat,
    columns: usize,
    to: impl Write,
) -> Result<(), AnswerError> {
    let Some(format) = format.of_rows() else {
        return write_text(&chart::chart(timeline, view, columns), to);
    };
    let object = format!("{{\"by\":\"{}\",\"binMs\":{},\"bins\":", timeline.by, timeline.bin_ms);
    let zone = view.zone.clone();
    let bins = timeline.starts.iter().enumerate();
    if timeline.is_of_keys() {
        let names: Vec<_> = view.fields.iter().flat_map(key_names).collect();
        let key: Vec<&str> = names.iter().map(|name| &**name).collect();
        let shares: &[Share] = if timeline.by == Measure::Octets { &OF_ALL } else { &[] };
        let told: Vec<_> =
            view.beside.iter().flat_map(|beside| beside.told(view.fields, shares)).collect();
        let all = iter::once("time").chain(key.iter().copied()).chain([timeline.by.name()]);
        let all = all.chain(told.iter().map(|told| &*told.name));
        let head = Head { names: all.collect(), object };
        let none = vec![Value::None; key.len()];
        let key_of = |series: &Series| view.key(series).map(|key| key_values(key).collect());
        let keys: Vec<Vec<Value>> = timeline
            .series
            .iter()
            .map(|series| key_of(series).unwrap_or_else(|| none.clone()))
            .collect();
        let rows = bins.flat_map(|(bin, &start)| {
            let (told, window_ms) = (&told, timeline.end(bin) - start);
            timeline.series.iter().zip(&keys).map(move |(series, key)| {
                let octets = series.values[bin];
                let beside = told.iter().map(move |told| match (view.beside, view.key(series)) {
                    (Some(beside), Some(key)) => {
                        beside.value(told, (view.fields, key), &[Used { octets, window_ms }])
                    }
                    _ => Value::None,
                });
                let row = iter::once(Value::CivilTime(start)).chain(key.iter().cloned());
                Ok(row.chain([Value::Number(octets)]).chain(beside))
            })
        });
        return write_rows(rows, &head, format, zone, to).map(drop);
    }
    let values = timeline.series.iter().map(|series| series.whose.name(timeline.by));
    let head = Head { names: iter::once("time").chain(values).collect(), object };
    let rows = bins.map(|(bin, &start)| {
        let values = timeline.series.iter().map(move |series| Value::Number(series.values[bin]));
        Ok(iter::once(Value::CivilTime(start)).chain(values))
    });
    write_rows(rows, &head, format, zone, to).map(drop)
}

/// Prints `timeline` as a flat JSON array of points for those who draw them: `time`, `series` and
/// `value`. The series are `all`, `sent` and `received`, or keys as tops print them with the names that
/// are known of them, and `others`.
///
/// # Errors
///
/// As [`write_timeline`].
pub fn write_points(
    timeline: &Timeline,
    view: &TimelineView<'_>,
    to: impl Write,
) -> Result<(), AnswerError> {
    // Names are few, and said again with every point.
    let names: Vec<String> = timeline
        .series
        .iter()
        .map(|series| serde_json::Value::from(series_name(series.whose, view)).to_string())
        .collect();
    let points = timeline.starts.iter().enumerate().flat_map(|(bin, start)| {
        timeline.series.iter().zip(&names).map(move |(series, name)| {
            let value = series.values[bin];
            format!("{{\"time\":\"{start}\",\"series\":{name},\"value\":{value}}}")
        })
    });
    let text = points.collect::<Vec<_>>().join(",\n");
    write_text(&format!("[{text}]\n"), to)
}

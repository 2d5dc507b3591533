//! All that was found of what stands out, to an output, and in a line what was looked at for it.

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

use jiff::tz::TimeZone;
use serde_json::Value;

use super::called::Called;
use super::detections::{detection_json, left_out_json, write_detections};
use super::format::{PairFormat, ParseFormatError};
use super::ocsf::ocsf_finding;
use super::words::{grouped, plural};
use crate::detect::{Found, Severity};

/// How what stands out is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FoundFormat {
    /// For people: some lines for each.
    #[default]
    Line,
    /// One JSON array of objects.
    Json,
    /// A JSON object on each line.
    Ndjson,
    /// A Detection Finding of OCSF on each line.
    Ocsf,
}

impl FoundFormat {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Line, Self::Json, Self::Ndjson, Self::Ocsf];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Ocsf => "ocsf",
        }
    }

    /// Whether it is JSON, in one piece or in lines.
    pub const fn is_json(self) -> bool {
        !matches!(self, Self::Line)
    }

    /// The format of rows in general that it is, if it is one.
    pub const fn of_rows(self) -> Option<PairFormat> {
        match self {
            Self::Line => Some(PairFormat::Line),
            Self::Json => Some(PairFormat::Json),
            Self::Ndjson => Some(PairFormat::Ndjson),
            Self::Ocsf => None,
        }
    }
}

impl From<PairFormat> for FoundFormat {
    /// What has no such form is written for people.
    fn from(format: PairFormat) -> Self {
        match format {
            PairFormat::Json => Self::Json,
            PairFormat::Ndjson => Self::Ndjson,
            PairFormat::Line | PairFormat::Csv => Self::Line,
        }
    }
}

impl fmt::Display for FoundFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for FoundFormat {
    type Err = ParseFormatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|format| format.name() == text);
        named.ok_or_else(|| ParseFormatError::new(text, "line, json, ndjson or ocsf"))
    }
}

/// Writes what was found. In JSON an object of its own stands behind the rest where not all is told.
///
/// # Errors
///
/// What `to` gives.
pub fn write_found(
    found: &Found,
    called: &Called,
    (format, zone): (FoundFormat, TimeZone),
    to: &mut impl Write,
) -> io::Result<()> {
    let each = found.detections.iter();
    let mut rows = each.map(|one| detection_json(one, called)).chain(left_out_json(found));
    match format {
        FoundFormat::Line => write_detections(&found.detections, called, zone, to),
        FoundFormat::Json => writeln!(to, "{}", Value::Array(rows.collect())),
        FoundFormat::Ndjson => rows.try_for_each(|row| writeln!(to, "{row}")),
        FoundFormat::Ocsf => {
            let mut each = found.detections.iter();
            each.try_for_each(|one| writeln!(to, "{}", ocsf_finding(one, called)))
        }
    }
}

/// What was looked at, how much was found, and what could not be told.
pub fn found_summary(found: &Found) -> String {
    let by = |severity| {
        let of = found.detections.iter().filter(|detection| detection.severity == severity);
        of.count()
    };
    let mut said = vec![format!(
        "{} in {} of {}: {} high, {} medium, {} low",
        plural(found.detections.len() as u64, "detection"),
        plural(found.connections, "connection"),
        plural(found.hosts, "host"),
        by(Severity::High),
        by(Severity::Medium),
        by(Severity::Low),
    )];
    if found.suppressed > 0 {
        said.push(format!("{} suppressed", grouped(found.suppressed)));
    }
    if found.shared > 0 {
        let beacons = plural(found.shared, "beacon");
        said.push(format!("{beacons} to what many hosts inside call not told"));
    }
    let share = |of: u64| of as f64 / found.connections.max(1) as f64;
    if share(found.sampled) > 0.01 {
        said.push(format!(
            "{} were sampled: answers and contacts are missing there, and scans of which half are such are counted only",
            grouped(found.sampled)
        ));
    }
    if share(found.one_way) > 0.2 {
        said.push(format!(
            "of {} only one direction was exported: who answered is told by TCP's flags alone",
            grouped(found.one_way)
        ));
    }
    for (kind, count) in &found.left_out {
        said.push(format!("{} more of kind {kind}, less grave, not told", grouped(*count)));
    }
    if found.more_listed > 0 {
        let flows = plural(found.more_listed, "flow");
        said.push(format!("{flows} with addresses of watch lists are of more hosts, not told"));
    }
    if found.unspread > 0 {
        said.push(format!(
            "{} missing in what is counted by time, as their hosts go on for too long",
            plural(found.unspread, "connection")
        ));
    }
    if found.in_parts > 0 {
        said.push(format!("{} judged in parts", plural(found.in_parts, "very busy host")));
    }
    said.join("; ")
}

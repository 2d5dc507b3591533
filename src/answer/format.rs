//! The formats of answers, and what each must know of a flow.

use std::fmt;
use std::str::FromStr;

use crate::flow::{Column, Columns};

/// A format of flows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// nfdump's `line`: a header line, then a line for each flow.
    #[default]
    Line,
    /// nfdump's `long`: also TCP flags and type of service.
    Long,
    /// nfdump's `extended`: also packets and bits a second, and bytes a packet.
    Extended,
    /// One JSON array of objects, with every field.
    Json,
    /// A JSON object on each line, with every field.
    Ndjson,
    /// nfdump's `csv`, with its header line.
    Csv,
    /// One JSON array of objects with the nine first fields, and `time` to the second.
    Earlgrey,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 7] = [
        Self::Line,
        Self::Long,
        Self::Extended,
        Self::Json,
        Self::Ndjson,
        Self::Csv,
        Self::Earlgrey,
    ];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::Long => "long",
            Self::Extended => "extended",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Earlgrey => "earlgrey",
        }
    }

    /// What it prints of a flow, and so what a scan must read.
    pub const fn columns(self) -> Columns {
        match self {
            Self::Line | Self::Csv | Self::Earlgrey => LINE_COLUMNS,
            Self::Long | Self::Extended => LONG_COLUMNS,
            Self::Json | Self::Ndjson => Columns::ALL,
        }
    }
}

const LINE_COLUMNS: Columns = Columns::of(&[
    Column::Src,
    Column::First,
    Column::Dst,
    Column::Protocol,
    Column::SrcPort,
    Column::DstPort,
    Column::Octets,
    Column::Packets,
    Column::Duration,
]);

const LONG_COLUMNS: Columns = Columns::of(&[
    Column::Src,
    Column::First,
    Column::Dst,
    Column::Protocol,
    Column::SrcPort,
    Column::DstPort,
    Column::Octets,
    Column::Packets,
    Column::Duration,
    Column::TcpFlags,
    Column::Tos,
]);

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Format {
    type Err = ParseFormatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|format| format.name() == text).ok_or_else(|| ParseFormatError {
            text: text.to_owned(),
            known: "line, long, extended, json, ndjson, csv or earlgrey",
        })
    }
}

/// A format of pairs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PairFormat {
    /// `(ADDR,ADDR,VALUE)` on each line.
    #[default]
    Line,
    /// One JSON array of objects.
    Json,
    /// A JSON object on each line.
    Ndjson,
    /// A header line, then a line for each pair.
    Csv,
}

impl PairFormat {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Line, Self::Json, Self::Ndjson, Self::Csv];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
        }
    }
}

impl fmt::Display for PairFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for PairFormat {
    type Err = ParseFormatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|format| format.name() == text).ok_or_else(|| ParseFormatError {
            text: text.to_owned(),
            known: "line, json, ndjson or csv",
        })
    }
}

/// Text that is no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no format; write {known}")]
pub struct ParseFormatError {
    text: String,
    known: &'static str,
}

impl ParseFormatError {
    pub(super) fn new(text: &str, known: &'static str) -> Self {
        Self { text: text.to_owned(), known }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_read_as_it_prints() {
        for format in Format::ALL {
            assert_eq!(format.to_string().parse(), Ok(format));
        }
        for format in PairFormat::ALL {
            assert_eq!(format.to_string().parse(), Ok(format));
        }
        assert_eq!(
            "raw".parse::<PairFormat>().unwrap_err().to_string(),
            "\"raw\" is no format; write line, json, ndjson or csv"
        );
        for format in Format::ALL {
            assert!("raw".parse::<Format>().unwrap_err().to_string().contains(format.name()));
        }
    }
}

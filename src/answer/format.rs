//! The formats of answers, and what each must know of a flow.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::nfdump::{self, Layout, LayoutError};
use crate::flow::{Column, Columns};
use crate::meaning::Attribute;

/// A format of flows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Format {
    /// nfdump's `line`: a header line, then a line for each flow.
    #[default]
    Line,
    /// nfdump's `long`: also TCP flags and type of service.
    Long,
    /// nfdump's `extended`: also packets and bits a second, and bytes a packet.
    Extended,
    /// nfdump's `biline`: what went out and what came in, side by side.
    Biline,
    /// nfdump's `bilong`: also TCP flags and type of service.
    Bilong,
    /// nfdump's `nsel`: events of firewalls, and addresses after translation.
    Nsel,
    /// nfdump's `nat`: events of NATs.
    Nat,
    /// One JSON array of objects, with every field.
    Json,
    /// A JSON object on each line, with every field.
    Ndjson,
    /// nfdump's `csv`, with its header line.
    Csv,
    /// nfdump's `csv-fast`: other fields, with times in milliseconds.
    CsvFast,
    /// nfdump's `raw`: a line for each field.
    Raw,
    /// One JSON array of objects with the nine first fields, and `time` to the second.
    Earlgrey,
    /// Nothing: flows are only read.
    Null,
    /// Cells as somebody put them together, or a layout with IPv6 addresses in full.
    Own(OwnFormat),
}

/// What is made of a flow: the kinds of formats.
pub(super) enum Printer {
    Layout(Layout),
    Raw,
    Json,
    Ndjson,
    Earlgrey,
    Null,
}

/// A format that its text makes: `fmt:%ts %sap`, `csv:%sa,%byt`, `%line %svln`, `long6`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnFormat {
    text: String,
    layout: Arc<Layout>,
}

impl Format {
    /// Every format that has a name.
    pub const NAMED: [Self; 14] = [
        Self::Line,
        Self::Long,
        Self::Extended,
        Self::Biline,
        Self::Bilong,
        Self::Nsel,
        Self::Nat,
        Self::Json,
        Self::Ndjson,
        Self::Csv,
        Self::CsvFast,
        Self::Raw,
        Self::Earlgrey,
        Self::Null,
    ];

    /// Its text on the command line.
    pub fn name(&self) -> &str {
        match self {
            Self::Own(own) => &own.text,
            _ => self.fixed_name(),
        }
    }

    /// Its name; of cells that somebody put together, `own`.
    pub const fn fixed_name(&self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::Long => "long",
            Self::Extended => "extended",
            Self::Biline => "biline",
            Self::Bilong => "bilong",
            Self::Nsel => "nsel",
            Self::Nat => "nat",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::CsvFast => "csv-fast",
            Self::Raw => "raw",
            Self::Earlgrey => "earlgrey",
            Self::Null => "null",
            Self::Own(_) => "own",
        }
    }

    /// What it prints of a flow, and so what a scan must read.
    pub fn columns(&self) -> Columns {
        match self.printer() {
            Printer::Layout(layout) => layout.columns(),
            Printer::Earlgrey => EARLGREY_COLUMNS,
            Printer::Json | Printer::Ndjson => Columns::ALL,
            Printer::Raw => nfdump::RAW_COLUMNS,
            Printer::Null => Columns::NONE,
        }
    }

    /// What it says of the ends of a flow, where that is known.
    pub fn attributes(&self) -> Vec<Attribute> {
        match self.printer() {
            Printer::Json | Printer::Ndjson => Attribute::ALL.to_vec(),
            Printer::Layout(_) if *self == Self::Csv => Attribute::ALL.to_vec(),
            Printer::Layout(layout) if matches!(self, Self::Own(_)) => layout.attributes(),
            Printer::Layout(_) if *self != Self::CsvFast => vec![Attribute::Host],
            _ => Vec::new(),
        }
    }

    /// Sees that it shows nothing that conversations have not.
    ///
    /// # Errors
    ///
    /// What cannot be shown, and what may be written.
    pub fn check_for_conversations(&self) -> Result<(), String> {
        let known = "with --bidir or --connections, write line, long, extended, biline, bilong, json, ndjson, csv or \
            null, or cells of times, ends, counters, TCP flags and tos";
        let of_single_flows = || Err(format!("{self} is of single flows; {known}"));
        match self.printer() {
            Printer::Layout(_) if *self == Self::CsvFast => of_single_flows(),
            Printer::Layout(layout) => match layout.beyond_conversations() {
                Some(cell) => Err(format!("%{cell} may differ between flows; {known}")),
                None => Ok(()),
            },
            Printer::Raw | Printer::Earlgrey => of_single_flows(),
            Printer::Json | Printer::Ndjson | Printer::Null => Ok(()),
        }
    }

    /// Whether it is JSON with every field.
    pub const fn is_json(&self) -> bool {
        matches!(self, Self::Json | Self::Ndjson)
    }

    /// Whether it is one for programs, which read an answer page by page.
    pub const fn has_places(&self) -> bool {
        matches!(self, Self::Json | Self::Ndjson | Self::Csv)
    }

    /// What makes it of a flow.
    pub(super) fn printer(&self) -> Printer {
        match self {
            Self::Line
            | Self::Long
            | Self::Extended
            | Self::Biline
            | Self::Bilong
            | Self::Nsel
            | Self::Nat
            | Self::Csv => Printer::Layout(Layout::named(self.name())),
            Self::CsvFast => Printer::Layout(nfdump::csv_fast()),
            Self::Own(own) => Printer::Layout(Layout::clone(&own.layout)),
            Self::Json => Printer::Json,
            Self::Ndjson => Printer::Ndjson,
            Self::Raw => Printer::Raw,
            Self::Earlgrey => Printer::Earlgrey,
            Self::Null => Printer::Null,
        }
    }

    /// Its cells, if it is made of these.
    pub(super) fn layout(&self) -> Option<Layout> {
        match self.printer() {
            Printer::Layout(layout) => Some(layout),
            _ => None,
        }
    }
}

const EARLGREY_COLUMNS: Columns = Columns::of(&[
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

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The names in an error, and what else may be written.
const KNOWN: &str = "line, long, extended, biline, bilong, nsel, nat, json, ndjson, csv, csv-fast, \
    raw, earlgrey or null; or cells, as in 'fmt:%ts %sap -> %dap %byt' or 'csv:%ts,%sa,%byt'";

impl FromStr for Format {
    type Err = ParseFormatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(known) = Self::NAMED.into_iter().find(|format| format.name() == text) {
            return Ok(known);
        }
        let own =
            |layout: Layout| Self::Own(OwnFormat { text: text.to_owned(), layout: layout.into() });
        let prefix = |prefix: &str| {
            text.get(..prefix.len()).filter(|start| start.eq_ignore_ascii_case(prefix))
        };
        for (before, csv) in [("fmt:", false), ("csv:", true)] {
            if let Some(before) = prefix(before) {
                return Layout::compile(&text[before.len()..], csv)
                    .map(own)
                    .map_err(|error| error.behind(before).into());
            }
        }
        if text.starts_with('%') {
            return Ok(own(Layout::compile(text, false)?));
        }
        // With a 6 behind it, a layout of lines shows IPv6 addresses in full.
        let wide = text.strip_suffix('6').and_then(|name| {
            Self::NAMED.into_iter().find(|format| format.name() == name)?.layout()
        });
        if let Some(layout) = wide {
            return Ok(own(layout.styled(false, true)));
        }
        let names: Vec<Self> = Self::NAMED.into();
        let near = nfdump::nearest(text, names.iter().map(Self::name))
            .map(|near| format!("; did you mean {near}?"));
        Err(ParseFormatError::new(text, &format!("{KNOWN}{}", near.unwrap_or_default())))
    }
}

/// A format of rows: of pairs, and of the keys of a top.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PairFormat {
    /// `(ADDR,ADDR,VALUE)` on each line; of a top, nfdump's table.
    #[default]
    Line,
    /// One JSON array of objects.
    Json,
    /// A JSON object on each line.
    Ndjson,
    /// A header line, then a line for each row.
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

    /// Whether it is JSON, in one piece or in lines.
    pub const fn is_json(self) -> bool {
        matches!(self, Self::Json | Self::Ndjson)
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
        Self::ALL
            .into_iter()
            .find(|format| format.name() == text)
            .ok_or_else(|| ParseFormatError::new(text, "line, json, ndjson or csv"))
    }
}

/// Text that is no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseFormatError {
    /// No name of a format.
    #[error("{text:?} is no format; write {known}")]
    Unknown {
        /// What was written.
        text: String,
        /// What may be.
        known: String,
    },
    /// Cells that cannot be.
    #[error(transparent)]
    Layout(#[from] LayoutError),
}

impl ParseFormatError {
    pub(super) fn new(text: &str, known: &str) -> Self {
        Self::Unknown { text: text.to_owned(), known: known.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_read_as_it_prints() {
        for format in Format::NAMED {
            assert_eq!(format.to_string().parse(), Ok(format));
        }
        for text in ["fmt:%ts %sap", "FMT:%sa", "csv:%sa, %da", "%line %svln", "line6", "csv6"] {
            assert_eq!(text.parse::<Format>().unwrap().to_string(), text);
        }
        for format in PairFormat::ALL {
            assert_eq!(format.to_string().parse(), Ok(format));
            // The setting `output.format` is one for both.
            assert!(format.name().parse::<Format>().is_ok(), "{format}");
        }
        assert_eq!(
            "raw".parse::<PairFormat>().unwrap_err().to_string(),
            "\"raw\" is no format; write line, json, ndjson or csv"
        );
        for format in Format::NAMED {
            assert!("x".parse::<Format>().unwrap_err().to_string().contains(format.name()));
        }
    }

    #[test]
    fn what_is_no_format_is_told_with_its_place_or_what_is_near() {
        let error = |text: &str| text.parse::<Format>().unwrap_err().to_string();
        assert!(error("extendet").ends_with("; did you mean extended?"), "{}", error("extendet"));
        assert_eq!(
            error("fmt:%ts %sx"),
            "%sx is no cell; did you mean %sa?\n  fmt:%ts %sx\n          ^^^"
        );
        for text in ["json6", "raw6", "null6", "6", "", "fmt", "pipe"] {
            assert!(error(text).contains("is no format"), "{text}");
        }
    }

    #[test]
    fn a_format_reads_only_what_it_shows() {
        let line = Format::Line.columns();
        assert_eq!(line, Format::Csv.columns());
        assert_eq!(line, EARLGREY_COLUMNS);
        assert!(!line.contains(Column::TcpFlags) && !line.contains(Column::Extras));
        assert!(Format::Biline.columns().contains(Column::Extras));
        let own: Format = "fmt:%da %byt".parse().unwrap();
        assert_eq!(own.columns(), Columns::of(&[Column::Dst, Column::Octets]));
    }
}

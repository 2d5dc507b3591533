//! Rows of named, typed values to an output: one way of writing each format, for all summaries.

use std::io::Write;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use jiff::tz::TimeZone;

use super::clock::Clock;
use super::elements::push_element;
use super::nfdump::tcp_flags;
use super::pieces::{Written, write_each};
use super::text::{push_address, push_csv_text, push_number, push_quoted};
use super::{AnswerError, PairFormat};
use crate::aggregate::ElementValue;
use crate::flow::{Kind, Protocol, UnixMillis};
use crate::store::Result as StoreResult;

/// A value of a row.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Address(IpAddr),
    Net(IpNet),
    Number(u128),
    /// A difference.
    Signed(i128),
    /// A share in percent, to four places.
    Percent(f64),
    Protocol(Protocol),
    TcpFlags(u8),
    /// Nothing: null in JSON.
    None,
    /// What an element tells.
    Element(Kind, ElementValue),
    /// One of a few words.
    Word(&'static str),
    /// A name of somebody's.
    Text(Arc<str>),
    Time(UnixMillis),
    /// A time that JSON has as all others, and CSV as charts show it, with the offset of the zone
    /// where that is not UTC.
    CivilTime(UnixMillis),
}

impl Value {
    pub(super) fn number(number: impl Into<u128>) -> Self {
        Self::Number(number.into())
    }

    const fn is_number(&self) -> bool {
        matches!(self, Self::Number(_) | Self::Signed(_) | Self::Percent(_))
    }

    /// Appends its text, in quotes where CSV needs them.
    pub(super) fn push(&self, to: &mut Vec<u8>, clock: &mut Clock) {
        // Writing to bytes cannot fail.
        let _ = match *self {
            Self::Text(ref text) => return push_quoted(to, text),
            Self::Address(address) => return push_address(to, address),
            Self::Net(net) => write!(to, "{net}"),
            Self::Number(number) => match u64::try_from(number) {
                Ok(number) => return push_number(to, number),
                Err(_) => write!(to, "{number}"),
            },
            Self::Signed(number) => write!(to, "{number}"),
            Self::Percent(share) => write!(to, "{share:.4}"),
            Self::Protocol(protocol) => write!(to, "{protocol}"),
            Self::TcpFlags(flags) => return to.extend_from_slice(&tcp_flags(flags)),
            Self::None => return,
            Self::Element(kind, value) => return push_quoted(to, &element_text(kind, &value)),
            Self::Word(word) => return to.extend_from_slice(word.as_bytes()),
            Self::Time(time) => return clock.push_rfc_3339(to, time),
            Self::CivilTime(time) => return clock.push_with_offset(to, time),
        };
    }

    /// Appends it as CSV has it, which spreadsheets open.
    fn push_csv(&self, to: &mut Vec<u8>, clock: &mut Clock) {
        match self {
            Self::Text(text) => push_csv_text(to, text),
            Self::Element(kind, value) => push_csv_text(to, &element_text(*kind, value)),
            other => other.push(to, clock),
        }
    }

    /// Appends it as JSON has it.
    fn push_json(&self, to: &mut Vec<u8>, clock: &mut Clock) {
        match self {
            Self::CivilTime(time) => Self::Time(*time).push_json(to, clock),
            // A string can be written as JSON.
            Self::Text(text) => drop(serde_json::to_writer(to, &**text)),
            Self::None => to.extend_from_slice(b"null"),
            Self::Element(kind, value) => push_element(to, *kind, value),
            number if number.is_number() => number.push(to, clock),
            text => {
                to.push(b'"');
                text.push(to, clock);
                to.push(b'"');
            }
        }
    }
}

/// What the value of an element is without the quotes of JSON.
fn element_text(kind: Kind, value: &ElementValue) -> String {
    let mut json = Vec::new();
    push_element(&mut json, kind, value);
    let plain = || String::from_utf8_lossy(&json).into_owned();
    serde_json::from_slice(&json).unwrap_or_else(|_| plain())
}

/// What is said of rows once.
pub(super) struct Head<'a> {
    /// What their values are called, in order.
    pub names: Vec<&'a str>,
    /// The object that JSON has the array of rows in, up to the array, which ends it. Nothing
    /// where it is the array alone.
    pub object: String,
}

/// Writes all of `rows`, or as many as the reader of the output takes.
///
/// # Errors
///
/// As [`write_each`].
pub(super) fn write_rows<R: IntoIterator<Item = Value>>(
    rows: impl Iterator<Item = StoreResult<R>>,
    head: &Head<'_>,
    format: PairFormat,
    zone: TimeZone,
    to: impl Write,
) -> Result<Written, AnswerError> {
    let before = before_values(&head.names, format);
    let (start, end) = match format {
        PairFormat::Json => (format!("{}[", head.object), "}"),
        PairFormat::Ndjson => (String::new(), "}\n"),
        PairFormat::Csv => (head.names.join(",") + "\n", "\n"),
        PairFormat::Line => (String::new(), ")\n"),
    };
    let mut clock = Clock::new(zone);
    let push = |to: &mut Vec<u8>, row: R, written: u64| {
        if format == PairFormat::Json {
            to.extend_from_slice(if written == 0 { b"\n" } else { b",\n" });
        }
        for (value, before) in row.into_iter().zip(&before) {
            to.extend_from_slice(before.as_bytes());
            match format {
                PairFormat::Json | PairFormat::Ndjson => value.push_json(to, &mut clock),
                PairFormat::Csv => value.push_csv(to, &mut clock),
                PairFormat::Line => value.push(to, &mut clock),
            }
        }
        to.extend_from_slice(end.as_bytes());
    };
    write_each(rows, to, &start, push, |written| match format {
        PairFormat::Json => {
            let (line, object) = (if written == 0 { "" } else { "\n" }, &head.object);
            format!("{line}]{}\n", if object.is_empty() { "" } else { "}" })
        }
        _ => String::new(),
    })
}

/// What stands before each value of a row.
fn before_values(names: &[&str], format: PairFormat) -> Vec<String> {
    let before = |(place, name): (usize, &&str)| match (format, place) {
        (PairFormat::Json | PairFormat::Ndjson, 0) => format!("{{\"{name}\":"),
        (PairFormat::Json | PairFormat::Ndjson, _) => format!(",\"{name}\":"),
        (PairFormat::Line, 0) => "(".to_owned(),
        (PairFormat::Csv, 0) => String::new(),
        (PairFormat::Line | PairFormat::Csv, _) => ",".to_owned(),
    };
    names.iter().enumerate().map(before).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreError;

    fn head() -> Head<'static> {
        Head { names: vec!["a", "b"], object: "{\"rows\":".to_owned() }
    }

    #[test]
    fn every_value_is_written_as_its_format_has_it() {
        for (value, csv, json) in [
            (Value::Address([10, 0, 0, 1].into()), "10.0.0.1", "\"10.0.0.1\""),
            (Value::Net("2001:db8::/32".parse().unwrap()), "2001:db8::/32", "\"2001:db8::/32\""),
            (Value::number(7u8), "7", "7"),
            (Value::Number(1 << 64), "18446744073709551616", "18446744073709551616"),
            (Value::Signed(-7), "-7", "-7"),
            (Value::Percent(100.0 / 3.0), "33.3333", "33.3333"),
            (Value::Protocol(Protocol::TCP), "TCP", "\"TCP\""),
            (Value::Protocol(Protocol(250)), "250", "\"250\""),
            (Value::TcpFlags(0x12), "...A..S.", "\"...A..S.\""),
            (Value::None, "", "null"),
            (Value::Text("a, \"b\"".into()), "\"a, \"\"b\"\"\"", "\"a, \\\"b\\\"\""),
            (
                Value::Time(UnixMillis(7)),
                "1970-01-01T00:00:00.007Z",
                "\"1970-01-01T00:00:00.007Z\"",
            ),
            (
                Value::CivilTime(UnixMillis(7)),
                "1970-01-01 00:00:00.007",
                "\"1970-01-01T00:00:00.007Z\"",
            ),
        ] {
            let written = |format| {
                let mut text = Vec::new();
                let rows = [Ok([value.clone(), Value::number(1u8)])].into_iter();
                write_rows(rows, &head(), format, TimeZone::UTC, &mut text).unwrap();
                String::from_utf8(text).unwrap()
            };
            let object = format!("{{\"a\":{json},\"b\":1}}");
            assert_eq!(written(PairFormat::Line), format!("({csv},1)\n"));
            assert_eq!(written(PairFormat::Csv), format!("a,b\n{csv},1\n"));
            assert_eq!(written(PairFormat::Ndjson), format!("{object}\n"));
            assert_eq!(written(PairFormat::Json), format!("{{\"rows\":[\n{object}\n]}}\n"));
        }
    }

    #[test]
    fn a_name_is_no_formula_in_csv_alone() {
        for (value, csv, line, json) in [
            (Value::Text("=1+1".into()), "'=1+1", "=1+1", "\"=1+1\""),
            (Value::Word("-"), "-", "-", "\"-\""),
            (Value::Signed(-1), "-1", "-1", "-1"),
        ] {
            let written = |format| {
                let mut text = Vec::new();
                let rows = [Ok([value.clone(), Value::None])].into_iter();
                write_rows(rows, &head(), format, TimeZone::UTC, &mut text).unwrap();
                String::from_utf8(text).unwrap()
            };
            assert_eq!(written(PairFormat::Csv), format!("a,b\n{csv},\n"));
            assert_eq!(written(PairFormat::Line), format!("({line},)\n"));
            assert_eq!(written(PairFormat::Ndjson), format!("{{\"a\":{json},\"b\":null}}\n"));
        }
    }

    #[test]
    fn what_came_before_an_error_is_written() {
        let mut text = Vec::new();
        let rows = [Ok([Value::number(1u8)]), Err(StoreError::Missing { place: "a".into() })];
        let written =
            write_rows(rows.into_iter(), &head(), PairFormat::Csv, TimeZone::UTC, &mut text);
        assert!(matches!(written, Err(AnswerError::Store(_))));
        assert_eq!(text, b"a,b\n1\n");
    }

    /// An output whose reader takes one piece.
    struct OnePiece(usize);

    impl Write for OnePiece {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let closed = || std::io::ErrorKind::BrokenPipe.into();
            if std::mem::replace(&mut self.0, bytes.len()) == 0 {
                Ok(bytes.len())
            } else {
                Err(closed())
            }
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn rows_are_made_only_until_the_reader_has_enough() {
        let rows = (0u64..).map(|row| Ok([Value::number(row)]));
        let written =
            write_rows(rows, &head(), PairFormat::Ndjson, TimeZone::UTC, OnePiece(0)).unwrap();
        assert!(written.closed && written.flows < 100_000, "{written:?}");
    }
}

//! The kinds of values that settings have, read from text.

use std::error::Error;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use jiff::tz::TimeZone;

use crate::answer::{Format, ParseFormatError};
use crate::cli::progress;
pub(crate) use progress::Mode as ProgressMode;

/// No place has clocks further from UTC than 14 hours; java.time stops here, too.
const MAX_OFFSET_HOURS: i32 = 18;
/// More connections would only stand in each other's way.
const MAX_CONNECTIONS: usize = 256;

/// A time zone, by the name it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Zone {
    name: String,
    zone: TimeZone,
}

impl Zone {
    pub(crate) fn utc() -> Self {
        Self { name: "UTC".to_owned(), zone: TimeZone::UTC }
    }

    /// Reads `UTC`, `local`, an offset such as `+02:00`, or a name such as `Europe/Zurich`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let zone = match text {
            "UTC" | "utc" | "Z" => TimeZone::UTC,
            "local" => TimeZone::system(),
            _ => {
                jiff::fmt::temporal::DateTimeParser::new().parse_time_zone(text).map_err(|_| {
                    format!("{text:?} is no time zone; write UTC, local, +02:00 or Europe/Zurich")
                })?
            }
        };
        if zone
            .to_fixed_offset()
            .is_ok_and(|offset| offset.seconds().abs() > MAX_OFFSET_HOURS * 3600)
        {
            return Err(format!(
                "{text} is further from UTC than any time zone; write -{MAX_OFFSET_HOURS}:00 to \
                 +{MAX_OFFSET_HOURS}:00"
            ));
        }
        Ok(Self { name: text.to_owned(), zone })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn is_utc(&self) -> bool {
        self.zone == TimeZone::UTC
    }

    pub(crate) fn zone(&self) -> &TimeZone {
        &self.zone
    }
}

/// A store, by path or URL.
pub(super) fn store(text: &OsStr) -> Result<Option<PathBuf>, String> {
    if text.is_empty() {
        return Err("names no store; write the path of its folder".to_owned());
    }
    let shown = text.to_string_lossy();
    if shown.to_ascii_lowercase().starts_with("hbase:") && !shown.starts_with("hbase://") {
        return Err(format!("{shown}: a store in HBase is hbase://HOST[:PORT][/TABLE]"));
    }
    Ok(Some(PathBuf::from(text)))
}

/// A format of answers.
pub(super) fn format(text: &str) -> Result<Option<Format>, String> {
    text.parse().map(Some).map_err(|error: ParseFormatError| error.to_string())
}

/// Reads one of `names`, which are told in the help, and offered where the shell completes.
pub(crate) fn one_of<T>(names: impl Into<PossibleValuesParser>) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err: Into<Box<dyn Error + Send + Sync>>> + Clone + Send + Sync + 'static,
{
    names.into().try_map(|name| name.parse())
}

/// A whole number of a setting or a flag, none of which is below 0.
pub(crate) fn whole_number<T: FromStr>(text: &str) -> Result<T, String> {
    text.replace('_', "").parse().map_err(|_| match text.parse::<i64>() {
        Ok(..0) => format!("{text} is below 0, and must be a whole number of 0 or more"),
        _ => format!("{text:?} is no whole number"),
    })
}

/// A whole number.
pub(super) fn count(text: &str) -> Result<usize, String> {
    whole_number(text)
}

/// A whole number above zero.
pub(super) fn positive(text: &str) -> Result<usize, String> {
    match count(text)? {
        0 => Err("must be more than 0".to_owned()),
        number => Ok(number),
    }
}

/// Connections to one cluster: a gateway has a thread for each, and by default no more than 1,000.
pub(super) fn connections(text: &str) -> Result<usize, String> {
    match positive(text)? {
        number @ ..=MAX_CONNECTIONS => Ok(number),
        _ => Err(format!("must be at most {MAX_CONNECTIONS}")),
    }
}

/// A span of time in seconds, or parts of one.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| format!("{text:?} is no number of seconds"))
}

/// A span of time that is not nothing: a time-out of nothing would be none.
pub(super) fn positive_seconds(text: &str) -> Result<Duration, String> {
    match seconds(text)? {
        Duration::ZERO => Err("must be more than 0".to_owned()),
        span => Ok(span),
    }
}

/// A number of bytes, with or without a unit: `400000000`, `400MB`, `2GiB`.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let error = || format!("{text:?} is no number of bytes; write 400MB or 2GiB");
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(text.len());
    let number: u64 = text[..digits].replace('_', "").parse().map_err(|_| error())?;
    let unit = match text[digits..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "t" | "tb" => 1_000_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        _ => return Err(error()),
    };
    number.checked_mul(unit).filter(|&bytes| bytes > 0).ok_or_else(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_bytes_are_read_with_their_unit() {
        for (text, expected) in [
            ("400000000", Some(400_000_000)),
            ("400MB", Some(400_000_000)),
            ("2 GiB", Some(2 << 30)),
            ("1_000k", Some(1_000_000)),
            ("50G", Some(50_000_000_000)),
            ("2TB", Some(2_000_000_000_000)),
            ("0", None),
            ("MB", None),
            ("5 parsecs", None),
            ("99999999999999GB", None),
        ] {
            assert_eq!(bytes(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn time_zones_are_read_in_every_form() {
        for text in ["UTC", "local", "+02:00", "-0530", "+18:00", "-18:00"] {
            assert_eq!(Zone::parse(text).unwrap().name(), text);
        }
        assert!(Zone::parse("Mars/Olympus").unwrap_err().contains("write UTC"));
        for text in ["+25:00", "-18:01", "+2500"] {
            assert!(Zone::parse(text).unwrap_err().contains("write -18:00 to +18:00"), "{text}");
        }
    }
}

//! The kinds of values that settings have, read from text.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;

use toml::de::DeValue;

use crate::answer::{Format, ParseFormatError};
use crate::cli::progress;
use crate::request::{amount, whole_number};
pub(crate) use progress::Mode as ProgressMode;

/// More connections would only stand in each other's way.
const MAX_CONNECTIONS: usize = 256;

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

/// A whole number.
pub(super) fn count(text: &str) -> Result<usize, String> {
    whole_number(text)
}

/// The seed of Community IDs.
pub(super) fn seed(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| format!("{text:?} is no number from 0 to 65535"))
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
    amount(text).map_err(|_| format!("{text:?} is no number of bytes; write 400MB or 2GiB"))
}

/// A text of the file, or a number as one.
pub(super) fn text(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.clone().into_owned()),
        DeValue::Integer(number) => Some(number.as_str().replace('_', "")),
        _ => None,
    }
}

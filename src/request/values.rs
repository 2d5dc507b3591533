//! Kinds of values that options have, read from text.

use std::error::Error;
use std::str::FromStr;

use clap::builder::{PossibleValuesParser, TypedValueParser};

/// Reads one of `names`, which are told in the help, and offered where the shell completes.
pub fn one_of<T>(names: impl Into<PossibleValuesParser>) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err: Into<Box<dyn Error + Send + Sync>>> + Clone + Send + Sync + 'static,
{
    names.into().try_map(|name| name.parse())
}

/// A whole number of a setting or a flag, none of which is below 0.
///
/// # Errors
///
/// What is wrong with text that is none.
pub fn whole_number<T: FromStr>(text: &str) -> Result<T, String> {
    text.replace('_', "").parse().map_err(|_| match text.parse::<i64>() {
        Ok(..0) => format!("{text} is below 0, and must be a whole number of 0 or more"),
        _ => format!("{text:?} is no whole number"),
    })
}

/// How much of something, with or without a unit: `400000000`, `400MB`, `2GiB`; not nothing.
///
/// # Errors
///
/// What is wrong with text that is none.
pub fn amount(text: &str) -> Result<u64, String> {
    let error = || format!("{text:?} is no amount; write 5000, 400MB or 2GiB");
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
    fn amounts_are_read_with_their_unit() {
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
            assert_eq!(amount(text).ok(), expected, "{text}");
        }
    }
}

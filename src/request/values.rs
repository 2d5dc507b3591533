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

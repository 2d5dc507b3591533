//! `-o` of flows: names of formats, and cells.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::answer::Format;

/// Reads the name of a format, or cells; the names are offered where the shell completes.
#[derive(Debug, Clone)]
pub struct FormatParser;

impl TypedValueParser for FormatParser {
    type Value = Format;

    fn parse_ref(
        &self,
        command: &clap::Command,
        arg: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<Format, clap::Error> {
        let text = StringValueParser::new().parse_ref(command, arg, value)?;
        match text.parse::<Format>() {
            Ok(format) => Ok(format),
            Err(problem) => {
                let option = arg.map_or_else(String::new, ToString::to_string);
                let message = format!("{option}: {problem}\n");
                let mut error = clap::Error::raw(ErrorKind::InvalidValue, message);
                error.insert(ContextKind::InvalidValue, ContextValue::String(text));
                Err(error.with_cmd(command))
            }
        }
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(Format::NAMED.into_iter().map(|format| format.fixed_name().into())))
    }
}

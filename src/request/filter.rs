//! `--where`: which flows are meant, in the filter language.

use super::{Refused, Surroundings};
use crate::query::filter::parse;
use crate::row::Predicate;

/// The option.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Where {
    /// Only flows that pass this filter, written as for nfdump: 'proto tcp and dst port 443', 'ip in
    /// @hosts.txt'; @FILE is the filter in a file
    #[arg(long = "where", value_name = "EXPR")]
    expression: Option<String>,
}

impl Where {
    /// Whether a filter is given.
    pub(super) fn is_given(&self) -> bool {
        self.expression.is_some()
    }

    /// The filter as it is written; nothing where none is given.
    pub(super) fn text(&self) -> &str {
        self.expression.as_deref().unwrap_or_default()
    }

    /// How many bytes its text has.
    pub(super) fn bytes(&self) -> usize {
        self.text().len()
    }

    /// The filter that is meant, if one is given.
    ///
    /// # Errors
    ///
    /// [`Refused`] with the place, if it is no filter, or names a file that cannot be read.
    pub(super) fn predicate(
        &self,
        around: &Surroundings<'_>,
    ) -> Result<Option<Predicate>, Refused> {
        let Some(text) = &self.expression else { return Ok(None) };
        parse(text, &around.context())
            .map(Some)
            .map_err(|error| Refused::of_filter("where", text, &error))
    }
}

/// The filter in words, as far as people read it; nothing where there is none.
pub fn shown(filter: Option<&Predicate>) -> String {
    filter.map(|filter| format!("{filter:#}")).unwrap_or_default()
}

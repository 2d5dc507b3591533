//! `--where`: which flows are meant, in the filter language.

use std::fs::File;
use std::io::{self, Read};

use super::failure::Usage;
use super::settings::Settings;
use super::store;
use crate::flow::{Names, UnixMillis};
use crate::query::filter::{Context, Files, parse};
use crate::row::Predicate;

/// The option.
#[derive(Debug, clap::Args)]
pub(crate) struct Where {
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

    /// The filter that is meant, if one is given.
    ///
    /// # Errors
    ///
    /// [`Usage`] that shows the place, if it is no filter, or names a file that cannot be read.
    pub(crate) fn predicate(&self, settings: &Settings) -> Result<Option<Predicate>, Usage> {
        let Some(text) = &self.expression else { return Ok(None) };
        let zone = settings.tz.value.zone().clone();
        let context = Context { zone, now: UnixMillis::now(), files: &Outside(settings) };
        parse(text, &context)
            .map(Some)
            .map_err(|error| Usage(format!("--where: {}\n{}", error.summary(), error.render(text))))
    }
}

/// The filter in words, as far as people read it; nothing where there is none.
pub(super) fn shown(filter: Option<&Predicate>) -> String {
    filter.map(|filter| format!("{filter:#}")).unwrap_or_default()
}

/// Files by their paths, and names by the store that is asked.
struct Outside<'a>(&'a Settings);

impl Files for Outside<'_> {
    fn names(&self) -> io::Result<Names> {
        let store = store::open(self.0).map_err(io::Error::other)?;
        store.names().map_err(io::Error::other)
    }

    fn read(&self, name: &str, most_bytes: u64) -> io::Result<Vec<u8>> {
        let file = File::open(name)?;
        // Of what is no file, such as a pipe, it is 0.
        let expected_bytes = file.metadata()?.len().min(most_bytes);
        let mut bytes = Vec::with_capacity(usize::try_from(expected_bytes).unwrap_or(0) + 1);
        file.take(most_bytes.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > most_bytes {
            let message = format!("it is longer than {most_bytes} bytes");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
        }
        Ok(bytes)
    }
}

//! What lies outside of a request: files by their paths, and names by the store that is asked.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use super::settings::Settings;
use super::store;
use crate::flow::{Names, UnixMillis};
use crate::meaning::{Meaning, MeaningError};
use crate::query::filter::Files;
use crate::request::Surroundings;

/// What a command's requests are read in.
pub(super) fn surroundings<'a>(outside: &'a Outside<'_>) -> Surroundings<'a> {
    let settings = outside.0;
    Surroundings {
        zone: &settings.tz.value,
        now: UnixMillis::now(),
        limits: settings.limits(),
        files: outside,
    }
}

/// Files by their paths, and names by the store that is asked.
pub(super) struct Outside<'a>(pub(super) &'a Settings);

impl Files for Outside<'_> {
    fn names(&self) -> io::Result<Names> {
        let store = store::open(self.0).map_err(io::Error::other)?;
        store.names().map_err(io::Error::other)
    }

    fn meaning(&self) -> Result<Arc<Meaning>, MeaningError> {
        self.0.meaning.sources.now()
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

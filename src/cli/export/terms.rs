//! What an export is of, in words: the same words are the same export.

use std::fs;

use xxhash_rust::xxh3::xxh3_64;

use crate::anonymise::Anonymiser;
use crate::cli::asking::Asking;
use crate::cli::settings::Settings;
use crate::cli::store::{self, Place};
use crate::sink::parquet_folder::Terms;

/// A filter that is longer is told apart by a hash.
const MAX_FILTER_BYTES: usize = 1000;

/// The store and the question.
pub(super) fn of(asking: &Asking, scaled: bool, settings: &Settings) -> anyhow::Result<Terms> {
    let question = asking.question();
    let place = if let Place::Folder(folder) = store::place(settings)? {
        fs::canonicalize(&folder).unwrap_or(folder).display().to_string()
    } else {
        asking.store.to_string()
    };
    let mut terms = vec![("store", place), ("scaled", yes_or_no(scaled))];
    if let Some(addresses) = &question.addresses {
        terms.push(("address", addresses.to_string()));
        terms.push(("direction", question.direction.to_string()));
    }
    if !question.time.is_all() {
        terms.push(("since", question.time.since.to_string()));
        terms.push(("until", question.time.until.to_string()));
    }
    if question.alive {
        terms.push(("alive", yes_or_no(true)));
    }
    if question.dedup {
        terms.push(("dedup", yes_or_no(true)));
    }
    if let Some(filter) = &question.filter {
        let text = filter.to_string();
        let hash = xxh3_64(text.as_bytes());
        let is_short = text.len() <= MAX_FILTER_BYTES;
        terms.push(("where", if is_short { text } else { format!("{filter:#} ({hash:016x})") }));
    }
    let terms = terms.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Ok(match &asking.by {
        Some(by) => unnamed(&terms, by),
        None => terms,
    })
}

/// What stands for `terms` where nobody is to know them: they name addresses.
fn unnamed(terms: &Terms, by: &Anonymiser) -> Terms {
    let told: Vec<String> = terms.iter().map(|(name, value)| format!("{name}={value}")).collect();
    [("anonymised".to_owned(), by.digest(&told.join("\n")))].into_iter().collect()
}

pub(super) fn yes_or_no(said: bool) -> String {
    if said { "yes" } else { "no" }.to_owned()
}

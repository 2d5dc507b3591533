//! Watch lists from files of many kinds, and what was hit of those that a store watches for.
//!
//! ```
//! use earlgrey_hbase::store::memory::MemoryStore;
//! use earlgrey_hbase::store::{Store, Watch};
//! use earlgrey_hbase::{UnixMillis, watch};
//!
//! let store = MemoryStore::default();
//! let read = watch::read(b"203.0.113.7\n198.51.100.0/24\n", &watch::Options::default())?;
//! let list = read.into_list("bad", "bad.txt", UnixMillis::now());
//! store.watch_lists()?.add(&list, &Watch::default())?;
//! assert!(watch::hits(&store, "bad")?.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod plain;
mod stix;
mod table;
mod tor;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use crate::capture::printable;
use crate::flow::UnixMillis;
use crate::store::watchlist::{Hit, Indicator, MAX_INDICATORS, WatchList};
use crate::store::{Store, StoreError};

/// So large is a file of a list at most.
pub const MAX_BYTES: u64 = 1 << 30;
/// So many bytes of what a list says of an indicator are kept.
pub const MAX_NOTE_BYTES: usize = 200;
/// So many bytes long is a list's name at most.
pub const MAX_NAME_BYTES: usize = 64;
/// The places of so many lines are told that have no address.
const MAX_LINES_TOLD: usize = 5;
/// What a line that cannot be read is counted as.
const NO_ADDRESS: &str = "no address";

/// What was hit of the list `name`, that of most flows first.
///
/// # Errors
///
/// [`WatchError::Unknown`] where there is no such list; what the store meets.
pub fn hits(store: &dyn Store, name: &str) -> Result<Vec<Hit>, WatchError> {
    store.watch_lists()?.hits(name)?.ok_or_else(|| WatchError::Unknown(name.to_owned()))
}

/// What is wrong with a list.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The store watches for no list of this name.
    #[error("there is no watch list {0}")]
    Unknown(String),
    /// It cannot be called so.
    #[error(
        "{0:?} is no name of a watch list: up to {MAX_NAME_BYTES} letters, digits, '.', '_' and '-'"
    )]
    Name(String),
    /// It is not of its kind, or of none.
    #[error("{0}")]
    Unreadable(String),
    /// Nothing in it is an address.
    #[error("no address in it{0}")]
    Empty(String),
    /// It is too long.
    #[error("more than {MAX_INDICATORS} indicators")]
    TooMany,
    /// What the store met.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Sees that a list may be called `name`.
///
/// # Errors
///
/// [`WatchError::Name`] if not.
pub fn check_name(name: &str) -> Result<(), WatchError> {
    let fits = (1..=MAX_NAME_BYTES).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        && name.as_bytes()[0].is_ascii_alphanumeric();
    if fits { Ok(()) } else { Err(WatchError::Name(name.to_owned())) }
}

/// What kind of a file a list is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// An address, a block, a range or an address with a port a line.
    Plain,
    /// A table, one of whose columns has the addresses.
    Csv,
    /// A table of attributes as MISP exports it.
    Misp,
    /// A bundle of STIX 2.1.
    Stix,
    /// Exits of Tor with the times when they were found to be some.
    Tor,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Plain, Self::Csv, Self::Misp, Self::Stix, Self::Tor];

    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Csv => "csv",
            Self::Misp => "misp",
            Self::Stix => "stix",
            Self::Tor => "tor",
        }
    }

    /// The kind that `text` looks like.
    fn of(text: &str) -> Self {
        let lines = || text.lines().map(str::trim).filter(|line| !is_remark(line));
        let is_of_tor =
            |line: &str| line.starts_with("ExitNode ") || line.starts_with("ExitAddress ");
        match lines().next() {
            Some(line) if line.starts_with('{') => Self::Stix,
            Some(line) if is_of_tor(line) => Self::Tor,
            Some(line) if table::is_of_misp(line) => Self::Misp,
            Some(line) if table::is_header(line) => Self::Csv,
            _ => Self::Plain,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = Self::ALL.into_iter().find(|format| format.name() == text);
        named.ok_or_else(|| format!("{text} is no kind of a list"))
    }
}

/// How a list is read.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Of which kind it is; None: what it looks like.
    pub format: Option<Format>,
    /// The column of a table that has the addresses; None: that in which most are.
    pub column: Option<String>,
}

/// What a file of a list has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// What kind it is.
    pub format: Format,
    /// What can be watched for: no two alike.
    pub indicators: Vec<Indicator>,
    /// Entries of which nothing can be watched for, by what they are.
    pub others: BTreeMap<String, u64>,
    /// The numbers of the first lines that should have an address and have none.
    pub lines: Vec<u64>,
}

impl Read {
    const fn new(format: Format) -> Self {
        Self { format, indicators: Vec::new(), others: BTreeMap::new(), lines: Vec::new() }
    }

    /// The list under this name. Of where its file is only the file's name is kept: everybody who may
    /// ask for lists is told it.
    pub fn into_list(self, name: &str, file: &str, added: UnixMillis) -> WatchList {
        let file = Path::new(file).file_name().unwrap_or_default().to_string_lossy();
        let (name, file) = (name.to_owned(), printable(&file));
        WatchList { name, file, added, indicators: self.indicators }
    }

    /// Counts a line that should have an address and has none.
    fn count_line(&mut self, line: u64) {
        if self.lines.len() < MAX_LINES_TOLD {
            self.lines.push(line);
        }
        self.count_other(NO_ADDRESS);
    }

    fn count_other(&mut self, what: &str) {
        // There are about two hundred types of MISP; a file may claim any number of them.
        const MAX_KINDS: usize = 300;
        let what = printable(shortened(what));
        let known = self.others.contains_key(&what) || self.others.len() < MAX_KINDS;
        *self.others.entry(if known { what } else { "other".to_owned() }).or_default() += 1;
    }

    /// Those of `others` in words: `12 domain, 2 no address (lines 4 and 9), 3 url`.
    pub fn others_in_words(&self) -> String {
        let each = self.others.iter().map(|(what, &count)| {
            let lines = if what == NO_ADDRESS { self.lines_in_words(count) } else { String::new() };
            format!("{count} {what}{lines}")
        });
        each.collect::<Vec<_>>().join(", ")
    }

    /// Which of so many lines are meant: ` (lines 3, 4 and 9)`.
    fn lines_in_words(&self, count: u64) -> String {
        let lines: Vec<String> = self.lines.iter().map(ToString::to_string).collect();
        let more = count > lines.len() as u64;
        match &*lines {
            [] => String::new(),
            [line] if !more => format!(" (line {line})"),
            lines if more => format!(" (lines {} and more)", lines.join(", ")),
            [lines @ .., last] => format!(" (lines {} and {last})", lines.join(", ")),
        }
    }
}

/// Reads a list.
///
/// # Errors
///
/// [`WatchError`] if it is not of its kind, or has nothing that can be watched for, or too much.
pub fn read(bytes: &[u8], options: &Options) -> Result<Read, WatchError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = String::from_utf8_lossy(bytes);
    let format = options.format.unwrap_or_else(|| match options.column {
        Some(_) => Format::Csv,
        None => Format::of(&text),
    });
    let mut read = Read::new(format);
    match format {
        Format::Plain => plain::read(&text, &mut read),
        Format::Csv => table::read(&text, options.column.as_deref(), &mut read)?,
        Format::Misp => table::read_misp(&text, &mut read)?,
        Format::Stix => stix::read(&text, &mut read)?,
        Format::Tor => tor::read(&text, &mut read),
    }
    let key = |indicator: &Indicator| {
        let range = indicator.addresses;
        let valid = (indicator.valid.since, indicator.valid.until);
        (range.first(), range.last(), indicator.port, valid)
    };
    read.indicators.sort_by_key(key);
    read.indicators.dedup_by_key(|indicator| key(indicator));
    match read.indicators.len() {
        0 => {
            let others = read.others_in_words();
            let told = if others.is_empty() { others } else { format!(": {others}") };
            Err(WatchError::Empty(told))
        }
        1..=MAX_INDICATORS => Ok(read),
        _ => Err(WatchError::TooMany),
    }
}

fn is_remark(line: &str) -> bool {
    line.is_empty() || line.starts_with('#') || line.starts_with(';')
}

/// A file that is not of its kind; what it says itself in `told` steers no terminal.
fn unreadable(told: &str) -> WatchError {
    WatchError::Unreadable(printable(told))
}

/// What is kept of what a list says.
fn shortened(text: &str) -> &str {
    let text = text.trim();
    let mut end = text.len().min(MAX_NOTE_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// What a list says of an indicator, if anything.
fn note(text: &str) -> Option<Box<str>> {
    // It is printed on terminals.
    let text: String = shortened(text).chars().filter(|letter| !letter.is_control()).collect();
    (!text.is_empty()).then(|| text.into())
}

#[cfg(test)]
mod tests;

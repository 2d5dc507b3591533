//! The texts that a filter is made of: its own, the files that it includes, and its watch lists.

use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::list::{self, ListFault};
use super::values::Values;
use super::{Context, MAX_INCLUDES, MAX_LIST_BYTES, MAX_NESTING, MAX_TEXT_BYTES, ParseFilterError};
use crate::flow::Names;
use crate::meaning::{Asns, Attribute, Meaning, MeaningError, Table};
use crate::row::{AddressSet, NumberSet};

/// All that is included, together: files that include each other many times would have no end.
const MAX_INCLUDED_BYTES: usize = 1 << 20;

/// Where a filter's files are read from.
pub trait Files {
    /// The content of the file `name`, as the filter has it.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or is longer than `most_bytes`.
    fn read(&self, name: &str, most_bytes: u64) -> io::Result<Vec<u8>>;

    /// What exporters call their interfaces, VRFs and applications: what the store that is asked
    /// has, for filters such as `inputName = "eth0"`.
    ///
    /// # Errors
    ///
    /// If that cannot be read.
    fn names(&self) -> io::Result<Names> {
        Ok(Names::default())
    }

    /// What addresses mean, for filters such as `country CH`.
    ///
    /// # Errors
    ///
    /// If what says it cannot be read.
    fn meaning(&self) -> Result<Arc<Meaning>, MeaningError> {
        Ok(Arc::default())
    }
}

/// For filters that may name no files.
pub struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _name: &str, _most_bytes: u64) -> io::Result<Vec<u8>> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "files cannot be named here"))
    }
}

/// What is shared by the parsers of a filter and of the files that it includes.
pub(super) struct Sources<'a> {
    pub(super) context: &'a Context<'a>,
    /// How deep in parentheses and files the present place is.
    nesting: usize,
    /// How deep in files.
    includes: usize,
    included_bytes: usize,
    /// A list that is named twice is read once.
    lists: HashMap<String, AddressSet>,
    names: Option<Arc<Names>>,
}

impl<'a> Sources<'a> {
    pub(super) fn new(context: &'a Context<'a>) -> Self {
        Self {
            context,
            nesting: 0,
            includes: 0,
            included_bytes: 0,
            lists: HashMap::new(),
            names: None,
        }
    }

    /// What exporters call things, for what stands at `span`.
    pub(super) fn names(&mut self, span: &Range<usize>) -> Result<Arc<Names>, ParseFilterError> {
        if let Some(names) = &self.names {
            return Ok(Arc::clone(names));
        }
        let names = self.context.files.names().map_err(|error| {
            let problem = format!("the names that exporters told cannot be read: {error}");
            ParseFilterError::at(span.clone(), problem)
        })?;
        Ok(Arc::clone(self.names.insert(Arc::new(names))))
    }

    /// What addresses are called by `attribute`, which stands at `span`.
    pub(super) fn table(
        &self,
        attribute: Attribute,
        span: &Range<usize>,
    ) -> Result<Arc<Table>, ParseFilterError> {
        let table = self.context.files.meaning().and_then(|meaning| meaning.table(attribute));
        table.map_err(|error| not_known(error, span))
    }

    /// Whether a table has names of hosts, such as may stand at `span`.
    pub(super) fn names_hosts(&self, span: &Range<usize>) -> Result<bool, ParseFilterError> {
        let meaning = self.context.files.meaning().map_err(|error| not_known(error, span))?;
        Ok(meaning.names_hosts())
    }

    /// The numbers of autonomous systems that databases have, where these count, for what stands at
    /// `span`.
    pub(super) fn asns(&self, span: &Range<usize>) -> Result<Option<Arc<Asns>>, ParseFilterError> {
        let asns = self.context.files.meaning().and_then(|meaning| meaning.asns());
        asns.map_err(|error| not_known(error, span))
    }

    /// Goes one level deeper; [`Self::leave`] comes back.
    pub(super) fn enter(&mut self, span: &Range<usize>) -> Result<(), ParseFilterError> {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            let problem = format!("more than {MAX_NESTING} parentheses lie in each other");
            return Err(ParseFilterError::at(span.clone(), problem));
        }
        Ok(())
    }

    pub(super) fn leave(&mut self) {
        self.nesting -= 1;
    }

    /// The text of the file `name`, which stands at `span`, to be read next; [`Self::included`]
    /// comes back.
    pub(super) fn include(
        &mut self,
        name: &str,
        span: &Range<usize>,
    ) -> Result<String, ParseFilterError> {
        let wrong = |problem: String| ParseFilterError::at(span.clone(), problem);
        if self.includes == MAX_INCLUDES {
            return Err(wrong(format!(
                "files include each other deeper than {MAX_INCLUDES} times"
            )));
        }
        let bytes = self.read(name, MAX_TEXT_BYTES as u64).map_err(wrong)?;
        self.included_bytes += bytes.len();
        if self.included_bytes > MAX_INCLUDED_BYTES {
            return Err(wrong(format!("more than {MAX_INCLUDED_BYTES} bytes are included")));
        }
        let text = String::from_utf8(bytes)
            .map_err(|_| wrong(format!("{name}: this is no text in UTF-8")))?;
        self.includes += 1;
        self.enter(span)?;
        Ok(text)
    }

    pub(super) fn included(&mut self) {
        self.leave();
        self.includes -= 1;
    }

    /// The addresses in the file `name`, which stands at `span`.
    pub(super) fn addresses(
        &mut self,
        name: &str,
        span: &Range<usize>,
    ) -> Result<AddressSet, ParseFilterError> {
        if let Some(known) = self.lists.get(name) {
            return Ok(known.clone());
        }
        let wrong = |problem: String| ParseFilterError::at(span.clone(), problem);
        let bytes = self.read(name, MAX_LIST_BYTES).map_err(wrong)?;
        let set = list::addresses(&bytes).map_err(|fault| list_error(span, name, fault))?;
        let set = set.read_from(name);
        self.lists.insert(name.to_owned(), set.clone());
        Ok(set)
    }

    /// The numbers in the file `name`, which stands at `span`.
    pub(super) fn numbers(
        &mut self,
        name: &str,
        span: &Range<usize>,
        values: &Values,
    ) -> Result<NumberSet, ParseFilterError> {
        let wrong = |problem: String| ParseFilterError::at(span.clone(), problem);
        let bytes = self.read(name, MAX_LIST_BYTES).map_err(wrong)?;
        list::numbers(&bytes, |entry| values.read(entry, self.context))
            .map_err(|fault| list_error(span, name, fault))
    }

    fn read(&self, name: &str, most_bytes: u64) -> Result<Vec<u8>, String> {
        if name == "-" {
            return Err("a file is needed here; standard input cannot be read".to_owned());
        }
        self.context.files.read(name, most_bytes).map_err(|error| format!("{name}: {error}"))
    }
}

/// Why it is not known what addresses mean that are asked for at `span`.
fn not_known(error: MeaningError, span: &Range<usize>) -> ParseFilterError {
    match error {
        MeaningError::Unknown(attribute) => {
            let problem = format!("nothing says which {} addresses are of", attribute.word());
            ParseFilterError::at(span.clone(), problem).hinting(attribute.hint())
        }
        error => {
            let ours = error.file().is_some();
            ParseFilterError { ours, ..ParseFilterError::at(span.clone(), error.to_string()) }
        }
    }
}

fn list_error(span: &Range<usize>, name: &str, fault: ListFault) -> ParseFilterError {
    let ListFault { line, wrong } = fault;
    let error = ParseFilterError::at(span.clone(), format!("{name}:{line}: {}", wrong.problem));
    let expected = wrong.expected.map(|expected| format!("{expected} in line {line}"));
    ParseFilterError { expected, hint: wrong.hint, ..error }
}

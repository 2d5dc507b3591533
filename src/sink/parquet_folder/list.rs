//! The list of what an export wrote: `_earlgrey.json`, one object with the XXH3-64 of its text.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::days::folder_of;
use super::{Terms, other};
use crate::flow::UnixMillis;
use crate::sink::SinkError;
use crate::store::StoreError;
use crate::store::durable::{NewFile, sync_dir};

/// Its name. Spark, Trino, Hive and DuckDB pass over what begins like this.
pub(super) const LIST: &str = "_earlgrey.json";
/// The last format of it that this version reads, and that it writes.
const FORMAT: u32 = 1;
/// Who may read it, as far as the umask lets: what is usual.
const FILE_MODE: u32 = 0o666;

const BEFORE_CHECKSUM: &str = "{\"checksum\":\"";
const BEFORE_LIST: &str = "\",\"export\":";
const AFTER_LIST: &str = "}\n";

/// The list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct List {
    format: u32,
    program: String,
    /// What is in the names of all files, so that those of several exports may lie in one folder.
    id: String,
    /// The number of the next file; none is given twice.
    next: u64,
    /// What is exported and how.
    pub(super) terms: Terms,
    /// The days that are there, by their dates.
    pub(super) days: BTreeMap<String, DayEntry>,
    /// Files that are to be removed, by their paths in the folder.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) gone: Vec<String>,
}

/// What is there of a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DayEntry {
    /// What the store had of it.
    pub(super) version: String,
    pub(super) flows: u64,
    /// When its earliest flow began; None where there is none.
    pub(super) first: Option<UnixMillis>,
    pub(super) files: Vec<FileEntry>,
    /// Whether it is to be written anew.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) stale: bool,
    /// Whether somebody removed a file of it, as it was found when the folder was opened.
    #[serde(skip)]
    pub(super) lacking: bool,
}

/// A file of a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileEntry {
    pub(super) name: String,
    pub(super) bytes: u64,
    pub(super) flows: u64,
}

impl DayEntry {
    /// Where its files are in the folder; it is of the day of this date.
    pub(super) fn paths(&self, date: &str) -> Vec<String> {
        let folder = folder_of(date);
        self.files.iter().map(|file| format!("{folder}/{}", file.name)).collect()
    }
}

impl List {
    /// That of a new export into `dir`.
    pub(super) fn new(dir: &Path, terms: Terms) -> Self {
        let seed = format!("{} {} {}", UnixMillis::now().0, std::process::id(), dir.display());
        Self {
            format: FORMAT,
            program: concat!("earlgrey-hbase ", env!("CARGO_PKG_VERSION")).to_owned(),
            id: format!("{:08x}", xxh3_64(seed.as_bytes()) as u32),
            next: 1,
            terms,
            days: BTreeMap::new(),
            gone: Vec::new(),
        }
    }

    /// A name that no file has.
    pub(super) fn new_name(&mut self) -> String {
        let number = self.next;
        self.next += 1;
        format!("flows-{}-{number:06}.parquet", self.id)
    }

    /// The list in `dir`; none where there is none.
    pub(super) fn read(dir: &Path) -> Result<Option<Self>, SinkError> {
        let path = dir.join(LIST);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(SinkError::io(&path, "read")(error)),
        };
        let damaged = |problem: &str| {
            let advice = "it cannot be told what is there; write to another folder";
            other(&path, &format!("damaged: {problem}; {advice}"))
        };
        let body = body(&text).ok_or_else(|| damaged("its checksum does not match"))?;
        let list: Self = serde_json::from_str(body).map_err(|error| damaged(&error.to_string()))?;
        if list.format > FORMAT {
            let problem = format!("format {}, this version reads up to {FORMAT}", list.format);
            return Err(other(&path, &problem));
        }
        Ok(Some(list))
    }

    /// Replaces the list in `dir`, durably.
    pub(super) fn write(&self, dir: &Path) -> Result<(), SinkError> {
        let path = dir.join(LIST);
        let body = serde_json::to_string(self)
            .map_err(|error| SinkError::io(&path, "write")(error.into()))?;
        let checksum = format!("{:016x}", xxh3_64(body.as_bytes()));
        let text = [BEFORE_CHECKSUM, &checksum, BEFORE_LIST, &body, AFTER_LIST].concat();
        let write = || {
            let mut file = NewFile::create_for(&path, FILE_MODE)?;
            file.write_all(text.as_bytes()).map_err(StoreError::io(&path, "write"))?;
            file.finish()?;
            sync_dir(dir)
        };
        write().map_err(|error: StoreError| SinkError::io(&path, "write")(error.into_io()))
    }

    /// In what an export on other terms is another one.
    pub(super) fn differs_from(&self, terms: &Terms) -> String {
        let none = || "nothing".to_owned();
        let names = self.terms.keys().chain(terms.keys());
        let mut differences: Vec<String> = names
            .filter(|&name| self.terms.get(name) != terms.get(name))
            .map(|name| {
                let [there, asked] =
                    [&self.terms, terms].map(|of| of.get(name).cloned().unwrap_or_else(none));
                format!("{name} is {there} there, and {asked} is asked for")
            })
            .collect();
        differences.sort();
        differences.dedup();
        format!(
            "it holds another export: {}; name another folder, or say --force to write it all anew",
            differences.join("; ")
        )
    }
}

/// The text of the list, whose checksum must be right.
fn body(text: &str) -> Option<&str> {
    let (checksum, rest) = text.strip_prefix(BEFORE_CHECKSUM)?.split_at_checked(16)?;
    let body = rest.strip_prefix(BEFORE_LIST)?.strip_suffix(AFTER_LIST)?;
    (format!("{:016x}", xxh3_64(body.as_bytes())) == checksum).then_some(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_as_it_was_written_and_damage_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        assert_eq!(List::read(dir).unwrap(), None);
        let terms = Terms::from([("schema".to_owned(), "ecs".to_owned())]);
        let mut list = List::new(dir, terms.clone());
        let names = [list.new_name(), list.new_name()];
        assert!(names[0].ends_with("-000001.parquet") && names[0] != names[1], "{names:?}");
        list.write(dir).unwrap();
        assert_eq!(List::read(dir).unwrap().as_ref(), Some(&list));
        let text = fs::read_to_string(dir.join(LIST)).unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["export"]["terms"]["schema"], "ecs");
        fs::write(dir.join(LIST), text.replace("ecs", "ecz")).unwrap();
        let told = List::read(dir).unwrap_err().to_string();
        assert!(told.contains("its checksum does not match"), "{told}");

        let other = Terms::from([("alive".to_owned(), "yes".to_owned())]);
        let told = list.differs_from(&other);
        assert!(
            told.contains(
                "alive is nothing there, and yes is asked for; schema is ecs there, and nothing is \
                 asked for"
            ),
            "{told}"
        );
    }
}

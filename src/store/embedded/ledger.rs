//! The audit ledger as a file: a line of JSON for each time that a load said how it stands.
//!
//! A line is `{"checksum":"…","load":{…}}`, with the XXH3-64 of the load's text. The last line with
//! an id counts. A line is whole when it ends; one that a crash cut short is as if never written.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::folder::access::WriteAccess;
use super::folder::file_names::LEDGER;
use super::folder::lock::WriterLock;
use super::folder::manifest::Checksum;
use crate::store::durable::{self, sync_dir};
use crate::store::{Load, Result, StoreError};

/// From this size on, a ledger of which less than half counts is written anew without the rest: when
/// it is opened, and each time that it has doubled.
const REWRITE_BYTES: usize = 1 << 20;

const BEFORE_CHECKSUM: &str = "{\"checksum\":\"";
const BEFORE_LOAD: &str = "\",\"load\":";
const AFTER_LOAD: &str = "}";

/// What was loaded into the store in `dir`, in the order in which the loads began.
///
/// # Errors
///
/// [`StoreError::Damaged`] naming the line; [`StoreError::Io`].
pub(crate) fn read(dir: &Path) -> Result<Vec<Load>> {
    let path = dir.join(LEDGER);
    decode(&path, &read_or_nothing(&path)?)
}

/// What a ledger holds; `path` is for messages.
fn decode(path: &Path, bytes: &[u8]) -> Result<Vec<Load>> {
    let mut loads: Vec<Load> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for (at, line) in Lines::of(bytes).whole.into_iter().enumerate() {
        let load: Load = load_text(line)
            .ok_or_else(|| "the checksum does not match".to_owned())
            .and_then(|text| serde_json::from_slice(text).map_err(|error| error.to_string()))
            .map_err(|detail| StoreError::damaged(path, format!("line {}: {detail}", at + 1)))?;
        if let Some(&index) = known.get(&load.id) {
            loads[index] = load;
        } else {
            known.insert(load.id.clone(), loads.len());
            loads.push(load);
        }
    }
    Ok(loads)
}

/// The ledger, opened by the writer.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// Keeps others from appending, also when the rest of the writer has given up.
    lock: Arc<WriterLock>,
    path: PathBuf,
    /// None until there is something to write.
    file: Option<File>,
    /// Where the next line goes.
    end: u64,
    /// Whether the last line has no end: what is entered next must not become a part of it.
    unended: bool,
    /// Beyond this size, whether it can be written anew is looked at.
    look_at: u64,
}

impl Ledger {
    /// Opens the ledger of the store that `access` is to. A line that a crash cut short is cut off.
    ///
    /// A damaged line is left to [`read`] to report: it is no reason to refuse new flows.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] naming the file.
    pub(crate) fn open(access: &WriteAccess) -> Result<Self> {
        let dir = access.dir();
        let path = dir.join(LEDGER);
        let bytes = read_or_nothing(&path)?;
        let lines = Lines::of(&bytes);
        let whole = (bytes.len() - lines.cut_short) as u64;
        let mut ledger = Self {
            lock: Arc::clone(access.lock()),
            path,
            file: None,
            end: whole,
            unended: whole > 0 && bytes.get(whole as usize - 1) != Some(&b'\n'),
            look_at: REWRITE_BYTES as u64,
        };
        ledger.shorten(&bytes)?;
        if !bytes.is_empty() {
            ledger.file = Some(open_for_writing(&ledger.path)?);
        }
        Ok(ledger)
    }

    /// What was entered is durable, whatever becomes of this.
    fn shorten_if_possible(&mut self) {
        let shortened = read_or_nothing(&self.path).and_then(|bytes| self.shorten(&bytes));
        if let Err(error) = shortened {
            tracing::warn!(%error, "the ledger stays as long as it is");
            // It may be the new one already.
            self.file = None;
        }
    }

    /// Writes the ledger, which holds `bytes`, anew if that is worth it.
    fn shorten(&mut self, bytes: &[u8]) -> Result<()> {
        if (bytes.len() as u64) < self.look_at {
            return Ok(());
        }
        if let Some(counting) = Lines::of(bytes).counting()
            && counting.len() * 2 < bytes.len()
        {
            self.file = None;
            durable::replace(&self.path, &counting)?;
            self.end = counting.len() as u64;
        }
        self.look_at = (self.end * 2).max(REWRITE_BYTES as u64);
        Ok(())
    }

    /// Enters `load`, durably. It takes the place of an earlier entry with its id.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] naming the file, [`StoreError::LostLock`] if somebody deleted the lock, as
    /// then another may have entered what is not known here; the ledger is as it was.
    pub(crate) fn record(&mut self, load: &Load) -> Result<()> {
        self.lock.check()?;
        let mut line = encode(load)
            .map_err(|error| StoreError::io(&self.path, "write")(io::Error::other(error)))?;
        if self.unended {
            line.insert(0, b'\n');
        }
        let created = self.file.is_none();
        let mut file = if let Some(file) = self.file.take() {
            file
        } else {
            let file = open_for_writing(&self.path)?;
            self.end = file.metadata().map_err(StoreError::io(&self.path, "read"))?.len();
            file
        };
        let appended = append_at(&mut file, self.end, &line);
        self.file = Some(file);
        appended.map_err(StoreError::io(&self.path, "write"))?;
        if created && let Some(dir) = self.path.parent() {
            sync_dir(dir)?;
        }
        self.unended = false;
        self.end += line.len() as u64;
        if self.end >= self.look_at {
            self.shorten_if_possible();
        }
        Ok(())
    }
}

fn append_at(file: &mut File, end: u64, line: &[u8]) -> io::Result<()> {
    // Whatever a crash, or an append that failed, left behind the last whole line.
    file.set_len(end)?;
    file.seek(SeekFrom::Start(end))?;
    let written = file.write_all(line).and_then(|()| file.sync_data());
    if written.is_err() {
        let _ = file.set_len(end);
    }
    written
}

fn open_for_writing(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(durable::FILE_MODE);
    options.open(path).map_err(StoreError::io(path, "open for writing"))
}

fn encode(load: &Load) -> serde_json::Result<Vec<u8>> {
    let text = serde_json::to_string(load)?;
    let checksum = Checksum::of(text.as_bytes());
    Ok(format!("{BEFORE_CHECKSUM}{checksum}{BEFORE_LOAD}{text}{AFTER_LOAD}\n").into_bytes())
}

/// The JSON of the load in a line; `None` if the line is not what was written.
fn load_text(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_prefix(BEFORE_CHECKSUM.as_bytes())?;
    let (digits, rest) = rest.split_at_checked(16)?;
    let text = rest.strip_prefix(BEFORE_LOAD.as_bytes())?.strip_suffix(AFTER_LOAD.as_bytes())?;
    (digits == Checksum::of(text).to_string().as_bytes()).then_some(text)
}

/// The lines of a ledger, without their ends.
struct Lines<'a> {
    whole: Vec<&'a [u8]>,
    /// The bytes behind them, of a line that was cut short.
    cut_short: usize,
}

impl<'a> Lines<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        let mut whole: Vec<_> = bytes.split(|&byte| byte == b'\n').collect();
        let last = whole.pop().unwrap_or_default();
        // A whole line whose end was damaged was not cut short: it fails its check, as it should.
        if last.split_last().is_some_and(|(_, line)| load_text(line).is_some()) {
            whole.push(last);
            return Self { whole, cut_short: 0 };
        }
        Self { whole, cut_short: last.len() }
    }

    /// The ledger without the lines that a later one replaces; `None` if any line is damaged.
    fn counting(&self) -> Option<Vec<u8>> {
        #[derive(Deserialize)]
        struct Named {
            id: String,
        }
        let mut place: HashMap<String, usize> = HashMap::new();
        let mut counting: Vec<&[u8]> = Vec::new();
        for &line in &self.whole {
            let Named { id } = serde_json::from_slice(load_text(line)?).ok()?;
            if let Some(&index) = place.get(&id) {
                counting[index] = line;
            } else {
                place.insert(id, counting.len());
                counting.push(line);
            }
        }
        Some(counting.iter().flat_map(|line| line.iter().chain(b"\n")).copied().collect())
    }
}

fn read_or_nothing(path: &Path) -> Result<Vec<u8>> {
    match durable::read(path) {
        Err(StoreError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {
            Ok(Vec::new())
        }
        read => read,
    }
}

#[cfg(test)]
mod tests;

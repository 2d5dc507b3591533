//! Who asked what, when, how long it took and how much came of it: a line of JSON each.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::iter;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::ServiceError;
use super::caller::{Role, Via};
use crate::flow::UnixMillis;

/// How long the log grows.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How long a file may be before another one is begun.
    pub file_bytes: u64,
    /// How many full ones are kept.
    pub files: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { file_bytes: 100_000_000, files: 10 }
    }
}

/// The file that is written; full ones have a number behind it, the newest 1.
const FILE: &str = "audit.ndjson";
/// So many lines wait to be written. More are counted as lost: no answer waits for the disk.
const MAX_WAITING: usize = 10_000;
/// How often the log says that lines cannot be written.
const TOLD_EVERY: Duration = Duration::from_mins(1);

/// One request.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry<'a> {
    #[serde(with = "crate::flow::text")]
    pub(super) time: UnixMillis,
    pub(super) request: &'a str,
    /// Who asked, if that is known.
    pub(super) caller: Option<&'a str>,
    pub(super) role: Option<Role>,
    pub(super) via: Option<Via>,
    /// As whom somebody tried to log in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) login: Option<&'a str>,
    /// From where.
    pub(super) address: Option<IpAddr>,
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) query: Option<&'a str>,
    pub(super) status: u16,
    pub(super) millis: u64,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    /// Whether all of the answer was taken.
    pub(super) whole: bool,
}

/// The log. Lines are written by a thread of its own.
pub(super) struct Audit {
    /// None when it is to end.
    lines: Option<SyncSender<String>>,
    writer: Option<JoinHandle<()>>,
    lost: Arc<AtomicU64>,
}

impl Audit {
    /// Goes on with the log in `folder`.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] if it cannot be written.
    pub(super) fn open(folder: &Path, options: Options) -> Result<Self, ServiceError> {
        let path = folder.join(FILE);
        let written = Written::open(&path).map_err(ServiceError::file(&path, "write"))?;
        let (lines, waiting) = sync_channel(MAX_WAITING);
        let lost = Arc::<AtomicU64>::default();
        let log =
            Log { path, options, written: Some(written), lost: Arc::clone(&lost), told: None };
        let writer = thread::Builder::new().name("audit".to_owned());
        let writer = writer.spawn(move || log.run(&waiting)).map_err(ServiceError::Thread)?;
        Ok(Self { lines: Some(lines), writer: Some(writer), lost })
    }

    pub(super) fn write(&self, entry: &Entry<'_>) {
        let Ok(mut line) = serde_json::to_string(entry) else { return };
        line.push('\n');
        let taken = self.lines.as_ref().is_some_and(|lines| lines.try_send(line).is_ok());
        if !taken {
            self.lost.fetch_add(1, Relaxed);
        }
    }

    /// How many lines could not be written.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Relaxed)
    }
}

impl Drop for Audit {
    fn drop(&mut self) {
        // What waits is written yet.
        self.lines = None;
        if let Some(Err(_)) = self.writer.take().map(JoinHandle::join) {
            tracing::error!("the audit log has panicked");
        }
    }
}

/// The end that writes.
struct Log {
    path: PathBuf,
    options: Options,
    /// None after an error, until it can be opened again.
    written: Option<Written>,
    lost: Arc<AtomicU64>,
    told: Option<Instant>,
}

impl Log {
    /// Writes what comes, as much as there is at once, until nobody sends any more.
    fn run(mut self, waiting: &Receiver<String>) {
        while let Ok(first) = waiting.recv() {
            let lines: Vec<String> =
                iter::once(first).chain(waiting.try_iter().take(MAX_WAITING)).collect();
            let mut left = &lines[..];
            if let Err(error) = self.append(&mut left) {
                self.written = None;
                self.lost.fetch_add(left.len() as u64, Relaxed);
                if self.told.is_none_or(|told| told.elapsed() >= TOLD_EVERY) {
                    self.told = Some(Instant::now());
                    let path = self.path.display();
                    tracing::warn!("{path}: the audit log is not written: {error}");
                }
            }
        }
    }

    /// Writes lines, and takes those off that are written.
    fn append(&mut self, lines: &mut &[String]) -> io::Result<()> {
        while !lines.is_empty() {
            let mut written = match self.written.take() {
                Some(written) => written,
                None => Written::open(&self.path)?,
            };
            let (now, later) = lines.split_at(written.fitting(lines, self.options.file_bytes));
            if now.is_empty() {
                self.rotate()?;
                continue;
            }
            written.append(&now.concat())?;
            *lines = later;
            self.written = Some(written);
        }
        Ok(())
    }

    /// Gives each file the next number; the last one goes.
    fn rotate(&self) -> io::Result<()> {
        let numbered = |number: usize| self.path.with_added_extension(number.to_string());
        if self.options.files == 0 {
            return fs::remove_file(&self.path);
        }
        for number in (1..self.options.files).rev() {
            match fs::rename(numbered(number), numbered(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(&self.path, numbered(1))
    }
}

/// A file to which whole lines are added.
struct Written {
    file: File,
    bytes: u64,
}

impl Written {
    fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self { file, bytes })
    }

    /// How many of `lines` there is room for until the file has `most` bytes; in an empty one, for a
    /// line of any length.
    fn fitting(&self, lines: &[String], most: u64) -> usize {
        let mut bytes = self.bytes;
        let fits = |line: &&String| {
            bytes += line.len() as u64;
            bytes <= most
        };
        let fitting = lines.iter().take_while(fits).count();
        if self.bytes == 0 { fitting.max(1) } else { fitting }
    }

    fn append(&mut self, lines: &str) -> io::Result<()> {
        let written = self.file.write_all(lines.as_bytes());
        if written.is_err() {
            // Half a line would spoil the next one.
            let _ = self.file.set_len(self.bytes);
        } else {
            self.bytes += lines.len() as u64;
        }
        written
    }
}

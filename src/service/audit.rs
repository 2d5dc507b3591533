//! Who asked what, when, how long it took and how much came of it: a line of JSON each.

use std::collections::BTreeMap;
use std::io;
use std::iter;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::Not;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::ServiceError;
use super::audit_file::{Written, rotate};
use super::caller::{Role, Via};
use super::limits::{Buckets, network};
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
/// So many lines wait to be written, and so many bytes of them. More are counted as lost: no answer
/// waits for the disk.
const MAX_WAITING: usize = 10_000;
const MAX_WAITING_BYTES: usize = 8 << 20;
/// So many lines a second, and so many in a row, are of requests that were refused to whoever is not
/// known: of all together, and of one address. The others are counted.
const REFUSED_PER_SEC: f64 = 1.0;
const REFUSED_AT_ONCE: f64 = 1000.0;
const REFUSED_OF_ONE_PER_SEC: f64 = 0.1;
const REFUSED_OF_ONE_AT_ONCE: f64 = 20.0;
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
    /// Whether path or query are longer.
    #[serde(skip_serializing_if = "Not::not")]
    pub(super) cut: bool,
    /// What is asked for beyond that.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) asked: BTreeMap<String, String>,
    pub(super) status: u16,
    pub(super) millis: u64,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    /// Whether all of the answer was taken.
    pub(super) whole: bool,
    /// How many requests that were refused to whoever is not known have no line before this one.
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) unwritten: u64,
}

/// One run of a job.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JobEntry<'a> {
    /// When it began.
    #[serde(with = "crate::flow::text")]
    pub(super) time: UnixMillis,
    pub(super) job: String,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    /// Whose it is.
    pub(super) caller: &'a str,
    pub(super) asked: BTreeMap<String, String>,
    pub(super) millis: u64,
    pub(super) rows: u64,
    /// Why it came to no end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "this is how it is called")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// The log. Lines are written by a thread of its own.
pub(super) struct Audit {
    /// None when it is to end.
    lines: Option<SyncSender<String>>,
    writer: Option<JoinHandle<()>>,
    waiting_bytes: Arc<AtomicUsize>,
    lost: Arc<AtomicU64>,
    refused: Buckets<()>,
    refused_of_one: Buckets<IpAddr>,
    unwritten: AtomicU64,
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
        let (lost, waiting_bytes) = (Arc::<AtomicU64>::default(), Arc::<AtomicUsize>::default());
        let log = Log {
            path,
            options,
            written: Some(written),
            waiting_bytes: Arc::clone(&waiting_bytes),
            lost: Arc::clone(&lost),
            told: None,
        };
        let writer = thread::Builder::new().name("audit".to_owned());
        let writer = writer.spawn(move || log.run(&waiting)).map_err(ServiceError::Thread)?;
        Ok(Self {
            lines: Some(lines),
            writer: Some(writer),
            waiting_bytes,
            lost,
            refused: Buckets::new(REFUSED_PER_SEC, REFUSED_AT_ONCE),
            refused_of_one: Buckets::new(REFUSED_OF_ONE_PER_SEC, REFUSED_OF_ONE_AT_ONCE),
            unwritten: AtomicU64::new(0),
        })
    }

    /// Whether a request has a line that came `from` an address, and was `refused` or not to whoever is
    /// not known; with how many of those before it have none.
    pub(super) fn takes(&self, refused: bool, from: Option<IpAddr>) -> Option<u64> {
        let now = Instant::now();
        let one = || network(from.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)));
        let fits =
            || self.refused_of_one.take(one(), now).is_ok() && self.refused.take((), now).is_ok();
        if !refused || fits() {
            return Some(self.unwritten.swap(0, Relaxed));
        }
        self.unwritten.fetch_add(1, Relaxed);
        None
    }

    pub(super) fn write(&self, entry: &impl Serialize) {
        let Ok(mut line) = serde_json::to_string(entry) else { return };
        line.push('\n');
        let bytes = line.len();
        let fits = self.waiting_bytes.fetch_add(bytes, Relaxed) + bytes <= MAX_WAITING_BYTES;
        let lines = self.lines.as_ref().filter(|_| fits);
        if lines.is_none_or(|lines| lines.try_send(line).is_err()) {
            self.waiting_bytes.fetch_sub(bytes, Relaxed);
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
    waiting_bytes: Arc<AtomicUsize>,
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
            self.waiting_bytes.fetch_sub(lines.iter().map(String::len).sum(), Relaxed);
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
                rotate(&self.path, self.options.files)?;
                continue;
            }
            written.append(&now.concat())?;
            *lines = later;
            self.written = Some(written);
        }
        Ok(())
    }
}

//! The spool: what was received and is not in the store yet, in a folder of ordinary captures.
//!
//! Datagrams are appended to one segment after another. A segment goes when it was read to its end,
//! the store has acknowledged all that is in it, and what of it waits for a template is kept in
//! `waiting.pcap`; what a killed collector leaves behind is what the next one loads first. There is
//! no other journal.

mod segment;
mod shares;
mod unread;

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::CollectError;
use crate::capture::frame;
use crate::store::StoreError;
use crate::store::durable::{self, FILE_MODE, NewFile};

use segment::MAX_NUMBER;
pub(super) use segment::Segment;
pub(super) use shares::Framed;
use shares::{Choice, Shares};
pub(super) use unread::Unread;

/// A segment that has so many bytes is closed, so that room comes back piece by piece.
const SEGMENT_BYTES: u64 = 64 << 20;

const LOCK: &str = "lock";
const WAITING: &str = "waiting.pcap";

/// So long is a lock waited for. Whoever looks whether a collector runs has it for a moment.
const LOCKED_FOR: Duration = Duration::from_secs(1);
const LOCK_TRIED_EVERY: Duration = Duration::from_millis(5);

/// The folder, which no other collector uses meanwhile.
#[derive(Debug)]
pub(super) struct Spool {
    dir: PathBuf,
    limit_bytes: u64,
    _lock: File,
    inner: Mutex<Inner>,
    /// What `waiting.pcap` holds. Receivers need not wait while it is written.
    waiting: Mutex<Vec<u8>>,
}

#[derive(Debug, Default)]
struct Inner {
    open: Option<(File, Segment)>,
    closed: VecDeque<Segment>,
    /// What could not be read, what is tried next first.
    unread: VecDeque<Unread>,
    /// In the store, but not to go before what of it waits is kept.
    loaded: Vec<Segment>,
    /// Who has how much of it.
    shares: Shares,
    /// Of all segments.
    bytes: u64,
    /// The number of the next one.
    next: u64,
}

/// How full the spool is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) segments: u64,
    pub(super) bytes: u64,
}

/// Why datagrams are not in the spool.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotKept {
    #[error("the spool is full")]
    Full,
    #[error("the spool is nearly full, and what room is left is for those who hold less of it")]
    Share,
    #[error("the spool: {0}")]
    Failed(#[from] io::Error),
}

impl Spool {
    /// Takes the folder `dir`, and makes it where there is none. What is in it is loaded first.
    ///
    /// # Errors
    ///
    /// [`CollectError::SpoolInUse`] while another collector has it; [`CollectError::Spool`].
    pub(super) fn open(dir: &Path, limit_bytes: u64) -> Result<Self, CollectError> {
        durable::create_dir(dir)
            .map_err(|error| CollectError::spool(dir, "make")(error.into_io()))?;
        let lock = lock(dir)?;
        let inner = Inner::found(dir).map_err(CollectError::spool(dir, "read"))?;
        Ok(Self {
            dir: dir.to_owned(),
            limit_bytes,
            _lock: lock,
            inner: Mutex::new(inner),
            waiting: Mutex::default(),
        })
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn limit_bytes(&self) -> u64 {
        self.limit_bytes
    }

    /// Appends `frames` of datagrams, as far as there is room: the last of it is for exporters that
    /// hold less than an equal share. Who sent what is left out, and why.
    pub(super) fn append(
        &self,
        frames: &[u8],
        datagrams: &[Framed],
    ) -> (Vec<IpAddr>, Option<NotKept>) {
        let mut inner = self.lock();
        if inner.open.as_ref().is_some_and(|(_, segment)| segment.bytes >= SEGMENT_BYTES) {
            inner.close();
        }
        let header = if inner.open.is_some() { 0 } else { frame::FILE_HEADER_BYTES as u64 };
        let room = self.limit_bytes.saturating_sub(inner.bytes + header);
        let (places, is_full) = match inner.shares.choose(datagrams, room, self.limit_bytes) {
            Choice::All => return inner.append_all(&self.dir, frames, datagrams),
            Choice::Some { places, is_full } => (places, is_full),
        };
        let (mut some, mut some_framed, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
        let mut start = 0;
        for (place, &Framed { end, exporter }) in datagrams.iter().enumerate() {
            if places.binary_search(&place).is_ok() {
                some.extend_from_slice(&frames[start..end]);
                some_framed.push(Framed { end: some.len(), exporter });
            } else {
                left_out.push(exporter);
            }
            start = end;
        }
        let why = if is_full { NotKept::Full } else { NotKept::Share };
        if some.is_empty() {
            return (left_out, Some(why));
        }
        let (not_written, failed) = inner.append_all(&self.dir, &some, &some_framed);
        left_out.extend(not_written);
        (left_out, failed.or(Some(why)))
    }

    /// The oldest segments: as many as have some `bytes` together, and one at least if there is any.
    /// Nothing is appended to them any more.
    pub(super) fn oldest(&self, bytes: u64) -> Vec<Segment> {
        let mut inner = self.lock();
        if inner.closed.iter().map(|segment| segment.bytes).sum::<u64>() < bytes {
            inner.close();
        }
        let mut sum = 0;
        let enough = |segment: &&Segment| {
            let more = sum < bytes;
            sum += segment.bytes;
            more
        };
        inner.closed.iter().take_while(enough).cloned().collect()
    }

    /// What is in `segments` is in the store: they go when what waits is kept.
    pub(super) fn loaded(&self, segments: Vec<Segment>) {
        let mut inner = self.lock();
        inner.closed.retain(|segment| !segments.contains(segment));
        inner.loaded.extend(segments);
    }

    /// Keeps the datagrams datagrams that wait for a template, and lets go what is loaded.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] if they cannot be kept, or not for certain; then everything stays.
    pub(super) fn let_go(&self, waiting: Vec<u8>) -> Result<(), StoreError> {
        self.keep_waiting(waiting)?;
        let loaded = std::mem::take(&mut self.lock().loaded);
        for segment in &loaded {
            if let Err(error) = fs::remove_file(&segment.path) {
                // It is loaded again by the next collector, and changes nothing.
                tracing::warn!("{}: delete: {error}", segment.path.display());
            }
        }
        let mut inner = self.lock();
        for segment in &loaded {
            inner.bytes -= segment.bytes;
            inner.shares.forget(segment.number);
        }
        Ok(())
    }

    fn keep_waiting(&self, frames: Vec<u8>) -> Result<(), StoreError> {
        let mut kept = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if *kept == frames {
            return Ok(());
        }
        let path = self.dir.join(WAITING);
        if frames.is_empty() {
            durable::remove(&path)?;
        } else {
            let mut file = NewFile::create_alone(&path)?;
            let written = file.write_all(&frame::file_header());
            written
                .and_then(|()| file.write_all(&frames))
                .map_err(StoreError::io(&path, "write"))?;
            file.finish()?;
            durable::sync_dir(&self.dir)?;
        }
        *kept = frames;
        Ok(())
    }

    pub(super) fn usage(&self) -> Usage {
        let inner = self.lock();
        let open = usize::from(inner.open.is_some());
        let segments = inner.closed.len() + inner.loaded.len() + inner.unread.len() + open;
        Usage { segments: segments as u64, bytes: inner.bytes }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// What an earlier collector left in `dir`.
    fn found(dir: &Path) -> io::Result<Self> {
        let mut closed = segment::found(dir)?;
        let mut next = closed.last().map_or(1, |last| last.number + 1);
        // What waited may find its template in the segments.
        let waited = dir.join(WAITING);
        if waited.symlink_metadata().is_ok() {
            let segment = Segment::of(dir, next);
            fs::rename(waited, &segment.path)?;
            durable::sync_dir(dir).map_err(StoreError::into_io)?;
            closed.push(Segment { bytes: segment::bytes(&segment.path), ..segment });
            next += 1;
        }
        let bytes = closed.iter().map(|segment| segment.bytes).sum();
        Ok(Self { closed: closed.into(), bytes, next, ..Self::default() })
    }

    /// As [`Spool::append`], where there is room for all.
    fn append_all(
        &mut self,
        dir: &Path,
        frames: &[u8],
        datagrams: &[Framed],
    ) -> (Vec<IpAddr>, Option<NotKept>) {
        if let Err(error) = self.append(dir, frames) {
            return (datagrams.iter().map(|one| one.exporter).collect(), Some(error.into()));
        }
        if let Some((_, segment)) = &self.open {
            let mut start = 0;
            for &Framed { end, exporter } in datagrams {
                let bytes = (end - std::mem::replace(&mut start, end)) as u64;
                self.shares.enter(segment.number, exporter, bytes);
            }
        }
        (Vec::new(), None)
    }

    fn append(&mut self, dir: &Path, frames: &[u8]) -> io::Result<()> {
        let (mut file, mut segment) = match self.open.take() {
            Some(open) => open,
            None => self.begin(dir)?,
        };
        let written = file.write_all(frames);
        if written.is_ok() {
            segment.bytes += frames.len() as u64;
            self.bytes += frames.len() as u64;
        } else if file.set_len(segment.bytes).is_err() {
            // A datagram that is there in part would hide those behind it.
            self.closed.push_back(segment);
            return written;
        }
        self.open = Some((file, segment));
        written
    }

    fn begin(&mut self, dir: &Path) -> io::Result<(File, Segment)> {
        if self.next > MAX_NUMBER {
            return Err(io::Error::other("there is no number left for a segment"));
        }
        let segment =
            Segment { bytes: frame::FILE_HEADER_BYTES as u64, ..Segment::of(dir, self.next) };
        self.next += 1;
        let mut options = OpenOptions::new();
        options.append(true).create_new(true).mode(FILE_MODE);
        let mut file = options.open(&segment.path)?;
        if let Err(error) = file.write_all(&frame::file_header()) {
            // Whoever finds it finds no capture in it.
            let _ = fs::remove_file(&segment.path);
            return Err(error);
        }
        self.bytes += segment.bytes;
        Ok((file, segment))
    }

    fn close(&mut self) {
        if let Some((_, segment)) = self.open.take() {
            self.closed.push_back(segment);
        }
    }
}

/// Takes the lock of the spool in `dir`.
fn lock(dir: &Path) -> Result<File, CollectError> {
    let path = dir.join(LOCK);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(FILE_MODE);
    let lock = options.open(&path).map_err(CollectError::spool(&path, "open for writing"))?;
    let begun = Instant::now();
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::WouldBlock) if begun.elapsed() < LOCKED_FOR => {
                thread::sleep(LOCK_TRIED_EVERY);
            }
            Err(TryLockError::WouldBlock) => {
                return Err(CollectError::SpoolInUse { path: dir.to_owned() });
            }
            Err(TryLockError::Error(error)) => {
                return Err(CollectError::spool(&path, "lock")(error));
            }
        }
    }
}

/// Whether a collector has the spool in `dir`.
pub(super) fn is_in_use(dir: &Path) -> bool {
    // To look, a lock that others may have as well is taken for a moment.
    File::open(dir.join(LOCK))
        .is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

#[cfg(test)]
mod tests;

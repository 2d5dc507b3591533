//! The spool: what was received and is not in the store yet, in a folder of ordinary captures.
//!
//! Datagrams are appended to one segment after another. A segment goes when the store has
//! acknowledged all that is in it; what a killed collector leaves behind is what the next one
//! loads first. There is no other journal.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::CollectError;
use crate::capture::frame;

/// A segment that has so many bytes is closed, so that room comes back piece by piece.
const SEGMENT_BYTES: u64 = 64 << 20;

const LOCK: &str = "lock";
const WAITING: &str = "waiting.pcap";

/// The folder, which no other collector uses meanwhile.
#[derive(Debug)]
pub(super) struct Spool {
    dir: PathBuf,
    limit_bytes: u64,
    _lock: File,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    open: Option<(File, Segment)>,
    closed: VecDeque<Segment>,
    /// Of all segments.
    bytes: u64,
    /// The number of the next one.
    next: u64,
    /// What `waiting.pcap` holds.
    waiting: Vec<u8>,
}

/// One file of the spool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
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
        fs::create_dir_all(dir).map_err(CollectError::spool(dir, "make"))?;
        let path = dir.join(LOCK);
        let lock = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        let lock = lock.map_err(CollectError::spool(&path, "open for writing"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(CollectError::SpoolInUse { path: dir.to_owned() });
            }
            Err(TryLockError::Error(error)) => {
                return Err(CollectError::spool(&path, "lock")(error));
            }
        }
        let inner = Inner::found(dir).map_err(CollectError::spool(dir, "read"))?;
        Ok(Self { dir: dir.to_owned(), limit_bytes, _lock: lock, inner: Mutex::new(inner) })
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn limit_bytes(&self) -> u64 {
        self.limit_bytes
    }

    /// Appends framed datagrams, each of which ends at one of `ends`: as many as there is room for,
    /// from the first on. How many, and why not more.
    pub(super) fn append(&self, frames: &[u8], ends: &[usize]) -> (usize, Option<NotKept>) {
        let mut inner = self.lock();
        if inner.open.as_ref().is_some_and(|(_, segment)| segment.bytes >= SEGMENT_BYTES) {
            inner.close();
        }
        let header = if inner.open.is_some() { 0 } else { frame::FILE_HEADER_BYTES };
        let room = self.limit_bytes.saturating_sub(inner.bytes + header);
        let kept = ends.partition_point(|&end| end as u64 <= room);
        let Some(last) = kept.checked_sub(1) else { return (0, Some(NotKept::Full)) };
        match inner.append(&self.dir, &frames[..ends[last]]) {
            Ok(()) => (kept, (kept < ends.len()).then_some(NotKept::Full)),
            Err(error) => (0, Some(error.into())),
        }
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

    /// Lets `segments` go: what is in them is in the store.
    pub(super) fn remove(&self, segments: &[Segment]) {
        for segment in segments {
            if let Err(error) = fs::remove_file(&segment.path) {
                // It is loaded again by the next collector, and changes nothing.
                tracing::warn!("{}: delete: {error}", segment.path.display());
            }
        }
        let mut inner = self.lock();
        inner.closed.retain(|segment| !segments.contains(segment));
        inner.bytes -= segments.iter().map(|segment| segment.bytes).sum::<u64>();
    }

    /// Keeps the framed datagrams that wait for a template, though their segments go.
    pub(super) fn keep_waiting(&self, frames: Vec<u8>) -> io::Result<()> {
        let mut inner = self.lock();
        if inner.waiting == frames {
            return Ok(());
        }
        let path = self.dir.join(WAITING);
        if frames.is_empty() {
            fs::remove_file(&path)?;
        } else {
            let new = self.dir.join("waiting.pcap.tmp");
            fs::write(&new, [&frame::file_header()[..], &frames].concat())?;
            fs::rename(&new, &path)?;
        }
        inner.waiting = frames;
        Ok(())
    }

    pub(super) fn usage(&self) -> Usage {
        let inner = self.lock();
        let segments = inner.closed.len() + usize::from(inner.open.is_some());
        Usage { segments: segments as u64, bytes: inner.bytes }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// What an earlier collector left in `dir`.
    fn found(dir: &Path) -> io::Result<Self> {
        let mut numbers: Vec<u64> = Vec::new();
        for entry in fs::read_dir(dir)? {
            numbers.extend(entry?.file_name().to_str().and_then(number));
        }
        numbers.sort_unstable();
        let next = numbers.last().map_or(1, |last| last + 1);
        let mut inner = Self { next, ..Self::default() };
        // What waited may find its template in the segments.
        match fs::rename(dir.join(WAITING), dir.join(name(next))) {
            Ok(()) => {
                numbers.push(next);
                inner.next += 1;
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        for number in numbers {
            let path = dir.join(name(number));
            let bytes = fs::metadata(&path)?.len();
            inner.bytes += bytes;
            inner.closed.push_back(Segment { path, bytes });
        }
        Ok(inner)
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
        let path = dir.join(name(self.next));
        self.next += 1;
        let mut file = OpenOptions::new().append(true).create_new(true).open(&path)?;
        let segment = Segment { path, bytes: frame::FILE_HEADER_BYTES };
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

/// Whether a collector has the spool in `dir`.
pub(super) fn is_in_use(dir: &Path) -> bool {
    // To look, a lock that others may have as well is taken for a moment.
    File::open(dir.join(LOCK))
        .is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

fn name(number: u64) -> String {
    format!("segment-{number:010}.pcap")
}

fn number(name: &str) -> Option<u64> {
    name.strip_prefix("segment-")?.strip_suffix(".pcap")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_of(segments: &[Segment]) -> Vec<Vec<u8>> {
        segments.iter().map(|segment| fs::read(&segment.path).unwrap()).collect()
    }

    fn keeps(spool: &Spool, frames: &[u8]) {
        let (kept, why) = spool.append(frames, &[frames.len()]);
        assert!(kept == 1 && why.is_none(), "{why:?}");
    }

    #[test]
    fn what_is_appended_is_given_out_in_order_until_it_is_let_go() {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::open(dir.path(), 1000).unwrap();
        assert!(spool.oldest(100).is_empty());
        keeps(&spool, b"one");
        let first = spool.oldest(100);
        keeps(&spool, b"two");
        keeps(&spool, b"three");
        let both = spool.oldest(100);
        let header = frame::file_header();
        let expected = [[&header[..], b"one"].concat(), [&header[..], b"twothree"].concat()];
        assert_eq!(bytes_of(&both), expected);
        assert_eq!((first.len(), spool.oldest(1).len()), (1, 1));
        assert_eq!(spool.usage(), Usage { segments: 2, bytes: 2 * 24 + 11 });
        spool.remove(&first);
        assert_eq!(spool.oldest(100), both[1..]);
        assert_eq!(spool.usage(), Usage { segments: 1, bytes: 24 + 8 });
        assert!(!first[0].path.exists());
    }

    #[test]
    fn a_full_spool_takes_nothing_until_there_is_room_again() {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::open(dir.path(), 200).unwrap();
        keeps(&spool, &[0; 100]);
        let full = |frames: &[u8], ends: &[usize]| {
            let (kept, why) = spool.append(frames, ends);
            assert!(matches!(why, Some(NotKept::Full)));
            kept
        };
        assert_eq!(full(&[0; 100], &[40, 76, 100]), 2);
        let oldest = spool.oldest(1);
        assert_eq!(full(&[0; 100], &[1, 100]), 0);
        spool.remove(&oldest);
        keeps(&spool, &[0; 100]);
        assert_eq!(spool.usage(), Usage { segments: 1, bytes: 124 });
    }

    #[test]
    fn the_next_collector_finds_what_was_left_and_what_waited() {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::open(dir.path(), 1000).unwrap();
        assert!(matches!(Spool::open(dir.path(), 9), Err(CollectError::SpoolInUse { .. })));
        assert!(is_in_use(dir.path()));
        keeps(&spool, b"one");
        spool.keep_waiting(b"waits".to_vec()).unwrap();
        drop(spool);
        assert!(!is_in_use(dir.path()));
        let spool = Spool::open(dir.path(), 1000).unwrap();
        let found = bytes_of(&spool.oldest(1000));
        assert!(found.len() == 2 && found[0].ends_with(b"one") && found[1].ends_with(b"waits"));
        keeps(&spool, b"three");
        assert_eq!(spool.oldest(1000).len(), 3);
        spool.keep_waiting(b"more".to_vec()).unwrap();
        spool.keep_waiting(Vec::new()).unwrap();
        assert!(!dir.path().join(WAITING).exists());
    }
}

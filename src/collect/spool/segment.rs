//! The files of a spool, and their names.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The last number that a segment has. Names that count further are none of ours, so that there is
/// always a next one.
pub(super) const MAX_NUMBER: u64 = 999_999_999_999_999_999;

/// What all names of segments begin with.
const PREFIX: &str = "segment-";

/// One file of the spool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::collect) struct Segment {
    pub(in crate::collect) path: PathBuf,
    pub(in crate::collect) number: u64,
    pub(in crate::collect) bytes: u64,
}

impl Segment {
    /// The segment of this number in `dir`, which has no bytes yet.
    pub(super) fn of(dir: &Path, number: u64) -> Self {
        Self { path: dir.join(name(number)), number, bytes: 0 }
    }
}

/// All that an earlier collector left in `dir`, in order.
pub(super) fn found(dir: &Path) -> io::Result<Vec<Segment>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        match number(&name.to_string_lossy()).filter(|_| !may_wait(&entry.path())) {
            Some(number) => found.push(Segment::of(dir, number)),
            None if name.as_encoded_bytes().starts_with(PREFIX.as_bytes()) => {
                tracing::warn!(
                    "{}: no segment of this spool, left alone",
                    dir.join(name).display()
                );
            }
            None => {}
        }
    }
    found.sort_unstable_by_key(|segment| segment.number);
    for segment in &mut found {
        segment.bytes = bytes(&segment.path);
    }
    Ok(found)
}

/// The size of a segment; what cannot be looked at is told when it is loaded.
pub(super) fn bytes(segment: &Path) -> u64 {
    fs::metadata(segment).map_or(0, |file| file.len())
}

/// Whether whoever reads what is at `path` may wait for ever.
fn may_wait(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| !file.is_file() && !file.is_dir())
}

fn name(number: u64) -> String {
    format!("{PREFIX}{number:010}.pcap")
}

/// The number of the segment that is called so: exactly as it would be written.
fn number(file: &str) -> Option<u64> {
    let number = file.strip_prefix(PREFIX)?.strip_suffix(".pcap")?.parse().ok()?;
    (number <= MAX_NUMBER && name(number) == file).then_some(number)
}

//! The files of the audit log.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// A file to which whole lines are added.
pub(super) struct Written {
    file: File,
    bytes: u64,
}

impl Written {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self { file, bytes })
    }

    /// How many of `lines` there is room for until the file has `most` bytes; in an empty one, for a
    /// line of any length.
    pub(super) fn fitting(&self, lines: &[String], most: u64) -> usize {
        let mut bytes = self.bytes;
        let fits = |line: &&String| {
            bytes += line.len() as u64;
            bytes <= most
        };
        let fitting = lines.iter().take_while(fits).count();
        if self.bytes == 0 { fitting.max(1) } else { fitting }
    }

    pub(super) fn append(&mut self, lines: &str) -> io::Result<()> {
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

/// Gives each file the next number, of which there are `files`; the last one goes.
pub(super) fn rotate(path: &Path, files: usize) -> io::Result<()> {
    let numbered = |number: usize| path.with_added_extension(number.to_string());
    if files == 0 {
        return fs::remove_file(path);
    }
    for number in (1..files).rev() {
        match fs::rename(numbered(number), numbered(number + 1)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    fs::rename(path, numbered(1))
}

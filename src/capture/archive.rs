//! Members of a tar archive.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

/// What may lie between two members: headers, and names and attributes too long for a header,
/// which the reader of archives keeps in memory.
const MAX_METADATA_BYTES: u64 = 1 << 20;

/// Gives each file of the archive to `member` until that says no more.
///
/// # Errors
///
/// Where the archive is cut, or damaged; the members before were given.
pub(super) fn members<R: Read>(
    source: R,
    mut member: impl FnMut(Member<'_>) -> std::ops::ControlFlow<()>,
) -> io::Result<()> {
    let budget = Rc::new(Cell::new(MAX_METADATA_BYTES));
    let mut archive = tar::Archive::new(Limited { source, budget: Rc::clone(&budget) });
    let mut entries = archive.entries()?;
    loop {
        budget.set(MAX_METADATA_BYTES);
        let Some(entry) = entries.next() else { break };
        let mut entry = entry?;
        budget.set(u64::MAX);
        let kind = entry.header().entry_type();
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let contents = match () {
            () if kind.is_gnu_sparse() => None,
            () if kind.is_file() || kind.is_contiguous() => {
                Some(Box::new(&mut entry) as Box<dyn Read + '_>)
            }
            // Directories, links, devices.
            () => continue,
        };
        if member(Member { name: &name, contents }).is_break() {
            return Ok(());
        }
        if !kind.is_gnu_sparse() {
            io::copy(&mut entry, &mut io::sink())?;
        }
    }
    // A compressed archive has its check sum at its end.
    budget.set(u64::MAX);
    drop(entries);
    io::copy(&mut archive.into_inner(), &mut io::sink())?;
    Ok(())
}

/// A file in an archive.
pub(super) struct Member<'a> {
    pub(super) name: &'a str,
    /// None for a sparse file: a few bytes could make it endless.
    pub(super) contents: Option<Box<dyn Read + 'a>>,
}

/// Fails when more than `budget` bytes are wanted of `source`.
struct Limited<R> {
    source: R,
    budget: Rc<Cell<u64>>,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self.budget.get();
        if left == 0 && !into.is_empty() {
            return Err(io::Error::other(format!(
                "archive header of more than {MAX_METADATA_BYTES} bytes"
            )));
        }
        let bytes = usize::try_from(left).unwrap_or(usize::MAX).min(into.len());
        let bytes = self.source.read(&mut into[..bytes])?;
        if left != u64::MAX {
            self.budget.set(left - bytes as u64);
        }
        Ok(bytes)
    }
}

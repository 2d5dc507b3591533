//! Members of a tar archive.

use std::cell::Cell;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::rc::Rc;

use super::name::printable;

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
    mut member: impl FnMut(Member<'_>) -> ControlFlow<()>,
) -> io::Result<()> {
    let budget = Rc::new(Cell::new(MAX_METADATA_BYTES));
    let mut archive = tar::Archive::new(Limited { source, budget: Rc::clone(&budget) });
    let entries = archive.entries()?;
    for entry in entries {
        let mut entry = entry?;
        let kind = entry.header().entry_type();
        let name = printable(&String::from_utf8_lossy(&entry.path_bytes()));
        let flow = if kind.is_gnu_sparse() {
            // What is stored of it will be passed over with the headers that follow.
            budget.set(entry.header().entry_size()?.saturating_add(MAX_METADATA_BYTES));
            member(Member { name: &name, contents: None })
        } else {
            budget.set(u64::MAX);
            // Neither directories nor links nor devices are read.
            let is_file = kind.is_file() || kind.is_contiguous();
            let flow = if is_file {
                member(Member { name: &name, contents: Some(Box::new(&mut entry)) })
            } else {
                ControlFlow::Continue(())
            };
            if flow.is_continue() {
                io::copy(&mut entry, &mut io::sink())?;
            }
            budget.set(MAX_METADATA_BYTES);
            flow
        };
        if flow.is_break() {
            return Ok(());
        }
    }
    // The check sum of a compressed archive lies at its end.
    budget.set(u64::MAX);
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

//! Conversations in temporary files, each sorted; merged, those that are equal are one.

use std::io::{self, Write};
use std::path::PathBuf;
use std::vec::IntoIter;

use super::super::temporary::{TemporaryFile, TemporaryReader};
use super::Limits;
use super::half::{self, Counted, Half};
use super::joined::{Joined, Key, Tuple};
use crate::flow::Family;
use crate::store::merge::{Merge, Sorted};
use crate::store::{Result, Watch};

type Order = fn(&Joined) -> Key;

/// Sorted files, in one order.
#[derive(Debug)]
pub(super) struct Runs {
    temp_dir: PathBuf,
    watch: Watch,
    order: Order,
    files: Vec<Run>,
}

/// A temporary file, and how many entries it has.
#[derive(Debug)]
struct Run {
    to: TemporaryFile,
    entries: u64,
}

impl Runs {
    pub(super) fn new(limits: &Limits, order: Order) -> Self {
        let Limits { temp_dir, watch, .. } = limits.clone();
        Self { temp_dir, watch, order, files: Vec::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Sorts `entries` into a file, or into several if they are very many.
    pub(super) fn write(&mut self, mut entries: Vec<Joined>) -> Result<()> {
        for piece in entries.chunks_mut(MAX_SORTED) {
            self.watch.check()?;
            piece.sort_unstable_by_key(self.order);
            let mut to = TemporaryFile::create(&self.temp_dir)?;
            to.fill(|to| write_entries(to, piece))?;
            self.files.push(Run { to, entries: piece.len() as u64 });
        }
        Ok(())
    }

    /// Everything in the files, and `rest`, in order.
    ///
    /// # Errors
    ///
    /// [`StoreError::Stopped`] if it is not to go on; the stream may meet more.
    pub(super) fn merge(self, mut rest: Vec<Joined>) -> Result<Merged> {
        let mut pieces = Vec::new();
        while !rest.is_empty() {
            self.watch.check()?;
            let mut piece = rest.split_off(rest.len().saturating_sub(MAX_SORTED));
            piece.sort_unstable_by_key(self.order);
            pieces.push(Source::Memory(piece.into_iter()));
        }
        let file = |Run { to, entries }| Source::File(to.read(), entries);
        let sources = pieces.into_iter().chain(self.files.into_iter().map(file));
        let entries = |source| Entries { source, next: None, order: self.order };
        Ok(Merged { entries: Merge::new(sources.map(entries).collect()), watch: self.watch })
    }
}

/// So many entries are sorted at once, in some tenths of a second: then it is asked whether to go on.
const MAX_SORTED: usize = 1 << 20;

/// A sorted source, and the next entry of it.
struct Entries {
    source: Source,
    next: Option<Joined>,
    order: Order,
}

enum Source {
    Memory(IntoIter<Joined>),
    /// And how many entries of it are not read yet.
    File(TemporaryReader, u64),
}

impl Sorted for Entries {
    type Key = Key;

    fn key(&mut self) -> Result<Option<Key>> {
        self.next = match &mut self.source {
            Source::Memory(entries) => entries.next(),
            Source::File(_, 0) => None,
            Source::File(reader, left) => {
                *left -= 1;
                Some(read_entry(reader)?)
            }
        };
        Ok(self.next.as_ref().map(self.order))
    }
}

/// The entries of all sources in order, those of one tuple as one.
pub(super) struct Merged {
    entries: Merge<Entries>,
    watch: Watch,
}

impl Merged {
    fn next_entry(&mut self) -> Result<Option<Joined>> {
        self.watch.check()?;
        Ok(self.entries.next(|entries, _| entries.next.take())?.flatten())
    }

    fn join_next(&mut self) -> Result<Option<Joined>> {
        let Some(mut joined) = self.next_entry()? else { return Ok(None) };
        while self.entries.peek().is_some_and(|(_, tuple)| *tuple == joined.tuple) {
            if let Some(more) = self.next_entry()? {
                half::merge(&mut joined.halves, &more.halves);
            }
        }
        Ok(Some(joined))
    }
}

impl Iterator for Merged {
    type Item = Result<Joined>;

    fn next(&mut self) -> Option<Self::Item> {
        self.join_next().transpose()
    }
}

/// Bytes of a tuple, and of a half.
const TUPLE_BYTES: usize = 2 + 2 * (16 + 2);
const HALF_BYTES: usize = 2 * 16 + (2 * 3 + 3) * 8 + 2;
const ENTRY_BYTES: usize = TUPLE_BYTES + 2 * HALF_BYTES;

fn write_entries(to: &mut impl Write, entries: &[Joined]) -> io::Result<()> {
    for Joined { tuple, halves } in entries {
        to.write_all(&[u8::from(tuple.family == Family::V6), tuple.protocol])?;
        for (address, port) in tuple.ends {
            to.write_all(&address.to_le_bytes())?;
            to.write_all(&port.to_le_bytes())?;
        }
        for half in halves {
            to.write_all(&half.octets.to_le_bytes())?;
            to.write_all(&half.packets.to_le_bytes())?;
            for Counted { octets, packets, flows } in [half.paired, half.told] {
                write_numbers(to, [octets, packets, flows])?;
            }
            write_numbers(to, [half.flows, half.first_ms, half.last_ms])?;
            to.write_all(&[half.tcp_flags, half.tos])?;
        }
    }
    Ok(())
}

fn write_numbers(to: &mut impl Write, numbers: [u64; 3]) -> io::Result<()> {
    numbers.into_iter().try_for_each(|number| to.write_all(&number.to_le_bytes()))
}

fn read_entry(reader: &mut TemporaryReader) -> Result<Joined> {
    let mut bytes = [0; ENTRY_BYTES];
    reader.read_exact(&mut bytes)?;
    let mut fields = Fields(&bytes);
    let [family, protocol] = fields.take();
    let family = if family == 0 { Family::V4 } else { Family::V6 };
    let mut end = || (u128::from_le_bytes(fields.take()), u16::from_le_bytes(fields.take()));
    let ends = [end(), end()];
    let mut half = || {
        let (octets, packets) =
            (u128::from_le_bytes(fields.take()), u128::from_le_bytes(fields.take()));
        let mut numbers = || [fields.take(), fields.take(), fields.take()].map(u64::from_le_bytes);
        let [paired, told] = [numbers(), numbers()].map(|[octets, packets, flows]| Counted {
            octets,
            packets,
            flows,
        });
        let [flows, first_ms, last_ms] = numbers();
        let [tcp_flags, tos] = fields.take();
        Half { octets, packets, paired, told, flows, first_ms, last_ms, tcp_flags, tos }
    };
    let halves = [half(), half()];
    Ok(Joined { tuple: Tuple { family, protocol, ends }, halves })
}

/// What of an entry is not read yet.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        // An entry is as long as its fields.
        let (field, rest) = self.0.split_first_chunk().unwrap_or((&[0; N], &[]));
        self.0 = rest;
        *field
    }
}

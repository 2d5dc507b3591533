//! The look-up: was this datagram met before?

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::PathBuf;

use super::file::BlockFile;
use super::filter::Filter;
use super::spans::held_around;
use crate::flow::{DatagramId, saturated_usize};
use crate::store::Result;
use crate::store::embedded::folder::lock::Held;
use crate::store::embedded::folder::manifest::{IdentityFile, Span};
use crate::store::mix::Seeded;

/// At most so many identities of files are in memory: 32 MB.
const MAX_LOADED: usize = 1 << 21;
/// Filters take at most so many bytes: those of 100 million identities, some 200 full files. What is
/// beyond that is looked up in the files themselves.
const MAX_FILTER_BYTES: usize = 128 << 20;

/// The identities of the store, read as far as they are asked for, and those of datagrams that
/// were admitted and are not committed yet.
#[derive(Debug)]
pub(crate) struct Seen {
    dir: PathBuf,
    /// Tells the files, and keeps them from being deleted when another thread merges them.
    held: Held,
    /// What was read of each file of the manifest, in its order.
    files: Vec<SeenFile>,
    uncommitted: HashSet<DatagramId, Seeded>,
    near: Near,
    /// Identities of files in memory.
    loaded: usize,
    /// The blocks in memory, each once: those that were not used for long come first, nearly.
    queue: VecDeque<Queued>,
    /// Bytes of filters.
    filter_bytes: usize,
    /// Of filters; as little known as that of `uncommitted`.
    seeded: Seeded,
    /// Rises with every look-up, and tells which blocks were not used for long.
    clock: u64,
    max_loaded: usize,
    max_filter_bytes: usize,
}

/// A block of a file, and when it was used last when it came into the queue.
#[derive(Debug, Clone, Copy)]
struct Queued {
    file: usize,
    block: usize,
    used: u64,
}

/// As much of a file as was needed.
#[derive(Debug, Default)]
struct SeenFile {
    open: Option<BlockFile>,
    filter_bytes: usize,
    blocks: Vec<Option<Block>>,
}

#[derive(Debug)]
struct Block {
    ids: Vec<DatagramId>,
    used: u64,
}

/// The files that may hold the export times of a stretch. Datagrams come in the order of their
/// export, nearly, so the next one most often lies in the same stretch.
#[derive(Debug)]
struct Near {
    span: Span,
    files: Vec<usize>,
}

impl Near {
    /// A stretch that holds no time.
    const NOTHING: Self = Self { span: Span(1, 0), files: Vec::new() };
}

impl Seen {
    /// The identities of the store in `dir` as of the manifest that is `held`.
    pub(crate) fn new(dir: impl Into<PathBuf>, held: Held) -> Self {
        let files = held.manifest().identities.iter().map(|_| SeenFile::default()).collect();
        Self {
            dir: dir.into(),
            held,
            files,
            uncommitted: HashSet::default(),
            near: Near::NOTHING,
            loaded: 0,
            queue: VecDeque::new(),
            filter_bytes: 0,
            seeded: Seeded::default(),
            clock: 0,
            max_loaded: MAX_LOADED,
            max_filter_bytes: MAX_FILTER_BYTES,
        }
    }

    /// Whether `datagram` is new. From then on it counts as seen.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError) naming the file that cannot be read, or is damaged.
    pub(crate) fn admit(&mut self, datagram: DatagramId) -> Result<bool> {
        if !self.near.span.contains(datagram.exported_secs) {
            self.near = self.near(datagram.exported_secs);
        }
        self.clock += 1;
        for at in 0..self.near.files.len() {
            if self.is_in(self.near.files[at], datagram)? {
                return Ok(false);
            }
        }
        Ok(self.uncommitted.insert(datagram))
    }

    /// Learns of a commit: these datagrams are now in the files of the manifest that is `held`.
    pub(crate) fn committed(&mut self, held: Held, datagrams: &[DatagramId]) {
        let names = self.held.manifest().identities.iter().map(|entry| entry.name.clone());
        let mut before: HashMap<_, _> = names.zip(self.files.drain(..).enumerate()).collect();
        let mut moved = HashMap::new();
        for (now, entry) in held.manifest().identities.iter().enumerate() {
            let known = before.remove(entry.name.as_str());
            self.files.push(known.map_or_else(SeenFile::default, |(then, file)| {
                moved.insert(then, now);
                file
            }));
        }
        self.queue.retain_mut(|queued| {
            let now = moved.get(&queued.file);
            queued.file = now.copied().unwrap_or(0);
            now.is_some()
        });
        for (_, gone) in before.values() {
            self.loaded -= gone.loaded();
            self.filter_bytes -= gone.filter_bytes;
        }
        self.held = held;
        self.near = Near::NOTHING;
        for datagram in datagrams {
            self.uncommitted.remove(datagram);
        }
    }

    fn entries(&self) -> &[IdentityFile] {
        &self.held.manifest().identities
    }

    fn near(&self, exported_secs: u32) -> Near {
        let mut near = Near { span: Span(0, u32::MAX), files: Vec::new() };
        for (at, entry) in self.entries().iter().enumerate() {
            let (held, around) = held_around(&entry.spans, exported_secs);
            near.span = Span(near.span.0.max(around.0), near.span.1.min(around.1));
            if held {
                near.files.push(at);
            }
        }
        near
    }

    fn is_in(&mut self, file_at: usize, id: DatagramId) -> Result<bool> {
        let entry = &self.held.manifest().identities[file_at];
        let file = &mut self.files[file_at];
        let open = match &mut file.open {
            Some(open) => open,
            none => {
                let bytes = Filter::bytes_for(saturated_usize(entry.count));
                let fits = self.filter_bytes + bytes <= self.max_filter_bytes;
                let seeded = fits.then_some(&self.seeded);
                let opened = none.insert(BlockFile::open_filtered(&self.dir, entry, seeded)?);
                file.filter_bytes = if fits { bytes } else { 0 };
                self.filter_bytes += file.filter_bytes;
                file.blocks.resize_with(opened.blocks(), || None);
                opened
            }
        };
        if !open.may_hold(id, &self.seeded) {
            return Ok(false);
        }
        let Some(block_at) = open.block_of(id) else {
            return Ok(false);
        };
        if let Some(block) = &mut file.blocks[block_at] {
            block.used = self.clock;
            return Ok(block.ids.binary_search(&id).is_ok());
        }
        let ids = open.read(block_at)?;
        let found = ids.binary_search(&id).is_ok();
        self.loaded += ids.len();
        file.blocks[block_at] = Some(Block { ids, used: self.clock });
        self.queue.push_back(Queued { file: file_at, block: block_at, used: self.clock });
        self.forget();
        Ok(found)
    }

    /// Drops the blocks that were not used for the longest time, until what is loaded is bounded.
    fn forget(&mut self) {
        while self.loaded > self.max_loaded {
            let Some(mut queued) = self.queue.pop_front() else { return };
            let place = self.files.get_mut(queued.file);
            let Some(place) = place.and_then(|file| file.blocks.get_mut(queued.block)) else {
                continue;
            };
            let Some(block) = place else { continue };
            if block.used > queued.used {
                // It was used since.
                queued.used = block.used;
                self.queue.push_back(queued);
            } else {
                self.loaded -= block.ids.len();
                *place = None;
            }
        }
    }
}

impl SeenFile {
    fn loaded(&self) -> usize {
        self.blocks.iter().flatten().map(|block| block.ids.len()).sum()
    }
}

#[cfg(test)]
mod tests;

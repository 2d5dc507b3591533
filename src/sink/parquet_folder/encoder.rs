//! Row groups, encoded side by side while the next one fills.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use crate::answer::{EncodedGroup, FileShape};
use crate::flow::{FlowBatch, Source};

/// Rows of a row group at most.
const GROUP_ROWS: usize = 1 << 19;
/// A row of little takes no less in a file: smaller files have smaller row groups.
const ROW_BYTES: u64 = 16;
/// A row group ends early when its elements take more.
const MAX_ELEMENTS_BYTES: usize = 64 << 20;
/// So many row groups are encoded at once, each of them on as many threads as are free. With the one
/// that fills they are what is held in memory.
const AT_WORK: usize = 2;

/// How many rows a row group has at most, in files of so many bytes.
pub fn group_rows(file_bytes: u64) -> usize {
    usize::try_from(file_bytes / ROW_BYTES).unwrap_or(usize::MAX).min(GROUP_ROWS)
}

/// Flows on their way to row groups.
pub(super) struct Encoder {
    shape: Arc<FileShape>,
    group_rows: usize,
    group_bytes: u64,
    filling: Option<FlowBatch>,
    at_work: VecDeque<Receiver<io::Result<Vec<EncodedGroup>>>>,
}

impl Encoder {
    /// Row groups of at most so many bytes, for files of `file_bytes`.
    pub(super) fn new(shape: Arc<FileShape>, file_bytes: u64, group_bytes: u64) -> Self {
        let group_rows = group_rows(file_bytes);
        Self { shape, group_rows, group_bytes, filling: None, at_work: VecDeque::new() }
    }

    /// Takes `flows`, and gives row groups that are done by now.
    pub(super) fn write(&mut self, flows: &FlowBatch) -> io::Result<Vec<EncodedGroup>> {
        let mut done = Vec::new();
        if self.filling.as_ref().is_some_and(|filling| filling.family() != flows.family()) {
            self.hand_over(&mut done)?;
        }
        let mut from = 0;
        while from < flows.len() {
            let filling = self.filling.get_or_insert_with(|| FlowBatch::new(flows.family()));
            let rows = (flows.len() - from).min(self.group_rows - filling.len());
            append(filling, flows, from..from + rows);
            from += rows;
            if filling.len() == self.group_rows || filling.extras.bytes() >= MAX_ELEMENTS_BYTES {
                self.hand_over(&mut done)?;
            }
        }
        Ok(done)
    }

    /// Gives all that is left.
    pub(super) fn finish(&mut self) -> io::Result<Vec<EncodedGroup>> {
        let mut done = Vec::new();
        self.hand_over(&mut done)?;
        while !self.at_work.is_empty() {
            self.take_first(&mut done)?;
        }
        Ok(done)
    }

    /// Has the row group encoded that was filled.
    fn hand_over(&mut self, done: &mut Vec<EncodedGroup>) -> io::Result<()> {
        let Some(flows) = self.filling.take() else { return Ok(()) };
        if self.at_work.len() == AT_WORK {
            self.take_first(done)?;
        }
        let (shape, bytes) = (Arc::clone(&self.shape), self.group_bytes);
        let (to, encoded) = channel();
        rayon::spawn_fifo(move || {
            // Nobody takes it any more where the export was given up.
            let _ = to.send(shape.encode(flows, bytes));
        });
        self.at_work.push_back(encoded);
        Ok(())
    }

    fn take_first(&mut self, done: &mut Vec<EncodedGroup>) -> io::Result<()> {
        let Some(encoded) = self.at_work.pop_front() else { return Ok(()) };
        done.append(&mut encoded.recv().map_err(io::Error::other)??);
        Ok(())
    }
}

/// Appends `rows` of `flows` to `to`, which may have other sources.
fn append(to: &mut FlowBatch, flows: &FlowBatch, rows: Range<usize>) {
    if to.is_empty() {
        to.sources = Arc::clone(&flows.sources);
    }
    if Arc::ptr_eq(&to.sources, &flows.sources) || flows.sources.starts_with(&to.sources) {
        to.append_rows(flows, rows);
        return;
    }
    let mut sources = to.sources.to_vec();
    let mut places: HashMap<Source, u32> = sources.iter().copied().zip(0..).collect();
    let place = |source: &Source| {
        *places.entry(*source).or_insert_with(|| {
            sources.push(*source);
            sources.len() as u32 - 1
        })
    };
    let moved: Vec<u32> = flows.sources.iter().map(place).collect();
    let mut flows = flows.clone();
    for source in &mut flows.source {
        *source = moved.get(*source as usize).copied().unwrap_or(u32::MAX);
    }
    flows.sources = Arc::new(sources);
    to.append_rows(&flows, rows);
}

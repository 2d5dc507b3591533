//! The flows of a day on their way to its files.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::ParquetFolder;
use super::days::Place;
use super::encoder::Encoder;
use super::files;
use super::list::{DayEntry, FileEntry, List};
use crate::answer::{EncodedGroup, FileShape, ParquetWriter};
use crate::flow::{FlowBatch, UnixMillis};
use crate::sink::{Sink, SinkError, Written};

/// What the end of a file takes beside what belongs to its row groups, or less: schema, and what is
/// said of the file.
const FOOTER_BYTES: u64 = 32_000;

/// The files of a day, while they are written. Dropped before they are whole, they are removed.
pub struct DayFiles<'a> {
    folder: &'a mut ParquetFolder,
    place: Place,
    version: String,
    encoder: Encoder,
    files: Files,
}

impl<'a> DayFiles<'a> {
    pub(super) fn new(folder: &'a mut ParquetFolder, place: Place, version: String) -> Self {
        let shape = Arc::clone(&folder.shape);
        let most_bytes = folder.file_bytes - FOOTER_BYTES;
        let encoder = Encoder::new(Arc::clone(&shape), folder.file_bytes, most_bytes);
        let dir = folder.dir.clone();
        let files = Files { dir, shape, most_bytes, open: None, done: Vec::new(), first: None };
        Self { folder, place, version, encoder, files }
    }

    fn put(&mut self, groups: Vec<EncodedGroup>) -> Result<(), SinkError> {
        groups.into_iter().try_for_each(|group| self.files.put(group, &mut self.folder.list))
    }

    /// Of a day that has lost flows since it was written, what is there stays: `entry` would lack
    /// them. Flows are lost from the earliest on, or all at once.
    fn has_lost(&self, entry: &DayEntry) -> Option<u64> {
        let before = self
            .folder
            .list
            .days
            .get(&self.place.date())
            .filter(|before| !before.stale && !before.lacking)?;
        let later = before.first.is_some_and(|first| entry.first.is_none_or(|now| now > first));
        (later || entry.flows < before.flows).then_some(before.flows)
    }
}

impl Sink for DayFiles<'_> {
    fn write(&mut self, flows: &FlowBatch) -> Result<(), SinkError> {
        let groups = self.encoder.write(flows).map_err(SinkError::io(&self.files.dir, "encode"))?;
        self.put(groups)
    }

    fn finish(mut self: Box<Self>) -> Result<Written, SinkError> {
        let groups = self.encoder.finish().map_err(SinkError::io(&self.files.dir, "encode"))?;
        self.put(groups)?;
        self.files.end_file(&self.folder.list)?;
        let files: Vec<FileEntry> = self.files.done.iter().map(|(_, file)| file.clone()).collect();
        let entry = DayEntry {
            version: self.version.clone(),
            flows: files.iter().map(|file| file.flows).sum(),
            first: self.files.first,
            files,
            stale: false,
            lacking: false,
        };
        if let Some(already) = self.has_lost(&entry) {
            self.folder.kept += 1;
            return Ok(Written { already, ..Written::default() });
        }
        let written = Written {
            flows: entry.flows,
            files: entry.files.len() as u64,
            bytes: entry.files.iter().map(|file| file.bytes).sum(),
            ..Written::default()
        };
        self.folder.commit(self.place, entry)?;
        // They are in their place.
        self.files.done.clear();
        Ok(written)
    }
}

/// The files that were written, and the one that is.
struct Files {
    dir: PathBuf,
    shape: Arc<FileShape>,
    /// What row groups may take of a file.
    most_bytes: u64,
    open: Option<OpenFile>,
    done: Vec<(PathBuf, FileEntry)>,
    first: Option<UnixMillis>,
}

struct OpenFile {
    name: String,
    path: PathBuf,
    writer: ParquetWriter<File>,
    /// The same file, to be made durable when all is written.
    file: File,
    /// What its row groups take.
    bytes: u64,
    /// When its earliest and its latest flow began.
    times: (UnixMillis, UnixMillis),
}

impl Files {
    fn put(&mut self, group: EncodedGroup, list: &mut List) -> Result<(), SinkError> {
        let bytes = group.bytes();
        let has_room = |open: &OpenFile| open.bytes + bytes <= self.most_bytes;
        if !self.open.as_ref().is_none_or(has_room) {
            self.end_file(list)?;
        }
        let times = group.times();
        let open = match &mut self.open {
            Some(open) => open,
            none => none.insert(OpenFile::create(&self.dir, &self.shape, list, times)?),
        };
        open.bytes += bytes;
        open.times = (open.times.0.min(times.0), open.times.1.max(times.1));
        self.first = Some(self.first.map_or(times.0, |before| before.min(times.0)));
        open.writer.append(group).map_err(SinkError::io(&open.path, "write"))
    }

    fn end_file(&mut self, list: &List) -> Result<(), SinkError> {
        let Some(open) = self.open.take() else { return Ok(()) };
        let path = open.path.clone();
        // It is removed with the others if this fails.
        let entry = FileEntry { name: open.name.clone(), bytes: 0, flows: 0 };
        self.done.push((path.clone(), entry));
        let ended = open.end(list).map_err(SinkError::io(&path, "write"))?;
        if let Some((_, entry)) = self.done.last_mut() {
            *entry = ended;
        }
        Ok(())
    }
}

impl OpenFile {
    fn create(
        dir: &Path,
        shape: &Arc<FileShape>,
        list: &mut List,
        times: (UnixMillis, UnixMillis),
    ) -> Result<Self, SinkError> {
        let name = list.new_name();
        let (path, file) = files::create(dir, &name)?;
        let begin = || -> io::Result<_> {
            let same = file.try_clone()?;
            Ok((ParquetWriter::of(Arc::clone(shape), same)?, file))
        };
        let (writer, file) = begin().map_err(SinkError::io(&path, "write"))?;
        Ok(Self { name, path, writer, file, bytes: 0, times })
    }

    /// Says what is in it, ends it, and makes it durable.
    fn end(mut self, list: &List) -> io::Result<FileEntry> {
        self.writer.tell("question", serde_json::to_string(&list.terms)?);
        self.writer.tell("first", self.times.0.to_string());
        self.writer.tell("last", self.times.1.to_string());
        let flows = self.writer.finish()?;
        self.file.sync_all()?;
        Ok(FileEntry { name: self.name, bytes: self.file.metadata()?.len(), flows })
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let open = self.open.take().map(|open| open.path);
        for path in open.into_iter().chain(self.done.drain(..).map(|(path, _)| path)) {
            // What stays is removed by the next run.
            let _ = fs::remove_file(path);
        }
    }
}

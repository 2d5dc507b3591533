//! Flows as Parquet files for other programs: IPv4 and IPv6 together, addresses as text unless others
//! are asked for.

mod chunk;
mod columns;
mod elements;
mod filling;
mod group;
mod layout;
mod order;
mod shape;
mod texts;
mod values;

#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::sync::Arc;

use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::writer::SerializedFileWriter;

use super::AnswerError;
use crate::flow::FlowBatch;
use crate::store::Result as StoreResult;
use group::Group;

pub use group::EncodedGroup;
pub use layout::{AddressForm, ElementsForm, Layout};
pub use shape::FileShape;

/// Rows in a row group at most: what a reader takes at a time, and what is held in memory, encoded,
/// until it is written.
pub const MAX_GROUP_ROWS: usize = 1_000_000;

/// The version of what files look like, which they say by `earlgrey.format`.
const FORMAT: u32 = 1;

/// Writes flows, in the order in which they come, as a Parquet file. It is one when
/// [`Self::finish`] has come to its end.
pub struct ParquetWriter<W: Write + Send> {
    file: SerializedFileWriter<W>,
    shape: Arc<FileShape>,
    group: Option<Group>,
    flows: u64,
}

impl<W: Write + Send> ParquetWriter<W> {
    /// Begins the file.
    ///
    /// # Errors
    ///
    /// What the output meets.
    pub fn new(to: W) -> io::Result<Self> {
        Self::of(Arc::new(FileShape::plain()?), to)
    }

    /// Begins a file of this shape.
    ///
    /// # Errors
    ///
    /// What the output meets.
    pub fn of(shape: Arc<FileShape>, to: W) -> io::Result<Self> {
        let (schema, properties) = (shape.schema.root_schema_ptr(), Arc::clone(&shape.properties));
        let file = SerializedFileWriter::new(to, schema, properties).map_err(source)?;
        Ok(Self { file, shape, group: None, flows: 0 })
    }

    /// Appends `flows`, which have every column.
    ///
    /// # Errors
    ///
    /// What the output meets.
    pub fn write(&mut self, flows: &FlowBatch) -> io::Result<()> {
        let mut from = 0;
        while from < flows.len() {
            let group = match &mut self.group {
                Some(group) => group,
                none => none.insert(Group::new(self.shape.fillings())),
            };
            from += group.append(flows, from).map_err(source)?;
            if group.is_full() {
                self.end_group()?;
            }
        }
        self.flows += flows.len() as u64;
        Ok(())
    }

    /// Appends a row group that was encoded elsewhere, in the same shape.
    ///
    /// # Errors
    ///
    /// What the output meets.
    pub fn append(&mut self, group: EncodedGroup) -> io::Result<()> {
        self.end_group()?;
        self.flows += group.rows() as u64;
        group.append_to(&mut self.file).map_err(source)
    }

    /// Says of the file what it is: a name, and what there is under it.
    pub fn tell(&mut self, name: &str, value: impl Into<String>) {
        let pair = KeyValue::new(format!("earlgrey.{name}"), value.into());
        self.file.append_key_value_metadata(pair);
    }

    /// Ends the file, and says how many flows are in it. It is complete, but not yet durable.
    ///
    /// # Errors
    ///
    /// What the output meets.
    pub fn finish(mut self) -> io::Result<u64> {
        self.end_group()?;
        self.tell("format", FORMAT.to_string());
        self.tell("version", env!("CARGO_PKG_VERSION"));
        self.tell("schema", self.shape.layout.naming.name());
        self.tell("addresses", self.shape.layout.addresses.name());
        self.tell("elements", self.shape.layout.elements.name());
        self.tell("flows", self.flows.to_string());
        self.file.finish().map_err(source)?;
        self.file.inner_mut().flush()?;
        Ok(self.flows)
    }

    fn end_group(&mut self) -> io::Result<()> {
        match self.group.take() {
            Some(group) => group.finish(&mut self.file).map_err(source),
            None => Ok(()),
        }
    }
}

/// Writes all of `flows`, which have every column, to `to` as a Parquet file, and says how many
/// there were.
///
/// # Errors
///
/// [`AnswerError::Store`] if a batch could not be read, [`AnswerError::Output`] for what the output
/// meets; what was written is no Parquet file then.
pub fn write_parquet(
    flows: impl Iterator<Item = StoreResult<FlowBatch>>,
    layout: Layout,
    to: impl Write + Send,
) -> Result<u64, AnswerError> {
    let shape = FileShape::new(layout, MAX_GROUP_ROWS).map_err(AnswerError::Output)?;
    let mut writer = ParquetWriter::of(Arc::new(shape), to).map_err(AnswerError::Output)?;
    for batch in flows {
        writer.write(&batch?).map_err(AnswerError::Output)?;
    }
    writer.finish().map_err(AnswerError::Output)
}

/// What the output said, where the crate passes that on.
fn source(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    }
}

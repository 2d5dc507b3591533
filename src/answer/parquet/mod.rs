//! Flows as one Parquet file for other programs: IPv4 and IPv6 together, addresses as text.

mod chunk;
mod columns;
mod group;

#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnPath, SchemaDescriptor};

use super::AnswerError;
use crate::flow::FlowBatch;
use crate::store::Result as StoreResult;
use columns::FileColumn;
use group::Group;

/// Rows in a row group at most: what a reader takes at a time, and what is held in memory, encoded,
/// until it is written.
pub const MAX_GROUP_ROWS: usize = 1_000_000;

/// Writes flows, in the order in which they come, as a Parquet file. It is one when
/// [`Self::finish`] has come to its end.
pub struct ParquetWriter<W: Write + Send> {
    file: SerializedFileWriter<W>,
    schema: SchemaDescriptor,
    properties: Arc<WriterProperties>,
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
        let schema = columns::schema().map_err(source)?;
        let properties = Arc::new(properties());
        let file = SerializedFileWriter::new(to, schema.root_schema_ptr(), Arc::clone(&properties));
        Ok(Self { file: file.map_err(source)?, schema, properties, group: None, flows: 0 })
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
                none => none.insert(Group::new(&self.schema, &self.properties)),
            };
            from += group.append(flows, from).map_err(source)?;
            if group.is_full() {
                self.end_group()?;
            }
        }
        self.flows += flows.len() as u64;
        Ok(())
    }

    /// Ends the file, and says how many flows are in it. It is complete, but not yet durable.
    ///
    /// # Errors
    ///
    /// What the output meets.
    pub fn finish(mut self) -> io::Result<u64> {
        self.end_group()?;
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
    to: impl Write + Send,
) -> Result<u64, AnswerError> {
    let mut writer = ParquetWriter::new(to).map_err(AnswerError::Output)?;
    for batch in flows {
        writer.write(&batch?).map_err(AnswerError::Output)?;
    }
    writer.finish().map_err(AnswerError::Output)
}

fn properties() -> WriterProperties {
    let mut properties = WriterProperties::builder()
        // The pages and encodings that every reader knows.
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_created_by(concat!("earlgrey-hbase ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(MAX_GROUP_ROWS));
    for column in FileColumn::all() {
        let path = ColumnPath::from(column.name());
        properties = properties.set_column_dictionary_enabled(path, column.has_dictionary());
    }
    properties.build()
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

//! What files of one layout have in common: schema, encodings, what is declared.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::schema::types::{ColumnPath, SchemaDescriptor};

use super::columns::{FileColumn, schema};
use super::filling::Filling;
use super::group::{EncodedGroup, Group};
use super::layout::Layout;
use super::{MAX_GROUP_ROWS, order, source};
use crate::flow::{Column, FlowBatch, TableColumn};

/// One of so many addresses that are not in a row group passes its Bloom filter.
const BLOOM_MISSES: f64 = 0.01;

/// A layout, made ready to be written.
pub struct FileShape {
    pub(super) layout: Layout,
    columns: Vec<FileColumn>,
    pub(super) schema: SchemaDescriptor,
    pub(super) properties: Arc<WriterProperties>,
}

impl FileShape {
    /// Files that look like `layout`, with row groups of at most so many rows.
    ///
    /// # Errors
    ///
    /// None in practice.
    pub fn new(layout: Layout, group_rows: usize) -> io::Result<Self> {
        let columns = FileColumn::all(&layout);
        let schema = schema(&columns).map_err(source)?;
        let properties = Arc::new(properties(&columns, layout.sorted, group_rows));
        Ok(Self { layout, columns, schema, properties })
    }

    /// The files that are written where nobody says otherwise.
    pub(super) fn plain() -> io::Result<Self> {
        Self::new(Layout::default(), MAX_GROUP_ROWS)
    }

    /// The names of its columns.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    /// All rows of `flows`, which are of one family and have every column, as row groups of at most
    /// `most_bytes` each: as one where that is less. They are sorted where the layout says so.
    ///
    /// # Errors
    ///
    /// None in practice: memory takes everything.
    pub fn encode(&self, flows: FlowBatch, most_bytes: u64) -> io::Result<Vec<EncodedGroup>> {
        let rows = self.layout.sorted.then(|| order::sorted(&flows, self.layout.addresses));
        let flows = match rows.flatten() {
            Some(rows) => flows.take_rows(&rows),
            None => flows,
        };
        let mut groups = Vec::new();
        self.encode_rows(&flows, 0..flows.len(), most_bytes, &mut groups).map_err(source)?;
        Ok(groups)
    }

    fn encode_rows(
        &self,
        flows: &FlowBatch,
        rows: Range<usize>,
        most_bytes: u64,
        to: &mut Vec<EncodedGroup>,
    ) -> Result<(), ParquetError> {
        let group = Group::encode(self.fillings(), flows, rows.clone())?;
        if group.bytes() <= most_bytes || rows.len() < 2 {
            to.push(group);
            return Ok(());
        }
        drop(group);
        let middle = rows.start + rows.len() / 2;
        self.encode_rows(flows, rows.start..middle, most_bytes, to)?;
        self.encode_rows(flows, middle..rows.end, most_bytes, to)
    }

    /// The columns of a row group that is to be filled.
    pub(super) fn fillings(&self) -> Vec<Filling> {
        let filling = |(place, column): (usize, &FileColumn)| {
            let descriptor = self.schema.column(place);
            Filling::new(column.clone(), descriptor, &self.properties, &self.layout)
        };
        self.columns.iter().enumerate().map(filling).collect()
    }
}

fn properties(columns: &[FileColumn], sorted: bool, group_rows: usize) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        // The pages and encodings that every reader knows.
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_created_by(concat!("earlgrey-hbase ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(group_rows));
    for column in columns {
        let path = ColumnPath::from(column.name.as_str());
        properties =
            properties.set_column_dictionary_enabled(path.clone(), column.has_dictionary());
        if sorted && matches!(column.of, TableColumn::Flow(Column::Src | Column::Dst)) {
            properties = properties
                .set_column_bloom_filter_enabled(path.clone(), true)
                .set_column_bloom_filter_fpp(path, BLOOM_MISSES);
        }
    }
    properties.set_sorting_columns(sorted.then(|| sorting(columns))).build()
}

/// What rows are sorted by. Of a pair of columns by family one has no values in a row group.
fn sorting(columns: &[FileColumn]) -> Vec<SortingColumn> {
    let of = |wanted| {
        let places = columns
            .iter()
            .enumerate()
            .filter(move |(_, column)| column.of == TableColumn::Flow(wanted));
        places.map(|(place, _)| SortingColumn {
            column_idx: place as i32,
            descending: false,
            nulls_first: false,
        })
    };
    [Column::Src, Column::First, Column::Dst].into_iter().flat_map(of).collect()
}

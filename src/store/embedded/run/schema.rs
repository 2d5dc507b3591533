//! The columns of a run as Parquet: types, encodings, page size. `schema/embedded.md` writes it down.

use std::sync::Arc;

use parquet::basic::{
    Compression, Encoding, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel,
};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::schema::types::{ColumnPath, SchemaDescriptor, Type, TypePtr};

use crate::flow::{Column, ColumnKind, Columns, Family};
use crate::row::Order;
use crate::store::embedded::folder::run_columns::RunColumns;

/// The version of the layout of runs.
pub(crate) const LAYOUT_VERSION: u32 = 1;
/// Rows in a page of every column, so that page `n` of each column holds the same rows.
pub(crate) const PAGE_ROWS: usize = 8_192;
/// Rows in a row group: what a thread takes at a time.
pub(crate) const ROW_GROUP_ROWS: usize = 128 * PAGE_ROWS;

/// What decides about the columns of a run's files, and where each of them lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// The family of its flows.
    pub family: Family,
    places: [Option<u8>; Column::EVERY.len()],
    /// How many columns the files have, those that are not known here among them.
    pub count: usize,
}

impl Shape {
    /// What files with these `columns` look like.
    pub(crate) fn new(family: Family, columns: &RunColumns) -> Self {
        let mut places = [None; Column::EVERY.len()];
        for (place, column) in (0..=u8::MAX).zip(columns.places()) {
            if let Some(column) = column {
                places[column as usize] = Some(place);
            }
        }
        Self { family, places, count: columns.places().count() }
    }

    /// What the file in `order` looks like among files that look like this: what leads its rows and is
    /// no column of theirs stands behind them.
    pub(crate) fn in_order(mut self, order: Order) -> Self {
        for column in order.lead_columns().iter() {
            let place = &mut self.places[column as usize];
            if place.is_none() {
                *place = u8::try_from(self.count).ok();
                self.count += 1;
            }
        }
        self
    }

    /// Where `column` lies in the files, unless these lack it: then it is zero in all flows.
    pub(crate) fn place(&self, column: Column) -> Option<usize> {
        self.places[column as usize].map(usize::from)
    }

    /// Its columns, in the order of [`Column::ALL`].
    pub(crate) fn columns(&self) -> Columns {
        Columns::EVERY.iter().filter(|&column| self.place(column).is_some()).collect()
    }
}

/// The columns of a run of this shape, all of which are known.
pub(crate) fn schema(shape: Shape) -> Result<SchemaDescriptor, ParquetError> {
    let mut columns: Vec<Column> = shape.columns().iter().collect();
    columns.sort_by_key(|&column| shape.place(column));
    let fields = columns
        .into_iter()
        .map(|column| field(column, shape.family).map(Arc::new))
        .collect::<Result<Vec<TypePtr>, _>>()?;
    let root = Type::group_type_builder("flow").with_fields(fields).build()?;
    Ok(SchemaDescriptor::new(Arc::new(root)))
}

/// What of `schema`, which a file has, is not as it should be for a run of this shape.
pub(crate) fn difference(
    schema: &SchemaDescriptor,
    shape: &Shape,
) -> Result<Option<String>, ParquetError> {
    if schema.num_columns() != shape.count {
        return Ok(Some(format!("{} columns, and {} are told", schema.num_columns(), shape.count)));
    }
    for column in shape.columns().iter() {
        let is_there = match shape.place(column) {
            Some(place) => *schema.column(place).self_type() == field(column, shape.family)?,
            None => true,
        };
        if !is_there {
            return Ok(Some(format!("the column {} is not as a run has it", column.name())));
        }
    }
    Ok(None)
}

/// The family of the addresses in `column`, in runs of flows of `family`.
pub(crate) const fn address_family(column: Column, family: Family) -> Family {
    if matches!(column, Column::Nat) { Order::Nat.lead_family(family) } else { family }
}

fn field(column: Column, family: Family) -> Result<Type, ParquetError> {
    let unsigned = |bit_width| Some(LogicalType::integer(bit_width, false));
    let (physical, logical, length) = match column.kind() {
        ColumnKind::Address => match address_family(column, family) {
            Family::V4 => (Physical::INT32, unsigned(32), -1),
            Family::V6 => (Physical::FIXED_LEN_BYTE_ARRAY, None, 16),
        },
        ColumnKind::U64 if column == Column::First => {
            let timestamp = LogicalType::timestamp(true, TimeUnit::MILLIS);
            (Physical::INT64, Some(timestamp), -1)
        }
        ColumnKind::U64 => (Physical::INT64, unsigned(64), -1),
        ColumnKind::U32 => (Physical::INT32, unsigned(32), -1),
        ColumnKind::U16 => (Physical::INT32, unsigned(16), -1),
        ColumnKind::U8 => (Physical::INT32, unsigned(8), -1),
        ColumnKind::Extras => (Physical::BYTE_ARRAY, None, -1),
    };
    Type::primitive_type_builder(column.name(), physical)
        .with_repetition(Repetition::REQUIRED)
        .with_logical_type(logical)
        .with_length(length)
        .build()
}

/// How the values of a column are laid out in its pages. Never more than one way in a column, so
/// that a reader knows what a page must look like.
pub(crate) fn encoding(column: Column, order: Order, family: Family) -> Encoding {
    let family = address_family(column, family);
    match (column, column.kind()) {
        // Sorted, so most differences are zero.
        (column, ColumnKind::Address)
            if column == order.columns().0 && matches!(family, Family::V4) =>
        {
            Encoding::DELTA_BINARY_PACKED
        }
        (Column::First | Column::NatPort, _) => Encoding::DELTA_BINARY_PACKED,
        // Byte streams would be smaller, but not every reader of Parquet knows them of sixteen bytes.
        (_, ColumnKind::Address) if matches!(family, Family::V6) => Encoding::PLAIN,
        // Few distinct values of two bytes that say nothing apart.
        (Column::SrcAs | Column::DstAs | Column::Source, _) => Encoding::RLE_DICTIONARY,
        // Lengths by themselves, as they are mostly the same; what repeats is left to zstd.
        (_, ColumnKind::Extras) => Encoding::DELTA_LENGTH_BYTE_ARRAY,
        _ => Encoding::BYTE_STREAM_SPLIT,
    }
}

/// How a run in `order` is written.
pub(crate) fn properties(order: Order, family: Family) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_created_by(concat!("earlgrey-hbase ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(PAGE_ROWS)
        // Only the number of rows ends a page, and a dictionary never gives up.
        .set_data_page_size_limit(usize::MAX)
        .set_dictionary_page_size_limit(usize::MAX)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_statistics_enabled(EnabledStatistics::None);
    for column in Column::EVERY {
        let path = ColumnPath::from(column.name());
        let encoding = encoding(column, order, family);
        let dictionary = encoding == Encoding::RLE_DICTIONARY;
        properties = properties.set_column_dictionary_enabled(path.clone(), dictionary);
        if !dictionary {
            properties = properties.set_column_encoding(path.clone(), encoding);
        }
        if column.has_bounds() {
            properties = properties.set_column_statistics_enabled(path, EnabledStatistics::Page);
        }
    }
    properties.build()
}

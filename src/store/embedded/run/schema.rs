//! The columns of a run as Parquet: types, encodings, page size. `schema/embedded.md` writes it down.

use std::sync::Arc;

use parquet::basic::{
    Compression, Encoding, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel,
};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::schema::types::{ColumnPath, SchemaDescriptor, Type, TypePtr};

use crate::flow::{Column, Family};
use crate::row::Order;

/// The version of the layout of runs.
pub(crate) const LAYOUT_VERSION: u32 = 1;
/// Rows in a page of every column, so that page `n` of each column holds the same rows.
pub(crate) const PAGE_ROWS: usize = 8_192;
/// Rows in a row group: what a thread takes at a time.
pub(crate) const ROW_GROUP_ROWS: usize = 128 * PAGE_ROWS;

/// What decides about the columns of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// The family of its flows.
    pub family: Family,
    /// Whether any of its flows has extras; a run in which none has any lacks their column.
    pub extras: bool,
}

impl Shape {
    /// Its columns, in the order of [`Column::ALL`].
    pub(crate) fn columns(self) -> impl Iterator<Item = Column> {
        Column::ALL.into_iter().filter(move |&column| column != Column::Extras || self.extras)
    }
}

/// The columns of a run of this shape.
pub(crate) fn schema(shape: Shape) -> Result<SchemaDescriptor, ParquetError> {
    let fields = shape
        .columns()
        .map(|column| field(column, shape.family).map(Arc::new))
        .collect::<Result<Vec<TypePtr>, _>>()?;
    let root = Type::group_type_builder("flow").with_fields(fields).build()?;
    Ok(SchemaDescriptor::new(Arc::new(root)))
}

fn field(column: Column, family: Family) -> Result<Type, ParquetError> {
    let unsigned = |bit_width| Some(LogicalType::integer(bit_width, false));
    let (physical, logical, length) = match column {
        Column::Src | Column::Dst | Column::NextHop => match family {
            Family::V4 => (Physical::INT32, unsigned(32), -1),
            Family::V6 => (Physical::FIXED_LEN_BYTE_ARRAY, None, 16),
        },
        Column::First => {
            let timestamp = LogicalType::timestamp(true, TimeUnit::MILLIS);
            (Physical::INT64, Some(timestamp), -1)
        }
        Column::Octets | Column::Packets => (Physical::INT64, unsigned(64), -1),
        Column::SrcPort | Column::DstPort => (Physical::INT32, unsigned(16), -1),
        Column::Protocol | Column::TcpFlags | Column::Tos | Column::SrcMask | Column::DstMask => {
            (Physical::INT32, unsigned(8), -1)
        }
        Column::Duration
        | Column::Input
        | Column::Output
        | Column::SrcAs
        | Column::DstAs
        | Column::Source => (Physical::INT32, unsigned(32), -1),
        Column::Extras => (Physical::BYTE_ARRAY, None, -1),
    };
    Type::primitive_type_builder(column.name(), physical)
        .with_repetition(Repetition::REQUIRED)
        .with_logical_type(logical)
        .with_length(length)
        .build()
}

/// The column that leads the row key in `order`.
pub(crate) const fn lead_column(order: Order) -> Column {
    match order {
        Order::Src => Column::Src,
        Order::Dst => Column::Dst,
    }
}

/// How the values of a column are laid out in its pages. Never more than one way in a column, so
/// that a reader knows what a page must look like.
pub(crate) fn encoding(column: Column, order: Order, family: Family) -> Encoding {
    match column {
        // Sorted, so most differences are zero.
        column if column == lead_column(order) && matches!(family, Family::V4) => {
            Encoding::DELTA_BINARY_PACKED
        }
        Column::First => Encoding::DELTA_BINARY_PACKED,
        // Byte streams would be smaller, but not every reader of Parquet knows them of sixteen bytes.
        Column::Src | Column::Dst | Column::NextHop if matches!(family, Family::V6) => {
            Encoding::PLAIN
        }
        Column::Src
        | Column::Dst
        | Column::SrcPort
        | Column::DstPort
        | Column::Octets
        | Column::Packets
        | Column::Duration
        | Column::Protocol
        | Column::TcpFlags
        | Column::Tos
        | Column::Input
        | Column::Output
        | Column::SrcMask
        | Column::DstMask
        | Column::NextHop => Encoding::BYTE_STREAM_SPLIT,
        // Few distinct values of two bytes that say nothing apart.
        Column::SrcAs | Column::DstAs | Column::Source => Encoding::RLE_DICTIONARY,
        // Lengths by themselves, as they are mostly the same; what repeats is left to zstd.
        Column::Extras => Encoding::DELTA_LENGTH_BYTE_ARRAY,
    }
}

/// Whether the bounds of each page of `column` are told: of those in the row key, and of those
/// whose great or rare values are looked for among all flows. In the others every page has about
/// the same.
pub(crate) const fn has_bounds(column: Column) -> bool {
    matches!(
        column,
        Column::Src
            | Column::Dst
            | Column::First
            | Column::Protocol
            | Column::Octets
            | Column::Packets
            | Column::Duration
    )
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
    for column in Column::ALL {
        let path = ColumnPath::from(column.name());
        let encoding = encoding(column, order, family);
        let dictionary = encoding == Encoding::RLE_DICTIONARY;
        properties = properties.set_column_dictionary_enabled(path.clone(), dictionary);
        if !dictionary {
            properties = properties.set_column_encoding(path.clone(), encoding);
        }
        if has_bounds(column) {
            properties = properties.set_column_statistics_enabled(path, EnabledStatistics::Page);
        }
    }
    properties.build()
}

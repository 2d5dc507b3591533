//! The columns of the file: those of a run, with the names of a run, but each readable by itself.

use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::errors::ParquetError;
use parquet::schema::types::{SchemaDescriptor, Type, TypePtr};

use crate::flow::{Column, ColumnKind};

/// A column of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileColumn {
    /// A column of flows: addresses as text (`10.0.0.1`, `2001:db8::1`), when they began as a moment
    /// in UTC, in milliseconds since 1970, all others as numbers without sign.
    Flow(Column),
    /// Who exported the flow, as text.
    Exporter,
    /// The part of him that did.
    Engine,
    /// How he sampled.
    SamplingMode,
    /// One packet of so many.
    SamplingInterval,
    /// What a flow has beyond the other columns: an object in JSON, as text; null where it has
    /// nothing. Text, since not every reader knows the type of JSON.
    Elements,
}

impl FileColumn {
    /// Every column, in the order of a run; exporter, engine and sampling are where that has
    /// `source`.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        Column::ALL.into_iter().flat_map(|column| match column {
            Column::Source => {
                vec![Self::Exporter, Self::Engine, Self::SamplingMode, Self::SamplingInterval]
            }
            Column::Extras => vec![Self::Elements],
            column => vec![Self::Flow(column)],
        })
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Flow(column) => column.name(),
            Self::Exporter => "exporter",
            Self::Engine => "engine",
            Self::SamplingMode => "sampling_mode",
            Self::SamplingInterval => "sampling_interval",
            Self::Elements => "elements",
        }
    }

    const fn kind(self) -> ColumnKind {
        match self {
            Self::Flow(column) => column.kind(),
            Self::Exporter => ColumnKind::Address,
            Self::Engine | Self::SamplingInterval => ColumnKind::U32,
            Self::SamplingMode => ColumnKind::U8,
            Self::Elements => ColumnKind::Extras,
        }
    }

    /// Whether values are looked up among those that came before, as long as that pays.
    pub(super) fn has_dictionary(self) -> bool {
        self != Self::Flow(Column::First)
    }

    fn field(self) -> Result<Type, ParquetError> {
        let unsigned = |bits| LogicalType::integer(bits, false);
        let (physical, logical) = match self.kind() {
            ColumnKind::Address | ColumnKind::Extras => (Physical::BYTE_ARRAY, LogicalType::String),
            ColumnKind::U64 if self == Self::Flow(Column::First) => {
                (Physical::INT64, LogicalType::timestamp(true, TimeUnit::MILLIS))
            }
            ColumnKind::U64 => (Physical::INT64, unsigned(64)),
            ColumnKind::U32 => (Physical::INT32, unsigned(32)),
            ColumnKind::U16 => (Physical::INT32, unsigned(16)),
            ColumnKind::U8 => (Physical::INT32, unsigned(8)),
        };
        let repetition = match self {
            Self::Elements => Repetition::OPTIONAL,
            _ => Repetition::REQUIRED,
        };
        Type::primitive_type_builder(self.name(), physical)
            .with_repetition(repetition)
            .with_logical_type(Some(logical))
            .build()
    }
}

/// The columns as Parquet has them.
pub(super) fn schema() -> Result<SchemaDescriptor, ParquetError> {
    let fields = FileColumn::all().map(|column| column.field().map(Arc::new));
    let fields = fields.collect::<Result<Vec<TypePtr>, _>>()?;
    let root = Type::group_type_builder("flow").with_fields(fields).build()?;
    Ok(SchemaDescriptor::new(Arc::new(root)))
}

//! Which columns of a file are read.

use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor};

use crate::flow::{Column, ColumnKind};

/// What a column of a file tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Flow(Column),
    Exporter,
    Engine,
    SamplingMode,
    SamplingInterval,
    Elements,
}

/// Without these no flow can be told of.
const NEEDED: [Column; 9] = [
    Column::Src,
    Column::First,
    Column::Dst,
    Column::Protocol,
    Column::SrcPort,
    Column::DstPort,
    Column::Octets,
    Column::Packets,
    Column::Duration,
];

impl Place {
    fn all() -> impl Iterator<Item = Self> {
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

    fn is_needed(self) -> bool {
        matches!(self, Self::Flow(column) if NEEDED.contains(&column))
    }

    const fn is_address(self) -> bool {
        match self {
            Self::Flow(column) => matches!(column.kind(), ColumnKind::Address),
            place => matches!(place, Self::Exporter),
        }
    }
}

/// Where a column is in a file, and how its values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct At {
    pub(super) column: usize,
    pub(super) kind: Kind,
    pub(super) may_be_null: bool,
}

/// How values are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Numbers of 32 bits.
    Words,
    /// Numbers of 64 bits, so many to one of ours.
    Longs(u64),
    /// Texts, or bytes of any length.
    Bytes,
    /// Bytes of one length.
    Fixed,
}

/// The columns that are read.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) columns: Vec<(Place, At)>,
    /// The names of all others.
    pub(super) unknown: Vec<String>,
}

impl Chosen {
    /// Finds the columns of flows by their names.
    pub(super) fn of(schema: &SchemaDescriptor) -> Result<Self, String> {
        let mut columns = Vec::new();
        for place in Place::all() {
            // Where addresses are numbers, those of IPv6 are in a column of their own.
            let of_v6 = place.is_address().then(|| format!("{}_v6", place.name()));
            let is_of = |name: &str| name == place.name() || of_v6.as_deref() == Some(name);
            let before = columns.len();
            for (at, column) in schema.columns().iter().enumerate() {
                if is_of(column.name()) {
                    columns.push((place, at_of(place, at, column)?));
                }
            }
            if columns.len() == before && place.is_needed() {
                return Err(format!("there is no column {}", place.name()));
            }
        }
        let is_unknown = |at: &usize| columns.iter().all(|(_, known)| known.column != *at);
        let unknown = (0..schema.num_columns()).filter(is_unknown);
        let unknown = unknown.map(|at| schema.column(at).path().string()).collect();
        Ok(Self { columns, unknown })
    }
}

fn at_of(place: Place, column: usize, found: &ColumnDescriptor) -> Result<At, String> {
    let may_be_null = found.self_type().get_basic_info().repetition() == Repetition::OPTIONAL;
    let is_flat = found.max_rep_level() == 0 && found.max_def_level() <= 1;
    let kind = match (found.physical_type(), place) {
        (Physical::BYTE_ARRAY, Place::Elements) => Some(Kind::Bytes),
        (Physical::BYTE_ARRAY, place) if place.is_address() => Some(Kind::Bytes),
        (Physical::FIXED_LEN_BYTE_ARRAY, place)
            if place.is_address() && matches!(found.type_length(), 4 | 16) =>
        {
            Some(Kind::Fixed)
        }
        (_, Place::Elements) => None,
        (Physical::INT32, place) if place.is_address() => Some(Kind::Words),
        (_, place) if place.is_address() => None,
        (Physical::INT32, _) => Some(Kind::Words),
        (Physical::INT64, _) => Some(Kind::Longs(units(found))),
        _ => None,
    };
    kind.filter(|_| is_flat).map(|kind| At { column, kind, may_be_null }).ok_or_else(|| {
        format!(
            "column {} is of type {}, which no such column is",
            place.name(),
            found.physical_type()
        )
    })
}

/// How many of a column's units are one of ours, which differs for times only.
fn units(column: &ColumnDescriptor) -> u64 {
    match column.logical_type_ref() {
        Some(LogicalType::Timestamp(of)) => match of.unit {
            TimeUnit::MILLIS => 1,
            TimeUnit::MICROS => 1000,
            TimeUnit::NANOS => 1_000_000,
        },
        _ => 1,
    }
}

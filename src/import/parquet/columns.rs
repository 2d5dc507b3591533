//! Which columns of a file are read, and whose names they have.

use parquet::basic::{LogicalType, TimeUnit, Type as Physical};
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor};

use crate::flow::{Change, Column, ColumnKind, ColumnName, Naming, TableColumn};

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

/// A column that is read: what it tells, where it is in a file, and how its values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) of: TableColumn,
    /// Whose column it is here, for messages.
    pub(super) name: &'static str,
    pub(super) column: usize,
    pub(super) kind: Kind,
    /// A value is there where the definition level is this.
    pub(super) full: i16,
    /// Whether a row may have several values.
    pub(super) repeats: bool,
}

/// How values are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Numbers of 32 bits.
    Words,
    /// Numbers of 64 bits, so many to one of ours.
    Longs(u64),
    /// Seconds with a fraction, for milliseconds of ours.
    Seconds,
    /// Texts, or bytes of any length.
    Bytes,
    /// Bytes of one length.
    Fixed,
}

/// The columns of a file.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) chosen: Vec<Chosen>,
    /// The names of those that are not read.
    pub(super) unknown: Vec<String>,
}

impl Columns {
    /// Finds the columns of flows by their names, those of whichever naming has most of them there.
    pub(super) fn of(schema: &SchemaDescriptor) -> Result<Self, String> {
        let found = |naming: Naming| {
            let is_there = |column: &Column| {
                let named = naming.of(column.name());
                schema.columns().iter().any(|it| is_of(TableColumn::Flow(*column), &named, it))
            };
            NEEDED.iter().filter(|column| is_there(column)).count()
        };
        let mut naming = Naming::Earlgrey;
        for other in Naming::ALL {
            if found(other) > found(naming) {
                naming = other;
            }
        }
        let mut chosen = Vec::new();
        let mut known = vec![false; schema.num_columns()];
        for of in TableColumn::all() {
            let named = naming.of(of.name());
            let before = chosen.len();
            for (at, column) in schema.columns().iter().enumerate() {
                if is_of(of, &named, column) {
                    known[at] = true;
                    // An ID of a conversation says nothing that the flow does not.
                    if of != TableColumn::CommunityId {
                        chosen.push(choose(of, &named, at, column)?);
                    }
                }
            }
            let is_needed = matches!(of, TableColumn::Flow(column) if NEEDED.contains(&column));
            if chosen.len() == before && is_needed {
                return Err(format!("there is no column {}", named.name));
            }
        }
        let unknown = schema.columns().iter().zip(known).filter(|(_, known)| !known);
        let unknown = unknown.map(|(column, _)| column.path().string()).collect();
        Ok(Self { chosen, unknown })
    }
}

/// Whether a column of a file is the one that is so named.
fn is_of(of: TableColumn, named: &ColumnName, column: &ColumnDescriptor) -> bool {
    let parts = column.path().parts();
    match (of, parts) {
        (TableColumn::ElementNames, [name, _, part]) => name == named.name && part == "key",
        (TableColumn::ElementValues, [name, _, part]) => name == named.name && part == "value",
        (TableColumn::ElementNames | TableColumn::ElementValues, _) => false,
        (of, [name]) => {
            // Where addresses are numbers, those of IPv6 are in a column of their own.
            let is_of_v6 = || match named.of_v6 {
                Some(of_v6) => name == of_v6,
                None => {
                    of.kind() == ColumnKind::Address && name.strip_suffix("_v6") == Some(named.name)
                }
            };
            name == named.name || is_of_v6()
        }
        _ => false,
    }
}

fn choose(
    of: TableColumn,
    named: &ColumnName,
    column: usize,
    found: &ColumnDescriptor,
) -> Result<Chosen, String> {
    let kind = match (found.physical_type(), of.kind(), named.change) {
        (Physical::BYTE_ARRAY, ColumnKind::Address | ColumnKind::Extras, _)
        | (Physical::BYTE_ARRAY, _, Change::Name) => Some(Kind::Bytes),
        (Physical::FIXED_LEN_BYTE_ARRAY, ColumnKind::Address, _)
            if matches!(found.type_length(), 4 | 16) =>
        {
            Some(Kind::Fixed)
        }
        (_, ColumnKind::Extras, _) => None,
        (Physical::INT32, _, _) => Some(Kind::Words),
        (_, ColumnKind::Address, _) => None,
        (Physical::INT64, _, Change::Nanoseconds) => Some(Kind::Longs(1_000_000)),
        (Physical::INT64, _, _) => Some(Kind::Longs(units(found))),
        (Physical::DOUBLE, _, Change::Seconds) => Some(Kind::Seconds),
        _ => None,
    };
    let name = named.name;
    let chosen = |kind| Chosen {
        of,
        name,
        column,
        kind,
        full: found.max_def_level(),
        repeats: found.max_rep_level() > 0,
    };
    let physical = found.physical_type();
    kind.map(chosen)
        .ok_or_else(|| format!("column {name} is of type {physical}, which no such column is"))
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

//! The columns of the file: those of a run, with the names of a run, but each readable by itself.

use std::net::IpAddr;
use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::errors::ParquetError;
use parquet::schema::types::{SchemaDescriptor, Type, TypePtr};

use crate::flow::{Column, FlowRecord};

/// A column of the file.
pub(super) struct FileColumn {
    pub(super) name: &'static str,
    pub(super) values: Values,
}

/// What a column holds, and how it is had from a flow.
#[derive(Clone, Copy)]
pub(super) enum Values {
    /// Text: `10.0.0.1`, `2001:db8::1`.
    Address(fn(&FlowRecord) -> IpAddr),
    /// A moment in UTC, in milliseconds since 1970.
    Time(fn(&FlowRecord) -> u64),
    /// A number without sign, of so many bits.
    Number(i8, fn(&FlowRecord) -> u64),
    /// What a flow has beyond the other columns: an object in JSON, as text; null where it has
    /// nothing. Text, since not every reader knows the type of JSON.
    Elements,
}

impl FileColumn {
    const fn of(column: Column, values: Values) -> Self {
        Self { name: column.name(), values }
    }

    /// Whether values are looked up among those that came before, as long as that pays.
    pub(super) fn has_dictionary(&self) -> bool {
        !matches!(self.values, Values::Time(_))
    }

    fn field(&self) -> Result<Type, ParquetError> {
        let text = (Physical::BYTE_ARRAY, LogicalType::String);
        let (physical, logical) = match self.values {
            Values::Address(_) | Values::Elements => text,
            Values::Time(_) => (Physical::INT64, LogicalType::timestamp(true, TimeUnit::MILLIS)),
            Values::Number(64, _) => (Physical::INT64, LogicalType::integer(64, false)),
            Values::Number(bits, _) => (Physical::INT32, LogicalType::integer(bits, false)),
        };
        let repetition = match self.values {
            Values::Elements => Repetition::OPTIONAL,
            _ => Repetition::REQUIRED,
        };
        Type::primitive_type_builder(self.name, physical)
            .with_repetition(repetition)
            .with_logical_type(Some(logical))
            .build()
    }
}

/// Every column, in the order of a run; exporter, engine and sampling are where that has `source`.
pub(super) const COLUMNS: [FileColumn; 23] = [
    FileColumn::of(Column::Src, Values::Address(|flow| flow.src)),
    FileColumn::of(Column::First, Values::Time(first_ms)),
    FileColumn::of(Column::Dst, Values::Address(|flow| flow.dst)),
    FileColumn::of(Column::Protocol, Values::Number(8, |flow| flow.protocol.0.into())),
    FileColumn::of(Column::SrcPort, Values::Number(16, |flow| flow.src_port.into())),
    FileColumn::of(Column::DstPort, Values::Number(16, |flow| flow.dst_port.into())),
    FileColumn::of(Column::Octets, Values::Number(64, |flow| flow.octets)),
    FileColumn::of(Column::Packets, Values::Number(64, |flow| flow.packets)),
    FileColumn::of(Column::Duration, Values::Number(32, |flow| flow.duration_ms.into())),
    FileColumn::of(Column::TcpFlags, Values::Number(8, |flow| flow.tcp_flags.into())),
    FileColumn::of(Column::Tos, Values::Number(8, |flow| flow.tos.into())),
    FileColumn::of(Column::Input, Values::Number(32, |flow| flow.input.into())),
    FileColumn::of(Column::Output, Values::Number(32, |flow| flow.output.into())),
    FileColumn::of(Column::SrcAs, Values::Number(32, |flow| flow.src_as.into())),
    FileColumn::of(Column::DstAs, Values::Number(32, |flow| flow.dst_as.into())),
    FileColumn::of(Column::SrcMask, Values::Number(8, |flow| flow.src_mask.into())),
    FileColumn::of(Column::DstMask, Values::Number(8, |flow| flow.dst_mask.into())),
    FileColumn::of(Column::NextHop, Values::Address(|flow| flow.next_hop)),
    FileColumn { name: "exporter", values: Values::Address(|flow| flow.source.exporter) },
    FileColumn { name: "engine", values: Values::Number(32, |flow| flow.source.engine.into()) },
    FileColumn {
        name: "sampling_mode",
        values: Values::Number(8, |flow| flow.source.sampling.mode.into()),
    },
    FileColumn {
        name: "sampling_interval",
        values: Values::Number(32, |flow| flow.source.sampling.interval.into()),
    },
    FileColumn { name: "elements", values: Values::Elements },
];

/// When a flow began, as it is shown: readers fail at a time that their calendar does not reach.
fn first_ms(flow: &FlowRecord) -> u64 {
    u64::try_from(flow.first.timestamp().as_millisecond()).unwrap_or(0)
}

/// The columns as Parquet has them.
pub(super) fn schema() -> Result<SchemaDescriptor, ParquetError> {
    let fields = COLUMNS.iter().map(|column| column.field().map(Arc::new));
    let fields = fields.collect::<Result<Vec<TypePtr>, _>>()?;
    let root = Type::group_type_builder("flow").with_fields(fields).build()?;
    Ok(SchemaDescriptor::new(Arc::new(root)))
}

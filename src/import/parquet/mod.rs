//! Parquet files of flows, as `export` writes them: columns by their names, ours or others'.
//!
//! Other programs may have written them anew meanwhile, with other encodings, columns that may be
//! null, and times in microseconds or nanoseconds. Columns that are not known here are passed over.

mod columns;
mod pages;
mod values;

use std::fs::File;
use std::mem::take;
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};

use super::assembly::{Assembly, MAX_PIECE_RECORDS};
use super::draft::Draft;
use super::{Options, Pieces, elements};
use crate::flow::{Column, Names, Protocol, TableColumn, UnixMillis, enter_name, saturated_u32};
use columns::{Chosen, Columns, Kind};
use pages::Limited;
use values::{Values, open};

/// How files begin.
const MAGIC: [u8; 4] = *b"PAR1";

/// Whether a stream that begins so is of Parquet.
pub(super) fn is_told_by(start: &[u8]) -> bool {
    start.starts_with(&MAGIC)
}

/// Reads a file.
pub(super) fn read(file: File, options: &Options, to: &mut dyn Pieces) -> ControlFlow<()> {
    let file = Arc::new(Limited(file));
    let metadata = ParquetMetaDataReader::new().parse_and_finish(&*file);
    let opened = metadata.map_err(|error| told(&error)).and_then(|metadata| {
        let columns = Columns::of(metadata.file_metadata().schema_descr())?;
        pages::compressed_as_is_read(&metadata)?;
        Ok((metadata, columns))
    });
    let (metadata, columns) = match opened {
        Ok(opened) => opened,
        Err(problem) => {
            to.wrong(problem);
            return ControlFlow::Continue(());
        }
    };
    let rows = u64::try_from(metadata.file_metadata().num_rows()).unwrap_or(0);
    for name in &columns.unknown {
        to.passed_over(format!("Parquet column {name}"), rows);
    }
    let mut reading = Reading {
        assembly: Assembly::new("parquet", options),
        columns: columns.chosen,
        exporter: options.exporter,
        names: Names::default(),
    };
    for group in 0..metadata.num_row_groups() {
        match reading.group(&file, &metadata, group, to) {
            Ok(flow) => flow?,
            Err(problem) => {
                to.damaged();
                to.wrong(format!("row group {}: {problem}", group + 1));
            }
        }
    }
    ControlFlow::Continue(())
}

struct Reading {
    assembly: Assembly,
    columns: Vec<Chosen>,
    /// Who exported flows of which nobody tells it.
    exporter: Option<IpAddr>,
    /// What exporters call their interfaces.
    names: Names,
}

impl Reading {
    /// Reads a row group; of what is damaged in it the rows before were given.
    fn group(
        &mut self,
        file: &Arc<Limited>,
        metadata: &ParquetMetaData,
        group: usize,
        to: &mut dyn Pieces,
    ) -> Result<ControlFlow<()>, String> {
        let group = metadata.row_group(group);
        let rows = usize::try_from(group.num_rows()).map_err(|_| "no number of rows".to_owned())?;
        let mut columns = Vec::new();
        for &column in &self.columns {
            let problem = |error| format!("column {}: {}", column.name, told(&error));
            columns.push(open(file, group, column, rows).map_err(problem)?);
        }
        let mut done = 0;
        while done < rows {
            let wanted = MAX_PIECE_RECORDS.min(rows - done);
            for values in &mut columns {
                let name = values.chosen().name;
                // The library has its doubts by panicking now and then.
                let read = catch_unwind(AssertUnwindSafe(|| values.read(wanted)));
                let read = read.unwrap_or_else(|_| Err("it is damaged".to_owned()));
                read.map_err(|problem| format!("column {name}: {problem}"))?;
            }
            for row in 0..wanted {
                self.row(&columns, row);
            }
            done += wanted;
            to.names(&take(&mut self.names));
            if let Some(piece) = self.assembly.finish()
                && to.piece(piece).is_break()
            {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn row(&mut self, columns: &[Values], row: usize) {
        let mut draft = Draft::default();
        let mut bytes = Vec::new();
        let mut malformed = None;
        let (mut names, mut texts) = (Vec::new(), Vec::new());
        for values in columns {
            match values.chosen().of {
                TableColumn::Flow(column) => {
                    if !take_column(column, values, row, &mut draft, &mut bytes) {
                        malformed = Some("malformed protocol");
                    }
                }
                TableColumn::Exporter => {
                    if let Some(address) = values.address(row, &mut bytes) {
                        draft.source.exporter = address;
                    }
                }
                TableColumn::Engine => draft.source.engine = values.word(row, &mut bytes),
                TableColumn::SamplingMode => {
                    draft.source.sampling.mode =
                        u8::try_from(values.word(row, &mut bytes)).unwrap_or(0);
                }
                TableColumn::SamplingInterval => {
                    draft.source.sampling.interval = values.word(row, &mut bytes);
                }
                TableColumn::InputName => self.name(&draft, Column::Input, values, row),
                TableColumn::OutputName => self.name(&draft, Column::Output, values, row),
                TableColumn::CommunityId | TableColumn::Meant(_) => {}
                TableColumn::Elements => {
                    let text = values.text(row, &mut bytes);
                    if text.is_some_and(|text| elements::take(text, &mut draft).is_none()) {
                        malformed = Some("malformed elements");
                    }
                }
                TableColumn::ElementNames => names.extend(values.texts(row)),
                TableColumn::ElementValues => texts.extend(values.texts(row)),
            }
        }
        if take_map(&names, &texts, &mut draft, &mut bytes).is_none() {
            malformed = Some("malformed elements");
        }
        let first = UnixMillis(draft.record.numbers[Column::First]);
        draft.lasts(first, first + draft.record.numbers[Column::Duration]);
        match malformed {
            None => self.assembly.take(&bytes, &draft),
            Some(reason) => self.assembly.reject(&bytes, reason),
        }
    }

    /// Notes what the exporter of a flow calls an interface of it. The name is no part of the flow,
    /// and so none of its piece's identity.
    fn name(&mut self, flow: &Draft, interface: Column, values: &Values, row: usize) {
        let told = flow.source.exporter;
        let exporter = self.exporter.filter(|_| told.is_unspecified()).unwrap_or(told);
        let number = saturated_u32(flow.record.numbers[interface]);
        if let Some(Ok(name)) = values.texts(row).next().map(str::from_utf8)
            && self.names.interfaces.get(&(exporter, number)).is_none_or(|known| known != name)
        {
            enter_name(&mut self.names.interfaces, (exporter, number), name.to_owned());
        }
    }
}

/// Takes what a column of flows tells of a row; whether it can be read. Of two columns for the two
/// families one tells nothing.
fn take_column(
    column: Column,
    values: &Values,
    row: usize,
    to: &mut Draft,
    bytes: &mut Vec<u8>,
) -> bool {
    let address = match column {
        Column::Src => &mut to.record.src,
        Column::Dst => &mut to.record.dst,
        Column::NextHop => &mut to.record.next_hop,
        Column::Protocol if values.chosen().kind == Kind::Bytes => {
            let Some(name) = values.text(row, bytes) else { return true };
            let protocol = protocol(name, to.record.src);
            to.number(column, protocol.unwrap_or_default());
            return protocol.is_some();
        }
        _ => {
            if let Some(number) = values.number(row, bytes) {
                to.number(column, number);
            }
            return true;
        }
    };
    *address = values.address(row, bytes).or(*address);
    true
}

/// The protocol of this name or number; between addresses of IPv6 `icmp` is theirs.
fn protocol(name: &[u8], src: Option<IpAddr>) -> Option<u8> {
    let name = str::from_utf8(name).ok()?;
    let number = name.parse().ok();
    let protocol = number.or_else(|| Some(Protocol::named(name)?.0))?;
    let is_v6 = src.is_some_and(|src| src.is_ipv6());
    Some(if is_v6 && name == "icmp" { Protocol::ICMP6.0 } else { protocol })
}

/// Takes the elements of a map, and adds them to `bytes`; None where they are no such map.
fn take_map(names: &[&[u8]], values: &[&[u8]], to: &mut Draft, bytes: &mut Vec<u8>) -> Option<()> {
    for text in names.iter().zip(values).flat_map(|(name, value)| [name, value]) {
        bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
        bytes.extend_from_slice(text);
    }
    for (name, value) in names.iter().zip(values) {
        elements::take_plain(name, value, to)?;
    }
    (names.len() == values.len()).then_some(())
}

/// An error of the library, without its own name for the kind.
fn told(error: &ParquetError) -> String {
    let text = error.to_string();
    text.split_once(": ").map_or(text.clone(), |(_, text)| text.to_owned())
}

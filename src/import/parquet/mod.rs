//! Parquet files of flows, as `export` writes them: columns by their names.
//!
//! Other programs may have written them anew meanwhile, with other encodings, columns that may be
//! null, and times in microseconds or nanoseconds. Columns that are not known here are passed over.

mod columns;
mod pages;
mod values;

use std::fs::File;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};

use super::assembly::{Assembly, MAX_PIECE_RECORDS};
use super::draft::Draft;
use super::{Options, Pieces, elements};
use crate::flow::{Column, UnixMillis};
use columns::{Chosen, Place};
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
        let chosen = Chosen::of(metadata.file_metadata().schema_descr())?;
        Ok((metadata, chosen))
    });
    let (metadata, chosen) = match opened {
        Ok(opened) => opened,
        Err(problem) => {
            to.wrong(problem);
            return ControlFlow::Continue(());
        }
    };
    let rows = u64::try_from(metadata.file_metadata().num_rows()).unwrap_or(0);
    for name in &chosen.unknown {
        to.passed_over(format!("Parquet column {name}"), rows);
    }
    let mut reading = Reading { assembly: Assembly::new("parquet", options), chosen };
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
    chosen: Chosen,
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
        for (column, place) in &self.chosen.columns {
            let problem = |error| format!("column {}: {}", column.name(), told(&error));
            let values = open(file, group, *place, rows).map_err(problem)?;
            columns.push((*column, values));
        }
        let mut done = 0;
        while done < rows {
            let wanted = MAX_PIECE_RECORDS.min(rows - done);
            for (column, values) in &mut columns {
                let problem = |problem| format!("column {}: {problem}", column.name());
                // The library has its doubts by panicking now and then.
                let read = catch_unwind(AssertUnwindSafe(|| values.read(wanted)));
                read.unwrap_or_else(|_| Err("it is damaged".to_owned())).map_err(problem)?;
            }
            for row in 0..wanted {
                self.row(&columns, row);
            }
            done += wanted;
            if let Some(piece) = self.assembly.finish()
                && to.piece(piece).is_break()
            {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn row(&mut self, columns: &[(Place, Values)], row: usize) {
        let mut draft = Draft::default();
        let mut bytes = Vec::new();
        let mut is_whole = true;
        for (place, values) in columns {
            match place {
                Place::Flow(column @ (Column::Src | Column::Dst | Column::NextHop)) => {
                    let told = match column {
                        Column::Src => &mut draft.record.src,
                        Column::Dst => &mut draft.record.dst,
                        _ => &mut draft.record.next_hop,
                    };
                    // Of two columns for the two families one has none.
                    *told = values.address(row, &mut bytes).or(*told);
                }
                Place::Flow(column) => draft.number(*column, values.number(row, &mut bytes)),
                Place::Exporter => {
                    if let Some(address) = values.address(row, &mut bytes) {
                        draft.source.exporter = address;
                    }
                }
                Place::Engine => draft.source.engine = values.word(row, &mut bytes),
                Place::SamplingMode => {
                    draft.source.sampling.mode =
                        u8::try_from(values.word(row, &mut bytes)).unwrap_or(0);
                }
                Place::SamplingInterval => {
                    draft.source.sampling.interval = values.word(row, &mut bytes);
                }
                Place::Elements => {
                    let text = values.text(row, &mut bytes);
                    is_whole &= text.is_none_or(|text| elements::take(text, &mut draft).is_some());
                }
            }
        }
        let first = UnixMillis(draft.record.numbers[Column::First]);
        draft.lasts(first, first + draft.record.numbers[Column::Duration]);
        if is_whole {
            self.assembly.take(&bytes, &draft);
        } else {
            self.assembly.reject(&bytes, "malformed elements");
        }
    }
}

/// An error of the library, without its own name for the kind.
fn told(error: &ParquetError) -> String {
    let text = error.to_string();
    text.split_once(": ").map_or(text.clone(), |(_, text)| text.to_owned())
}

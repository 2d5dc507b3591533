//! The values of a column, some thousand rows at a time.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use parquet::column::reader::ColumnReaderImpl;
use parquet::data_type::{
    ByteArray, ByteArrayType, DoubleType, FixedLenByteArray, FixedLenByteArrayType, Int32Type,
    Int64Type,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::RowGroupMetaData;

use super::columns::{Chosen, Kind};
use super::pages::{Limited, Pages};
use crate::flow::{canonical, saturated_u32};

/// Reads a column.
pub(super) struct Values {
    reader: Reader,
    chosen: Chosen,
    /// Where each value stands in what repeats, and whether it is there.
    repetitions: Vec<i16>,
    definitions: Vec<i16>,
    /// The places of each row's values.
    places: Vec<Range<usize>>,
    /// So many rows were asked for up to now.
    asked: Arc<AtomicUsize>,
}

enum Reader {
    Words(ColumnReaderImpl<Int32Type>, Vec<i32>),
    /// With how many units are one of ours.
    Longs(ColumnReaderImpl<Int64Type>, Vec<i64>, u64),
    Seconds(ColumnReaderImpl<DoubleType>, Vec<f64>),
    Bytes(ColumnReaderImpl<ByteArrayType>, Vec<ByteArray>),
    Fixed(ColumnReaderImpl<FixedLenByteArrayType>, Vec<FixedLenByteArray>),
}

/// Opens a column of a row group of so many rows.
pub(super) fn open(
    file: &Arc<Limited>,
    group: &RowGroupMetaData,
    chosen: Chosen,
    rows: usize,
) -> Result<Values, ParquetError> {
    let asked = Arc::default();
    let pages = Box::new(Pages::open(file, group, chosen.column, rows, Arc::clone(&asked))?);
    let column = group.schema_descr().column(chosen.column);
    let reader = match chosen.kind {
        Kind::Words => Reader::Words(ColumnReaderImpl::new(column, pages), Vec::new()),
        Kind::Longs(units) => {
            Reader::Longs(ColumnReaderImpl::new(column, pages), Vec::new(), units)
        }
        Kind::Seconds => Reader::Seconds(ColumnReaderImpl::new(column, pages), Vec::new()),
        Kind::Bytes => Reader::Bytes(ColumnReaderImpl::new(column, pages), Vec::new()),
        Kind::Fixed => Reader::Fixed(ColumnReaderImpl::new(column, pages), Vec::new()),
    };
    let (repetitions, definitions, places) = (Vec::new(), Vec::new(), Vec::new());
    Ok(Values { reader, chosen, repetitions, definitions, places, asked })
}

impl Values {
    pub(super) const fn chosen(&self) -> Chosen {
        self.chosen
    }

    /// Reads the next `rows` rows in place of those that were read.
    pub(super) fn read(&mut self, rows: usize) -> Result<(), String> {
        let Self { reader, chosen, repetitions, definitions, places, asked } = self;
        asked.fetch_add(rows, Relaxed);
        repetitions.clear();
        definitions.clear();
        reader.clear();
        let mut done = 0;
        while done < rows {
            let definitions = (chosen.full > 0).then_some(&mut *definitions);
            let repetitions = chosen.repeats.then_some(&mut *repetitions);
            let read = reader.read(rows - done, definitions, repetitions);
            let read = read.map_err(|error| super::told(&error))?;
            if read == 0 {
                return Err(format!("it ends {} rows too early", rows - done));
            }
            done += read;
        }
        places.clear();
        if chosen.full == 0 {
            places.extend((0..rows).map(|row| row..row + 1));
        }
        let mut next = 0;
        for (at, &definition) in definitions.iter().enumerate() {
            // A value of the row before goes on with it.
            if repetitions.get(at).is_none_or(|&repetition| repetition == 0) {
                places.push(next..next);
            }
            if definition == chosen.full
                && let Some(row) = places.last_mut()
            {
                next += 1;
                row.end = next;
            }
        }
        Ok(())
    }

    /// The places of a row's values.
    fn places(&self, row: usize) -> Range<usize> {
        self.places.get(row).cloned().unwrap_or_default()
    }

    /// The place of a row's one value.
    fn place(&self, row: usize) -> Option<usize> {
        self.places(row).next()
    }

    /// The number of a row, if it has one; its bytes go to `note`, those of 0 where there is none.
    pub(super) fn number(&self, row: usize, note: &mut Vec<u8>) -> Option<u64> {
        let number = self.place(row).and_then(|place| match &self.reader {
            // They have no sign, whatever the type says.
            Reader::Words(_, words) => Some(words.get(place)?.cast_unsigned().into()),
            Reader::Longs(_, longs, units) => Some(longs.get(place)?.cast_unsigned() / units),
            Reader::Seconds(_, seconds) => Some(millis(*seconds.get(place)?)),
            _ => None,
        });
        note.extend_from_slice(&number.unwrap_or(0).to_le_bytes());
        number
    }

    /// Likewise of 32 bits, and 0 where there is none.
    pub(super) fn word(&self, row: usize, note: &mut Vec<u8>) -> u32 {
        saturated_u32(self.number(row, note).unwrap_or(0))
    }

    /// The values of a row that are bytes.
    pub(super) fn texts(&self, row: usize) -> impl Iterator<Item = &[u8]> {
        self.places(row).filter_map(|place| match &self.reader {
            Reader::Bytes(_, texts) => texts.get(place).map(ByteArray::data),
            Reader::Fixed(_, texts) => texts.get(place).map(|text| text.data()),
            _ => None,
        })
    }

    /// The bytes of a row, which go to `note`, too.
    pub(super) fn text(&self, row: usize, note: &mut Vec<u8>) -> Option<&[u8]> {
        let bytes = self.texts(row).next();
        note.extend_from_slice(&(bytes.unwrap_or_default().len() as u64).to_le_bytes());
        note.extend_from_slice(bytes.unwrap_or_default());
        bytes
    }

    /// The address of a row, likewise: written as people do, its bytes, or the number of one of
    /// IPv4.
    pub(super) fn address(&self, row: usize, note: &mut Vec<u8>) -> Option<IpAddr> {
        if let Reader::Words(..) = self.reader {
            let number = self.word(row, note);
            return self.place(row).map(|_| Ipv4Addr::from(number).into());
        }
        let bytes = self.text(row, note)?;
        let written = || std::str::from_utf8(bytes).ok()?.parse().ok();
        let is_text = matches!(self.reader, Reader::Bytes(..));
        let address = is_text.then(written).flatten().or_else(|| match bytes.len() {
            4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
            16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
            _ => None,
        });
        address.map(canonical)
    }
}

impl Reader {
    fn clear(&mut self) {
        match self {
            Self::Words(_, values) => values.clear(),
            Self::Longs(_, values, _) => values.clear(),
            Self::Seconds(_, values) => values.clear(),
            Self::Bytes(_, values) => values.clear(),
            Self::Fixed(_, values) => values.clear(),
        }
    }

    /// Reads so many rows at most behind those that are there, and says how many.
    fn read(
        &mut self,
        rows: usize,
        definitions: Option<&mut Vec<i16>>,
        repetitions: Option<&mut Vec<i16>>,
    ) -> Result<usize, ParquetError> {
        let (def, rep) = (definitions, repetitions);
        let (read, _, _) = match self {
            Self::Words(reader, values) => reader.read_records(rows, def, rep, values),
            Self::Longs(reader, values, _) => reader.read_records(rows, def, rep, values),
            Self::Seconds(reader, values) => reader.read_records(rows, def, rep, values),
            Self::Bytes(reader, values) => reader.read_records(rows, def, rep, values),
            Self::Fixed(reader, values) => reader.read_records(rows, def, rep, values),
        }?;
        Ok(read)
    }
}

/// Milliseconds of seconds; 0 of what is no time that a flow can take.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is in range")]
fn millis(seconds: f64) -> u64 {
    let millis = (seconds * 1000.0).round();
    if (0.0..1e15).contains(&millis) { millis as u64 } else { 0 }
}

//! The values of a column, some thousand rows at a time.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use parquet::column::reader::ColumnReaderImpl;
use parquet::data_type::{
    ByteArray, ByteArrayType, FixedLenByteArray, FixedLenByteArrayType, Int32Type, Int64Type,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::RowGroupMetaData;

use super::columns::{At, Kind};
use super::pages::{Limited, Pages};
use crate::flow::{canonical, saturated_u32};

/// Reads a column.
pub(super) struct Values {
    reader: Reader,
    may_be_null: bool,
    /// 1 where a row has a value, in columns of which some may have none.
    levels: Vec<i16>,
    /// The place of each row's value.
    places: Vec<Option<usize>>,
}

enum Reader {
    Words(ColumnReaderImpl<Int32Type>, Vec<i32>),
    /// With how many units are one of ours.
    Longs(ColumnReaderImpl<Int64Type>, Vec<i64>, u64),
    Bytes(ColumnReaderImpl<ByteArrayType>, Vec<ByteArray>),
    Fixed(ColumnReaderImpl<FixedLenByteArrayType>, Vec<FixedLenByteArray>),
}

/// Opens a column of a row group of so many rows.
pub(super) fn open(
    file: &Arc<Limited>,
    group: &RowGroupMetaData,
    at: At,
    rows: usize,
) -> Result<Values, ParquetError> {
    let pages = Box::new(Pages::open(file, group, at.column, rows)?);
    let column = group.schema_descr().column(at.column);
    let reader = match at.kind {
        Kind::Words => Reader::Words(ColumnReaderImpl::new(column, pages), Vec::new()),
        Kind::Longs(units) => {
            Reader::Longs(ColumnReaderImpl::new(column, pages), Vec::new(), units)
        }
        Kind::Bytes => Reader::Bytes(ColumnReaderImpl::new(column, pages), Vec::new()),
        Kind::Fixed => Reader::Fixed(ColumnReaderImpl::new(column, pages), Vec::new()),
    };
    Ok(Values { reader, may_be_null: at.may_be_null, levels: Vec::new(), places: Vec::new() })
}

impl Values {
    /// Reads the next `rows` rows in place of those that were read.
    pub(super) fn read(&mut self, rows: usize) -> Result<(), String> {
        let Self { reader, may_be_null, levels, places } = self;
        levels.clear();
        let mut done = 0;
        reader.clear();
        while done < rows {
            let levels = may_be_null.then_some(&mut *levels);
            let read = reader.read(rows - done, levels).map_err(|error| super::told(&error))?;
            if read == 0 {
                return Err(format!("it ends {} rows too early", rows - done));
            }
            done += read;
        }
        places.clear();
        if *may_be_null {
            let mut next = 0;
            places.extend(levels.iter().map(|&level| {
                let place = (level > 0).then_some(next);
                next += usize::from(level > 0);
                place
            }));
        } else {
            places.extend((0..rows).map(Some));
        }
        Ok(())
    }

    fn place(&self, row: usize) -> Option<usize> {
        self.places.get(row).copied().flatten()
    }

    /// The number of a row, whose bytes go to `note`; 0 where there is none.
    pub(super) fn number(&self, row: usize, note: &mut Vec<u8>) -> u64 {
        let number = self.place(row).and_then(|place| match &self.reader {
            // They have no sign, whatever the type says.
            Reader::Words(_, words) => Some(words.get(place)?.cast_unsigned().into()),
            Reader::Longs(_, longs, units) => Some(longs.get(place)?.cast_unsigned() / units),
            _ => None,
        });
        let number = number.unwrap_or(0);
        note.extend_from_slice(&number.to_le_bytes());
        number
    }

    /// Likewise of 32 bits.
    pub(super) fn word(&self, row: usize, note: &mut Vec<u8>) -> u32 {
        saturated_u32(self.number(row, note))
    }

    /// The bytes of a row, which go to `note`, too.
    pub(super) fn text(&self, row: usize, note: &mut Vec<u8>) -> Option<&[u8]> {
        let bytes = self.place(row).and_then(|place| match &self.reader {
            Reader::Bytes(_, texts) => texts.get(place).map(ByteArray::data),
            Reader::Fixed(_, texts) => texts.get(place).map(|text| text.data()),
            _ => None,
        });
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
            Self::Bytes(_, values) => values.clear(),
            Self::Fixed(_, values) => values.clear(),
        }
    }

    /// Reads so many rows at most behind those that are there, and says how many.
    fn read(&mut self, rows: usize, levels: Option<&mut Vec<i16>>) -> Result<usize, ParquetError> {
        let (read, _, _) = match self {
            Self::Words(reader, values) => reader.read_records(rows, levels, None, values),
            Self::Longs(reader, values, _) => reader.read_records(rows, levels, None, values),
            Self::Bytes(reader, values) => reader.read_records(rows, levels, None, values),
            Self::Fixed(reader, values) => reader.read_records(rows, levels, None, values),
        }?;
        Ok(read)
    }
}

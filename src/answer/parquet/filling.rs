//! A column of a row group while it fills.

use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use parquet::column::writer::{
    ColumnCloseResult, ColumnWriter, get_column_writer, get_typed_column_writer_mut,
};
use parquet::data_type::{
    ByteArray, ByteArrayType, DataType, DoubleType, FixedLenByteArray, FixedLenByteArrayType,
    Int32Type, Int64Type,
};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnDescPtr;

use super::chunk::Chunk;
use super::columns::FileColumn;
use super::elements::entries;
use super::layout::{AddressForm, Layout};
use super::texts::Texts;
use super::values::{fixed, number, push_protocol, shown};
use crate::answer::elements::push_elements;
use crate::answer::text::push_address;
use crate::flow::{
    Addresses, Change, Column, CommunityId, Extras, Family, FlowBatch, Names, TableColumn,
    UnixMillis, Values,
};
use crate::meaning::{Meaning, MeaningError};

/// The encoded pages of a column, and what is to be said of them.
pub(super) type Closed = (Bytes, ColumnCloseResult);

/// A column, and its pages up to now.
pub(super) struct Filling {
    column: FileColumn,
    writer: ColumnWriter<'static>,
    chunk: Chunk,
    interfaces: Option<Arc<Names>>,
    meaning: Option<Arc<Meaning>>,
    /// Names of interfaces that were looked up before.
    looked_up: HashMap<(IpAddr, u32), Option<ByteArray>>,
    /// 1 where a row has a value, 0 where it has none.
    levels: Vec<i16>,
    words: Vec<i32>,
    longs: Vec<i64>,
}

impl Filling {
    pub(super) fn new(
        column: FileColumn,
        descriptor: ColumnDescPtr,
        properties: &Arc<WriterProperties>,
        layout: &Layout,
    ) -> Self {
        let chunk = Chunk::default();
        let pages = Box::new(chunk.clone());
        let writer = get_column_writer(descriptor, Arc::clone(properties), pages);
        Self {
            column,
            writer,
            chunk,
            interfaces: layout.interfaces.clone(),
            meaning: layout.meaning.clone(),
            looked_up: HashMap::new(),
            levels: Vec::new(),
            words: Vec::new(),
            longs: Vec::new(),
        }
    }

    /// Ends the column.
    pub(super) fn close(self) -> Result<Closed, ParquetError> {
        let closed = self.writer.close()?;
        Ok((self.chunk.take()?, closed))
    }

    /// Puts `rows` of `flows`, and says how long the text of their elements was.
    pub(super) fn put(
        &mut self,
        flows: &FlowBatch,
        rows: Range<usize>,
    ) -> Result<usize, ParquetError> {
        self.levels.clear();
        let sources = rows.clone().map(|row| flows.source_of(row));
        match self.column.of {
            TableColumn::Flow(column) => self.put_column(flows, column, rows)?,
            TableColumn::Exporter => self.put_addresses(sources.map(|of| of.exporter))?,
            TableColumn::Engine => self.put_words(sources.map(|of| of.engine))?,
            TableColumn::SamplingMode => {
                self.put_words(sources.map(|of| of.sampling.mode.into()))?;
            }
            TableColumn::SamplingInterval => {
                self.put_words(sources.map(|of| of.sampling.interval))?;
            }
            TableColumn::InputName => {
                self.put_names(sources.map(|of| of.exporter), &flows.input[rows])?;
            }
            TableColumn::OutputName => {
                self.put_names(sources.map(|of| of.exporter), &flows.output[rows])?;
            }
            TableColumn::CommunityId => self.put_community_ids(flows, rows)?,
            TableColumn::Meant(_) => self.put_meant(flows, rows)?,
            TableColumn::Elements => return self.put_elements(&flows.extras, rows),
            TableColumn::ElementNames => {
                return self.put_entries(&flows.extras, rows, |(name, _)| name);
            }
            TableColumn::ElementValues => {
                return self.put_entries(&flows.extras, rows, |(_, value)| value);
            }
        }
        Ok(0)
    }

    /// Puts a column of `flows`.
    fn put_column(
        &mut self,
        flows: &FlowBatch,
        column: Column,
        rows: Range<usize>,
    ) -> Result<(), ParquetError> {
        let values = flows.values(column);
        if self.column.family.is_some_and(|family| family != flows.family()) {
            self.levels.resize(rows.len(), 0);
            return self.put_none();
        }
        if let Values::Addresses(addresses) = values {
            return self.put_addresses(rows.map(|row| Addresses::get(addresses, row)));
        }
        if self.column.family.is_some() {
            self.levels.resize(rows.len(), 1);
        }
        match (values, self.column.change) {
            (Values::U8(values), Change::Name) => self.put_protocols(&values[rows]),
            (Values::U32(values), Change::Nanoseconds) => {
                self.put_longs(values[rows].iter().map(|&ms| u64::from(ms) * 1_000_000))
            }
            (Values::U32(values), Change::Seconds) => {
                let seconds: Vec<f64> =
                    values[rows].iter().map(|&ms| f64::from(ms) / 1000.0).collect();
                self.write::<DoubleType>(&seconds)
            }
            (Values::U8(values), _) => self.put_words(values[rows].iter().map(|&v| v.into())),
            (Values::U16(values), _) => self.put_words(values[rows].iter().map(|&v| v.into())),
            (Values::U32(values), _) => self.put_words(values[rows].iter().copied()),
            (Values::U64(values), _) if column == Column::First => {
                self.put_longs(values[rows].iter().map(|&first| shown(first)))
            }
            (Values::U64(values), _) => self.put_longs(values[rows].iter().copied()),
            (Values::Addresses(_) | Values::Extras(_), _) => Ok(()),
        }
    }

    /// Writes `values`, those that the rows have which have any.
    fn write<T: DataType>(&mut self, values: &[T::T]) -> Result<(), ParquetError> {
        let levels = self.column.is_optional().then_some(&self.levels[..]);
        get_typed_column_writer_mut::<T>(&mut self.writer).write_batch(values, levels, None)?;
        Ok(())
    }

    /// Rows of which none has a value.
    fn put_none(&mut self) -> Result<(), ParquetError> {
        match &self.writer {
            ColumnWriter::Int32ColumnWriter(_) => self.write::<Int32Type>(&[]),
            ColumnWriter::FixedLenByteArrayColumnWriter(_) => {
                self.write::<FixedLenByteArrayType>(&[])
            }
            _ => self.write::<ByteArrayType>(&[]),
        }
    }

    fn put_words(&mut self, values: impl Iterator<Item = u32>) -> Result<(), ParquetError> {
        let mut words = std::mem::take(&mut self.words);
        words.clear();
        words.extend(values.map(u32::cast_signed));
        let written = self.write::<Int32Type>(&words);
        self.words = words;
        written
    }

    fn put_longs(&mut self, values: impl Iterator<Item = u64>) -> Result<(), ParquetError> {
        let mut longs = std::mem::take(&mut self.longs);
        longs.clear();
        longs.extend(values.map(u64::cast_signed));
        let written = self.write::<Int64Type>(&longs);
        self.longs = longs;
        written
    }

    fn put_addresses(
        &mut self,
        addresses: impl Iterator<Item = IpAddr>,
    ) -> Result<(), ParquetError> {
        let family = self.column.family;
        let levels = &mut self.levels;
        let addresses = addresses.filter(move |&address| {
            let has = family.is_none_or(|family| family == Family::of(address));
            if family.is_some() {
                levels.push(has.into());
            }
            has
        });
        let form = self.column.addresses;
        if self.column.is_number() {
            let numbers: Vec<i32> = addresses.map(|of| number(of).cast_signed()).collect();
            return self.write::<Int32Type>(&numbers);
        }
        let mut texts = Texts::default();
        let mut before = None;
        for address in addresses {
            // Sources come one behind the other, and exporters are few.
            if before == Some(address) {
                texts.push_again();
                continue;
            }
            before = Some(address);
            texts.push(|to| match form {
                AddressForm::Text => push_address(to, address),
                AddressForm::Number | AddressForm::Fixed => to.extend_from_slice(&fixed(address)),
            });
        }
        let texts = texts.values();
        if form == AddressForm::Text {
            return self.write::<ByteArrayType>(&texts);
        }
        let texts: Vec<FixedLenByteArray> = texts.into_iter().map(Into::into).collect();
        self.write::<FixedLenByteArrayType>(&texts)
    }

    fn put_protocols(&mut self, numbers: &[u8]) -> Result<(), ParquetError> {
        let mut texts = Texts::default();
        for &number in numbers {
            texts.push(|to| push_protocol(to, number));
        }
        self.write::<ByteArrayType>(&texts.values())
    }

    fn put_community_ids(
        &mut self,
        flows: &FlowBatch,
        rows: Range<usize>,
    ) -> Result<(), ParquetError> {
        let mut texts = Texts::default();
        for row in rows {
            texts.push(|to| CommunityId::of(&flows.record(row)).push(to));
        }
        self.write::<ByteArrayType>(&texts.values())
    }

    fn put_names(
        &mut self,
        exporters: impl Iterator<Item = IpAddr>,
        interfaces: &[u32],
    ) -> Result<(), ParquetError> {
        let Some(names) = self.interfaces.clone() else { return Ok(()) };
        let mut texts: Vec<ByteArray> = Vec::new();
        for (exporter, &interface) in exporters.zip(interfaces) {
            let key = (exporter, interface);
            let text = self.looked_up.entry(key).or_insert_with(|| {
                names.interfaces.get(&key).map(|name| ByteArray::from(name.as_str()))
            });
            self.levels.push(text.is_some().into());
            texts.extend(text.clone());
        }
        self.write::<ByteArrayType>(&texts)
    }

    /// Puts what the addresses of an end are called.
    fn put_meant(&mut self, flows: &FlowBatch, rows: Range<usize>) -> Result<(), ParquetError> {
        let of = |error: MeaningError| ParquetError::External(Box::new(error));
        let (Some(meaning), Some((attribute, is_dst))) = (&self.meaning, self.column.end()) else {
            return Ok(());
        };
        let mut ends = meaning.ends(&[attribute], false).map_err(of)?;
        let mut texts = Texts::default();
        for row in rows {
            let address = if is_dst { flows.dst.get(row) } else { flows.src.get(row) };
            let text = ends.of(attribute, address, UnixMillis(flows.first_ms[row]));
            self.levels.push(i16::from(!text.is_empty()));
            if !text.is_empty() {
                texts.push(|to| to.extend_from_slice(text.as_bytes()));
            }
        }
        if let Some(error) = ends.fault() {
            return Err(of(error));
        }
        self.write::<ByteArrayType>(&texts.values())
    }

    fn put_elements(&mut self, extras: &Extras, rows: Range<usize>) -> Result<usize, ParquetError> {
        let mut texts = Texts::default();
        for row in rows {
            let bytes = extras.get(row);
            self.levels.push(i16::from(!bytes.is_empty()));
            if !bytes.is_empty() {
                texts.push(|to| push_elements(to, bytes));
            }
        }
        let bytes = texts.len();
        self.write::<ByteArrayType>(&texts.values())?;
        Ok(bytes)
    }

    /// Puts keys or values of the maps of elements.
    fn put_entries(
        &mut self,
        extras: &Extras,
        rows: Range<usize>,
        part: impl Fn((String, String)) -> String,
    ) -> Result<usize, ParquetError> {
        // Of a row without a map both levels are 0; of each further entry of one, the second is 1.
        let (mut values, mut repeats, mut bytes) = (Vec::new(), Vec::new(), 0);
        for row in rows {
            let mut entries = entries(extras.get(row)).into_iter();
            self.levels.push(if entries.len() == 0 { 0 } else { 2 });
            repeats.push(0);
            values.extend(entries.next().map(&part));
            for entry in entries {
                self.levels.push(2);
                repeats.push(1);
                values.push(part(entry));
            }
        }
        let values: Vec<ByteArray> = values
            .into_iter()
            .map(|value| {
                bytes += value.len();
                ByteArray::from(value.into_bytes())
            })
            .collect();
        let levels = Some(&self.levels[..]);
        get_typed_column_writer_mut::<ByteArrayType>(&mut self.writer).write_batch(
            &values,
            levels,
            Some(&repeats),
        )?;
        Ok(bytes)
    }
}

//! Keys packed into as few 64-bit words as they fit: the fields one behind the other, as bits.
//!
//! The first bit of the first field is the highest of the first word, so that packed keys compare
//! as their values do, field by field.

use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use ipnet::IpNet;
use jiff::tz::TimeZone;

use super::bins::Bins;
use super::field::{End, KeyField, KeyValue, Prefix};
use super::piece::{Piece, Place, Put, Side, Which};
use crate::flow::{Column, Columns, Family, FlowBatch, Protocol, UnixMillis, address_bits};
use crate::store::Rows;

/// Keys may be so many words long.
pub(super) const MAX_WORDS: usize = 16;

/// How the keys of the flows of one family are packed.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) fields: Vec<KeyField>,
    pub(super) family: Family,
    /// The stretches of time that keys are of, if they are.
    bins: Option<Arc<Bins>>,
    /// What is read of a flow, with its place.
    pieces: Vec<(Piece, Place)>,
    bits: u32,
}

impl Layout {
    /// How keys of `fields` of flows of `family` are packed, on the clocks of `zone`.
    pub(super) fn new(fields: &[KeyField], zone: &TimeZone, family: Family) -> Self {
        let fields = fields.to_vec();
        let mut layout = Self { fields, family, bins: None, pieces: Vec::new(), bits: 0 };
        for field in &layout.fields {
            let pieces = if let KeyField::Bin(span_ms) = field {
                let bins = layout.bins.insert(Arc::new(Bins::new(*span_ms, zone)));
                vec![(Piece::Bin(Arc::clone(bins)), bins.bits())]
            } else {
                pieces(field, family)
            };
            for (piece, bits) in pieces.into_iter().filter(|(_, bits)| *bits > 0) {
                layout.pieces.push((piece, Place { at: layout.bits, bits }));
                layout.bits += bits;
            }
        }
        layout
    }

    /// How many bits of these a key has.
    pub(super) fn bits(&self) -> u32 {
        self.bits
    }

    /// How many words a key takes.
    pub(super) fn words(&self) -> usize {
        self.bits.div_ceil(64) as usize
    }

    /// The columns that keys of these ends are made from.
    pub(super) fn columns(&self, sides: &[Side]) -> Columns {
        self.columns_of(sides, |_| true)
    }

    /// What rows may stand for where keys are of these ends.
    pub(super) fn rows(&self, sides: &[Side]) -> Rows {
        let is_timed =
            |field: &KeyField| matches!(field, KeyField::Meant(_, table) if table.is_timed());
        if self.fields.iter().any(is_timed) {
            // The flows of a row of sums may have begun under several names.
            return Rows::Flows;
        }
        Rows::Sums {
            by: self.columns_of(sides, |field| !matches!(field, KeyField::Bin(_))),
            within_ms: self.bins.as_ref().map_or(0, |bins| bins.within_ms()),
        }
    }

    fn columns_of(&self, sides: &[Side], is_meant: fn(&KeyField) -> bool) -> Columns {
        let fields = self.fields.iter().filter(|field| is_meant(field));
        let ends = fields.flat_map(|field| sides.iter().map(move |&side| at(field, side)));
        ends.fold(Columns::NONE, |columns, field| columns | field.columns())
    }

    /// The ends that a flow counts for: both where a field is of any end.
    pub(super) fn sides(&self) -> &'static [Side] {
        let any = self.fields.iter().any(|field| field.end() == Some(End::Any));
        if any { &Side::BOTH } else { &Side::BOTH[..1] }
    }

    /// Makes `keys` the keys of `rows` of `flows`, for one of their sides.
    pub(super) fn pack<const W: usize>(
        &self,
        flows: &FlowBatch,
        rows: &Range<usize>,
        side: Side,
        keys: &mut Vec<[u64; W]>,
    ) {
        keys.clear();
        keys.resize(rows.len(), [0; W]);
        for (piece, place) in &self.pieces {
            piece.read(flows, rows.clone(), side, &mut Put { keys, place: *place });
        }
    }

    /// The key that is unpacked as `values`, a value for each field; none where they are of the other
    /// family.
    pub(super) fn pack_values<const W: usize>(&self, values: &[KeyValue]) -> Option<[u64; W]> {
        let mut writer = Writer { key: [0; W], at: 0 };
        for (field, value) in self.fields.iter().zip(values) {
            writer.value(field, value, self)?;
        }
        Some(writer.key)
    }

    /// The values that `key` was packed from.
    pub(super) fn unpack(&self, key: &[u64]) -> Vec<KeyValue> {
        let mut reader = Reader { key, at: 0 };
        self.fields.iter().map(|field| reader.value(field, self)).collect()
    }
}

/// `field` as it is of one end, where it is of any.
pub(super) fn at(field: &KeyField, side: Side) -> KeyField {
    let end = if side == Side::Src { End::Src } else { End::Dst };
    match field {
        KeyField::Address(End::Any, prefix) => KeyField::Address(end, *prefix),
        KeyField::Route(End::Any) => KeyField::Route(end),
        KeyField::OfEither(column) if side == Side::Src => KeyField::Number(*column),
        KeyField::OfEither(column) => KeyField::Number(column.other_end()),
        KeyField::EitherElement(src, dst) => {
            KeyField::Element(if side == Side::Src { *src } else { *dst })
        }
        KeyField::Meant(End::Any, table) => KeyField::Meant(end, Arc::clone(table)),
        KeyField::AsNumber(End::Any, asns) => KeyField::AsNumber(end, Arc::clone(asns)),
        field => field.clone(),
    }
}

/// What a field is made of, with the bits of each.
fn pieces(field: &KeyField, family: Family) -> Vec<(Piece, u32)> {
    let whole = length(Prefix::WHOLE, family);
    let address = |which: Which, bits: u32| {
        // The leading 64 bits of an address, and what is behind them.
        let (high, low) = (bits.min(64), bits.saturating_sub(64));
        [
            (Piece::Address { which, shift: whole - high }, high),
            (Piece::Address { which, shift: whole - high - low }, low),
        ]
    };
    match *field {
        KeyField::Address(end, prefix) => address(Which::Of(end), length(prefix, family)).to_vec(),
        KeyField::Route(end) => {
            let mask = match end {
                End::Src => Piece::Number(Column::SrcMask),
                End::Dst => Piece::Number(Column::DstMask),
                End::Any => Piece::OfEither(Column::SrcMask),
            };
            [&address(Which::Route(end), whole)[..], &[(mask, bits_of(Column::SrcMask))]].concat()
        }
        KeyField::Pair => [address(Which::Lesser, whole), address(Which::Greater, whole)].concat(),
        KeyField::NextHop => address(Which::NextHop, whole).to_vec(),
        KeyField::Number(column) => vec![(Piece::Number(column), bits_of(column))],
        KeyField::OfEither(column) => vec![(Piece::OfEither(column), bits_of(column))],
        KeyField::Exporter => vec![
            (Piece::ExporterIsV6, 1),
            (Piece::Exporter { shift: 64 }, 64),
            (Piece::Exporter { shift: 0 }, 64),
        ],
        // What it is made of depends on the zone.
        KeyField::Bin(_) => Vec::new(),
        KeyField::Event(kind) => vec![(Piece::Event(kind), EVENT_BITS)],
        KeyField::Element(key) => vec![(Piece::Element([key, key]), key.bits())],
        // Both ends tell the same, so both are as long.
        KeyField::EitherElement(src, dst) => vec![(Piece::Element([src, dst]), src.bits())],
        KeyField::AsNumber(end, ref asns) => {
            vec![(Piece::AsNumber(end, Arc::clone(asns)), bits_of(Column::SrcAs))]
        }
        KeyField::Meant(end, ref table) => {
            vec![(Piece::Meant(end, Arc::clone(table)), LABEL_BITS)]
        }
    }
}

/// The bits of an event's number, and of there being none.
const EVENT_BITS: u32 = 17;

/// The bits of what an address is called.
const LABEL_BITS: u32 = 32;

/// The bits of the numbers of `column`.
fn bits_of(column: Column) -> u32 {
    column.kind().number_bytes().map_or(0, |bytes| 8 * bytes as u32)
}

/// How many words a key of `fields` takes at most.
pub(super) fn most_words(fields: &[KeyField]) -> usize {
    Layout::new(fields, &TimeZone::UTC, Family::V6).words()
}

fn length(prefix: Prefix, family: Family) -> u32 {
    match family {
        Family::V4 => prefix.v4.into(),
        Family::V6 => prefix.v6.into(),
    }
}

/// Reads a key from its first bit on.
struct Reader<'a> {
    key: &'a [u64],
    at: u32,
}

impl Reader<'_> {
    fn value(&mut self, field: &KeyField, layout: &Layout) -> KeyValue {
        let family = layout.family;
        let whole = length(Prefix::WHOLE, family);
        match *field {
            KeyField::Address(_, Prefix::WHOLE) | KeyField::NextHop => {
                KeyValue::Address(self.address(whole, family))
            }
            KeyField::Address(_, prefix) => {
                let length = length(prefix, family);
                let address = self.address(length, family);
                if length == whole {
                    return KeyValue::Address(address);
                }
                net(address, length as u8)
            }
            KeyField::Route(_) => {
                let address = self.address(whole, family);
                let length = self.bits(8) as u8;
                net(address, length.min(whole as u8))
            }
            KeyField::Pair => {
                KeyValue::Pair(self.address(whole, family), self.address(whole, family))
            }
            KeyField::Number(column) | KeyField::OfEither(column) => {
                let number = self.bits(bits_of(column)) as u64;
                match column {
                    Column::Protocol => KeyValue::Protocol(Protocol(number as u8)),
                    Column::TcpFlags => KeyValue::TcpFlags(number as u8),
                    _ => KeyValue::Number(number),
                }
            }
            KeyField::Exporter => {
                let family = if self.bits(1) == 1 { Family::V6 } else { Family::V4 };
                KeyValue::Address(family.address(self.bits(128)))
            }
            KeyField::Bin(_) => KeyValue::Time(
                layout
                    .bins
                    .as_ref()
                    .map_or(UnixMillis(0), |bins| bins.start(self.bits(bins.bits()) as u64)),
            ),
            KeyField::Element(key) | KeyField::EitherElement(key, _) => {
                let value = key.unpack(|bits| self.bits(bits) as u64);
                KeyValue::Element(key.kind, value.map(Box::new))
            }
            KeyField::Event(kind) => {
                let number = self.bits(EVENT_BITS).checked_sub(1);
                KeyValue::Event(kind, number.map(|number| number as u16))
            }
            KeyField::AsNumber(..) => KeyValue::Number(self.bits(bits_of(Column::SrcAs)) as u64),
            KeyField::Meant(_, ref table) => {
                KeyValue::Label(table.text(self.bits(LABEL_BITS) as u32))
            }
        }
    }

    /// The address whose first `length` bits are next.
    fn address(&mut self, length: u32, family: Family) -> IpAddr {
        let whole = self::length(Prefix::WHOLE, family);
        let leading = self.bits(length);
        family.address(leading.checked_shl(whole - length).unwrap_or(0))
    }

    /// The next `bits` bits.
    fn bits(&mut self, bits: u32) -> u128 {
        let mut value = 0;
        for at in self.at..self.at + bits {
            let bit = self.key[(at / 64) as usize] >> (63 - at % 64) & 1;
            value = value << 1 | u128::from(bit);
        }
        self.at += bits;
        value
    }
}

/// Writes a key from its first bit on.
struct Writer<const W: usize> {
    key: [u64; W],
    at: u32,
}

impl<const W: usize> Writer<W> {
    /// Writes the value of a field as [`Reader::value`] reads it.
    fn value(&mut self, field: &KeyField, value: &KeyValue, layout: &Layout) -> Option<()> {
        let family = layout.family;
        let whole = length(Prefix::WHOLE, family);
        let of_family = |address| (Family::of(address) == family).then(|| address_bits(address));
        match (field.clone(), value.clone()) {
            (KeyField::Meant(_, table), KeyValue::Label(text)) => {
                self.bits(table.label(&text)?.into(), LABEL_BITS);
            }
            (KeyField::AsNumber(..), KeyValue::Number(number)) => {
                self.bits(number.into(), bits_of(Column::SrcAs));
            }
            (KeyField::Route(_), KeyValue::Net(net)) => {
                self.bits(of_family(net.network())?, whole);
                self.bits(net.prefix_len().into(), 8);
            }
            (KeyField::Exporter, KeyValue::Address(exporter)) => {
                self.bits(exporter.is_ipv6().into(), 1);
                self.bits(address_bits(exporter), 128);
            }
            (KeyField::Address(_, prefix), KeyValue::Net(net)) => {
                let length = length(prefix, family);
                let leading = of_family(net.network())?.checked_shr(whole - length);
                self.bits(leading.unwrap_or(0), length);
            }
            (_, KeyValue::Address(address)) => self.bits(of_family(address)?, whole),
            (_, KeyValue::Pair(lesser, greater)) => {
                self.bits(of_family(lesser)?, whole);
                self.bits(of_family(greater)?, whole);
            }
            (KeyField::Number(column) | KeyField::OfEither(column), value) => {
                let number = match value {
                    KeyValue::Number(number) => number,
                    KeyValue::Protocol(Protocol(number)) | KeyValue::TcpFlags(number) => {
                        number.into()
                    }
                    _ => return None,
                };
                self.bits(number.into(), bits_of(column));
            }
            (KeyField::Bin(_), KeyValue::Time(start)) => {
                let bins = layout.bins.as_ref()?;
                self.bits(bins.number(start.0).into(), bins.bits());
            }
            (
                KeyField::Element(key) | KeyField::EitherElement(key, _),
                KeyValue::Element(_, value),
            ) => key.pack(value.as_deref().copied(), |number, bits| self.bits(number.into(), bits)),
            (_, KeyValue::Event(_, number)) => {
                self.bits(number.map_or(0, |number| u128::from(number) + 1), EVENT_BITS);
            }
            _ => return None,
        }
        Some(())
    }

    /// Writes the last `bits` bits of `value`.
    fn bits(&mut self, value: u128, bits: u32) {
        for bit in (0..bits).rev() {
            self.key[(self.at / 64) as usize] |= ((value >> bit & 1) as u64) << (63 - self.at % 64);
            self.at += 1;
        }
    }
}

fn net(address: IpAddr, length: u8) -> KeyValue {
    // A length beyond the family's was cut before.
    IpNet::new(address, length).map_or(KeyValue::Address(address), KeyValue::Net)
}

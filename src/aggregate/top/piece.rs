//! What keys read of flows: columns, or parts of them, as numbers of up to 64 bits.

use std::iter::repeat_n;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use super::bins::Bins;
use super::element::ElementKey;
use super::field::End;
use crate::flow::{
    Addresses, Column, ElementId, EventKind, FlowBatch, Values, address_bits, extra_value, unsigned,
};
use crate::meaning::{Asns, Table};

/// The end of a flow that a field of any end is read at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::aggregate) enum Side {
    Src,
    Dst,
}

impl Side {
    pub(in crate::aggregate) const BOTH: [Self; 2] = [Self::Src, Self::Dst];
}

/// Which address.
#[derive(Debug, Clone, Copy)]
pub(super) enum Which {
    Of(End),
    /// The one of that end, without the bits behind the mask of its route.
    Route(End),
    Lesser,
    Greater,
    NextHop,
}

/// A number of a flow.
#[derive(Debug, Clone)]
pub(super) enum Piece {
    /// An address without its last `shift` bits.
    Address {
        which: Which,
        shift: u32,
    },
    /// The number of a column.
    Number(Column),
    /// Likewise, or of the one of the other end.
    OfEither(Column),
    ExporterIsV6,
    Exporter {
        shift: u32,
    },
    Bin(Arc<Bins>),
    /// What an element tells, of either end; as many bits as it needs.
    Element([ElementKey; 2]),
    /// One more than the number of the event; 0 where there is none.
    Event(EventKind),
    /// What the address of an end is called.
    Meant(End, Arc<Table>),
    /// The autonomous system of an end.
    AsNumber(End, Arc<Asns>),
}

impl Piece {
    /// Puts it into the keys of `rows` of `flows`; any end is the one of `side`.
    pub(super) fn read<const W: usize>(
        &self,
        flows: &FlowBatch,
        rows: Range<usize>,
        side: Side,
        to: &mut Put<'_, W>,
    ) {
        match *self {
            Self::Address { which, shift } => read_address(which, shift, flows, rows, side, to),
            Self::Number(column) => read_numbers(column, flows, rows, to),
            Self::OfEither(column) => {
                let column = if side == Side::Src { column } else { column.other_end() };
                read_numbers(column, flows, rows, to);
            }
            Self::Bin(ref bins) => {
                to.put(flows.first_ms[rows].iter().map(|&first| bins.number(first)));
            }
            Self::Element([src, dst]) => {
                let key = if side == Side::Src { src } else { dst };
                read_element(&key, flows, rows, to);
            }
            Self::Event(kind) => {
                let element = ElementId::iana(kind.element());
                to.put(rows.map(|row| {
                    let value = extra_value(flows.extras.get(row), element).map(unsigned);
                    value.map_or(0, |number| number.min(u16::MAX.into()) + 1)
                }));
            }
            Self::Meant(end, ref table) => {
                let addresses = of(end, side, &flows.src, &flows.dst);
                let mut labels = Vec::with_capacity(rows.len());
                table.each_label(addresses, &flows.first_ms, rows, |label| labels.push(label));
                to.put(labels.into_iter().map(u64::from));
            }
            Self::AsNumber(end, ref asns) => {
                let addresses = of(end, side, &flows.src, &flows.dst);
                let told = of(end, side, &flows.src_as, &flows.dst_as);
                let mut numbers = Vec::with_capacity(rows.len());
                asns.each(addresses, told, rows, |number| numbers.push(number));
                to.put(numbers.into_iter().map(u64::from));
            }
            Self::ExporterIsV6 => {
                to.put(exporters(flows, rows).map(|exporter| exporter.is_ipv6().into()));
            }
            Self::Exporter { shift } => to.put(
                exporters(flows, rows).map(|exporter| (address_bits(exporter) >> shift) as u64),
            ),
        }
    }
}

/// Bits of a key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// How many bits are before them.
    pub(super) at: u32,
    /// How many they are: at most 64.
    pub(super) bits: u32,
}

/// Where the values of a piece go.
pub(super) struct Put<'a, const W: usize> {
    pub(super) keys: &'a mut [[u64; W]],
    pub(super) place: Place,
}

impl<const W: usize> Put<'_, W> {
    /// Puts a value into each key.
    #[inline]
    pub(super) fn put(&mut self, values: impl Iterator<Item = u64>) {
        let Place { at, bits } = self.place;
        let (word, end) = ((at / 64) as usize, at % 64 + bits);
        let mask = u64::MAX >> (64 - bits);
        let keys = self.keys.iter_mut().zip(values);
        if end <= 64 {
            keys.for_each(|(key, value)| key[word] |= (value & mask) << (64 - end));
        } else {
            keys.for_each(|(key, value)| {
                key[word] |= (value & mask) >> (end - 64);
                key[word + 1] |= value << (128 - end);
            });
        }
    }
}

fn read_element<const W: usize>(
    key: &ElementKey,
    flows: &FlowBatch,
    rows: Range<usize>,
    to: &mut Put<'_, W>,
) {
    let start = to.place.at;
    for (row, packed) in rows.zip(to.keys.iter_mut()) {
        let mut at = start;
        key.pack(key.value(flows.extras.get(row)), |number, bits| {
            let keys = std::slice::from_mut(packed);
            Put { keys, place: Place { at, bits } }.put(std::iter::once(number));
            at += bits;
        });
    }
}

fn read_numbers<const W: usize>(
    column: Column,
    flows: &FlowBatch,
    rows: Range<usize>,
    to: &mut Put<'_, W>,
) {
    match flows.values(column) {
        Values::U8(numbers) => to.put(numbers[rows].iter().map(|&number| number.into())),
        Values::U16(numbers) => to.put(numbers[rows].iter().map(|&number| number.into())),
        Values::U32(numbers) => to.put(numbers[rows].iter().map(|&number| number.into())),
        Values::U64(numbers) => to.put(numbers[rows].iter().copied()),
        Values::Addresses(_) | Values::Extras(_) => {}
    }
}

/// The column of an end.
fn of<'a, T>(end: End, side: Side, src: &'a T, dst: &'a T) -> &'a T {
    match (end, side) {
        (End::Src, _) | (End::Any, Side::Src) => src,
        (End::Dst, _) | (End::Any, Side::Dst) => dst,
    }
}

/// Who exported each flow; an unknown one is 0.0.0.0, as in a record.
fn exporters(flows: &FlowBatch, rows: Range<usize>) -> impl Iterator<Item = IpAddr> + '_ {
    const UNKNOWN: IpAddr = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
    flows.source[rows]
        .iter()
        .map(|&source| flows.sources.get(source as usize).map_or(UNKNOWN, |source| source.exporter))
}

fn read_address<const W: usize>(
    which: Which,
    shift: u32,
    flows: &FlowBatch,
    rows: Range<usize>,
    side: Side,
    to: &mut Put<'_, W>,
) {
    let one = match which {
        Which::Of(end) | Which::Route(end) => of(end, side, &flows.src, &flows.dst),
        Which::Lesser | Which::Greater => &flows.src,
        Which::NextHop => &flows.next_hop,
    };
    match (one, &flows.dst) {
        (Addresses::V4(one), Addresses::V4(other)) => match which {
            Which::Lesser => to.put(both(one, other, rows).map(|(a, b)| a.min(b).into())),
            Which::Greater => to.put(both(one, other, rows).map(|(a, b)| a.max(b).into())),
            Which::Route(end) => {
                let masks = &of(end, side, &flows.src_mask, &flows.dst_mask)[rows.clone()];
                to.put(one[rows].iter().zip(masks).map(|(&address, &mask)| {
                    let behind = u32::MAX.checked_shr(mask.into()).unwrap_or(0);
                    u64::from(address & !behind)
                }));
            }
            // Shifted by 32 where a network has no length, and then there are no bits to it.
            _ => to.put(one[rows].iter().map(|&address| u64::from(address) >> shift)),
        },
        (Addresses::V6(one), Addresses::V6(other)) => {
            let cut = |address: u128| (address >> shift) as u64;
            match which {
                Which::Lesser => to.put(both(one, other, rows).map(|(a, b)| cut(a.min(b)))),
                Which::Greater => to.put(both(one, other, rows).map(|(a, b)| cut(a.max(b)))),
                Which::Route(end) => {
                    let masks = &of(end, side, &flows.src_mask, &flows.dst_mask)[rows.clone()];
                    to.put(one[rows].iter().zip(masks).map(|(&address, &mask)| {
                        let behind = u128::MAX.checked_shr(mask.into()).unwrap_or(0);
                        cut(address & !behind)
                    }));
                }
                _ => to.put(one[rows].iter().map(|&address| cut(address))),
            }
        }
        // A batch has one family.
        _ => to.put(repeat_n(0, rows.len())),
    }
}

fn both<'a, T: Copy>(a: &'a [T], b: &'a [T], rows: Range<usize>) -> impl Iterator<Item = (T, T)> {
    a[rows.clone()].iter().copied().zip(b[rows].iter().copied())
}

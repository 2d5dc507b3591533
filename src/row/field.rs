//! What of a flow can be tested: its addresses, and its numbers.

use std::net::IpAddr;

use super::{AddressSet, RangeSet};
use crate::flow::{
    Addresses, Column, Columns, ElementId, Extra, Family, FlowBatch, Protocol, Source, Told,
    Values, each_lead, extras, rate, unsigned,
};

/// Numbers of a field.
pub type NumberSet = RangeSet<u64>;

/// An address of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AddressField {
    /// Who sent it.
    Src,
    /// Who received it.
    Dst,
    /// The next hop.
    NextHop,
    /// Who exported it.
    Exporter,
    /// Any of those behind a NAT.
    Nat,
    /// One that only some exporters send; flows without it have none.
    Element(ElementId),
}

impl AddressField {
    /// The field that IANA's element `number` becomes, or means; None for one that is kept as it
    /// is.
    pub fn of_element(number: u16) -> Option<Self> {
        if let 130 | 131 = number {
            return Some(Self::Exporter);
        }
        match Told::of_element(number)?.0 {
            Told::Column(Column::Src) => Some(Self::Src),
            Told::Column(Column::Dst) => Some(Self::Dst),
            Told::Column(Column::NextHop) => Some(Self::NextHop),
            _ => None,
        }
    }

    /// The columns that it is read from.
    pub fn columns(self) -> Columns {
        Columns::of(match self {
            Self::Src => &[Column::Src],
            Self::Dst => &[Column::Dst],
            Self::NextHop => &[Column::NextHop],
            Self::Exporter => &[Column::Source],
            Self::Nat | Self::Element(_) => &[Column::Extras],
        })
    }

    /// Whether the address of each row of `batch` is in `set`.
    pub(super) fn test(self, batch: &FlowBatch, set: &AddressSet) -> Vec<bool> {
        match self {
            Self::Src => set.test(&batch.src),
            Self::Dst => set.test(&batch.dst),
            // Flows of IPv6 may have next hops of IPv4, in the form of IPv6.
            Self::NextHop => match &batch.next_hop {
                Addresses::V6(hops) if !set.lacks(Family::V4) => {
                    hops.iter().map(|&hop| set.has(Family::V6.address(hop))).collect()
                }
                hops => set.test(hops),
            },
            Self::Exporter => by_source(batch, |source| set.has(source.exporter)),
            Self::Nat => by_nat(batch, set),
            Self::Element(element) => {
                by_element(batch, element, |value| address(value).is_some_and(|it| set.has(it)))
            }
        }
    }
}

/// A number of a flow. A field that a flow does not have passes no test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NumberField {
    /// The one of a column; of TCP flags only that of TCP, which has them.
    Column(Column),
    /// TCP flags, also where another protocol's flows have them.
    AnyFlags,
    /// When the last packet was seen, in ms since 1970.
    Last,
    /// Packets a second, rounded down; 0 of a flow that took no time.
    PacketsPerSecond,
    /// Bits a second, likewise.
    BitsPerSecond,
    /// Bytes a packet, rounded down; 0 of a flow without packets.
    BytesPerPacket,
    /// Type of ICMP; only ICMP has one.
    IcmpType,
    /// Code of ICMP; only ICMP has one.
    IcmpCode,
    /// NetFlow v5: engine type × 256 + engine id; v9: source id; IPFIX: observation domain.
    Engine,
    /// The upper byte of v5's engine.
    EngineType,
    /// The lower byte of v5's engine.
    EngineId,
    /// One packet of how many was seen; 0 where the exporter says nothing.
    Sampling,
    /// One that only some exporters send, of up to 8 bytes.
    Element(ElementId),
}

/// What is asked of a number.
#[derive(Debug, Clone, Copy)]
pub(super) enum Test<'a> {
    /// It is one of these.
    In(&'a NumberSet),
    /// It has all of these bits.
    Has(u64),
}

impl Test<'_> {
    fn passes(self, number: u64) -> bool {
        match self {
            Self::In(set) => set.contains(number),
            Self::Has(bits) => number & bits == bits,
        }
    }

    /// Which of `numbers` pass.
    fn each(self, numbers: impl Iterator<Item = u64>) -> Vec<bool> {
        match self {
            Self::In(set) => set.test(numbers),
            Self::Has(bits) => numbers.map(|number| number & bits == bits).collect(),
        }
    }

    /// Which of a column of numbers pass.
    fn column<T: Copy + Into<u64>>(self, numbers: &[T]) -> Vec<bool> {
        self.each(numbers.iter().map(|&number| number.into()))
    }
}

impl NumberField {
    /// The field that IANA's element `number` becomes, or means; None for one that is kept as it
    /// is. Type and code of ICMP in one are the destination port, of ICMP alone.
    pub fn of_element(number: u16) -> Option<Self> {
        if number == 149 {
            return Some(Self::Engine);
        }
        Some(match Told::of_element(number)?.0 {
            Told::Column(column) => {
                column.kind().number_bytes()?;
                Self::Column(column)
            }
            Told::Last => Self::Last,
            Told::Observed => Self::Column(Column::First),
            Told::Icmp => Self::Column(Column::DstPort),
            Told::IcmpType => Self::IcmpType,
            Told::IcmpCode => Self::IcmpCode,
            Told::SamplingInterval => Self::Sampling,
        })
    }

    /// The columns that it is read from.
    pub fn columns(self) -> Columns {
        Columns::of(match self {
            Self::Column(Column::TcpFlags) => &[Column::Protocol, Column::TcpFlags],
            Self::Column(column) => return Columns::of(&[column]),
            Self::AnyFlags => &[Column::TcpFlags],
            Self::Last => &[Column::First, Column::Duration],
            Self::PacketsPerSecond => &[Column::Packets, Column::Duration],
            Self::BitsPerSecond => &[Column::Octets, Column::Duration],
            Self::BytesPerPacket => &[Column::Octets, Column::Packets],
            Self::IcmpType | Self::IcmpCode => &[Column::Protocol, Column::DstPort],
            Self::Engine | Self::EngineType | Self::EngineId | Self::Sampling => &[Column::Source],
            Self::Element(_) => &[Column::Extras],
        })
    }

    /// Whether the number of each row of `batch` passes `test`.
    pub(super) fn test(self, batch: &FlowBatch, test: Test<'_>) -> Vec<bool> {
        match self {
            Self::Column(Column::TcpFlags) => {
                let is_tcp = |protocol| protocol == Protocol::TCP;
                and_protocol(test.column(&batch.tcp_flags), &batch.protocol, is_tcp)
            }
            Self::Column(column) => match batch.values(column) {
                Values::U8(numbers) => test.column(numbers),
                Values::U16(numbers) => test.column(numbers),
                Values::U32(numbers) => test.column(numbers),
                Values::U64(numbers) => test.column(numbers),
                Values::Addresses(_) | Values::Extras(_) => vec![false; batch.len()],
            },
            Self::AnyFlags => test.column(&batch.tcp_flags),
            Self::Last => {
                let ends = batch.first_ms.iter().zip(&batch.duration_ms);
                test.each(ends.map(|(&first, &duration)| first.saturating_add(duration.into())))
            }
            Self::PacketsPerSecond => test.each(rates(&batch.packets, 1000, &batch.duration_ms)),
            Self::BitsPerSecond => test.each(rates(&batch.octets, 8000, &batch.duration_ms)),
            Self::BytesPerPacket => {
                let sizes = batch.octets.iter().zip(&batch.packets);
                test.each(sizes.map(|(&octets, &packets)| octets.checked_div(packets).unwrap_or(0)))
            }
            Self::IcmpType => {
                let types = batch.dst_port.iter().map(|port| u64::from(port >> 8));
                and_protocol(test.each(types), &batch.protocol, Protocol::is_icmp)
            }
            Self::IcmpCode => {
                let codes = batch.dst_port.iter().map(|port| u64::from(port & 0xff));
                and_protocol(test.each(codes), &batch.protocol, Protocol::is_icmp)
            }
            Self::Engine => by_source(batch, |source| test.passes(source.engine.into())),
            Self::EngineType => {
                by_source(batch, |source| test.passes((source.engine >> 8 & 0xff).into()))
            }
            Self::EngineId => by_source(batch, |source| test.passes((source.engine & 0xff).into())),
            Self::Sampling => {
                by_source(batch, |source| test.passes(source.sampling.interval.into()))
            }
            Self::Element(element) => {
                by_element(batch, element, |value| number(value).is_some_and(|n| test.passes(n)))
            }
        }
    }
}

/// `count` × `factor` a millisecond of each row, rounded down, as far as 64 bits go.
fn rates<'a>(
    counts: &'a [u64],
    factor: u128,
    durations: &'a [u32],
) -> impl Iterator<Item = u64> + 'a {
    counts.iter().zip(durations).map(move |(&count, &millis)| {
        u64::try_from(rate(count.into(), factor, millis.into())).unwrap_or(u64::MAX)
    })
}

fn and_protocol(passes: Vec<bool>, protocols: &[u8], has: impl Fn(Protocol) -> bool) -> Vec<bool> {
    passes.into_iter().zip(protocols).map(|(pass, &of)| pass & has(Protocol(of))).collect()
}

/// Tests each source once, and then which of them each row is of.
fn by_source(batch: &FlowBatch, test: impl FnMut(&Source) -> bool) -> Vec<bool> {
    let passes: Vec<bool> = batch.sources.iter().map(test).collect();
    batch.source.iter().map(|&source| passes.get(source as usize) == Some(&true)).collect()
}

/// Whether each row has an address behind a NAT that is in `set`.
fn by_nat(batch: &FlowBatch, set: &AddressSet) -> Vec<bool> {
    let passes = |row: usize| {
        let mut leads = each_lead(batch.extras.get(row));
        leads.any(|lead| set.has(Family::V6.address(lead.address)))
    };
    (0..batch.len()).map(passes).collect()
}

/// Whether any value of `element` in each row passes `test`.
pub(super) fn by_element(
    batch: &FlowBatch,
    element: ElementId,
    test: impl Fn(&[u8]) -> bool,
) -> Vec<bool> {
    if batch.extras.is_empty() {
        return vec![false; batch.len()];
    }
    let passes = |extra: Extra<'_>| extra.id() == element && test(extra.value);
    (0..batch.len()).map(|row| extras(batch.extras.get(row)).any(passes)).collect()
}

/// The number that `value` is, unless that has more than 64 bits.
fn number(value: &[u8]) -> Option<u64> {
    (value.len() <= 8).then(|| unsigned(value))
}

fn address(value: &[u8]) -> Option<IpAddr> {
    if let Ok(v4) = <[u8; 4]>::try_from(value) {
        return Some(v4.into());
    }
    <[u8; 16]>::try_from(value).ok().map(IpAddr::from)
}

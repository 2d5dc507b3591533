//! What flows are grouped by: the fields that a key is made of, and their values.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use super::element::{ElementKey, ElementValue};
use crate::flow::{Column, Columns, EventKind, Kind, Protocol, UnixMillis};
use crate::meaning::{Asns, Table};

/// Which end of a flow a field is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Its source.
    Src,
    /// Its destination.
    Dst,
    /// Each of the two: a flow counts once for its source and once for its destination, so twice
    /// where they are equal, as nfdump has it.
    Any,
}

/// How much of an address counts: so many leading bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefix {
    /// Of an IPv4 address: at most 32.
    pub v4: u8,
    /// Of an IPv6 address: at most 128.
    pub v6: u8,
}

impl Prefix {
    /// All of it.
    pub const WHOLE: Self = Self { v4: 32, v6: 128 };
}

/// A field of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyField {
    /// An address, or the network of given length that it is in.
    Address(End, Prefix),
    /// The network of the route to an address, by the mask that the exporter told.
    Route(End),
    /// Both addresses, whoever of them sent.
    Pair,
    /// The number of a column, such as a port or the protocol. Of a column that holds no numbers all
    /// flows have the same.
    Number(Column),
    /// The number of either end: of the source's column and of the one that says the same of the
    /// [other end](Column::other_end). A flow counts once for each.
    OfEither(Column),
    /// Who exported the flow.
    Exporter,
    /// The next hop of the route to the destination.
    NextHop,
    /// The stretch of so many milliseconds, counted from 1970 on the clocks of a zone, in which the
    /// flow began.
    Bin(u64),
    /// What a firewall or a NAT did.
    Event(EventKind),
    /// What an element tells that only some flows have.
    Element(ElementKey),
    /// What two elements tell, one of either end. A flow counts once for each.
    EitherElement(ElementKey, ElementKey),
    /// What an address is called.
    Meant(End, Arc<Table>),
    /// The autonomous system of an end, also as databases have it.
    AsNumber(End, Arc<Asns>),
}

impl KeyField {
    /// The five that tell a conversation's one direction.
    pub const FIVE_TUPLE: [Self; 5] = [
        Self::Number(Column::Protocol),
        Self::Address(End::Src, Prefix::WHOLE),
        Self::Number(Column::SrcPort),
        Self::Address(End::Dst, Prefix::WHOLE),
        Self::Number(Column::DstPort),
    ];

    /// The end that it is of, if it is an address or of any end.
    pub fn end(&self) -> Option<End> {
        match self {
            Self::Address(end, _)
            | Self::Route(end)
            | Self::Meant(end, _)
            | Self::AsNumber(end, _) => Some(*end),
            Self::OfEither(_) | Self::EitherElement(..) => Some(End::Any),
            _ => None,
        }
    }

    /// Whether it is the autonomous system of an end, as exporters told it.
    pub fn is_asn(&self) -> bool {
        matches!(self, Self::Number(Column::SrcAs | Column::DstAs) | Self::OfEither(Column::SrcAs))
    }

    /// The same field, of autonomous systems as `asns` has them.
    #[must_use]
    pub fn by_address(self, asns: &Arc<Asns>) -> Self {
        let end = match self {
            Self::Number(Column::SrcAs) => End::Src,
            Self::Number(Column::DstAs) => End::Dst,
            Self::OfEither(Column::SrcAs) => End::Any,
            other => return other,
        };
        Self::AsNumber(end, Arc::clone(asns))
    }

    /// Whether it is of networks, and not of single addresses.
    pub fn is_network(&self) -> bool {
        match self {
            Self::Address(_, prefix) => *prefix != Prefix::WHOLE,
            Self::Route(_) => true,
            _ => false,
        }
    }

    /// Whether it is an interface of its exporter.
    pub fn is_interface(&self) -> bool {
        matches!(
            self,
            Self::Number(Column::Input | Column::Output)
                | Self::OfEither(Column::Input | Column::Output)
        )
    }

    /// Whether its values are of the family of the flow.
    pub(super) const fn has_family(&self) -> bool {
        matches!(self, Self::Address(..) | Self::Route(_) | Self::Pair | Self::NextHop)
    }

    /// The columns that it is read from.
    pub(super) fn columns(&self) -> Columns {
        let either = |end, src, dst| match end {
            End::Src => Columns::of(&[src]),
            End::Dst => Columns::of(&[dst]),
            End::Any => Columns::of(&[src, dst]),
        };
        match *self {
            Self::Address(end, _) => either(end, Column::Src, Column::Dst),
            Self::Route(end) => {
                either(end, Column::Src, Column::Dst)
                    | either(end, Column::SrcMask, Column::DstMask)
            }
            Self::Pair => Columns::of(&[Column::Src, Column::Dst]),
            Self::Number(column) => Columns::of(&[column]),
            Self::OfEither(column) => Columns::of(&[column, column.other_end()]),
            Self::Exporter => Columns::of(&[Column::Source]),
            Self::NextHop => Columns::of(&[Column::NextHop]),
            Self::Bin(_) => Columns::of(&[Column::First]),
            Self::Event(_) | Self::Element(_) | Self::EitherElement(..) => {
                Columns::of(&[Column::Extras])
            }
            Self::AsNumber(end, ref asns) => {
                let address = either(end, Column::Src, Column::Dst);
                let told = either(end, Column::SrcAs, Column::DstAs);
                if asns.is_exported_first() { address | told } else { address }
            }
            Self::Meant(end, ref table) => {
                let time: &[Column] = if table.is_timed() { &[Column::First] } else { &[] };
                either(end, Column::Src, Column::Dst) | Columns::of(time)
            }
        }
    }
}

/// The value of a field. They are in order as numbers are, IPv4 before IPv6.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyValue {
    /// Of an address, an exporter, or a next hop.
    Address(IpAddr),
    /// Of a network.
    Net(IpNet),
    /// Of a pair, the lesser address first.
    Pair(IpAddr, IpAddr),
    /// Of a column of numbers.
    Number(u64),
    /// Of a protocol.
    Protocol(Protocol),
    /// Of TCP flags.
    TcpFlags(u8),
    /// Of a stretch of time: its beginning.
    Time(UnixMillis),
    /// Of what a firewall or a NAT did; None where it tells nothing of that.
    Event(EventKind, Option<u16>),
    /// Of an element, which has values of this kind; None where a flow lacks it.
    Element(Kind, Option<Box<ElementValue>>),
    /// What an address is called; empty where nothing says it.
    Label(Arc<str>),
}

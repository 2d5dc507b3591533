//! nfdump's formats, byte for byte those of nfdump 1.7.8: `line`, `long`, `extended`, `biline`,
//! `bilong`, `csv`, `csv-fast`, `raw`, and what users put together of its cells.
//!
//! In these the destination port of ICMP is its type and code, TCP flags are shown only of TCP;
//! in lines, numbers from a million on are scaled, and long IPv6 addresses lose their middle. A
//! rate too large for 64 bits is right here, where nfdump's wraps.

mod cells;
mod layout;
mod push;
mod raw;
mod row;
mod values;

#[cfg(test)]
mod tests;

pub use layout::LayoutError;
pub(super) use layout::{Layout, nearest};
pub(super) use push::push_scaled;
pub(super) use raw::{RAW_COLUMNS, push_raw};
pub(super) use row::{Meant, Row};

use cells::{Counter, End, Moment, Number, Shown, Value, Whose, column};

use crate::flow::Column;

pub(super) const CSV_FAST_HEADER: &str = "cnt,af,firstSeen,lastSeen,proto,srcAddr,srcPort,dstAddr,\
    dstPort,srcAS,dstAS,input,output,flags,srcTos,packets,bytes\n";

/// The layout of `csv-fast`: times in milliseconds since 1970, and the port of ICMP as a number.
pub(super) fn csv_fast() -> Layout {
    Layout::of(&[
        Value::Number(Number::Place, 0),
        Value::Family,
        Value::Time(Moment::First, Shown::Millis),
        Value::Time(Moment::Last, Shown::Millis),
        Value::Protocol,
        Value::Address(Whose::End(End::Src)),
        column(Column::SrcPort, 0),
        Value::Address(Whose::End(End::Dst)),
        column(Column::DstPort, 0),
        column(Column::SrcAs, 0),
        column(Column::DstAs, 0),
        column(Column::Input, 0),
        column(Column::Output, 0),
        Value::Flags,
        column(Column::Tos, 0),
        Value::Scaled(Counter::Packets),
        Value::Scaled(Counter::Octets),
    ])
}

/// The flags as letters, `CEUAPRSF`, a dot for each that is not set.
pub(super) fn tcp_flags(flags: u8) -> [u8; 8] {
    let mut letters = *b"CEUAPRSF";
    for (at, letter) in letters.iter_mut().enumerate() {
        if flags & 0x80 >> at == 0 {
            *letter = b'.';
        }
    }
    letters
}

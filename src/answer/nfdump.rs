//! nfdump's layouts, byte for byte those of nfdump 1.7.8: `line`, `long`, `extended` and `csv`.
//!
//! In these the destination port of ICMP is its type and code, TCP flags are shown only of TCP,
//! numbers from a million on are scaled, and long IPv6 addresses lose their middle (not in `csv`).
//! A rate too large for 64 bits is right here, where nfdump's wraps.

use std::io::Write as _;
use std::net::IpAddr;

use super::clock::{Clock, push_duration};
use super::text::{
    push_inet_ntop, push_left, push_number, push_number_right, push_right, push_three_digits,
};
use crate::flow::{FlowRecord, Protocol};

/// Which columns a line has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    Line,
    Long,
    Extended,
}

impl Layout {
    pub(super) const fn header(self) -> &'static str {
        match self {
            Self::Line => concat!(
                "Date first seen         Duration         Proto      Src IP Addr:Port      ",
                "    Dst IP Addr:Port   Packets    Bytes Flows\n"
            ),
            Self::Long => concat!(
                "Date first seen         Duration         Proto      Src IP Addr:Port      ",
                "    Dst IP Addr:Port     Flags  Tos  Packets    Bytes Flows\n"
            ),
            Self::Extended => concat!(
                "Date first seen         Duration         Proto      Src IP Addr:Port      ",
                "    Dst IP Addr:Port     Flags  Tos  Packets    Bytes      pps      bps    ",
                "Bpp Flows\n"
            ),
        }
    }
}

pub(super) const CSV_HEADER: &str =
    "firstSeen,duration,proto,srcAddr,srcPort,dstAddr,dstPort,packets,bytes,flows\n";

/// Appends the line of `flow`.
pub(super) fn push_line(to: &mut Vec<u8>, layout: Layout, clock: &mut Clock, flow: &FlowRecord) {
    clock.push(to, flow.first);
    to.push(b' ');
    push_duration(to, flow.duration_ms.into());
    to.push(b' ');
    push_left(to, 5, |to| match flow.protocol.name() {
        Some(name) => to.extend_from_slice(name.as_bytes()),
        None => push_number(to, flow.protocol.0),
    });
    to.push(b' ');
    push_short_address(to, flow.src);
    push_left(to, 5, |to| push_number(to, flow.src_port));
    to.extend_from_slice(b" -> ");
    push_short_address(to, flow.dst);
    push_left(to, 5, |to| push_dst_port(to, flow));
    if layout != Layout::Line {
        let flags = if flow.protocol == Protocol::TCP { flow.tcp_flags } else { 0 };
        to.push(b' ');
        to.extend_from_slice(&tcp_flags(flags));
        to.push(b' ');
        push_number_right(to, 4, flow.tos);
    }
    push_scaled(to, flow.packets.into());
    push_scaled(to, flow.octets.into());
    if layout == Layout::Extended {
        push_scaled(to, rate(flow.packets, 1000, flow.duration_ms));
        push_scaled(to, rate(flow.octets, 8000, flow.duration_ms));
        to.push(b' ');
        push_number_right(to, 6, flow.octets.checked_div(flow.packets).unwrap_or(0));
    }
    to.extend_from_slice(b"     1\n");
}

/// Appends the CSV line of `flow`. No field of it needs quotes.
pub(super) fn push_csv(to: &mut Vec<u8>, clock: &mut Clock, flow: &FlowRecord) {
    clock.push(to, flow.first);
    to.push(b',');
    push_number(to, flow.duration_ms / 1000);
    to.push(b'.');
    push_three_digits(to, flow.duration_ms % 1000);
    to.push(b',');
    push_number(to, flow.protocol.0);
    to.push(b',');
    push_inet_ntop(to, flow.src);
    to.push(b',');
    push_number(to, flow.src_port);
    to.push(b',');
    push_inet_ntop(to, flow.dst);
    to.push(b',');
    push_dst_port(to, flow);
    to.push(b',');
    push_number(to, flow.packets);
    to.push(b',');
    push_number(to, flow.octets);
    to.extend_from_slice(b",1\n");
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

/// Appends the address, 16 wide, and what separates the port from it: a colon, for IPv6 a dot.
fn push_short_address(to: &mut Vec<u8>, address: IpAddr) {
    const WIDTH: usize = 16;
    // What is left at either end of an address that is longer.
    const END: usize = 7;
    push_right(to, WIDTH, |to| {
        let start = to.len();
        push_inet_ntop(to, address);
        if to.len() - start > WIDTH {
            to.splice(start + END..to.len() - END, *b"..");
        }
    });
    to.push(if address.is_ipv4() { b':' } else { b'.' });
}

fn push_dst_port(to: &mut Vec<u8>, flow: &FlowRecord) {
    if flow.protocol.is_icmp() {
        let [kind, code] = flow.dst_port.to_be_bytes();
        push_number(to, kind);
        to.push(b'.');
        push_number(to, code);
    } else {
        push_number(to, flow.dst_port);
    }
}

/// `count` × `factor` a millisecond, rounded down; 0 where there was no time.
fn rate(count: u64, factor: u128, millis: u32) -> u128 {
    (u128::from(count) * factor).checked_div(millis.into()).unwrap_or(0)
}

/// Appends a blank and `number`, 8 wide: in millions, thousand millions and so on where it is large.
pub(super) fn push_scaled(to: &mut Vec<u8>, number: u128) {
    to.push(b' ');
    let (unit, name) = match number {
        0..1_000_000 => return push_number_right(to, 8, number as u64),
        1_000_000..1_000_000_000 => (1e6, 'M'),
        1_000_000_000..1_000_000_000_000 => (1e9, 'G'),
        _ => (1e12, 'T'),
    };
    // Writing to bytes cannot fail.
    push_right(to, 8, |to| drop(write!(to, "{:.1} {name}", number as f64 / unit)));
}

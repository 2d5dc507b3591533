//! Argus' flows as CSV, with names in the first line, as the data sets of CTU-13 have them. A line
//! is both ways of a flow.

use super::table::{Cells, Table};
use super::values::{
    address, icmp, malformed, millis, moment, number_or_none, port, protocol, tcp_flags,
};
use super::{Dialect, Line, NO_ADDRESSES, Wrong, ends, wrong};
use crate::flow::{Column, Protocol};
use crate::import::draft::Draft;

/// Names of columns.
const NAMES: [&[&str]; 17] = [
    &["StartTime"],
    &["Dur"],
    &["Proto"],
    &["SrcAddr"],
    &["Sport"],
    &["Dir"],
    &["DstAddr"],
    &["Dport"],
    &["State"],
    &["sTos"],
    &["dTos"],
    &["TotPkts"],
    &["TotBytes"],
    &["SrcBytes"],
    &["SrcPkts"],
    &["DstBytes"],
    &["DstPkts"],
];
// Their places in this list.
const START: usize = 0;
const DUR: usize = 1;
const PROTO: usize = 2;
const SRC: usize = 3;
const SPORT: usize = 4;
const DIR: usize = 5;
const DST: usize = 6;
const DPORT: usize = 7;
const STATE: usize = 8;
const STOS: usize = 9;
const DTOS: usize = 10;
const PACKETS: usize = 11;
const BYTES: usize = 12;
const SRC_BYTES: usize = 13;
const SRC_PACKETS: usize = 14;
const DST_BYTES: usize = 15;
const DST_PACKETS: usize = 16;

/// Reads the lines.
#[derive(Debug, Default)]
pub(super) struct Argus {
    table: Table,
}

/// Whether a line has the names of flows.
pub(super) fn is_titles(line: &str) -> bool {
    let table = Table::of(&line.split(',').map(str::trim).collect::<Vec<_>>(), &NAMES);
    [START, SRC, DST].into_iter().all(|name| table.has(name))
}

impl Dialect for Argus {
    fn line(&mut self, line: &str, to: &mut Draft) -> Result<Line, Wrong> {
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        if is_titles(line) {
            self.table = Table::of(&cells, &NAMES);
            return Ok(Line::Beside);
        }
        let cells = self.table.cells(&cells)?;
        let name = cells.get(PROTO);
        if is_no_ip(name) {
            return Err(wrong(NO_ADDRESSES, format!("frames of {name} have none")));
        }
        ends(Some(address(cells.get(SRC))?), Some(address(cells.get(DST))?), to);
        let first = moment(cells.get(START))?;
        let lasted = match cells.get(DUR) {
            "" => 0,
            text => millis(text, "duration")?,
        };
        to.lasts(first, first + lasted);
        let protocol = protocol_of(name).ok_or_else(|| malformed(name, "protocol"))?;
        to.number(Column::Protocol, protocol.0);
        ports(cells, protocol, to)?;
        counters(cells, to)?;
        beside(cells, protocol, to)?;
        Ok(Line::Flow)
    }
}

/// What Argus tells of that is not IP.
fn is_no_ip(name: &str) -> bool {
    matches!(name, "arp" | "rarp" | "llc" | "ipx/spx" | "x25" | "stp" | "isis" | "lldp" | "ib")
}

/// A protocol by Argus' name, also of what is within it.
fn protocol_of(name: &str) -> Option<Protocol> {
    match name {
        "rtp" | "rtcp" | "udt" => Some(Protocol::UDP),
        "ipv6-icmp" => Some(Protocol::ICMP6),
        // Unassigned, and what has no name there.
        "unas" | "" => Some(Protocol(0)),
        name => protocol(name),
    }
}

fn ports(cells: Cells<'_, '_>, protocol: Protocol, to: &mut Draft) -> Result<(), Wrong> {
    let [from, into] = [port(cells.get(SPORT))?, port(cells.get(DPORT))?];
    if protocol.is_icmp() {
        // Type and code as they lie in a number of two bytes, the type in the lower one. What
        // stands for the other port is the number of an echo.
        to.number(Column::DstPort, icmp(from & 0xff, from >> 8));
    } else {
        to.number(Column::SrcPort, from);
        to.number(Column::DstPort, into);
    }
    Ok(())
}

/// Octets are told of both ways together and of the source's, so each way has its own. Packets may be
/// told of both ways together only: nobody knows how they part, so where both ways sent they stay
/// with the source's flow, and sums are right.
fn counters(cells: Cells<'_, '_>, to: &mut Draft) -> Result<(), Wrong> {
    let count = |name, what| number_or_none(cells.get(name), what);
    let (octets, packets) =
        (count(BYTES, "number of bytes")?, count(PACKETS, "number of packets")?);
    let from_src = match cells.get(SRC_BYTES) {
        "" => octets.saturating_sub(count(DST_BYTES, "number of bytes")?),
        text => number_or_none(text, "number of bytes")?,
    };
    let back = octets.checked_sub(from_src).ok_or_else(|| {
        wrong("malformed", format!("{from_src} of {octets} bytes are the source's"))
    })?;
    let sent = match cells.get(SRC_PACKETS) {
        "" if !cells.get(DST_PACKETS).is_empty() => {
            packets.saturating_sub(count(DST_PACKETS, "number of packets")?)
        }
        "" if from_src == 0 && back > 0 => 0,
        "" => packets,
        text => number_or_none(text, "number of packets")?.min(packets),
    };
    to.number(Column::Octets, from_src);
    to.number(Column::Packets, sent);
    to.came_back(back, packets - sent);
    Ok(())
}

fn beside(cells: Cells<'_, '_>, protocol: Protocol, to: &mut Draft) -> Result<(), Wrong> {
    let tos = |name| match cells.get(name) {
        // 0.0, as some tools write numbers of which some are missing.
        text if text.ends_with(".0") => number_or_none(&text[..text.len() - 2], "type of service"),
        text => number_or_none(text, "type of service"),
    };
    to.number(Column::Tos, tos(STOS)?);
    to.back_number(5, tos(DTOS)?);
    if protocol == Protocol::TCP
        && let Some((flags, back)) = cells.get(STATE).split_once('_')
    {
        to.number(Column::TcpFlags, tcp_flags(flags));
        to.back_number(6, tcp_flags(back).into());
    }
    if cells.get(DIR).starts_with('<') && !cells.get(DIR).contains('>') {
        // biflowDirection: the other one began.
        to.element(239, 2);
    }
    Ok(())
}

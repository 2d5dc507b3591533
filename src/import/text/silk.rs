//! What `rwcut` of SiLK prints: a line of titles, and a line a flow, in columns that are padded or
//! not, with any character between them.

use super::table::{Cells, Table};
use super::values::{
    address, icmp, malformed, millis, moment, number, number_or_none, port, protocol, tcp_flags,
};
use super::{Dialect, Line, Wrong, ends, wrong};
use crate::flow::{Column, ElementId, Protocol, UnixMillis};
use crate::import::draft::Draft;

/// Titles of columns, as `rwcut` shortens some of them.
const NAMES: [&[&str]; 19] = [
    &["sIP"],
    &["dIP"],
    &["sPort"],
    &["dPort"],
    &["pro", "protocol"],
    &["packets", "pkts"],
    &["bytes"],
    &["flags"],
    &["sTime", "sTime+msec"],
    &["duration", "dur", "dur+msec"],
    &["eTime", "eTime+msec"],
    &["in"],
    &["out"],
    &["nhIP"],
    &["initialF", "initialFlags"],
    &["sessionF", "sessionFlags"],
    &["appli", "application"],
    &["iTy", "iType", "icmpType"],
    &["iCo", "iCode", "icmpCode"],
];
// Their places in this list.
const SIP: usize = 0;
const DIP: usize = 1;
const SPORT: usize = 2;
const DPORT: usize = 3;
const PRO: usize = 4;
const PACKETS: usize = 5;
const BYTES: usize = 6;
const FLAGS: usize = 7;
const STIME: usize = 8;
const DURATION: usize = 9;
const ETIME: usize = 10;
const IN: usize = 11;
const OUT: usize = 12;
const NHIP: usize = 13;
const INITIAL: usize = 14;
const SESSION: usize = 15;
const APPLICATION: usize = 16;
const ITYPE: usize = 17;
const ICODE: usize = 18;

/// Elements of CERT's.
const fn cert(number: u16) -> ElementId {
    ElementId { number, enterprise: 6871 }
}

/// Reads the lines.
#[derive(Debug, Default)]
pub(super) struct Silk {
    delimiter: Option<Delimiter>,
    table: Table,
}

/// What stands between columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Delimiter {
    One(char),
    /// Any number of blanks.
    Blanks,
}

impl Delimiter {
    /// What stands behind the first title of a line.
    fn of(titles: &str) -> Option<Self> {
        let titles = titles.trim_start();
        let is_of_title = |letter: char| letter.is_ascii_alphanumeric() || letter == '+';
        let behind = titles.trim_start_matches(is_of_title);
        let next = behind.trim_start_matches(' ').chars().next()?;
        Some(if is_of_title(next) { Self::Blanks } else { Self::One(next) })
    }

    fn cut(self, line: &str) -> Vec<&str> {
        match self {
            Self::Blanks => line.split_whitespace().collect(),
            Self::One(delimiter) => {
                let line = line.trim();
                // rwcut ends a line with it, unless it is told not to.
                let line = line.strip_suffix(delimiter).unwrap_or(line);
                line.split(delimiter).map(str::trim).collect()
            }
        }
    }
}

/// Whether a line has the titles of flows.
pub(super) fn is_titles(line: &str) -> bool {
    let Some(delimiter) = Delimiter::of(line) else { return false };
    let table = Table::of(&delimiter.cut(line), &NAMES);
    table.has(SIP) && table.has(DIP)
}

impl Dialect for Silk {
    fn line(&mut self, line: &str, to: &mut Draft) -> Result<Line, Wrong> {
        // Where several outputs follow each other, each has its titles.
        if is_titles(line) {
            self.delimiter = Delimiter::of(line);
            let titles = self.delimiter.map_or(Vec::new(), |delimiter| delimiter.cut(line));
            self.table = Table::of(&titles, &NAMES);
            return Ok(Line::Beside);
        }
        let Some(delimiter) = self.delimiter else { return Ok(Line::Beside) };
        let cells = delimiter.cut(line);
        let cells = self.table.cells(&cells)?;
        ends(Some(address(cells.get(SIP))?), Some(address(cells.get(DIP))?), to);
        times(cells, to)?;
        numbers(cells, to)?;
        Ok(Line::Flow)
    }
}

fn times(cells: Cells<'_, '_>, to: &mut Draft) -> Result<(), Wrong> {
    let told = |name| Some(cells.get(name)).filter(|text| !text.is_empty());
    let first = told(STIME).map(moment).transpose()?;
    let last = told(ETIME).map(moment).transpose()?;
    let lasted = told(DURATION).map(|text| millis(text, "duration")).transpose()?;
    let (first, last) = match (first, last, lasted) {
        (Some(first), Some(last), _) => (first, last),
        (Some(first), None, lasted) => (first, first + lasted.unwrap_or(0)),
        (None, Some(last), Some(lasted)) => (UnixMillis(last.0.saturating_sub(lasted)), last),
        (None, Some(last), None) => (last, last),
        (None, None, _) => return Err(wrong("no time", "it has neither sTime nor eTime")),
    };
    to.lasts(first, last);
    Ok(())
}

fn numbers(cells: Cells<'_, '_>, to: &mut Draft) -> Result<(), Wrong> {
    for (name, column, what) in [
        (PACKETS, Column::Packets, "number of packets"),
        (BYTES, Column::Octets, "number of bytes"),
        (IN, Column::Input, "interface"),
        (OUT, Column::Output, "interface"),
    ] {
        to.number(column, number_or_none(cells.get(name), what)?);
    }
    to.number(Column::SrcPort, port(cells.get(SPORT))?);
    to.number(Column::DstPort, port(cells.get(DPORT))?);
    let text = cells.get(PRO);
    let protocol = match text {
        "" => Protocol(0),
        text => protocol(text).ok_or_else(|| malformed(text, "protocol"))?,
    };
    to.number(Column::Protocol, protocol.0);
    if protocol.is_icmp() && !cells.get(ITYPE).is_empty() && !cells.get(ICODE).is_empty() {
        let kind = number(cells.get(ITYPE), "type of ICMP")?;
        let code = number(cells.get(ICODE), "code of ICMP")?;
        to.number(Column::SrcPort, 0_u64);
        to.number(Column::DstPort, icmp(kind, code));
    }
    let [initial, session] = [INITIAL, SESSION].map(|name| tcp_flags(cells.get(name)));
    to.number(Column::TcpFlags, tcp_flags(cells.get(FLAGS)) | initial | session);
    for (id, value) in [
        (cert(14), initial.into()),
        (cert(15), session.into()),
        (cert(33), number_or_none(cells.get(APPLICATION), "application")?),
    ] {
        to.number_of(id, value);
    }
    if !cells.get(NHIP).is_empty() {
        to.record.next_hop = Some(address(cells.get(NHIP))?).filter(|hop| !hop.is_unspecified());
    }
    Ok(())
}

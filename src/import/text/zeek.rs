//! Zeek's log of connections: as Zeek writes it by itself, with its columns named in a head, and as
//! objects in JSON. A connection is both ways of it.

use serde_json::{Map, Value};

use super::table::Table;
use super::values::{address, icmp, malformed, millis, moment, number, port};
use super::{Dialect, Line, Wrong, ends, wrong};
use crate::flow::{Column, Protocol, icmp_counterpart};
use crate::import::draft::Draft;

/// Fields of the log.
const FIELDS: [&[&str]; 21] = [
    &["ts"],
    &["id.orig_h"],
    &["id.orig_p"],
    &["id.resp_h"],
    &["id.resp_p"],
    &["proto"],
    &["ip_proto"],
    &["duration"],
    &["orig_bytes"],
    &["resp_bytes"],
    &["orig_pkts"],
    &["orig_ip_bytes"],
    &["resp_pkts"],
    &["resp_ip_bytes"],
    &["history"],
    &["conn_state"],
    &["service"],
    &["vlan"],
    &["inner_vlan"],
    &["orig_l2_addr"],
    &["resp_l2_addr"],
];
// Their places in this list.
const TS: usize = 0;
const ORIG_H: usize = 1;
const ORIG_P: usize = 2;
const RESP_H: usize = 3;
const RESP_P: usize = 4;
const PROTO: usize = 5;
const IP_PROTO: usize = 6;
const DURATION: usize = 7;
const ORIG_BYTES: usize = 8;
const RESP_BYTES: usize = 9;
const ORIG_PKTS: usize = 10;
const ORIG_IP_BYTES: usize = 11;
const RESP_PKTS: usize = 12;
const RESP_IP_BYTES: usize = 13;
const HISTORY: usize = 14;
const CONN_STATE: usize = 15;
const SERVICE: usize = 16;
const VLAN: usize = 17;
const INNER_VLAN: usize = 18;
const ORIG_MAC: usize = 19;
const RESP_MAC: usize = 20;

/// What stands for a value that is not there, and for one that is empty, unless the head says it.
const UNSET: &str = "-";
const EMPTY: &str = "(empty)";

/// Reads the log as Zeek writes it by itself.
#[derive(Debug)]
pub(super) struct Zeek {
    separator: char,
    unset: String,
    empty: String,
    table: Table,
    /// Whether it is the log of something else.
    is_other: bool,
}

impl Default for Zeek {
    fn default() -> Self {
        Self {
            separator: '\t',
            unset: UNSET.to_owned(),
            empty: EMPTY.to_owned(),
            table: Table::default(),
            is_other: false,
        }
    }
}

impl Zeek {
    /// Takes a line of the head.
    fn head(&mut self, line: &str) -> Result<(), Wrong> {
        if let Some(separator) = line.strip_prefix("#separator ") {
            *self = Self::default();
            let code =
                separator.strip_prefix("\\x").and_then(|hex| u8::from_str_radix(hex, 16).ok());
            let letter = code.map(char::from).or(separator.chars().next());
            self.separator = letter.unwrap_or(self.separator);
            return Ok(());
        }
        let (name, value) = line.split_once(self.separator).unwrap_or((line, ""));
        match name {
            "#unset_field" => value.clone_into(&mut self.unset),
            "#empty_field" => value.clone_into(&mut self.empty),
            "#path" if value != "conn" => {
                self.is_other = true;
                return Err(wrong("another log", format!("it is a log of {value}, not of conn")));
            }
            "#fields" => {
                self.table = Table::of(&value.split(self.separator).collect::<Vec<_>>(), &FIELDS);
            }
            _ => {}
        }
        Ok(())
    }
}

impl Dialect for Zeek {
    fn line(&mut self, line: &str, to: &mut Draft) -> Result<Line, Wrong> {
        if line.starts_with('#') {
            return self.head(line).map(|()| Line::Beside);
        }
        if self.is_other {
            return Ok(Line::Beside);
        }
        let cells: Vec<&str> = line.split(self.separator).collect();
        let cells = self.table.cells(&cells)?;
        connection(to, |field| {
            let cell = cells.get(field);
            let is_told = cell != self.unset && cell != self.empty;
            if is_told { cell.to_owned() } else { String::new() }
        })
    }
}

/// Whether a line is a connection in JSON.
pub(super) fn is_json(line: &str) -> bool {
    line.starts_with('{')
        && line.contains("\"id.orig_h\"")
        && ["\"conn_state\"", "\"_path\":\"conn\""].iter().any(|of| line.contains(of))
}

/// Reads it as objects in JSON.
#[derive(Debug)]
pub(super) struct Json;

impl Dialect for Json {
    fn line(&mut self, line: &str, to: &mut Draft) -> Result<Line, Wrong> {
        let members: Map<String, Value> = serde_json::from_str(line)
            .map_err(|error| wrong("malformed", format!("it is no object in JSON: {error}")))?;
        connection(to, |field| {
            let name = FIELDS.get(field).and_then(|names| names.first());
            match name.and_then(|name| members.get(*name)) {
                Some(Value::String(text)) => text.clone(),
                Some(Value::Number(number)) => number.to_string(),
                _ => String::new(),
            }
        })
    }
}

/// Puts a connection into `to`, whose fields `cell` gives as text, empty where one is not told.
fn connection(to: &mut Draft, cell: impl Fn(usize) -> String) -> Result<Line, Wrong> {
    ends(Some(address(&cell(ORIG_H))?), Some(address(&cell(RESP_H))?), to);
    let count = |field: usize| match &*cell(field) {
        "" => Ok(None),
        text => number(text, FIELDS[field][0]).map(Some),
    };
    let began = cell(TS);
    if began.is_empty() {
        return Err(wrong("no time", "it has no ts"));
    }
    let first = moment(&began)?;
    let lasted = match &*cell(DURATION) {
        "" => 0,
        text => millis(text, "duration")?,
    };
    to.lasts(first, first + lasted);
    let is_v6 = to.record.src.is_some_and(|src| src.is_ipv6());
    let protocol = protocol(&cell(PROTO), count(IP_PROTO)?, is_v6)?;
    to.number(Column::Protocol, protocol.0);
    let [from, into] = [port(&cell(ORIG_P))?, port(&cell(RESP_P))?];
    if protocol.is_icmp() {
        // What it has for ports is type and code; of what is answered, the type of the answer.
        let answer = u8::try_from(from).ok().and_then(|kind| icmp_counterpart(protocol, kind));
        let code = if answer.map(u64::from) == Some(into) { 0 } else { into };
        to.number(Column::DstPort, icmp(from, code));
    } else {
        to.number(Column::SrcPort, from);
        to.number(Column::DstPort, into);
    }
    // Where packets were not counted, only what they carried is known.
    let octets = count(ORIG_IP_BYTES)?.or(count(ORIG_BYTES)?);
    to.number(Column::Octets, octets.unwrap_or(0));
    to.number(Column::Packets, count(ORIG_PKTS)?.unwrap_or(0));
    let octets = count(RESP_IP_BYTES)?.or(count(RESP_BYTES)?);
    to.came_back(octets.unwrap_or(0), count(RESP_PKTS)?.unwrap_or(0));
    let [flags, flags_back] = tcp_flags(&cell(HISTORY));
    if protocol == Protocol::TCP {
        to.number(Column::TcpFlags, flags);
        to.back_number(6, flags_back.into());
    }
    beside(to, &cell, [count(VLAN)?, count(INNER_VLAN)?]);
    Ok(Line::Flow)
}

/// What has no column, and an element.
fn beside(to: &mut Draft, cell: &impl Fn(usize) -> String, [vlan, inner]: [Option<u64>; 2]) {
    // 243 is dot1qVlanId, 245 dot1qCustomerVlanId.
    to.element(243, vlan.unwrap_or(0));
    to.element(245, inner.unwrap_or(0));
    for (number, field) in [(56, ORIG_MAC), (80, RESP_MAC)] {
        let text = cell(field);
        let bytes: Option<Vec<u8>> =
            text.split(':').map(|byte| u8::from_str_radix(byte, 16).ok()).collect();
        if let Some(mac) = bytes.filter(|mac| mac.len() == 6) {
            to.bytes(number, &mac);
        }
    }
    let service = cell(SERVICE);
    if !service.is_empty() {
        to.bytes(96, service.as_bytes());
    }
    // flowEndReason: the end of the flow was seen.
    if matches!(&*cell(CONN_STATE), "SF" | "RSTO" | "RSTR") {
        to.element(136, 3);
    }
}

fn protocol(name: &str, number: Option<u64>, is_v6: bool) -> Result<Protocol, Wrong> {
    match (name, number) {
        (_, Some(number)) => u8::try_from(number)
            .map(Protocol)
            .map_err(|_| malformed(&number.to_string(), "protocol")),
        ("icmp", None) => Ok(if is_v6 { Protocol::ICMP6 } else { Protocol::ICMP }),
        ("" | "unknown_transport", None) => Ok(Protocol(0)),
        (name, None) => super::values::protocol(name).ok_or_else(|| malformed(name, "protocol")),
    }
}

/// TCP flags of both ways, by what was seen of a connection: a letter each, of the originator in
/// capitals. A `^` in front says that the ways were exchanged before.
fn tcp_flags(history: &str) -> [u8; 2] {
    let mut flags = [0; 2];
    for letter in history.chars() {
        let seen = match letter.to_ascii_uppercase() {
            'S' => 2,
            'H' => 2 | 16,
            'A' => 16,
            'F' => 1,
            'R' => 4,
            _ => 0,
        };
        flags[usize::from(letter.is_ascii_lowercase())] |= seen;
    }
    flags
}

//! The table of networks: what prefixes are called, and when.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use csv::{ReaderBuilder, StringRecord, Trim};
use ipnet::IpNet;
use jiff::tz::TimeZone;

use super::entries::Entries;
use super::table::{Spans, Table};
use super::{Attribute, Fault};
use crate::flow::{Family, UnixMillis, address_bits};
use crate::row::AddressRange;

/// The columns of the table. Only the first must be there.
const COLUMNS: [&str; 7] = ["prefix", "name", "role", "site", "tenant", "from", "until"];

/// Prefixes with what is said of them. The longest prefix of an address that says something holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Networks {
    /// In the order of their addresses, those that hold others before these.
    rows: Vec<Row>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    line: u64,
    prefix: IpNet,
    /// Name, role, site and tenant; nothing where it says none.
    says: [Arc<str>; 4],
    /// From when on it holds, and until when.
    from: UnixMillis,
    until: UnixMillis,
}

impl Networks {
    /// Reads the table, CSV with a line of names. Times without a zone are of UTC.
    ///
    /// # Errors
    ///
    /// The first line that is wrong, and its column.
    pub(super) fn parse(text: &[u8]) -> Result<Self, Fault> {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let mut reader = ReaderBuilder::new().trim(Trim::All).comment(Some(b'#')).from_reader(text);
        let places = places(reader.headers().map_err(|error| of_csv(&error))?)?;
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|error| of_csv(&error))?;
            let line = record.position().map_or(0, csv::Position::line);
            let row = row(&record, line, &places);
            rows.push(row.map_err(|problem| Fault { line, problem })?);
        }
        rows.sort_by_key(|row| {
            let (first, _) = AddressRange::from(row.prefix).bits();
            (row.prefix.addr().is_ipv6(), first, row.prefix.prefix_len(), row.from)
        });
        for pair in rows.windows(2) {
            if let [one, other] = pair
                && one.prefix == other.prefix
                && other.from < one.until
            {
                let (earlier, later) = (one.line.min(other.line), one.line.max(other.line));
                let problem =
                    format!("column prefix: {} is in line {earlier} for the same time", one.prefix);
                return Err(Fault { line: later, problem });
            }
        }
        Ok(Self { rows })
    }

    /// What addresses are called by `attribute`, which is one of networks.
    pub(super) fn table(&self, attribute: Attribute) -> Table {
        let (mut entries, mut found) = (Entries::default(), Vec::new());
        let mut slots = HashMap::new();
        for (range, chain) in self.chains() {
            let slot = *slots.entry(chain).or_insert_with_key(|chain| {
                let spans = self.spans(chain, attribute, &mut entries);
                if let [(_, label)] = spans[..] { label } else { entries.timed(spans) }
            });
            found.push((range, slot));
        }
        entries.fill(found);
        entries.table(attribute)
    }

    /// What is said of the addresses that the rows of `chain` hold, from when on.
    fn spans(&self, chain: &[usize], attribute: Attribute, entries: &mut Entries) -> Spans {
        let rows = || chain.iter().map(|&row| &self.rows[row]);
        let mut times = vec![UnixMillis::EPOCH];
        times.extend(rows().flat_map(|row| [row.from, row.until]));
        times.retain(|&time| time < UnixMillis::MAX);
        times.sort_unstable();
        times.dedup();
        let mut spans = Spans::new();
        for time in times {
            let valid = rows().rev().filter(|row| row.from <= time && time < row.until);
            let text = valid.map(|row| row.said(attribute)).find(|text| !text.is_empty());
            let label = entries.label(text.unwrap_or_default());
            if spans.last().is_none_or(|&(_, before)| before != label) {
                spans.push((time, label));
            }
        }
        spans
    }

    /// Every range of addresses that are in the same prefixes, with their rows, the shortest first.
    fn chains(&self) -> Vec<(AddressRange, Vec<usize>)> {
        let mut chains = Chains::default();
        for (place, row) in self.rows.iter().enumerate() {
            let range = AddressRange::from(row.prefix);
            chains.close_before(range.family(), range.bits().0);
            chains.open.push((place, range));
            chains.at = Some(range.bits().0);
        }
        chains.close_all();
        chains.found
    }
}

impl Row {
    fn said(&self, attribute: Attribute) -> &str {
        let place = match attribute {
            Attribute::Role => 1,
            Attribute::Site => 2,
            Attribute::Tenant => 3,
            _ => 0,
        };
        &self.says[place]
    }
}

/// Prefixes lie in each other or apart, so those that hold an address are a stack.
#[derive(Default)]
struct Chains {
    open: Vec<(usize, AddressRange)>,
    /// From where on the open ones are not in a chain yet.
    at: Option<u128>,
    found: Vec<(AddressRange, Vec<usize>)>,
}

impl Chains {
    /// Ends those that do not hold the address `bits`, and what the others have before it.
    fn close_before(&mut self, family: Family, bits: u128) {
        while let Some(&(_, range)) = self.open.last()
            && (range.family() != family || range.bits().1 < bits)
        {
            self.close();
        }
        if let (Some(at), Some(last)) = (self.at, bits.checked_sub(1)) {
            self.emit(family, at, last);
        }
    }

    fn close_all(&mut self) {
        while !self.open.is_empty() {
            self.close();
        }
    }

    /// Ends the last one.
    fn close(&mut self) {
        let Some(&(_, range)) = self.open.last() else { return };
        let last = range.bits().1;
        if let Some(at) = self.at {
            self.emit(range.family(), at, last);
        }
        self.at = last.checked_add(1);
        self.open.pop();
    }

    fn emit(&mut self, family: Family, first: u128, last: u128) {
        if first <= last && !self.open.is_empty() {
            let chain = self.open.iter().map(|&(place, _)| place).collect();
            self.found.push((AddressRange::of_bits(family, first, last), chain));
        }
    }
}

/// Where each of [`COLUMNS`] is.
fn places(header: &StringRecord) -> Result<[Option<usize>; COLUMNS.len()], Fault> {
    let mut places = [None; COLUMNS.len()];
    for (place, name) in header.iter().enumerate() {
        let column = COLUMNS.iter().position(|known| known.eq_ignore_ascii_case(name));
        let Some(column) = column else {
            let known = COLUMNS.join(", ");
            return Err(Fault {
                line: 1,
                problem: format!("no column is called {name:?}: {known}"),
            });
        };
        places[column] = Some(place);
    }
    match places[0] {
        Some(_) => Ok(places),
        None => Err(Fault { line: 1, problem: "there is no column prefix".to_owned() }),
    }
}

fn row(
    record: &StringRecord,
    line: u64,
    places: &[Option<usize>; COLUMNS.len()],
) -> Result<Row, String> {
    let text = |column: usize| places[column].and_then(|place| record.get(place)).unwrap_or("");
    let time = |column: usize, open: UnixMillis| match text(column) {
        "" => Ok(open),
        // Words such as today would mean another time tomorrow.
        text if !text.starts_with(|c: char| c.is_ascii_digit()) => {
            Err(format!("column {}: {text:?} is no date", COLUMNS[column]))
        }
        text => UnixMillis::parse(text, &TimeZone::UTC, UnixMillis::EPOCH)
            .map_err(|error| format!("column {}: {error}", COLUMNS[column])),
    };
    let (from, until) = (time(5, UnixMillis::EPOCH)?, time(6, UnixMillis::MAX)?);
    if until <= from {
        return Err(format!("column until: {} is not after {}", text(6), text(5)));
    }
    let says = [1, 2, 3, 4].map(|column| Arc::from(text(column)));
    if let Some(column) = (1..=4).find(|&column| text(column).contains(char::is_control)) {
        return Err(format!("column {}: {:?} is no name", COLUMNS[column], text(column)));
    }
    Ok(Row { line, prefix: prefix(text(0))?, says, from, until })
}

fn prefix(text: &str) -> Result<IpNet, String> {
    let host = || text.parse::<IpAddr>().ok().map(IpNet::from);
    let prefix = text.parse::<IpNet>().ok().or_else(host);
    let prefix = prefix.ok_or_else(|| format!("column prefix: {text:?} is no prefix"))?;
    if address_bits(prefix.network()) != address_bits(prefix.addr()) {
        let block = prefix.trunc();
        return Err(format!("column prefix: {text} has bits behind its length; write {block}"));
    }
    Ok(prefix)
}

fn of_csv(error: &csv::Error) -> Fault {
    let problem = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} columns in place of {expected_len}")
        }
        csv::ErrorKind::Utf8 { err, .. } => {
            format!("column {}: this is no text in UTF-8", err.field() + 1)
        }
        _ => error.to_string(),
    };
    Fault { line: error.position().map_or(1, csv::Position::line), problem }
}

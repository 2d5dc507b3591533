//! The table of networks: what prefixes are called, and when.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use jiff::tz::TimeZone;

use super::entries::Entries;
use super::lines::each_line;
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
        let mut rows = Vec::new();
        each_line(text, COLUMNS, |line, cells| {
            rows.push(row(line, cells)?);
            Ok(())
        })?;
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

fn row(line: u64, [block, says @ .., from, until]: [&str; COLUMNS.len()]) -> Result<Row, String> {
    let (from_at, until_at) =
        (time("from", from, UnixMillis::EPOCH)?, time("until", until, UnixMillis::MAX)?);
    if until_at <= from_at {
        return Err(format!("column until: {until} is not after {from}"));
    }
    let says = says.map(Arc::from);
    Ok(Row { line, prefix: prefix(block)?, says, from: from_at, until: until_at })
}

fn time(column: &str, text: &str, open: UnixMillis) -> Result<UnixMillis, String> {
    if text.is_empty() {
        return Ok(open);
    }
    // Words such as today would mean another time tomorrow.
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(format!("column {column}: {text:?} is no date"));
    }
    UnixMillis::parse(text, &TimeZone::UTC, UnixMillis::EPOCH)
        .map_err(|error| format!("column {column}: {error}"))
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

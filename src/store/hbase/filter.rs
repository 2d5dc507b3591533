//! A predicate in HBase's filter language, as far as that goes.
//!
//! Only what a whole row key or a cell begins with can be told to a region server: the leading
//! address, and protocol and ports. The other address lies in the middle of the key, and the other
//! numbers in that of the cell, where the language reaches nothing.

use std::fmt::Write as _;

use super::cell_filter::{CellRanges, cell_ranges};
use crate::flow::TimeRange;
use crate::row::{AddressField, AddressRange, AddressSet, KeyRange, Order, Predicate};

/// What of a predicate goes to the servers, and whether that is all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pushed {
    /// In the filter language, as bytes: addresses are not text.
    pub filter: Vec<u8>,
    /// Whether rows that pass it pass the predicate, and need no second look.
    pub whole: bool,
}

impl Pushed {
    const fn nothing() -> Self {
        Self { filter: Vec::new(), whole: false }
    }
}

/// What of `predicate` a scan in `order` can leave to the servers. Rows that it drops fail the
/// predicate; of those that pass, some may.
pub(super) fn push(predicate: &Predicate, order: Order) -> Option<Pushed> {
    told(predicate, order).filter(|pushed| pushed.filter.len() <= MAX_FILTER_BYTES)
}

fn told(predicate: &Predicate, order: Order) -> Option<Pushed> {
    match predicate {
        // A part of an `or` says nothing of the rows that fail it.
        Predicate::Or(terms) => {
            join(terms.iter().map(|term| told(term, order)).collect::<Option<_>>()?, b" OR ")
        }
        predicate => all(predicate.conjuncts(), order),
    }
}

/// What of `terms`, which must all hold.
fn all(terms: &[Predicate], order: Order) -> Option<Pushed> {
    let mut pushed = Vec::new();
    let mut left: Vec<usize> = (0..terms.len()).collect();
    if let Some(CellRanges { ranges, told }) = cell_ranges(terms) {
        let parts = ranges.iter().map(|(least, greatest)| begins(least, greatest)).collect();
        pushed.extend(join(parts, b" OR "));
        left.retain(|place| !told.contains(place));
    }
    for place in left {
        let of_term = match &terms[place] {
            Predicate::Address(field, set) => leads(*field, set, order, false),
            Predicate::Not(term) => match &**term {
                Predicate::Address(field, set) => leads(*field, set, order, true),
                _ => None,
            },
            term @ Predicate::Or(_) => told(term, order),
            _ => None,
        };
        pushed.push(of_term.unwrap_or_else(Pushed::nothing));
    }
    let whole = pushed.iter().all(|part| part.whole);
    pushed.retain(|part| !part.filter.is_empty());
    join(pushed, b" AND ").map(|pushed| Pushed { whole, ..pushed })
}

/// The cells that begin with what lies from `least` to `greatest`.
fn begins(least: &[u8], greatest: &[u8]) -> Pushed {
    let mut filter = Vec::new();
    if least == greatest {
        compare("ValueFilter(=, 'binaryprefix:", least, &mut filter);
    } else {
        filter.push(b'(');
        compare("ValueFilter(>=, 'binaryprefix:", least, &mut filter);
        filter.extend_from_slice(b" AND ");
        compare("ValueFilter(<=, 'binaryprefix:", greatest, &mut filter);
        filter.push(b')');
    }
    Pushed { filter, whole: true }
}

/// A longer filter is not worth telling: a server compares each row with all that it names.
const MAX_FILTER_BYTES: usize = 16 << 10;

/// More ranges than this are not worth telling a server, which would compare each row with all.
const MAX_RANGES: usize = 64;

/// The keys that an address of `set` leads; or those that none of them does.
fn leads(field: AddressField, set: &AddressSet, order: Order, not: bool) -> Option<Pushed> {
    // An address behind a NAT leads keys in another form, and by the first of several a flow is found.
    if field != order.lead() || order == Order::Nat || set.len() > MAX_RANGES {
        return None;
    }
    let ranges = set.ranges().map(|range| lead(&range, not)).collect();
    join(ranges, if not { b" AND " } else { b" OR " })
}

/// The keys that `range` leads; or those that it does not.
fn lead(range: &AddressRange, not: bool) -> Pushed {
    let KeyRange { start, stop } = KeyRange::new(range, TimeRange::ALL);
    let (from, before, and) = if not {
        ("RowFilter(<, 'binary:", "RowFilter(>=, 'binary:", " OR ")
    } else {
        ("RowFilter(>=, 'binary:", "RowFilter(<, 'binary:", " AND ")
    };
    let mut filter = vec![b'('];
    compare(from, &start, &mut filter);
    if let Some(stop) = stop {
        filter.extend_from_slice(and.as_bytes());
        compare(before, &stop, &mut filter);
    }
    filter.push(b')');
    Pushed { filter, whole: true }
}

/// Appends `with`, which ends within a quote, and what is compared with.
fn compare(with: &str, bytes: &[u8], to: &mut Vec<u8>) {
    to.extend_from_slice(with.as_bytes());
    for &byte in bytes {
        // The one byte that means something inside of quotes is doubled.
        if byte == b'\'' {
            to.push(byte);
        }
        to.push(byte);
    }
    to.extend_from_slice(b"')");
}

/// All of `parts` in one; None of none.
fn join(parts: Vec<Pushed>, with: &[u8]) -> Option<Pushed> {
    let whole = parts.iter().all(|part| part.whole);
    let mut filters: Vec<Vec<u8>> = parts.into_iter().map(|part| part.filter).collect();
    let filter = match filters.len() {
        0 => return None,
        1 => filters.pop()?,
        _ => [b"(", &filters.join(with)[..], b")"].concat(),
    };
    Some(Pushed { filter, whole })
}

/// The filter for people, as HBase's shell shows keys: bytes that do not print as `\xNN`.
pub(super) fn text(filter: &[u8]) -> String {
    let mut text = String::with_capacity(filter.len());
    for &byte in filter {
        match byte {
            b' '..=b'~' if byte != b'\\' => text.push(byte.into()),
            // Writing to a string cannot fail.
            _ => drop(write!(text, "\\x{byte:02x}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn predicate(src: &str) -> Predicate {
        Predicate::src(AddressRange::from(src.parse::<ipnet::IpNet>().unwrap()))
    }

    #[test]
    fn the_leading_address_goes_to_the_servers() {
        let pushed = push(&predicate("39.1.0.0/16"), Order::Src).unwrap();
        assert!(pushed.whole);
        assert_eq!(
            text(&pushed.filter),
            r"(RowFilter(>=, 'binary:\x04''\x01\x00\x00') AND RowFilter(<, 'binary:\x04''\x02'))"
        );
        assert_eq!(push(&predicate("39.1.0.0/16"), Order::Dst), None);
    }

    #[test]
    fn half_of_an_and_goes_and_half_of_an_or_does_not() {
        let dst = Predicate::dst(std::net::IpAddr::from([10, 0, 0, 1]));
        let and = Predicate::and([predicate("10.0.0.0/8"), dst.clone()]);
        let pushed = push(&and, Order::Src).unwrap();
        assert!(!pushed.whole);
        assert_eq!(pushed.filter, push(&predicate("10.0.0.0/8"), Order::Src).unwrap().filter);
        let or = Predicate::or([predicate("10.0.0.0/8"), dst]);
        assert_eq!(push(&or, Order::Src), None);
        let not = Predicate::not(predicate("10.0.0.0/8"));
        assert_eq!(
            text(&push(&not, Order::Src).unwrap().filter),
            r"(RowFilter(<, 'binary:\x04\x0a\x00\x00\x00') OR RowFilter(>=, 'binary:\x04\x0b'))"
        );
    }
}

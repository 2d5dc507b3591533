//! A predicate in HBase's filter language, as far as that goes.
//!
//! Only what a whole row key compares with can be told to a region server: the leading address. The
//! other address lies in the middle of the key, where the language reaches nothing.

use crate::flow::TimeRange;
use crate::row::{AddressRange, KeyRange, Order, Predicate};

/// What of a predicate goes to the servers, and whether that is all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pushed {
    /// In the filter language, as bytes: addresses are not text.
    pub filter: Vec<u8>,
    /// Whether rows that pass it pass the predicate, and need no second look.
    pub whole: bool,
}

/// What of `predicate` a scan in `order` can leave to the servers. Rows that it drops fail the
/// predicate; of those that pass, some may.
pub(super) fn push(predicate: &Predicate, order: Order) -> Option<Pushed> {
    match predicate {
        Predicate::Src(range) => (order == Order::Src).then(|| leads(range, false)),
        Predicate::Dst(range) => (order == Order::Dst).then(|| leads(range, false)),
        Predicate::Not(inner) => match (&**inner, order) {
            (Predicate::Src(range), Order::Src) | (Predicate::Dst(range), Order::Dst) => {
                Some(leads(range, true))
            }
            _ => None,
        },
        Predicate::And(a, b) => match (push(a, order), push(b, order)) {
            (Some(a), Some(b)) => Some(join(&a, b" AND ", &b)),
            (Some(one), None) | (None, Some(one)) => Some(Pushed { whole: false, ..one }),
            (None, None) => None,
        },
        // Half of an `or` says nothing of the rows that fail it.
        Predicate::Or(a, b) => Some(join(&push(a, order)?, b" OR ", &push(b, order)?)),
    }
}

/// The keys that `range` leads; or those that it does not.
fn leads(range: &AddressRange, not: bool) -> Pushed {
    let KeyRange { start, stop } = KeyRange::new(range, TimeRange::ALL);
    let (from, before, and) = if not { ("<", ">=", " OR ") } else { (">=", "<", " AND ") };
    let mut filter = vec![b'('];
    compare(from, &start, &mut filter);
    if let Some(stop) = stop {
        filter.extend_from_slice(and.as_bytes());
        compare(before, &stop, &mut filter);
    }
    filter.push(b')');
    Pushed { filter, whole: true }
}

fn compare(operator: &str, key: &[u8], to: &mut Vec<u8>) {
    to.extend_from_slice(format!("RowFilter({operator}, 'binary:").as_bytes());
    for &byte in key {
        // The one byte that means something inside of quotes is doubled.
        if byte == b'\'' {
            to.push(byte);
        }
        to.push(byte);
    }
    to.extend_from_slice(b"')");
}

fn join(a: &Pushed, with: &[u8], b: &Pushed) -> Pushed {
    let filter = [b"(", &a.filter[..], with, &b.filter, b")"].concat();
    Pushed { filter, whole: a.whole && b.whole }
}

/// The filter for people, as HBase's shell shows keys: bytes that do not print as `\xNN`.
pub(super) fn text(filter: &[u8]) -> String {
    let mut text = String::with_capacity(filter.len());
    for &byte in filter {
        match byte {
            b' '..=b'~' if byte != b'\\' => text.push(byte.into()),
            _ => text.push_str(&format!("\\x{byte:02x}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn predicate(src: &str) -> Predicate {
        Predicate::Src(src.parse::<ipnet::IpNet>().unwrap().into())
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
        let dst = Predicate::Dst(std::net::IpAddr::from([10, 0, 0, 1]).into());
        let and = Predicate::And(predicate("10.0.0.0/8").into(), dst.clone().into());
        let pushed = push(&and, Order::Src).unwrap();
        assert!(!pushed.whole);
        assert_eq!(pushed.filter, push(&predicate("10.0.0.0/8"), Order::Src).unwrap().filter);
        let or = Predicate::Or(predicate("10.0.0.0/8").into(), dst.into());
        assert_eq!(push(&or, Order::Src), None);
        let not = Predicate::Not(predicate("10.0.0.0/8").into());
        assert_eq!(
            text(&push(&not, Order::Src).unwrap().filter),
            r"(RowFilter(<, 'binary:\x04\x0a\x00\x00\x00') OR RowFilter(>=, 'binary:\x04\x0b'))"
        );
    }
}

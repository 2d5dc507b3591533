//! The order of the rows of a row group as its columns are compared: by source, time, destination.
//! It is not that of row keys where addresses are text: `10.0.0.10` comes before `10.0.0.9`.

use std::collections::HashMap;

use super::layout::AddressForm;
use crate::answer::text::push_address;
use crate::flow::{Addresses, Family, FlowBatch};

/// The place of an address in the order of what is written.
type Rank = Box<dyn Fn(&Addresses, usize) -> u32>;

/// The rows in that order; None where they are in it already.
pub(super) fn sorted(flows: &FlowBatch, form: AddressForm) -> Option<Vec<u32>> {
    let ranks: Rank = match (flows.family(), form) {
        (Family::V4, AddressForm::Text) => {
            let octets = octet_ranks();
            let rank = move |bits: u128| {
                let bytes = (bits as u32).to_be_bytes();
                u32::from_be_bytes(bytes.map(|octet| octets[usize::from(octet)]))
            };
            Box::new(move |addresses, row| rank(addresses.bits(row)))
        }
        (Family::V4, _) => Box::new(|addresses, row| addresses.bits(row) as u32),
        (Family::V6, AddressForm::Text) => {
            let text = |bits| {
                let mut text = Vec::new();
                push_address(&mut text, Family::V6.address(bits));
                text
            };
            let ranks = ranks(flows, text);
            Box::new(move |addresses, row| rank_of(&ranks, addresses.bits(row)))
        }
        (Family::V6, _) => {
            let ranks = ranks(flows, |bits| bits);
            Box::new(move |addresses, row| rank_of(&ranks, addresses.bits(row)))
        }
    };
    let key = |row: usize| {
        let [src, dst] =
            [&flows.src, &flows.dst].map(|addresses| u128::from(ranks(addresses, row)));
        src << 96 | u128::from(flows.first_ms[row]) << 32 | dst
    };
    let mut keys: Vec<(u128, u32)> = (0..flows.len()).map(|row| (key(row), row as u32)).collect();
    if keys.is_sorted() {
        return None;
    }
    keys.sort_unstable();
    Some(keys.into_iter().map(|(_, row)| row).collect())
}

/// The place of each octet among all of them in the order of their digits. What follows an octet, a
/// dot or nothing, comes before any digit, so addresses are in the order of their octets' places.
fn octet_ranks() -> [u8; 256] {
    let mut octets: Vec<u8> = (0..=u8::MAX).collect();
    octets.sort_unstable_by_key(ToString::to_string);
    let mut ranks = [0; 256];
    for (rank, octet) in (0..=u8::MAX).zip(octets) {
        ranks[usize::from(octet)] = rank;
    }
    ranks
}

/// The places of the addresses of `flows` among themselves, in the order of what `shown` makes of
/// them.
fn ranks<T: Ord>(flows: &FlowBatch, shown: impl Fn(u128) -> T) -> HashMap<u128, u32> {
    let rows = 0..flows.len();
    let mut all: Vec<u128> =
        rows.flat_map(|row| [flows.src.bits(row), flows.dst.bits(row)]).collect();
    all.sort_unstable();
    all.dedup();
    all.sort_by_cached_key(|&bits| shown(bits));
    all.into_iter().zip(0..).collect()
}

fn rank_of(ranks: &HashMap<u128, u32>, bits: u128) -> u32 {
    ranks.get(&bits).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::flow::{FlowRecord, Origin, UnixMillis};

    /// Sources and destinations in the order in which they are sorted.
    fn order(form: AddressForm, ends: &[(&str, u64, &str)]) -> Vec<(String, u64, String)> {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let mut flows = FlowBatch::new(Family::of(address(ends[0].0)));
        for (src, first, dst) in ends {
            let flow = FlowRecord {
                first: UnixMillis(*first),
                ..FlowRecord::between(address(src), address(dst))
            };
            flows.push_with(&flow, 0, Origin(0), &[]);
        }
        let rows = sorted(&flows, form).unwrap_or((0..flows.len() as u32).collect());
        let flows = flows.take_rows(&rows);
        (0..flows.len())
            .map(|row| {
                let flow = flows.record(row);
                (flow.src.to_string(), flow.first.0, flow.dst.to_string())
            })
            .collect()
    }

    #[test]
    fn rows_are_in_the_order_of_the_values_that_are_written() {
        let of_v4 = [
            ("9.0.0.1", 5, "1.1.1.1"),
            ("10.0.0.9", 5, "1.1.1.1"),
            ("10.0.0.10", 7, "1.1.1.100"),
            ("10.0.0.10", 7, "1.1.1.2"),
            ("10.0.0.10", 6, "1.1.1.2"),
            ("100.0.0.1", 6, "1.1.1.2"),
            ("1.0.0.255", 6, "1.1.1.2"),
            ("1.0.0.25", 6, "1.1.1.2"),
        ];
        let mut text = of_v4.map(|(src, first, dst)| (src.to_owned(), first, dst.to_owned()));
        text.sort();
        assert_eq!(order(AddressForm::Text, &of_v4), text);
        let numbers = order(AddressForm::Number, &of_v4);
        let number = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(numbers.is_sorted_by_key(|(src, first, dst)| (number(src), *first, number(dst))));

        let of_v6 = [
            ("2001:db8::1", 1, "::1"),
            ("2001:db8::1", 1, "::"),
            ("::abcd:1", 1, "::1"),
            ("fe80::1", 1, "a::1"),
            ("a::1", 1, "fe80::1"),
        ];
        let mut text = of_v6.map(|(src, first, dst)| (src.to_owned(), first, dst.to_owned()));
        text.sort();
        assert_eq!(order(AddressForm::Text, &of_v6), text);
        let bytes = order(AddressForm::Fixed, &of_v6);
        assert!(bytes.is_sorted_by_key(|(src, first, dst)| (number(src), *first, number(dst))));
    }

    #[test]
    fn octets_are_in_the_order_of_their_text() {
        let ranks = octet_ranks();
        let mut texts: Vec<(u8, String)> =
            (0..=255).map(|octet: u8| (ranks[octet as usize], octet.to_string())).collect();
        texts.sort();
        assert!(texts.is_sorted_by_key(|(_, text)| text.clone()));
    }
}

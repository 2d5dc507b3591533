//! Exits of Tor, as <https://check.torproject.org/exit-addresses> lists them: `ExitAddress ADDRESS
//! DATE TIME` says when one was found to send traffic from this address.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{Read, address, note};
use crate::store::watchlist::Indicator;

pub(super) fn read(text: &str, read: &mut Read) {
    // Several exits may share an address; the latest time counts, and these sort as text.
    let mut found: BTreeMap<IpAddr, (Indicator, &str)> = BTreeMap::new();
    for (line, number) in text.lines().map(str::trim).zip(1..) {
        let Some(rest) = line.strip_prefix("ExitAddress ") else { continue };
        let (entry, time) = rest.split_once(' ').unwrap_or((rest, ""));
        let Some(indicator) = address::indicator(entry) else {
            read.count_line(number);
            continue;
        };
        let known = found.entry(indicator.addresses.first()).or_insert((indicator, ""));
        known.1 = known.1.max(time);
    }
    let said = |(indicator, time): (Indicator, &str)| {
        let note = note(&format!("exit of Tor, seen {time}"));
        Indicator { note, ..indicator }
    };
    read.indicators.extend(found.into_values().map(said));
}

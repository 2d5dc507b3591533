//! The logistic regressions by which SiLK's rwscan knows scans by UDP and ICMP.

use std::net::IpAddr;

use super::contact::Contact;
use super::several::counted;
use crate::flow::{Protocol, address_bits};

/// How likely a source of these contacts scans by UDP or ICMP, as rwscan's regressions have it.
pub(super) fn regression(protocol: Protocol, contacts: &[&Contact]) -> f64 {
    let flows = contacts.len().max(1) as f64;
    let share = |holds: &dyn Fn(&Contact) -> bool| {
        contacts.iter().filter(|contact| holds(contact)).count() as f64 / flows
    };
    let of_few_packets = share(&|contact| contact.packets < 3);
    let large = share(&|contact| contact.packets > 0 && contact.octets / contact.packets > 60);
    let destinations = counted(contacts.iter().map(|contact| contact.peer));
    let hosts = destinations.len() as f64;
    let (runs, longest, most) = networks(destinations.iter().map(|&(host, _)| host).collect());
    let y = if protocol.is_icmp() {
        let echoes = share(&|contact| matches!(contact.port >> 8, 8 | 128));
        -4.307_079 - 0.082_457_04 * runs - 0.028_006_12 * longest + 0.048_778_52 * most
            - 0.000_006_398_878 * hosts
            + 4.016_751 * echoes
    } else {
        let own_ports = counted(contacts.iter().map(|contact| contact.own_port)).len() as f64;
        let (low_ports, low_run) = low_ports(contacts);
        -1.887_907_966
            + 0.543_683_505 * of_few_packets
            + 0.025_150_994 * longest
            + 0.529_094_801 * low_ports
            - 1.244_182_168 * low_run
            - 0.001_841_634 * own_ports / hosts.max(1.0)
            - 0.224_548_546 * large
            - 0.697_943_155 * own_ports / flows
    };
    1.0 / (1.0 + (-y).exp())
}

/// Of destinations: the longest run of networks of 256 addresses on end, the longest run of addresses
/// in one of them, and the most in one.
fn networks(mut hosts: Vec<IpAddr>) -> (f64, f64, f64) {
    hosts.sort_unstable();
    let bits: Vec<u128> = hosts.into_iter().map(address_bits).collect();
    let mut networks: Vec<u128> = bits.iter().map(|bits| bits >> 8).collect();
    let most = networks.chunk_by(u128::eq).map(<[u128]>::len).max().unwrap_or(0);
    networks.dedup();
    let run = |numbers: &[u128]| {
        numbers.chunk_by(|one, next| one + 1 == *next).map(<[u128]>::len).max().unwrap_or(0)
    };
    let within = bits.chunk_by(|one, other| one >> 8 == other >> 8).map(run).max().unwrap_or(0);
    (run(&networks) as f64, within as f64, most as f64)
}

/// The most ports below 1024 that were tried of one host, and the longest run of them on end.
fn low_ports(contacts: &[&Contact]) -> (f64, f64) {
    let low = contacts.iter().filter(|contact| contact.port < 1_024);
    let mut low: Vec<(IpAddr, u16)> = low.map(|contact| (contact.peer, contact.port)).collect();
    low.sort_unstable();
    low.dedup();
    let of_host = || low.chunk_by(|(one, _), (other, _)| one == other);
    let most = of_host().map(<[_]>::len).max().unwrap_or(0);
    let run = |ports: &[(IpAddr, u16)]| {
        let runs = ports.chunk_by(|(_, one), (_, next)| one + 1 == *next);
        runs.map(<[_]>::len).max().unwrap_or(0)
    };
    let longest = of_host().map(run).max().unwrap_or(0);
    (most as f64, longest as f64)
}

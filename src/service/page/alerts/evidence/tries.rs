//! A scan, or logins to many: whom a host tried when, and in which networks or at which ports.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::super::super::ask::{Ask, Fault};
use super::reading::Reading;
use super::{Drawn, GONE, figure, nothing};
use crate::aggregate::{Connection, Outcome};
use crate::answer::words::{grouped, plural};
use crate::answer::{FanPart, Tries, Try, draw_fan, draw_tries};

/// So many parts a fan has.
const MAX_PARTS: usize = 14;
/// How many targets are told together at least: of IPv4 by the length of their prefix, of ports by how many.
const NETS: [u8; 5] = [24, 20, 16, 12, 8];
const PORTS: [u16; 6] = [1, 16, 256, 1024, 4096, 8192];

/// A target: an address, or a port of the only one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum Target {
    Host(IpAddr),
    Port(u16),
}

impl Target {
    fn name(self) -> String {
        match self {
            Self::Host(host) => host.to_string(),
            Self::Port(port) => port.to_string(),
        }
    }
}

pub(super) fn pictures(ask: &Ask<'_>, reading: &Reading<'_>) -> Result<Vec<Drawn>, Fault> {
    let began = reading.began(ask)?;
    if began.connections.is_empty() {
        return Ok(nothing("Whom it tried", began.lacking.as_deref().unwrap_or(GONE)));
    }
    let targets = targets(&began.connections);
    let is_of_ports = matches!(targets.keys().next(), Some(Target::Port(_)));
    let noun = if is_of_ports { "port" } else { "host" };
    let names: Vec<String> = targets.keys().map(|target| target.name()).collect();
    let places: BTreeMap<Target, usize> =
        targets.keys().enumerate().map(|(place, target)| (*target, place)).collect();
    let tries: Vec<Try> = began
        .connections
        .iter()
        .map(|connection| Try {
            at: connection.first,
            target: places[&target_of(connection, is_of_ports)],
            answered: is_answered(connection),
        })
        .collect();
    let answered = targets.values().filter(|answered| **answered).count() as u64;
    let tries = Tries { tries: &tries, names: &names, noun, time: reading.time };
    let of = format!(
        "{} of {}",
        plural(tries.tries.len() as u64, "connection"),
        plural(names.len() as u64, noun)
    );
    let said = match answered {
        0 => format!("{of}, none of which answered"),
        some => format!("{of}; the {} that answered are set apart as diamonds", grouped(some)),
    };
    let parts = parts(&targets);
    let source = reading.host.map(|host| host.to_string()).unwrap_or_default();
    let where_to = if is_of_ports { "At which ports" } else { "In which networks" };
    let title = if reading.alert.name == "spread" { "Where it logged in" } else { "Whom it tried" };
    Ok(vec![
        Drawn {
            title,
            said,
            picture: figure(ask, title, |look| draw_tries(&tries, look)),
            lacking: began.lacking,
        },
        Drawn {
            title: where_to,
            said: "those that answered in the other colour, at the left of each bar".to_owned(),
            picture: figure(ask, where_to, |look| draw_fan(&source, &parts, look)),
            lacking: None,
        },
    ])
}

fn is_answered(connection: &Connection) -> bool {
    connection.outcome() == Outcome::Answered || connection.is_one_way()
}

fn target_of(connection: &Connection, is_of_ports: bool) -> Target {
    if is_of_ports {
        Target::Port(connection.responder_port)
    } else {
        Target::Host(connection.responder)
    }
}

/// Each target with whether it answered: ports, where all of them are of one host.
pub(in super::super) fn targets(connections: &[Connection]) -> BTreeMap<Target, bool> {
    let hosts: BTreeSet<IpAddr> =
        connections.iter().map(|one| one.responder).take(1 << 20).collect();
    let is_of_ports = hosts.len() == 1;
    let mut targets = BTreeMap::new();
    for connection in connections {
        let answered = targets.entry(target_of(connection, is_of_ports)).or_insert(false);
        *answered |= is_answered(connection);
    }
    targets
}

/// The targets, those that are near each other told together.
pub(in super::super) fn parts(targets: &BTreeMap<Target, bool>) -> Vec<FanPart> {
    let groupings = NETS.len().max(PORTS.len());
    let mut parts = Vec::new();
    for grouping in 0..groupings {
        parts = grouped_by(targets, grouping);
        if parts.len() <= MAX_PARTS {
            return parts;
        }
    }
    // Still too many: the greatest, and the others as one.
    parts.sort_by_key(|part| std::cmp::Reverse(part.tried));
    let others = parts.split_off(MAX_PARTS - 1);
    let sum = |of: fn(&FanPart) -> u64| others.iter().map(of).sum();
    parts.push(FanPart {
        name: plural(others.len() as u64, "other"),
        tried: sum(|part| part.tried),
        answered: sum(|part| part.answered),
    });
    parts
}

fn grouped_by(targets: &BTreeMap<Target, bool>, grouping: usize) -> Vec<FanPart> {
    let mut parts: Vec<FanPart> = Vec::new();
    for (target, answered) in targets {
        let name = group(*target, grouping);
        if parts.last().is_none_or(|part| part.name != name) {
            parts.push(FanPart { name, tried: 0, answered: 0 });
        }
        if let Some(part) = parts.last_mut() {
            part.tried += 1;
            part.answered += u64::from(*answered);
        }
    }
    parts
}

/// What targets are told with this one.
fn group(target: Target, grouping: usize) -> String {
    match target {
        Target::Port(port) => {
            let width = PORTS[grouping.min(PORTS.len() - 1)];
            let from = port / width * width;
            if width == 1 { port.to_string() } else { format!("{from}–{}", from + (width - 1)) }
        }
        Target::Host(host) => {
            let short = NETS[grouping.min(NETS.len() - 1)];
            let length = if host.is_ipv4() { short } else { short * 2 + 16 };
            let net = ipnet::IpNet::new(host, length).map(|net| net.trunc().to_string());
            net.unwrap_or_else(|_| host.to_string())
        }
    }
}

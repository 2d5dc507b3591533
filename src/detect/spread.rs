//! Hosts inside that begin to log in to many others inside.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;

use super::contact::Contact;
use super::several::{counted, list};
use super::{Detection, Evidence, Kind, Parameters, Severity};
use crate::flow::{Protocol, UnixMillis};

/// By which people and worms get from host to host: SSH, Telnet, RPC, NetBIOS, SMB, RDP, VNC, WinRM.
const LOGIN_PORTS: [u16; 9] = [22, 23, 135, 139, 445, 3389, 5900, 5985, 5986];

const HOUR_MS: u64 = 3_600_000;

/// A host that has done as much, or a third of it, in another hour, does it as a matter of course.
const USUAL_SHARE: usize = 3;

/// Where `host`, which is inside, spread: in the hour in which it logged in to most others. `contacts`
/// are by when they began.
pub(super) fn judge(
    host: IpAddr,
    contacts: &[Contact],
    parameters: &Parameters,
) -> Option<Detection> {
    if contacts.len() < parameters.spread_hosts || !parameters.inside.has(host) {
        return None;
    }
    let is_login = |contact: &&Contact| {
        contact.protocol == Protocol::TCP
            && LOGIN_PORTS.contains(&contact.port)
            && !contact.failed
            && parameters.inside.has(contact.peer)
    };
    let logins: Vec<&Contact> = contacts.iter().filter(is_login).collect();
    let (from, to, most) = busiest_hour(&logins)?;
    if most < parameters.spread_hosts {
        return None;
    }
    let (begin, end) = (logins[from].first_ms, logins[to].first_ms);
    // What goes on before and after it is the same affair.
    let goes_on = |pair: &[&Contact]| pair[1].first_ms - pair[0].first_ms <= HOUR_MS;
    let ahead = logins[..=from].windows(2).rev().take_while(|pair| goes_on(pair)).count();
    let behind = logins[to..].windows(2).take_while(|pair| goes_on(pair)).count();
    let beside = logins[..from - ahead].iter().chain(&logins[to + behind + 1..]);
    let mut by_hour: BTreeMap<u64, HashSet<IpAddr>> = BTreeMap::new();
    for login in beside {
        by_hour.entry(login.first_ms / HOUR_MS).or_default().insert(login.peer);
    }
    let usual = by_hour.values().map(HashSet::len).max().unwrap_or(0);
    if usual * USUAL_SHARE >= most {
        return None;
    }
    let within = &logins[from..=to];
    let ports = counted(within.iter().map(|login| login.port));
    let is_one = ports.len() == 1;
    Some(Detection {
        kind: Kind::Spread,
        variant: "login",
        host,
        peer: None,
        protocol: Some(Protocol::TCP),
        port: is_one.then(|| ports[0].0),
        first: UnixMillis(begin),
        last: UnixMillis(end),
        severity: Severity::High,
        confidence: 1.0 - usual as f64 / most as f64,
        evidence: vec![
            ("hosts", Evidence::Count(most as u64)),
            ("usualHosts", Evidence::Count(usual as u64)),
            ("ports", Evidence::Text(list(ports.iter().map(|(port, _)| port)))),
        ],
    })
}

/// The first and the last of the logins that lie within an hour and are to the most hosts, and how many
/// these are.
fn busiest_hour(logins: &[&Contact]) -> Option<(usize, usize, usize)> {
    let mut within: HashMap<IpAddr, usize> = HashMap::new();
    let (mut from, mut best) = (0, None);
    for (to, login) in logins.iter().enumerate() {
        *within.entry(login.peer).or_default() += 1;
        while login.first_ms - logins[from].first_ms > HOUR_MS {
            let first = logins[from].peer;
            if let Some(count) = within.get_mut(&first) {
                *count -= 1;
                if *count == 0 {
                    within.remove(&first);
                }
            }
            from += 1;
        }
        if best.is_none_or(|(_, _, most)| within.len() > most) {
            best = Some((from, to, within.len()));
        }
    }
    best
}

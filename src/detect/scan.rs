//! Hosts that look for what others listen on.
//!
//! Of TCP decides a threshold random walk over first contacts (Jung, Paxson, Berger, Balakrishnan: Fast
//! Portscan Detection Using Sequential Hypothesis Testing, IEEE S&P 2004) with the figures of SiLK's
//! rwscan; of UDP and ICMP rwscan's logistic regressions; where packets were sampled, counting, since
//! answers may have gone by unseen. Where nobody could see an answer, dark space may still tell.

use std::cell::LazyCell;
use std::net::IpAddr;

use super::contact::Contact;
use super::regression::regression;
use super::several::{counted, list};
use super::{Detection, Evidence, Kind, Parameters, Severity};
use crate::flow::{Protocol, UnixMillis};

/// A benign host's first contact succeeds so often, and a scanner's.
const SUCCESS_OF_BENIGN: f64 = 0.8;
const SUCCESS_OF_SCANNER: f64 = 0.2;
/// Of scanners so many are to be found, and so many others taken for one.
const DETECTED: f64 = 0.99;
const FALSELY: f64 = 0.01;

/// What is counted only is as likely as not.
const COUNTED: f64 = 0.5;

/// A scan takes less than this between one try and the next, else it is a slow one, in milliseconds.
const SLOW_MS: u64 = 60_000;

/// First contacts with one target: when, and whether any of them was answered.
struct Target {
    peer: IpAddr,
    port: u16,
    first_ms: u64,
    last_ms: u64,
    failed: bool,
    /// Whether an answer may have gone by unseen, as packets were sampled.
    sampled: bool,
    /// Whether nobody has its address; None where that is not known.
    dark: Option<bool>,
}

/// After contacts with so many addresses that nobody has, fewer failures are enough: 10 in place of 25
/// (simple-scan of Zeek).
const DARK_CONTACTS: usize = 3;

fn after_dark(least: usize) -> usize {
    (least * 2).div_ceil(5)
}

/// Of so large a share of what is tried answers may be unseen, and it is counted only.
const UNSEEN: f64 = 0.5;

/// Scans of `host`, one a row: `contacts` is all that it began.
pub(super) fn judge(
    host: IpAddr,
    contacts: &[Contact],
    parameters: &Parameters,
) -> Option<Detection> {
    let least = after_dark(parameters.scan_hosts.min(parameters.scan_ports));
    if contacts.iter().filter(|contact| contact.failed).count() < least {
        return None;
    }
    let is_blind = is_blind(contacts);
    let protocols = [Protocol::TCP, Protocol::UDP, Protocol::ICMP, Protocol::ICMP6];
    let scans = protocols.into_iter().filter_map(|protocol| {
        let of = contacts.iter().filter(|contact| contact.protocol == protocol);
        let is_blind = is_blind && protocol != Protocol::TCP;
        of_protocol((host, protocol), &of.collect::<Vec<_>>(), is_blind, parameters)
    });
    // One row a scanner: what it does by several protocols is one affair.
    scans.max_by_key(|(targets, _)| *targets).map(|(_, scan)| scan)
}

/// How much `host` tried that may have been answered unseen, where dark space might tell: how many of
/// `contacts` failed, None where they are too few or all would be seen.
pub(super) fn unseen(contacts: &[Contact], parameters: &Parameters) -> Option<usize> {
    let least = after_dark(parameters.scan_hosts.min(parameters.scan_ports));
    let failed = || contacts.iter().filter(|contact| contact.failed);
    let count = failed().count();
    let may_be_unseen = || failed().any(|contact| contact.sampled) || is_blind(contacts);
    (count >= least && may_be_unseen()).then_some(count)
}

/// Whether nobody exports what comes back to a host: then most of the answers to its TCP are known by
/// TCP's flags only, and those to anything else not at all.
fn is_blind(contacts: &[Contact]) -> bool {
    let answered =
        contacts.iter().filter(|contact| contact.protocol == Protocol::TCP && !contact.failed);
    share(answered, |contact| contact.one_way) >= UNSEEN
}

/// The share of `all` of which `holds` is true; of none, none.
fn share<T>(all: impl Iterator<Item = T>, holds: impl Fn(&T) -> bool) -> f64 {
    let (mut true_ones, mut count) = (0_u32, 0_u32);
    for one in all {
        true_ones += u32::from(holds(&one));
        count += 1;
    }
    f64::from(true_ones) / f64::from(count.max(1))
}

fn of_protocol(
    (host, protocol): (IpAddr, Protocol),
    contacts: &[&Contact],
    is_blind: bool,
    parameters: &Parameters,
) -> Option<(usize, Detection)> {
    let targets = targets(contacts, is_blind, parameters);
    let is_unseen =
        |group: &[&Target]| is_blind || share(group.iter(), |target| target.sampled) >= UNSEEN;
    let seen: Vec<&Contact> = contacts.iter().copied().filter(|contact| !contact.sampled).collect();
    let regressed = LazyCell::new(|| regression(protocol, &seen));
    let decides = |group: &[&Target], least: usize| -> Option<f64> {
        let failed = group.iter().filter(|target| target.failed).count();
        if failed < after_dark(least)
            || (failed as f64) < parameters.scan_failed * group.len() as f64
        {
            return None;
        }
        let is_unseen = is_unseen(group);
        let by_dark = if is_unseen { walk_by_dark(group) } else { None };
        if failed < least && by_dark.is_none() {
            return None;
        }
        match protocol {
            _ if is_unseen => by_dark.or(Some(COUNTED)),
            Protocol::TCP => walk(group),
            _ => Some(*regressed).filter(|&likely| likely > 0.5),
        }
    };
    // By port: whom it was tried at.
    let mut by_port: Vec<&Target> = targets.iter().collect();
    by_port.sort_by_key(|target| (target.port, target.first_ms, target.peer));
    let mut horizontal: Vec<(&[&Target], f64)> = Vec::new();
    for group in by_port.chunk_by(|one, other| one.port == other.port) {
        if let Some(likely) = decides(group, parameters.scan_hosts) {
            horizontal.push((group, likely));
        }
    }
    // By host: which ports of it were tried.
    let mut by_host: Vec<&Target> = targets.iter().collect();
    by_host.sort_by_key(|target| (target.peer, target.first_ms, target.port));
    let mut vertical: Vec<(&[&Target], f64)> = Vec::new();
    for group in by_host.chunk_by(|one, other| one.peer == other.peer) {
        if let Some(likely) = decides(group, parameters.scan_ports) {
            vertical.push((group, likely));
        }
    }
    let groups = horizontal.iter().chain(&vertical);
    let confidence = groups.clone().map(|(_, likely)| *likely).max_by(f64::total_cmp)?;
    let tried: Vec<&Target> = groups.flat_map(|(group, _)| group.iter().copied()).collect();
    let unseen = share(tried.iter(), |target| is_blind || target.sampled);
    let scan = Scan { host, protocol, horizontal: !horizontal.is_empty(), tried, unseen };
    let (vertical, horizontal) = (!vertical.is_empty(), scan.horizontal);
    let variant = match (horizontal, vertical) {
        (true, true) => "block",
        (false, _) => "vertical",
        _ if scan.is_slow() => "slow",
        _ => "horizontal",
    };
    Some((scan.tried.len(), scan.told(variant, confidence, parameters)))
}

/// What was scanned.
struct Scan<'a> {
    host: IpAddr,
    protocol: Protocol,
    horizontal: bool,
    tried: Vec<&'a Target>,
    /// Of how large a share of it an answer may be unseen.
    unseen: f64,
}

impl Scan<'_> {
    fn first_ms(&self) -> u64 {
        self.tried.iter().map(|target| target.first_ms).min().unwrap_or(0)
    }

    fn last_ms(&self) -> u64 {
        self.tried.iter().map(|target| target.last_ms).max().unwrap_or(0)
    }

    /// Whether it takes its time: half of what it tries comes a minute after the one before it.
    fn is_slow(&self) -> bool {
        let mut times: Vec<u64> = self.tried.iter().map(|target| target.first_ms).collect();
        times.sort_unstable();
        let mut gaps: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let middle = gaps.len() / 2;
        gaps.len() > 1 && *gaps.select_nth_unstable(middle).1 >= SLOW_MS
    }

    fn told(&self, variant: &'static str, confidence: f64, parameters: &Parameters) -> Detection {
        let hosts = counted(self.tried.iter().map(|target| target.peer));
        let ports = counted(self.tried.iter().map(|target| target.port));
        let answered: Vec<&&Target> = self.tried.iter().filter(|target| !target.failed).collect();
        let answering = counted(answered.iter().map(|target| target.peer));
        let is_inside = parameters.inside.has(self.host);
        let severity = match (is_inside, answering.is_empty()) {
            (true, _) => Severity::High,
            (false, false) => Severity::Medium,
            (false, true) => Severity::Low,
        };
        let is_icmp = self.protocol.is_icmp();
        let told_ports = ports.iter().map(|(port, _)| port);
        let mut evidence = vec![
            ("hosts", Evidence::Count(hosts.len() as u64)),
            ("ports", Evidence::Count(if is_icmp { 0 } else { ports.len() as u64 })),
            ("failed", Evidence::Share(1.0 - answered.len() as f64 / self.tried.len() as f64)),
            ("answered", Evidence::Count(answered.len() as u64)),
        ];
        if !is_icmp {
            evidence.push(("triedPorts", Evidence::Text(list(told_ports))));
        }
        if !answering.is_empty() {
            let who = answering.iter().map(|(host, _)| host);
            evidence.push(("answeringHosts", Evidence::Text(list(who))));
        }
        let dark = self.tried.iter().filter(|target| target.dark == Some(true));
        let dark = counted(dark.map(|target| target.peer)).len() as u64;
        if dark > 0 {
            evidence.push(("darkHosts", Evidence::Count(dark)));
        }
        if self.unseen > 0.0 {
            evidence.push(("answersUnseen", Evidence::Share(self.unseen)));
        }
        Detection {
            kind: Kind::Scan,
            variant,
            host: self.host,
            peer: Some(hosts[0].0).filter(|_| hosts.len() == 1),
            protocol: Some(self.protocol),
            port: Some(ports[0].0).filter(|_| ports.len() == 1),
            first: UnixMillis(self.first_ms()),
            last: UnixMillis(self.last_ms()),
            severity,
            confidence,
            evidence,
        }
    }
}

/// The targets of contacts that come by when they began.
fn targets(contacts: &[&Contact], is_blind: bool, parameters: &Parameters) -> Vec<Target> {
    let mut sorted = contacts.to_vec();
    sorted.sort_by_key(|contact| (contact.peer, contact.port, contact.first_ms));
    let known_dark = parameters.dark.as_deref();
    let of = |group: &[&Contact]| {
        let peer = group[0].peer;
        let failed = group.iter().all(|contact| contact.failed);
        let sampled = group.iter().any(|contact| contact.sampled);
        let dark = known_dark.filter(|_| parameters.inside.has(peer));
        Target {
            peer,
            port: group[0].port,
            first_ms: group[0].first_ms,
            last_ms: group.iter().map(|contact| contact.last_ms).max().unwrap_or(0),
            failed,
            sampled: group.iter().all(|contact| contact.sampled),
            dark: dark.map(|dark| failed && dark.has(peer, sampled, is_blind)),
        }
    };
    sorted.chunk_by(|one, other| (one.peer, one.port) == (other.peer, other.port)).map(of).collect()
}

/// How likely it is that who had these first contacts is a scanner, where the walk decides so. A failure
/// of which the answer may be unseen says nothing.
fn walk(group: &[&Target]) -> Option<f64> {
    let told = group.iter().filter(|target| !(target.failed && target.sampled));
    walked(told.map(|target| target.failed))
}

/// The same by who is there at all, as rwscan has it: a contact with somebody inside who has an address
/// counts as a success, whether or not an answer was seen.
fn walk_by_dark(group: &[&Target]) -> Option<f64> {
    let known = || group.iter().filter_map(|target| target.dark);
    let dark = known().filter(|&dark| dark).count();
    if dark >= DARK_CONTACTS { walked(known()) } else { None }
}

/// Where the walk leads over first contacts, which come by time and failed or did not.
fn walked(failures: impl Iterator<Item = bool>) -> Option<f64> {
    let [success, failure] = [
        SUCCESS_OF_SCANNER / SUCCESS_OF_BENIGN,
        (1.0 - SUCCESS_OF_SCANNER) / (1.0 - SUCCESS_OF_BENIGN),
    ]
    .map(f64::ln);
    let upper = (DETECTED / FALSELY).ln();
    let lower = ((1.0 - DETECTED) / (1.0 - FALSELY)).ln();
    let (mut ratio, mut highest) = (0.0_f64, 0.0_f64);
    for failed in failures {
        ratio += if failed { failure } else { success };
        highest = highest.max(ratio);
        // Whoever was benign until now is judged anew.
        if ratio <= lower {
            ratio = 0.0;
        }
    }
    // Of equal chances before.
    (highest >= upper).then(|| 1.0 / (1.0 + (-highest).exp()))
}

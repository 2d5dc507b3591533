//! Beacons by whom they call: what many hosts call as evenly is updates or telemetry.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use super::super::Detection;
use crate::flow::Protocol;

/// Who is called, by which protocol, at which port.
type Destination = (Option<IpAddr>, Option<Protocol>, Option<u16>);

/// So many beacons are kept, those that are found first, of hosts that call a destination with few others.
const MAX_KEPT: usize = 50_000;

/// Beacons, and of destinations that many hosts call how many there are.
#[derive(Debug)]
pub(in super::super) struct Destinations {
    /// So many hosts are few.
    few: usize,
    called: HashMap<Destination, Called>,
    kept: usize,
    left_out: u64,
}

/// By whom a destination is called.
#[derive(Debug)]
enum Called {
    ByFew(HashSet<IpAddr>, Vec<Detection>),
    /// With how many beacons these are.
    ByMany(u64),
}

/// What became of beacons.
pub(in super::super) struct Told {
    /// Those to what few hosts call, with how many these are.
    pub(super) by_few: Vec<(Detection, u64)>,
    /// How many go to what many call.
    pub(super) shared: u64,
    /// How many were not kept.
    pub(super) left_out: u64,
}

impl Destinations {
    /// None yet, where `few` hosts may call the same.
    pub(in super::super) fn new(few: u64) -> Self {
        let few = usize::try_from(few).unwrap_or(usize::MAX);
        Self { few, called: HashMap::new(), kept: 0, left_out: 0 }
    }

    pub(in super::super) fn add(&mut self, beacons: impl IntoIterator<Item = Detection>) {
        for beacon in beacons {
            let destination = (beacon.peer, beacon.protocol, beacon.port);
            let is_full = self.kept >= MAX_KEPT;
            if is_full && !self.called.contains_key(&destination) {
                self.left_out += 1;
                continue;
            }
            let none = || Called::ByFew(HashSet::new(), Vec::new());
            let called = self.called.entry(destination).or_insert_with(none);
            match called {
                Called::ByMany(beacons) => *beacons += 1,
                Called::ByFew(hosts, beacons) => {
                    // A host that was judged in parts calls once.
                    hosts.insert(beacon.host);
                    if hosts.len() > self.few {
                        self.kept -= beacons.len();
                        *called = Called::ByMany(beacons.len() as u64 + 1);
                    } else if is_full {
                        self.left_out += 1;
                    } else {
                        beacons.push(beacon);
                        self.kept += 1;
                    }
                }
            }
        }
    }

    /// Takes in what another has.
    pub(in super::super) fn merge(&mut self, other: Self) {
        self.left_out += other.left_out;
        for (destination, called) in other.called {
            match called {
                Called::ByFew(_, beacons) => self.add(beacons),
                Called::ByMany(more) => {
                    let known = self.called.remove(&destination);
                    let known = match known {
                        Some(Called::ByMany(beacons)) => beacons,
                        Some(Called::ByFew(_, beacons)) => {
                            self.kept -= beacons.len();
                            beacons.len() as u64
                        }
                        None => 0,
                    };
                    self.called.insert(destination, Called::ByMany(known + more));
                }
            }
        }
    }

    pub(in super::super) fn finish(self) -> Told {
        let mut told = Told { by_few: Vec::new(), shared: 0, left_out: self.left_out };
        for called in self.called.into_values() {
            match called {
                Called::ByMany(beacons) => told.shared += beacons,
                Called::ByFew(hosts, beacons) => {
                    let hosts = hosts.len() as u64;
                    told.by_few.extend(beacons.into_iter().map(|beacon| (beacon, hosts)));
                }
            }
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::{Kind, Severity};
    use crate::flow::UnixMillis;

    fn beacon(host: u8, port: u16) -> Detection {
        Detection {
            kind: Kind::Beacon,
            variant: "beacon",
            host: [10, 0, 0, host].into(),
            peer: Some([192, 0, 2, 1].into()),
            protocol: Some(Protocol::TCP),
            port: Some(port),
            first: UnixMillis(1),
            last: UnixMillis(2),
            severity: Severity::High,
            confidence: 0.9,
            evidence: Vec::new(),
        }
    }

    #[test]
    fn what_more_than_a_few_hosts_call_is_counted() {
        // By one thread, and by two of which either saw as many as it takes, or fewer.
        for cut in [0, 1, 2, 5, 6] {
            let all: Vec<Detection> = (0..6).map(|host| beacon(host, 443)).collect();
            let mut one = Destinations::new(2);
            one.add(all[..cut].to_vec());
            // Of one host twice, and of two hosts.
            one.add([beacon(1, 80), beacon(1, 80), beacon(2, 80)]);
            let mut other = Destinations::new(2);
            other.add(all[cut..].to_vec());
            one.merge(other);
            assert_eq!(one.kept, 3);
            let Told { by_few, shared, left_out } = one.finish();
            assert_eq!((shared, left_out), (6, 0), "{cut}");
            assert!(by_few.iter().all(|(beacon, hosts)| beacon.port == Some(80) && *hosts == 2));
            assert_eq!(by_few.len(), 3);
        }
    }
}

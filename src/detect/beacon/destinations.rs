//! Beacons by whom they call: what many hosts call as evenly is updates or telemetry.

use std::collections::HashMap;
use std::net::IpAddr;

use super::super::Detection;
use crate::flow::Protocol;

/// Who is called, by which protocol, at which port.
type Destination = (Option<IpAddr>, Option<Protocol>, Option<u16>);

/// So many beacons are kept, of hosts that call a destination with few others.
const MAX_KEPT: usize = 50_000;

/// Beacons, and of destinations that many hosts call how many there are.
#[derive(Debug)]
pub(in super::super) struct Destinations {
    /// So many hosts are few.
    few: u64,
    callers: HashMap<Destination, Callers>,
    kept: usize,
    left_out: u64,
}

#[derive(Debug)]
enum Callers {
    Few(Vec<Detection>),
    /// So many beacons.
    Many(u64),
}

/// What became of beacons.
pub(in super::super) struct Told {
    /// Those to what few hosts call, with how many these are.
    pub(super) few: Vec<(Detection, u64)>,
    /// How many go to what many call.
    pub(super) shared: u64,
    /// How many were not kept.
    pub(super) left_out: u64,
}

impl Destinations {
    /// None yet, where `few` hosts may call the same.
    pub(in super::super) fn new(few: u64) -> Self {
        Self { few, callers: HashMap::new(), kept: 0, left_out: 0 }
    }

    pub(in super::super) fn add(&mut self, beacons: impl IntoIterator<Item = Detection>) {
        for beacon in beacons {
            let destination = (beacon.peer, beacon.protocol, beacon.port);
            if self.kept >= MAX_KEPT && !self.callers.contains_key(&destination) {
                self.left_out += 1;
                continue;
            }
            let callers = self.callers.entry(destination).or_insert(Callers::Few(Vec::new()));
            match callers {
                Callers::Many(beacons) => *beacons += 1,
                Callers::Few(beacons) => {
                    beacons.push(beacon);
                    self.kept += 1;
                    // A host that was judged in parts calls once.
                    if hosts(beacons) > self.few {
                        self.kept -= beacons.len();
                        *callers = Callers::Many(beacons.len() as u64);
                    }
                }
            }
        }
    }

    /// Takes in what another has.
    pub(in super::super) fn merge(&mut self, other: Self) {
        self.left_out += other.left_out;
        for (destination, callers) in other.callers {
            match (callers, self.callers.get_mut(&destination)) {
                (Callers::Few(beacons), _) => self.add(beacons),
                (Callers::Many(more), Some(Callers::Many(beacons))) => *beacons += more,
                (Callers::Many(more), known) => {
                    let few = match known {
                        Some(Callers::Few(beacons)) => beacons.len(),
                        _ => 0,
                    };
                    self.kept -= few;
                    self.callers.insert(destination, Callers::Many(more + few as u64));
                }
            }
        }
    }

    pub(in super::super) fn finish(self) -> Told {
        let mut told = Told { few: Vec::new(), shared: 0, left_out: self.left_out };
        for callers in self.callers.into_values() {
            match callers {
                Callers::Many(beacons) => told.shared += beacons,
                Callers::Few(beacons) => {
                    let hosts = hosts(&beacons);
                    told.few.extend(beacons.into_iter().map(|beacon| (beacon, hosts)));
                }
            }
        }
        told
    }
}

/// How many hosts `beacons` are of.
fn hosts(beacons: &[Detection]) -> u64 {
    let first = |&place: &usize| beacons[..place].iter().all(|one| one.host != beacons[place].host);
    (0..beacons.len()).filter(first).count() as u64
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
            let Told { few, shared, left_out } = one.finish();
            assert_eq!((shared, left_out), (6, 0), "{cut}");
            assert!(few.iter().all(|(beacon, hosts)| beacon.port == Some(80) && *hosts == 2));
            assert_eq!(few.len(), 3);
        }
    }
}

//! How many hosts inside call where a beacon calls, whatever else is asked for.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

use super::super::gravest::MAX_FOUND;
use super::super::{Evidence, Found, Inside, Kind, Parameters};
use super::destinations::{Destinations, Told};
use crate::aggregate::{Aggregate, over};
use crate::flow::{Column, Columns, FlowBatch, TimeRange};
use crate::query::{Direction, Question};
use crate::store::{Result, Snapshot};

/// Which hosts called a destination.
struct Callers<'a> {
    inside: &'a Inside,
    hosts: HashSet<IpAddr>,
}

impl Aggregate for Callers<'_> {
    fn observe(&mut self, flows: &FlowBatch) -> Result<()> {
        let hosts = (0..flows.len()).map(|row| flows.src.get(row));
        for host in hosts.filter(|&host| self.inside.has(host)) {
            if self.hosts.len() < MAX_CALLERS {
                self.hosts.insert(host);
            }
        }
        Ok(())
    }

    fn merge(&mut self, other: Self) -> Result<()> {
        self.hosts.extend(other.hosts);
        Ok(())
    }
}

/// So many callers are told apart.
const MAX_CALLERS: usize = 100_000;

/// How many hosts inside call `peer`, whatever else is asked for.
fn callers_of(
    peer: IpAddr,
    snapshot: &dyn Snapshot,
    time: TimeRange,
    inside: &Inside,
) -> Result<u64> {
    let (addresses, direction) = (Some(peer.into()), Direction::Dst);
    let question = Question { addresses, direction, time, ..Question::everything() };
    let lookup = question.plan_unordered(Columns::of(&[Column::Src]));
    let callers = over(snapshot, lookup.scans(), || Callers { inside, hosts: HashSet::new() })?;
    Ok(callers.hosts.len() as u64)
}

/// Tells `beacons`, the gravest first, but for those to what many hosts inside call: what many call evenly is
/// updates, clocks or telemetry.
pub(in super::super) fn confirm(
    snapshot: &dyn Snapshot,
    question: &Question,
    parameters: &Parameters,
    beacons: Destinations,
    found: &mut Found,
) -> Result<()> {
    let Told { mut by_few, shared, left_out } = beacons.finish();
    found.shared += shared;
    by_few.sort_by_key(|(beacon, _)| beacon.rank());
    let most = parameters.beacon_callers();
    let mut callers: BTreeMap<IpAddr, u64> = BTreeMap::new();
    let mut told = 0;
    let mut by_few = by_few.into_iter();
    // Each look is a question of its own.
    while told < MAX_FOUND
        && callers.len() < MAX_FOUND
        && let Some((mut beacon, alike)) = by_few.next()
    {
        let Some(peer) = beacon.peer else { continue };
        let hosts = match callers.entry(peer) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(entry) => {
                *entry.insert(callers_of(peer, snapshot, question.time, &parameters.inside)?)
            }
        };
        if hosts > most {
            found.shared += 1;
            continue;
        }
        beacon.evidence.push(("callingAlike", Evidence::Count(alike)));
        beacon.evidence.push(("callingHosts", Evidence::Count(hosts)));
        found.detections.push(beacon);
        told += 1;
    }
    found.leave_out(Kind::Beacon, left_out + by_few.len() as u64);
    Ok(())
}

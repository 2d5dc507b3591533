//! What stands out among connections: scans, beacons, long connections, spreading and floods, each with
//! the numbers that decided.
//!
//! Hosts are looked at one after the other (`aggregate::each_host`), so the memory that is taken is that
//! of one host and of what was found. What must be known of others, such as how many hosts talk to a
//! destination, is asked when something was found that hangs on it: a range of keys each.

mod beacon;
mod contact;
mod ddos;
mod detection;
mod host;
mod inside;
mod long;
mod parameters;
mod scan;
mod several;
mod spread;

pub use detection::{
    Detection, Evidence, Kind, Kinds, ParseKindError, ParseSeverityError, Severity,
};
pub use inside::Inside;
pub use parameters::Parameters;

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use host::Looker;

use crate::aggregate::{CONNECTION_COLUMNS, Joining, each_host};
use crate::query::{Lookup, Question};
use crate::store::{Result, Snapshot};

/// What was found, and what was looked at for it.
#[derive(Debug, Default)]
pub struct Found {
    /// What stands out, the gravest first.
    pub detections: Vec<Detection>,
    /// Among how many hosts.
    pub hosts: u64,
    /// Among how many connections, each counted at the host that began it.
    pub connections: u64,
    /// Of how many of these packets are missing, as a router sampled them.
    pub sampled: u64,
    /// Of how many a router tells one direction only, though TCP says that it was answered.
    pub one_way: u64,
    /// How many hosts had more connections than are kept of one, and were judged in parts.
    pub in_parts: u64,
    /// How many beacons go to destinations that many hosts inside call, and are not told.
    pub shared: u64,
}

/// What is read for it, to be carried out by [`detect`].
pub fn plan(question: &Question) -> Lookup {
    question.plan_hosts(CONNECTION_COLUMNS)
}

/// Looks for `kinds` among what `lookup` finds, which [`plan`] made of `question`.
///
/// # Errors
///
/// As [`each_host`], and what is met in asking again.
pub fn detect(
    snapshot: &dyn Snapshot,
    question: &Question,
    lookup: &Lookup,
    (kinds, parameters): (&[Kind], &Parameters),
    joining: &Joining,
) -> Result<Found> {
    let lookers = each_host(snapshot, lookup, joining, || Looker::new(kinds, parameters))?;
    let (mut found, mut floods) = (Found::default(), Vec::new());
    for looker in lookers {
        looker.add_to(&mut found, &mut floods);
    }
    found.detections.extend(ddos::confirmed(snapshot, question, parameters, floods)?);
    beacon::confirm(snapshot, question, parameters, &mut found)?;
    found.detections.sort_by_key(Detection::rank);
    found.detections = folded(found.detections);
    Ok(found)
}

/// Each once: what has the same id is one, of which the first is the gravest.
fn folded(detections: Vec<Detection>) -> Vec<Detection> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut folded: Vec<Detection> = Vec::new();
    for detection in detections {
        match places.entry(detection.id()) {
            Entry::Vacant(entry) => {
                entry.insert(folded.len());
                folded.push(detection);
            }
            Entry::Occupied(entry) => {
                let known = &mut folded[*entry.get()];
                known.first = known.first.min(detection.first);
                known.last = known.last.max(detection.last);
            }
        }
    }
    folded
}

#[cfg(test)]
mod tests;

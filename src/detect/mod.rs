//! What stands out among connections: scans, beacons, long connections, spreading and floods, each with
//! the numbers that decided.
//!
//! Hosts are looked at one after the other (`aggregate::each_host`), so the memory that is taken is that
//! of one host and of what was found. What must be known of others, such as how many hosts talk to a
//! destination, is asked when something was found that hangs on it: a range of keys each.

mod beacon;
mod contact;
mod dark;
mod ddos;
mod detection;
mod exfil;
mod gravest;
mod host;
mod indicator;
mod inside;
mod long;
mod new;
mod parameters;
mod regression;
mod scan;
mod several;
mod silent;
mod spans;
mod spread;
mod suppression;

pub use dark::Dark;
pub use detection::{
    Detection, Evidence, Kind, Kinds, ParseKindError, ParseSeverityError, Severity,
};
pub(crate) use exfil::median;
pub use inside::Inside;
pub use parameters::Parameters;
pub use suppression::Suppression;

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use host::{Again, Finds, Looker};

use crate::aggregate::{CONNECTION_COLUMNS, Joining, each_host};
use crate::query::{Lookup, Question};
use crate::store::watchlist::WatchLists;
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
    /// How many connections are missing in what is counted by minute or hour, as their host had too many
    /// of these.
    pub unspread: u64,
    /// How many flows with addresses of watch lists are of hosts that are not told, as there are too
    /// many.
    pub more_listed: u64,
    /// Of each kind, how many less grave ones are not among `detections`, as there are too many.
    pub left_out: BTreeMap<Kind, u64>,
    /// How many are not among `detections` because somebody said that they need not be told.
    pub suppressed: u64,
    /// How many beacons go to destinations that many hosts inside call evenly, or very many at all, and are
    /// not told.
    pub shared: u64,
}

impl Found {
    fn leave_out(&mut self, kind: Kind, count: u64) {
        if count > 0 {
            *self.left_out.entry(kind).or_default() += count;
        }
    }
}

/// What is read for it, to be carried out by [`detect`].
pub fn plan(question: &Question) -> Lookup {
    question.plan_hosts(CONNECTION_COLUMNS)
}

/// What is looked for, and by what.
#[derive(Clone, Copy)]
pub struct Search<'a> {
    /// Which kinds.
    pub kinds: &'a [Kind],
    /// What decides.
    pub parameters: &'a Parameters,
    /// How records are joined; None where no kind of these [starts from connections](Kind::joins).
    pub joining: Option<&'a Joining>,
    /// The watch lists of the store, for [`Kind::Indicator`].
    pub lists: Option<&'a dyn WatchLists>,
}

/// Looks among what `lookup` finds, which [`plan`] made of `question`.
///
/// # Errors
///
/// As [`each_host`], and what is met in asking again.
pub fn detect(
    snapshot: &dyn Snapshot,
    question: &Question,
    lookup: &Lookup,
    search: Search<'_>,
) -> Result<Found> {
    let Search { kinds, parameters, joining, lists } = search;
    let mut parameters = parameters.clone();
    if kinds.contains(&Kind::New) && parameters.new_since.is_none() {
        parameters.new_since = Some(new::since(snapshot, question, parameters.now)?);
    }
    let parameters = &parameters;
    let mut finds = Finds::new(parameters);
    if let Some(joining) = joining {
        let lookers = each_host(snapshot, lookup, joining, || Looker::new(kinds, parameters))?;
        for looker in lookers {
            finds.merge(looker.finish());
        }
    }
    if let Some(lists) = lists.filter(|_| kinds.contains(&Kind::Indicator)) {
        finds.add_listed(indicator::contacts(snapshot, question, lists)?);
    }
    let (mut found, again) = finds.finish();
    let Again { mut beacons, floods, spreads, paced, much, known, unseen } = again;
    found.detections.extend(ddos::confirmed(snapshot, question, parameters, floods)?);
    found.detections.extend(spread::confirmed(snapshot, parameters, spreads)?);
    if let Some(joining) = joining {
        let decide = (parameters, &*joining.timeouts);
        beacons.add(beacon::of_records(snapshot, question, decide, paced)?);
        let unusual = exfil::confirmed(snapshot, question, parameters, joining, much)?;
        found.detections.extend(unusual);
        let scans = scan_by_dark(snapshot, question, parameters, joining, &unseen)?;
        found.detections.extend(scans);
    }
    if kinds.contains(&Kind::Silent) {
        found.detections.extend(silent::judge(snapshot, question, parameters, &known)?);
    }
    beacon::confirm(snapshot, question, parameters, beacons, &mut found)?;
    found.detections.sort_by_key(Detection::rank);
    found.detections = folded(found.detections);
    Ok(found)
}

/// Scans of `hosts`, whose tries may have been answered unseen, by who is there at all. That is learnt from
/// the store only where somebody hangs on it.
fn scan_by_dark(
    snapshot: &dyn Snapshot,
    question: &Question,
    parameters: &Parameters,
    joining: &Joining,
    hosts: &[IpAddr],
) -> Result<Vec<Detection>> {
    if hosts.is_empty() {
        return Ok(Vec::new());
    }
    let of = (&parameters.inside, parameters.dark_days);
    let Some(dark) = Dark::learn(snapshot, question, of)? else { return Ok(Vec::new()) };
    let parameters = Parameters { dark: Some(Arc::new(dark)), ..parameters.clone() };
    let mut scans = Vec::new();
    for &host in hosts {
        let question = Question { addresses: Some(host.into()), ..question.clone() };
        let lookup = plan(&question);
        let make = || Looker::new(&[Kind::Scan], &parameters);
        for looker in each_host(snapshot, &lookup, joining, make)? {
            let (found, _) = looker.finish().finish();
            scans.extend(found.detections.into_iter().filter(|scan| scan.host == host));
        }
    }
    Ok(scans)
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
mod again;
#[cfg(test)]
mod tests;

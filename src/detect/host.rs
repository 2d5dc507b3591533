//! Looks at one host after the other.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::mem::take;
use std::net::IpAddr;

use super::beacon::{self, Destinations, Paced, PacedRank};
use super::contact::Contact;
use super::ddos::{Flood, FloodRank, Minutes};
use super::detection::Rank;
use super::exfil::{Hours, Much, MuchRank};
use super::gravest::{Gravest, MAX_FOUND};
use super::indicator::Contacts;
use super::new::Met;
use super::silent::{Known, Life};
use super::{Detection, Found, Kind, Parameters, long, scan, spread};
use crate::aggregate::{Connection, HostPart, HostVisitor};
use crate::flow::{Protocol, UnixMillis};
use crate::store::Result;

/// So many connections that a host began are kept: beyond that, it is judged by these, and then anew.
const MAX_CONTACTS: usize = 1 << 20;

/// So many hosts are looked at again with dark space.
const MAX_UNSEEN: usize = 1_000;

/// What was found by the looks at hosts, and what is to be looked at again.
#[derive(Debug)]
pub(super) struct Finds {
    by_kind: BTreeMap<Kind, Gravest<Rank, Detection>>,
    beacons: Destinations,
    floods: Gravest<FloodRank, Flood>,
    spreads: Gravest<Rank, spread::Suspect>,
    paced: Gravest<PacedRank, Paced>,
    much: Gravest<MuchRank, Much>,
    known: Gravest<(u64, IpAddr), Known>,
    /// Whose tries may have been answered unseen, those of most tries first.
    unseen: Gravest<(Reverse<usize>, IpAddr), IpAddr>,
    /// How many were looked at.
    counts: Found,
}

impl Finds {
    /// None yet.
    pub(super) fn new(parameters: &Parameters) -> Self {
        Self::keeping(MAX_FOUND, parameters)
    }

    /// None yet, of which the gravest `most` of a kind are kept.
    fn keeping(most: usize, parameters: &Parameters) -> Self {
        let of_kind = Kind::ALL.map(|kind| (kind, Gravest::new(most)));
        Self {
            by_kind: of_kind.into(),
            beacons: Destinations::new(parameters.beacon_hosts),
            floods: Gravest::new(most),
            spreads: Gravest::new(most),
            paced: Gravest::new(most),
            much: Gravest::new(most),
            known: Gravest::new(most),
            unseen: Gravest::new(most.min(MAX_UNSEEN)),
            counts: Found::default(),
        }
    }

    pub(super) fn add(&mut self, detections: impl IntoIterator<Item = Detection>) {
        for detection in detections {
            if detection.kind == Kind::Beacon {
                self.beacons.add([detection]);
            } else if let Some(of_kind) = self.by_kind.get_mut(&detection.kind) {
                of_kind.offer(detection.rank(), detection);
            }
        }
    }

    /// Adds those who dealt with what is listed.
    pub(super) fn add_listed(&mut self, contacts: Contacts) {
        let (detections, flows_left_out) = contacts.finish();
        self.counts.more_listed += flows_left_out;
        self.add(detections);
    }

    pub(super) fn merge(&mut self, other: Self) {
        for (kind, gravest) in other.by_kind {
            if let Some(of_kind) = self.by_kind.get_mut(&kind) {
                of_kind.merge(gravest);
            }
        }
        self.beacons.merge(other.beacons);
        self.floods.merge(other.floods);
        self.spreads.merge(other.spreads);
        self.paced.merge(other.paced);
        self.much.merge(other.much);
        self.known.merge(other.known);
        self.unseen.merge(other.unseen);
        let (counts, more) = (&mut self.counts, other.counts);
        counts.hosts += more.hosts;
        counts.connections += more.connections;
        counts.sampled += more.sampled;
        counts.one_way += more.one_way;
        counts.in_parts += more.in_parts;
        counts.unspread += more.unspread;
    }

    /// What was found, with how many of each kind were not kept, and what is to be looked at again.
    pub(super) fn finish(self) -> (Found, Again) {
        let mut found = self.counts;
        for (kind, gravest) in self.by_kind {
            let (detections, left_out) = gravest.finish();
            found.detections.extend(detections);
            found.leave_out(kind, left_out);
        }
        let (floods, left_out) = self.floods.finish();
        found.leave_out(Kind::Ddos, left_out);
        let (spreads, left_out) = self.spreads.finish();
        found.leave_out(Kind::Spread, left_out);
        let (paced, left_out) = self.paced.finish();
        found.leave_out(Kind::Beacon, left_out);
        let (much, left_out) = self.much.finish();
        found.leave_out(Kind::Exfil, left_out);
        // Those that were seen last at the latest are hardly ever silent.
        let (known, _) = self.known.finish();
        // What they tried was judged without dark space.
        let (unseen, _) = self.unseen.finish();
        let beacons = self.beacons;
        (found, Again { beacons, floods, spreads, paced, much, known, unseen })
    }
}

/// What is looked at again, as it hangs on others or on what is no longer at hand.
pub(super) struct Again {
    pub(super) beacons: Destinations,
    pub(super) floods: Vec<Flood>,
    pub(super) spreads: Vec<spread::Suspect>,
    pub(super) paced: Vec<Paced>,
    pub(super) much: Vec<Much>,
    pub(super) known: Vec<Known>,
    pub(super) unseen: Vec<IpAddr>,
}

/// Who looks at hosts, one after the other.
pub(super) struct Looker<'a> {
    kinds: &'a [Kind],
    parameters: &'a Parameters,
    /// What the host began, as far as a judge wants it.
    contacts: Vec<Contact>,
    minutes: Minutes,
    hours: Hours,
    life: Life,
    met: Met,
    /// Whether some of what the host began was judged already.
    is_in_parts: bool,
    finds: Finds,
}

impl<'a> Looker<'a> {
    pub(super) fn new(kinds: &'a [Kind], parameters: &'a Parameters) -> Self {
        Self {
            kinds,
            parameters,
            contacts: Vec::new(),
            minutes: Minutes::default(),
            hours: Hours::default(),
            life: Life::default(),
            met: Met::default(),
            is_in_parts: false,
            finds: Finds::new(parameters),
        }
    }

    /// What was found.
    pub(super) fn finish(mut self) -> Finds {
        self.finds.counts.unspread += self.minutes.left_out() + self.hours.left_out();
        self.finds
    }

    fn looks_for(&self, kind: Kind) -> bool {
        self.kinds.contains(&kind)
    }

    /// Counts a connection that `host` began, and keeps it for its judges.
    fn began(&mut self, connection: &Connection) {
        let counts = &mut self.finds.counts;
        counts.connections += 1;
        counts.sampled += u64::from(connection.sampled);
        counts.one_way += u64::from(connection.is_one_way());
        if self.looks_for(Kind::Long) {
            self.finds.add(long::judge(connection, self.parameters));
        }
        if self.looks_for(Kind::Beacon)
            && let Some(paced) = Paced::of(connection, self.parameters)
        {
            self.finds.paced.offer(paced.rank(), paced);
        }
        if self.looks_for(Kind::Exfil) {
            self.hours.add(connection, self.parameters);
        }
        if let Some(UnixMillis(since_ms)) = self.parameters.new_since
            && self.looks_for(Kind::New)
            && self.parameters.inside.has(connection.initiator)
        {
            self.met.add(connection, since_ms);
        }
        if self.is_wanted(connection) {
            self.contacts.push(connection.into());
        }
    }

    /// Whether a judge wants to know of it.
    fn is_wanted(&self, connection: &Connection) -> bool {
        let inside = &self.parameters.inside;
        let is_from_inside = || inside.has(connection.initiator);
        let is_to_inside = || inside.has(connection.responder);
        self.looks_for(Kind::Scan)
            || self.looks_for(Kind::Beacon) && is_from_inside() && !is_to_inside()
            || self.looks_for(Kind::Spread)
                && connection.protocol == Protocol::TCP
                && is_from_inside()
                && is_to_inside()
    }

    /// Judges `host` by what is kept of it.
    fn judge(&mut self, host: IpAddr) {
        let (contacts, parameters) = (&mut self.contacts, self.parameters);
        contacts.sort_unstable_by_key(|contact| (contact.first_ms, contact.peer, contact.port));
        let finds = &mut self.finds;
        if self.kinds.contains(&Kind::Scan) {
            finds.add(scan::judge(host, contacts, parameters));
            if parameters.dark_days > 0
                && parameters.dark.is_none()
                && let Some(tries) = scan::unseen(contacts, parameters)
            {
                finds.unseen.offer((Reverse(tries), host), host);
            }
        }
        if self.kinds.contains(&Kind::Spread)
            && let Some(suspect) = spread::judge(host, contacts, parameters)
        {
            finds.spreads.offer(suspect.detection.rank(), suspect);
        }
        if self.kinds.contains(&Kind::Beacon) && parameters.inside.has(host) {
            finds.add(beacon::judge(host, contacts, parameters));
        }
        contacts.clear();
    }
}

impl HostVisitor for Looker<'_> {
    fn take(&mut self, part: &HostPart) -> Result<()> {
        let HostPart { host, connections, is_last } = part;
        let is_inside = self.parameters.inside.has(*host);
        let counts_minutes = self.looks_for(Kind::Ddos) && is_inside;
        let sees_life = self.looks_for(Kind::Silent) && is_inside;
        for connection in connections {
            if connection.initiator == *host {
                self.began(connection);
            }
            if counts_minutes {
                self.minutes.add(*host, connection);
            }
            if sees_life {
                self.life.take(*host, connection);
            }
        }
        if self.contacts.len() > MAX_CONTACTS {
            self.is_in_parts = true;
            self.judge(*host);
        }
        if *is_last {
            self.finds.counts.hosts += 1;
            self.finds.counts.in_parts += u64::from(take(&mut self.is_in_parts));
            self.judge(*host);
            for flood in self.minutes.judge(*host, self.parameters) {
                self.finds.floods.offer(flood.rank(), flood);
            }
            if let Some(UnixMillis(since_ms)) = self.parameters.new_since {
                self.finds.add(self.met.judge(*host, since_ms, self.parameters));
            }
            if let Some(known) = Known::of(*host, take(&mut self.life)) {
                self.finds.known.offer(known.rank(), known);
            }
            for much in self.hours.judge(*host, self.parameters) {
                self.finds.much.offer(much.rank(), much);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::OneWay;
    use crate::detect::Severity;

    fn detection(number: u64) -> Detection {
        Detection {
            kind: Kind::Long,
            variant: "connection",
            host: [10, 0, 0, (number % 250) as u8].into(),
            peer: None,
            protocol: None,
            port: Some(number as u16),
            first: UnixMillis(number),
            last: UnixMillis(number),
            severity: if number.is_multiple_of(10) { Severity::High } else { Severity::Low },
            confidence: 0.5,
            evidence: Vec::new(),
        }
    }

    #[test]
    fn beyond_so_many_the_gravest_are_kept_and_the_others_counted() {
        let [mut one, mut other] = [0, 1].map(|_| Finds::keeping(10, &Parameters::default()));
        one.add((0..50).map(detection));
        other.add((50..100).map(detection));
        one.merge(other);
        let (found, _) = one.finish();
        let first: Vec<u64> = found.detections.iter().map(|found| found.first.0).collect();
        // The ten of every tenth, by their hosts.
        assert_eq!(first, [0, 10, 20, 30, 40, 50, 60, 70, 80, 90]);
        assert_eq!(found.left_out, [(Kind::Long, 90)].into());
    }

    fn connection(responder: [u8; 4], at: u64) -> Connection {
        Connection {
            initiator: [10, 0, 0, 1].into(),
            initiator_port: 40_000,
            responder: responder.into(),
            responder_port: 443,
            protocol: Protocol::TCP,
            first: UnixMillis(at),
            last: UnixMillis(at + 1),
            sent: OneWay::default(),
            returned: OneWay::default(),
            sampled: false,
        }
    }

    #[test]
    fn only_what_a_judge_wants_is_kept() {
        let (inside, outside) = ([10, 0, 0, 2], [192, 0, 2, 1]);
        let parameters = Parameters::default();
        for (kinds, kept) in [
            (&[Kind::Long, Kind::Ddos][..], 0),
            (&[Kind::Beacon], 1),
            (&[Kind::Spread], 2),
            (&[Kind::Beacon, Kind::Spread], 3),
            (&[Kind::Scan, Kind::Long], 3),
        ] {
            let mut looker = Looker::new(kinds, &parameters);
            let connections =
                [connection(inside, 1), connection(inside, 2), connection(outside, 3)].to_vec();
            let part = HostPart { host: [10, 0, 0, 1].into(), connections, is_last: false };
            looker.take(&part).unwrap();
            assert_eq!(looker.contacts.len(), kept, "{kinds:?}");
            assert_eq!(looker.finds.counts.connections, 3);
        }
    }

    #[test]
    fn a_host_that_is_judged_in_three_parts_is_one() {
        let parameters = Parameters::default();
        let mut looker = Looker::new(&[Kind::Scan], &parameters);
        for part in 0..4 {
            let connections =
                (0..=MAX_CONTACTS as u64 / 2).map(|at| connection([10, 0, 0, 2], at)).collect();
            let is_last = part == 3;
            looker.take(&HostPart { host: [10, 0, 0, 1].into(), connections, is_last }).unwrap();
        }
        assert_eq!(looker.finish().finish().0.in_parts, 1);
    }
}

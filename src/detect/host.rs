//! Looks at one host after the other.

use std::net::IpAddr;

use super::contact::Contact;
use super::ddos::{Flood, Minutes};
use super::{Found, Kind, Parameters, beacon, long, scan, spread};
use crate::aggregate::{Connection, HostPart, HostVisitor};
use crate::store::Result;

/// So many connections that a host began are kept: beyond that, it is judged by these, and then anew.
const MAX_CONTACTS: usize = 1 << 20;

/// So many detections are kept of a kind: then something is wrong with what is looked at.
const MAX_FOUND: usize = 10_000;

/// Who looks at hosts, one after the other.
pub(super) struct Looker<'a> {
    kinds: &'a [Kind],
    parameters: &'a Parameters,
    /// What the host began, and what it received.
    contacts: Vec<Contact>,
    minutes: Minutes,
    found: Found,
    floods: Vec<Flood>,
}

impl<'a> Looker<'a> {
    pub(super) fn new(kinds: &'a [Kind], parameters: &'a Parameters) -> Self {
        Self {
            kinds,
            parameters,
            contacts: Vec::new(),
            minutes: Minutes::default(),
            found: Found::default(),
            floods: Vec::new(),
        }
    }

    /// Adds what was found to `found`, and what may be a flood to `floods`.
    pub(super) fn add_to(self, found: &mut Found, floods: &mut Vec<Flood>) {
        let Found { detections, hosts, connections, sampled, one_way, in_parts, .. } = self.found;
        found.detections.extend(detections);
        floods.extend(self.floods);
        found.hosts += hosts;
        found.connections += connections;
        found.sampled += sampled;
        found.one_way += one_way;
        found.in_parts += in_parts;
    }

    fn looks_for(&self, kind: Kind) -> bool {
        self.kinds.contains(&kind)
    }

    /// Counts a connection that `host` began, and keeps it for its judges.
    fn began(&mut self, connection: &Connection) {
        self.found.connections += 1;
        self.found.sampled += u64::from(connection.sampled);
        self.found.one_way += u64::from(connection.is_one_way());
        if self.looks_for(Kind::Long) {
            self.found.detections.extend(long::judge(connection, self.parameters));
        }
        self.contacts.push(connection.into());
    }

    /// Judges `host` by what is kept of it.
    fn judge(&mut self, host: IpAddr) {
        let (contacts, parameters) = (&mut self.contacts, self.parameters);
        contacts.sort_unstable_by_key(|contact| (contact.first_ms, contact.peer, contact.port));
        let found = &mut self.found.detections;
        if self.kinds.contains(&Kind::Scan) {
            found.extend(scan::judge(host, contacts, parameters));
        }
        if self.kinds.contains(&Kind::Spread) {
            found.extend(spread::judge(host, contacts, parameters));
        }
        if self.kinds.contains(&Kind::Beacon) && parameters.inside.has(host) {
            found.extend(beacon::judge(host, contacts, parameters));
        }
        found.truncate(MAX_FOUND * Kind::ALL.len());
        contacts.clear();
    }
}

impl HostVisitor for Looker<'_> {
    fn take(&mut self, part: &HostPart) -> Result<()> {
        let HostPart { host, connections, is_last } = part;
        let counts_minutes = self.looks_for(Kind::Ddos) && self.parameters.inside.has(*host);
        for connection in connections {
            if connection.initiator == *host {
                self.began(connection);
            }
            if counts_minutes {
                self.minutes.add(*host, connection);
            }
        }
        if self.contacts.len() > MAX_CONTACTS {
            self.found.in_parts += 1;
            self.judge(*host);
        }
        if *is_last {
            self.found.hosts += 1;
            self.judge(*host);
            self.floods.extend(self.minutes.judge(*host, self.parameters));
            self.floods.truncate(MAX_FOUND);
        }
        Ok(())
    }
}

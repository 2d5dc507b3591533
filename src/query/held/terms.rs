//! Who had one public port, one after the other.

use std::collections::HashMap;
use std::net::IpAddr;

/// What an event says of the end behind the NAT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// It is none: a flow used it from its start to its end.
    Flow,
    /// It was given to somebody.
    Taken,
    /// It is free again.
    Released,
    /// It says nothing of who has it.
    Other,
}

/// What is held: two that differ in this do not hinder each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Public {
    pub(super) address: IpAddr,
    pub(super) port: Option<u16>,
    pub(super) protocol: u8,
    /// The event that gives it to somebody; its release has the next number.
    pub(super) kind: u64,
}

/// An event, in the order in which events are looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) at: u64,
    pub(super) event: Event,
    pub(super) public: Public,
    pub(super) inside: (IpAddr, u16),
    pub(super) outside: (IpAddr, u16),
    /// The batch and the row that say so.
    pub(super) place: (usize, u32),
}

/// Somebody who took it, and until when he held it, if that is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Holder {
    pub(super) entry: Entry,
    pub(super) until: Option<u64>,
}

/// Who held one port one after the other, in the order in which they took it.
#[derive(Debug, Default)]
pub(super) struct Terms {
    holders: Vec<Holder>,
    /// Releases of what nobody is known to have taken.
    unknown: Vec<Entry>,
}

impl Terms {
    pub(super) fn of(mut entries: Vec<Entry>) -> Self {
        entries.sort_unstable_by_key(|entry| (entry.at, entry.place));
        let mut terms = Self::default();
        for same in entries.chunk_by(|a, b| a.at == b.at) {
            // Of one moment releases come first, and then those of what was taken in it.
            let (taken, released): (Vec<&Entry>, Vec<&Entry>) =
                same.iter().partition(|entry| entry.event == Event::Taken);
            let left: Vec<&Entry> =
                released.into_iter().filter(|entry| !terms.release(entry)).collect();
            for entry in taken {
                terms.take(entry);
            }
            for entry in left {
                if !terms.release(entry) {
                    terms.unknown.push(*entry);
                }
            }
        }
        terms
    }

    fn take(&mut self, entry: &Entry) {
        let is_known = |holder: &Holder| {
            (holder.entry.inside, holder.entry.outside, holder.entry.at)
                == (entry.inside, entry.outside, entry.at)
        };
        if !self.holders.iter().rev().take_while(|held| held.entry.at == entry.at).any(is_known) {
            self.holders.push(Holder { entry: *entry, until: None });
        }
    }

    /// Ends the latest term that `entry` may end; whether there is one.
    fn release(&mut self, entry: &Entry) -> bool {
        let same = |a: (IpAddr, u16), b: (IpAddr, u16)| {
            a == b || [a, b].iter().any(|end| end.0.is_unspecified())
        };
        let is_meant = |holder: &&mut Holder| {
            holder.until.is_none()
                && holder.entry.inside == entry.inside
                && same(holder.entry.outside, entry.outside)
        };
        let meant = self.holders.iter_mut().rev().find(is_meant);
        meant.map(|holder| holder.until = Some(entry.at)).is_some()
    }

    /// Adds those who held it at the moment `at`, and says how many others might have: what somebody
    /// else got was free, whether its release was told or not.
    pub(super) fn at(&self, at: u64, to: &mut Vec<Holder>) -> u64 {
        let mut replaced = 0;
        // The inside hosts that took it later: the first of them, and whether there was another.
        let (mut later, mut several) = (None, false);
        let taken = self.holders.partition_point(|holder| holder.entry.at <= at);
        for holder in self.holders[..taken].iter().rev() {
            let inside = holder.entry.inside.0;
            let is_replaced = several || later.is_some_and(|later| later != inside);
            match holder.until {
                Some(until) if until < at => {}
                None if is_replaced => replaced += 1,
                _ => to.push(*holder),
            }
            several |= is_replaced;
            later.get_or_insert(inside);
        }
        replaced
    }

    /// Whose release after the moment `at` tells that he held it, as nothing else is known since.
    pub(super) fn of_release(&self, at: u64) -> Option<Holder> {
        let release = *self.unknown.iter().find(|release| release.at >= at)?;
        let since = |holder: &Holder| (at..=release.at).contains(&holder.entry.at);
        let holder = Holder { entry: release, until: Some(release.at) };
        (!self.holders.iter().any(since)).then_some(holder)
    }
}

/// Of each inside host and port behind the NAT the latest of `holders`.
pub(super) fn latest(holders: Vec<Holder>) -> Vec<((usize, u32), Option<u64>)> {
    let mut latest: HashMap<_, Holder> = HashMap::new();
    for holder in holders {
        let Public { address, port, protocol, .. } = holder.entry.public;
        let known =
            latest.entry((address, port, protocol, holder.entry.inside.0)).or_insert(holder);
        if (holder.entry.at, holder.entry.place) > (known.entry.at, known.entry.place) {
            *known = holder;
        }
    }
    latest.into_values().map(|holder| (holder.entry.place, holder.until)).collect()
}

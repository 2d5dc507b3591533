//! Events that firewalls and NATs tell, by their names.

/// What `firewallEvent` says.
pub(crate) const CREATED: u64 = 1;
pub(crate) const DELETED: u64 = 2;
pub(crate) const DENIED: u64 = 3;
pub(crate) const ALERT: u64 = 4;
pub(crate) const UPDATE: u64 = 5;

/// What tells of an event: of each flow one at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    /// IANA's `firewallEvent`: what became of a connection.
    Firewall,
    /// Why, by a number of Cisco's (ASA NetFlow Implementation Guide).
    Reason,
    /// IANA's `natEvent`: what became of a translation (RFC 8158 §4.3).
    Nat,
}

/// Numbers with their names; of several names for one number the first is the one that is shown.
const FIREWALL: [(&str, u64); 12] = [
    ("ignore", 0),
    ("create", CREATED),
    ("delete", DELETED),
    ("denied", DENIED),
    ("alert", ALERT),
    ("update", UPDATE),
    // As nfdump and others call them, too.
    ("created", 1),
    ("deleted", 2),
    ("term", 2),
    ("teardown", 2),
    ("deny", 3),
    ("updated", 5),
];

const REASON: [(&str, u64); 9] = [
    ("ignore", 0),
    ("i-acl", 1001),
    ("e-acl", 1002),
    ("deny", 1003),
    ("nosyn", 1004),
    ("ingress", 1001),
    ("egress", 1002),
    ("access", 1003),
    ("interface", 1003),
];

const NAT: [(&str, u64); 19] = [
    ("invalid", 0),
    ("add", 1),
    ("delete", 2),
    ("exhaust", 3),
    ("add44", 4),
    ("del44", 5),
    ("add64", 6),
    ("del64", 7),
    ("add44bib", 8),
    ("del44bib", 9),
    ("add64bib", 10),
    ("del64bib", 11),
    ("pexhaust", 12),
    ("quotaexh", 13),
    ("addaddr", 14),
    ("deladdr", 15),
    ("addpblk", 16),
    ("delpblk", 17),
    ("threshld", 18),
];

impl EventKind {
    /// The number of the element that tells it.
    pub const fn element(self) -> u16 {
        match self {
            Self::Firewall => 233,
            Self::Reason => 33_002,
            Self::Nat => 230,
        }
    }

    /// The name of event `number`, in small letters.
    pub fn name(self, number: u64) -> Option<&'static str> {
        self.names().iter().find(|&&(_, known)| known == number).map(|&(name, _)| name)
    }

    /// The event of this name, in capital or small letters.
    pub fn named(self, name: &str) -> Option<u64> {
        let is = |known: &str| known.eq_ignore_ascii_case(name);
        self.names().iter().find(|(known, _)| is(known)).map(|&(_, number)| number)
    }

    /// Every name, with its number.
    pub const fn names(self) -> &'static [(&'static str, u64)] {
        match self {
            Self::Firewall => &FIREWALL,
            Self::Reason => &REASON,
            Self::Nat => &NAT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_is_found_by_the_name_that_is_shown() {
        for kind in [EventKind::Firewall, EventKind::Reason, EventKind::Nat] {
            for &(name, number) in kind.names() {
                assert_eq!(kind.named(&name.to_uppercase()), Some(number), "{name}");
                let shown = kind.name(number).unwrap();
                assert_eq!(kind.named(shown), Some(number), "{shown}");
            }
        }
        assert_eq!(EventKind::Firewall.named("denied"), Some(3));
        assert_eq!((EventKind::Nat.name(99), EventKind::Nat.named("")), (None, None));
    }
}

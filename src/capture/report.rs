//! What reading came to: counts of packets by what became of them, and what was wrong.

use std::fmt;

use serde::Serialize;

/// How many faults, and how many names of files that are no captures, a report keeps; the rest
/// is only counted.
const MAX_NAMED: usize = 1000;

/// What a file, or several, held. `packets` is always `datagrams` plus all of `skipped`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Captures read: files, and members of archives.
    pub captures: u64,
    /// Files and members that are no captures.
    pub other_files: u64,
    /// Their names, the first 1000.
    pub other_names: Vec<String>,
    /// Packets that the captures hold.
    pub packets: u64,
    /// UDP datagrams given to the sink.
    pub datagrams: u64,
    /// Packets that gave no datagram, by reason.
    pub skipped: Skipped,
    /// What was wrong with files, the first 1000 places.
    pub faults: Vec<Fault>,
    /// How many more faults there were.
    pub more_faults: u64,
    /// Whether the sink ended the reading early.
    pub stopped: bool,
}

impl Report {
    /// Adds what another file came to.
    pub fn merge(&mut self, other: Self) {
        self.captures += other.captures;
        self.other_files += other.other_files;
        let room = MAX_NAMED.saturating_sub(self.other_names.len());
        self.other_names.extend(other.other_names.into_iter().take(room));
        self.packets += other.packets;
        self.datagrams += other.datagrams;
        self.skipped.merge(&other.skipped);
        self.more_faults += other.more_faults;
        for fault in other.faults {
            self.fault(fault);
        }
        self.stopped |= other.stopped;
    }

    pub(super) fn fault(&mut self, fault: Fault) {
        if self.faults.len() < MAX_NAMED {
            self.faults.push(fault);
            return;
        }
        self.more_faults += 1;
        // That something was not read to its end is told however damaged the rest is.
        if fault.kind == FaultKind::Unreadable && self.unreadable().is_none() {
            self.faults.pop();
            self.faults.push(fault);
        }
    }

    /// The first place behind which there may be more, that could not be read.
    pub fn unreadable(&self) -> Option<&Fault> {
        self.faults.iter().find(|fault| fault.kind == FaultKind::Unreadable)
    }

    pub(super) fn other_file(&mut self, name: &str) {
        self.other_files += 1;
        if self.other_names.len() < MAX_NAMED {
            self.other_names.push(name.to_owned());
        }
    }
}

/// One place where a file is not as it should be; what was whole before it was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The file, or the archive's member.
    pub name: String,
    /// Where in it; after decompression, where it is compressed.
    pub offset: u64,
    /// Whether the offset counts decompressed bytes.
    pub decompressed: bool,
    /// What is wrong there.
    pub problem: String,
    /// Of which kind that is.
    pub kind: FaultKind,
}

/// Whether there is more to be had of what has a [`Fault`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum FaultKind {
    /// The bytes are not as they should be, or end too early: whoever reads them again finds the
    /// same.
    Damaged,
    /// The system did not give the bytes, for want of descriptors, of rights or of memory, or as the
    /// disk failed: they may be whole, and read another time.
    Unreadable,
}

impl Fault {
    /// The place and the problem, where it is clear which file is spoken of.
    pub fn in_file(&self) -> String {
        let Self { offset, problem, .. } = self;
        let counted = if self.decompressed && *offset > 0 { " (decompressed)" } else { "" };
        format!("at byte {offset}{counted}: {problem}")
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.in_file())
    }
}

/// Why a packet gave no datagram of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Skip {
    /// Its link layer is none that is read here.
    LinkType,
    /// It is no IP packet: ARP, spanning tree, …
    NotIp,
    /// ICMP, also where it quotes a datagram: the quote was never received.
    Icmp,
    /// TCP.
    Tcp,
    /// Another protocol over IP.
    OtherProtocol,
    /// A fragment of a datagram that was given with the last of its fragments.
    Joined,
    /// A fragment whose datagram never came whole.
    Incomplete,
    /// It ends within its headers, or is a fragment that the snap length cut.
    Cut,
    /// Its headers contradict themselves.
    Malformed,
}

impl Skip {
    /// Every reason.
    pub const ALL: [Self; 9] = [
        Self::LinkType,
        Self::NotIp,
        Self::Icmp,
        Self::Tcp,
        Self::OtherProtocol,
        Self::Joined,
        Self::Incomplete,
        Self::Cut,
        Self::Malformed,
    ];
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LinkType => "unknown link type",
            Self::NotIp => "not IP",
            Self::Icmp => "ICMP",
            Self::Tcp => "TCP",
            Self::OtherProtocol => "other protocol",
            Self::Joined => "fragment joined",
            Self::Incomplete => "fragment never completed",
            Self::Cut => "cut short",
            Self::Malformed => "malformed",
        })
    }
}

/// Counts of packets by the reason why they gave no datagram.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Skipped([u64; Skip::ALL.len()]);

impl Skipped {
    /// How many were skipped for `reason`.
    pub fn get(&self, reason: Skip) -> u64 {
        self.0[reason as usize]
    }

    /// How many were skipped.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// The reasons that occurred, with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (Skip, u64)> + '_ {
        Skip::ALL.into_iter().zip(self.0).filter(|&(_, count)| count > 0)
    }

    pub(super) fn add(&mut self, reason: Skip, count: u64) {
        self.0[reason as usize] += count;
    }

    fn merge(&mut self, other: &Self) {
        for (count, more) in self.0.iter_mut().zip(other.0) {
            *count += more;
        }
    }
}

impl Serialize for Skipped {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(faults: usize) -> Report {
        let mut report = Report { packets: 3, datagrams: 2, captures: 1, ..Report::default() };
        report.skipped.add(Skip::Tcp, 1);
        for offset in 0..faults as u64 {
            let name = format!("{offset}.txt");
            report.other_file(&name);
            let problem = "cut".to_owned();
            let kind = FaultKind::Damaged;
            report.fault(Fault { name, offset, decompressed: offset == 7, problem, kind });
        }
        report
    }

    #[test]
    fn merging_adds_every_count_and_keeps_a_limited_number_of_names() {
        let mut all = report(600);
        all.merge(report(600));
        assert_eq!((all.packets, all.datagrams, all.captures), (6, 4, 2));
        assert_eq!(all.skipped.get(Skip::Tcp), 2);
        assert_eq!((all.faults.len(), all.more_faults), (1000, 200));
        assert_eq!((all.other_names.len(), all.other_files), (1000, 1200));
    }

    #[test]
    fn what_could_not_be_read_is_named_however_many_places_are_damaged() {
        let mut full = report(MAX_NAMED + 3);
        assert_eq!(full.unreadable(), None);
        let unread = Fault { kind: FaultKind::Unreadable, ..full.faults[0].clone() };
        full.fault(unread.clone());
        full.fault(unread.clone());
        assert_eq!(full.unreadable(), Some(&unread));
        assert_eq!((full.faults.len(), full.more_faults), (MAX_NAMED, 5));
    }

    #[test]
    fn a_report_serializes_with_reasons_as_names() {
        let json = serde_json::to_value(report(1)).unwrap();
        assert_eq!(json["skipped"], serde_json::json!({"tcp": 1}));
        assert_eq!(report(1).faults[0].to_string(), "0.txt: at byte 0: cut");
        assert_eq!(report(8).faults[7].to_string(), "7.txt: at byte 7 (decompressed): cut");
    }

    #[test]
    fn every_reason_has_its_own_place() {
        for (place, reason) in Skip::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, place, "{reason}");
        }
    }
}

//! What a detection says.

use std::cmp::Reverse;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::flow::{Protocol, UnixMillis};

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A host that looks for what others listen on.
    Scan,
    /// A host inside that calls the same one outside again and again.
    Beacon,
    /// A connection to the outside that lasts for hours.
    Long,
    /// A host inside that begins to log in to many others inside.
    Spread,
    /// A flood of packets to one host.
    Ddos,
    /// A host that dealt with an address of a watch list.
    Indicator,
    /// A host inside that sends far more to the outside than it is used to.
    Exfil,
    /// A host or an exporter that stopped.
    Silent,
    /// Peers, ports, countries or autonomous systems that a host inside never used before.
    New,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Scan,
        Self::Beacon,
        Self::Long,
        Self::Spread,
        Self::Ddos,
        Self::Indicator,
        Self::Exfil,
        Self::Silent,
        Self::New,
    ];

    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scan => "scan",
            Self::Beacon => "beacon",
            Self::Long => "long",
            Self::Spread => "spread",
            Self::Ddos => "ddos",
            Self::Indicator => "indicator",
            Self::Exfil => "exfil",
            Self::Silent => "silent",
            Self::New => "new",
        }
    }

    /// Whether it is looked for among connections.
    pub const fn joins(self) -> bool {
        !matches!(self, Self::Indicator)
    }

    /// The technique of MITRE ATT&CK that it may be a sign of.
    pub const fn attack(self) -> &'static str {
        match self {
            Self::Scan => "T1046",
            Self::Beacon | Self::Long | Self::Indicator | Self::New => "T1071",
            Self::Spread => "T1021",
            Self::Ddos => "T1498",
            Self::Exfil => "T1048",
            Self::Silent => "T1489",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Text that names no kind of detection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is nothing that is looked for; there are {names} and all", names = names())]
pub struct ParseKindError(String);

fn names() -> String {
    Kind::ALL.map(Kind::name).join(", ")
}

impl FromStr for Kind {
    type Err = ParseKindError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|kind| kind.name() == text);
        named.ok_or_else(|| ParseKindError(text.to_owned()))
    }
}

/// A kind, or `all` of them, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kinds(pub Vec<Kind>);

impl FromStr for Kinds {
    type Err = ParseKindError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(if text == "all" { Kind::ALL.to_vec() } else { vec![text.parse()?] }))
    }
}

/// How soon somebody should look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// When there is time.
    Low,
    /// Today.
    Medium,
    /// Now.
    High,
}

impl Severity {
    /// Every severity, the least first.
    pub const ALL: [Self; 3] = [Self::Low, Self::Medium, Self::High];

    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Text that names no severity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no severity; write low, medium or high")]
pub struct ParseSeverityError(String);

impl FromStr for Severity {
    type Err = ParseSeverityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|severity| severity.name() == text);
        named.ok_or_else(|| ParseSeverityError(text.to_owned()))
    }
}

/// A number that decided, or tells of the size.
#[derive(Debug, Clone, PartialEq)]
pub enum Evidence {
    /// So many.
    Count(u64),
    /// A score or a share, from 0 to 1.
    Share(f64),
    /// A probability of chance, or what else is told to two places of its first digits.
    Chance(f64),
    /// Another number, which may be negative.
    Number(f64),
    /// So many milliseconds.
    Span(u64),
    /// What a few things are called.
    Text(String),
}

/// Something that stands out.
#[derive(Debug, Clone, PartialEq)]
pub struct Detection {
    /// What it is.
    pub kind: Kind,
    /// Which kind of it, such as a `vertical` scan.
    pub variant: &'static str,
    /// Who did it; of a flood, who suffers it; of what is silent, the exporter or the host.
    pub host: IpAddr,
    /// The one it was done to, where that is one.
    pub peer: Option<IpAddr>,
    /// By which protocol, where that is one.
    pub protocol: Option<Protocol>,
    /// To which port, where that is one; of ICMP type × 256 + code.
    pub port: Option<u16>,
    /// When it began.
    pub first: UnixMillis,
    /// When it ended.
    pub last: UnixMillis,
    /// How soon somebody should look.
    pub severity: Severity,
    /// How sure it is, from 0 to 1.
    pub confidence: f64,
    /// The numbers that decided, by name.
    pub evidence: Vec<(&'static str, Evidence)>,
}

impl Detection {
    /// A number that is the same whenever the same is found again: of its kind, its ends and its
    /// port.
    pub fn id(&self) -> String {
        let Self { kind, variant, host, peer, protocol, port, .. } = self;
        let protocol = protocol.map(|protocol| protocol.0);
        let text = format!("{kind} {variant} {host} {peer:?} {protocol:?} {port:?}");
        format!("{:016x}", xxh3_64(text.as_bytes()))
    }

    /// The filter that finds the flows it was made of, within its time.
    pub fn filter(&self) -> String {
        let Self { host, peer, protocol, port, .. } = *self;
        if self.variant == EXPORTER {
            return format!("exporter ip {host}");
        }
        let of_port = |protocol: Protocol| !protocol.is_icmp();
        let terms = [
            Some(format!("ip {host}")),
            peer.map(|peer| format!("ip {peer}")),
            protocol.map(|protocol| format!("proto {}", protocol.0)),
            port.filter(|_| protocol.is_some_and(of_port)).map(|port| format!("port {port}")),
        ];
        terms.into_iter().flatten().collect::<Vec<_>>().join(" and ")
    }

    /// What they are sorted by: the gravest has the least.
    pub(super) fn rank(&self) -> Rank {
        let sure = (self.confidence * 1e6) as u64;
        let ends = (self.kind, self.host, self.peer, self.port);
        (Reverse((self.severity, sure)), ends, self.first)
    }
}

/// The variant whose host is an exporter.
pub(super) const EXPORTER: &str = "exporter";

/// How grave a detection is, how sure, and then which it is.
pub(super) type Rank =
    (Reverse<(Severity, u64)>, (Kind, IpAddr, Option<IpAddr>, Option<u16>), UnixMillis);

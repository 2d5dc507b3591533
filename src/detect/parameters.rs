//! What decides, with what was published of it.

use std::sync::Arc;

use super::{Dark, Inside};
use crate::flow::UnixMillis;
use crate::meaning::Table;

/// What decides. The defaults are the published ones where there are any.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameters {
    /// What is told of later moments is of a clock that runs ahead.
    pub now: UnixMillis,
    /// The hosts that are one's own.
    pub inside: Inside,
    /// A horizontal scan tries so many hosts at least that do not answer (rwscan: 32 flows).
    pub scan_hosts: usize,
    /// A vertical one so many ports of a host (counting, as IDS have it: 100).
    pub scan_ports: usize,
    /// And so large a share of what it tries does not answer.
    pub scan_failed: f64,
    /// An address inside is dark that sent nothing in so many days before what is looked at, nor in it.
    pub dark_days: u64,
    /// Which addresses are dark, if that is known; it is learnt from the store.
    pub dark: Option<Arc<Dark>>,
    /// A beacon's scores (RITA v5) come to so much at least; RITA calls 0.7 low and 0.9 medium.
    pub beacon_score: f64,
    /// And it has so many contacts.
    pub beacon_contacts: usize,
    /// Destinations that more hosts inside call evenly, or five times as many at all, are updates, clocks and
    /// telemetry, and not told.
    pub beacon_hosts: u64,
    /// A long connection lasts for so many hours at least (RITA: 1 base, 4 low, 8 medium, 12 high).
    pub long_hours: u64,
    /// A host that spreads logs in to so many others within an hour.
    pub spread_hosts: usize,
    /// A flood has so many packets a second over a minute at least (FastNetMon: 20,000 for a host).
    pub flood_packets: u64,
    /// And so many times what the host receives in its usual minutes.
    pub flood_times: u64,
    /// From so many sources, where nothing else tells a flood from a download (Akvorado's author: 20).
    pub flood_sources: usize,
    /// Within an hour it is much to send so many octets to the outside (Slips: 500 MB).
    pub exfil_octets: u64,
    /// And unusual from this robust z on (Iglewicz and Hoaglin 1993: 3.5).
    pub exfil_z: f64,
    /// And so many times what comes back.
    pub exfil_ratio: f64,
    /// Who stopped is silent for so many minutes at least.
    pub silent_minutes: u64,
    /// And for so many times the longest of his gaps before.
    pub silent_times: u64,
    /// What was not used before this is new; None: the last day of what is looked at.
    pub new_since: Option<UnixMillis>,
    /// So many new peers are told at least.
    pub new_peers: usize,
    /// And more than so many times what the host meets on any other day.
    pub new_times: u64,
    /// Which countries, and which autonomous systems, addresses are of, if that is known.
    pub countries: Option<Arc<Table>>,
    /// As `countries`.
    pub systems: Option<Arc<Table>>,
}

impl Parameters {
    /// So many hosts inside may call the destination of a beacon at all: of very many that call a server of
    /// any kind, some are even by chance.
    pub(crate) fn beacon_callers(&self) -> u64 {
        self.beacon_hosts.saturating_mul(5)
    }
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            now: UnixMillis::MAX,
            inside: Inside::default(),
            scan_hosts: 32,
            scan_ports: 100,
            scan_failed: 0.5,
            dark_days: 30,
            dark: None,
            beacon_score: 0.8,
            beacon_contacts: 12,
            beacon_hosts: 10,
            long_hours: 4,
            spread_hosts: 20,
            flood_packets: 2_000,
            flood_times: 10,
            flood_sources: 20,
            exfil_octets: 500_000_000,
            exfil_z: 3.5,
            exfil_ratio: 2.0,
            silent_minutes: 60,
            silent_times: 4,
            new_since: None,
            new_peers: 10,
            new_times: 3,
            countries: None,
            systems: None,
        }
    }
}

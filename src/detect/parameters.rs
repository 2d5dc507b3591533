//! What decides, with what was published of it.

use super::Inside;

/// What decides. The defaults are the published ones where there are any.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameters {
    /// The hosts that are one's own.
    pub inside: Inside,
    /// A horizontal scan tries so many hosts at least that do not answer (rwscan: 32 flows).
    pub scan_hosts: usize,
    /// A vertical one so many ports of a host (counting, as IDS have it: 100).
    pub scan_ports: usize,
    /// And so large a share of what it tries does not answer.
    pub scan_failed: f64,
    /// A beacon's scores (RITA v5) come to so much at least; RITA calls 0.7 low and 0.9 medium.
    pub beacon_score: f64,
    /// And it has so many contacts.
    pub beacon_contacts: usize,
    /// Destinations that more hosts inside call are updates, clocks and telemetry, and not told.
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
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            inside: Inside::default(),
            scan_hosts: 32,
            scan_ports: 100,
            scan_failed: 0.5,
            beacon_score: 0.8,
            beacon_contacts: 12,
            beacon_hosts: 10,
            long_hours: 4,
            spread_hosts: 20,
            flood_packets: 2_000,
            flood_times: 10,
            flood_sources: 20,
        }
    }
}

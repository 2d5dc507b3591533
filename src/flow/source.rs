//! Who exported a flow, and how he sampled.

use std::net::{IpAddr, Ipv4Addr};

use serde::{Deserialize, Serialize};

/// The stream of exports that a flow came in: an exporter, one engine of it, and its sampling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Source {
    /// The exporter's address.
    pub exporter: IpAddr,
    /// NetFlow v5: engine type × 256 + engine id. v9: source id. IPFIX: observation domain.
    pub engine: u32,
    /// How the exporter said that it samples.
    #[serde(flatten)]
    pub sampling: Sampling,
}

impl Source {
    /// The one of a flow of which nobody knows who exported it: 0.0.0.0, which samples nothing.
    pub const UNKNOWN: Self = Self {
        exporter: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        engine: 0,
        sampling: Sampling { mode: 0, interval: 0 },
    };
}

/// Packet sampling as exported. The interval may be set while the mode says none (Juniper), so
/// both are kept as they came.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Sampling {
    /// NetFlow v5's two mode bits: 0 none, 1 deterministic, 2 random.
    #[serde(rename = "samplingMode")]
    pub mode: u8,
    /// One packet of this many was seen; 0 and 1 mean every packet.
    #[serde(rename = "sampling")]
    pub interval: u32,
}

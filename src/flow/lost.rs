//! Sequence numbers of exports, and what they say is lost.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// What the sequence numbers of an exporter count.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Flows: NetFlow v5 and v7.
    #[default]
    Flows,
    /// Export packets: NetFlow v9.
    Packets,
    /// Data records, of flows and of options: IPFIX.
    Records,
    /// Datagrams: sFlow.
    Datagrams,
}

impl Unit {
    /// What else numbers may count where a format says that they count this: packets, or what is in
    /// them. Those of sFlow count nothing else.
    #[must_use]
    pub const fn otherwise(self) -> Self {
        match self {
            Self::Flows | Self::Records => Self::Packets,
            Self::Packets => Self::Flows,
            Self::Datagrams => Self::Datagrams,
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flows => "flows",
            Self::Packets => "packets",
            Self::Records => "records",
            Self::Datagrams => "datagrams",
        })
    }
}

/// The sequence numbers that one export packet has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sequence {
    /// The first of them, modulo 2³².
    pub from: u32,
    /// How many there are.
    pub count: u32,
    /// What they count, by the format.
    pub unit: Unit,
    /// How many there would be if they counted [`Unit::otherwise`], as some exporters do; None where
    /// that is not known.
    pub otherwise: Option<u32>,
}

/// An engine of an exporter whose sequence numbers count something else than its format says, told
/// by their steps.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SequenceUnit {
    /// The exporter.
    pub exporter: IpAddr,
    /// Its engine, source id or observation domain.
    pub engine: u32,
    /// What they count.
    pub unit: Unit,
    /// What the format says.
    pub format: Unit,
}

/// What an engine of an exporter sent, and never arrived.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lost {
    /// The exporter.
    pub exporter: IpAddr,
    /// Its engine, source id, observation domain or sub-agent.
    pub engine: u32,
    /// What its sequence numbers count.
    #[serde(default)]
    pub unit: Unit,
    /// How many of these they skip.
    #[serde(alias = "flows")]
    pub count: u64,
}

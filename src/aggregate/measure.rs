//! What flows are weighed by.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::flow::{Column, Columns, FlowBatch};

/// What flows are weighed by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Measure {
    /// Layer-3 bytes.
    #[default]
    Octets,
    /// Packets.
    Packets,
    /// The number of flows.
    Flows,
}

impl Measure {
    /// Every measure.
    pub const ALL: [Self; 3] = [Self::Octets, Self::Packets, Self::Flows];

    /// Its name on the command line and in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Octets => "octets",
            Self::Packets => "packets",
            Self::Flows => "flows",
        }
    }

    /// The column that it sums up; none to count flows.
    pub const fn columns(self) -> Columns {
        match self {
            Self::Octets => Columns::of(&[Column::Octets]),
            Self::Packets => Columns::of(&[Column::Packets]),
            Self::Flows => Columns::NONE,
        }
    }

    /// What a flow has of it, and from when to when it came. Flows are counted where they begin, so
    /// their duration is not even read.
    #[inline]
    pub(super) fn spread(self, flows: &FlowBatch, row: usize) -> (u64, u64, u64) {
        let first = flows.first_ms[row];
        let end = || first.saturating_add(flows.duration_ms[row].into());
        match self {
            Self::Octets => (first, end(), flows.octets[row]),
            Self::Packets => (first, end(), flows.packets[row]),
            Self::Flows => (first, first, flows.flows.of(row)),
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Measure {
    type Err = ParseMeasureError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|measure| measure.name() == text)
            .ok_or_else(|| ParseMeasureError { text: text.to_owned() })
    }
}

/// Text that is no measure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no measure; write octets, packets or flows")]
pub struct ParseMeasureError {
    text: String,
}

//! What becomes of a datagram on its way: lost, doubled, damaged, or nothing.

use serde::Serialize;

use super::Traffic;
use super::random::Random;
use crate::netflow::v5::{HEADER_BYTES, MAX_RECORDS, RECORD_BYTES};

/// In what way a datagram is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Damage {
    /// The capture cut it: at least one record is whole, and at least one is not.
    CutByCapture,
    /// Its count is above what the format allows. The records are all there.
    CountTooLarge,
    /// Its count is 0.
    CountZero,
    /// Its version is none.
    Version,
    /// It ends within its first record.
    Stub,
    /// Bytes follow its last record.
    Trailing,
}

impl Damage {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::CutByCapture,
        Self::CountTooLarge,
        Self::CountZero,
        Self::Version,
        Self::Stub,
        Self::Trailing,
    ];

    /// Whether a record can be read nevertheless.
    pub const fn leaves_records(self) -> bool {
        matches!(self, Self::CutByCapture | Self::CountTooLarge | Self::Trailing)
    }

    /// Damages `payload`; gives how many bytes of its end the capture does not have.
    pub(super) fn apply(self, random: &mut Random, payload: &mut Vec<u8>) -> usize {
        let records = ((payload.len() - HEADER_BYTES) / RECORD_BYTES) as u32;
        match self {
            Self::CutByCapture if records > 1 => {
                return random.between(1, (records - 1) * RECORD_BYTES as u32) as usize;
            }
            // With one record nothing can be cut and something be left.
            Self::CutByCapture | Self::Trailing => {
                payload.resize(payload.len() + random.between(1, 40) as usize, 0);
            }
            Self::CountTooLarge => {
                let count = random.between(u32::from(MAX_RECORDS) + 1, 65_535) as u16;
                payload[2..4].copy_from_slice(&count.to_be_bytes());
            }
            Self::CountZero => payload[2..4].fill(0),
            Self::Version => {
                let version = random.between(100, 65_535) as u16;
                payload[..2].copy_from_slice(&version.to_be_bytes());
            }
            Self::Stub => {
                payload.truncate(HEADER_BYTES + random.below(RECORD_BYTES as u32) as usize);
            }
        }
        0
    }
}

/// What becomes of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Arrives,
    Dropped,
    Doubled,
    Damaged(Damage),
}

impl Fate {
    /// The fate of the next datagram.
    pub(super) fn draw(traffic: &Traffic, random: &mut Random) -> Self {
        let drawn = 1.0 - random.unit();
        if drawn < traffic.loss {
            Self::Dropped
        } else if drawn < traffic.loss + traffic.duplicates {
            Self::Doubled
        } else if drawn < traffic.loss + traffic.duplicates + traffic.damage {
            Self::Damaged(random.one_of(&Damage::ALL))
        } else {
            Self::Arrives
        }
    }
}

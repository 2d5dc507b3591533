//! What became of the flows that were too old.

use serde::Serialize;

use crate::flow::UnixMillis;

/// The flows that were deleted for their age, or would be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Expired {
    /// How many.
    pub flows: u64,
    /// When the earliest of them began; none where none went.
    pub first: Option<UnixMillis>,
    /// When the latest of them began.
    pub last: Option<UnixMillis>,
    /// What it means on disk, where the store knows.
    pub files: Option<Files>,
}

/// What deleting flows did to a store's files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Files {
    /// Bytes that the store is smaller by.
    pub bytes: u64,
    /// Bytes of files that the store is made of no more, and that stay on disk until those are done
    /// who began to read before.
    pub held_bytes: u64,
    /// Runs that went as a whole.
    pub runs_dropped: u64,
    /// Runs that were written anew, without their older part.
    pub runs_cut: u64,
    /// Datagrams that are forgotten.
    pub datagrams: u64,
    /// Flows that are left.
    pub flows_left: u64,
    /// Bytes of runs and identities that are left.
    pub bytes_left: u64,
}

impl Expired {
    /// Adds so many flows, which began from `first` to `last`.
    pub fn add(&mut self, flows: u64, first: UnixMillis, last: UnixMillis) {
        self.flows += flows;
        self.first = Some(self.first.map_or(first, |known| known.min(first)));
        self.last = Some(self.last.map_or(last, |known| known.max(last)));
    }

    /// Adds what another part of the store comes to.
    pub(crate) fn merge(&mut self, other: &Self) {
        if let (Some(first), Some(last)) = (other.first, other.last) {
            self.add(other.flows, first, last);
        }
    }
}

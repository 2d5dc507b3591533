//! What is stored as a whole, or not at all.

use crate::flow::{DatagramId, FlowBatch};
use crate::normalise::Appended;

/// A stretch of a file: its flows, and what tells it from every other.
#[derive(Debug)]
pub struct Piece {
    /// Its identity, which is that of what it holds and not of the file: the time of its latest
    /// flow, and a hash of its bytes.
    pub id: DatagramId,
    /// Its flows between IPv4 addresses, with the table of their sources.
    pub v4: FlowBatch,
    /// Its flows between IPv6 addresses, with the same table.
    pub v6: FlowBatch,
    /// What became of its records, but for those that [`Self::malformed`] counts.
    pub appended: Appended,
    /// Records that could not be read, by reason.
    pub malformed: Vec<(&'static str, u64)>,
}

impl Piece {
    /// How many records it holds.
    pub fn records(&self) -> u64 {
        let malformed: u64 = self.malformed.iter().map(|&(_, records)| records).sum();
        self.appended.records + malformed
    }

    /// The records of which no flow was made, by reason.
    pub fn rejected(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.appended.rejected().chain(self.malformed.iter().copied())
    }
}

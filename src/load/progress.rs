//! How far a load is, for whoever wants to show it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counters that a load moves, and that other threads may look at meanwhile.
#[derive(Debug, Default)]
pub struct Progress {
    /// Bytes of all inputs as they are stored; 0 where that is not known beforehand.
    pub bytes_total: AtomicU64,
    /// Bytes read of them.
    pub bytes_done: AtomicU64,
    /// UDP datagrams read.
    pub datagrams: AtomicU64,
    /// Flow records read.
    pub records: AtomicU64,
}

/// What a [`Progress`] shows at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the counter of Progress of its name")]
pub struct Done {
    pub bytes_total: u64,
    pub bytes_done: u64,
    pub datagrams: u64,
    pub records: u64,
}

impl Progress {
    /// What is done up to now.
    pub fn done(&self) -> Done {
        Done {
            bytes_total: self.bytes_total.load(Relaxed),
            bytes_done: self.bytes_done.load(Relaxed),
            datagrams: self.datagrams.load(Relaxed),
            records: self.records.load(Relaxed),
        }
    }
}

//! The calls that a store, its writer and its snapshots take.

use serde::Serialize;

/// A kind of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(
    missing_docs,
    reason = "each names the method that is called; Read is a batch of a region"
)]
pub enum Call {
    Snapshot,
    Writer,
    Loads,
    Names,
    Remembered,
    Expire,
    Admit,
    Write,
    Commit,
    Record,
    Name,
    Remember,
    Regions,
    Plan,
    Read,
}

impl Call {
    /// Every kind.
    pub const ALL: [Self; 15] = [
        Self::Snapshot,
        Self::Writer,
        Self::Loads,
        Self::Names,
        Self::Remembered,
        Self::Expire,
        Self::Admit,
        Self::Write,
        Self::Commit,
        Self::Record,
        Self::Name,
        Self::Remember,
        Self::Regions,
        Self::Plan,
        Self::Read,
    ];

    /// Its name, as in code.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshot",
            Self::Writer => "writer",
            Self::Loads => "loads",
            Self::Names => "names",
            Self::Remembered => "remembered",
            Self::Expire => "expire",
            Self::Admit => "admit",
            Self::Write => "write",
            Self::Commit => "commit",
            Self::Record => "record",
            Self::Name => "name",
            Self::Remember => "remember",
            Self::Regions => "regions",
            Self::Plan => "plan",
            Self::Read => "read",
        }
    }
}

//! What can be wrong with an export datagram.

use std::fmt::{self, Display, Formatter};

/// Why nothing in a datagram could be decoded; `offset` counts from the payload's start and points
/// at the field's first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The content is no flow export.
    #[error("content is no flow export that is known here")]
    NotFlowExport,
    /// It is flow export of a version that is known by name only.
    #[error("it is of {version}")]
    Version {
        /// Which one.
        version: Unread,
    },
    /// It is flow export, and ends before its first record does.
    #[error("datagram ends at byte {available}, {field} at byte {offset} needs {needed} more")]
    Cut {
        /// What is not all there.
        field: &'static str,
        /// Where it begins.
        offset: usize,
        /// How many bytes of it are not there.
        needed: usize,
        /// How many bytes the payload has.
        available: usize,
    },
    /// It is flow export, and its header declares no record.
    #[error("header declares no records")]
    Count,
    /// It is flow export, and holds no set, or no sample, that can be read.
    #[error("no {what} can be read from byte {offset} on")]
    Empty {
        /// What there should be.
        what: &'static str,
        /// Where the first one should begin.
        offset: usize,
    },
}

impl DecodeError {
    /// Whether the content is flow export nevertheless, so that the datagram counts as malformed.
    pub const fn is_flow_export(self) -> bool {
        !matches!(self, Self::NotFlowExport)
    }

    /// The reason under which accounts count it. Labels never change once released.
    pub const fn label(self) -> &'static str {
        match self {
            Self::NotFlowExport => "not flow export",
            Self::Version { version } => version.label(),
            Self::Cut { .. } => "cut",
            Self::Count => "record count",
            Self::Empty { .. } => "empty",
        }
    }
}

/// A version that is known by name, and of which nothing is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unread {
    /// NetFlow v6: v5 with encapsulations.
    Netflow6,
    /// NetFlow v8: flows that the router summed up.
    Netflow8,
    /// sFlow version 2.
    Sflow2,
    /// sFlow version 4 (RFC 3176).
    Sflow4,
}

impl Unread {
    /// Whether accounts count such a version under `reason`.
    pub fn is_label(reason: &str) -> bool {
        reason.starts_with("of a version")
    }

    /// The reason under which accounts count it. Labels never change once released.
    const fn label(self) -> &'static str {
        match self {
            Self::Netflow6 => "of a version that is not read (NetFlow 6)",
            Self::Netflow8 => "of a version that is not read (NetFlow 8)",
            Self::Sflow2 => "of a version that is not read (sFlow 2)",
            Self::Sflow4 => "of a version that is not read (sFlow 4)",
        }
    }
}

impl Display for Unread {
    fn fmt(&self, to: &mut Formatter<'_>) -> fmt::Result {
        let label = self.label();
        to.write_str(label.strip_prefix("of ").unwrap_or(label))
    }
}

/// What is wrong with a datagram whose whole records could be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// It ends before all of its records are there.
    #[error("datagram ends before the last {missing} of its records do")]
    Cut {
        /// How many records are not whole.
        missing: u32,
    },
    /// Its header declares more records than the format allows.
    #[error("header declares {declared} records, of which {present} are there")]
    Count {
        /// The header's count.
        declared: u16,
        /// How many records are whole.
        present: usize,
    },
    /// It ends within its last set or sample, which holds no whole record more.
    #[error("datagram ends before its last {what} does")]
    Unfinished {
        /// What is not all there.
        what: &'static str,
    },
    /// A set, a sample or a message says a length that it cannot have; what follows is not read.
    #[error("{what} at byte {offset} says that it has {declared} bytes")]
    Length {
        /// What says so.
        what: &'static str,
        /// Where it begins.
        offset: usize,
        /// What it says.
        declared: usize,
    },
    /// A template is none that can be used.
    #[error("template {id} cannot be used")]
    Template {
        /// Its id.
        id: u16,
    },
    /// Sets of it wait for templates that never came. Their records are not read.
    #[error("{sets} of its sets have no template")]
    NoTemplate {
        /// How many.
        sets: u32,
    },
    /// Bytes follow the declared records. They are not read.
    #[error("{bytes} bytes follow the declared records")]
    Trailing {
        /// How many.
        bytes: usize,
    },
}

impl Fault {
    /// The name under which accounts count it. Labels never change once released.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Cut { .. } | Self::Unfinished { .. } => "cut",
            Self::Count { .. } => "record count",
            Self::Length { .. } => "length",
            Self::Template { .. } => "template",
            Self::NoTemplate { .. } => "without template",
            Self::Trailing { .. } => "trailing bytes",
        }
    }
}

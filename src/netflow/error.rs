//! What can be wrong with an export datagram.

/// Why nothing in a datagram could be decoded; `offset` counts from the payload's start and points
/// at the field's first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The content is no flow export.
    #[error("content is no flow export that is known here")]
    NotFlowExport,
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
            Self::Cut { .. } => "cut",
            Self::Count => "record count",
            Self::Empty { .. } => "empty",
        }
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

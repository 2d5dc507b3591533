//! The columns of a flow, and sets of them.

use std::fmt;
use std::ops::{BitAnd, BitOr};

/// One column of a [`FlowBatch`](super::FlowBatch), and of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each names the field of FlowRecord that it holds")]
pub enum Column {
    Src,
    First,
    Dst,
    Protocol,
    SrcPort,
    DstPort,
    Octets,
    Packets,
    Duration,
    TcpFlags,
    Tos,
    Input,
    Output,
    SrcAs,
    DstAs,
    SrcMask,
    DstMask,
    NextHop,
    Source,
    Extras,
}

impl Column {
    /// Every column, in the order in which a run stores them.
    pub const ALL: [Self; 20] = [
        Self::Src,
        Self::First,
        Self::Dst,
        Self::Protocol,
        Self::SrcPort,
        Self::DstPort,
        Self::Octets,
        Self::Packets,
        Self::Duration,
        Self::TcpFlags,
        Self::Tos,
        Self::Input,
        Self::Output,
        Self::SrcAs,
        Self::DstAs,
        Self::SrcMask,
        Self::DstMask,
        Self::NextHop,
        Self::Source,
        Self::Extras,
    ];

    /// The column's name in files, with its unit.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Src => "src",
            Self::First => "first_ms",
            Self::Dst => "dst",
            Self::Protocol => "protocol",
            Self::SrcPort => "src_port",
            Self::DstPort => "dst_port",
            Self::Octets => "octets",
            Self::Packets => "packets",
            Self::Duration => "duration_ms",
            Self::TcpFlags => "tcp_flags",
            Self::Tos => "tos",
            Self::Input => "input",
            Self::Output => "output",
            Self::SrcAs => "src_as",
            Self::DstAs => "dst_as",
            Self::SrcMask => "src_mask",
            Self::DstMask => "dst_mask",
            Self::NextHop => "next_hop",
            Self::Source => "source",
            Self::Extras => "extras",
        }
    }
}

/// A set of columns: what a scan is asked to read.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Columns(u32);

impl Columns {
    /// No column.
    pub const NONE: Self = Self(0);
    /// Every column.
    pub const ALL: Self = Self((1 << Column::ALL.len()) - 1);

    /// The set of these columns.
    pub const fn of(columns: &[Column]) -> Self {
        let mut bits = 0;
        let mut at = 0;
        while at < columns.len() {
            bits |= 1 << columns[at] as u32;
            at += 1;
        }
        Self(bits)
    }

    /// Whether `column` is in the set.
    pub const fn contains(self, column: Column) -> bool {
        self.0 & 1 << column as u32 != 0
    }

    /// This set without the columns of `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether no column is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The columns, in the order of [`Column::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Column> {
        Column::ALL.into_iter().filter(move |&column| self.contains(column))
    }
}

impl BitAnd for Columns {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOr for Columns {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Debug for Columns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Column::name)).finish()
    }
}

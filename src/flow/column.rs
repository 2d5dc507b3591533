//! The columns of a flow, and sets of them.

use std::fmt;
use std::ops::{BitAnd, BitOr};

use super::fields::columns;
use super::values::{ColumnKind, ColumnValues};
use super::{Addresses, Extras, FlowCounts, Leading};

macro_rules! column {
    ($($column:ident $field:ident: $values:ty, $name:literal, $word:literal,
        [$($($element:literal)|+),*], $bounds:literal;)*) => {
        /// One column of a [`FlowBatch`](super::FlowBatch), and of a run.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(missing_docs, reason = "each names the field of FlowRecord that it holds")]
        pub enum Column {
            $($column,)*
        }

        impl Column {
            /// The columns of a flow, in the order in which a run stores them, and behind them
            /// those that are only of its place in an order, and of rows that are sums.
            pub(crate) const EVERY: [Self; [$(Self::$column),*].len()] = [$(Self::$column),*];

            /// The column's name in files, with its unit.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$column => $name,)*
                }
            }

            /// What it is asked for by in filters.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$column => $word,)*
                }
            }

            /// What its values are.
            pub const fn kind(self) -> ColumnKind {
                match self {
                    $(Self::$column => <$values>::KIND,)*
                }
            }

            /// The numbers of IANA's elements that tell it: the best ones first, then those that
            /// are taken where a record has none of them.
            pub const fn elements(self) -> &'static [&'static [u16]] {
                match self {
                    $(Self::$column => &[$(&[$($element),+]),*],)*
                }
            }

            /// Whether runs keep the bounds of each of its pages: of the columns in the row key, and
            /// of those whose great or rare values are looked for among all flows. In the others
            /// every page has about the same.
            pub const fn has_bounds(self) -> bool {
                match self {
                    $(Self::$column => $bounds,)*
                }
            }
        }
    };
}

columns!(column);

impl Column {
    /// Every column of a flow, in the order in which a run stores them.
    pub const ALL: [Self; Self::Nat as usize] = {
        let mut all = [Self::Src; Self::Nat as usize];
        all.copy_from_slice(Self::EVERY.split_at(Self::Nat as usize).0);
        all
    };

    /// The column that says of a flow's other end what this one says of its end; the same one where
    /// it is of no end. The packets came in by the source's interface, and left by the other's.
    #[must_use]
    pub const fn other_end(self) -> Self {
        match self {
            Self::Src => Self::Dst,
            Self::Dst => Self::Src,
            Self::SrcPort => Self::DstPort,
            Self::DstPort => Self::SrcPort,
            Self::Input => Self::Output,
            Self::Output => Self::Input,
            Self::SrcAs => Self::DstAs,
            Self::DstAs => Self::SrcAs,
            Self::SrcMask => Self::DstMask,
            Self::DstMask => Self::SrcMask,
            column => column,
        }
    }

    /// The column that IANA's element `number` tells, and how good it is among those that tell the
    /// same: 0 is best.
    pub fn of_element(number: u16) -> Option<(Self, u8)> {
        TOLD_BY.get(usize::from(number)).copied().flatten()
    }
}

/// IANA's elements below this number may tell a column.
const ELEMENTS: usize = 512;

/// The column that each element tells, and its rank: templates ask for each of their fields.
static TOLD_BY: [Option<(Column, u8)>; ELEMENTS] = {
    let mut told_by = [None; ELEMENTS];
    let mut at = 0;
    while at < Column::ALL.len() {
        let ranks = Column::ALL[at].elements();
        let mut rank = 0;
        while rank < ranks.len() {
            let mut same = 0;
            while same < ranks[rank].len() {
                let element = ranks[rank][same] as usize;
                assert!(told_by[element].is_none(), "an element tells one column");
                told_by[element] = Some((Column::ALL[at], rank as u8));
                same += 1;
            }
            rank += 1;
        }
        at += 1;
    }
    told_by
};

/// Decoders, batches and cells have these three addresses; a fourth wants a place in each of them.
const _: () = {
    let mut at = 0;
    while at < Column::ALL.len() {
        let column = Column::ALL[at];
        assert!(
            matches!(column, Column::Src | Column::Dst | Column::NextHop)
                == matches!(column.kind(), ColumnKind::Address)
        );
        at += 1;
    }
};

/// A set of columns: what a scan is asked to read.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Columns(u32);

impl Columns {
    /// No column.
    pub const NONE: Self = Self(0);
    /// Every column of a flow.
    pub const ALL: Self = Self((1 << Column::ALL.len()) - 1);

    /// Likewise, and those of its place in an order and of sums.
    pub(crate) const EVERY: Self = Self((1 << Column::EVERY.len()) - 1);

    /// The columns that came after those that stores have had from the beginning. Old runs and cells
    /// lack them, and their elements are among the extras there.
    pub const LATER: Self = Self(Self::ALL.0 & (u32::MAX << (Column::Extras as u32 + 1)));

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
        Column::EVERY.into_iter().filter(move |&column| self.contains(column))
    }
}

impl FromIterator<Column> for Columns {
    fn from_iter<I: IntoIterator<Item = Column>>(columns: I) -> Self {
        columns.into_iter().fold(Self::NONE, |set, column| set | Self::of(&[column]))
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

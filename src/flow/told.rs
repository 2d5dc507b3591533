//! What of a flow IANA's elements tell.

use super::Column;

/// What of a flow an element tells: a column, or a part of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Told {
    /// A column.
    Column(Column),
    /// When the last packet was seen, from which the duration comes.
    Last,
    /// When something else than packets was observed: where nothing else says it, that is when the
    /// flow began.
    Observed,
    /// Type and code of ICMP, which stand in the destination port.
    Icmp,
    /// The upper half of these.
    IcmpType,
    /// The lower half.
    IcmpCode,
    /// One packet of how many was seen, which is kept with the source.
    SamplingInterval,
}

impl Told {
    /// What IANA's element `number` tells, and how good it is among those that tell the same: 0 is
    /// best. Where a record has several, the best one is taken, and the others are kept as they are.
    /// None for what is always kept as it is.
    pub fn of_element(number: u16) -> Option<(Self, u8)> {
        if let Some((column, rank)) = Column::of_element(number) {
            return Some((Self::Column(column), rank));
        }
        Some(match number {
            153 => (Self::Last, 0),
            155 | 157 => (Self::Last, 1),
            151 => (Self::Last, 2),
            159 => (Self::Last, 3),
            21 => (Self::Last, 4),
            324 | 325 => (Self::Observed, 1),
            322 => (Self::Observed, 2),
            32 | 139 => (Self::Icmp, 0),
            176 | 178 => (Self::IcmpType, 0),
            177 | 179 => (Self::IcmpCode, 0),
            34 | 305 => (Self::SamplingInterval, 0),
            50 => (Self::SamplingInterval, 1),
            _ => return None,
        })
    }

    /// Whether several fields of a record may tell it, each where it has a value: masks and times of
    /// two families or clocks, and the halves of an ICMP message.
    pub(crate) const fn may_repeat(self) -> bool {
        match self {
            Self::Column(column) => {
                matches!(column, Column::First | Column::SrcMask | Column::DstMask)
            }
            Self::SamplingInterval => false,
            Self::Last | Self::Observed | Self::Icmp | Self::IcmpType | Self::IcmpCode => true,
        }
    }
}

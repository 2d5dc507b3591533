//! What a scan can test on a flow inside the store, column by column.

use std::fmt;

use super::AddressRange;
use crate::flow::{Addresses, Column, Columns, FlowBatch};

/// A test on flows that a store evaluates while it scans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Predicate {
    /// The source is in the range.
    Src(AddressRange),
    /// The destination is in the range.
    Dst(AddressRange),
    /// Both hold.
    And(Box<Predicate>, Box<Predicate>),
    /// One or both hold.
    Or(Box<Predicate>, Box<Predicate>),
    /// It does not hold.
    Not(Box<Predicate>),
}

impl Predicate {
    /// The columns that it reads.
    pub fn columns(&self) -> Columns {
        match self {
            Self::Src(_) => Columns::of(&[Column::Src]),
            Self::Dst(_) => Columns::of(&[Column::Dst]),
            Self::And(a, b) | Self::Or(a, b) => a.columns() | b.columns(),
            Self::Not(a) => a.columns(),
        }
    }

    /// Whether each row of `batch`, which has the columns of [`Self::columns`], passes.
    pub fn evaluate(&self, batch: &FlowBatch) -> Vec<bool> {
        match self {
            Self::Src(range) => in_range(&batch.src, range, batch.len()),
            Self::Dst(range) => in_range(&batch.dst, range, batch.len()),
            Self::And(a, b) => zip(a.evaluate(batch), b.evaluate(batch), |a, b| a & b),
            Self::Or(a, b) => zip(a.evaluate(batch), b.evaluate(batch), |a, b| a | b),
            Self::Not(a) => a.evaluate(batch).into_iter().map(|pass| !pass).collect(),
        }
    }
}

fn zip(a: Vec<bool>, b: Vec<bool>, both: fn(bool, bool) -> bool) -> Vec<bool> {
    a.into_iter().zip(b).map(|(a, b)| both(a, b)).collect()
}

fn in_range(addresses: &Addresses, range: &AddressRange, rows: usize) -> Vec<bool> {
    if range.family() != addresses.family() {
        return vec![false; rows];
    }
    let (first, last) = range.bits();
    match addresses {
        Addresses::V4(addresses) => {
            let (first, last) = (first as u32, last as u32);
            addresses.iter().map(|&address| first <= address && address <= last).collect()
        }
        Addresses::V6(addresses) => {
            addresses.iter().map(|&address| first <= address && address <= last).collect()
        }
    }
}

impl fmt::Display for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Src(range) => write!(f, "src in {range}"),
            Self::Dst(range) => write!(f, "dst in {range}"),
            Self::And(a, b) => write!(f, "({a} and {b})"),
            Self::Or(a, b) => write!(f, "({a} or {b})"),
            Self::Not(a) => write!(f, "not {a}"),
        }
    }
}

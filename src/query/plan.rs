//! From a question to the scans that answer it.

use std::sync::Arc;

use super::{Direction, Question};
use crate::flow::{Column, Columns};
use crate::row::{Order, Predicate};
use crate::store::{Access, Meter, Reading, Scan};

/// The scans that answer a question, and the meter that they share.
///
/// There are two scans where both directions are asked for: what the addresses sent, and what they
/// received but did not send themselves, so that no flow is found twice.
#[derive(Debug, Clone)]
pub struct Lookup {
    pub(super) scans: Vec<Scan>,
    pub(super) columns: Columns,
    pub(super) limit: Option<u64>,
    pub(super) access: Access,
    meter: Arc<Meter>,
}

impl Question {
    /// Plans to read `columns` of the flows, in key order: by address, then by time.
    pub fn plan(&self, columns: Columns) -> Lookup {
        let needed = match self.direction {
            Direction::Any => columns | MERGE_COLUMNS,
            Direction::Src | Direction::Dst => columns,
        };
        self.lookup(self.orders(), columns, needed, true)
    }

    /// Plans to count the flows only: no columns, and no order to keep.
    pub fn plan_count(&self) -> Lookup {
        self.lookup(self.orders(), Columns::NONE, Columns::NONE, false)
    }

    fn orders(&self) -> &'static [Order] {
        match self.direction {
            Direction::Src => &[Order::Src],
            Direction::Dst => &[Order::Dst],
            Direction::Any => &[Order::Src, Order::Dst],
        }
    }

    fn lookup(&self, orders: &[Order], columns: Columns, needed: Columns, ordered: bool) -> Lookup {
        let meter = Arc::<Meter>::default();
        let base =
            Scan { time: self.time, ordered, meter: Arc::clone(&meter), ..Scan::all(needed) };
        // A whole table needs to be looked at only once where no order is to be kept.
        let scans = if self.access == Access::Filter && !ordered {
            vec![Scan { predicate: Some(self.predicate()), ..base }]
        } else {
            orders.iter().map(|&order| self.scan(order, base.clone())).collect()
        };
        Lookup { scans, columns, limit: self.limit, access: self.access, meter }
    }

    /// The scan for the flows that the addresses lead in `order`.
    fn scan(&self, order: Order, base: Scan) -> Scan {
        let leads = match order {
            Order::Src => Predicate::Src(self.addresses),
            Order::Dst => Predicate::Dst(self.addresses),
        };
        let found_already = (self.direction == Direction::Any && order == Order::Dst)
            .then(|| Predicate::Not(Box::new(Predicate::Src(self.addresses))));
        match self.access {
            Access::Range => {
                Scan { order, lead: Some(self.addresses), predicate: found_already, ..base }
            }
            Access::Filter => {
                let predicate = match found_already {
                    Some(not) => Predicate::And(Box::new(leads), Box::new(not)),
                    None => leads,
                };
                Scan { order, predicate: Some(predicate), ..base }
            }
        }
    }

    /// What holds of every flow that is asked for, but for its time.
    fn predicate(&self) -> Predicate {
        let (src, dst) = (Predicate::Src(self.addresses), Predicate::Dst(self.addresses));
        match self.direction {
            Direction::Src => src,
            Direction::Dst => dst,
            Direction::Any => Predicate::Or(Box::new(src), Box::new(dst)),
        }
    }
}

/// What the merge of two directions compares.
const MERGE_COLUMNS: Columns = Columns::of(&[Column::Src, Column::Dst, Column::First]);

impl Lookup {
    /// The scans, in the order of the directions.
    pub fn scans(&self) -> &[Scan] {
        &self.scans
    }

    /// What was read so far.
    pub fn reading(&self) -> Reading {
        self.meter.reading()
    }
}

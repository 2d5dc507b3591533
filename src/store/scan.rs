//! A question to a store, and how it means to answer: which columns (projection), which ranges of
//! keys and times, which predicate.

use std::sync::Arc;

use serde::Serialize;

use super::{Meter, Reading, Result, Watch};
use crate::flow::{Columns, TimeRange};
use crate::row::{AddressSet, NatRows, Order, Predicate};

/// A scan: which keys, which times, which flows among them, and which of their columns.
#[derive(Debug, Clone)]
pub struct Scan {
    /// The order to read in: whose range `lead` is. In that of addresses behind a NAT a flow comes
    /// once for each of its rows there that are read, unless `predicate` asks for [`Predicate::Led`]. A
    /// store that lacks this order reads in another, by [`Self::within_ends`].
    pub order: Order,
    /// The leading addresses; `None` is every one of both families.
    pub lead: Option<AddressSet>,
    /// The port that leads with the one address of `lead` behind a NAT; `None` is every one.
    pub port: Option<u16>,
    /// When the flows began.
    pub time: TimeRange,
    /// What else must hold of them.
    pub predicate: Option<Predicate>,
    /// What is read of them.
    pub columns: Columns,
    /// Whether regions and flows must come in key order.
    pub ordered: bool,
    /// What rows may stand for. A store that keeps no sums gives flows, whatever is asked for.
    pub rows: Rows,
    /// Whether it is a second look at flows that another scan read for the same answer.
    pub again: bool,
    /// Whether other scans may follow for the same answer when this one is over.
    pub followed: bool,
    /// Counts what is read.
    pub meter: Arc<Meter>,
    /// Says whether to go on.
    pub watch: Watch,
}

impl Scan {
    /// Everything, in no order.
    pub fn all(columns: Columns) -> Self {
        Self {
            order: Order::Src,
            lead: None,
            port: None,
            time: TimeRange::ALL,
            predicate: None,
            columns,
            ordered: false,
            rows: Rows::Flows,
            again: false,
            followed: false,
            meter: Arc::default(),
            watch: Watch::default(),
        }
    }

    /// This scan, of those flows only that pass `predicate`, too.
    #[must_use]
    pub fn testing(self, predicate: Predicate) -> Self {
        let predicate = Predicate::and(self.predicate.into_iter().chain([predicate]));
        Self { predicate: (predicate != Predicate::ANY).then_some(predicate), ..self }
    }

    /// This scan, of those flows only that `addresses` lead in `order`.
    #[must_use]
    pub fn narrowed(&self, order: Order, addresses: &AddressSet) -> Self {
        match &self.lead {
            None => Self { order, lead: Some(addresses.clone()), ..self.clone() },
            // Both ends of a flow are of one family, so that either may lead it.
            Some(lead) if self.order == order || lead.is_of_families() => {
                Self { order, lead: Some(lead.intersection(addresses)), ..self.clone() }
            }
            Some(_) => self.clone().testing(order.leads(addresses.clone())),
        }
    }

    /// This scan, of the flows that are found by `rows`, in the order of addresses behind a NAT.
    #[must_use]
    pub fn behind_nat(self, rows: NatRows) -> Self {
        let lead = Some(rows.addresses.as_nat_leads());
        let scan = Self { order: Order::Nat, lead, port: rows.port, ..self };
        scan.testing(Predicate::Led(rows))
    }

    /// Whether the rows that an address leads, of those that are asked for, are in the order of time.
    pub(crate) fn is_timed(&self) -> bool {
        self.order.is_timed(self.port)
    }

    /// What finds the same by looking at every flow, in `order`, which has them all.
    #[must_use]
    pub fn looking(&self, order: Order) -> Self {
        let whole = Self { order, lead: None, port: None, ..self.clone() };
        match &self.lead {
            // What leads there is asked for by its predicate, too.
            Some(lead) if self.order != Order::Nat => whole.testing(self.order.leads(lead.clone())),
            _ => whole,
        }
    }

    /// This scan as a store carries it out that keeps every flow in the orders of both ends, and in
    /// no other.
    #[must_use]
    pub fn within_ends(&self) -> Self {
        if self.order == Order::Nat { self.looking(Order::Src) } else { self.clone() }
    }

    /// Takes note of rows that were looked at. Whoever reads calls it before each piece of its work,
    /// whether anything is found or not.
    ///
    /// # Errors
    ///
    /// [`StoreError::Stopped`](super::StoreError::Stopped) if it is not to go on.
    pub fn count(&self, read: Reading) -> Result<()> {
        self.meter.add(read);
        self.watch.count(read.rows);
        self.watch.check()
    }

    /// The flows that `lead` leads in `order`, in key order.
    pub fn range(order: Order, lead: impl Into<AddressSet>, columns: Columns) -> Self {
        Self { order, lead: Some(lead.into()), ordered: true, ..Self::all(columns) }
    }
}

/// What the rows that a scan gives stand for; [`FlowBatch::flows`](crate::FlowBatch::flows) says
/// for how many flows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Rows {
    /// Each is one flow.
    #[default]
    Flows,
    /// Each is one flow or the sum of several: of some that are alike in these columns, and began
    /// within the same stretch of so many milliseconds since 1970, whenever they began where that
    /// is 0. Of no packet and no octet are all of them or none. Beside these columns a row has
    /// what its octets and packets add up to, when the first of its flows began, how long it is to
    /// the end of the last, and a source of the same sampling.
    Sums {
        /// What they are alike in.
        by: Columns,
        /// The stretch of time, in milliseconds.
        within_ms: u64,
    },
    /// Each is one flow, or what several flows had in one stretch of so many milliseconds since 1970
    /// where their octets and packets are spread over the time that they lasted: at the beginning
    /// of the stretch, and of as many flows as began in it.
    Shares {
        /// The stretch of time, in milliseconds.
        within_ms: u64,
    },
}

/// How a scan finds its flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// By a range of row keys.
    Range,
    /// By looking at every row.
    Filter,
}

/// A scan's plan: what it will read at most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// How the flows are found.
    pub access: Access,
    /// Runs in the store, and those that may hold what is asked for.
    pub runs: (u64, u64),
    /// Row groups in the store, and those to be read.
    pub blocks: (u64, u64),
    /// Pages of the leading column in those row groups, and those to be read.
    pub pages: (u64, u64),
    /// Anything else worth telling, a line each.
    pub notes: Vec<String>,
}

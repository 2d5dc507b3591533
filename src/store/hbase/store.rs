//! The store behind the trait.

use std::fmt;
use std::time::Duration;

use super::gateways::{Gateways, Patience};
use super::ledger;
use super::location::Location;
use super::snapshot::HbaseSnapshot;
use super::tables::{self, Layout};
use super::writer::HbaseWriter;
use crate::row::Order;
use crate::store::{Load, Result, Snapshot, Store, Writer};

/// How a store in HBase is reached, and made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The orders that a new store is made with. One that is there keeps those that it has.
    pub orders: Vec<Order>,
    /// So many connections write side by side.
    pub connections: usize,
    /// How long one answer is waited for. A region that moves may rightly take a minute or two.
    pub answer: Duration,
    /// How long a call is repeated before the cluster counts as not to be reached.
    pub recovery: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            orders: Order::ALL.to_vec(),
            connections: 4,
            answer: Duration::from_secs(120),
            recovery: Duration::from_secs(180),
        }
    }
}

/// Flows in tables of HBase.
#[derive(Debug, Clone)]
pub struct HbaseStore {
    gateways: Gateways,
    options: Options,
}

impl HbaseStore {
    /// The store at `location`. Nothing is reached yet.
    pub fn new(location: Location, options: Options) -> Self {
        let patience = Patience { answer: options.answer, recovery: options.recovery };
        Self { gateways: Gateways::new(location, patience), options }
    }
}

impl fmt::Display for HbaseStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.gateways.location().fmt(f)
    }
}

impl Store for HbaseStore {
    fn snapshot(&self) -> Result<Box<dyn Snapshot>> {
        let layout = Layout::read(&self.gateways, &mut self.gateways.session())?;
        Ok(Box::new(HbaseSnapshot::new(self.gateways.clone(), layout)))
    }

    fn writer(&self) -> Result<Box<dyn Writer>> {
        let layout =
            tables::ensure(&self.gateways, &mut self.gateways.session(), &self.options.orders)?;
        Ok(Box::new(HbaseWriter::open(&self.gateways, &layout, self.options.connections)?))
    }

    fn loads(&self) -> Result<Vec<Load>> {
        let mut session = self.gateways.session();
        Layout::read(&self.gateways, &mut session)?;
        ledger::read(&self.gateways, &mut session)
    }
}

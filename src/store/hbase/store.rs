//! The store behind the trait.

use std::fmt;
use std::time::Duration;

use super::gateways::{Gateways, Patience};
use super::location::Location;
use super::schema::{self, Created, Schema};
use super::snapshot::HbaseSnapshot;
use super::state::{self, TableState};
use super::tables::Layout;
use super::thrift2::Thrift2;
use super::watchlists::StoreLists;
use super::writer::HbaseWriter;
use super::{expire, ledger};
use crate::flow::{Names, Remembered, Topic, UnixMillis};
use crate::row::Order;
use crate::store::{Expired, Load, Result, Snapshot, Store, StoreError, WatchLists, Writer};

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
            answer: Duration::from_mins(2),
            recovery: Duration::from_mins(3),
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

impl HbaseStore {
    /// Makes the tables of `schema`: over the Thrift2 gateway at `thrift2` as they should be, else
    /// as far as the first interface goes.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotAStore`] if there are tables of these names that are none of a store;
    /// [`StoreError::Unreachable`], [`StoreError::Refused`].
    pub fn create(&self, schema: &Schema, thrift2: Option<&str>) -> Result<Created> {
        let thrift2 = thrift2.map(Thrift2::connect).transpose()?;
        schema::create(&self.gateways, &mut self.gateways.session(), schema, thrift2)
    }

    /// The statements of HBase's shell that do the same. Nothing is reached for them.
    pub fn statements(&self, schema: &Schema) -> String {
        schema::statements(&self.gateways, schema)
    }

    /// The tables as they are, and what is not as it should be: over the Thrift2 gateway at
    /// `thrift2` all of it, else as far as the first interface tells.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unreachable`]; [`StoreError::Newer`] and [`StoreError::NotAStore`] where the
    /// mark beside the tables is of another layout.
    pub fn tables(&self, thrift2: Option<&str>) -> Result<Vec<TableState>> {
        let thrift2 = thrift2.map(Thrift2::connect).transpose()?;
        let mut session = self.gateways.session();
        let layout = match Layout::read(&self.gateways, &mut session) {
            Ok(layout) => layout,
            Err(StoreError::Missing { .. }) => Layout::new(Order::ALL.to_vec(), None),
            Err(error) => return Err(error),
        };
        state::states(&self.gateways, &mut session, layout.tables(), thrift2)
    }

    /// Deletes the tables with all that is in them; gives their names.
    ///
    /// # Errors
    ///
    /// As [`Self::tables`], and [`StoreError::Missing`] where there is no store.
    pub fn drop_tables(&self) -> Result<Vec<String>> {
        let mut session = self.gateways.session();
        Layout::read(&self.gateways, &mut session)?;
        schema::drop(&self.gateways, &mut session)
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
            schema::ensure(&self.gateways, &mut self.gateways.session(), &self.options.orders)?;
        Ok(Box::new(HbaseWriter::open(&self.gateways, &layout, self.options.connections)?))
    }

    fn loads(&self) -> Result<Vec<Load>> {
        let mut session = self.gateways.session();
        Layout::read(&self.gateways, &mut session)?;
        ledger::read(&self.gateways, &mut session)
    }

    fn names(&self) -> Result<Names> {
        ledger::names(&self.gateways, &mut self.gateways.session())
    }

    fn remembered(&self, topic: Topic) -> Result<Remembered> {
        ledger::remembered(&self.gateways, &mut self.gateways.session(), topic)
    }

    fn expire(&self, before: UnixMillis, dry_run: bool) -> Result<Expired> {
        let layout = Layout::read(&self.gateways, &mut self.gateways.session())?;
        expire::expire(&self.gateways, &layout, before, dry_run)
    }

    fn watch_lists(&self) -> Result<Box<dyn WatchLists + '_>> {
        Ok(Box::new(StoreLists(self.gateways.clone())))
    }
}

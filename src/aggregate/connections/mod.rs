//! Records joined to connections, host by host.
//!
//! Every flow lies in the store twice, under its source and under its destination. So what a host
//! sent and what it received can be read side by side, by host and then by time, and what is known
//! of a host is forgotten when the next one comes: the memory that it takes is that of one host.

mod connection;
mod open;
mod records;
#[cfg(test)]
mod tests;
mod timeouts;

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::vec::IntoIter;

use rayon::prelude::*;

pub use connection::{Connection, OneWay};
pub use timeouts::{Timeouts, USUAL_ACTIVE_MS};

use open::{Host, Told};
use records::{COLUMNS, Records};

use super::{Limits, in_order};
use crate::flow::{Columns, Family};
use crate::query::Lookup;
use crate::row::{AddressSet, Order};
use crate::store::{Result, Scan, Snapshot};

/// What must be known of a flow.
pub const CONNECTION_COLUMNS: Columns = COLUMNS;

/// What is allowed beyond an exporter's time-out where nothing else is said, in milliseconds.
pub const USUAL_MARGIN_MS: u64 = 60_000;

/// Bytes that a connection takes while it is put together: those of the table and of what is over.
const CONNECTION_BYTES: usize = 256;

/// So many connections of a host are always kept, however little memory there is.
const MIN_KEPT: usize = 4_096;

/// How records are joined.
#[derive(Debug, Clone)]
pub struct Joining {
    /// After how long exporters cut what goes on.
    pub timeouts: Arc<Timeouts>,
    /// What is allowed beyond that, in milliseconds.
    pub margin_ms: u64,
    /// How much memory all threads may take together.
    pub limits: Limits,
}

/// Connections of one host, which began them or was spoken to, by when they began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPart {
    /// Whose they are.
    pub host: IpAddr,
    /// The connections.
    pub connections: Vec<Connection>,
    /// Whether these are the last of the host. One that has very many has them in several parts, of
    /// which each begins about where the one before it ended.
    pub is_last: bool,
}

/// Who looks at hosts, one after the other.
pub trait HostVisitor: Send {
    /// Takes connections of a host; all parts of one follow on each other.
    ///
    /// # Errors
    ///
    /// What the visitor meets.
    fn take(&mut self, part: &HostPart) -> Result<()>;
}

/// Shows the connections of every host that `lookup` is of, which [`Question::plan_hosts`] made of
/// [`CONNECTION_COLUMNS`], to visitors that `make` makes, one for each thread. A host is seen by one of
/// them, and a connection between two of the hosts at both.
///
/// # Errors
///
/// As [`Snapshot::regions`], what is met while reading, and what the visitors meet.
///
/// [`Question::plan_hosts`]: crate::query::Question::plan_hosts
pub fn each_host<V: HostVisitor>(
    snapshot: &dyn Snapshot,
    lookup: &Lookup,
    joining: &Joining,
    make: impl Fn() -> V + Sync,
) -> Result<Vec<V>> {
    let parts = Mutex::new(parts(snapshot, lookup)?);
    let next = || parts.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let threads = rayon::current_num_threads();
    let work = || {
        let mut visitor = make();
        while let Some(part) = next() {
            for part in HostParts::new(part.records(snapshot, joining)?, joining, threads) {
                visitor.take(&part?)?;
            }
        }
        Ok(visitor)
    };
    let visitors = (0..threads).into_par_iter().with_max_len(1).map(|_| work());
    visitors.collect()
}

/// The connections of the hosts that a lookup is of, as [`each_host`] has them, each once: by the host
/// that began it, or where that is none of them, by the other; then by when they began.
pub struct Connections {
    parts: HostParts,
    hosts: AddressSet,
    host: Option<IpAddr>,
    /// Of it.
    rest: IntoIter<Connection>,
}

impl Connections {
    /// Those that `lookup` finds, which is as [`each_host`] wants it.
    ///
    /// # Errors
    ///
    /// As [`each_host`], also in the stream.
    pub fn of(snapshot: &dyn Snapshot, lookup: &Lookup, joining: &Joining) -> Result<Self> {
        let part = Part::whole(lookup);
        let parts = HostParts::new(part.records(snapshot, joining)?, joining, 1);
        let hosts = part.sent.lead.unwrap_or_else(AddressSet::all);
        Ok(Self { parts, hosts, host: None, rest: Vec::new().into_iter() })
    }
}

impl Iterator for Connections {
    type Item = Result<Connection>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (hosts, host) = (&self.hosts, self.host);
            let is_here =
                |at: &Connection| Some(at.initiator) == host || !hosts.contains(at.initiator);
            if let Some(connection) = self.rest.find(is_here) {
                return Some(Ok(connection));
            }
            match self.parts.next()? {
                Ok(part) => {
                    (self.host, self.rest) = (Some(part.host), part.connections.into_iter());
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// What is read of some hosts.
struct Part {
    sent: Scan,
    received: Scan,
}

impl Part {
    /// All that `lookup` reads.
    fn whole(lookup: &Lookup) -> Self {
        match lookup.scans() {
            [sent, received] => Self { sent: sent.clone(), received: received.clone() },
            // No other lookup tells of both directions.
            _ => Self { sent: nothing(Order::Src), received: nothing(Order::Dst) },
        }
    }

    fn records(&self, snapshot: &dyn Snapshot, joining: &Joining) -> Result<Records> {
        let flows = |scan: &Scan| snapshot.regions(scan).map(in_order);
        Ok(Records::new(flows(&self.sent)?, flows(&self.received)?, joining))
    }
}

fn nothing(order: Order) -> Scan {
    Scan::range(order, AddressSet::default(), COLUMNS)
}

/// What is to be read, cut between hosts.
fn parts(snapshot: &dyn Snapshot, lookup: &Lookup) -> Result<VecDeque<Part>> {
    let Part { sent, received } = Part::whole(lookup);
    let parts = AddressSet::between(&snapshot.cuts(&sent)?).into_iter();
    let narrowed = parts.map(|part| {
        let narrowed = |scan: &Scan| scan.narrowed(scan.order, &part);
        Part { sent: narrowed(&sent), received: narrowed(&received) }
    });
    let has_some = |part: &Part| part.sent.lead.as_ref().is_none_or(|lead| !lead.is_empty());
    Ok(narrowed.filter(has_some).collect())
}

/// The connections of host after host.
struct HostParts {
    records: Records,
    host: Host,
    /// Whose records are taken.
    of: Option<(Family, u128)>,
    /// The first record of the next host.
    next: Option<(Family, u128, Told)>,
    /// So many connections of a host are kept.
    most: usize,
    is_over: bool,
}

impl HostParts {
    fn new(records: Records, joining: &Joining, threads: usize) -> Self {
        let most = joining.limits.memory_bytes / threads.max(1) / CONNECTION_BYTES;
        let most = most.max(MIN_KEPT);
        Self { records, host: Host::default(), of: None, next: None, most, is_over: false }
    }

    fn next_part(&mut self) -> Result<Option<HostPart>> {
        if self.is_over {
            return Ok(None);
        }
        loop {
            let record = match self.next.take() {
                None => self.records.next()?,
                next => next,
            };
            let next_of = record.map(|(family, host, _)| (family, host));
            if let Some((family, host)) = self.of.filter(|_| next_of != self.of) {
                self.host.end(family, host);
                (self.next, self.of, self.is_over) = (record, next_of, record.is_none());
                return Ok(Some(self.part(family, host, true)));
            }
            let Some((family, host, told)) = record else { return Ok(None) };
            self.of = next_of;
            self.host.take(family, host, &told);
            if self.host.len() >= self.most {
                self.host.settle(family, host, told.first_ms, self.most / 2);
                return Ok(Some(self.part(family, host, false)));
            }
        }
    }

    fn part(&mut self, family: Family, host: u128, is_last: bool) -> HostPart {
        HostPart { host: family.address(host), connections: self.host.take_over(), is_last }
    }
}

impl Iterator for HostParts {
    type Item = Result<HostPart>;

    fn next(&mut self) -> Option<Self::Item> {
        let part = self.next_part();
        self.is_over |= part.is_err();
        part.transpose()
    }
}

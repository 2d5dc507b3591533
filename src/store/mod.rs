//! Where flows are kept: one trait, and the backends that implement it with the same answers.
//!
//! A [`Writer`] takes batches of flows and makes them durable; a [`Snapshot`] is the store as of
//! one moment, and answers a [`Scan`] with regions that may be read side by side.

pub(crate) mod durable;
mod error;
mod expired;
mod ledger;
pub(crate) mod merge;
mod meter;
mod mix;
mod scan;
mod size;
mod usual;
mod watch;
pub mod watchlist;

#[cfg(feature = "testing")]
pub mod conformance;
#[cfg(feature = "elastic")]
pub mod elastic;
pub mod embedded;
#[cfg(feature = "hbase")]
pub mod hbase;
pub mod memory;
pub mod wrap;

use std::collections::HashSet;
use std::fmt;
use std::net::IpAddr;

use rayon::prelude::*;

pub use error::{Retry, StoreError};
pub use expired::{Expired, Files};
pub use ledger::{
    Account, Ahead, Clock, LastRead, Load, LoadedFile, PartitionRead, TopicRead, WrongMessage,
};
pub use meter::{Meter, Reading};
pub use scan::{Access, Plan, Rows, Scan};
pub use size::{RunSize, Size};
pub use usual::{AHEAD_MS, MAX_USUAL_DAYS, Usual};
pub(crate) use watch::LOOK_EVERY;
pub use watch::Watch;
pub use watchlist::WatchLists;

use crate::flow::{
    Columns, DatagramId, Family, FlowBatch, Names, Remembered, Source, Topic, UnixMillis,
};

/// The result of a store's work.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// A place where flows are kept. `Display` names it in messages, as the user would write it.
pub trait Store: fmt::Display + Send + Sync {
    /// The store as of this moment, as far as the backend can hold on to one. In memory and in a
    /// folder, what is written, merged or deleted later changes nothing in it. HBase promises that
    /// for a row alone: a scan that goes on sees each row as it is when it comes to it, so rows that
    /// are written or deleted meanwhile may or may not be in the answer; each is whole.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read, or holds what this version cannot read.
    fn snapshot(&self) -> Result<Box<dyn Snapshot>>;

    /// Opens the store for writing, and makes it where there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`] while another writer has it; else as [`Self::snapshot`].
    fn writer(&self) -> Result<Box<dyn Writer>>;

    /// What was loaded, oldest first.
    ///
    /// # Errors
    ///
    /// As [`Self::snapshot`].
    fn loads(&self) -> Result<Vec<Load>>;

    /// What exporters call their interfaces, VRFs and applications.
    ///
    /// # Errors
    ///
    /// As [`Self::snapshot`].
    fn names(&self) -> Result<Names>;

    /// What [`Writer::remember`] keeps of `topic`.
    ///
    /// # Errors
    ///
    /// As [`Self::snapshot`].
    fn remembered(&self, topic: Topic) -> Result<Remembered>;

    /// Deletes every flow that began before `before`, and says what went; with `dry_run`, what
    /// would go, and nothing does. Snapshots that are open keep what they hold, but in HBase, and a
    /// writer may be at work meanwhile: what it commits later stays, however old. A datagram may be forgotten
    /// when all of its flows are gone; who loads it again then stores them again.
    ///
    /// # Errors
    ///
    /// As [`Self::snapshot`], and [`StoreError`] if something cannot be deleted. Nothing is gone
    /// then but flows that were to go, and the call may be repeated.
    fn expire(&self, before: UnixMillis, dry_run: bool) -> Result<Expired>;

    /// The lists of indicators that it watches for.
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`] if the backend keeps none; else as [`Self::snapshot`].
    fn watch_lists(&self) -> Result<Box<dyn WatchLists + '_>> {
        Err(StoreError::refused(self.to_string(), "watch", "no lists are kept here".to_owned()))
    }
}

impl<S: Store + ?Sized> Store for Box<S> {
    fn snapshot(&self) -> Result<Box<dyn Snapshot>> {
        (**self).snapshot()
    }

    fn writer(&self) -> Result<Box<dyn Writer>> {
        (**self).writer()
    }

    fn loads(&self) -> Result<Vec<Load>> {
        (**self).loads()
    }

    fn names(&self) -> Result<Names> {
        (**self).names()
    }

    fn remembered(&self, topic: Topic) -> Result<Remembered> {
        (**self).remembered(topic)
    }

    fn expire(&self, before: UnixMillis, dry_run: bool) -> Result<Expired> {
        (**self).expire(before, dry_run)
    }

    fn watch_lists(&self) -> Result<Box<dyn WatchLists + '_>> {
        (**self).watch_lists()
    }
}

/// A store as of one moment, within what [`Store::snapshot`] promises of the backend.
pub trait Snapshot: Send + Sync {
    /// Cuts what `scan` must read into regions that can be read side by side.
    ///
    /// Every flow that the scan finds is in exactly one region. For an ordered scan the regions
    /// are in key order, and so are the flows in each; else neither has an order.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if what is needed to plan the scan cannot be read.
    fn regions(&self, scan: &Scan) -> Result<Vec<Box<dyn Region>>>;

    /// How `scan` would be carried out, for people to read.
    ///
    /// # Errors
    ///
    /// As [`Self::regions`].
    fn plan(&self, scan: &Scan) -> Result<Plan>;

    /// Addresses that cut what `scan` reads into parts of about the same size, in any order. None where
    /// nobody knows.
    ///
    /// # Errors
    ///
    /// As [`Self::regions`].
    fn cuts(&self, _scan: &Scan) -> Result<Vec<IpAddr>> {
        Ok(Vec::new())
    }

    /// Whether what `scan` finds is kept in its order, so that no others are looked at for it.
    fn is_in_order(&self, _scan: &Scan) -> bool {
        false
    }

    /// How many flows the store holds, where it keeps count.
    fn counted(&self) -> Option<u64> {
        None
    }

    /// How many flows the store holds. Where nobody keeps count, all of them are read for it.
    ///
    /// # Errors
    ///
    /// As [`Self::regions`].
    fn flows(&self) -> Result<u64> {
        if let Some(flows) = self.counted() {
            return Ok(flows);
        }
        self.regions(&Scan::all(Columns::NONE))?
            .into_par_iter()
            .map(|region| region.read().try_fold(0, |rows, batch| Ok(rows + batch?.len() as u64)))
            .sum()
    }

    /// What the store takes. Where nobody keeps count of anything, nothing is told.
    ///
    /// # Errors
    ///
    /// As [`Self::regions`].
    fn size(&self) -> Result<Size> {
        Ok(Size::default())
    }

    /// A text that is another one whenever the flows of the store, its names or its ledger are
    /// others, for who keeps answers. None where nobody knows.
    fn version(&self) -> Option<String> {
        None
    }

    /// The days on which its flows began, rising. None where nobody knows without a look at all of
    /// them.
    ///
    /// # Errors
    ///
    /// As [`Self::regions`], and what is met while reading.
    fn days(&self) -> Result<Option<Vec<StoredDay>>> {
        Ok(None)
    }

    /// Of how many flows `scan` reads sums in their place, and among how many it looks. Where
    /// nobody keeps sums, of none among none.
    fn summed(&self, _scan: &Scan) -> (u64, u64) {
        (0, 0)
    }

    /// Whether any flow may be of a source that said that it samples. Where nobody knows, it may.
    fn may_be_sampled(&self) -> bool {
        true
    }
}

/// A day, and what a store has of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDay {
    /// Counted from 1970-01-01, in UTC.
    pub day: u64,
    /// How many flows began on it.
    pub flows: u64,
    /// A text that is another one whenever these are others; it may be another one although they are
    /// the same.
    pub version: String,
}

/// A part of a scan.
pub trait Region: Send {
    /// Reads the flows of the region that the scan finds, in batches of at most
    /// [`SCAN_BATCH_ROWS`], none of them empty.
    fn read(self: Box<Self>) -> FlowStream;

    /// How many rows are looked at for it, where that is known beforehand.
    fn rows(&self) -> Option<u64> {
        None
    }
}

/// At most so many rows are in a batch that a region gives.
pub const SCAN_BATCH_ROWS: usize = 16_384;

/// A few of `leads`, which lead pieces of about the same size: enough to read what lies between them
/// side by side.
pub(crate) fn few_cuts(mut leads: Vec<IpAddr>) -> Vec<IpAddr> {
    leads.sort_unstable();
    let part = leads.len().div_ceil(PARTS_A_THREAD * rayon::current_num_threads()).max(1);
    let mut cuts: Vec<IpAddr> = leads.into_iter().step_by(part).collect();
    cuts.dedup();
    cuts
}

/// So many parts a thread end at about the same time.
const PARTS_A_THREAD: usize = 4;

/// Batches as they are read. After an error nothing follows.
pub type FlowStream = Box<dyn Iterator<Item = Result<FlowBatch>> + Send>;

/// What is written at once: flows, and the datagrams that they came in.
///
/// A store takes all of it or nothing. A datagram is stored with all of its flows, so that it can
/// be told as a whole when it is met again.
#[derive(Debug, Clone)]
pub struct WriteBatch {
    /// The datagrams of these flows, each admitted by [`Writer::admit`].
    pub datagrams: Vec<DatagramId>,
    /// Those among them of which a flow is of a day to come, in the order of [`Self::datagrams`].
    pub ahead: Vec<DatagramId>,
    /// When their flows usually began.
    pub usual: Usual,
    /// Sources of these flows that only others than their exporters sent. A store that keeps a list
    /// of sources keeps room in it for those that exporters sent themselves.
    pub claimed: HashSet<Source>,
    /// The flows between IPv4 addresses, with their origins.
    pub v4: FlowBatch,
    /// The flows between IPv6 addresses, with their origins.
    pub v6: FlowBatch,
}

impl WriteBatch {
    /// A batch with nothing in it.
    pub fn new() -> Self {
        Self {
            datagrams: Vec::new(),
            ahead: Vec::new(),
            usual: Usual::new(),
            claimed: HashSet::new(),
            v4: FlowBatch::new(Family::V4),
            v6: FlowBatch::new(Family::V6),
        }
    }

    /// The batch of `family`.
    pub fn family_mut(&mut self, family: Family) -> &mut FlowBatch {
        match family {
            Family::V4 => &mut self.v4,
            Family::V6 => &mut self.v6,
        }
    }

    /// How many flows are in it.
    pub fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    /// Whether it holds nothing at all.
    pub fn is_empty(&self) -> bool {
        self.datagrams.is_empty() && self.len() == 0
    }

    /// Takes everything out of it; the room stays.
    pub fn clear(&mut self) {
        self.datagrams.clear();
        self.ahead.clear();
        self.usual.clear();
        self.claimed.clear();
        self.v4.clear();
        self.v6.clear();
    }
}

impl Default for WriteBatch {
    fn default() -> Self {
        Self::new()
    }
}

/// The writing end of a store. Dropping it leaves behind what was committed; of the batches that
/// were written since, some may be there, each of them as a whole.
pub trait Writer: Send {
    /// Whether a datagram is new. From then on it counts as seen.
    ///
    /// A store in which a repeated write is harmless may say yes to one that it holds already.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the identities that the store holds cannot be read.
    fn admit(&mut self, datagram: DatagramId) -> Result<bool>;

    /// Hands over a batch. It may be on its way yet when this returns, but no more than a bounded
    /// number of batches are; what it meets may be told by a later call. Gives back a batch with
    /// nothing in it, which may have room from an earlier one: fill that next.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if this batch or an earlier one could not be written. Nothing of a batch
    /// that failed is in the store.
    fn write(&mut self, batch: WriteBatch) -> Result<WriteBatch>;

    /// Waits until everything that was written is durable, and visible to new snapshots.
    ///
    /// # Errors
    ///
    /// As [`Self::write`].
    fn commit(&mut self) -> Result<()>;

    /// Enters `load` in the ledger, in place of an earlier entry with its id.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the ledger cannot be written.
    fn record(&mut self, load: &Load) -> Result<()>;

    /// Keeps `names` durably, in place of earlier ones of the same things.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if they cannot be written.
    fn name(&mut self, names: &Names) -> Result<()>;

    /// Keeps `memos` of `topic` durably, in place of earlier ones with their names, for loads to
    /// come. Of two with one name the one stays that was told later.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if they cannot be written.
    fn remember(&mut self, topic: Topic, memos: &Remembered) -> Result<()>;

    /// How many hits of watch lists there were among the flows that were committed since this was
    /// asked last.
    fn take_hits(&mut self) -> u64 {
        0
    }

    /// Begins to put in order what many small commits leave behind, beside the writing, where the
    /// store needs that. Nothing is waited for; what goes wrong is logged, and met again later.
    fn tidy(&mut self) {}
}

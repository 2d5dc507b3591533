//! From datagrams to a store: what is pushed is decoded and batched, and durable once committed.

use std::collections::BTreeMap;
use std::time::Instant;

use super::accounts::Accounts;
use super::batcher::Batcher;
use super::session::Session;
use super::{LoadError, Options, chain};
use crate::capture::Datagram;
#[cfg(feature = "kafka")]
use crate::flow::{DatagramId, Origin};
use crate::flow::{Names, Remembered, Topic, UnixMillis};
use crate::import::Piece;
#[cfg(feature = "kafka")]
use crate::import::message::Messages;
use crate::netflow::Decoder;
use crate::store::{Load, Store, StoreError, WriteBatch};

/// Takes datagrams to a store, for whoever receives them himself: they are decoded, those that were
/// met before are dropped, and flows are written in batches and durable once committed. Captures
/// are loaded through it, and so is what a collector receives.
///
/// ```
/// use earlgrey_hbase::capture::Datagram;
/// use earlgrey_hbase::load::{Feed, Options, Session};
/// use earlgrey_hbase::netflow::v5;
/// use earlgrey_hbase::store::memory::MemoryStore;
/// use earlgrey_hbase::{Store, UnixMillis};
///
/// let store = MemoryStore::default();
/// let options = Options { live: true, ..Options::default() };
/// let mut feed = Feed::open(&store, Session::of("sensor 7"), &options)?;
///
/// // What came out of a socket: here one made of a flow.
/// let header = v5::Header { count: 1, unix_secs: 1_186_040_527, ..v5::Header::default() };
/// let mut payload = Vec::new();
/// v5::encode(&header, &[v5::Record { octets: 1500, ..v5::Record::default() }], &mut payload);
/// let datagram = Datagram {
///     exporter: [192, 0, 2, 1].into(),
///     src_port: 40_000,
///     received: UnixMillis(1_186_040_527_500),
///     payload: &payload,
///     declared_bytes: payload.len(),
/// };
/// feed.push(&datagram)?;
/// feed.push(&datagram)?; // A network may deliver twice.
/// feed.commit_if_due()?; // Now and then, also while nothing comes.
///
/// let load = feed.end()?;
/// assert_eq!((load.account.stored, load.account.duplicate_datagrams), (1, 1));
/// assert_eq!(store.snapshot()?.flows()?, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// After an error nothing more can be done with it but [`Self::stopped`]; another one goes on from
/// [`Self::kept`], if the datagrams since the last commit are pushed to it once more.
pub struct Feed {
    decoder: Decoder,
    batcher: Batcher,
    /// The session as of the last commit: what the store acknowledged.
    kept: Session,
    committed: Instant,
    /// The names that the store was given.
    named: Names,
    /// What the store is to remember, and does not yet.
    memos: BTreeMap<Topic, Remembered>,
}

impl Feed {
    /// Goes on with `session`, with a new writer to `store`. Of the options it takes no heed of
    /// `stop`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be opened, or takes no entry in its ledger.
    pub fn open(
        store: &dyn Store,
        session: Session,
        options: &Options,
    ) -> Result<Self, StoreError> {
        let mut writer = store.writer()?;
        writer.record(session.load())?;
        let session = session.begun_with(store)?;
        let kept = session.clone();
        let Session { decoder, mut builder, accounts, .. } = session;
        builder.set_rates(options.rates.clone());
        let (options, batch) = (options.clone(), WriteBatch::new());
        Ok(Self {
            decoder,
            batcher: Batcher { writer, options, builder, accounts, batch },
            kept,
            committed: Instant::now(),
            named: Names::default(),
            memos: BTreeMap::new(),
        })
    }

    /// Takes one datagram. Its flows may go to the store with this one or a later one, and count
    /// as stored when [`Self::commit`] returns.
    ///
    /// # Errors
    ///
    /// What the store met, with this one or earlier ones.
    pub fn push(&mut self, datagram: &Datagram<'_>) -> Result<(), StoreError> {
        let Self { decoder, batcher, .. } = self;
        batcher.take(decoder, datagram)?;
        let account = &batcher.accounts.load.account;
        debug_assert!(account.balances(), "{account:?}");
        Ok(())
    }

    /// Takes a piece of a file of another tool, likewise.
    ///
    /// # Errors
    ///
    /// As [`Self::push`].
    pub(super) fn push_piece(&mut self, piece: Piece) -> Result<(), StoreError> {
        let Self { batcher, .. } = self;
        batcher.take_piece(piece)?;
        let account = &batcher.accounts.load.account;
        debug_assert!(account.balances(), "{account:?}");
        Ok(())
    }

    /// Takes names of interfaces, VRFs and applications, likewise.
    pub(super) fn push_names(&mut self, names: &Names) {
        self.decoder.name(names);
    }

    /// Takes a message of a topic, likewise.
    ///
    /// # Errors
    ///
    /// As [`Self::push`].
    #[cfg(feature = "kafka")]
    pub(super) fn push_message(
        &mut self,
        id: DatagramId,
        origin: Option<Origin>,
        of: &Messages,
    ) -> Result<(), StoreError> {
        let Self { batcher, .. } = self;
        batcher.take_message(id, origin, of)?;
        let account = &batcher.accounts.load.account;
        debug_assert!(account.balances(), "{account:?}");
        Ok(())
    }

    /// Reads what still waits for a template as far as that is known: nothing more will come that
    /// could hold it.
    ///
    /// # Errors
    ///
    /// As [`Self::push`].
    pub fn give_up_waiting(&mut self) -> Result<(), StoreError> {
        let Self { decoder, batcher, .. } = self;
        decoder.give_up();
        batcher.take_ready(decoder)
    }

    /// Makes durable what was pushed.
    ///
    /// # Errors
    ///
    /// As [`Self::push`].
    pub fn commit(&mut self) -> Result<(), StoreError> {
        self.batcher.write()?;
        // Whoever finds the flows finds what they were understood by.
        let memos = self.decoder.take_memos();
        self.remember(Topic::Options, &memos);
        let Batcher { writer, builder, accounts, .. } = &mut self.batcher;
        accounts.load.account.lost = builder.lost();
        accounts.load.account.sequence_units = builder.sequence_units();
        accounts.load.account.ahead = accounts.exporters.ahead();
        accounts.load.account.conflicting_templates =
            accounts.exporters.most(|exported| exported.conflicting_templates);
        accounts.load.account.clocks = accounts.exporters.clocks();
        accounts.settle_rates(|exporter, engine| self.decoder.knows_rate(exporter, engine));
        debug_assert!(accounts.load.account.balances(), "{:?}", accounts.load.account);
        writer.commit()?;
        accounts.load.account.hits += writer.take_hits();
        let counted = builder.take_memos();
        self.kept = Session {
            decoder: self.decoder.clone(),
            builder: builder.clone(),
            accounts: accounts.clone(),
            begun: true,
        };
        self.committed = Instant::now();
        // Only what is stored counts.
        self.remember(Topic::Counted, &counted);
        self.name();
        Ok(())
    }

    /// As [`Self::commit`], and says so in the ledger, where it is time to and anything came since.
    ///
    /// # Errors
    ///
    /// As [`Self::commit`], and as [`Self::record`].
    pub fn commit_if_due(&mut self) -> Result<(), StoreError> {
        let Batcher { options, accounts, .. } = &self.batcher;
        if self.committed.elapsed() < options.commit_every
            || accounts.load.account == self.kept.load().account
        {
            return Ok(());
        }
        self.commit()?;
        self.record()
    }

    /// Enters in the ledger how the load stands.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the ledger cannot be written.
    pub fn record(&mut self) -> Result<(), StoreError> {
        self.batcher.writer.record(&self.batcher.accounts.load)
    }

    /// Has the store put its files in order, beside what follows.
    pub fn tidy(&mut self) {
        self.batcher.writer.tidy();
    }

    /// Makes everything durable, and closes the ledger's entry.
    ///
    /// # Errors
    ///
    /// [`LoadError::Stopped`] with what is durable.
    pub fn end(mut self) -> Result<Load, LoadError> {
        let ended = self.commit().and_then(|()| {
            self.accounts().load.finished = Some(UnixMillis::now());
            self.record()
        });
        match ended {
            Ok(()) => Ok(self.batcher.accounts.load),
            Err(source) => Err(self.stopped(source)),
        }
    }

    /// Closes the ledger's entry as of the last commit, as far as the store that failed lets.
    pub fn stopped(mut self, source: StoreError) -> LoadError {
        let mut kept = self.kept.accounts.load;
        kept.finished = Some(UnixMillis::now());
        kept.failure = Some(chain(&source));
        // The store that failed may well refuse this as well; its own error says more. One that was
        // waited for in vain is not waited for once more.
        if !matches!(source, StoreError::Unreachable { .. }) {
            let _ = self.batcher.writer.record(&kept);
        }
        LoadError::Stopped { kept: Box::new(kept), source }
    }

    /// How it stands: the ledger's entry, which counts what was pushed, also what is not durable yet.
    pub fn load(&self) -> &Load {
        &self.batcher.accounts.load
    }

    /// The session as of the last commit.
    pub fn kept(&self) -> &Session {
        &self.kept
    }

    /// What was read, and what becomes of it.
    pub(super) fn accounts(&mut self) -> &mut Accounts {
        &mut self.batcher.accounts
    }

    /// Has the store remember `memos` of `topic`, and what it did not take before. Without them this
    /// load is as right, and only a later one may lack them.
    fn remember(&mut self, topic: Topic, memos: &Remembered) {
        let waiting = self.memos.entry(topic).or_default();
        waiting.merge(memos);
        if waiting.is_empty() {
            return;
        }
        match self.batcher.writer.remember(topic, waiting) {
            Ok(()) => *waiting = Remembered::default(),
            Err(error) => tracing::warn!("what exporters told is not kept: {}", chain(&error)),
        }
    }

    /// Keeps what exporters call their interfaces, VRFs and applications, where that is new. The
    /// flows are worth more than their names: without these a load goes on.
    fn name(&mut self) {
        let names = self.decoder.names();
        if *names == self.named {
            return;
        }
        if let Err(error) = self.batcher.writer.name(names) {
            tracing::warn!("names of interfaces are not kept: {}", chain(&error));
        }
        self.named.clone_from(names);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netflow::v5;
    use crate::store::memory::MemoryStore;
    use crate::store::wrap::{Call, Fault, FaultStore};

    /// Pushes the exporter's datagram of this number, which holds one flow.
    fn push(feed: &mut Feed, number: u32) {
        let unix_secs = 1_186_040_527;
        let header =
            v5::Header { count: 1, unix_secs, flow_sequence: number, ..v5::Header::default() };
        let mut payload = Vec::new();
        v5::encode(&header, &[v5::Record::default()], &mut payload);
        let datagram = Datagram {
            exporter: [192, 0, 2, 1].into(),
            src_port: 40_000,
            received: UnixMillis(u64::from(unix_secs) * 1000),
            payload: &payload,
            declared_bytes: payload.len(),
        };
        feed.push(&datagram).unwrap();
    }

    #[test]
    fn another_feed_goes_on_where_the_store_acknowledged_last() {
        let inner = MemoryStore::default();
        let store = FaultStore::new(inner.clone(), [Fault::Before(Call::Write, 2)]);
        let options = Options::default();
        let mut feed = Feed::open(&store, Session::of("sensor 7"), &options).unwrap();
        push(&mut feed, 0);
        feed.commit().unwrap();
        push(&mut feed, 1);
        assert_eq!(feed.load().account.stored, 2);
        assert!(matches!(feed.commit(), Err(StoreError::Injected { at: "write" })));
        let kept = feed.kept().clone();
        assert_eq!(kept.load().account.stored, 1);
        // The store has one writer at a time.
        drop(feed);

        let mut feed = Feed::open(&store, kept, &options).unwrap();
        push(&mut feed, 1);
        push(&mut feed, 2);
        let load = feed.end().unwrap();
        assert_eq!((load.account.datagrams, load.account.stored), (3, 3));
        assert_eq!((load.account.lost.len(), &*load.files[0].path), (0, "sensor 7"));
        assert_eq!(inner.snapshot().unwrap().flows().unwrap(), 3);
        assert_eq!(inner.loads().unwrap(), [load]);
    }
}

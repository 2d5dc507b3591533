//! From datagrams to a store: what is pushed is decoded and batched, and durable once committed.

use std::time::Instant;

use super::accounts::Accounts;
use super::batcher::Batcher;
use super::session::Session;
use super::{LoadError, Options, chain};
use crate::capture::Datagram;
use crate::flow::{Names, UnixMillis};
use crate::netflow::Decoder;
use crate::store::{Load, Store, StoreError, WriteBatch};

/// Takes datagrams to a store. After an error nothing more can be done with it, and
/// [`Self::kept`] is where another goes on.
pub(crate) struct Feed {
    decoder: Decoder,
    batcher: Batcher,
    /// The session as of the last commit: what the store acknowledged.
    kept: Session,
    committed: Instant,
    /// The names that the store was given.
    named: Names,
}

impl Feed {
    /// Goes on with `session`, with a new writer to `store`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be opened, or takes no entry in its ledger.
    pub(crate) fn open(
        store: &dyn Store,
        session: Session,
        options: &Options,
    ) -> Result<Self, StoreError> {
        let mut writer = store.writer()?;
        writer.record(session.load())?;
        let kept = session.clone();
        let Session { decoder, builder, accounts } = session;
        let (options, batch) = (options.clone(), WriteBatch::new());
        Ok(Self {
            decoder,
            batcher: Batcher { writer, options, builder, accounts, batch },
            kept,
            committed: Instant::now(),
            named: Names::default(),
        })
    }

    /// Takes one datagram.
    ///
    /// # Errors
    ///
    /// What the store met, with this one or earlier ones.
    pub(crate) fn push(&mut self, datagram: &Datagram<'_>) -> Result<(), StoreError> {
        let Self { decoder, batcher, .. } = self;
        batcher.take(decoder, datagram)?;
        let account = &batcher.accounts.load.account;
        debug_assert!(account.balances(), "{account:?}");
        Ok(())
    }

    /// Reads what still waits for a template as far as that is known.
    ///
    /// # Errors
    ///
    /// As [`Self::push`].
    pub(crate) fn give_up_waiting(&mut self) -> Result<(), StoreError> {
        let Self { decoder, batcher, .. } = self;
        decoder.give_up();
        batcher.take_ready(decoder)
    }

    /// Makes durable what was pushed.
    ///
    /// # Errors
    ///
    /// As [`Self::push`].
    pub(crate) fn commit(&mut self) -> Result<(), StoreError> {
        self.batcher.write()?;
        let Batcher { writer, builder, accounts, .. } = &mut self.batcher;
        accounts.load.account.lost = builder.lost();
        accounts.load.account.ahead = accounts.exporters.ahead();
        debug_assert!(accounts.load.account.balances(), "{:?}", accounts.load.account);
        writer.commit()?;
        self.kept = Session {
            decoder: self.decoder.clone(),
            builder: builder.clone(),
            accounts: accounts.clone(),
        };
        self.committed = Instant::now();
        self.name();
        Ok(())
    }

    /// As [`Self::commit`], and says so in the ledger, where it is time to and anything came since.
    ///
    /// # Errors
    ///
    /// As [`Self::commit`], and as [`Self::record`].
    pub(crate) fn commit_if_due(&mut self) -> Result<(), StoreError> {
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
    pub(crate) fn record(&mut self) -> Result<(), StoreError> {
        self.batcher.writer.record(&self.batcher.accounts.load)
    }

    /// Has the store put its files in order, beside what follows.
    pub(crate) fn tidy(&mut self) {
        self.batcher.writer.tidy();
    }

    /// Makes everything durable, and closes the ledger's entry.
    ///
    /// # Errors
    ///
    /// [`LoadError::Stopped`] with what is durable.
    pub(crate) fn end(mut self) -> Result<Load, LoadError> {
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
    pub(crate) fn stopped(mut self, source: StoreError) -> LoadError {
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

    /// The session as of the last commit.
    pub(crate) fn kept(&self) -> &Session {
        &self.kept
    }

    /// What was read, and what becomes of it.
    pub(super) fn accounts(&mut self) -> &mut Accounts {
        &mut self.batcher.accounts
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

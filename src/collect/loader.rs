//! From the spool into the store.

use std::time::{Duration, Instant};

use super::Shared;
use super::spool::Segment;
use crate::capture::Input;
use crate::capture::frame::{self, Path};
use crate::flow::UnixMillis;
use crate::load::{LoadError, Options, Pipeline, Progress, Session, chain};
use crate::store::{Load, Retry, Store, StoreError};

/// So many bytes of the spool are loaded for one commit.
const COMMIT_BYTES: u64 = 64 << 20;

/// A store that fails is tried again after this, and each time after twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// How it ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// What is in the store.
    pub(super) load: Load,
    /// Why the rest is in the spool yet, if there is a rest.
    pub(super) failure: Option<StoreError>,
}

/// Takes segments to a store.
pub(super) struct Loader<'a> {
    shared: &'a Shared,
    store: &'a dyn Store,
    options: &'a Options,
    progress: &'a Progress,
    /// Where a new pipeline begins: as of the last commit.
    session: Session,
    pipeline: Option<Pipeline<'a>>,
    pause: Duration,
}

impl<'a> Loader<'a> {
    /// Opens the store.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it cannot be opened, now or later. One that is out of reach, or in use, is
    /// tried again when there is something to be written.
    pub(super) fn open(
        shared: &'a Shared,
        store: &'a dyn Store,
        session: Session,
        options: &'a Options,
        progress: &'a Progress,
    ) -> Result<Self, StoreError> {
        let mut loader =
            Self { shared, store, options, progress, session, pipeline: None, pause: FIRST_PAUSE };
        match loader.pipeline() {
            Ok(_) => Ok(loader),
            Err(error) if error.retry() == Retry::Never => Err(error),
            Err(error) => {
                loader.failed(&error);
                Ok(loader)
            }
        }
    }

    /// Loads what comes, until all of it is loaded that came before the sockets were closed.
    pub(super) fn run(mut self) -> Ended {
        let mut begun = Instant::now();
        loop {
            // Nothing is spooled after this was said.
            let last = self.shared.is_drained();
            let segments = self.shared.spool.oldest(COMMIT_BYTES);
            if segments.is_empty() {
                if last {
                    return self.end();
                }
            } else if let Err(error) = self.load(&segments) {
                self.pipeline = None;
                self.failed(&error);
                if last {
                    return Ended { load: self.session.load().clone(), failure: Some(error) };
                }
                self.shared.wait(self.pause);
                self.pause = (self.pause * 2).min(LONGEST_PAUSE);
                continue;
            } else if segments.iter().map(|segment| segment.bytes).sum::<u64>() >= COMMIT_BYTES {
                // There is more.
                continue;
            }
            if !last {
                self.shared.wait(self.shared.rules().commit_every.saturating_sub(begun.elapsed()));
                begun = Instant::now();
            }
        }
    }

    fn pipeline(&mut self) -> Result<&mut Pipeline<'a>, StoreError> {
        let pipeline = match self.pipeline.take() {
            Some(pipeline) => pipeline,
            None => Pipeline::open(self.store, self.session.clone(), self.options, self.progress)?,
        };
        Ok(self.pipeline.insert(pipeline))
    }

    fn load(&mut self, segments: &[Segment]) -> Result<(), StoreError> {
        let pipeline = self.pipeline()?;
        for segment in segments {
            pipeline.read(&Input::File(segment.path.clone()));
            if pipeline.is_over() {
                break;
            }
        }
        pipeline.commit()?;
        self.session = pipeline.kept().clone();
        if let Err(error) = self.shared.spool.keep_waiting(waiting(&self.session)) {
            tracing::warn!("keep what waits for a template: {error}");
        }
        self.shared.spool.remove(segments);
        self.committed();
        self.pipeline()?.record_and_tidy()
    }

    fn committed(&mut self) {
        self.pause = FIRST_PAUSE;
        let mut told = self.shared.told();
        told.account = self.session.load().account.clone();
        told.exporters = self.session.exporters().iter().collect();
        told.commits += 1;
        told.last_commit = Some(UnixMillis::now());
        if told.failing.take().is_some() {
            tracing::warn!("{}: is back", self.store);
        }
    }

    fn failed(&self, error: &StoreError) {
        let text = chain(error);
        let mut told = self.shared.told();
        let since = told.failing.take().map(|(_, since)| since);
        if since.is_none() {
            tracing::warn!("{text}; what comes is kept in {}", self.shared.spool.dir().display());
        }
        told.failing = Some((text, since.unwrap_or_else(UnixMillis::now)));
    }

    /// Closes the ledger's entry.
    fn end(mut self) -> Ended {
        let opened = self.pipeline().err();
        let ended = match (self.pipeline.take(), opened) {
            (Some(pipeline), _) => pipeline.end(),
            (None, Some(error)) => Err(LoadError::Open(error)),
            (None, None) => Ok(self.session.load().clone()),
        };
        match ended {
            Ok(load) => Ended { load, failure: None },
            Err(LoadError::Open(error)) => {
                Ended { load: self.session.load().clone(), failure: Some(error) }
            }
            Err(LoadError::Stopped { kept, source }) => {
                Ended { load: *kept, failure: Some(source) }
            }
        }
    }
}

/// What waits for a template, framed.
fn waiting(session: &Session) -> Vec<u8> {
    let mut frames = Vec::new();
    for datagram in session.waiting() {
        let src = (datagram.exporter, datagram.src_port).into();
        let dst = ([0, 0, 0, 0], 0).into();
        // What was received is whole.
        frame::packet(
            &mut frames,
            datagram.received.0 * 1000,
            Path { src, dst },
            0,
            datagram.payload,
            0,
        );
    }
    frames
}

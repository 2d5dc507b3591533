//! From the spool into the store.

use std::time::{Duration, Instant};

use super::spool::Segment;
use super::templates::Templates;
use super::{Failing, Shared};
use crate::capture::Input;
use crate::flow::UnixMillis;
use crate::load::{LoadError, Options, Progress, Reader, Session, chain};
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
    /// Where a new reader begins: as of the last commit.
    session: Session,
    templates: Templates,
    reader: Option<Reader<'a>>,
    pause: Pause,
    /// What the spool has against it is tried again by itself: the store may well work.
    spool: Pause,
    spool_tried: Instant,
}

/// How long it is until something is tried again.
struct Pause(Duration);

impl Pause {
    fn next(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (pause * 2).min(LONGEST_PAUSE);
        pause
    }
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
        mut session: Session,
        options: &'a Options,
        progress: &'a Progress,
    ) -> Result<Self, StoreError> {
        let templates = Templates::restore(shared.spool.dir(), &mut session);
        let mut loader = Self {
            shared,
            store,
            options,
            progress,
            session,
            templates,
            reader: None,
            pause: Pause(FIRST_PAUSE),
            spool: Pause(FIRST_PAUSE),
            spool_tried: Instant::now(),
        };
        match loader.reader() {
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
        let mut tried_last = false;
        loop {
            // Nothing is spooled after this was said.
            let last = self.shared.is_drained();
            self.try_spool(last && !tried_last);
            tried_last = last;
            let segments = self.shared.spool.oldest(COMMIT_BYTES);
            if segments.is_empty() {
                if last {
                    return self.end();
                }
            } else if let Err(error) = self.load(&segments) {
                self.reader = None;
                self.failed(&error);
                if last {
                    return Ended { load: self.session.load().clone(), failure: Some(error) };
                }
                let pause = self.pause.next();
                self.shared.wait(pause);
                continue;
            } else if segments.iter().map(|segment| segment.bytes).sum::<u64>() >= COMMIT_BYTES {
                // There is more.
                continue;
            }
            if !last {
                let rest = self.shared.rules().commit_every.saturating_sub(begun.elapsed());
                let tried = self.spool.0.saturating_sub(self.spool_tried.elapsed());
                self.shared.wait(if self.spool_is_well() { rest } else { rest.min(tried) });
                begun = Instant::now();
            }
        }
    }

    fn reader(&mut self) -> Result<&mut Reader<'a>, StoreError> {
        let reader = match self.reader.take() {
            Some(reader) => reader,
            None => Reader::open(self.store, self.session.clone(), self.options, self.progress)?,
        };
        Ok(self.reader.insert(reader))
    }

    fn load(&mut self, segments: &[Segment]) -> Result<(), StoreError> {
        let reader = self.reader()?;
        let (mut read, mut unread) = (Vec::new(), Vec::new());
        for segment in segments {
            match reader.read(&Input::File(segment.path.clone())) {
                Ok(()) => read.push(segment.clone()),
                // What was read of it is stored, and met again when all of it is read.
                Err(problem) => unread.push((segment, problem)),
            }
            if reader.is_over() {
                break;
            }
        }
        reader.commit()?;
        self.session = reader.kept().clone();
        let spool = &self.shared.spool;
        spool.loaded(read);
        for (segment, problem) in unread {
            spool.set_aside(segment, problem.to_string());
        }
        self.committed();
        self.templates.keep(&self.session, false);
        self.let_go();
        self.reader()?.record_and_tidy()
    }

    /// Tries again what the spool refused, where it is time to, or at the end.
    fn try_spool(&mut self, at_the_end: bool) {
        if self.spool_is_well() {
            self.spool = Pause(FIRST_PAUSE);
            self.spool_tried = Instant::now();
        } else if at_the_end || self.spool_tried.elapsed() >= self.spool.0 {
            self.spool_tried = Instant::now();
            self.spool.next();
            self.shared.spool.try_again(at_the_end);
            self.let_go();
        }
    }

    fn spool_is_well(&self) -> bool {
        self.shared.spool.unread().is_empty() && self.shared.told().spool_failing.is_none()
    }

    /// Lets go the segments that are in the store. Where what waits cannot be kept they stay: it is
    /// nowhere else.
    fn let_go(&self) {
        let spool = &self.shared.spool;
        let kept = spool.let_go(waiting(&self.session));
        let mut told = self.shared.told();
        match kept {
            Ok(()) => {
                if told.spool_failing.take().is_some() {
                    tracing::warn!("{}: what waits for a template is kept", spool.dir().display());
                }
            }
            Err(error) => {
                let text = chain(&error);
                if told.spool_failing.is_none() {
                    tracing::warn!(
                        "what waits for a template cannot be kept: {text}; what is stored stays in \
                         {} as well",
                        spool.dir().display()
                    );
                }
                told.spool_failing = Some(Failing::again(told.spool_failing.take(), text));
            }
        }
    }

    fn committed(&mut self) {
        self.pause = Pause(FIRST_PAUSE);
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
        if told.failing.is_none() {
            tracing::warn!("{text}; what comes is kept in {}", self.shared.spool.dir().display());
        }
        told.failing = Some(Failing::again(told.failing.take(), text));
    }

    /// Closes the ledger's entry.
    fn end(mut self) -> Ended {
        self.templates.keep(&self.session, true);
        let held = self.shared.spool.let_go(waiting(&self.session)).err();
        let opened = self.reader().err();
        let ended = match (self.reader.take(), opened) {
            (Some(reader), _) => reader.end(),
            (None, Some(error)) => Err(LoadError::Open(error)),
            (None, None) => Ok(self.session.load().clone()),
        };
        match ended {
            Ok(load) => Ended { load, failure: held },
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
        super::frame_of(&mut frames, &datagram);
    }
    frames
}

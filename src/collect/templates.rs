//! The templates that exporters defined, kept beside the spool for the next collector: it decodes
//! data at once, and not only when they are sent again.
//!
//! The file is a capture of datagrams that define them, each at the time at which its template came
//! last.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use crate::capture::{self, Datagram, Input, frame};
use crate::flow::{Seldom, UnixMillis};
use crate::load::{Session, chain};
use crate::netflow::{Decoder, TEMPLATE_LIFETIME_SECS};
use crate::store::StoreError;
use crate::store::durable::{self, NewFile};

const FILE: &str = "templates.pcap";

/// Writing them takes no more than one of so many parts of the time, however often they change.
const PARTS: u32 = 20;
/// Their ages are written anew after so long, where nothing else changes.
const AGES_AFTER: Duration = Duration::from_hours(1);

/// What is in the file.
pub(super) struct Templates {
    path: PathBuf,
    revision: u64,
    written: Instant,
    pause: Duration,
}

impl Templates {
    /// Lets `session` know the templates that an earlier collector kept in `dir`, but for those that
    /// are too old by now.
    pub(super) fn restore(dir: &Path, session: &mut Session) -> Self {
        let path = dir.join(FILE);
        if path.is_file() {
            let oldest =
                UnixMillis::now().0.saturating_sub(u64::from(TEMPLATE_LIFETIME_SECS) * 1000);
            let mut known = Decoder::new();
            let mut sink = |datagram: &Datagram<'_>| {
                if datagram.received.0 >= oldest {
                    // What is not understood was not written here, and tells nothing.
                    let _ = known.decode(datagram, 0);
                }
                ControlFlow::Continue(())
            };
            let read = capture::read(&Input::File(path.clone()), &AtomicU64::new(0), &mut sink);
            match read {
                Ok(report) => {
                    if report.other_files > 0 {
                        tracing::warn!(
                            "templates of the collector before: {} is no capture",
                            path.display()
                        );
                    }
                    for fault in &report.faults {
                        tracing::warn!("templates of the collector before: {fault}");
                    }
                }
                Err(error) => {
                    tracing::warn!("templates of the collector before: {}", chain(&error));
                }
            }
            session.take_templates(known);
        }
        let revision = session.templates_revision();
        Self { path, revision, written: Instant::now(), pause: Duration::ZERO }
    }

    /// Keeps the templates that `session` knows, where it is time to. They are sent again, so what
    /// cannot be kept is no failure.
    pub(super) fn keep(&mut self, session: &Session, at_the_end: bool) {
        static FAILED: Seldom = Seldom::new();
        let (revision, age) = (session.templates_revision(), self.written.elapsed());
        let is_due = revision != self.revision && age >= self.pause || age >= AGES_AFTER;
        if !is_due && !at_the_end {
            return;
        }
        self.written = Instant::now();
        match write(&self.path, session) {
            Ok(()) => self.revision = revision,
            Err(error) => {
                if FAILED.again(1).is_some() {
                    tracing::warn!("templates are not kept: {}", chain(&error));
                }
            }
        }
        self.pause = self.written.elapsed() * PARTS;
    }
}

fn write(path: &Path, session: &Session) -> Result<(), StoreError> {
    let mut frames = Vec::new();
    for template in session.templates() {
        super::frame_of(&mut frames, &template.datagram());
    }
    if frames.is_empty() {
        return durable::remove(path);
    }
    let mut file = NewFile::create_alone(path)?;
    let written = file.write_all(&frame::file_header()).and_then(|()| file.write_all(&frames));
    written.map_err(StoreError::io(path, "write"))?;
    file.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::durable;

    #[test]
    fn templates_come_back_with_their_age_and_the_old_ones_do_not() {
        const DAY_MS: u64 = 86_400_000;
        let dir = tempfile::tempdir().unwrap();
        // IPFIX's template of octets, of the domain that each is told by.
        let words = |domain: u16| [10, 28, 0, 1, 0, 0, 0, domain, 2, 12, 256, 1, 1, 4];
        let now = UnixMillis::now().0;
        let mut file = frame::file_header().to_vec();
        for (domain, days) in [(1, 31), (2, 29), (3, 0)] {
            let payload: Vec<u8> =
                words(domain).iter().flat_map(|word| word.to_be_bytes()).collect();
            let datagram = Datagram {
                exporter: [192, 0, 2, 1].into(),
                src_port: 40_000,
                received: UnixMillis(now - days * DAY_MS),
                payload: &payload,
                declared_bytes: payload.len(),
            };
            crate::collect::frame_of(&mut file, &datagram);
        }
        durable::replace(&dir.path().join(FILE), &file).unwrap();
        let ages = |session: &Session| -> Vec<u64> {
            let kept = session.templates();
            kept.iter().map(|kept| (now - kept.datagram().received.0) / DAY_MS).collect()
        };
        let mut session = Session::of("a collector");
        let mut templates = Templates::restore(dir.path(), &mut session);
        assert_eq!(ages(&session), [29, 0]);
        // Nothing is written where nothing changed, but at the end.
        templates.keep(&session, false);
        assert_eq!(std::fs::read(dir.path().join(FILE)).unwrap(), file);
        templates.keep(&session, true);
        let mut again = Session::of("a collector");
        Templates::restore(dir.path(), &mut again);
        assert_eq!(ages(&again), [29, 0]);
    }
}

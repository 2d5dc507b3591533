//! Segments that could not be read: they stay, are told, and are tried again.

use std::fs::File;
use std::io;
use std::path::Path;

use super::{Segment, Spool};
use crate::capture::Input;
use crate::flow::UnixMillis;

/// So many are logged one by one; all of them are in the status.
const MAX_LOGGED: usize = 10;

/// A segment that could not be read to its end.
#[derive(Debug, Clone)]
pub(in crate::collect) struct Unread {
    pub(in crate::collect) segment: Segment,
    pub(in crate::collect) problem: String,
    pub(in crate::collect) since: UnixMillis,
}

impl Spool {
    /// Leaves `segment` where it is, out of the way of the others.
    pub(in crate::collect) fn set_aside(&self, segment: &Segment, problem: String) {
        let mut inner = self.lock();
        inner.closed.retain(|closed| closed != segment);
        if inner.unread.len() < MAX_LOGGED {
            let file = Input::File(segment.path.clone());
            tracing::warn!("{file}: {problem}; it stays in the spool, and is tried again");
        }
        let unread = Unread { segment: segment.clone(), problem, since: UnixMillis::now() };
        inner.unread.push_back(unread);
    }

    /// Tries what was set aside: what can be read is among the oldest segments again. All of it, or
    /// up to the first that cannot be read yet, which is the last to be tried the next time.
    pub(in crate::collect) fn try_again(&self, all: bool) {
        for _ in 0..self.unread().len() {
            let Some(first) = self.lock().unread.front().cloned() else { return };
            let read = read(&first.segment.path);
            let mut inner = self.lock();
            let Some(mut unread) = inner.unread.pop_front() else { return };
            if let Err(error) = read {
                unread.problem = error.to_string();
                inner.unread.push_back(unread);
                if all {
                    continue;
                }
                return;
            }
            let Unread { segment, .. } = unread;
            tracing::info!("{}: can be read again", segment.path.display());
            let place = inner.closed.partition_point(|closed| closed.number < segment.number);
            inner.closed.insert(place, segment);
        }
    }

    /// What was set aside, what is tried next first.
    pub(in crate::collect) fn unread(&self) -> Vec<Unread> {
        self.lock().unread.iter().cloned().collect()
    }
}

/// Whether a file can be read to its end. It is looked at before anything is made of it, so that a
/// file of which a part can be read is not taken for a new one time and again.
fn read(path: &Path) -> io::Result<()> {
    io::copy(&mut File::open(path)?, &mut io::sink())?;
    Ok(())
}

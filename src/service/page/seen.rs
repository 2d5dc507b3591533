//! When a host was first and last seen, in all of history, by a few look-ups of few rows.

use std::net::IpAddr;

use crate::flow::{Column, Columns, TimeRange, UnixMillis};
use crate::query::{Direction, Question};
use crate::store::{Result, Snapshot};

/// When a host was first and last seen; neither if it never was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) first: Option<UnixMillis>,
    pub(super) last: Option<UnixMillis>,
}

/// So many flows are read at once.
const ROWS: u64 = 2000;
/// The first look at the end goes so far back, and each next one so many times as far.
const FIRST_LOOK_MS: u64 = 3_600_000;
const FURTHER: u64 = 8;

impl Seen {
    /// Of `host`, where the newest flow of all began at `newest`, as far as that is known.
    pub(super) fn of(
        snapshot: &dyn Snapshot,
        host: IpAddr,
        newest: Option<UnixMillis>,
    ) -> Result<Self> {
        let look = Look { snapshot, host };
        let Some(first) = look.flows(TimeRange::ALL, 1)?.first else {
            return Ok(Self { first: None, last: None });
        };
        let newest = newest.unwrap_or_else(UnixMillis::now);
        Ok(Self { first: Some(first), last: Some(look.last(first, newest)?) })
    }
}

struct Look<'a> {
    snapshot: &'a dyn Snapshot,
    host: IpAddr,
}

/// The first and the last of some flows, and how many were read.
#[derive(Default)]
struct Found {
    first: Option<UnixMillis>,
    last: Option<UnixMillis>,
    count: u64,
}

impl Look<'_> {
    /// The first flows that began in `time`.
    fn flows(&self, time: TimeRange, limit: u64) -> Result<Found> {
        let about = Question::about(self.host.into());
        let question = Question { direction: Direction::Any, time, limit: Some(limit), ..about };
        let mut found = Found::default();
        for batch in question.plan(Columns::of(&[Column::First])).run(self.snapshot)? {
            let batch = batch?;
            found.first = found.first.or(batch.first_ms.first().copied().map(UnixMillis));
            found.last = batch.first_ms.last().copied().map(UnixMillis).or(found.last);
            found.count += batch.len() as u64;
        }
        Ok(found)
    }

    /// When the last flow began, if one began at `first`. Most hosts were seen of late, so the looks
    /// begin at `newest` and go further back each time; what is too much to be read is halved.
    fn last(&self, first: UnixMillis, newest: UnixMillis) -> Result<UnixMillis> {
        let (mut back_ms, mut since) = (FIRST_LOOK_MS, newest);
        while since > first {
            since = first.max(UnixMillis(newest.0.saturating_sub(back_ms)));
            if self.flows(TimeRange { since, ..TimeRange::ALL }, 1)?.first.is_some() {
                break;
            }
            back_ms = back_ms.saturating_mul(FURTHER);
        }
        let mut until = UnixMillis::MAX;
        loop {
            let found = self.flows(TimeRange { since, until }, ROWS)?;
            let last = found.last.unwrap_or(first);
            let end = until.min(newest + 1);
            if found.count < ROWS || end - last <= 1 {
                return Ok(last);
            }
            let middle = UnixMillis(last.0 + (end - last) / 2);
            let later = self.flows(TimeRange { since: middle, until }, 1)?.first;
            (since, until) = later.map_or((last, middle), |later| (later, until));
        }
    }
}

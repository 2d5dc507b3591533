//! What sends the messages of one way.

use std::sync::Arc;
use std::time::Duration;

use super::shared::Shared;
use super::way::{Failure, Way};
use super::{Fate, Kept, Message, Result, Status};
use crate::flow::UnixMillis;

/// Between two tries lies an hour at most.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// While a way fails, its other messages wait no longer than this between two tries.
const LONGEST_REST: Duration = Duration::from_mins(5);

/// A keeper that failed is asked again after this.
const KEEPER_PAUSE: Duration = Duration::from_secs(10);

/// Where nothing waits it is looked again after this: another process may have queued something.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

pub(super) struct Courier {
    shared: Arc<Shared>,
    way: Way,
}

/// How it goes by a way.
#[derive(Default)]
struct Standing {
    /// How many tries failed, one after the other.
    failures: u32,
    /// What became of messages and could not be kept yet: until it is, nothing is sent, for it would be
    /// sent again.
    unsettled: Vec<(String, u64, UnixMillis, Fate)>,
}

/// What comes next.
enum Next {
    /// More may be due.
    More,
    /// So long nothing is, unless something is queued.
    Until(Duration),
    /// So long nothing is tried.
    Rest(Duration),
}

impl Courier {
    pub(super) fn new(shared: Arc<Shared>, way: Way) -> Self {
        Self { shared, way }
    }

    pub(super) fn run(&self) {
        let mut standing = Standing::default();
        loop {
            let known = self.shared.queued();
            let next = self.round(&mut standing).unwrap_or_else(|error| {
                tracing::warn!("way {}: {error}", self.name());
                Next::Rest(KEEPER_PAUSE)
            });
            let ends = match next {
                Next::More => self.shared.wait_for_end(self.way.carrier.pause()),
                Next::Until(pause) => self.shared.wait_for_more(known, pause),
                Next::Rest(pause) => self.shared.wait_for_end(pause),
            };
            if ends {
                return;
            }
        }
    }

    fn name(&self) -> &str {
        &self.way.terms.name
    }

    /// Sends what is due first.
    fn round(&self, standing: &mut Standing) -> Result<Next> {
        self.settle(&mut standing.unsettled)?;
        let now = UnixMillis::now();
        let most = self.way.carrier.most_at_once().max(1);
        let first = self.shared.keeper.due(self.name(), most)?;
        let due: Vec<&Kept> =
            first.iter().filter(|kept| self.message(kept).is_some_and(|m| m.due <= now)).collect();
        if due.is_empty() {
            let soonest = first.iter().filter_map(|kept| self.message(kept)).map(|m| m.due.0).min();
            let pause =
                soonest.map_or(LOOK_AGAIN, |due| Duration::from_millis(due.saturating_sub(now.0)));
            return Ok(Next::Until(pause.min(LOOK_AGAIN)));
        }
        let went = self.way.carrier.send(&due);
        let now = UnixMillis::now();
        let mut rest = None;
        for kept in &due {
            let Some(message) = self.message(kept) else { continue };
            let fate = self.fate(message, &went, now);
            self.tell(kept, message, &fate);
            standing.unsettled.push((kept.alert.id.clone(), message.count, now, fate));
        }
        self.settle(&mut standing.unsettled)?;
        if let Err(Failure::Passing { after, .. }) = went {
            let pause = doubled(self.shared.options.pause, standing.failures).min(LONGEST_REST);
            standing.failures += 1;
            rest = Some(wanted(after, pause));
        } else {
            standing.failures = 0;
        }
        Ok(rest.map_or(Next::More, Next::Rest))
    }

    /// Keeps what became of messages; what cannot be kept stays among them.
    fn settle(&self, unsettled: &mut Vec<(String, u64, UnixMillis, Fate)>) -> Result<()> {
        while let Some((id, count, now, fate)) = unsettled.last() {
            self.shared.settle((id, self.name(), *count), *now, fate)?;
            self.shared.counters.settled(self.name(), fate);
            unsettled.pop();
        }
        Ok(())
    }

    fn message<'a>(&self, kept: &'a Kept) -> Option<&'a Message> {
        kept.message(self.name()).filter(|message| message.status == Status::Waiting)
    }

    fn fate(
        &self,
        message: &Message,
        went: &std::result::Result<String, Failure>,
        now: UnixMillis,
    ) -> Fate {
        match went {
            Ok(said) => Fate::Sent(said.clone()),
            Err(Failure::Lasting(told)) => Fate::GivenUp(told.clone()),
            Err(Failure::Passing { told, after }) => {
                let options = &self.shared.options;
                let waited = now.0.saturating_sub(message.queued.0);
                if u128::from(waited) >= options.patience.as_millis() {
                    return Fate::GivenUp(told.clone());
                }
                let pause = doubled(options.pause, message.attempts).min(LONGEST_PAUSE);
                Fate::Again(wanted(after.as_ref().copied(), pause), told.clone())
            }
        }
    }

    fn tell(&self, kept: &Kept, message: &Message, fate: &Fate) {
        let (id, way) = (&kept.alert.id, self.name());
        match fate {
            Fate::Sent(said) => tracing::info!("alert {id} went out by {way}: {said}"),
            Fate::Again(pause, told) => {
                let tries = message.attempts + 1;
                tracing::warn!("alert {id} by {way}: {told}; {tries} tries, again in {pause:?}");
            }
            Fate::GivenUp(told) => {
                tracing::error!("alert {id} could not be delivered by {way}: {told}");
            }
        }
    }
}

/// After how long it is tried again: as the receiver wants it, but no sooner than by itself.
fn wanted(after: Option<Duration>, pause: Duration) -> Duration {
    after.map_or(pause, |after| after.clamp(pause, LONGEST_PAUSE.max(pause)))
}

fn doubled(pause: Duration, times: u32) -> Duration {
    pause.saturating_mul(1 << times.min(16))
}

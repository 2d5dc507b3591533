//! The flows of an alert, and the connections that these are.

use std::net::IpAddr;
use std::sync::Arc;

use super::super::super::ask::{Ask, Fault};
use super::bounded::{bounded, too_long};
use crate::aggregate::{
    CONNECTION_COLUMNS, Connection, Connections, Joining, Limits, Timeouts, USUAL_MARGIN_MS,
};
use crate::alert::Alert;
use crate::answer::words::grouped;
use crate::flow::{TimeRange, UnixMillis};
use crate::query::filter::parse;
use crate::query::{Direction, Question};
use crate::request::Refused;
use crate::row::Predicate;
use crate::store::{Result, Snapshot, StoreError};

/// So many connections are drawn at most.
const MOST: usize = 200_000;

/// An alert whose flows are read.
pub(super) struct Reading<'a> {
    pub(super) alert: &'a Alert,
    /// Who did it, or suffers it, where that is one.
    pub(super) host: Option<IpAddr>,
    /// From when to when it was.
    pub(super) time: TimeRange,
    filter: Option<Predicate>,
}

/// What a host began.
pub(super) struct Began {
    pub(super) connections: Vec<Connection>,
    /// Why these are not all.
    pub(super) lacking: Option<String>,
}

impl<'a> Reading<'a> {
    /// That of `alert`.
    ///
    /// # Errors
    ///
    /// [`Fault`] where its filter cannot be read any more.
    pub(super) fn of(ask: &Ask<'_>, alert: &'a Alert) -> std::result::Result<Self, Fault> {
        Ok(Self {
            alert,
            host: alert.document["host"].as_str().and_then(|host| host.parse().ok()),
            time: TimeRange {
                since: alert.first,
                until: UnixMillis(alert.last.0.saturating_add(1)),
            },
            filter: filter(ask, &alert.filter)?,
        })
    }

    /// A question for its flows within `time`.
    pub(super) fn question(&self, time: TimeRange) -> Question {
        let direction = Direction::Any;
        Question { direction, time, filter: self.filter.clone(), ..Question::everything() }
    }

    /// A number of the evidence.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.alert.document["evidence"][name].as_u64()
    }

    /// The connections that its host began, by time.
    pub(super) fn began(&self, ask: &Ask<'_>) -> Result<Began> {
        let Some(host) = self.host else {
            return Ok(Began { connections: Vec::new(), lacking: None });
        };
        let question = Question { addresses: Some(host.into()), ..self.question(self.time) };
        let mut connections = Vec::new();
        let mut lacking = None;
        let limits = ask.limits.clone();
        let read = bounded(ask, |snapshot| {
            let joining = joining(limits, &*snapshot, &question)?;
            let lookup = question.plan_hosts(CONNECTION_COLUMNS);
            for connection in Connections::of(&*snapshot, &lookup, &joining)? {
                let connection = connection?;
                if connection.initiator != host {
                    continue;
                }
                if connections.len() == MOST {
                    lacking = Some(format!("Drawn are {} connections.", grouped(MOST as u64)));
                    break;
                }
                connections.push(connection);
            }
            Ok(())
        });
        match read {
            Err(StoreError::Stopped) => lacking = Some(too_long()),
            read => read?,
        }
        connections.sort_by_key(|connection| connection.first);
        Ok(Began { connections, lacking })
    }
}

/// From when to when the flows of `alert` are. Of who is silent those are of use that came before it.
pub(in super::super) fn time_of(alert: &Alert) -> TimeRange {
    const DAY_MS: u64 = 86_400_000;
    let silence_ms = alert.document["evidence"]["silence"].as_u64();
    let before_ms = silence_ms.map_or(0, |silence_ms| silence_ms.max(DAY_MS));
    TimeRange {
        since: UnixMillis(alert.first.0.saturating_sub(before_ms)),
        until: UnixMillis(alert.last.0.saturating_add(1)),
    }
}

/// How the records of a host are joined: by when those who exported them cut.
fn joining(limits: Limits, snapshot: &dyn Snapshot, question: &Question) -> Result<Joining> {
    let own = Question { filter: None, ..question.clone() };
    let timeouts = Timeouts::learn(snapshot, &own.plan_unordered(Timeouts::COLUMNS))?;
    Ok(Joining { timeouts: Arc::new(timeouts), margin_ms: USUAL_MARGIN_MS, limits })
}

/// What a filter means; nothing where none is written.
pub(super) fn filter(ask: &Ask<'_>, text: &str) -> std::result::Result<Option<Predicate>, Fault> {
    if text.is_empty() {
        return Ok(None);
    }
    let read = parse(text, &ask.around().context());
    read.map(Some).map_err(|error| Refused::of_filter("where", text, &error).into())
}

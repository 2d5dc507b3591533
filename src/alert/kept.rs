//! What is kept of an alert: how often it was raised, what people made of it, and what became of the
//! messages about it. An alert and its messages are one document, so both are kept as a whole.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Alert, Source, moment};
use crate::detect::Severity;
use crate::flow::UnixMillis;

/// What people made of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Nobody looked yet.
    Open,
    /// Somebody looks.
    Seen,
    /// It is done with, until it goes on.
    Closed,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Open, Self::Seen, Self::Closed];

    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Seen => "seen",
            Self::Closed => "closed",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Text that names no state of an alert.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no state of an alert; write open, seen or closed")]
pub struct ParseStateError(String);

impl FromStr for State {
    type Err = ParseStateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|state| state.name() == text);
        named.ok_or_else(|| ParseStateError(text.to_owned()))
    }
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It is to be sent, for the first time or again.
    Waiting,
    /// The receiver took it.
    Sent,
    /// It was given up.
    Undelivered,
}

/// A message about an alert by one way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// The way.
    pub way: String,
    /// Which raising of the alert it tells of, counted from 1.
    pub count: u64,
    /// How grave the alert was then.
    pub severity: Severity,
    /// When that was.
    #[serde(with = "moment")]
    pub queued: UnixMillis,
    /// What became of it.
    pub status: Status,
    /// When it is tried next, while it waits.
    #[serde(with = "moment")]
    pub due: UnixMillis,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was tried last.
    #[serde(default, with = "moment::maybe")]
    pub tried: Option<UnixMillis>,
    /// What the receiver said then, or why it could not be reached.
    #[serde(default)]
    pub said: Option<String>,
}

/// What people said of an alert last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// Who.
    pub by: String,
    /// When.
    #[serde(with = "moment")]
    pub at: UnixMillis,
    /// What he notes.
    #[serde(default)]
    pub note: String,
}

/// An alert as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    /// What was raised: the newest of it, from the first to the last.
    #[serde(flatten)]
    pub alert: Alert,
    /// How often it was raised.
    pub count: u64,
    /// When it was raised first.
    #[serde(with = "moment")]
    pub opened: UnixMillis,
    /// When it was raised last.
    #[serde(with = "moment")]
    pub raised: UnixMillis,
    /// What people made of it.
    pub state: State,
    /// Who said so.
    #[serde(default)]
    pub verdict: Option<Verdict>,
    /// What became of the messages about it: the last one by each way.
    #[serde(default)]
    pub messages: Vec<Message>,
    /// How often this was changed: who changes it says what he read.
    #[serde(skip)]
    pub version: u64,
}

/// What goes by a way, as far as it is for alerts to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// What the way is called.
    pub name: String,
    /// The least that is sent.
    pub severity: Severity,
    /// Of whom; of all where there is none.
    pub sources: Vec<Source>,
}

impl Terms {
    fn want(&self, alert: &Alert) -> bool {
        let of_source = self.sources.is_empty() || self.sources.contains(&alert.source);
        of_source && alert.severity >= self.severity
    }
}

/// How a message went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// The receiver took it, and said this.
    Sent(String),
    /// It is to be tried again after a pause, because of this.
    Again(Duration, String),
    /// It is given up, because of this.
    GivenUp(String),
}

/// Of what a receiver says so many bytes are kept.
const MAX_SAID: usize = 500;

impl Kept {
    /// An alert that is raised for the first time.
    pub fn new(alert: &Alert, now: UnixMillis, ways: &[Terms]) -> Self {
        let mut kept = Self {
            alert: alert.clone(),
            count: 1,
            opened: now,
            raised: now,
            state: State::Open,
            verdict: None,
            messages: Vec::new(),
            version: 1,
        };
        kept.queue(now, ways, |_, _| true);
        kept
    }

    /// The same when it is raised again. What was closed is open again if it went on since; what
    /// was sent is sent again after `resend`, or if it became graver.
    #[must_use]
    pub fn again(
        &self,
        alert: &Alert,
        now: UnixMillis,
        (ways, resend): (&[Terms], Duration),
    ) -> Self {
        let before = &self.alert;
        let mut kept = self.clone();
        kept.alert = Alert {
            severity: before.severity.max(alert.severity),
            first: before.first.min(alert.first),
            last: before.last.max(alert.last),
            ..alert.clone()
        };
        kept.count += 1;
        kept.raised = now.max(self.raised);
        kept.version += 1;
        let closed = match (self.state, &self.verdict) {
            (State::Closed, Some(verdict)) => Some(verdict.at),
            (State::Closed, None) => Some(self.raised),
            _ => None,
        };
        let reopened = closed.is_some_and(|closed| alert.last > closed && alert.last > before.last);
        if reopened {
            kept.state = State::Open;
        } else if closed.is_some() {
            return kept;
        }
        let resend = resend.as_millis() as u64;
        let severity = kept.alert.severity;
        kept.queue(now, ways, |message, now| {
            severity > message.severity
                || message.status != Status::Waiting
                    && (reopened || now.0.saturating_sub(message.queued.0) >= resend)
        });
        kept
    }

    /// Queues a message by each of the ways that want it, where there is none, or `due` says that
    /// the last one is not enough.
    fn queue(
        &mut self,
        now: UnixMillis,
        ways: &[Terms],
        due: impl Fn(&Message, UnixMillis) -> bool,
    ) {
        for way in ways.iter().filter(|way| way.want(&self.alert)) {
            let message = Message {
                way: way.name.clone(),
                count: self.count,
                severity: self.alert.severity,
                queued: now,
                status: Status::Waiting,
                due: now,
                attempts: 0,
                tried: None,
                said: None,
            };
            match self.messages.iter_mut().find(|known| known.way == way.name) {
                None => self.messages.push(message),
                Some(known) if due(known, now) => *known = message,
                Some(_) => {}
            }
        }
    }

    /// The message by a way.
    pub fn message(&self, way: &str) -> Option<&Message> {
        self.messages.iter().find(|message| message.way == way)
    }

    /// The messages that wait.
    pub fn waiting(&self) -> impl Iterator<Item = &Message> {
        self.messages.iter().filter(|message| message.status == Status::Waiting)
    }

    /// The same when the message by `way` of that count went as `fate` says. A message that was
    /// queued in its place since waits on.
    #[must_use]
    pub fn settled(&self, way: &str, count: u64, now: UnixMillis, fate: &Fate) -> Self {
        let mut kept = self.clone();
        kept.version += 1;
        let message = kept.messages.iter_mut().find(|message| message.way == way);
        let Some(message) = message.filter(|message| message.count == count) else { return kept };
        message.attempts += 1;
        message.tried = Some(now);
        let said = match fate {
            Fate::Sent(said) => {
                message.status = Status::Sent;
                said
            }
            Fate::Again(pause, said) => {
                message.due = UnixMillis(now.0.saturating_add(pause.as_millis() as u64));
                said
            }
            Fate::GivenUp(said) => {
                message.status = Status::Undelivered;
                said
            }
        };
        message.said = Some(said[..said.floor_char_boundary(MAX_SAID)].to_owned());
        kept
    }

    /// The same when somebody says what is to be made of it.
    #[must_use]
    pub fn judged(&self, state: State, verdict: Verdict) -> Self {
        Self { state, verdict: Some(verdict), version: self.version + 1, ..self.clone() }
    }
}

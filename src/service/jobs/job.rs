//! A job: what it is to do, and how far that is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::JobId;
use crate::flow::UnixMillis;
use crate::query::filter::MAX_TEXT_BYTES;
use crate::request::{Parameters, Refused};

/// A question, or another piece of work, that is carried out while nobody waits for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// What its owner calls it.
    pub name: String,
    /// What it does.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// What is asked for, by the names that the API has.
    pub parameters: Parameters,
    /// Who made it.
    pub owner: String,
    /// Where it stands.
    pub status: Status,
    /// How much of its work is done, from 0 to 100; 100 at its end and not before.
    pub progress: u8,
    /// When it was made.
    pub created: UnixMillis,
    /// When it was asked to start; it waits from then on for its turn.
    pub queued: Option<UnixMillis>,
    /// How often its work began since somebody asked for it.
    pub attempts: u32,
    /// When its work began.
    pub started: Option<UnixMillis>,
    /// When it came to an end.
    pub ended: Option<UnixMillis>,
    /// Results so far.
    pub rows: u64,
    /// Bytes of them, as JSON.
    pub bytes: u64,
    /// Why it failed, or what is to be said beside its results.
    pub message: String,
    /// When its results went, to make room for others.
    pub expired: Option<UnixMillis>,
}

impl Job {
    /// A job that nobody asked to start yet.
    pub(super) fn new(id: JobId, new: NewJob, created: UnixMillis) -> Self {
        let NewJob { name, kind, parameters, owner } = new;
        Self {
            id,
            name,
            kind,
            parameters,
            owner,
            status: Status::Created,
            progress: 0,
            created,
            queued: None,
            attempts: 0,
            started: None,
            ended: None,
            rows: 0,
            bytes: 0,
            message: String::new(),
            expired: None,
        }
    }

    /// How long its work took, or takes up to `now`, in milliseconds.
    pub fn running_ms(&self, now: UnixMillis) -> u64 {
        self.started.map_or(0, |started| self.ended.unwrap_or(now) - started)
    }

    /// The same job, to be carried out from its beginning when its turn comes.
    pub(super) fn to_start(&self, now: UnixMillis) -> Self {
        let Self { id, name, kind, parameters, owner, created, .. } = self.clone();
        let new = NewJob { name, kind, parameters, owner };
        Self { queued: Some(now), ..Self::new(id, new, created) }
    }
}

/// A job to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// What its owner calls it.
    pub name: String,
    /// What it is to do.
    pub kind: Kind,
    /// What is asked for.
    pub parameters: Parameters,
    /// Who makes it.
    pub owner: String,
}

/// So many characters has a name of a job.
const MAX_NAME: usize = 100;
/// So many bytes have its parameters, with their names: the longest filter, and what else there is.
const MAX_PARAMETER_BYTES: usize = MAX_TEXT_BYTES + (8 << 10);

impl NewJob {
    /// Whether it is no longer than a job may be.
    pub(super) fn check(&self) -> Result<(), Refused> {
        let Self { name, parameters, .. } = self;
        if name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
            return Err(Refused::of("name", format!("a name has at most {MAX_NAME} characters")));
        }
        let bytes: usize = parameters.iter().map(|(name, value)| name.len() + value.len()).sum();
        if bytes > MAX_PARAMETER_BYTES {
            let told = format!("parameters have at most {MAX_PARAMETER_BYTES} bytes in all");
            return Err(Refused::of("parameters", told));
        }
        Ok(())
    }
}

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// Looks for flows.
    FlowQuery,
    /// Sums up pairs of addresses.
    ActiveFlow,
    /// Sums up by keys.
    Top,
    /// Sums up two stretches of time by keys.
    Diff,
    /// Sums up over time.
    Timeline,
    /// Sums up what is billed of a month.
    Report,
    /// Sums up all there is.
    Stats,
    /// Looks for what stands out.
    Detect,
    /// Loads captures.
    Load,
    /// Writes flows to a file.
    Export,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::FlowQuery,
        Self::ActiveFlow,
        Self::Top,
        Self::Diff,
        Self::Timeline,
        Self::Report,
        Self::Stats,
        Self::Detect,
        Self::Load,
        Self::Export,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FlowQuery => "FlowQuery",
            Self::ActiveFlow => "ActiveFlow",
            Self::Top => "Top",
            Self::Diff => "Diff",
            Self::Timeline => "Timeline",
            Self::Report => "Report",
            Self::Stats => "Stats",
            Self::Detect => "Detect",
            Self::Load => "Load",
            Self::Export => "Export",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Text that is no kind of job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no type of a job; there are {}", Kind::ALL.map(Kind::name).join(", "))]
pub struct ParseKindError {
    text: String,
}

impl FromStr for Kind {
    type Err = ParseKindError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let kind = Self::ALL.into_iter().find(|kind| kind.name() == text);
        kind.ok_or_else(|| ParseKindError { text: text.to_owned() })
    }
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Status {
    /// It waits to be started, or, if that was asked for, for its turn.
    Created,
    /// Its work goes on.
    Started,
    /// It is done, and all of its results are kept.
    End,
    /// Something failed on the way, and may go well another time.
    Failed,
    /// It asks for what cannot be.
    Error,
    /// Somebody gave it up.
    Canceled,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 6] =
        [Self::Created, Self::Started, Self::End, Self::Failed, Self::Error, Self::Canceled];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "Created",
            Self::Started => "Started",
            Self::End => "End",
            Self::Failed => "Failed",
            Self::Error => "Error",
            Self::Canceled => "Canceled",
        }
    }

    /// Whether a job may go from this status to `next`.
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            // It is asked to start, starts, or is given up.
            Self::Created => matches!(next, Self::Created | Self::Started | Self::Canceled),
            // Its process may have ended in the middle: then it is made ready once more, if asked.
            Self::Started => true,
            Self::Failed | Self::Error | Self::Canceled => matches!(next, Self::Created),
            Self::End => false,
        }
    }

    /// Whether nothing more comes of it by itself.
    pub const fn is_over(self) -> bool {
        !matches!(self, Self::Created | Self::Started)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_documents() {
        for kind in Kind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
            assert_eq!(kind.name().parse(), Ok(kind));
        }
        for status in Status::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.name());
        }
        let told = "Flows".parse::<Kind>().unwrap_err().to_string();
        assert!(
            told.ends_with(
                "FlowQuery, ActiveFlow, Top, Diff, Timeline, Report, Stats, Detect, Load, Export"
            ),
            "{told}"
        );
    }

    #[test]
    fn what_is_done_stays_done_and_what_failed_may_be_tried_again() {
        use Status::{Canceled, Created, End, Error, Failed, Started};
        for (from, allowed) in [
            (Created, &[Created, Started, Canceled][..]),
            (Started, &Status::ALL),
            (End, &[]),
            (Failed, &[Created]),
            (Error, &[Created]),
            (Canceled, &[Created]),
        ] {
            let may: Vec<Status> =
                Status::ALL.into_iter().filter(|&next| from.may_become(next)).collect();
            assert_eq!(may, allowed, "{from}");
            assert_eq!(from.is_over(), !matches!(from, Created | Started));
        }
    }
}

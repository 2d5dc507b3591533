//! What stands out, whoever found it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::moment;
use crate::answer::{Called, detection_json, detection_title};
use crate::detect::{Detection, Kind, Severity};
use crate::flow::UnixMillis;

/// Who found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// A detection.
    Detection,
    /// A rule of the user's.
    Rule,
    /// A watch list.
    Watch,
    /// The look for what sends nothing any more.
    Silence,
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Detection, Self::Rule, Self::Watch, Self::Silence];

    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Detection => "detection",
            Self::Rule => "rule",
            Self::Watch => "watch",
            Self::Silence => "silence",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Text that names no source of alerts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no source of alerts; there are detection, rule, watch and silence")]
pub struct ParseSourceError(String);

impl FromStr for Source {
    type Err = ParseSourceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|source| source.name() == text);
        named.ok_or_else(|| ParseSourceError(text.to_owned()))
    }
}

/// Something that somebody should look at. In JSON times are texts of RFC 3339.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// The same whenever the same is raised again.
    pub id: String,
    /// Who found it.
    pub source: Source,
    /// The kind of detection, or what the rule or the watch list is called.
    pub name: String,
    /// How soon somebody should look.
    pub severity: Severity,
    /// One line for people: what, who, how much.
    pub title: String,
    /// When it began.
    #[serde(with = "moment")]
    pub first: UnixMillis,
    /// When it ended, as far as it is known.
    #[serde(with = "moment")]
    pub last: UnixMillis,
    /// The filter that finds its flows between both.
    pub filter: String,
    /// The technique of MITRE ATT&CK that it may be a sign of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attack: Option<String>,
    /// All that is known of it.
    pub document: Value,
}

impl Alert {
    /// What a detection found, with names as `called` has them.
    pub fn of_detection(detection: &Detection, called: &Called) -> Self {
        Self {
            id: detection.id(),
            source: if detection.kind == Kind::Silent {
                Source::Silence
            } else {
                Source::Detection
            },
            name: detection.kind.name().to_owned(),
            severity: detection.severity,
            title: detection_title(detection, called),
            first: detection.first,
            last: detection.last,
            filter: detection.filter(),
            attack: Some(detection.kind.attack().to_owned()),
            document: detection_json(detection, called),
        }
    }
}

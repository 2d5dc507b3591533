//! The names of jobs: when they were made.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::flow::UnixMillis;

/// `yyyyMMddHHmmss[-n]`: the second in which a job was made, in UTC; the second and further ones of
/// a second are numbered from 1. Jobs are in the order of their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct JobId {
    /// The fourteen digits, as a number.
    second: u64,
    number: u32,
}

const DIGITS: usize = 14;

impl JobId {
    /// The first job of the second of `moment`.
    pub(super) fn at(moment: UnixMillis) -> Self {
        let digits = moment.timestamp().strftime("%Y%m%d%H%M%S").to_string();
        Self { second: digits.parse().unwrap_or(0), number: 0 }
    }

    /// The next one of the same second.
    pub(super) fn next(self) -> Self {
        Self { number: self.number.saturating_add(1), ..self }
    }

    /// Two numbers that are in its order.
    pub(super) fn numbers(self) -> (i64, i64) {
        (self.second as i64, self.number.into())
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:0DIGITS$}", self.second)?;
        if self.number == 0 { Ok(()) } else { write!(f, "-{}", self.number) }
    }
}

/// Text that is no id of a job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no id of a job; one is written yyyyMMddHHmmss or yyyyMMddHHmmss-n")]
pub struct ParseJobIdError(String);

impl FromStr for JobId {
    type Err = ParseJobIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let (second, number) = match text.split_once('-') {
                None => (text, 0),
                Some((second, number)) => (second, number.parse().ok().filter(|&n| n > 0)?),
            };
            let id = Self { second: second.parse().ok()?, number };
            // There is one way to write it.
            (second.len() == DIGITS && id.to_string() == text).then_some(id)
        };
        read().ok_or_else(|| ParseJobIdError(text.to_owned()))
    }
}

impl TryFrom<String> for JobId {
    type Error = ParseJobIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<JobId> for String {
    fn from(id: JobId) -> Self {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_when_the_job_was_made_and_is_read_as_it_is_written() {
        // 2025-10-09T08:53:10.123Z, by `date -u -d @1759999990`.
        let first = JobId::at(UnixMillis(1_759_999_990_123));
        let ids = [first, first.next(), (0..9).fold(first, |id, _| id.next()), first.next().next()];
        let texts = ids.map(|id| id.to_string());
        let expected =
            ["20251009085310", "20251009085310-1", "20251009085310-9", "20251009085310-2"];
        assert_eq!(texts, expected);
        assert_eq!(texts.clone().map(|text| text.parse::<JobId>().unwrap()), ids);
        assert!(first < ids[1] && ids[3] < ids[2], "they are in the order in which they were made");
        assert_eq!(serde_json::to_string(&ids[1]).unwrap(), "\"20251009085310-1\"");
        for text in [
            "",
            "2025100908531",
            "202510090853100",
            "20251009085310-0",
            "20251009085310-",
            "20251009085310-01",
            "+0251009085310",
            "20251009085310-1-1",
            "20251009085310/..",
            "2025100908531x",
        ] {
            assert!(text.parse::<JobId>().is_err(), "{text:?}");
        }
    }
}

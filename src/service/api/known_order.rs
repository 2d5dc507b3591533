//! A job as clients of the predecessor order it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::request::Parameters;
use crate::service::problem::Problem;

/// How these clients write times; they are in the zone of the service.
pub(super) const TIMES: &str = "%Y-%m-%d-%H:%M:%S";

/// A job as its clients order it. Numbers may be text; what is empty is not asked for.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = KnownOrder)]
#[serde(default)]
pub(super) struct Order {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    start: Text,
    end: Text,
    src_addr: Text,
    dst_addr: Text,
    src_port: Text,
    dst_port: Text,
    prot: Text,
    tos: Text,
    /// It tells how long a job took, and clients send back what they were told.
    #[serde(rename = "running_time")]
    _running_time: Text,
}

/// Text, a number, or nothing.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(untagged)]
enum Text {
    #[default]
    None,
    Word(String),
    Number(i64),
}

impl Text {
    fn given(&self) -> Option<String> {
        match self {
            Self::None => None,
            Self::Word(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            Self::Number(number) => Some(number.to_string()),
        }
    }
}

impl Order {
    /// What is asked for, in the words of today.
    ///
    /// # Errors
    ///
    /// [`Problem`] with the field that means nothing.
    pub(super) fn parameters(&self) -> Result<Parameters, Problem> {
        let mut parameters = Parameters::new();
        for (field, value, name) in [("start", &self.start, "since"), ("end", &self.end, "until")] {
            if let Some(text) = value.given() {
                let time = jiff::civil::DateTime::strptime(TIMES, &text)
                    .map_err(|_| invalid(field, "write yyyy-MM-dd-HH:mm:ss"))?;
                parameters.insert(name.to_owned(), time.strftime("%Y-%m-%dT%H:%M:%S").to_string());
            }
        }
        let mut terms = Vec::new();
        for (field, value, word) in [
            ("src_addr", &self.src_addr, "src ip"),
            ("dst_addr", &self.dst_addr, "dst ip"),
            ("src_port", &self.src_port, "src port"),
            ("dst_port", &self.dst_port, "dst port"),
            ("prot", &self.prot, "proto"),
            ("tos", &self.tos, "tos"),
        ] {
            let Some(text) = value.given() else { continue };
            // A value is one word: it cannot become a part of the filter.
            let fits = |c: char| c.is_ascii_alphanumeric() || ".:/-".contains(c);
            if !text.chars().all(fits) {
                return Err(invalid(field, &format!("{text:?} is no value")));
            }
            let word = if text.contains('/') { word.replace("ip", "net") } else { word.to_owned() };
            terms.push(format!("{word} {text}"));
        }
        let filter = if terms.is_empty() { "any".to_owned() } else { terms.join(" and ") };
        parameters.insert("where".to_owned(), filter);
        Ok(parameters)
    }
}

pub(super) fn invalid(field: &str, problem: &str) -> Problem {
    Problem::bad_request(format!("{field}: {problem}"))
}

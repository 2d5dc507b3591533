//! `detect suppress`: what need not be told, and what of a report that leaves out.

use super::filter::Where;
use super::{Refused, Surroundings, moment, one_of};
use crate::detect::{Detection, Kind, Suppression};
use crate::flow::UnixMillis;
use crate::query::filter::parse;
use crate::row::Predicate;

/// What a suppression says.
#[derive(Debug, Clone, clap::Args)]
pub struct Suppress {
    /// Only detections of this kind; several times for several [default: all kinds]
    #[arg(long, value_name = "KIND", value_parser = one_of::<Kind>(Kind::ALL.map(Kind::name)))]
    kind: Vec<Kind>,
    /// Only the detection of this id, as reports have it
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    #[command(flatten)]
    condition: Where,
    /// Why
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: String,
    /// Until when it holds [default: until it is removed]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    until: Option<String>,
}

/// A reason has so many letters at most.
const MAX_REASON: usize = 500;

fn reason(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > MAX_REASON || text.contains(char::is_control) {
        return Err(format!("must be a line of 1 to {MAX_REASON} letters"));
    }
    Ok(text.to_owned())
}

impl Suppress {
    /// The suppression that is meant, without a number yet, which `by` makes now.
    ///
    /// # Errors
    ///
    /// [`Refused`] for a filter or a time that is none, and for what says nothing of what it is about.
    pub fn suppression(&self, by: &str, around: &Surroundings<'_>) -> Result<Suppression, Refused> {
        self.condition.predicate(around)?;
        if self.kind.is_empty() && self.id.is_none() && !self.condition.is_given() {
            let message = "everything? say what need not be told by --kind, --id or --where";
            return Err(Refused::new(message));
        }
        let until = self.until.as_deref().map(|text| moment("until", text, around)).transpose()?;
        if until.is_some_and(|until| until <= around.now) {
            return Err(Refused::of("until", "--until must be a time to come"));
        }
        Ok(Suppression {
            number: 0,
            kinds: self.kind.clone(),
            id: self.id.clone(),
            written: self.condition.is_given().then(|| self.condition.text().to_owned()),
            reason: self.reason.clone(),
            by: by.to_owned(),
            added: around.now,
            until,
        })
    }
}

/// Suppressions with what their filters mean now.
#[derive(Debug, Default)]
pub struct Suppressions {
    all: Vec<(Suppression, Option<Predicate>)>,
    now: UnixMillis,
}

impl Suppressions {
    /// Reads the filters of `all`. A file that one of them names may be gone: then it does not hold, and
    /// its number is given with what is wrong.
    pub fn new(all: Vec<Suppression>, around: &Surroundings<'_>) -> (Self, Vec<(u64, String)>) {
        let (mut read, mut wrong) = (Vec::new(), Vec::new());
        for suppression in all {
            let filter = suppression.written.as_deref().map(|text| parse(text, &around.context()));
            match filter.transpose() {
                Ok(filter) => read.push((suppression, filter)),
                Err(error) => wrong.push((suppression.number, error.to_string())),
            }
        }
        (Self { all: read, now: around.now }, wrong)
    }

    /// The number of the first that holds of `detection`.
    pub fn holding(&self, detection: &Detection) -> Option<u64> {
        let holds = |(suppression, filter): &&(Suppression, Option<Predicate>)| {
            suppression.holds(detection, filter.as_ref(), self.now)
        };
        self.all.iter().find(holds).map(|(suppression, _)| suppression.number)
    }

    /// Takes out of `detections` what need not be told; gives how many that were.
    pub fn apply(&self, detections: &mut Vec<Detection>) -> u64 {
        let before = detections.len();
        detections.retain(|detection| self.holding(detection).is_none());
        (before - detections.len()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Zone, read};
    use super::*;
    use crate::query::filter::NoFiles;

    #[test]
    fn of_what_is_no_detection_only_an_id_alone_holds() {
        let zone = Zone::utc();
        let around = Surroundings {
            zone: &zone,
            now: UnixMillis(1_795_000_000_000),
            limits: crate::aggregate::Limits::default(),
            files: &NoFiles,
        };
        let of = |given: &[(&str, &str)]| {
            let given = given.iter().chain(&[("reason", "ours")]);
            let given = given.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            let suppress: Suppress = read(&given.collect()).unwrap();
            suppress.suppression("ann", &around).unwrap()
        };
        for (given, holds) in [
            (&[("id", "aa")][..], true),
            (&[("id", "bb")], false),
            (&[("id", "aa"), ("kind", "scan")], false),
            (&[("id", "aa"), ("where", "src ip 10.0.0.1")], false),
            (&[("where", "any")], false),
            (&[("id", "aa"), ("until", "2027-01-01")], true),
        ] {
            assert_eq!(of(given).id_alone(around.now) == Some("aa"), holds, "{given:?}");
        }
        let over = Suppression { until: Some(around.now), ..of(&[("id", "aa")]) };
        assert_eq!(over.id_alone(around.now), None);
    }
}

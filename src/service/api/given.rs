//! The parameters of a request, out of its query.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;

use crate::flow::UnixMillis;
use crate::request::{Parameters, Refused, Zone};
use crate::service::problem::Problem;

use super::Failure;

/// Names by which others know a parameter: Grafana has times as `from` and `to`.
const ALIASES: [(&str, &str); 2] = [("from", "since"), ("to", "until")];
/// A time of so many digits is a number of milliseconds since 1970; a day is written in eight.
const EPOCH_DIGITS: std::ops::RangeInclusive<usize> = 11..=14;

/// What the query of a request says. A parameter that comes twice is refused, as nobody could know
/// which of them counts; one without a value says nothing.
#[derive(Debug, Clone)]
pub(in crate::service) struct Given(pub(in crate::service) Parameters);

impl<S: Send + Sync> FromRequestParts<S> for Given {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let Query(pairs) = query.map_err(|error| Problem::bad_request(error.body_text()))?;
        Self::new(pairs).map_err(|refused| Failure::from(refused).into_problem())
    }
}

impl Given {
    /// Out of names and values.
    pub(in crate::service) fn new(
        pairs: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Refused> {
        let mut given = Parameters::new();
        for (name, value) in pairs {
            let alias = ALIASES.iter().find(|(alias, _)| *alias == name);
            let name = alias.map_or(name, |(_, name)| (*name).to_owned());
            let value = match &*name {
                "since" | "until" => in_words(value),
                _ => value,
            };
            if given.insert(name.clone(), value).is_some() {
                return Err(Refused::of(&name, format!("{name} is given more than once")));
            }
        }
        Ok(Self(given))
    }
}

impl Given {
    /// Takes out the zone of times; `usual` where none is named.
    ///
    /// # Errors
    ///
    /// [`Problem`] for what is no zone.
    pub(super) fn take_zone(&mut self, usual: &Zone) -> Result<Zone, Problem> {
        let named = self.0.remove("tz").filter(|name| !name.is_empty());
        let zone = named.map_or_else(|| Ok(usual.clone()), |name| Zone::parse(&name));
        zone.map_err(|problem| Failure::from(Refused::of("tz", problem)).into_problem())
    }
}

/// A time as the reader of options knows it.
fn in_words(time: String) -> String {
    let is_number = EPOCH_DIGITS.contains(&time.len()) && time.bytes().all(|c| c.is_ascii_digit());
    match time.parse() {
        Ok(millis) if is_number => UnixMillis(millis).to_string(),
        _ => time,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(pairs: &[(&str, &str)]) -> Result<Parameters, Refused> {
        let pairs = pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
        Given::new(pairs).map(|given| given.0)
    }

    #[test]
    fn times_of_grafana_are_times() {
        let parameters = given(&[("from", "1700000000000"), ("to", "-2h"), ("n", "5")]).unwrap();
        assert_eq!(parameters["since"], "2023-11-14T22:13:20.000Z");
        assert_eq!(parameters["until"], "-2h");
        assert_eq!(given(&[("since", "20231114")]).unwrap()["since"], "20231114");
    }

    #[test]
    fn what_is_given_twice_is_refused() {
        for twice in [[("limit", "1"), ("limit", "1")], [("since", "-1h"), ("from", "-2h")]] {
            let refused = given(&twice).unwrap_err();
            assert_eq!(refused.parameter.as_deref(), Some(twice[0].0));
        }
    }
}

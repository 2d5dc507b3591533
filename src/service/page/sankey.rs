//! What a sankey is drawn of: the greatest keys, and the rest.

use std::ops::Range;

use super::ask::{Ask, Fault};
use crate::aggregate::{KeyField, KeyValue, Measure, Top, TopEntry};
use crate::answer::{Beside, Part, Stop};
use crate::request::keys_of;

/// So many keys at once can be drawn.
const MAX_KEYS: usize = 3;

/// What the keys come to that are told apart.
pub(super) fn told_apart(top: &Top, by: Measure) -> u128 {
    top.entries.iter().map(|entry| entry.counts.counters.get(by)).sum()
}

/// How many fields each of the keys has.
pub(super) fn stops(ask: &Ask<'_>, keys: &str) -> Result<Vec<usize>, Fault> {
    let keys: Vec<&str> = keys.split(',').filter(|key| !key.is_empty()).collect();
    if keys.len() > MAX_KEYS {
        return Err(Fault::of("key", format!("at most {MAX_KEYS} keys can be drawn")));
    }
    let around = ask.around();
    let fields = |key: &&str| keys_of(key, &around).map(|fields| fields.len());
    keys.iter().map(fields).collect::<Result<_, _>>().map_err(|refused| match refused.place {
        // The place is in one of the keys.
        Some(place) if !refused.ours => Fault::of("key", place.problem),
        _ => refused.into(),
    })
}

/// The greatest keys as parts of a sankey, and the rest as one where it is not most of it.
pub(super) fn sankey_parts(
    ask: &Ask<'_>,
    (stops, fields): (&[usize], &[KeyField]),
    (top, beside): (&Top, &Beside),
    by: Measure,
) -> Vec<Part> {
    let stop = |key: &[KeyValue], places: Range<usize>| Stop {
        name: beside.called((fields, key), places.clone(), " "),
        href: match key[places] {
            [KeyValue::Address(address)] => Some(ask.host(address)),
            _ => None,
        },
        is_others: false,
    };
    let stops_of = |entry: &TopEntry| -> Vec<Stop> {
        let mut from = 0;
        let next = |&fields: &usize| {
            let places = from..(from + fields).min(entry.key.len());
            from = places.end;
            stop(&entry.key, places)
        };
        stops.iter().map(next).collect()
    };
    let all = || Stop { name: "all".to_owned(), href: None, is_others: false };
    let others = || Stop { name: "others".to_owned(), href: None, is_others: true };
    // One key alone has nowhere to come from.
    let before = || (stops.len() == 1).then(all);
    let value = |entry: &TopEntry| entry.counts.counters.get(by);
    let part = |entry: &TopEntry| Part {
        stops: before().into_iter().chain(stops_of(entry)).collect(),
        value: value(entry) as f64,
    };
    let shown = told_apart(top, by);
    let rest = top.totals.get(by).saturating_sub(shown);
    // What would leave no room for anything else is told in words.
    let rest = (rest > 0 && rest <= shown).then(|| Part {
        stops: before().into_iter().chain(stops.iter().map(|_| others())).collect(),
        value: rest as f64,
    });
    top.entries.iter().map(part).chain(rest).collect()
}

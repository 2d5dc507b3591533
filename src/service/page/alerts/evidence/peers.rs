//! How many hosts the key of a rule dealt with in each window, as rules count them.

use serde_json::Value;

use crate::aggregate::{KeyField, KeyValue, Limits, PeersOptions, peers};
use crate::answer::firing_key;
use crate::flow::Columns;
use crate::query::Question;
use crate::rules::Rule;
use crate::store::{Result, Snapshot};

/// A value for each window of so many milliseconds within the time of `question`; `key` is what `rule`
/// told of.
pub(super) fn by_window(
    snapshot: &dyn Snapshot,
    (question, window_ms): (&Question, u64),
    (rule, key): (&Rule, &Value),
    limits: &Limits,
) -> Result<Vec<f64>> {
    let bin = KeyField::Bin(window_ms);
    let fields: Vec<_> = [bin].into_iter().chain(rule.fields.iter().cloned()).collect();
    let options =
        PeersOptions { fields: &fields, among: None, least: 0, count: usize::MAX, limits };
    let lookup = question.plan_unordered(Columns::NONE);
    let since = question.time.since;
    let windows = question.time.until.0.saturating_sub(since.0).div_ceil(window_ms);
    let mut values = vec![0.0; windows as usize];
    for (found, peers) in peers(snapshot, &lookup, options)? {
        if let [KeyValue::Time(start), own @ ..] = &found[..]
            && let Some(after) = start.0.checked_sub(since.0)
            && let Some(value) = values.get_mut((after / window_ms) as usize)
            && Some(&firing_key(rule, own)) == key.as_object()
        {
            *value = peers as f64;
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use serde_json::json;

    use super::super::super::super::tests::{Flow, TEN, store_of};
    use super::*;
    use crate::aggregate::parse_keys;
    use crate::detect::Severity;
    use crate::flow::{TimeRange, UnixMillis};
    use crate::rules::{Counted, Limit};
    use crate::store::Store;

    const MINUTE: u64 = 60_000;

    fn rule(by: &str) -> Rule {
        Rule {
            name: "peers".to_owned(),
            filter: None,
            written: String::new(),
            by: by.to_owned(),
            fields: parse_keys(by).unwrap(),
            counted: Counted::Peers,
            window_ms: NonZeroU64::new(MINUTE).unwrap(),
            limit: Limit::Above(1),
            floor: 0,
            pause_ms: 0,
            late_ms: 0,
            severity: Severity::High,
        }
    }

    #[test]
    fn a_peer_is_whoever_is_at_the_other_end_than_the_key() {
        let own = |port| ("10.0.0.1", port);
        // It deals with three and one of them again, then is sent to by two, of whom one is new.
        let flows: [Flow; 6] = [
            (own(1), ("10.0.0.2", 443), 0, 1),
            (own(2), ("10.0.0.3", 443), 0, 1),
            (own(3), ("10.0.0.4", 443), 0, 1),
            (own(4), ("10.0.0.4", 443), 0, 1),
            (("10.0.0.2", 443), own(1), 1, 1),
            (("10.0.0.9", 443), own(1), 1, 1),
        ];
        let store = store_of(&flows);
        let since = UnixMillis(TEN);
        let time = TimeRange { since, until: since + 2 * MINUTE };
        let of = |by: &str, key: Value| {
            let question = Question { time, ..Question::everything() };
            let snapshot = store.snapshot().unwrap();
            let of = (&rule(by), &key);
            by_window(&*snapshot, (&question, MINUTE), of, &Limits::default()).unwrap()
        };
        let key = json!({ "srcAddress": "10.0.0.1", "dstPort": "443" });
        assert_eq!(of("srcip,dstport", key), [3.0, 0.0]);
        assert_eq!(of("ip", json!({ "address": "10.0.0.1" })), [3.0, 2.0]);
        assert_eq!(of("dstip", json!({ "dstAddress": "10.0.0.1" })), [0.0, 2.0]);
        assert_eq!(of("ip", json!({ "address": "10.0.0.4" })), [1.0, 0.0]);
    }
}

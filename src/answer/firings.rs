//! What rules told of, to an output.

use std::io::{self, Write};

use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::clock::Clock;
use super::keys::{key_names, key_text, key_texts};
use super::units::{amount, width};
use super::words::{grouped, plural, shell_quoted};
use crate::aggregate::{End, KeyField, KeyValue, Prefix};
use crate::flow::Column;
use crate::meaning::Attribute;
use crate::rules::{Counted, Firing, Limit, Rule, Usual};

/// What a rule tells of a key in JSON, of which it told `again` times more while it was to be quiet.
pub fn firing_json(rule: &Rule, firing: &Firing, again: u64) -> Value {
    let Firing { key, window, value, usual } = firing;
    let (limit, over_ms) = match rule.limit {
        Limit::Above(limit) => (json!({ "amount": limit }), None),
        Limit::Percent { percent, over_ms } => (json!({ "percent": percent }), Some(over_ms)),
        Limit::Unusual { z_milli, over_ms } => {
            (json!({ "z": f64::from(z_milli) / 1000.0 }), Some(over_ms))
        }
    };
    let usual = usual.map(|usual| match usual {
        Usual::Mean { mean, percent, windows } => {
            json!({ "mean": rounded(mean), "percent": rounded(percent), "windows": windows })
        }
        Usual::Median { median, deviation, z, windows } => json!({
            "median": rounded(median), "deviation": rounded(deviation), "z": rounded(z),
            "windows": windows,
        }),
    });
    json!({
        "id": rule.id(key),
        "rule": rule.name,
        "severity": rule.severity.name(),
        "key": firing_key(rule, key),
        "measure": rule.counted.name(),
        "value": u64::try_from(*value).unwrap_or(u64::MAX),
        "from": window.since.to_string(),
        "until": window.until.to_string(),
        "above": limit,
        "over": over_ms,
        "usual": usual,
        "again": again,
        "where": firing_filter(rule, key),
        "wider": key_terms(rule, key).any(|term| term.is_none()),
    })
}

/// What a rule tells of a key as JSON has it.
pub(crate) fn firing_key(rule: &Rule, key: &[KeyValue]) -> Map<String, Value> {
    let names = rule.fields.iter().flat_map(key_names).map(std::borrow::Cow::into_owned);
    names.zip(key_texts(key).map(Value::from)).collect()
}

/// To three places; infinite is nothing in JSON.
fn rounded(number: f64) -> Value {
    json!((number * 1e3).round() / 1e3)
}

/// What a rule tells of a key in one line: who, how much, and what of that is too much.
pub fn firing_title(rule: &Rule, firing: &Firing) -> String {
    let of = |value: f64| counted(rule.counted, value);
    let who = if firing.key.is_empty() { "all flows".to_owned() } else { key_text(&firing.key) };
    let value = of(firing.value as f64);
    let window = width(rule.window_ms.get());
    let why = match (rule.limit, firing.usual) {
        (_, Some(Usual::Mean { mean, percent, .. })) if percent.is_finite() => {
            let percent = grouped(percent.round() as u64);
            format!("{percent} % of the mean, {}", of(mean))
        }
        (_, Some(Usual::Mean { windows, .. })) => format!("nothing in {windows} windows before"),
        (_, Some(Usual::Median { median, z, .. })) => {
            // A median of nothing makes everything very unusual.
            let z = if z < 1e6 { format!("{z:.1}") } else { "a million or more".to_owned() };
            format!("z {z}, the median is {}", of(median))
        }
        (Limit::Above(limit), None) => format!("more than {}", of(limit as f64)),
        (_, None) => String::new(),
    };
    format!("{who}: {value} in {window}, {why}")
}

fn counted(counted: Counted, value: f64) -> String {
    match counted {
        Counted::Measure(measure) => amount(measure, value),
        Counted::Peers => plural(value.round() as u64, "peer"),
    }
}

/// The filter that finds the flows of `key` that a rule counted, within its window.
pub fn firing_filter(rule: &Rule, key: &[KeyValue]) -> String {
    let own = match rule.written.as_str() {
        "" => None,
        written if key.is_empty() => Some(written.to_owned()),
        written => Some(format!("({written})")),
    };
    own.into_iter().chain(key_terms(rule, key).flatten()).collect::<Vec<_>>().join(" and ")
}

/// What each field of `key` says in a filter; None where filters have no words for it, and find more.
fn key_terms(rule: &Rule, key: &[KeyValue]) -> impl Iterator<Item = Option<String>> {
    rule.fields.iter().zip(key).map(|(field, value)| term(field, value))
}

/// What a field of a key says in a filter, where filters have words for it.
fn term(field: &KeyField, value: &KeyValue) -> Option<String> {
    let text = key_text(std::slice::from_ref(value));
    let end = match field.end() {
        Some(End::Src) => "src ",
        Some(End::Dst) => "dst ",
        _ => "",
    };
    Some(match (field, value) {
        (KeyField::Address(_, Prefix::WHOLE), _) => format!("{end}ip {text}"),
        (KeyField::Address(..), KeyValue::Net(_)) => format!("{end}net {text}"),
        (KeyField::Pair, KeyValue::Pair(one, other)) => format!("ip {one} and ip {other}"),
        (KeyField::Meant(_, table), KeyValue::Label(name)) if !name.is_empty() => {
            let word = meant_word(table.attribute)?;
            // A name with a quote cannot be written in a filter.
            (!name.contains(['"', '\\'])).then(|| format!("{end}{word} \"{name}\""))?
        }
        (KeyField::AsNumber(..), KeyValue::Number(number)) => format!("{end}as {number}"),
        (KeyField::Exporter, _) => format!("router ip {text}"),
        (KeyField::NextHop, _) => format!("next ip {text}"),
        (KeyField::Number(Column::Protocol), KeyValue::Protocol(protocol)) => {
            format!("proto {}", protocol.0)
        }
        (KeyField::Number(column) | KeyField::OfEither(column), KeyValue::Number(number)) => {
            let either = matches!(field, KeyField::OfEither(_));
            match (column, either) {
                (Column::SrcPort, false) => format!("src port {number}"),
                (Column::DstPort, false) => format!("dst port {number}"),
                (Column::SrcPort | Column::DstPort, true) => format!("port {number}"),
                (Column::SrcAs, false) => format!("src as {number}"),
                (Column::DstAs, false) => format!("dst as {number}"),
                (Column::SrcAs | Column::DstAs, true) => format!("as {number}"),
                (Column::Input, false) => format!("in if {number}"),
                (Column::Output, false) => format!("out if {number}"),
                (Column::Input | Column::Output, true) => format!("if {number}"),
                _ => return None,
            }
        }
        _ => return None,
    })
}

/// What filters call an attribute.
const fn meant_word(attribute: Attribute) -> Option<&'static str> {
    Some(match attribute {
        Attribute::Country => "country",
        Attribute::City => "city",
        Attribute::AsName => "as name",
        Attribute::Network => "network",
        Attribute::Role => "role",
        Attribute::Site => "site",
        Attribute::Tenant => "tenant",
        Attribute::Asn | Attribute::Host => return None,
    })
}

/// Prints what `rule` tells of, for people: when, how grave, what, and the command that shows the
/// flows.
///
/// # Errors
///
/// What `to` gives.
pub fn write_firings(
    rule: &Rule,
    told: &[(Firing, u64)],
    zone: TimeZone,
    to: &mut impl Write,
) -> io::Result<()> {
    let mut clock = Clock::new(zone);
    for (firing, again) in told {
        let (since, until) =
            (clock.rfc_3339(firing.window.since), clock.rfc_3339(firing.window.until));
        let again = match again {
            0 => String::new(),
            again => format!("; {again} more within its cool-down"),
        };
        let filter = firing_filter(rule, &firing.key);
        writeln!(to, "{since}  {}  {}{again}", rule.severity, firing_title(rule, firing))?;
        let of = match filter.as_str() {
            "" => String::new(),
            filter => format!("--where {} ", shell_quoted(filter)),
        };
        writeln!(to, "        earlgrey-hbase query {of}--since {since} --until {until} --alive")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::{Measure, parse_keys};
    use crate::detect::Severity;
    use crate::flow::{TimeRange, UnixMillis};

    fn rule(limit: Limit) -> Rule {
        Rule {
            name: "upload".to_owned(),
            filter: None,
            written: "dst port 443 or dst port 'x'".to_owned(),
            by: "src,dstport".to_owned(),
            fields: parse_keys("src,dstport").unwrap(),
            counted: Counted::Measure(Measure::Octets),
            window_ms: std::num::NonZeroU64::new(300_000).unwrap(),
            limit,
            floor: 0,
            pause_ms: 0,
            late_ms: 0,
            severity: Severity::High,
        }
    }

    #[test]
    fn a_filter_without_words_for_a_part_of_its_key_is_wider_and_a_pair_has_both_its_ends() {
        let [one, other] = [[10, 0, 0, 1], [10, 0, 0, 2]].map(Into::into);
        for (by, key, filter, is_wider, json_key) in [
            (
                "pair,dstport",
                vec![KeyValue::Pair(one, other), KeyValue::Number(443)],
                "ip 10.0.0.1 and ip 10.0.0.2 and dst port 443",
                false,
                json!({ "first": "10.0.0.1", "second": "10.0.0.2", "dstPort": "443" }),
            ),
            (
                "src,tos",
                vec![KeyValue::Address(one), KeyValue::Number(8)],
                "src ip 10.0.0.1",
                true,
                json!({ "srcAddress": "10.0.0.1", "tos": "8" }),
            ),
        ] {
            let fields = parse_keys(by).unwrap();
            let rule = Rule { fields, written: String::new(), ..rule(Limit::Above(1)) };
            let window = TimeRange { since: UnixMillis(0), until: UnixMillis(300_000) };
            let firing = Firing { key, window, value: 2, usual: None };
            let json = firing_json(&rule, &firing, 0);
            assert_eq!((&json["where"], &json["key"]), (&json!(filter), &json_key));
            assert_eq!(json["wider"], is_wider, "{by}");
        }
    }

    #[test]
    fn a_firing_says_who_how_much_and_how_to_see_it() {
        let firing = Firing {
            key: vec![KeyValue::Address([10, 0, 0, 1].into()), KeyValue::Number(443)],
            window: TimeRange { since: UnixMillis(0), until: UnixMillis(300_000) },
            value: 2_400_000_000,
            usual: None,
        };
        let rule_of = rule(Limit::Above(2_000_000_000));
        let mut text = Vec::new();
        write_firings(&rule_of, &[(firing.clone(), 2)], TimeZone::UTC, &mut text).unwrap();
        let expected = "\
1970-01-01T00:00:00.000Z  high  10.0.0.1, 443: 2.4 GB in 5 min, more than 2 GB; 2 more within its cool-down
        earlgrey-hbase query --where '(dst port 443 or dst port '\\''x'\\'') and src ip 10.0.0.1 and dst port 443' \
             --since 1970-01-01T00:00:00.000Z --until 1970-01-01T00:05:00.000Z --alive
";
        assert_eq!(String::from_utf8(text).unwrap(), expected);
        let usual = Usual::Mean { mean: 4e8, percent: 600.0, windows: 12 };
        let firing = Firing { usual: Some(usual), ..firing };
        let rule_of = rule(Limit::Percent { percent: 300, over_ms: 3_600_000 });
        let title = "10.0.0.1, 443: 2.4 GB in 5 min, 600 % of the mean, 400 MB";
        assert_eq!(firing_title(&rule_of, &firing), title);
        let json = firing_json(&rule_of, &firing, 0);
        assert_eq!(json["key"], json!({ "srcAddress": "10.0.0.1", "dstPort": "443" }));
        assert_eq!(json["usual"], json!({ "mean": 4e8, "percent": 600.0, "windows": 12 }));
    }
}

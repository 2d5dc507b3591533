//! The numbers of detections.

use maud::{Markup, html};
use serde_json::Value;

use super::super::super::ask::Ask;
use super::super::super::parts;
use super::{Number, moment, words};
use crate::aggregate::Measure;
use crate::alert::Alert;
use crate::answer::words::{bytes, grouped, seconds};
use crate::answer::{amount, rate};
use crate::detect::Parameters;

/// How a number is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Count,
    Bytes,
    /// Bits a second.
    Rate,
    /// From 0 to 1, as parts of a hundred.
    Share,
    /// From 0 to 1.
    Score,
    Chance,
    Number,
    /// Milliseconds.
    Span,
    Text,
}

/// What is told of a number: what it is, how, and what it is compared with.
type Told = (&'static str, Form, String);

/// The numbers of a detection, in the order in which they are told.
pub(super) fn numbers(ask: &Ask<'_>, alert: &Alert, parameters: &Parameters) -> Vec<Number> {
    let document = &alert.document;
    let variant = document["variant"].as_str().unwrap_or_default();
    let evidence = document["evidence"].as_object();
    let number = |(name, value): (&String, &Value)| {
        let known = told(&alert.name, variant, name, parameters);
        let form = known.as_ref().map_or(Form::Text, |(_, form, _)| *form);
        let (what, limit) = match known {
            Some((what, _, limit)) => (what.to_owned(), limit),
            None => (words(name), String::new()),
        };
        let is_text = form == Form::Text;
        Number { what, value: shown(ask, value, form), limit, is_text }
    };
    let mut numbers: Vec<(usize, Number)> = evidence
        .into_iter()
        .flatten()
        .map(|entry| (place(&alert.name, entry.0), number(entry)))
        .collect();
    numbers.sort_by_key(|(place, _)| *place);
    numbers.into_iter().map(|(_, number)| number).collect()
}

fn shown(ask: &Ask<'_>, value: &Value, form: Form) -> Markup {
    let whole = value.as_u64().unwrap_or_default();
    let number = value.as_f64().unwrap_or_default();
    html! {
        @match form {
            Form::Count => (grouped(whole)),
            Form::Bytes => (bytes(whole)),
            Form::Rate => (rate(Measure::Octets, number / 8.0)),
            Form::Share => (format!("{:.0} %", number * 100.0)),
            Form::Score => (format!("{number:.2}")),
            Form::Chance if number < 0.001 => (format!("{number:.0e}")),
            Form::Chance => (format!("{number:.3}")),
            Form::Number => (format!("{number:.1}")),
            Form::Span => (seconds(number / 1000.0)),
            Form::Text => @match value.as_str() {
                None => (value),
                Some(text) => @match moment(text) {
                    Some(time) => (parts::time(ask, time)),
                    None => (text),
                },
            },
        }
    }
}

/// What the numbers of a kind are, those first that decide most.
fn table(kind: &str) -> &'static [&'static str] {
    match kind {
        "scan" => &["hosts", "ports", "failed", "answered", "triedPorts", "answeringHosts"],
        "beacon" => {
            &["contacts", "medianInterval", "period", "chance", "score", "interval", "size"]
        }
        "ddos" => &["packetsPerSecond", "usualPacketsPerSecond", "bitsPerSecond", "sources"],
        "exfil" => {
            &["sentBytes", "z", "usualBytes", "deviation", "greatestBefore", "receivedBytes"]
        }
        "spread" => &["hosts", "usualHosts", "knownHosts", "ports"],
        "silent" => &["silence", "longestGap", "lastSeen", "knownFor"],
        "new" => &["new", "usualNewADay", "known", "knownFor", "since"],
        _ => &["duration", "lists", "indicators", "flows", "records"],
    }
}

fn place(kind: &str, name: &str) -> usize {
    let names = table(kind);
    names.iter().position(|known| *known == name).unwrap_or(names.len())
}

/// What a number of a kind means.
fn told(kind: &str, variant: &str, name: &str, by: &Parameters) -> Option<Told> {
    match kind {
        "scan" => of_scan(name, by),
        "beacon" => of_beacon(name, by),
        "ddos" => of_ddos(variant, name, by),
        "exfil" => of_exfil(name, by),
        "spread" => of_spread(name, by),
        "silent" => of_silent(name, by),
        "new" => of_new(variant, name, by),
        _ => None,
    }
    .or_else(|| of_any(kind, name, by))
}

fn at_least(number: impl Into<u128>) -> String {
    format!("{} at least", grouped(number))
}

fn of_scan(name: &str, by: &Parameters) -> Option<Told> {
    let none = String::new;
    Some(match name {
        "hosts" => (
            "Hosts that it tried",
            Form::Count,
            format!("{} that do not answer, for a scan of many hosts", by.scan_hosts),
        ),
        "ports" => (
            "Ports that it tried",
            Form::Count,
            format!("{} that do not answer, for a scan of one host", by.scan_ports),
        ),
        "failed" => (
            "Of its tries failed",
            Form::Share,
            format!("{:.0} % at least", by.scan_failed * 100.0),
        ),
        "answered" => ("Tries that were answered", Form::Count, none()),
        "triedPorts" => ("Ports", Form::Text, none()),
        "answeringHosts" => ("Who answered", Form::Text, none()),
        "answersUnseen" => ("Of its tries an answer would not be seen", Form::Share, none()),
        _ => return None,
    })
}

fn of_beacon(name: &str, by: &Parameters) -> Option<Told> {
    let none = String::new;
    Some(match name {
        "contacts" => ("Calls", Form::Count, at_least(by.beacon_contacts as u64)),
        "medianInterval" => ("Half of the pauses are shorter than", Form::Span, none()),
        "period" => ("It calls every", Form::Span, none()),
        "chance" => (
            "That a period like this is chance",
            Form::Chance,
            "less than 0.001, or 0.005 where scores and sizes are 0.85".into(),
        ),
        "score" => (
            "Mean of the four scores",
            Form::Score,
            format!("{:.2} at least, or 0.70 of a period that is hardly chance", by.beacon_score),
        ),
        "interval" => ("How even the pauses are", Form::Score, "1 is as even as can be".into()),
        "size" => ("How even the sizes are", Form::Score, "1 is as even as can be".into()),
        "histogram" => {
            ("How even it is over the hours", Form::Score, "1 is as even as can be".into())
        }
        "duration" => ("How much of the window it fills", Form::Score, "1 is all of it".into()),
        "window" => ("Window that it is judged in", Form::Span, none()),
        "callingAlike" => (
            "Hosts inside that call there evenly",
            Form::Count,
            format!("{} at most", by.beacon_hosts),
        ),
        "callingHosts" => {
            let most = by.beacon_callers();
            ("Hosts inside that call there at all", Form::Count, format!("{most} at most"))
        }
        "sampled" => ("Sampled", Form::Text, none()),
        _ => return None,
    })
}

fn of_ddos(variant: &str, name: &str, by: &Parameters) -> Option<Told> {
    let half = |holds: bool| if holds { "50 % at least".to_owned() } else { String::new() };
    Some(match name {
        "packetsPerSecond" => (
            "Packets a second in its worst minute",
            Form::Count,
            format!("{}, and {} times the usual", at_least(by.flood_packets), by.flood_times),
        ),
        "usualPacketsPerSecond" => ("Packets a second usually", Form::Count, String::new()),
        "bitsPerSecond" => ("Bits a second then", Form::Rate, String::new()),
        "sources" => (
            "Sources",
            Form::Count,
            if variant == "distributed" {
                format!("{}, or 5 that nobody answers", at_least(by.flood_sources as u64))
            } else {
                String::new()
            },
        ),
        "greatestSource" => (
            "Of it from the greatest source",
            Form::Share,
            if variant == "distributed" { "less than 50 %".to_owned() } else { String::new() },
        ),
        "synPackets" => ("Of it SYN alone", Form::Share, half(variant == "syn")),
        "answered" => (
            "Of it answered",
            Form::Share,
            if variant == "syn" { String::new() } else { "hardly any, or from many".to_owned() },
        ),
        "sourcePort" => ("Port that it comes from", Form::Count, String::new()),
        _ => return None,
    })
}

fn of_exfil(name: &str, by: &Parameters) -> Option<Told> {
    let none = String::new;
    Some(match name {
        "sentBytes" => (
            "Sent to the outside in its greatest hour",
            Form::Bytes,
            format!("{} at least", amount(Measure::Octets, by.exfil_octets as f64)),
        ),
        "receivedBytes" => {
            ("Came back", Form::Bytes, format!("{:.1} times of it must be sent", by.exfil_ratio))
        }
        "z" => ("Robust z", Form::Number, format!("more than {:.1}", by.exfil_z)),
        "usualBytes" => ("Sent in a usual hour", Form::Bytes, none()),
        "deviation" => ("By which usual hours differ", Form::Bytes, none()),
        "greatestBefore" => {
            ("Greatest of other hours", Form::Bytes, "a third of what was sent at most".to_owned())
        }
        "comparedHours" => ("Hours that it is compared with", Form::Count, at_least(12u64)),
        "comparedWith" => ("Which are", Form::Text, none()),
        "peers" => ("Hosts that it sent to", Form::Count, none()),
        "peerIs" => ("The one that got most is", Form::Text, none()),
        "peerPorts" => ("Ports", Form::Text, none()),
        _ => return None,
    })
}

fn of_spread(name: &str, by: &Parameters) -> Option<Told> {
    let none = String::new;
    Some(match name {
        "hosts" => (
            "Hosts that it logged in to within an hour",
            Form::Count,
            at_least(by.spread_hosts as u64),
        ),
        "usualHosts" => (
            "In its greatest hour of another stretch",
            Form::Count,
            "less than a third of it".to_owned(),
        ),
        "knownHosts" => ("Others that it knew from before", Form::Count, none()),
        "ports" => ("Ports", Form::Text, none()),
        _ => return None,
    })
}

fn of_silent(name: &str, by: &Parameters) -> Option<Told> {
    let none = String::new;
    Some(match name {
        "silence" => (
            "Silent for",
            Form::Span,
            format!(
                "{} min at least, and {} times the longest gap",
                by.silent_minutes, by.silent_times
            ),
        ),
        "longestGap" => ("Longest gap before", Form::Span, none()),
        "lastSeen" => ("Seen last", Form::Text, none()),
        "knownFor" => ("Known for", Form::Span, "half a day at least".to_owned()),
        "fiveMinutes" => ("Stretches of five minutes", Form::Count, at_least(100u64)),
        _ => return None,
    })
}

fn of_new(variant: &str, name: &str, by: &Parameters) -> Option<Told> {
    let none = String::new;
    let least = match variant {
        "peers" => by.new_peers as u64,
        "ports" => 2,
        "systems" => 3,
        _ => 1,
    };
    Some(match name {
        "new" => ("Used that it did not use before", Form::Count, at_least(least)),
        "known" => ("Used that it knew", Form::Count, none()),
        "usualNewADay" => (
            "New on its greatest day before",
            Form::Count,
            format!("{} times of it must be new", by.new_times),
        ),
        "knownFor" => ("Known for", Form::Span, "seven days at least".to_owned()),
        "since" => ("New is what was not used before", Form::Text, none()),
        "examples" => ("Examples", Form::Text, none()),
        _ => return None,
    })
}

fn of_any(kind: &str, name: &str, by: &Parameters) -> Option<Told> {
    let none = String::new;
    Some(match (kind, name) {
        ("long", "duration") => ("Lasted", Form::Span, format!("{} h at least", by.long_hours)),
        (_, "records") => ("Records of flows", Form::Count, none()),
        (_, "flows") => ("Flows", Form::Count, none()),
        (_, "sentBytes") => ("Sent", Form::Bytes, none()),
        (_, "receivedBytes") => ("Received", Form::Bytes, none()),
        (_, "lists") => ("Watch lists", Form::Text, none()),
        (_, "indicators") => ("Indicators", Form::Text, none()),
        (_, "notes") => ("What the list says", Form::Text, none()),
        _ => return None,
    })
}

//! Detections to an output.

use std::io::{self, Write};
use std::net::IpAddr;

use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::called::Called;
use super::clock::Clock;
use super::words::{grouped, seconds, shell_quoted};
use crate::detect::{Detection, Evidence, Found, Severity};
use crate::flow::UnixMillis;

/// What a detection is in JSON: the numbers that decided are members of `evidence`, spans in
/// milliseconds. `called` says what its addresses are called.
pub fn detection_json(detection: &Detection, called: &Called) -> Value {
    let Detection { kind, variant, host, peer, protocol, port, severity, confidence, .. } =
        detection;
    let evidence: Map<String, Value> = detection
        .evidence
        .iter()
        .map(|(name, value)| {
            let value = match value {
                Evidence::Count(number) | Evidence::Span(number) => json!(number),
                Evidence::Number(number) => json!((number * 1e3).round() / 1e3),
                Evidence::Share(share) => json!((share * 1e4).round() / 1e4),
                Evidence::Chance(chance) => json!(chance),
                Evidence::Text(text) => json!(text),
            };
            ((*name).to_owned(), value)
        })
        .collect();
    let mut told = json!({
        "id": detection.id(),
        "kind": kind.name(),
        "variant": variant,
        "severity": severity.name(),
        "confidence": (confidence * 1e4).round() / 1e4,
        "attack": kind.attack(),
        "host": host,
        "peer": peer,
        "protocol": protocol.map(|protocol| protocol.to_string()),
        "port": port,
        "first": detection.first.to_string(),
        "last": detection.last.to_string(),
        "evidence": evidence,
        "where": detection.filter(),
    });
    let peer_name = peer.and_then(|peer| called.of(peer, detection.last));
    for (member, name) in [("hostName", called.of(*host, detection.last)), ("peerName", peer_name)]
    {
        if let Some(name) = name {
            told[member] = json!(name);
        }
    }
    told
}

/// What is told behind detections of which not all are told: of each kind how many less grave ones there
/// are, where there are too many, and how many are suppressed. Nothing where all are told.
pub(super) fn left_out_json(found: &Found) -> Option<Value> {
    let by_kind: Map<String, Value> =
        found.left_out.iter().map(|(kind, count)| (kind.name().to_owned(), json!(count))).collect();
    let mut told = Map::new();
    if !by_kind.is_empty() {
        told.insert("leftOut".to_owned(), by_kind.into());
    }
    if found.suppressed > 0 {
        told.insert("suppressed".to_owned(), found.suppressed.into());
    }
    (!told.is_empty()).then(|| told.into())
}

/// Prints `detections` for people: of each what, who, when and how sure, then the numbers that decided,
/// and the command that shows the flows.
///
/// # Errors
///
/// What `to` gives.
pub(super) fn write_detections(
    detections: &[Detection],
    called: &Called,
    zone: TimeZone,
    to: &mut impl Write,
) -> io::Result<()> {
    let mut clock = Clock::new(zone);
    for (place, detection) in detections.iter().enumerate() {
        let mut text = Vec::new();
        if place > 0 {
            text.push(b'\n');
        }
        push(&mut text, detection, called, &mut clock);
        to.write_all(&text)?;
    }
    Ok(())
}

fn push(to: &mut Vec<u8>, detection: &Detection, called: &Called, clock: &mut Clock) {
    let Detection { kind, variant, severity, first, last, confidence, .. } = detection;
    let what =
        if *variant == kind.name() { kind.to_string() } else { format!("{kind} ({variant})") };
    let grave = match severity {
        Severity::High => "HIGH",
        Severity::Medium => "MEDIUM",
        Severity::Low => "low",
    };
    let mut line = |text: &str| to.extend_from_slice(text.as_bytes());
    line(&format!("{grave:<7} {what:<20} {}\n", who(detection, called)));
    let mut time = |moment: UnixMillis| clock.rfc_3339(moment);
    let (since, until) = (time(*first), time(UnixMillis(last.0.saturating_add(1))));
    let lasted = seconds((last.0.saturating_sub(first.0)) as f64 / 1_000.0);
    line(&format!(
        "        {} to {}, {lasted}; {:.0} % sure; {}\n",
        time(*first),
        time(*last),
        confidence * 100.0,
        kind.attack()
    ));
    let numbers: Vec<String> = detection
        .evidence
        .iter()
        .map(|(name, value)| format!("{} {}", words(name), evidence(value)))
        .collect();
    line(&wrapped(&numbers));
    line(&format!(
        "        earlgrey-hbase query --where {} --since {since} --until {until}\n",
        shell_quoted(&detection.filter())
    ));
}

/// A detection in one line: what it is, and who did it to whom.
pub fn detection_title(detection: &Detection, called: &Called) -> String {
    let Detection { kind, variant, .. } = detection;
    let what =
        if *variant == kind.name() { kind.to_string() } else { format!("{kind} ({variant})") };
    format!("{what}: {}", who(detection, called))
}

/// Who did what to whom.
fn who(detection: &Detection, called: &Called) -> String {
    let Detection { host, peer, protocol, port, .. } = detection;
    let service = match (protocol, port) {
        (Some(protocol), Some(port)) if !protocol.is_icmp() => format!("{protocol}/{port}"),
        (Some(protocol), _) => protocol.to_string(),
        (None, _) => String::new(),
    };
    let name = |address: IpAddr| match called.of(address, detection.last) {
        Some(name) => format!("{address} ({name})"),
        None => address.to_string(),
    };
    let host = name(*host);
    let peer = peer.map(|peer| format!(" -> {}", name(peer))).unwrap_or_default();
    format!("{host}{peer} {service}").trim_end().to_owned()
}

/// `medianInterval` as `median interval`.
fn words(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

fn evidence(value: &Evidence) -> String {
    match value {
        Evidence::Count(number) => grouped(*number),
        Evidence::Share(share) => format!("{share:.2}"),
        Evidence::Number(number) => format!("{number:.1}"),
        Evidence::Chance(chance) if *chance < 0.001 => format!("{chance:.0e}"),
        Evidence::Chance(chance) => format!("{chance:.3}"),
        Evidence::Span(millis) => seconds(*millis as f64 / 1_000.0),
        Evidence::Text(text) => text.clone(),
    }
}

/// A line is not longer where it can be helped.
const WIDTH: usize = 100;

fn wrapped(parts: &[String]) -> String {
    let mut lines = String::new();
    let mut width = 0;
    for (place, part) in parts.iter().enumerate() {
        if place == 0 || width + part.len() + 2 > WIDTH {
            lines += if place == 0 { "        " } else { ",\n        " };
            width = 8 + part.len();
        } else {
            lines += ", ";
            width += part.len() + 2;
        }
        lines += part;
    }
    lines + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::Kind;
    use crate::flow::Protocol;

    #[test]
    fn what_is_left_out_is_told_by_kind() {
        assert_eq!(left_out_json(&Found::default()), None);
        let found = Found { left_out: [(Kind::Scan, 12)].into(), ..Found::default() };
        assert_eq!(left_out_json(&found), Some(json!({ "leftOut": { "scan": 12 } })));
        let found = Found { suppressed: 2, ..Found::default() };
        assert_eq!(left_out_json(&found), Some(json!({ "suppressed": 2 })));
    }

    #[test]
    fn a_detection_says_who_why_and_how_to_see_it() {
        let detection = Detection {
            kind: Kind::Beacon,
            variant: "beacon",
            host: [10, 0, 0, 1].into(),
            peer: Some([192, 0, 2, 1].into()),
            protocol: Some(Protocol::TCP),
            port: Some(443),
            first: UnixMillis(1_185_488_138_007),
            last: UnixMillis(1_185_491_738_007),
            severity: Severity::High,
            confidence: 0.957,
            evidence: vec![
                ("medianInterval", Evidence::Span(60_000)),
                ("chance", Evidence::Chance(3.2e-9)),
                ("contacts", Evidence::Count(1_440)),
            ],
        };
        let mut text = Vec::new();
        let (detections, called) = (std::slice::from_ref(&detection), Called::default());
        write_detections(detections, &called, TimeZone::UTC, &mut text).unwrap();
        let expected = "\
HIGH    beacon               10.0.0.1 -> 192.0.2.1 TCP/443
        2007-07-26T22:15:38.007Z to 2007-07-26T23:15:38.007Z, 1 h 0 min; 96 % sure; T1071
        median interval 1 min 0 s, chance 3e-9, contacts 1,440
        earlgrey-hbase query --where 'ip 10.0.0.1 and ip 192.0.2.1 and proto 6 and port 443' \
             --since 2007-07-26T22:15:38.007Z --until 2007-07-26T23:15:38.008Z
";
        assert_eq!(String::from_utf8(text).unwrap(), expected);
        let json = detection_json(&detection, &called);
        assert_eq!(json["evidence"]["contacts"], 1_440);
        assert_eq!(json["id"].as_str().unwrap().len(), 16);
    }
}

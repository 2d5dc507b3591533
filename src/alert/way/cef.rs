//! `ArcSight`'s Common Event Format, version 0, in messages of syslog.

use serde_json::Value;

use super::line::Lines;
use super::syslog::{Header, Options};
use super::text::{one_line, short_line};
use super::{Carrier, Failure, WayError};
use crate::alert::Kept;
use crate::detect::Severity;
use crate::flow::UnixMillis;

const MAX_HEADER: usize = 500;
const MAX_VALUE: usize = 1_000;

/// Sends alerts as messages of CEF.
pub struct Cef {
    lines: Lines,
    header: Header,
}

impl Cef {
    /// Sends as `options` say.
    ///
    /// # Errors
    ///
    /// [`WayError`] if it cannot be so.
    pub fn new(options: &Options) -> Result<Self, WayError> {
        let lines = Lines::new(&options.place, options.ca.as_deref())?;
        Ok(Self { lines, header: Header::new(options.facility) })
    }
}

impl Carrier for Cef {
    fn send(&self, alerts: &[&Kept]) -> Result<String, Failure> {
        let mut said = String::new();
        for kept in alerts {
            let alert = &kept.alert;
            let header = self.header.text(alert.severity, UnixMillis::now(), alert.source.name());
            said = self.lines.send(&format!("{header} - {}", event(kept)))?;
        }
        Ok(said)
    }
}

/// An event. Keys are those of the dictionary of CEF.
fn event(kept: &Kept) -> String {
    let alert = &kept.alert;
    let severity = match alert.severity {
        Severity::Low => 3,
        Severity::Medium => 6,
        Severity::High => 9,
    };
    let text = |name: &str| alert.document.get(name).and_then(Value::as_str).map(str::to_owned);
    let port = alert.document.get("port").and_then(Value::as_u64);
    let address = |name: &str, v4: &'static str, v6: &'static str| {
        let value = text(name)?;
        let key = if value.parse::<std::net::Ipv4Addr>().is_ok() { v4 } else { v6 };
        Some((key, value))
    };
    let filter = (!alert.filter.is_empty()).then(|| alert.filter.clone());
    let extension = [
        Some(("rt", kept.raised.0.to_string())),
        Some(("start", alert.first.0.to_string())),
        Some(("end", alert.last.0.to_string())),
        Some(("externalId", alert.id.clone())),
        Some(("cnt", kept.count.to_string())),
        Some(("cat", alert.source.name().to_owned())),
        address("host", "src", "c6a2"),
        address("peer", "dst", "c6a3"),
        port.map(|port| ("dpt", port.to_string())),
        text("protocol").map(|protocol| ("proto", protocol)),
        filter.as_ref().map(|_| ("cs1Label", "filter".to_owned())),
        filter.map(|filter| ("cs1", filter)),
        alert.attack.as_ref().map(|_| ("cs2Label", "attack".to_owned())),
        alert.attack.clone().map(|attack| ("cs2", attack)),
        Some(("msg", alert.title.clone())),
    ];
    let extension: Vec<String> = extension
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", of_value(&value)))
        .collect();
    format!(
        "CEF:0|Earl Grey|earlgrey-hbase|{}|{}|{}|{severity}|{}",
        env!("CARGO_PKG_VERSION"),
        of_header(&format!("{}:{}", alert.source, alert.name)),
        of_header(&alert.title),
        extension.join(" ")
    )
}

/// A field of the header: `|` and `\` are escaped, and it is on one line.
fn of_header(text: &str) -> String {
    short_line(&one_line(text), MAX_HEADER).replace('\\', "\\\\").replace('|', "\\|")
}

/// A value of the extension: `=` and `\` are escaped. A line's end could be told as `\n`; as a space
/// it ends nobody's line.
fn of_value(text: &str) -> String {
    short_line(&one_line(text), MAX_VALUE).replace('\\', "\\\\").replace('=', "\\=")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::alert::tests::{kept, kept_saying};

    #[test]
    fn an_event_has_the_keys_of_the_dictionary() {
        let version = env!("CARGO_PKG_VERSION");
        let expected = format!(
            "CEF:0|Earl Grey|earlgrey-hbase|{version}|detection:beacon|\
             beacon: 10.0.0.1 -> 192.0.2.1 TCP/443|9|rt=1185491738007 start=1185488138007 \
             end=1185491738007 externalId=00000000000000aa cnt=1 cat=detection src=10.0.0.1 \
             dst=192.0.2.1 dpt=443 proto=TCP cs1Label=filter cs1=ip 10.0.0.1 and ip 192.0.2.1 \
             cs2Label=attack cs2=T1071 msg=beacon: 10.0.0.1 -> 192.0.2.1 TCP/443"
        );
        assert_eq!(event(&kept()), expected);
    }

    /// The pieces of `text` between separators that are not escaped, unescaped: `most` of them, the
    /// last with all of the rest as it is.
    fn pieces(text: &str, separator: char, most: usize) -> Vec<String> {
        let (mut found, mut chars) = (vec![String::new()], text.chars());
        while let Some(c) = chars.next() {
            let last = found.len() == most;
            let piece = found.last_mut().unwrap();
            match c {
                c if last => piece.push(c),
                '\\' => piece.push(chars.next().unwrap()),
                c if c == separator => found.push(String::new()),
                c => piece.push(c),
            }
        }
        found
    }

    proptest! {
        #[test]
        fn nothing_that_others_say_breaks_the_form(said in ".{0,40}[|\\\\=\n\r]{0,4}.{0,40}") {
            let event = event(&kept_saying(&said));
            prop_assert!(!event.chars().any(char::is_control));
            let line = one_line(&said);
            let fields = pieces(&event, '|', 8);
            prop_assert_eq!(&fields[4], &format!("detection:{line}"));
            prop_assert_eq!(&fields[5], &line);
            let values = pieces(&fields[7], '=', usize::MAX);
            // rt, start, end, externalId, cnt, cat; src and more; two of cs1, unless it is empty.
            let keys = if line.is_empty() { 13 } else { 15 };
            prop_assert_eq!(values.len(), keys + 1);
            prop_assert_eq!(values.last().unwrap(), &line);
        }
    }
}

//! Syslog as RFC 5424 has it, with what is known of an alert as structured data.

use std::fs;
use std::path::PathBuf;
use std::process;

pub use super::line::{ParsePlaceError, Place};

use super::line::Lines;
use super::text::{one_line, short_line};
use super::{Carrier, Failure, WayError};
use crate::alert::Kept;
use crate::detect::Severity;
use crate::flow::UnixMillis;

/// The facilities of RFC 5424 §6.2.1 by their usual names, each at its number.
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp", "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4",
    "local5", "local6", "local7",
];

/// So much of a text of others is told: a message fits into a datagram.
const MAX_PARAMETER: usize = 1_000;

/// How alerts become messages of syslog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Where the receiver is.
    pub place: Place,
    /// The number of the facility.
    pub facility: u8,
    /// The number of the enterprise by which the structured data are called; 32473 is that of
    /// examples (RFC 5612).
    pub enterprise: u32,
    /// The certificates of who may vouch for the receiver, as PEM.
    pub ca: Option<PathBuf>,
}

/// The facility of a name, as its number.
///
/// # Errors
///
/// What is wrong with the name.
pub fn facility(name: &str) -> Result<u8, String> {
    let found = FACILITIES.iter().position(|known| *known == name);
    found
        .map(|number| number as u8)
        .ok_or_else(|| format!("{name:?} is no facility; there are {}", FACILITIES.join(", ")))
}

/// Sends alerts as messages of syslog.
pub struct Syslog {
    lines: Lines,
    header: Header,
    enterprise: u32,
}

impl Syslog {
    /// Sends as `options` say.
    ///
    /// # Errors
    ///
    /// [`WayError`] if it cannot be so.
    pub fn new(options: &Options) -> Result<Self, WayError> {
        Ok(Self {
            lines: Lines::new(&options.place, options.ca.as_deref())?,
            header: Header::new(options.facility),
            enterprise: options.enterprise,
        })
    }

    fn message(&self, kept: &Kept, now: UnixMillis) -> String {
        let alert = &kept.alert;
        let header = self.header.text(alert.severity, now, alert.source.name());
        let count = kept.count.to_string();
        let (first, last) = (alert.first.to_string(), alert.last.to_string());
        let parameters = [
            ("id", &*alert.id),
            ("count", &count),
            ("source", alert.source.name()),
            ("name", &alert.name),
            ("severity", alert.severity.name()),
            ("first", &first),
            ("last", &last),
            ("filter", &alert.filter),
            ("attack", alert.attack.as_deref().unwrap_or_default()),
        ];
        let parameters: Vec<String> = parameters
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
            .collect();
        let title = short_line(&alert.title, MAX_PARAMETER);
        // The mark says that it is UTF-8 (RFC 5424 §6.4).
        let mark = if title.is_ascii() { "" } else { "\u{feff}" };
        format!("{header} [earlgrey@{} {}] {mark}{title}", self.enterprise, parameters.join(" "))
    }
}

impl Carrier for Syslog {
    fn send(&self, alerts: &[&Kept]) -> Result<String, Failure> {
        let mut said = String::new();
        for kept in alerts {
            said = self.lines.send(&self.message(kept, UnixMillis::now()))?;
        }
        Ok(said)
    }
}

/// The value of a parameter of structured data (RFC 5424 §6.3.3).
fn escaped(value: &str) -> String {
    let line = short_line(&one_line(value), MAX_PARAMETER);
    line.replace('\\', "\\\\").replace('"', "\\\"").replace(']', "\\]")
}

/// What stands before a message: priority, version, time, host, program and process.
pub(super) struct Header {
    facility: u8,
    host: String,
}

impl Header {
    pub(super) fn new(facility: u8) -> Self {
        let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let host: String = host.chars().filter(char::is_ascii_graphic).take(255).collect();
        Self { facility, host: if host.is_empty() { "-".to_owned() } else { host } }
    }

    /// `kind` is what the message is called.
    pub(super) fn text(&self, severity: Severity, now: UnixMillis, kind: &str) -> String {
        let severity = match severity {
            Severity::High => 1,   // alert: action must be taken immediately
            Severity::Medium => 4, // warning
            Severity::Low => 5,    // notice
        };
        let priority = u16::from(self.facility) * 8 + severity;
        format!("<{priority}>1 {now} {} earlgrey-hbase {} {kind}", self.host, process::id())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::alert::tests::{kept, kept_saying};

    fn syslog() -> Syslog {
        let place = "udp://127.0.0.1".parse().unwrap();
        Syslog::new(&Options { place, facility: 4, enterprise: 32_473, ca: None }).unwrap()
    }

    #[test]
    fn a_message_is_as_the_rfc_has_it() {
        let message = syslog().message(&kept(), UnixMillis(1_185_488_138_007));
        // auth (4) × 8 + alert (1) = 33.
        let (header, rest) = message.split_once(" [").unwrap();
        let fields: Vec<&str> = header.split(' ').collect();
        assert_eq!(fields[..2], ["<33>1", "2007-07-26T22:15:38.007Z"]);
        assert_eq!((fields.len(), fields[3], fields[5]), (6, "earlgrey-hbase", "detection"));
        let expected = "earlgrey@32473 id=\"00000000000000aa\" count=\"1\" source=\"detection\" \
            name=\"beacon\" severity=\"high\" first=\"2007-07-26T22:15:38.007Z\" \
            last=\"2007-07-26T23:15:38.007Z\" filter=\"ip 10.0.0.1 and ip 192.0.2.1\" \
            attack=\"T1071\"] beacon: 10.0.0.1 -> 192.0.2.1 TCP/443";
        assert_eq!(rest, expected);
    }

    #[test]
    fn what_ends_a_value_is_escaped() {
        // RFC 5424 §6.3.3: '"', '\' and ']' must be escaped.
        assert_eq!(escaped("a\"b\\c]d\ne"), "a\\\"b\\\\c\\]d e");
        assert_eq!(facility("local3").unwrap(), 19);
        assert!(facility("local8").unwrap_err().contains("no facility"));
    }

    /// The values of the structured data of `message`, read by the grammar of RFC 5424 §6, and the
    /// message behind them.
    fn read(message: &str) -> (Vec<(String, String)>, String) {
        let mut rest = message.split_once(" [").unwrap().1.split_once(' ').unwrap().1;
        let mut values = Vec::new();
        loop {
            let (name, value) = rest.split_once("=\"").unwrap();
            let (mut read, mut chars) = (String::new(), value.char_indices());
            let end = loop {
                let (at, c) = chars.next().unwrap();
                match c {
                    '"' => break at,
                    '\\' => read.push(chars.next().unwrap().1),
                    c => read.push(c),
                }
            };
            values.push((name.trim().to_owned(), read));
            rest = &value[end + 1..];
            if let Some(text) = rest.strip_prefix("] ") {
                return (values, text.to_owned());
            }
        }
    }

    proptest! {
        #[test]
        fn nothing_that_others_say_breaks_the_form(said in ".{0,40}[\"\\\\\\]\n\r]{0,4}.{0,40}") {
            let kept = kept_saying(&said);
            let message = syslog().message(&kept, UnixMillis(0));
            prop_assert!(!message.chars().any(char::is_control));
            let (values, text) = read(&message);
            let line = one_line(&said);
            let of = |name: &str| values.iter().find(|(known, _)| known == name);
            if line.is_empty() {
                prop_assert!(of("filter").is_none());
            } else {
                prop_assert_eq!(&of("filter").unwrap().1, &line);
                prop_assert_eq!(&of("name").unwrap().1, &line);
            }
            prop_assert_eq!(text.trim_start_matches('\u{feff}'), &line);
        }
    }
}

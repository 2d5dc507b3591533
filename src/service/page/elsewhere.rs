//! The same question for the command line and the API: what is copied there gives the answer that the
//! page shows.

use maud::{Markup, html};

use super::link::link;
use super::parts;
use crate::answer::width;
use crate::answer::words::shell_quoted;
use crate::flow::{TimeRange, UnixMillis};
use crate::request::Parameters;

/// A question as it was given to the page, with what the page made of what was left out.
pub(super) struct Same<'a> {
    pub(super) given: Parameters,
    pub(super) window: TimeRange,
    /// The zone of times, where others could take another one.
    pub(super) zone: Option<&'a str>,
}

/// Options of `timeline` and `top` that stand alone.
const FLAGS: [&str; 2] = ["alive", "dedup"];

impl Same<'_> {
    /// As a timeline, whose bins are so long.
    pub(super) fn timeline(mut self, bin_ms: Option<u64>) -> Markup {
        if let Some(bin_ms) = bin_ms {
            self.given.entry("bin".to_owned()).or_insert_with(|| width(bin_ms).replace(' ', ""));
        }
        self.elsewhere("timeline")
    }

    /// As the keys that most is of; addresses are a part of the filter there.
    pub(super) fn top(mut self) -> Markup {
        self.given.remove("bin");
        let direction = self.given.remove("direction");
        if let Some(address) = self.given.remove("address") {
            let kind = if address.contains('/') { "net" } else { "ip" };
            let term = match direction.as_deref() {
                Some(end @ ("src" | "dst")) => format!("{end} {kind} {address}"),
                _ => format!("{kind} {address}"),
            };
            let filter = match self.given.remove("where") {
                Some(filter) => format!("{term} and ({filter})"),
                None => term,
            };
            self.given.insert("where".to_owned(), filter);
        }
        self.elsewhere("top")
    }

    /// As what changed.
    pub(super) fn diff(self) -> Markup {
        self.elsewhere("diff")
    }

    /// As what was used, as it is billed.
    pub(super) fn report(self) -> Markup {
        self.elsewhere("report")
    }

    fn elsewhere(self, command: &str) -> Markup {
        let Self { mut given, window, zone } = self;
        for (name, moment, open) in
            [("since", window.since, UnixMillis::EPOCH), ("until", window.until, UnixMillis::MAX)]
        {
            if moment != open && !given.contains_key(name) {
                given.insert(name.to_owned(), moment.to_string());
            }
        }
        if let Some(zone) = zone {
            given.insert("tz".to_owned(), zone.to_owned());
        }
        // What is not so need not be said.
        given.retain(|name, said| !FLAGS.contains(&name.as_str()) || !says_no(said));
        let route = link(&format!("/api/v1/{command}"), &given, []);
        html! {
            section class="card" {
                h2 { "The same elsewhere" }
                p class="small faint" { "On the command line" }
                (parts::copied("the command", &command_line(command, &given)))
                p class="small faint" { "From the API" }
                (parts::copied("the address", &route))
            }
        }
    }
}

/// Whether a parameter that stands alone says that it is not so.
pub(super) fn says_no(said: &str) -> bool {
    ["no", "false", "0"].contains(&said)
}

fn command_line(command: &str, given: &Parameters) -> String {
    let mut line = format!("earlgrey-hbase {command}");
    // What has a place, and no name.
    let in_place = if ["top", "diff"].contains(&command) { "key" } else { "address" };
    if let Some(value) = given.get(in_place) {
        line = line + " " + &quoted(value);
    }
    for (name, value) in given.iter().filter(|(name, _)| *name != in_place) {
        match (&**name, &**value) {
            (flag, _) if FLAGS.contains(&flag) => line = line + " --" + flag,
            _ => line = line + " --" + name + "=" + &quoted(value),
        }
    }
    line
}

/// A word as a shell takes it.
fn quoted(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:,@%+=".contains(letter);
    if !text.is_empty() && text.chars().all(plain) { text.to_owned() } else { shell_quoted(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_a_command_that_a_shell_takes() {
        let given = |pairs: &[(&str, &str)]| -> Parameters {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        for (command, pairs, line) in [
            ("timeline", &[][..], "earlgrey-hbase timeline"),
            (
                "timeline",
                &[
                    ("address", "10.0.0.0/8"),
                    ("key", "dst,dstport"),
                    ("where", "port 53 and host 'a'"),
                ],
                "earlgrey-hbase timeline 10.0.0.0/8 --key=dst,dstport --where='port 53 and host '\\''a'\\'''",
            ),
            ("top", &[("key", "src"), ("since", "-1d")], "earlgrey-hbase top src --since=-1d"),
        ] {
            assert_eq!(command_line(command, &given(pairs)), line);
        }
    }
}

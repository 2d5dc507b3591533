//! The form of Explore, and the same question for the command line and the API.

use maud::{Markup, html};

use super::ask::Ask;
use super::link::link;
use super::parts;
use crate::aggregate::Measure;
use crate::flow::{TimeRange, UnixMillis};
use crate::request::Parameters;

/// Keys that are often asked for.
const KEYS: [&str; 16] = [
    "src",
    "dst",
    "pair",
    "src,dst",
    "dstport:p",
    "port:p",
    "proto",
    "srcas",
    "dstas",
    "src/24",
    "dst/24",
    "exporter",
    "input",
    "output",
    "src,dstport,dst",
    "exporter,input,output",
];
const SHAPES: [(&str, &str); 3] =
    [("stacked", "stacked"), ("lines", "lines"), ("sankey", "sankey")];
const REFRESH: [(&str, &str); 4] =
    [("", "never"), ("10", "10 s"), ("60", "1 min"), ("300", "5 min")];

/// What is asked, to be changed.
pub(super) fn form(ask: &Ask<'_>) -> Markup {
    let value = |name: &str| ask.get(name).unwrap_or_default();
    html! {
        form class="card ask" method="get" action="/explore" {
            @for name in ["since", "until", "tz", "alive", "bin", "scaled"] {
                @if let Some(value) = ask.get(name) { input type="hidden" name=(name) value=(value); }
            }
            div class="row" {
                label class="grow" { "Filter"
                    input class="mono" name="where" value=(value("where")) spellcheck="false"
                        autocapitalize="off" placeholder="proto tcp and dst port 443"
                        data-complete="/api/v1/complete";
                }
                label { "Address"
                    input class="mono" name="address" value=(value("address")) spellcheck="false"
                        placeholder="everybody's";
                }
                label { "Direction"
                    select name="direction" {
                        @for (name, text) in [("", "either"), ("src", "sent"), ("dst", "received")] {
                            option value=(name) selected[value("direction") == name] { (text) }
                        }
                    }
                }
            }
            div class="row" {
                label class="grow" { "By keys, up to three"
                    input class="mono" name="key" value=(value("key")) list="keys" spellcheck="false"
                        placeholder="src, dstport:p, as, src/24, bin…";
                }
                datalist id="keys" { @for key in KEYS { option value=(key) {} } }
                label class="narrow" { "How many"
                    input name="count" type="number" min="1" max="100" value=(value("count"))
                        placeholder="8";
                }
                (choices("Drawn as", "shape", &SHAPES, ask))
                (choices("Counted in", "by", &MEASURES, ask))
            }
            div class="row" {
                label class="check" {
                    input type="checkbox" name="previous" value="yes" checked[ask.get("previous").is_some()];
                    "the same time before"
                }
                label { "Look again"
                    select name="refresh" {
                        @for (seconds, text) in REFRESH {
                            option value=(seconds) selected[value("refresh") == seconds] { (text) }
                        }
                    }
                }
                button class="main" { "Show" }
                (save(ask))
            }
        }
    }
}

const MEASURES: [(&str, &str); 3] = [
    (Measure::Octets.name(), parts::rate_name(Measure::Octets)),
    (Measure::Packets.name(), parts::rate_name(Measure::Packets)),
    (Measure::Flows.name(), parts::rate_name(Measure::Flows)),
];

/// One of a few; the first one where none is chosen.
fn choices(legend: &str, name: &str, values: &[(&str, &str)], ask: &Ask<'_>) -> Markup {
    let chosen = ask.get(name).or(values.first().map(|(value, _)| *value));
    html! {
        fieldset {
            legend { (legend) }
            @for (value, text) in values {
                label {
                    input type="radio" name=(name) value=(value) checked[chosen == Some(value)];
                    (text)
                }
            }
        }
    }
}

/// The way to keep what is shown under a name.
fn save(ask: &Ask<'_>) -> Markup {
    let address = ask.again([("name", "")]);
    html! {
        a class="button" href=(link("/views", &Parameters::new(), [("address", &*address)])) {
            "Save this view"
        }
    }
}

/// The command and the call of the API that give the same answer.
pub(super) fn same_elsewhere(command: &str, given: &Parameters, window: TimeRange) -> Markup {
    let mut given = given.clone();
    for (name, moment, open) in
        [("since", window.since, UnixMillis::EPOCH), ("until", window.until, UnixMillis::MAX)]
    {
        if moment != open && !given.contains_key(name) {
            given.insert(name.to_owned(), moment.to_string());
        }
    }
    if command == "top" {
        given.remove("bin");
    }
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

fn command_line(command: &str, given: &Parameters) -> String {
    let mut line = format!("earlgrey-hbase {command}");
    // What has a place, and no name.
    let in_place = if command == "top" { "key" } else { "address" };
    if let Some(value) = given.get(in_place) {
        line = line + " " + &quoted(value);
    }
    for (name, value) in given.iter().filter(|(name, _)| *name != in_place) {
        match (&**name, &**value) {
            ("alive", _) => line += " --alive",
            _ => line = line + " --" + name + "=" + &quoted(value),
        }
    }
    line
}

/// A word as a shell takes it.
fn quoted(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:,@%+=".contains(letter);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
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

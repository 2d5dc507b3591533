//! The form of Explore.

use maud::{Markup, html};

use super::ask::Ask;
use super::elsewhere::says_no;
use super::link::link;
use super::parts;
use crate::aggregate::Measure;
use crate::meaning::Attribute;
use crate::request::Parameters;

/// Keys that are often asked for.
pub(super) const KEYS: [&str; 16] = [
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
            @for name in ["since", "until", "tz", "alive", "dedup", "bin", "scaled"] {
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
                datalist id="keys" {
                        @for key in KEYS.into_iter().chain(meant(ask)) { option value=(key) {} }
                    }
                label class="narrow" { "How many"
                    input name="count" type="number" min="1" max="100" value=(value("count"))
                        placeholder="8";
                }
                (choices("Drawn as", "shape", &SHAPES, ask))
                (choices("Counted in", "by", &MEASURES, ask))
            }
            div class="row" {
                label class="check" {
                    input type="checkbox" name="previous" value="yes" checked[wants_previous(ask)];
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

/// Keys of what addresses mean, as far as that is configured.
fn meant(ask: &Ask<'_>) -> Vec<&'static str> {
    let meaning = ask.around().meaning().unwrap_or_default();
    let known = Attribute::ALL.into_iter().filter(|&attribute| meaning.may_say(attribute));
    known.map(Attribute::word).collect()
}

/// One of a few; the first one where none is chosen.
pub(super) fn choices(legend: &str, name: &str, values: &[(&str, &str)], ask: &Ask<'_>) -> Markup {
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

/// Whether the same time before is wanted, too.
pub(super) fn wants_previous(ask: &Ask<'_>) -> bool {
    ask.get("previous").is_some_and(|said| !says_no(said))
}

//! Evidence, drawn from the flows of an alert: what made it stand out.
//!
//! What is read is bounded: by time, after which the reading is given up, and by how many connections are
//! kept. What is not drawn for that is told.

mod bounded;
mod calls;
mod over_time;
mod peers;
mod reading;
mod tries;

use maud::{Markup, PreEscaped, html};

use super::super::ask::{Ask, Fault};
use super::super::parts;
use crate::alert::{Alert, Source};
use crate::answer::{Look, Plot, Room};
use crate::detect::Parameters;
use crate::request::RuleOptions;
#[cfg(test)]
pub(super) use over_time::{limits, steps};
use reading::Reading;
pub(super) use reading::time_of;
#[cfg(test)]
pub(super) use tries::{parts, targets};

/// A picture with what is said of it.
struct Drawn {
    title: &'static str,
    /// What it shows, in a line.
    said: String,
    picture: Markup,
    /// What is not in it.
    lacking: Option<String>,
}

/// The evidence of `alert`; what decides are `parameters` and `rules`, by name. Where it cannot be read
/// that is said: the alert is kept elsewhere than flows are.
pub(super) fn evidence(
    ask: &Ask<'_>,
    alert: &Alert,
    parameters: &Parameters,
    rules: &[(String, RuleOptions)],
) -> Markup {
    // A file that the filter of a rule names may be gone, or the store away.
    let read = Reading::of(ask, alert);
    let drawn = match read.and_then(|reading| pictures(ask, &reading, parameters, rules)) {
        Ok(drawn) => drawn,
        Err(fault) => {
            if let Fault::Store(error) = &fault {
                tracing::warn!("{}: {error}", ask.path);
            }
            return html! {
                section class="card" {
                    h2 { "There is no picture" }
                    (parts::wrong(ask, &fault))
                }
            };
        }
    };
    html! {
        @for Drawn { title, said, picture, lacking } in drawn {
            section class="card" {
                header { h2 { (title) } p class="small faint" { (said) } }
                (picture)
                @if let Some(lacking) = lacking { p class="note" { (lacking) } }
            }
        }
    }
}

fn pictures(
    ask: &Ask<'_>,
    reading: &Reading<'_>,
    parameters: &Parameters,
    rules: &[(String, RuleOptions)],
) -> Result<Vec<Drawn>, Fault> {
    let alert = reading.alert;
    match (alert.source, &*alert.name) {
        (Source::Detection, "beacon") => calls::pictures(ask, reading),
        (Source::Detection, "scan" | "spread") => tries::pictures(ask, reading),
        (Source::Detection, "ddos") => over_time::minutes(ask, reading, parameters),
        (Source::Detection, "exfil") => over_time::hours(ask, reading, parameters),
        (Source::Rule, _) => over_time::windows(ask, reading, rules),
        _ => over_time::strip(ask, reading),
    }
}

/// What is said where flows are forgotten before alerts.
const GONE: &str = "Its flows are not in the store any more.";

/// What is in the place of a picture, and why.
fn nothing(title: &'static str, why: &str) -> Vec<Drawn> {
    let picture = parts::empty("There is no picture", why);
    vec![Drawn { title, said: String::new(), picture, lacking: None }]
}

/// A picture in both of the widths that a page has.
fn figure(ask: &Ask<'_>, title: &str, draw: impl Fn(Look<'_>) -> Plot) -> Markup {
    let svg = |room| PreEscaped(draw(Look { room, title, zone: ask.zone.zone() }).into_svg());
    html! {
        figure class="plot" {
            div class="broad" { (svg(Room::Page)) }
            div class="narrow" { (svg(Room::NarrowPage)) }
        }
    }
}

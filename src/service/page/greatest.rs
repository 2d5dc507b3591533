//! The greatest of each key, as cards of the overview.
//!
//! Where there are many flows the overview does not wait for them: each card is also a page of its
//! own, and a script takes it from there when the overview is to be seen.

use maud::{Markup, html};

use super::ask::{Ask, Fault, named, newest};
use super::parts;
use super::shell::Page;
use crate::aggregate::{Measure, Top, TopOptions, TopOrder, parse_keys};
use crate::answer::amount;
use crate::answer::words::grouped;
use crate::flow::Columns;
use crate::query::{Asked, Question};
use crate::request::beside;

/// What the greatest are shown of, and what those are called.
const KEYS: [(&str, &str); 9] = [
    ("src", "Sources"),
    ("dst", "Destinations"),
    ("pair", "Pairs"),
    ("dstport:p", "Destination ports"),
    ("proto", "Protocols"),
    ("srcas", "Source AS"),
    ("dstas", "Destination AS"),
    ("input", "Input interfaces"),
    ("output", "Output interfaces"),
];
/// So many of each.
const COUNT: usize = 6;
/// Of so many flows the greatest are found in a moment.
const AT_ONCE_FLOWS: u64 = 300_000;

/// All of them, of what is `asked`; of more than a moment's `flows`, what stands there until they
/// come.
pub(super) fn cards(
    ask: &Ask<'_>,
    asked: &Asked,
    by: Measure,
    flows: u64,
) -> Result<Markup, Fault> {
    Ok(html! {
        @for key in KEYS {
            @if flows > AT_ONCE_FLOWS { (later(ask, asked, key, by)) }
            @else { (card(ask, asked, key, by)?) }
        }
    })
}

/// The page of one card.
pub(super) fn page(ask: &Ask<'_>) -> Result<Page, Fault> {
    let by = ask.value("by", Measure::Octets)?;
    let asked_for = ask.params.get("key").map(String::as_str).unwrap_or_default();
    let key = KEYS.into_iter().find(|(key, _)| *key == asked_for);
    let key = key.ok_or_else(|| {
        let known: Vec<&str> = KEYS.iter().map(|(key, _)| *key).collect();
        Fault::of("key", format!("must be one of {}", known.join(", ")))
    })?;
    let snapshot = ask.snapshot()?;
    let window = ask.window_or_last_day(newest(ask.store, &*snapshot)?);
    let asked = Asked::new(Question { time: window, ..ask.question() }, snapshot, true);
    let content = html! {
        div class="title" {
            h1 { (key.1) }
            p class="faint" { (parts::window_text(ask, window)) }
        }
        (card(ask, &asked, key, by)?)
    };
    Ok(Page::new(key.1, content))
}

/// The address of `path` about this key, in the window that is asked about.
fn about(ask: &Ask<'_>, asked: &Asked, path: &str, key: &str, by: Measure) -> String {
    let window = asked.question.time;
    ask.to(
        path,
        [
            ("key", key),
            ("by", by.name()),
            ("since", &*window.since.to_string()),
            ("until", &*window.until.to_string()),
        ],
    )
}

/// A card that is counted later.
fn later(ask: &Ask<'_>, asked: &Asked, (key, name): (&str, &str), by: Measure) -> Markup {
    let from = about(ask, asked, "/greatest", key, by);
    html! {
        section class="card" data-from=(from) {
            header { h2 { (name) } }
            p class="empty" role="status" { a href=(from) { "Count them" } }
        }
    }
}

fn card(
    ask: &Ask<'_>,
    asked: &Asked,
    (key, name): (&str, &str),
    by: Measure,
) -> Result<Markup, Fault> {
    let fields = parse_keys(key).map_err(|error| Fault::of("key", error))?;
    let options = TopOptions {
        fields: fields.clone(),
        order: TopOrder::Measure(by),
        count: Some(COUNT),
        zone: ask.zone.zone().clone(),
        limits: ask.limits.clone(),
    };
    let lookup = asked.question.plan_unordered(Columns::NONE);
    let top = Top::of(asked.snapshot(), lookup.scans(), &options)?;
    let beside = named(beside(asked.snapshot(), lookup.scans(), &options, &ask.around()))?;
    let whole = top.totals.get(by) as f64;
    let more = about(ask, asked, "/explore", key, by);
    Ok(html! {
        section class="card" {
            header {
                h2 { (name) }
                p class="small" {
                    a href=(more) { (grouped(top.keys)) span class="unseen" { " " (name) } " in all" }
                }
            }
            table {
                thead class="unseen" { tr { th { (name) } th { "Share" } th { (by.name()) } } }
                tbody {
                    @for entry in &top.entries {
                        @let value = entry.counts.counters.get(by) as f64;
                        tr {
                            td { (parts::key(ask, (&fields, &entry.key), &beside)) }
                            (parts::share(whole, &[value]))
                            td class="number" { (amount(by, value)) }
                        }
                    }
                }
            }
        }
    })
}

//! What changed from one stretch of time to another, by keys: `diff` as a page.

use maud::{Markup, html};

use super::ask::{Ask, Fault, named};
use super::elsewhere::Same;
use super::explore_form::{KEYS, choices};
use super::parts;
use super::shell::Page;
use crate::aggregate::{Change, Diff, DiffOptions};
use crate::answer::words::{grouped, plural};
use crate::answer::{Beside, change_cells};
use crate::flow::TimeRange;
use crate::query::Asked;
use crate::request::{self, Parameters, read};

/// What goes to the request.
const ASKED: [&str; 8] = ["key", "window", "against", "by", "count", "where", "dedup", "scaled"];
/// So many keys a page has at most.
const MAX_KEYS: usize = 1000;
/// Stretches of time that are often asked for.
const WINDOWS: [&str; 6] =
    ["today..now", "yesterday", "-1h", "last week", "this month", "last month"];
const AGAINST: [&str; 4] = ["day", "week", "month", "year"];
const MEASURES: [(&str, &str); 4] =
    [("octets", "octets"), ("packets", "packets"), ("flows", "flows"), ("bps", "bit/s")];

/// The page. Before anything is asked there is the form alone.
pub(super) fn page(ask: &Ask<'_>) -> Result<Page, Fault> {
    let asked = ask.get("key").map(|_| answer(ask));
    let (answer, is_refused) = match asked.transpose() {
        Ok(answer) => (answer.unwrap_or_default(), false),
        Err(fault @ Fault::Refused(_)) => (parts::wrong(ask, &fault), true),
        Err(fault) => return Err(fault),
    };
    let content = html! {
        div class="title" { h1 { "Changes" } }
        (form(ask))
        (answer)
    };
    let page = Page::new("Changes", content).without_window();
    Ok(Page { is_refused, ..page })
}

/// What is asked, to be changed.
fn form(ask: &Ask<'_>) -> Markup {
    let value = |name: &str| ask.get(name).unwrap_or_default();
    html! {
        form class="card ask" method="get" action="/diff" {
            @for name in ["since", "until", "tz", "dedup", "scaled"] {
                @if let Some(value) = ask.get(name) { input type="hidden" name=(name) value=(value); }
            }
            div class="row" {
                label class="grow" { "By keys"
                    input class="mono" name="key" value=(value("key")) list="keys" required
                        spellcheck="false" placeholder="src, dstport:p, as, src/24…";
                }
                datalist id="keys" { @for key in KEYS { option value=(key) {} } }
                label { "Window"
                    input class="mono" name="window" list="windows" required spellcheck="false"
                        value=(ask.get("window").unwrap_or("yesterday"));
                }
                datalist id="windows" { @for window in WINDOWS { option value=(window) {} } }
                label { "Against"
                    input class="mono" name="against" list="against" required spellcheck="false"
                        value=(ask.get("against").unwrap_or("week"));
                }
                datalist id="against" { @for against in AGAINST { option value=(against) {} } }
            }
            div class="row" {
                label class="grow" { "Filter"
                    input class="mono" name="where" value=(value("where")) spellcheck="false"
                        autocapitalize="off" placeholder="proto tcp and dst port 443"
                        data-complete="/api/v1/complete";
                }
                label class="narrow" { "How many"
                    input name="count" type="number" min="1" max=(MAX_KEYS) value=(value("count"))
                        placeholder="10";
                }
                (choices("Counted in", "by", &MEASURES, ask))
                button class="main" { "Show" }
            }
        }
    }
}

fn answer(ask: &Ask<'_>) -> Result<Markup, Fault> {
    let of = |name: &str| Some((name.to_owned(), ask.get(name)?.to_owned()));
    let given: Parameters = ASKED.into_iter().filter_map(of).collect();
    let request: request::Diff = read(&given)?;
    let around = ask.around();
    let options = request.options(&around)?;
    if options.top.count.is_none_or(|count| count > MAX_KEYS) {
        return Err(Fault::of("count", format!("must be from 1 to {}", grouped(MAX_KEYS as u64))));
    }
    let question = request.question(&options, &around)?;
    let asked = Asked::new(question, ask.snapshot()?, request.scaled());
    let lookups = request.lookups(&asked.question, &options);
    let diff = request.answer(asked.snapshot(), &lookups, &options)?;
    let beside = named(request.beside(asked.snapshot(), &lookups, &options, &around))?;
    let zone = (ask.get("tz").is_some() || !ask.zone.is_utc()).then_some(ask.zone.name());
    let same = Same { given, window: TimeRange::ALL, zone };
    Ok(html! {
        section class="card" {
            header {
                h2 {
                    (parts::window_text(ask, options.windows.now)) " against "
                    (parts::window_text(ask, options.windows.before))
                }
                p class="small faint" { (summary(&diff)) }
            }
            @if diff.entries.is_empty() {
                (parts::empty("No flows", " began in either of them."))
            } @else {
                (parts::wide("Keys that changed most", &table(ask, (&diff, &options), &beside)))
            }
        }
        (same.diff())
    })
}

/// `12 keys: 3 came, 4 grew, 1 stayed, 2 shrank, 2 went`.
fn summary(diff: &Diff) -> String {
    let changes = Change::ALL.iter().zip(diff.keys);
    let changes: Vec<String> =
        changes.map(|(change, keys)| format!("{} {}", grouped(keys), change.name())).collect();
    format!("{}: {}", plural(diff.keys.iter().sum(), "key"), changes.join(", "))
}

fn table(ask: &Ask<'_>, (diff, options): (&Diff, &DiffOptions), beside: &Beside) -> Markup {
    let size = |entry| options.difference(entry).unsigned_abs() as f64;
    let greatest = diff.entries.iter().map(size).fold(0.0, f64::max);
    html! {
        table {
            thead { tr {
                th { "Key" } th class="number optional" { "Before" }
                th class="number optional" { "Now" } th class="number" { "Change" }
                th class="number optional" { "%" }
                th { span class="unseen" { "What became of it" } }
                th class="optional" { span class="unseen" { "How much it changed" } }
            } }
            tbody {
                @for entry in &diff.entries {
                    @let [before, now, change, percent, became] = change_cells(entry, options, false);
                    // What is less is told by another colour, and by its sign.
                    @let parts = if options.difference(entry) < 0 { [0.0, size(entry)] } else { [size(entry), 0.0] };
                    tr {
                        td {
                            (parts::key(ask, (&options.top.fields, &entry.key), beside))
                        }
                        td class="number optional" { (before) } td class="number optional" { (now) }
                        td class="number" { (change) } td class="number optional" { (percent) }
                        td { (became) }
                        (parts::optional_share(greatest, &parts))
                    }
                }
            }
        }
    }
}

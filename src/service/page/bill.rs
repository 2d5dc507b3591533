//! What was used of a month, as it is billed: `report` as a page, to be asked for.

use maud::{Markup, html};

use super::ask::{Ask, Fault};
use super::elsewhere::Same;
use super::explore_form::choices;
use super::link::link;
use super::parts;
use super::report::{bill, title};
use super::shell::Page;
use crate::answer::USAGE_COLUMNS;
use crate::answer::words::grouped;
use crate::flow::TimeRange;
use crate::query::Asked;
use crate::request::{self, Parameters, read, shown};

/// What goes to the request.
const ASKED: [&str; 9] =
    ["month", "by", "count", "percentile", "billing", "bin", "where", "dedup", "scaled"];
/// So many keys a page has at most, and where nobody says how many.
const MAX_KEYS: usize = 1000;
const USUAL_KEYS: &str = "20";
/// Months that are often asked for, and keys.
const MONTHS: [&str; 4] = ["this month", "last month", "last week", "yesterday"];
const KEYS: [&str; 10] =
    ["if", "exporter", "as", "tenant", "network", "site", "ip/24", "ip", "vlan", "vrf"];
const BILLINGS: [(&str, &str); 2] = [("max", "the higher of in and out"), ("sum", "both together")];

/// The page. Before anything is asked there is the form alone.
pub(super) fn page(ask: &Ask<'_>) -> Result<Page, Fault> {
    let asked = ask.get("by").map(|_| answer(ask));
    let (answer, is_refused) = match asked.transpose() {
        Ok(answer) => (answer.unwrap_or_default(), false),
        Err(fault @ Fault::Refused(_)) => (parts::wrong(ask, &fault), true),
        Err(fault) => return Err(fault),
    };
    let content = html! {
        div class="title" {
            h1 { "Report" }
            p class="faint" { "What each interface, network or customer used, as it is billed" }
        }
        (form(ask))
        (answer)
    };
    let page = Page::new("Report", content).without_window();
    Ok(Page { is_refused, ..page })
}

/// What is asked, to be changed.
fn form(ask: &Ask<'_>) -> Markup {
    let value = |name: &str| ask.get(name).unwrap_or_default();
    html! {
        form class="card ask" method="get" action="/report" {
            @for name in ["since", "until", "tz", "bin", "dedup", "scaled"] {
                @if let Some(value) = ask.get(name) { input type="hidden" name=(name) value=(value); }
            }
            div class="row" {
                label { "Month"
                    input class="mono" name="month" list="months" required spellcheck="false"
                        value=(ask.get("month").unwrap_or("last month")) placeholder="2026-10";
                }
                datalist id="months" { @for month in MONTHS { option value=(month) {} } }
                label class="grow" { "By keys"
                    input class="mono" name="by" value=(ask.get("by").unwrap_or("if")) list="keys"
                        required spellcheck="false";
                }
                datalist id="keys" { @for key in KEYS { option value=(key) {} } }
                label class="narrow" { "How many"
                    input name="count" type="number" min="1" max=(MAX_KEYS) value=(value("count"))
                        placeholder=(USUAL_KEYS);
                }
                label class="narrow" { "Percentile"
                    input name="percentile" type="number" min="1" max="100"
                        value=(value("percentile")) placeholder="95";
                }
            }
            div class="row" {
                label class="grow" { "Filter"
                    input class="mono" name="where" value=(value("where")) spellcheck="false"
                        autocapitalize="off" placeholder="src net 10.0.0.0/8"
                        data-complete="/api/v1/complete";
                }
                (choices("Billed", "billing", &BILLINGS, ask))
                button class="main" { "Show" }
            }
        }
    }
}

fn answer(ask: &Ask<'_>) -> Result<Markup, Fault> {
    let of = |name: &str| Some((name.to_owned(), ask.get(name)?.to_owned()));
    let mut given: Parameters = ASKED.into_iter().filter_map(of).collect();
    for (name, usual) in [("count", USUAL_KEYS), ("month", "last month")] {
        given.entry(name.to_owned()).or_insert_with(|| usual.to_owned());
    }
    let request: request::Report = read(&given)?;
    let around = ask.around();
    let mut options = request.options(&around)?;
    if options.keys.count.is_none_or(|count| count > MAX_KEYS) {
        return Err(Fault::of("count", format!("must be from 1 to {}", grouped(MAX_KEYS as u64))));
    }
    options.usage.line_columns = USAGE_COLUMNS;
    let question = request.question(&options, &around)?;
    let asked = Asked::new(question, ask.snapshot()?, request.scaled());
    let lookup = request.lookup(&asked.question);
    let answer = request.answer(asked.snapshot(), &lookup, &options)?;
    let (filter, names) = (shown(asked.question.filter.as_ref()), ask.store.names()?);
    let view = answer.view(("", &filter), &ask.zone, &names);
    let zone = (ask.get("tz").is_some() || !ask.zone.is_utc()).then_some(ask.zone.name());
    let route = |format| {
        let (output, zone) = (("output", format), ("tz", zone.unwrap_or_default()));
        link("/api/v1/report", &given, [output, zone])
    };
    let files = html! {
        p class="actions" {
            @for format in ["csv", "json"] {
                a class="button" href=(route(format)) download={"report." (format)} {
                    (format.to_ascii_uppercase())
                }
            }
        }
    };
    let same = Same { given: given.clone(), window: TimeRange::ALL, zone };
    Ok(html! {
        section class="card usage" {
            header { h2 { (title(&view)) } (files) }
            @if answer.usage.entries.is_empty() {
                (parts::empty("No flows", " were under way in it."))
            } @else {
                (bill(&answer.usage, &view))
            }
        }
        (same.report())
    })
}

//! The list of alerts, those raised last first.

use std::sync::Arc;

use axum::response::Response;
use maud::{Markup, html};

use super::super::ask::{Ask, Fault};
use super::super::shell::Page;
use super::super::{Asking, parts};
use super::marks;
use crate::alert::{Alerts, Kept, Source, State, Wanted, Which};
use crate::answer::width;
use crate::answer::words::{grouped, plural};
use crate::detect::{Kind, Severity};
use crate::flow::UnixMillis;
use crate::request::{Parameters, read};
use crate::service::lookout::Options;
use crate::service::turns::Reads;
use crate::store::StoreError;

/// So many alerts are on a page.
const ON_A_PAGE: u64 = 50;
/// So many open ones are counted; where there are more, that is said.
const COUNTED: u64 = 1_000;
/// What a filter of the list may say.
const FILTERS: [&str; 4] = ["severity", "source", "name", "since"];
/// The state of alerts in any state.
const ANY: &str = "any";

/// The page of those that are asked for.
pub(in crate::service::page) async fn list(asking: Asking) -> Response {
    let service = Arc::clone(&asking.service);
    asking
        .answer_as(Reads::Jobs, move |ask| {
            page(ask, service.alerts(), || Lookers::of(ask, &service.options.lookout))
        })
        .await
}

/// Who would raise something.
pub(in crate::service::page) struct Lookers {
    /// What is looked for on a schedule, and how often, in milliseconds.
    pub(in crate::service::page) detections: Option<(Vec<Kind>, u64)>,
    pub(in crate::service::page) rules: usize,
    /// How many watch lists there are, or why that is not known.
    pub(in crate::service::page) lists: Result<usize, String>,
}

impl Lookers {
    fn of(ask: &Ask<'_>, options: &Options) -> Self {
        let every_ms = options.detect_every.as_millis() as u64;
        let lists = match ask.store.watch_lists() {
            Ok(lists) => lists.list_names().map(|names| names.len()),
            // A store that keeps no lists has none.
            Err(StoreError::Refused { .. }) => Ok(0),
            Err(error) => Err(error),
        };
        Self {
            detections: options.detect.as_ref().map(|detect| (detect.kinds(), every_ms)),
            rules: options.rules.len(),
            lists: lists.map_err(|error| error.to_string()),
        }
    }
}

/// The page of `alerts` that `ask` is about; `lookers` are asked for where nothing is open.
pub(in crate::service::page) fn page(
    ask: &Ask<'_>,
    alerts: &Alerts,
    lookers: impl FnOnce() -> Lookers,
) -> Result<Page, Fault> {
    let open = open(alerts, COUNTED)?;
    let (found, is_refused) = match wanted(ask) {
        Ok(wanted) => (found(ask, &alerts.list(&wanted)?, lookers), false),
        Err(fault) => (parts::wrong(ask, &fault), true),
    };
    let content = html! {
        div class="title" {
            h1 { "Alerts" }
            p class="faint" { "What stands out, those raised last first" }
        }
        (counts(ask, &open))
        section class="card" {
            (filters(ask))
            (found)
        }
        p class="small faint said" {
            "What need not be told is " a href=(ask.to("/alerts/suppressed", [])) { "suppressed" } "."
        }
    };
    Ok(Page { is_refused, ..Page::new("Alerts", content).without_window() })
}

/// Which alerts are asked for: open ones where nothing is said.
fn wanted(ask: &Ask<'_>) -> Result<Wanted, Fault> {
    let state = ask.get("state").unwrap_or(State::Open.name());
    let given = FILTERS.into_iter().filter_map(|name| Some((name, ask.get(name)?)));
    let given: Parameters = given
        .chain((state != ANY).then_some(("state", state)))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    // One more says whether there is a next page.
    let wanted = read::<Which>(&given)?.wanted(&ask.zone, ON_A_PAGE + 1)?;
    Ok(Wanted { after: ask.get("after").map(|text| after(ask, text)).transpose()?, ..wanted })
}

/// The place that a page begins behind.
fn after(ask: &Ask<'_>, text: &str) -> Result<(UnixMillis, String), Fault> {
    let wrong = || Fault::of("after", "this is no place in the list");
    let (raised, id) = text.split_once(',').ok_or_else(wrong)?;
    let raised = UnixMillis::parse(raised, ask.zone.zone(), UnixMillis::now());
    Ok((raised.map_err(|_| wrong())?, id.to_owned()))
}

/// How many are open, by how grave they are, the gravest first; None where those and graver ones are more
/// than `most`.
pub(super) fn open(alerts: &Alerts, most: u64) -> Result<Vec<(Severity, Option<u64>)>, Fault> {
    let at_least = |severity| {
        let state = Some(State::Open);
        alerts.list(&Wanted { state, severity, limit: most + 1, ..Wanted::default() })
    };
    let count = |of: &[Kept], severity| {
        let count = of.iter().filter(|kept| kept.alert.severity == severity).count() as u64;
        (of.len() as u64 <= most).then_some(count)
    };
    let all = at_least(None)?;
    let mut counts = Vec::new();
    for severity in Severity::ALL.into_iter().rev() {
        let counted = match count(&all, severity) {
            None => count(&at_least(Some(severity))?, severity),
            counted => counted,
        };
        counts.push((severity, counted));
    }
    Ok(counts)
}

/// How many are open, by how grave they are.
fn counts(ask: &Ask<'_>, open: &[(Severity, Option<u64>)]) -> Markup {
    html! {
        dl class="tiles three" {
            @for &(severity, count) in open {
                div class=[(count == Some(0)).then_some("none")] {
                    dt { (marks::severity(severity)) }
                    dd {
                        // The least that is asked for has those that are graver as well.
                        a href=(ask.to("/alerts", [("since", ""), ("until", ""), ("severity", severity.name())])) {
                            @match count {
                                Some(count) => { (grouped(count)) " open" }
                                None if severity == Severity::High => { (grouped(COUNTED)) "+ open" }
                                None => { (grouped(COUNTED)) "+ open with graver ones" }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What narrows the list down.
fn filters(ask: &Ask<'_>) -> Markup {
    let state = ask.get("state").unwrap_or(State::Open.name());
    let states = State::ALL.map(State::name).into_iter().chain([ANY]);
    let chosen = |name: &str, value: &str| ask.get(name) == Some(value);
    html! {
        div class="asks" {
            div class="spans" role="group" aria-label="State" {
                @for name in states {
                    @let value = if name == State::Open.name() { "" } else { name };
                    a href=(ask.again([("state", value), ("after", "")]))
                        aria-current=[(name == state).then_some("true")] { (name) }
                }
            }
            form class="ask" method="get" action="/alerts" aria-label="Which alerts" {
                @for name in ["state", "tz"] {
                    @if let Some(value) = ask.get(name) { input type="hidden" name=(name) value=(value); }
                }
                div class="row" {
                    label { "At least"
                        select name="severity" {
                            option value="" { "low" }
                            @for severity in &Severity::ALL[1..] {
                                option selected[chosen("severity", severity.name())] { (severity.name()) }
                            }
                        }
                    }
                    label { "Found by"
                        select name="source" {
                            option value="" { "anybody" }
                            @for source in Source::ALL {
                                option selected[chosen("source", source.name())] { (source.name()) }
                            }
                        }
                    }
                    label class="some" { "Kind, rule or list"
                        input name="name" list="kinds" value=(ask.get("name").unwrap_or_default())
                            spellcheck="false" autocapitalize="off";
                    }
                    datalist id="kinds" { @for kind in Kind::ALL { option value=(kind.name()) {} } }
                    label class="some" { "Raised since"
                        input name="since" value=(ask.get("since").unwrap_or_default())
                            placeholder="2026-11-23, -2h";
                    }
                    button { "Show" }
                }
            }
        }
    }
}

/// The alerts of a page, and where the next one is.
fn found(ask: &Ask<'_>, alerts: &[Kept], lookers: impl FnOnce() -> Lookers) -> Markup {
    let shown = &alerts[..alerts.len().min(ON_A_PAGE as usize)];
    let next = shown.last().filter(|_| alerts.len() > shown.len());
    let next = next.map(|kept| format!("{},{}", kept.raised, kept.alert.id));
    let is_later = ask.get("after").is_some();
    html! {
        @if shown.is_empty() {
            (nothing(ask, lookers))
        } @else {
            (parts::wide("Alerts", &table(ask, shown)))
        }
        @if is_later || next.is_some() {
            nav class="pages" aria-label="Pages of the table" {
                @if is_later { a class="button" href=(ask.again([("after", "")])) { "‹ The latest" } }
                @if let Some(next) = &next {
                    a class="button" rel="next" href=(ask.again([("after", &**next)])) { "Next ›" }
                }
            }
        }
    }
}

fn table(ask: &Ask<'_>, alerts: &[Kept]) -> Markup {
    html! {
        table class="stack alerts" {
            thead { tr {
                th { "Severity" } th { "What" } th { "State" } th { "Raised last" }
                th class="optional" { "First" } th class="optional" { "Last" }
                th class="number" { "Times" } th class="optional" { "Told" }
            } }
            tbody { @for kept in alerts { (row(ask, kept)) } }
        }
    }
}

fn row(ask: &Ask<'_>, kept: &Kept) -> Markup {
    let alert = &kept.alert;
    html! {
        tr {
            td { (marks::severity(alert.severity)) }
            td class="whole what" {
                a href=(ask.to(&format!("/alerts/{}", alert.id), [])) { (marks::title(alert)) }
                span class="small faint" { (alert.source.name()) " · " (alert.name) }
            }
            td class="beside" { (marks::state(kept.state)) }
            td { (parts::time(ask, kept.raised)) }
            td class="optional" { (parts::time(ask, alert.first)) }
            td class="optional" { (parts::time(ask, alert.last)) }
            td class="number" data-name="times" { (grouped(kept.count)) }
            td class="optional" { (marks::told(kept)) }
        }
    }
}

/// Says that there is nothing, and who would have raised something.
fn nothing(ask: &Ask<'_>, lookers: impl FnOnce() -> Lookers) -> Markup {
    let is_narrowed = FILTERS.iter().any(|name| ask.get(name).is_some());
    let of_state = ask.get("state").is_some_and(|state| state != State::Open.name());
    if is_narrowed || of_state || ask.get("after").is_some() {
        return html! {
            (parts::empty("No such alerts", "Others there may be."))
            p class="empty" {
                a href=(ask.to("/alerts", [("since", ""), ("until", "")])) { "All that is open" }
            }
        };
    }
    let lookers = lookers();
    if let Err(problem) = &lookers.lists {
        tracing::warn!("{}: {problem}", ask.path);
    }
    html! {
        (parts::empty("Nothing stands out", "No alert is open."))
        dl class="facts lookers said" {
            dt { "Detections" }
            dd {
                @match &lookers.detections {
                    Some((kinds, every_ms)) => {
                        (kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", "))
                        ", every " (width(*every_ms))
                    }
                    None => { "are on no schedule: " code { "serve.detect" } " says which are" }
                }
            }
            dt { "Rules" }
            dd {
                @match lookers.rules {
                    0 => { "There are none: tables " code { "[rules.NAME]" } " of the configuration" }
                    rules => { (plural(rules as u64, "rule")) ", whenever flows come" }
                }
            }
            dt { "Watch lists" }
            dd {
                a href=(ask.to("/watch", [])) {
                    @match &lookers.lists {
                        Ok(0) => "There are none",
                        Ok(lists) => (plural(*lists as u64, "list")),
                        Err(_) => "Which there are is not known",
                    }
                }
                @match &lookers.lists {
                    Ok(0) => {}
                    Ok(_) => ", whenever flows come",
                    Err(problem) => { ": " (problem) }
                }
            }
        }
    }
}

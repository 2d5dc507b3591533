//! What need not be told any more: said of an alert, listed, and removed.

use std::path::Path as FilePath;

use axum::Form;
use axum::extract::{Path, State as Of};
use axum::response::{Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;
use tokio::task::spawn_blocking;

use super::super::ask::{Ask, Fault};
use super::super::shell::Page;
use super::super::{Asking, parts};
use crate::alert::{
    Alert, Kept, Source, State, SuppressionsError, Verdict, suppress, suppressions, unsuppress,
};
use crate::detect::{Detection, Kind, Suppression};
use crate::flow::{Protocol, UnixMillis};
use crate::load::chain;
use crate::request::{Parameters, Suppress, Suppressions, Surroundings, Zone, read};
use crate::service::api::Failure;
use crate::service::auth::{Caller, Role};
use crate::service::problem::Problem;
use crate::service::turns::{Reads, Turn};
use crate::service::{Notes, Shared};

const DAY_MS: u64 = 86_400_000;
/// For so many days at most, where it is for some.
const MAX_DAYS: u64 = 36_500;
/// For so many days it may hold by a choice.
const DAYS: [(u64, &str); 4] = [(1, "a day"), (7, "a week"), (30, "30 days"), (90, "90 days")];

/// What a form says.
#[derive(Deserialize)]
pub(in crate::service::page) struct Given {
    /// Which of the choices of its alert.
    what: String,
    /// The filter, where that is the choice.
    #[serde(default, rename = "where")]
    condition: String,
    reason: String,
    /// For how many days it holds; an empty text for as long as it is not removed.
    days: Option<String>,
    /// Until when, in place of that.
    #[serde(default)]
    until: String,
    /// The zone of that.
    #[serde(default)]
    tz: String,
}

/// What can be suppressed of an alert.
struct Choice {
    name: &'static str,
    text: String,
    /// What `detect suppress add` is told for it.
    given: Vec<(&'static str, String)>,
}

/// Whether a filter can be said of it.
const OWN: &str = "where";

/// What can be suppressed of `alert`, what is most likely meant first. What rules and watch lists raise is
/// known by its id alone.
fn choices(alert: &Alert) -> Vec<Choice> {
    let document = &alert.document;
    let this = Choice {
        name: "this",
        text: "This alert alone".to_owned(),
        given: vec![("id", alert.id.clone())],
    };
    let is_of_kind = matches!(alert.source, Source::Detection | Source::Silence);
    let (Some(host), true) = (document["host"].as_str(), is_of_kind) else { return vec![this] };
    let kind = &alert.name;
    let of = |filter: Option<String>| {
        let filter = filter.map(|filter| ("where", filter));
        [("kind", kind.clone())].into_iter().chain(filter).collect()
    };
    let mut choices = Vec::new();
    if let Some(peer) = document["peer"].as_str() {
        choices.push(Choice {
            name: "pair",
            text: format!("Every {kind} from {host} to {peer}"),
            given: of(Some(format!("src ip {host} and dst ip {peer}"))),
        });
    }
    choices.push(Choice {
        name: "host",
        text: format!("Every {kind} of {host}"),
        given: of(Some(format!("src ip {host}"))),
    });
    choices.push(this);
    choices.push(Choice {
        name: OWN,
        text: format!("Every {kind} that this filter holds of"),
        given: of(None),
    });
    choices.push(Choice {
        name: "kind",
        text: format!("Every {kind} of anybody"),
        given: of(None),
    });
    choices
}

/// Keeps a suppression of what an alert is about, and closes the alert.
pub(in crate::service::page) async fn add(
    Of(service): Of<Shared>,
    turn: Turn,
    caller: Caller,
    notes: Notes,
    Path(id): Path<String>,
    Form(given): Form<Given>,
) -> Result<Redirect, Problem> {
    notes.add("alert", &id);
    let days = given.days.as_deref().unwrap_or_default();
    for (name, value) in [
        ("what", &*given.what),
        ("where", &given.condition),
        ("reason", &given.reason),
        ("days", days),
        ("until", &given.until),
    ] {
        notes.add(name, value);
    }
    let done = spawn_blocking(move || {
        let _turn = turn;
        let kept = service.alerts().get(&id)?;
        let suppression = meant(&service, &kept.alert, &caller.owner(), &given)?;
        let (by, at) = (suppression.by.clone(), suppression.added);
        let reason = suppression.reason.clone();
        let number = suppress(&service.options.folder, suppression).map_err(problem)?;
        notes.add("suppression", &number.to_string());
        let verdict = Verdict { by, at, note: format!("suppressed ({number}): {reason}") };
        service.alerts().judge(&id, State::Closed, &verdict)?;
        Ok::<_, Problem>(id)
    });
    let id = done.await.map_err(Problem::internal)??;
    Ok(Redirect::to(&format!("/alerts/{id}")))
}

/// The suppression that a form says, as the command reads it.
fn meant(service: &Shared, alert: &Alert, by: &str, given: &Given) -> Result<Suppression, Problem> {
    let refused = |refused| Failure::from(refused).into_problem();
    let choice = choices(alert).into_iter().find(|choice| choice.name == given.what);
    let choice = choice
        .ok_or_else(|| Problem::bad_request(format!("{:?} is no choice here", given.what)))?;
    let zone = match given.tz.trim() {
        "" => service.options.zone.clone(),
        name => Zone::parse(name).map_err(Problem::bad_request)?,
    };
    let now = UnixMillis::now();
    let mut asked: Parameters =
        choice.given.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    if choice.name == OWN {
        if given.condition.trim().is_empty() {
            return Err(Problem::bad_request("a filter is missing: where says which"));
        }
        asked.insert("where".to_owned(), given.condition.clone());
    }
    asked.insert("reason".to_owned(), given.reason.clone());
    let until = until(&given.until, given.days.as_deref(), now).map_err(Problem::bad_request)?;
    asked.extend(until.map(|until| ("until".to_owned(), until)));
    let limits = service.options.sums.clone();
    let around = Surroundings { zone: &zone, now, limits, files: &service.lists };
    let read = read::<Suppress>(&asked).and_then(|asked| asked.suppression(by, &around));
    let suppression = read.map_err(refused)?;
    if choice.name == OWN && !holds(&suppression, alert, &around) {
        return Err(Problem::bad_request(
            "the filter does not hold of this alert: who did it is its source, whom it was done to its \
             destination, and known are protocol and destination port besides",
        ));
    }
    Ok(suppression)
}

/// Until when something is suppressed; None for as long as it is not removed, which must be said.
fn until(until: &str, days: Option<&str>, now: UnixMillis) -> Result<Option<String>, String> {
    let days = match (until.trim(), days.map(str::trim)) {
        ("", Some("")) => return Ok(None),
        ("", Some(days)) => days,
        ("", None) => return Err("for how long? days is missing".to_owned()),
        (until, _) => return Ok(Some(until.to_owned())),
    };
    let read = days.parse().ok().filter(|days| (1..=MAX_DAYS).contains(days));
    let days = read.ok_or_else(|| format!("days: {days:?} is no number from 1 to {MAX_DAYS}"))?;
    Ok(Some((now + days * DAY_MS).to_string()))
}

/// Whether `suppression` holds of what `alert` is about.
pub(super) fn holds(suppression: &Suppression, alert: &Alert, around: &Surroundings<'_>) -> bool {
    let (read, _) = Suppressions::new(vec![suppression.clone()], around);
    detection(alert).is_some_and(|detection| read.holding(&detection).is_some())
}

/// What was found that `alert` is about, as far as filters look at it.
fn detection(alert: &Alert) -> Option<Detection> {
    let text = |name: &str| alert.document[name].as_str();
    let protocol = |text: &str| match text.parse() {
        Ok(number) => Some(Protocol(number)),
        Err(_) => Protocol::named(text),
    };
    Some(Detection {
        kind: alert.name.parse().ok()?,
        variant: "",
        host: text("host")?.parse().ok()?,
        peer: text("peer").and_then(|peer| peer.parse().ok()),
        protocol: text("protocol").and_then(protocol),
        port: alert.document["port"].as_u64().and_then(|port| port.try_into().ok()),
        first: alert.first,
        last: alert.last,
        severity: alert.severity,
        confidence: 1.0,
        evidence: Vec::new(),
    })
}

/// Removes one.
pub(in crate::service::page) async fn remove(
    Of(service): Of<Shared>,
    turn: Turn,
    notes: Notes,
    Path(number): Path<u64>,
) -> Result<Redirect, Problem> {
    notes.add("suppression", &number.to_string());
    let done = spawn_blocking(move || {
        let _turn = turn;
        unsuppress(&service.options.folder, number)
    });
    done.await.map_err(Problem::internal)?.map_err(problem)?;
    Ok(Redirect::to("/alerts/suppressed"))
}

fn problem(error: SuppressionsError) -> Problem {
    match error {
        SuppressionsError::Full => Problem::bad_request(error.to_string()),
        SuppressionsError::Unknown(_) => Problem::not_found(error.to_string()),
        error => Problem::internal(error),
    }
}

/// The form that says it of an alert.
pub(super) fn form(ask: &Ask<'_>, kept: &Kept) -> Markup {
    let alert = &kept.alert;
    html! {
        details class="card" {
            summary { "This need not be told: suppress it" }
            form class="ask" method="post" action={"/alerts/" (alert.id) "/suppress"} {
                (parts::token(ask))
                @if let Some(zone) = ask.get("tz") { input type="hidden" name="tz" value=(zone); }
                fieldset class="choices" {
                    legend { "What" }
                    @for (place, choice) in choices(alert).iter().enumerate() {
                        label {
                            input type="radio" name="what" value=(choice.name) checked[place == 0];
                            span { (choice.text) }
                        }
                        @if choice.name == OWN {
                            input class="mono" name="where" aria-label="The filter"
                                value=(filter(alert)) spellcheck="false" autocapitalize="off";
                        }
                    }
                }
                label { "Why"
                    input name="reason" required maxlength="500" placeholder="Updates of the printers";
                }
                div class="row" {
                    label { "For"
                        select name="days" {
                            @for (days, text) in DAYS {
                                option value=(days) selected[days == 30] { (text) }
                            }
                            option value="" { "as long as it is not removed" }
                        }
                    }
                    label class="some" { "Or until"
                        input name="until" placeholder="2027-01-01";
                    }
                    button class="main" { "Suppress, and close" }
                }
                p class="small faint said" {
                    "Flows are kept all the same. Once it is "
                    a href=(ask.to("/alerts/suppressed", [])) { "removed" }
                    ", it is told again."
                }
            }
        }
    }
}

/// What a filter of one's own may begin with.
fn filter(alert: &Alert) -> String {
    let document = &alert.document;
    let ends = [("src ip", &document["host"]), ("dst ip", &document["peer"])];
    let ends =
        ends.into_iter().filter_map(|(end, value)| Some(format!("{end} {}", value.as_str()?)));
    let is_icmp =
        document["protocol"].as_str().is_some_and(|protocol| protocol.starts_with("ICMP"));
    let port = document["port"].as_u64().filter(|_| !is_icmp);
    let port = port.map(|port| format!("dst port {port}"));
    ends.chain(port).collect::<Vec<_>>().join(" and ")
}

/// The page of all suppressions.
pub(in crate::service::page) async fn list(asking: Asking) -> Response {
    let folder = asking.service.options.folder.clone();
    asking.answer_as(Reads::Jobs, move |ask| page(ask, &folder)).await
}

/// The page of those in `folder`.
pub(in crate::service::page) fn page(ask: &Ask<'_>, folder: &FilePath) -> Result<Page, Fault> {
    let all = suppressions(folder).map_err(|error| Fault::Ours(chain(&error)))?;
    let content = html! {
        div class="title" {
            h1 { "Suppressed" }
            p class="faint" { "What need not be told" }
        }
        section class="card" {
            @if all.is_empty() {
                (parts::empty("Nothing is suppressed", "On the page of an alert it can be."))
            } @else {
                (parts::wide("Suppressed", &table(ask, &all)))
            }
        }
        p class="small faint said" {
            "Suppressed is what is found, never a flow: what one of these held of is told again once it is "
            "removed. " a href=(ask.to("/alerts", [])) { "Alerts" }
        }
    };
    Ok(Page::new("Suppressed", content).without_window())
}

fn table(ask: &Ask<'_>, all: &[Suppression]) -> Markup {
    let now = UnixMillis::now();
    let may = ask.reader.may(Role::Analyst);
    html! {
        table class="stack" {
            thead { tr {
                th class="number" { "No." } th { "What" } th { "Why" } th { "By" } th { "Since" }
                th { "Until" } @if may { th { span class="unseen" { "Remove" } } }
            } }
            tbody {
                @for suppression in all {
                    tr {
                        td class="number" { (suppression.number) }
                        td class="whole file" { (what(ask, suppression)) }
                        td class="whole file" { (suppression.reason) }
                        td data-name="by" { (suppression.by) }
                        td data-name="since" { (parts::time(ask, suppression.added)) }
                        td data-name="until" {
                            @match suppression.until {
                                None => "it is removed",
                                Some(until) => {
                                    (parts::time(ask, until))
                                    @if until <= now { " " span class="badge" { "over" } }
                                }
                            }
                        }
                        @if may {
                            td {
                                form method="post"
                                    action={"/alerts/suppressed/" (suppression.number) "/remove"} {
                                    (parts::token(ask))
                                    button aria-label={"Remove suppression " (suppression.number)} { "Remove" }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What a suppression is of.
fn what(ask: &Ask<'_>, suppression: &Suppression) -> Markup {
    let Suppression { kinds, id, written, .. } = suppression;
    html! {
        @if !kinds.is_empty() {
            (kinds.iter().copied().map(Kind::name).collect::<Vec<_>>().join(", ")) " "
        }
        @if let Some(id) = id { a class="mono" href=(ask.to(&format!("/alerts/{id}"), [])) { (id) } " " }
        @if let Some(filter) = written { code { (filter) } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_says_so_holds_for_ever() {
        let now = UnixMillis(1_000);
        assert_eq!(until("", Some(""), now), Ok(None));
        assert_eq!(until(" 2027-01-01 ", None, now), Ok(Some("2027-01-01".to_owned())));
        // Two days are 172,800 s.
        let then = UnixMillis(172_801_000).to_string();
        assert_eq!(until("", Some("2"), now), Ok(Some(then)));
        for days in [None, Some("0"), Some("-1"), Some("a week"), Some("36501"), Some("2.5")] {
            assert!(until("", days, now).unwrap_err().contains("days"), "{days:?}");
        }
    }
}

//! All that is known of one alert, and what is made of it.

use std::sync::Arc;

use axum::extract::Path;
use axum::response::Response;
use maud::{Markup, html};

use super::super::ask::Ask;
use super::super::shell::Page;
use super::super::{Asking, parts};
use super::{evidence, judge, marks, suppress, why};
use crate::alert::{Kept, Source, State, Status};
use crate::answer::time_text;
use crate::answer::words::{grouped, plural, seconds, shell_quoted};
use crate::detect::Parameters;
use crate::flow::{TimeRange, UnixMillis};
use crate::request::{Detect, RuleOptions};
use crate::service::Service;
use crate::service::auth::Role;
use crate::service::turns::Reads;

/// The page of one.
pub(in crate::service::page) async fn show(Path(id): Path<String>, asking: Asking) -> Response {
    let service = Arc::clone(&asking.service);
    asking
        .answer_as(Reads::Everything, move |ask| {
            let kept = service.alerts().get(&id)?;
            let rules = &service.options.lookout.rules;
            Ok(page(ask, &kept, &deciding(ask, &service), rules))
        })
        .await
}

/// What decides on a schedule, or would.
fn deciding(ask: &Ask<'_>, service: &Service) -> Parameters {
    let around = ask.around();
    let usual =
        || Detect::of("all", "-1d")?.parameters(&crate::request::Deciding::default(), &around);
    let decided = match &service.options.lookout.detect {
        Some(detect) => detect.parameters(&service.options.deciding, &around),
        None => usual(),
    };
    decided.unwrap_or_default()
}

/// The page of `kept`; what detections found is told with what `parameters` decide by now, and what
/// rules told with those of `rules` that are called so.
pub(in crate::service::page) fn page(
    ask: &Ask<'_>,
    kept: &Kept,
    parameters: &Parameters,
    rules: &[(String, RuleOptions)],
) -> Page {
    let alert = &kept.alert;
    let content = html! {
        div class="title alert" {
            p { (marks::severity(alert.severity)) }
            h1 { (marks::title(alert)) }
            p class="faint" { (alert.source.name()) " · " (alert.name) }
        }
        (tiles(ask, kept))
        (evidence::evidence(ask, alert, parameters, rules))
        div class="cards two apart" {
            section class="card" {
                h2 { "Why it stands out" }
                (why::who(ask, alert))
                (why::numbers(ask, alert, parameters))
            }
            div class="cards one" {
                (verdict(ask, kept))
                @if ask.reader.may(Role::Analyst) { (suppress::form(ask, kept)) }
                (flows(ask, kept))
            }
        }
        (messages(ask, kept))
        (whole(kept))
    };
    Page::new(marks::title(alert), content).without_window()
}

fn tiles(ask: &Ask<'_>, kept: &Kept) -> Markup {
    let alert = &kept.alert;
    let time = |time: UnixMillis| time_text(time, ask.zone.zone(), 1000);
    let by = kept.verdict.as_ref().map(|verdict| format!("by {}", verdict.by));
    let lasted = seconds(alert.last.0.saturating_sub(alert.first.0) as f64 / 1000.0);
    let mut tiles = vec![
        ("State", kept.state.name().to_owned(), by.unwrap_or_default()),
        ("Lasted", lasted, format!("{} – {}", time(alert.first), time(alert.last))),
        ("Raised", plural(kept.count, "time"), format!("last {}", time(kept.raised))),
    ];
    if let Some(confidence) = alert.document["confidence"].as_f64() {
        tiles.push(("Sure", format!("{:.0} %", confidence * 100.0), String::new()));
    }
    parts::tiles(&tiles)
}

/// What people made of it, and a form for those who may say so.
fn verdict(ask: &Ask<'_>, kept: &Kept) -> Markup {
    html! {
        section class="card" {
            header {
                h2 { "What is made of it" }
                (marks::state(kept.state))
            }
            @match &kept.verdict {
                Some(verdict) => {
                    dl class="facts" {
                        dt { "Said by" } dd { (verdict.by) ", " (parts::time(ask, verdict.at)) }
                        @if !verdict.note.is_empty() { dt { "Note" } dd { (verdict.note) } }
                        @if kept.state == State::Open { dt { "Since then" } dd { "it went on, so it is open" } }
                    }
                }
                None => p class="faint" { "Nobody said anything of it yet." }
            }
            @if ask.reader.may(Role::Analyst) { (judge::form(ask, kept)) }
        }
    }
}

/// Where its flows are.
fn flows(ask: &Ask<'_>, kept: &Kept) -> Markup {
    let alert = &kept.alert;
    let TimeRange { since, until } = evidence::time_of(alert);
    let [since, until] = [since, until].map(|time| time.to_string());
    // What a rule counts is spread over the time of each flow.
    let alive = alert.source == Source::Rule;
    let of = match &*alert.filter {
        "" => String::new(),
        filter => format!("--where {} ", shell_quoted(filter)),
    };
    let alone = if alive { " --alive" } else { "" };
    let command = format!("earlgrey-hbase query {of}--since {since} --until {until}{alone}");
    let window = [("where", &*alert.filter), ("since", &*since), ("until", &*until)];
    let alive = ("alive", if alive { "yes" } else { "" });
    let explore = ask.to("/explore", window.into_iter().chain([alive]));
    let download = ask.to("/api/v1/flows", window.into_iter().chain([alive, ("output", "ndjson")]));
    html! {
        section class="card" {
            h2 { "Its flows" }
            @if alert.source == Source::Rule && alert.document["wider"] == true {
                p class="note" { (super::WIDER) }
            }
            div class="actions" {
                a class="button" href=(explore) { "Explore them" }
                @for host in why::hosts(alert) {
                    a class="button" href=(ask.to(&format!("/host/{host}"),
                        [("since", &*since), ("until", &*until)])) { (host) " then" }
                }
                a class="button" download="flows.ndjson" href=(download) { "Download as NDJSON" }
            }
            (parts::copied("the command", &command))
        }
    }
}

/// What became of each message about it.
fn messages(ask: &Ask<'_>, kept: &Kept) -> Markup {
    if kept.messages.is_empty() {
        return html! {};
    }
    html! {
        section class="card" {
            h2 { "Who was told" }
            (parts::wide("Who was told", &html! {
                table class="stack" {
                    thead { tr {
                        th { "Way" } th { "Message" } th class="number" { "Tries" } th { "Last try" }
                        th { "Said" }
                    } }
                    tbody {
                        @for message in &kept.messages {
                            tr {
                                td { (message.way) }
                                td class="beside" { (status(message.status)) }
                                td class="number" data-name="tries" { (grouped(message.attempts)) }
                                td { @if let Some(tried) = message.tried { (parts::time(ask, tried)) } }
                                td class="whole file" { (message.said.as_deref().unwrap_or_default()) }
                            }
                        }
                    }
                }
            }))
        }
    }
}

fn status(status: Status) -> Markup {
    let (class, name) = match status {
        Status::Sent => ("good", "sent"),
        Status::Waiting => ("busy", "waiting"),
        Status::Undelivered => ("wrongly", "undelivered"),
    };
    html! { span class={"state " (class)} { (name) } }
}

/// All that is known, as programs get it.
fn whole(kept: &Kept) -> Markup {
    let json = serde_json::to_string_pretty(&kept.alert.document).unwrap_or_default();
    html! {
        details class="card" {
            summary { "All that is known, as JSON" }
            pre class="small" { code { (json) } }
            p class="small faint said" {
                "Id " span class="mono" { (kept.alert.id) } ", by the API "
                a href={"/api/v1/alerts/" (kept.alert.id)} class="mono" { "/api/v1/alerts/" (kept.alert.id) }
            }
        }
    }
}

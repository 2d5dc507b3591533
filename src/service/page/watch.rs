//! Watch lists: which there are, and what was hit of each; those who may add and remove them.

use std::cmp::Reverse;
use std::net::{IpAddr, SocketAddr};

use axum::Form;
use axum::extract::{Path, State};
use axum::response::{Redirect, Response};
use ipnet::IpNet;
use maud::{Markup, html};
use serde::Deserialize;

use super::ask::{Ask, Fault};
use super::shell::Page;
use super::{Asking, parts};
use crate::aggregate::Measure;
use crate::answer::amount;
use crate::answer::words::{grouped, plural};
use crate::request::{HitTeller, OtherView};
use crate::service::api::{forget_list, watch_for};
use crate::service::auth::Role;
use crate::service::problem::Problem;
use crate::service::turns::Turn;
use crate::service::{Notes, Shared};
use crate::store::watchlist::{Hit, Listed};
use crate::watch::Options;

/// So many indicators are on a page, and so many of the addresses that dealt with one.
const ON_A_PAGE: usize = 100;
const OTHERS: usize = 3;

/// A list that is to be added, as a form has it.
#[derive(Deserialize)]
pub(super) struct Added {
    name: String,
    /// What is in it.
    list: String,
    /// The name of the file that it was read from, if it was.
    #[serde(default)]
    file: String,
}

/// The page of all of them, with a form for one more.
pub(super) async fn lists(asking: Asking) -> Response {
    asking
        .answer(|ask| {
            let lists = ask.store.watch_lists()?.lists()?;
            Ok(Page::new("Watch lists", all(ask, &lists)).without_window())
        })
        .await
}

/// The page of one, with what was hit of it.
pub(super) async fn hits(Path(name): Path<String>, asking: Asking) -> Response {
    let number = usize::try_from(asking.page_number()).unwrap_or(usize::MAX);
    asking.answer(move |ask| one(ask, &name, number)).await
}

/// Adds one, in place of one of its name.
pub(super) async fn add(
    State(service): State<Shared>,
    turn: Turn,
    notes: Notes,
    Form(Added { name, list, file }): Form<Added>,
) -> Result<Redirect, Problem> {
    let name = name.trim().to_owned();
    notes.add("watch", &name);
    let to = format!("/watch/{name}");
    watch_for(service, turn, (name, file), (list.into(), Options::default())).await?;
    Ok(Redirect::to(&to))
}

/// Forgets one, with its hits.
pub(super) async fn remove(
    State(service): State<Shared>,
    turn: Turn,
    notes: Notes,
    Path(name): Path<String>,
) -> Result<Redirect, Problem> {
    notes.add("watch", &name);
    forget_list(service, turn, name).await?;
    Ok(Redirect::to("/watch"))
}

fn all(ask: &Ask<'_>, lists: &[Listed]) -> Markup {
    html! {
        div class="title" {
            h1 { "Watch lists" }
            p class="faint" { "Addresses that are looked for in all that is stored, and in all that comes" }
        }
        section class="card" {
            @if lists.is_empty() {
                (parts::empty("Nothing is watched for", " An admin adds a list here, or by watch add."))
            } @else {
                (parts::wide("Watch lists", &table(ask, lists)))
            }
        }
        @if ask.reader.may(Role::Admin) { (form(ask)) }
    }
}

fn table(ask: &Ask<'_>, lists: &[Listed]) -> Markup {
    html! {
        table class="stack" {
            thead { tr {
                th { "Name" } th class="number" { "Indicators" } th class="number" { "Hit" }
                th class="number" { "Flows" } th { "Last hit" } th class="optional" { "Added" }
                th class="optional" { "File" }
            } }
            tbody {
                @for listed in lists {
                    tr {
                        td class="whole" {
                            a href=(ask.to(&format!("/watch/{}", listed.name), [])) { (listed.name) }
                        }
                        td class="number" data-name="indicators" { (grouped(listed.indicators)) }
                        td class="number" data-name="hit" { (grouped(listed.hit)) }
                        td class="number" data-name="flows" { (grouped(listed.flows)) }
                        td data-name="last" {
                            @match listed.last { Some(last) => (parts::time(ask, last)), None => "never" }
                        }
                        td class="optional" { (parts::time(ask, listed.added)) }
                        td class="file optional" { (listed.file) }
                    }
                }
            }
        }
    }
}

/// The form for one more. A script reads a file into it.
fn form(ask: &Ask<'_>) -> Markup {
    html! {
        section class="card" {
            h2 { "Add a list" }
            form class="ask" method="post" action="/watch" {
                (parts::token(ask))
                div class="row" {
                    label class="grow" { "Name"
                        input name="name" required maxlength="64" pattern="[A-Za-z0-9][A-Za-z0-9._\\-]*"
                            spellcheck="false" autocapitalize="off"
                            title="letters, digits, '.', '_' and '-'";
                    }
                    label class="grow" hidden data-reads="list" { "File" input type="file"; }
                }
                input type="hidden" name="file" value="";
                label { "Addresses, blocks or ranges, one a line; or a CSV, a CSV of MISP, a bundle of STIX"
                    textarea class="mono" name="list" rows="6" required spellcheck="false"
                        placeholder="203.0.113.7\n198.51.100.0/24" {}
                }
                div class="row" {
                    button class="main" { "Watch for it" }
                    p class="small faint" {
                        "All that is stored is looked through for it. A list of this name is replaced, and "
                        "what was hit of it stays."
                    }
                }
            }
        }
    }
}

fn one(ask: &Ask<'_>, name: &str, number: usize) -> Result<Page, Fault> {
    let lists = ask.store.watch_lists()?;
    let missing = || Fault::Missing(format!("there is no watch list {name}"));
    let listed = lists.lists()?.into_iter().find(|listed| listed.name == name);
    let listed = listed.ok_or_else(missing)?;
    let mut hits = lists.hits(name)?.ok_or_else(missing)?;
    hits.sort_by_key(|hit| Reverse(hit.sum.last));
    let pages = hits.len().div_ceil(ON_A_PAGE);
    let from = number.saturating_sub(1).saturating_mul(ON_A_PAGE).min(hits.len());
    let some = &hits[from..hits.len().min(from + ON_A_PAGE)];
    let meaning = ask.files.meaning().map_err(|error| Fault::Ours(error.to_string()))?;
    let teller =
        HitTeller::new(&ask.zone, &meaning).map_err(|error| Fault::Ours(error.to_string()))?;
    let content = html! {
        div class="title" { h1 { (name) } p class="faint" { "Watch list" } }
        (tiles(ask, &listed))
        (notes(&listed))
        section class="card" {
            header { h2 { "What was hit" } p class="small faint" { "what was seen last first" } }
            @if some.is_empty() {
                (parts::empty("No hits", " Nobody dealt with any of it."))
            } @else {
                (parts::wide("What was hit", &hit_table(ask, &teller, some)))
                (parts::pages(ask, number, pages))
            }
        }
        @if ask.reader.may(Role::Admin) {
            form class="actions" method="post" action={"/watch/" (name) "/remove"} {
                (parts::token(ask))
                button { "Forget this list and its hits" }
            }
        }
    };
    Ok(Page::new(format!("Watch list {name}"), content).without_window())
}

fn tiles(ask: &Ask<'_>, listed: &Listed) -> Markup {
    let time = |time| crate::answer::time_text(time, ask.zone.zone(), 1000);
    let file = if listed.file.is_empty() { String::new() } else { format!("from {}", listed.file) };
    parts::tiles(&[
        ("Indicators", grouped(listed.indicators), file),
        ("Hit", grouped(listed.hit), plural(listed.flows, "flow")),
        ("Last hit", listed.last.map_or_else(|| "never".to_owned(), time), String::new()),
        ("Added", time(listed.added), String::new()),
    ])
}

/// What is not told of it.
fn notes(listed: &Listed) -> Markup {
    html! {
        @if listed.unsought > 0 {
            p class="note" {
                "For " (plural(listed.unsought, "indicator")) " not all that was stored was looked "
                "through, because that is under way or was interrupted. Adding the list again does it."
            }
        }
        @if listed.left_out > 0 {
            p class="note" {
                (grouped(listed.left_out)) " more were hit and left out: those that were seen least lately."
            }
        }
    }
}

fn hit_table(ask: &Ask<'_>, teller: &HitTeller<'_>, hits: &[Hit]) -> Markup {
    html! {
        table class="stack" {
            thead { tr {
                th { "Indicator" } th { "Last" } th class="optional" { "First" }
                th class="number" { "Flows" } th class="number" { "Traffic" } th { "By" }
                th class="optional" { "Note" }
            } }
            tbody {
                @for hit in hits {
                    tr {
                        td {
                            (indicator(ask, &hit.indicator))
                            @if !hit.listed { " " span class="badge" { "not in the list any more" } }
                        }
                        td data-name="last" { (parts::time(ask, hit.sum.last)) }
                        td class="optional" { (parts::time(ask, hit.sum.first)) }
                        td class="number" data-name="flows" { (grouped(hit.sum.flows)) }
                        td class="number" data-name="traffic" {
                            (amount(Measure::Octets, hit.sum.octets as f64))
                        }
                        td class="whole" { (others(ask, teller, hit)) }
                        td class="optional" { (hit.note.as_deref().unwrap_or_default()) }
                    }
                }
            }
        }
    }
}

/// An indicator, which leads to the page of its host, or to the flows of its block.
fn indicator(ask: &Ask<'_>, text: &str) -> Markup {
    let host: Option<IpAddr> =
        text.parse().ok().or_else(|| text.parse().ok().map(|socket: SocketAddr| socket.ip()));
    let to = match (host, text.parse::<IpNet>()) {
        (Some(host), _) => Some(ask.host(host)),
        (None, Ok(block)) => Some(ask.to("/explore", [("address", &*block.to_string())])),
        (None, Err(_)) => None,
    };
    html! {
        @match to {
            Some(to) => a class="mono" href=(to) { (text) },
            None => span class="mono" { (text) },
        }
    }
}

/// Who dealt with an indicator: the first few.
fn others(ask: &Ask<'_>, teller: &HitTeller<'_>, hit: &Hit) -> Markup {
    let view = teller.view(hit);
    let more = view.others.len().saturating_sub(OTHERS);
    let known = |other: &OtherView| {
        [&other.network, &other.role].into_iter().flatten().cloned().collect::<Vec<_>>().join(", ")
    };
    html! {
        @for (place, other) in view.others.iter().take(OTHERS).enumerate() {
            @if place > 0 { ", " }
            (parts::host(ask, other.address))
            @let known = known(other);
            @if !known.is_empty() { " " span class="faint" { "(" (known) ")" } }
        }
        @if view.more_flows.is_some() { " and others" }
        @else if more > 0 { " and " (grouped(more as u64)) " more" }
    }
}

//! Who exports: how much came of each, what its sequence numbers miss, and when it was last seen.

use std::net::IpAddr;

use maud::{Markup, html};

use super::ask::{Ask, Fault, newest};
use super::parts;
use super::shell::Page;
use crate::aggregate::{FlowTotals, Measure, Stats};
use crate::answer::amount;
use crate::answer::words::grouped;
use crate::query::{Asked, Question};
use crate::service::exporters::{Health, health};
use crate::store::Load;

/// The page.
pub(super) fn page(ask: &Ask<'_>) -> Result<Page, Fault> {
    let snapshot = ask.snapshot()?;
    let window = ask.window_or_last_day(newest(ask.store, &*snapshot)?);
    let asked = Asked::new(Question { time: window, ..ask.question() }, snapshot, true);
    let stats = with_silent(ask, stats(ask, &asked)?, asked)?;
    let loads = ask.store.loads()?;
    let content = html! {
        div class="title" {
            h1 { "Exporters" }
            p class="faint" { (parts::window_text(ask, window)) }
        }
        section class="card" { (table(ask, &stats, &loads, usize::MAX)) }
        (interfaces(ask)?)
    };
    Ok(Page::new("Exporters", content))
}

/// `stats` with the exporters that sent nothing in the window, but did before: one that fell silent
/// is what somebody looks for here.
fn with_silent(ask: &Ask<'_>, mut window: Stats, mut asked: Asked) -> Result<Stats, Fault> {
    asked.question = Question::everything();
    let is_silent = |address: &IpAddr| !window.exporters.iter().any(|(known, _)| known == address);
    let all = stats(ask, &asked)?.exporters.into_iter();
    let silent: Vec<_> = all
        .filter(|(address, _)| is_silent(address))
        .map(|(address, FlowTotals { last, .. })| {
            (address, FlowTotals { last, ..FlowTotals::default() })
        })
        .collect();
    window.exporters.extend(silent);
    Ok(window)
}

/// The sums of the window.
pub(super) fn stats(ask: &Ask<'_>, asked: &Asked) -> Result<Stats, Fault> {
    let lookup = asked.question.plan_unordered(Stats::COLUMNS);
    Ok(Stats::of(asked.snapshot(), &lookup, ask.zone.zone())?)
}

/// The exporters of `stats`, as many as `most` of them, with what `loads` tell of each.
pub(super) fn table(ask: &Ask<'_>, stats: &Stats, loads: &[Load], most: usize) -> Markup {
    if stats.exporters.is_empty() {
        return parts::empty("No exporter sent anything in this window", "");
    }
    let health = health(loads);
    let whole: u128 = stats.exporters.iter().map(|(_, totals)| totals.octets).sum();
    html! {
        div class="wide" role="region" aria-label="Exporters" tabindex="0" { table class="stack" {
            thead { tr {
                th { "Exporter" } th class="optional" { span class="unseen" { "Share" } }
                th class="number" { "Traffic" } th class="number optional" { "Flows" }
                th { "Last flow" } th class="number" { "Missing" }
            } }
            tbody {
                @for (exporter, totals) in stats.exporters.iter().take(most) {
                    (row(ask, *exporter, totals, health.get(exporter), whole))
                }
            }
        } }
    }
}

fn row(
    ask: &Ask<'_>,
    exporter: IpAddr,
    totals: &FlowTotals,
    health: Option<&Health>,
    whole: u128,
) -> Markup {
    let filter = format!("exporter ip {exporter}");
    let lost = health.map_or(0, |health| health.lost);
    html! {
        tr {
            td {
                a class="mono" href=(ask.to("/explore", [("where", &*filter), ("key", "input")])) {
                    (exporter)
                }
                @if let Some(ahead_ms) = health.and_then(|health| health.clock_ahead_ms) {
                    @let seconds = ahead_ms.unsigned_abs() as f64 / 1000.0;
                    " " span class="badge" {
                        "its clock is " (crate::answer::words::seconds(seconds))
                        @if ahead_ms < 0 { " behind" } @else { " ahead" }
                    }
                }
            }
            (parts::optional_share(whole as f64, &[totals.octets as f64]))
            td class="number" { (amount(Measure::Octets, totals.octets as f64)) }
            td class="number optional" { (grouped(totals.flows)) }
            td data-name="last" { @if let Some(last) = totals.last { (parts::time(ask, last)) } }
            td class="number" data-name="missing" {
                @match health.and_then(|health| health.last_lost) {
                    Some(at) => {
                        span class="state warn" { (grouped(lost)) }
                        span class="unseen" { " last in the load of " (parts::time(ask, at)) }
                    }
                    None => span class="state good" { "none" },
                }
            }
        }
    }
}

/// What exporters call their interfaces.
fn interfaces(ask: &Ask<'_>) -> Result<Markup, Fault> {
    /// More are not told one by one.
    const MOST: usize = 500;
    let names = ask.store.names()?;
    Ok(html! {
        @if !names.interfaces.is_empty() {
            section class="card" {
                h2 { "Interfaces by name" }
                div class="wide" role="region" aria-label="Interfaces" tabindex="0" { table {
                    thead { tr { th { "Exporter" } th class="number" { "Index" } th { "Name" } } }
                    tbody {
                        @for ((exporter, index), name) in names.interfaces.iter().take(MOST) {
                            @let filter = format!("exporter ip {exporter} and if {index}");
                            tr {
                                td class="mono" { (exporter) }
                                td class="number" { (index) }
                                td { a href=(ask.to("/explore", [("where", &*filter)])) { (name) } }
                            }
                        }
                    }
                } }
            }
        }
    })
}

//! The overview: what there was in the window, of whom and of what, and how it came here.

use maud::{Markup, html};

use super::ask::{Ask, Fault, newest};
use super::shell::Page;
use super::silence::spanning;
use super::{exporters, greatest, jobs, loads, parts};
use crate::aggregate::{BinWidth, Measure, Timeline, TimelineOptions, Whose};
use crate::answer::{amount, rate};
use crate::flow::Columns;
use crate::query::{Asked, Question};
use crate::service::jobs::Job;

/// So many exporters and loads.
pub(super) const SHOWN: usize = 6;

/// The page; `jobs` are the latest ones.
pub(super) fn page(ask: &Ask<'_>, latest: &[Job]) -> Result<Page, Fault> {
    let by = ask.value("by", Measure::Octets)?;
    let snapshot = ask.snapshot()?;
    let window = ask.window_or_last_day(newest(ask.store, &*snapshot)?);
    let asked = Asked::new(Question { time: window, ..ask.question() }, snapshot, true);
    let lookup = asked.question.plan_unordered(Columns::NONE);
    let options = TimelineOptions {
        by,
        width: BinWidth::AtMost(parts::PLOT_BINS),
        zone: ask.zone.zone().clone(),
    };
    let timeline = Timeline::of(asked.snapshot(), &[(Whose::All, lookup.clone())], &options)
        .map_err(parts::of_timeline)?;
    let timeline = spanning(timeline, window, ask.zone.zone());
    let stats = exporters::stats(ask, &asked)?;
    let loads = ask.store.loads()?;
    let content = html! {
        div class="title" {
            h1 { "Overview" }
            p class="faint" { (parts::window_text(ask, window)) }
        }
        @if timeline.is_empty() {
            div class="card" { (nothing(ask, loads.is_empty())) }
        } @else {
            (over_time(ask, &timeline, by))
            div class="cards" {
                (greatest::cards(ask, &asked, by, stats.totals.all().flows)?)
            }
        }
        div class="cards two" {
            section class="card" {
                header { h2 { "Exporters" } p { a href=(ask.to("/exporters", [])) { "All" } } }
                (exporters::table(ask, &stats, &loads, SHOWN))
            }
            section class="card" {
                header { h2 { "Latest loads" } p { a href=(ask.to("/loads", [])) { "All" } } }
                (loads::table(ask, &loads, SHOWN))
            }
            @if !latest.is_empty() {
                section class="card" {
                    header { h2 { "Latest jobs" } p { a href=(ask.to("/jobs", [])) { "All" } } }
                    (jobs::table(latest))
                }
            }
        }
    };
    Ok(Page::new("Overview", content))
}

fn over_time(ask: &Ask<'_>, timeline: &Timeline, by: Measure) -> Markup {
    let drawn = parts::Drawn::of_all(timeline);
    let total = timeline.series.first().map_or(0, crate::aggregate::Series::total);
    let seconds =
        timeline.starts.first().map_or(0, |&first| timeline.until - first) as f64 / 1000.0;
    html! {
        section class="card" {
            header {
                h2 { "Traffic over time" }
                p class="small faint" {
                    (amount(by, total as f64)) " in all, " (rate(by, total as f64 / seconds)) " on average"
                }
                (parts::measures(ask, by))
            }
            (parts::plot(ask, &drawn))
        }
    }
}

/// Says why there is nothing to be seen.
fn nothing(ask: &Ask<'_>, nothing_at_all: bool) -> Markup {
    if nothing_at_all {
        return parts::empty(
            "There are no flows yet",
            "Load a capture with earlgrey-hbase load FILE, or receive exports with serve --collect.",
        );
    }
    html! {
        (parts::empty("There are no flows in this window", "Others may have some."))
        p class="empty" { a href=(ask.again([("since", ""), ("until", "")])) { "Any time" } }
    }
}

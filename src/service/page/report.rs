//! A report as a page that stands alone: one file, to be kept, sent and printed.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::aggregate::{Billing, Figures, Usage, UsageEntry};
use crate::answer::words::grouped;
use crate::answer::{UsageView, amount, draw_usage, key_titles, ordinal, rate, time_text, width};
use crate::flow::UnixMillis;

/// The page of `usage`.
pub fn report_page(usage: &Usage, view: &UsageView<'_>) -> String {
    let title = title(view);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Usage, " (title) }
                style { (PreEscaped(include_str!("assets/report.css"))) }
            }
            body {
                main {
                    h1 { "Usage, " (title) }
                    @if usage.entries.is_empty() {
                        (rule(usage, view))
                        p class="none" { "There are no flows." }
                    } @else {
                        (bill(usage, view))
                    }
                }
            }
        }
    }
    .into_string()
}

/// What everybody used, with how it is counted.
pub(super) fn bill(usage: &Usage, view: &UsageView<'_>) -> Markup {
    html! {
        (rule(usage, view))
        (table(usage, view))
    }
}

/// `October 2026`, or from when to when it is.
pub(super) fn title(view: &UsageView<'_>) -> String {
    let [since, until] = [view.options.window.since, view.options.window.until]
        .map(|time| time.timestamp().to_zoned_datetime(view.zone.clone()).datetime());
    let month = since.date().first_of_month();
    let next = month.checked_add(jiff::Span::new().months(1)).ok();
    if since == month.into() && next.is_some_and(|next| until == next.into()) {
        return month.strftime("%B %Y").to_string();
    }
    let moment = |time: UnixMillis| time_text(time, &view.zone, view.options.bin_ms.get());
    format!("{} – {}", moment(view.options.window.since), moment(view.options.window.until))
}

/// What is counted, and what of it is billed.
fn rule(usage: &Usage, view: &UsageView<'_>) -> Markup {
    let options = view.options;
    let moment = |time: UnixMillis| time_text(time, &view.zone, options.bin_ms.get());
    html! {
        p {
            "From " (moment(options.window.since)) " to " (moment(options.window.until))
            " (" (view.zone_name) "). Of the rates of all " (grouped(usage.bins)) " bins of "
            (width(options.bin_ms.get())) " the highest " (grouped(options.thrown_away(usage.bins)))
            " are thrown away; the highest that is left is the " (ordinal(options.percentile))
            " percentile"
            @match options.billing {
                _ if !usage.tells_ways() => ", which is billed.",
                Billing::Max => ". Billed is the higher of that of in and that of out.",
                Billing::Sum => ". Billed is that of in and out together, bin by bin.",
            }
        }
        @if !view.filter.is_empty() { p { "Flows " code { (view.filter) } } }
        p class="faint" {
            @if usage.tells_ways() {
                span class="swatch s0" aria-hidden="true" {} " out stands on the axis, "
                span class="swatch s1" aria-hidden="true" {} " in hangs from it, and dashed"
            } @else { "Dashed" }
            " lines are percentiles; each key has a scale of its own."
        }
    }
}

fn table(usage: &Usage, view: &UsageView<'_>) -> Markup {
    let percentile = ordinal(view.options.percentile);
    html! {
        table {
            thead {
                tr {
                    th scope="col" { (key_titles(view.fields).join(", ")) }
                    th scope="col" { "Over time" }
                    th scope="col" { span class="unseen" { "Way" } }
                    @for name in [view.options.by.name(), "Mean", &percentile, "Peak", "At", "Billed"] {
                        th scope="col" class="number" { (name) }
                    }
                }
            }
            @for entry in &usage.entries { (key(entry, view, &percentile)) }
        }
    }
}

/// The rows of a key: one of each way.
fn key(entry: &UsageEntry, view: &UsageView<'_>, percentile: &str) -> Markup {
    let each = [("In", &entry.received), ("Out", &entry.sent)];
    let mut ways: Vec<(&str, &Figures)> =
        each.into_iter().filter_map(|(name, way)| Some((name, way.as_ref()?))).collect();
    if ways.is_empty() {
        ways.push(("Total", &entry.both));
    }
    let rows = ways.len();
    let name = view.called(entry);
    let svg = draw_usage(entry, view.options.by, &name).into_svg();
    let billed = speed(view, entry.billed(view.options.billing));
    html! {
        tbody {
            @for (place, (way, figures)) in ways.into_iter().enumerate() {
                tr {
                    @if place == 0 {
                        th scope="rowgroup" class="whose" rowspan=(rows) { (name) }
                        td class="line" rowspan=(rows) { (PreEscaped(&svg)) }
                    }
                    th scope="row" class="way" { (way) }
                    (figure_cells(view, figures, percentile))
                    @if place == 0 {
                        td class="number billed" data-name="Billed" rowspan=(rows) { (billed) }
                    }
                }
            }
        }
    }
}

fn figure_cells(view: &UsageView<'_>, figures: &Figures, percentile: &str) -> Markup {
    let options = view.options;
    let at = figures.peak_at.map(|at| time_text(at, &view.zone, options.bin_ms.get()));
    html! {
        td class="number" data-name=(options.by.name()) {
            (amount(options.by, figures.total as f64))
        }
        td class="number" data-name="Mean" { (speed(view, figures.mean)) }
        td class="number" data-name=(percentile) { (speed(view, figures.percentile)) }
        td class="number" data-name="Peak" { (speed(view, figures.peak)) }
        td class="number" data-name="At" { (at.unwrap_or_default()) }
    }
}

/// A rate for people.
fn speed(view: &UsageView<'_>, value: u128) -> String {
    rate(view.options.by, view.options.counted_a_second(value))
}

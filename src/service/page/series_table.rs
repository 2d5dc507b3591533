//! What each series of Explore comes to: least, most, last, average, and the 95th percentile.

use maud::{Markup, html};

use super::ask::Ask;
use super::parts;
use crate::aggregate::{Measure, Series, Timeline, Top, TopOptions, Whose};
use crate::answer::words::grouped;
use crate::answer::{Beside, amount, rate};
use crate::request::TimelineAnswer;

/// Rates of a series, one for each bin.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Rates {
    least: f64,
    most: f64,
    last: f64,
    average: f64,
    /// Nineteen of twenty bins have at most this: of the rates in order the one at 95 %, rounded up.
    percentile: f64,
}

impl Rates {
    fn of(series: &Series, timeline: &Timeline) -> Option<Self> {
        let seconds =
            |bin: usize| (timeline.end(bin) - timeline.starts[bin]).max(1) as f64 / 1000.0;
        let rates = series.values.iter().enumerate();
        let mut rates: Vec<f64> = rates.map(|(bin, &value)| value as f64 / seconds(bin)).collect();
        let last = *rates.last()?;
        let long = (timeline.until - *timeline.starts.first()?).max(1) as f64 / 1000.0;
        rates.sort_by(f64::total_cmp);
        let place = (rates.len() * 95).div_ceil(100).max(1) - 1;
        Some(Self {
            least: rates[0],
            most: rates[rates.len() - 1],
            last,
            average: series.total() as f64 / long,
            percentile: rates[place],
        })
    }
}

/// A row for each series, and one for all of them where there are several.
pub(super) fn table(
    ask: &Ask<'_>,
    timeline: &Timeline,
    (answer, beside): (&TimelineAnswer, &Beside),
    before: Option<&Timeline>,
) -> Markup {
    let by = timeline.by;
    let together = (timeline.series.len() > 1).then(|| timeline.together());
    html! {
        section class="card" {
            div class="wide" role="region" aria-label="Series" tabindex="0" { table {
                thead { tr {
                    th { (if answer.fields.is_empty() { "Traffic" } else { "Key" }) }
                    th class="number" { "Least" } th class="number" { "Most" }
                    th class="number" { "Last" } th class="number" { "Average" }
                    th class="number" { "95 %" } th class="number" { "In all" }
                    @if before.is_some() { th class="number" { "Before" } }
                } }
                tbody {
                    @for (place, series) in timeline.series.iter().enumerate() {
                        @let earlier = before.map(|before| before.series.get(place).map_or(0, Series::total));
                        tr {
                            td { (parts::swatch(series.whose, place)) (name(ask, series.whose, (answer, beside))) }
                            (cells(series, timeline, by, earlier))
                        }
                    }
                    @if let Some(together) = &together {
                        @let earlier = before.map(|before| before.series.iter().map(Series::total).sum());
                        tr {
                            td { strong { "Together" } }
                            (cells(&together.series[0], together, by, earlier))
                        }
                    }
                }
            } }
        }
    }
}

fn name(ask: &Ask<'_>, whose: Whose, (answer, beside): (&TimelineAnswer, &Beside)) -> Markup {
    html! {
        @match whose {
            Whose::All => "all",
            Whose::Sent => "sent",
            Whose::Received => "received",
            Whose::OtherKeys => "others",
            Whose::Key(place) => @if let Some(entry) = answer.keys.get(place) {
                (parts::key(ask, (&answer.fields, &entry.key), beside))
            }
        }
    }
}

fn cells(series: &Series, timeline: &Timeline, by: Measure, before: Option<u128>) -> Markup {
    html! {
        @if let Some(rates) = Rates::of(series, timeline) {
            @for value in [rates.least, rates.most, rates.last, rates.average, rates.percentile] {
                td class="number" { (rate(by, value)) }
            }
        }
        td class="number" { (amount(by, series.total() as f64)) }
        @if let Some(before) = before {
            td class="number" { (amount(by, before as f64)) }
        }
    }
}

/// The greatest keys, for a picture that is not over time.
pub(super) fn of_top(
    ask: &Ask<'_>,
    (top, beside): (&Top, &Beside),
    options: &TopOptions,
    by: Measure,
) -> Markup {
    let whole = top.totals.get(by) as f64;
    html! {
        section class="card" {
            header {
                h2 { "The greatest" }
                p class="small faint" { (top.entries.len()) " of " (grouped(top.keys)) }
            }
            div class="wide" role="region" aria-label="Series" tabindex="0" { table {
                thead { tr {
                    th { "Key" } th class="optional" { span class="unseen" { "Share" } }
                    th class="number" { "Octets" } th class="number" { "Packets" }
                    th class="number" { "Flows" }
                } }
                tbody { @for entry in &top.entries {
                    @let counters = entry.counts.counters;
                    tr {
                        td { (parts::key(ask, (&options.fields, &entry.key), beside)) }
                        (parts::optional_share(whole, &[counters.get(by) as f64]))
                        td class="number" { (amount(Measure::Octets, counters.octets as f64)) }
                        td class="number" { (grouped(counters.packets)) }
                        td class="number" { (grouped(counters.flows)) }
                    }
                } }
            } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::UnixMillis;

    // Expected values by Python: sorted(x)[math.ceil(0.95 * len(x)) - 1].
    #[test]
    fn of_a_series_the_rates_are_told() {
        for (values, expected) in [
            (vec![20u128], [2.0, 2.0, 2.0, 2.0, 2.0]),
            ((1..=20).map(|bin| bin * 10).collect(), [1.0, 20.0, 20.0, 10.5, 19.0]),
            ((1..=21).rev().map(|bin| bin * 10).collect(), [1.0, 21.0, 1.0, 11.0, 20.0]),
            (vec![0, 0, 90, 0], [0.0, 9.0, 0.0, 2.25, 9.0]),
        ] {
            let start = |bin: usize| UnixMillis(bin as u64 * 10_000);
            let timeline = Timeline {
                by: Measure::Packets,
                bin_ms: 10_000,
                starts: (0..values.len()).map(start).collect(),
                until: start(values.len()),
                series: vec![Series { whose: Whose::All, values }],
            };
            let Rates { least, most, last, average, percentile } =
                Rates::of(&timeline.series[0], &timeline).unwrap();
            let told = [least, most, last, average, percentile];
            let near = |(told, expected): (f64, f64)| (told - expected).abs() < 1e-9;
            assert!(told.into_iter().zip(expected).all(near), "{told:?} {expected:?}");
        }
    }
}

//! `stats`: what there is.

use std::fmt::Write as _;

use super::asking::Explain;
use super::failure::Ending;
use super::output::{self, Output};
use super::outside::{Outside, surroundings};
use super::settings::Settings;
use super::summary;
use crate::aggregate::{FlowTotals, Measure, Stats};
use crate::answer::words::{bytes, columns, grouped, plural, seconds};
use crate::answer::{Rates, StoreStats, date, rate, stats_json};
use crate::request::{self, StatsAnswer, Zone, show};
use crate::store::Size;

const EXAMPLES: &str = "\
Examples:
  earlgrey-hbase stats                      everything, by protocol, exporter and day
  earlgrey-hbase stats --where 'port 443'   of flows that pass a filter
  earlgrey-hbase stats --since -7d -o json  the last week's, for a program";

/// Print how much there is: flows, packets and octets in all, by protocol, by exporter and by day;
/// their rates; and what the store takes.
///
/// What exporters sampled is scaled up by their intervals. Size and runs are those of the whole
/// store, also where only a part of its flows is chosen.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    flows: request::Stats,
    #[command(flatten)]
    explain: Explain,
    /// How the statistics are written
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: Output,
}

/// So many groups of a kind are shown as text.
const MAX_ROWS: usize = 40;

pub(super) fn run(args: &Args, settings: &Settings) -> anyhow::Result<Ending> {
    let zone = &settings.tz.value;
    let json = args.output == Output::Json;
    let (outside, request) = (Outside(settings), &args.flows);
    let question = request.question(&surroundings(&outside))?;
    let asking = args.explain.ask(question, settings, request.scaled())?;
    let (question, lookup) = (asking.question(), request.lookup(asking.question()));
    asking.answer(&[&lookup], json, || {
        let answer = request.answer(&*asking.store, asking.snapshot(), question, &lookup, zone)?;
        let StatsAnswer { flows, store } = &answer;
        output::print_all(&if json {
            stats_json(flows, store, zone.zone())
        } else {
            text(flows, store, zone)
        })
    })
}

fn text(stats: &Stats, store: &StoreStats, zone: &Zone) -> String {
    let all = stats.totals.all();
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:<10} {value}");
    };
    line(
        "flows",
        &match stats.without_traffic {
            0 => grouped(all.flows),
            events => format!(
                "{}, {} of them without traffic, as events of firewalls and NATs are",
                grouped(all.flows),
                grouped(events)
            ),
        },
    );
    line("packets", &grouped(all.packets));
    line("octets", &grouped(all.octets));
    if let Some((first, last)) = all.first.zip(all.last) {
        line("first", &show(first, zone));
        line("last", &show(last, zone));
        line("span", &seconds(all.span_ms() as f64 / 1000.0));
    }
    if let Some(rates) = Rates::of(&all) {
        let of = [
            rate(Measure::Flows, rates.flows_per_second),
            rate(Measure::Packets, rates.packets_per_second),
            rate(Measure::Octets, rates.bits_per_second / 8.0),
        ];
        line("rates", &of.join(", "));
    }
    for (name, value) in size_lines(store) {
        line(name, &value);
    }
    if !store.clocks.is_empty() {
        line("clocks", &summary::clocks(&store.clocks));
    }

    let families = [("IPv4".to_owned(), stats.totals.v4), ("IPv6".to_owned(), stats.totals.v6)];
    let named = |name: String, of: &FlowTotals| (name, *of);
    let protocols = stats.protocols.iter().map(|(of, totals)| named(of.to_string(), totals));
    let exporters = stats.exporters.iter().map(|(of, totals)| named(of.to_string(), totals));
    let days = stats.days.iter().map(|(of, totals)| named(date(*of, zone.zone()), totals));
    for (kind, groups, others) in [
        ("family", families.into_iter().filter(|(_, of)| of.flows > 0).collect(), None),
        ("protocol", protocols.collect::<Vec<_>>(), None),
        ("exporter", exporters.collect(), Some(("other exporters", stats.other_exporters))),
        ("day", days.collect(), Some(("later days", stats.later_days))),
    ] {
        text += &table(kind, &groups, others.filter(|(_, of)| of.flows > 0), &all);
    }
    text
}

/// What the store takes, as far as it tells.
fn size_lines(store: &StoreStats) -> Vec<(&'static str, String)> {
    let Size { bytes: size, runs, regions } = &store.size;
    let mut lines = Vec::new();
    if let Some(size) = size {
        let each = store.bytes_a_flow().map(|each| format!(", {each:.1} bytes a flow"));
        let of = plural(store.flows, "flow");
        lines.push(("store", format!("{} of {of}{}", bytes(*size), each.unwrap_or_default())));
        let least_and_most = |of: fn(&crate::store::RunSize) -> u64| {
            let least = runs.iter().map(of).min().unwrap_or(0);
            (least, runs.iter().map(of).max().unwrap_or(0))
        };
        let (flows, sizes) = (least_and_most(|run| run.flows), least_and_most(|run| run.bytes));
        lines.push(match runs.len() {
            0 => ("runs", "0".to_owned()),
            1 => ("runs", format!("1, of {} in {}", plural(flows.0, "flow"), bytes(sizes.0))),
            many => (
                "runs",
                format!(
                    "{}, of {} to {} flows, {} to {}",
                    grouped(many as u64),
                    grouped(flows.0),
                    grouped(flows.1),
                    bytes(sizes.0),
                    bytes(sizes.1)
                ),
            ),
        });
    }
    for (table, regions) in regions {
        lines.push(("regions", format!("{} of the table {table}", grouped(*regions))));
    }
    lines
}

/// A table of groups with their sums and shares, a blank line before it; none of no groups.
fn table(
    kind: &str,
    groups: &[(String, FlowTotals)],
    others: Option<(&str, FlowTotals)>,
    all: &FlowTotals,
) -> String {
    if groups.is_empty() {
        return String::new();
    }
    let head = [kind, "flows", "%", "packets", "%", "octets", "%"].map(str::to_owned).to_vec();
    let row = |name: &str, of: &FlowTotals| {
        vec![
            name.to_owned(),
            grouped(of.flows),
            percent(of.flows.into(), all.flows.into()),
            grouped(of.packets),
            percent(of.packets, all.packets),
            grouped(of.octets),
            percent(of.octets, all.octets),
        ]
    };
    let mut rows = vec![head];
    rows.extend(groups.iter().take(MAX_ROWS).map(|(name, of)| row(name, of)));
    rows.extend(others.map(|(name, of)| row(name, &of)));
    let mut text = "\n".to_owned() + &columns(&rows, &[false, true, true, true, true, true, true]);
    let left_out = groups.len().saturating_sub(MAX_ROWS) as u64;
    if left_out > 0 {
        let _ =
            writeln!(text, "and {} that -o json lists", plural(left_out, &format!("more {kind}")));
    }
    text
}

/// A share in percent, to one place.
fn percent(part: u128, whole: u128) -> String {
    if whole == 0 { "-".to_owned() } else { format!("{:.1}", part as f64 * 100.0 / whole as f64) }
}

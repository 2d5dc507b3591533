//! `top`: what most of the traffic is of.

use super::failure::{Ending, Usage};
use super::output::{self, say};
use super::question::SummaryOptions;
use super::settings::{Flags, Settings, keys, one_of, whole_number};
use super::text::{grouped, plural};
use crate::aggregate::{ParseKeyError, Top, TopOptions, TopOrder, parse_keys};
use crate::answer::{PairFormat, TopStyle, write_top};
use crate::flow::Columns;

const EXAMPLES: &str = "\
Examples:
  earlgrey-hbase top srcip                             the ten sources of most octets
  earlgrey-hbase top dstport:p --by flows -n 20        ports, TCP and UDP apart, by number of flows
  earlgrey-hbase top 5-tuple --by packets --since -1d  conversations of the last day
  earlgrey-hbase top src/24,dstas -o csv               networks and where they send
  earlgrey-hbase top dst --where 'port 53 and udp'     of flows that pass a filter
  earlgrey-hbase top bin:5m -n 0 -o ndjson             every five minutes there are, busiest first

Keys: src, dst, ip (either end); srcport, dstport, port; proto; srcas, dstas, as; input, output, if;
src/24, dst/24/48, ip/0/32 (networks: length for IPv4, or above 32 or after a second slash for
IPv6); srcnet, dstnet, net (by the mask of the route); pair (both addresses, whoever sent); 5-tuple;
exporter, nexthop, flags, tos; bin:30s, bin:5m, bin:1h, bin:1d (when flows began; cut in UTC, also
with --tz). nfdump's names are understood. Of either end, a flow counts for each of its two.";

/// Print the keys that most octets, packets or flows are of, with shares, times and rates.
///
/// They come by what --by says downwards, equal ones by the key upwards, addresses as numbers: by
/// octets unless it says otherwise, where nfdump's -s orders by flows. What exporters sampled is
/// scaled up by their intervals. Totals go to standard error, and into JSON.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// What flows are grouped by: one key or several, with commas between them
    #[arg(value_name = "KEY[,KEY…]")]
    key: String,
    /// What keys are ordered by; pps, bps and bpp are packets and bits a second and octets a packet
    #[arg(long, value_name = "MEASURE",
        value_parser = one_of::<TopOrder>(["octets", "bytes", "packets", "flows", "pps", "bps", "bpp"]),
        hide_possible_values = true, default_value_t)]
    by: TopOrder,
    /// How many keys; 0 for all
    #[arg(short = 'n', long = "count", value_name = "N", default_value = "10",
        value_parser = whole_number::<usize>, allow_negative_numbers = true)]
    count: usize,
    #[command(flatten)]
    flows: SummaryOptions,
    /// Print all digits of numbers, durations in seconds, and protocols as numbers
    #[arg(short = 'N', long)]
    plain: bool,
    /// How keys are written [default: line]
    #[arg(short, long, value_name = "FORMAT",
        value_parser = one_of::<PairFormat>(PairFormat::ALL.map(PairFormat::name)))]
    output: Option<PairFormat>,
}

impl Args {
    pub(super) fn flags(&self) -> Flags {
        vec![(keys::FORMAT, self.output.map(|format| format.name().into()))]
    }
}

pub(super) fn run(args: &Args, settings: &Settings) -> anyhow::Result<Ending> {
    let options = TopOptions {
        fields: parse_keys(&args.key).map_err(|error| usage(&args.key, &error))?,
        order: args.by,
        count: (args.count > 0).then_some(args.count),
        limits: settings.limits(),
    };
    let style = TopStyle {
        format: settings.pair_format(),
        zone: settings.tz.value.zone().clone(),
        plain: args.plain,
    };
    let asking = args.flows.ask(None, settings)?;
    let lookup = asking.question().plan_unordered(Columns::NONE);
    asking.answer(&[&lookup], style.format.is_json(), || {
        let top = Top::of(asking.snapshot(), lookup.scans(), &options)?;
        output::print(|out| Ok(write_top(&top, &options, &style, out)?))?;
        if style.format != PairFormat::Json {
            say(summary(&top));
        }
        Ok(())
    })
}

/// The error, with a mark under the key that it is about.
fn usage(keys: &str, error: &ParseKeyError) -> Usage {
    let width = |text: Option<&str>| text.map_or(0, |text| text.chars().count());
    let before = width(keys.get(..error.at));
    let marks = width(keys.get(error.at..error.at + error.len)).max(1);
    Usage(format!("{error}\n  {keys}\n  {}{}", " ".repeat(before), "^".repeat(marks)))
}

/// What there is in all.
fn summary(top: &Top) -> String {
    let events = match top.without_traffic {
        0 => String::new(),
        events => format!(" ({} of them without traffic)", grouped(events)),
    };
    format!(
        "{} of {}; in all {}{events}, {} packets, {} octets",
        grouped(top.entries.len() as u64),
        plural(top.keys, "key"),
        plural(u64::try_from(top.totals.flows).unwrap_or(u64::MAX), "flow"),
        grouped(top.totals.packets),
        grouped(top.totals.octets)
    )
}

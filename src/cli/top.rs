//! `top`: what most of the traffic is of.

use super::asking::Explain;
use super::failure::Ending;
use super::format::KeyOutput;
use super::output::{self, say};
use super::outside::{Outside, surroundings};
use super::settings::{Flags, Settings};
use crate::aggregate;
use crate::answer::words::{grouped, plural};
use crate::answer::{PairFormat, TopStyle, write_top};
use crate::request::Top;

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
exporter, nexthop, flags, tos; bin:30s, bin:5m, bin:1h, bin:1d (when flows began, by the clock of
--tz: days of 23 and 25 hours where it changes). Of what only some flows have: vlan, srcvlan, dstvlan;
mac, srcmac, dstmac, insrcmac, indstmac, outsrcmac, outdstmac; mpls1 to mpls10 (labels, the top one
first); vrf, ingressvrf, egressvrf; application; event, xevent, natevent; element:NAME, any element as
filters name it (element:httpRequestHost, element:9/12235; of text the first 63 bytes count). Flows
that lack it are a key, too. Of what addresses mean: country, city, asname, network, role, site, tenant,
also with src or dst before them (--networks, --database). nfdump's names are understood. Of either
end, a flow counts for each of its two.";

/// Print the keys that most octets, packets or flows are of, with shares, times and rates.
///
/// They come by what --by says downwards, equal ones by the key upwards, addresses as numbers: by
/// octets unless it says otherwise, where nfdump's -s orders by flows. What exporters sampled is
/// scaled up by their intervals. Totals go to standard error, and into JSON.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    top: Top,
    #[command(flatten)]
    explain: Explain,
    /// Print all digits of numbers, durations in seconds, and protocols as numbers
    #[arg(short = 'N', long)]
    plain: bool,
    #[command(flatten)]
    output: KeyOutput,
}

impl Args {
    pub(super) fn flags(&self) -> Flags {
        self.output.flags()
    }
}

pub(super) fn run(args: &Args, settings: &Settings) -> anyhow::Result<Ending> {
    let outside = Outside(settings);
    let (around, request) = (surroundings(&outside), &args.top);
    let options = request.options(&around)?;
    let format = settings.pair_format();
    let question = request.question(&around)?;
    let asking = args.explain.ask(question, settings, request.scaled())?;
    let lookup = request.lookup(asking.question());
    asking.answer(&[&lookup], format.is_json(), || {
        let (snapshot, question) = (asking.snapshot(), asking.question());
        let top = request.answer(snapshot, &lookup, &options)?;
        let (zone, plain) = (settings.tz.value.zone().clone(), args.plain);
        let beside = request.beside(snapshot, (question, &lookup), (&top, &options), &around)?;
        let style = TopStyle { format, zone, plain, beside };
        output::print(|out| Ok(write_top(&top, &options, &style, out)?))?;
        if format != PairFormat::Json {
            say(summary(&top));
        }
        Ok(())
    })
}

/// What there is in all.
fn summary(top: &aggregate::Top) -> String {
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

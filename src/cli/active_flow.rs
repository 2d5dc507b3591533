//! `active-flow`: the pairs of addresses that exchanged most.

use std::ffi::OsString;

use super::failure::Ending;
use super::filter::shown;
use super::output;
use super::plot::PlotOption;
use super::question::SummaryOptions;
use super::settings::{Flags, Settings, keys, one_of};
use super::time;
use crate::aggregate::{ActivePairs, Measure, PairOptions};
use crate::answer::{PairFormat, PairsView, plot_pairs, write_pairs};

const EXAMPLES: &str = "\
Examples:
  earlgrey-hbase active-flow -print 10                 the ten pairs with most octets
  earlgrey-hbase active-flow --by flows --since -1d    by number of flows, of the last day
  earlgrey-hbase active-flow --plot pairs.svg          also as a picture
  earlgrey-hbase active-flow --where 'port 443'        of flows that pass a filter
  earlgrey-hbase active-flow --directed -o csv         with A to B and B to A told apart";

/// Print the pairs of addresses with most octets, both directions together.
///
/// One line each, `(ADDR,ADDR,OCTETS)`: the two addresses in the order of their text, sorted by
/// octets downwards. What exporters sampled is scaled up by their intervals.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// How many pairs; `-print N` with one dash is the same [default: 10]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    print: Option<OsString>,
    /// What pairs are weighed by
    #[arg(long, value_name = "MEASURE", default_value_t,
        value_parser = one_of::<Measure>(Measure::ALL.map(Measure::name)))]
    by: Measure,
    /// Keep the two directions of a pair apart
    #[arg(long)]
    directed: bool,
    #[command(flatten)]
    flows: SummaryOptions,
    #[command(flatten)]
    plot: PlotOption,
    /// How pairs are written [default: line]
    #[arg(short, long, value_name = "FORMAT",
        value_parser = one_of::<PairFormat>(PairFormat::ALL.map(PairFormat::name)))]
    output: Option<PairFormat>,
}

impl Args {
    pub(super) fn flags(&self) -> Flags {
        vec![
            (keys::PRINT, self.print.clone()),
            (keys::FORMAT, self.output.map(|format| format.name().into())),
        ]
    }
}

pub(super) fn run(args: &Args, settings: &Settings) -> anyhow::Result<Ending> {
    let format = settings.pair_format();
    let options = PairOptions { by: args.by, directed: args.directed, limits: settings.limits() };
    let asking = args.flows.ask(None, settings)?;
    let question = asking.question();
    let lookup = question.plan_unordered(ActivePairs::columns(&options));
    asking.answer(&[&lookup], format.is_json(), || {
        let (snapshot, most) = (asking.snapshot(), settings.print.value);
        let pairs = ActivePairs::top_of(snapshot, lookup.scans(), &options, most)?;
        let when = time::range_text(question.time, &settings.tz.value);
        let view = PairsView { when: &when, filter: &shown(question.filter.as_ref()) };
        args.plot.write(|| plot_pairs(&pairs, &options, view))?;
        output::print(|out| Ok(write_pairs(&pairs, &options, format, out)?))
    })
}

//! `active-flow`: the pairs of addresses that exchanged most.

use std::ffi::OsString;

use super::asking::Explain;
use super::failure::Ending;
use super::output;
use super::outside::{Outside, surroundings};
use super::plot::PlotOption;
use super::settings::{Flags, Settings, keys};
use crate::answer::{PairFormat, PairsView, plot_pairs, write_pairs};
use crate::request::{ActiveFlow, one_of, range_text, shown};

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
    #[command(flatten)]
    pairs: ActiveFlow,
    #[command(flatten)]
    explain: Explain,
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
    let outside = Outside(settings);
    let around = surroundings(&outside);
    let (request, format) = (&args.pairs, settings.pair_format());
    let asking = args.explain.ask(request.question(&around)?, settings, request.scaled())?;
    let question = asking.question();
    let lookup = request.lookup(question);
    asking.answer(&[&lookup], format.is_json(), || {
        let (snapshot, most) = (asking.snapshot(), settings.print.value);
        let pairs = request.answer(snapshot, &lookup, settings.limits(), most)?;
        let options = request.options(settings.limits());
        let when = range_text(question.time, &settings.tz.value);
        let view = PairsView { when: &when, filter: &shown(question.filter.as_ref()) };
        args.plot.write(|| plot_pairs(&pairs, &options, view))?;
        output::print(|out| Ok(write_pairs(&pairs, &options, format, out)?))
    })
}

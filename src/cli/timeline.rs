//! `timeline`: traffic over time.

use std::io;

use terminal_size::{Width, terminal_size_of};

use super::asking::Explain;
use super::failure::Ending;
use super::output;
use super::outside::{Outside, surroundings};
use super::plot::PlotOption;
use super::settings::{Flags, Settings, keys};
use crate::aggregate::{TopOptions, UsageOptions};
use crate::answer::{
    PairFormat, TimelineFormat, TimelineView, chart_bins, plot_timeline, write_timeline,
    write_usage,
};
use crate::query::{Lookup, Question};
use crate::request::{Refused, Timeline, TimelineAnswer, one_of, shown};

const EXAMPLES: &str = "\
Examples:
  earlgrey-hbase timeline                              all traffic, as a chart in the terminal
  earlgrey-hbase timeline --since -1d --plot day.png   the last day's, also as a picture
  earlgrey-hbase timeline 10.0.0.1                     what a host sent and received
  earlgrey-hbase timeline --where 'port 53'            of flows that pass a filter
  earlgrey-hbase timeline --key dstport -n 5 -o csv    by the five ports of most octets, and the rest
  earlgrey-hbase timeline 10.0.0.0/8 --direction src --by packets --bin 5m -o csv
  earlgrey-hbase timeline --key tenant --percentile 95 --since 2026-10-01 --until 2026-11-01";

/// Print how much traffic there was over time: of everybody, or of an address or a block.
///
/// The octets and packets of a flow are spread evenly over the time that it lasted, so a bin holds
/// what was sent in it, and all bins together what the flows had; flows themselves are counted
/// when they began. A block's own traffic from one of its addresses to another was both sent and
/// received. By keys of either end (ip, port, as, if) a flow counts for each of its two, as in top.
/// --since and --until choose flows by when they began, or, with --alive, by when they
/// were under way; what they sent before or later is shown, too. What exporters sampled is scaled up by their intervals.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    traffic: Timeline,
    #[command(flatten)]
    explain: Explain,
    #[command(flatten)]
    plot: PlotOption,
    /// How bins are written [default: chart]
    #[arg(short, long, value_name = "FORMAT",
        value_parser = one_of::<TimelineFormat>(TimelineFormat::ALL.map(TimelineFormat::name)))]
    output: Option<TimelineFormat>,
}

/// What most terminals have at least.
const USUAL_COLUMNS: usize = 80;

impl Args {
    pub(super) fn flags(&self) -> Flags {
        // A chart is the answer where no format is named at all.
        let named = self.output.filter(|format| *format != TimelineFormat::Chart);
        vec![(keys::FORMAT, named.map(|format| format.name().into()))]
    }

    fn format(&self, settings: &Settings) -> TimelineFormat {
        let set = || settings.pair_format().name().parse().unwrap_or_default();
        self.output.unwrap_or_else(set)
    }
}

pub(super) fn run(args: &Args, settings: &Settings) -> anyhow::Result<Ending> {
    let format = args.format(settings);
    let zone = &settings.tz.value;
    let columns = chart_columns();
    let most = match format {
        TimelineFormat::Chart if !args.plot.is_given() => chart_bins(columns),
        _ => Timeline::USUAL_BINS,
    };
    let outside = Outside(settings);
    let around = surroundings(&outside);
    let request = &args.traffic;
    let options = request.options(most, zone);
    let keys = request.keys(&around)?;
    let question = request.question(&around)?;
    if let Some(usage) = request.usage(&question, &around) {
        return run_usage(args, settings, (question, &usage, keys));
    }
    let asking = args.explain.ask(question, settings, request.scaled())?;
    let lookups = request.lookups(asking.question());
    let all: Vec<&Lookup> = lookups.iter().map(|(_, lookup)| lookup).collect();
    asking.answer(&all, format.is_json(), || {
        let TimelineAnswer { timeline, fields, keys } =
            request.answer(asking.snapshot(), &lookups, (&options, keys), zone)?;
        let beside = request.beside(asking.snapshot(), &lookups, &around)?;
        let view = TimelineView {
            of: &request.of(),
            filter: &shown(asking.question().filter.as_ref()),
            zone: zone.zone().clone(),
            zone_name: zone.name(),
            fields: &fields,
            keys: &keys,
            beside: Some(&beside),
        };
        args.plot.write(|| plot_timeline(&timeline, &view))?;
        output::print(|out| Ok(write_timeline(&timeline, &view, format, columns, out)?))
    })
}

/// Prints what is billed in place of bins.
fn run_usage(
    args: &Args,
    settings: &Settings,
    (question, options, keys): (Question, &UsageOptions, Option<TopOptions>),
) -> anyhow::Result<Ending> {
    if args.plot.is_given() {
        let message = "--plot draws bins: leave --percentile out, or make a page with report";
        return Err(Refused::of("plot", message).into());
    }
    let (request, zone) = (&args.traffic, &settings.tz.value);
    let format = args.format(settings).of_rows().unwrap_or(PairFormat::Line);
    let asking = args.explain.ask(question, settings, request.scaled())?;
    let lookups = request.lookups(asking.question());
    let all: Vec<&Lookup> = lookups.iter().map(|(_, lookup)| lookup).collect();
    asking.answer(&all, format.is_json(), || {
        let answer = request.answer_usage(asking.snapshot(), &lookups, keys, options)?;
        let filter = shown(asking.question().filter.as_ref());
        let (of, names) = (request.of(), asking.names()?);
        let view = answer.view((&of, &filter), zone, &names);
        output::print(|out| Ok(write_usage(&answer.usage, &view, format, out)?))
    })
}

/// As wide as the terminal that standard output goes to.
fn chart_columns() -> usize {
    terminal_size_of(io::stdout()).map_or(USUAL_COLUMNS, |(Width(columns), _)| columns.into())
}

//! `timeline`: traffic over time.

use std::io;
use std::num::NonZeroU64;

use terminal_size::{Width, terminal_size_of};

use super::failure::{Ending, Usage};
use super::filter::shown;
use super::output;
use super::plot::PlotOption;
use super::question::SummaryOptions;
use super::settings::{Flags, Settings, Zone, keys, one_of};
use super::time;
use crate::aggregate::{BinWidth, Measure, Timeline, TimelineError, TimelineOptions, Whose};
use crate::answer::{
    TimelineFormat, TimelineView, chart_bins, plot_timeline, width, write_timeline,
};
use crate::query::{Direction, Lookup, Question, parse_addresses};
use crate::row::AddressRange;

const EXAMPLES: &str = "\
Examples:
  earlgrey-hbase timeline                              all traffic, as a chart in the terminal
  earlgrey-hbase timeline --since -1d --plot day.png   the last day's, also as a picture
  earlgrey-hbase timeline 10.0.0.1                     what a host sent and received
  earlgrey-hbase timeline --where 'port 53'            of flows that pass a filter
  earlgrey-hbase timeline 10.0.0.0/8 --direction src --by packets --bin 5m -o csv";

/// Print how much traffic there was over time: of everybody, or of an address or a block.
///
/// The octets and packets of a flow are spread evenly over the time that it lasted, so a bin holds
/// what was sent in it, and all bins together what the flows had; flows themselves are counted
/// when they began. A block's own traffic from one of its addresses to another was both sent and
/// received. --since and --until choose flows by when they began, or, with --alive, by when they
/// were under way; what they sent before or later is shown, too. What exporters sampled is scaled up by their intervals.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Whose traffic: an address, or a block in CIDR notation [default: everybody's]
    #[arg(value_name = "ADDR|CIDR", value_parser = parse_addresses)]
    addresses: Option<AddressRange>,
    /// Only what the addresses sent (src), or received (dst)
    #[arg(long, value_name = "END", default_value_t = Direction::Any,
        value_parser = one_of::<Direction>(Direction::ALL.map(Direction::name)),
        requires = "addresses")]
    direction: Direction,
    #[command(flatten)]
    flows: SummaryOptions,
    /// What is counted
    #[arg(long, value_name = "MEASURE", default_value_t,
        value_parser = one_of::<Measure>(Measure::ALL.map(Measure::name)))]
    by: Measure,
    /// How long a bin is: 500ms, 30s, 5m, 1h, 1d [default: as short as the chart has room for]
    #[arg(long, value_name = "SPAN", value_parser = span, allow_hyphen_values = true)]
    bin: Option<NonZeroU64>,
    #[command(flatten)]
    plot: PlotOption,
    /// How bins are written [default: chart]
    #[arg(short, long, value_name = "FORMAT",
        value_parser = one_of::<TimelineFormat>(TimelineFormat::ALL.map(TimelineFormat::name)))]
    output: Option<TimelineFormat>,
}

/// So many bins there are at most where no width is given and no terminal sets their number: those
/// of five minutes in a day, and a few more.
const USUAL_BINS: usize = 300;
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

    /// A lookup for each series.
    fn lookups(&self, question: &Question) -> Vec<(Whose, Lookup)> {
        let columns = Timeline::columns(self.by);
        let lookup = |whose: Whose, direction| {
            (whose, Question { direction, ..question.clone() }.plan_unordered(columns))
        };
        let sent = || lookup(Whose::Sent, Direction::Src);
        let received = || lookup(Whose::Received, Direction::Dst);
        match self.direction {
            _ if self.addresses.is_none() => vec![lookup(Whose::All, Direction::Any)],
            Direction::Src => vec![sent()],
            Direction::Dst => vec![received()],
            Direction::Any => vec![sent(), received()],
        }
    }
}

pub(super) fn run(args: &Args, settings: &Settings) -> anyhow::Result<Ending> {
    let format = args.format(settings);
    let zone = &settings.tz.value;
    let columns = chart_columns();
    let most = match format {
        TimelineFormat::Chart if !args.plot.is_given() => chart_bins(columns),
        _ => USUAL_BINS,
    };
    let options = TimelineOptions {
        by: args.by,
        width: args.bin.map_or(BinWidth::AtMost(most), BinWidth::Millis),
        zone: zone.zone().clone(),
    };
    let asking = args.flows.ask(args.addresses, settings)?;
    let lookups = args.lookups(asking.question());
    let all: Vec<&Lookup> = lookups.iter().map(|(_, lookup)| lookup).collect();
    asking.answer(&all, format.is_json(), || {
        let timeline = Timeline::of(asking.snapshot(), &lookups, &options)
            .map_err(|error| told(error, zone, options.width))?;
        let view = TimelineView {
            of: &args.addresses.map(|addresses| addresses.to_string()).unwrap_or_default(),
            filter: &shown(asking.question().filter.as_ref()),
            zone: zone.zone().clone(),
            zone_name: zone.name(),
        };
        args.plot.write(|| plot_timeline(&timeline, &view))?;
        output::print(|out| Ok(write_timeline(&timeline, &view, format, columns, out)?))
    })
}

/// As wide as the terminal that standard output goes to.
fn chart_columns() -> usize {
    terminal_size_of(io::stdout()).map_or(USUAL_COLUMNS, |(Width(columns), _)| columns.into())
}

/// Bins that are too short are wrong usage, and the message says which ones are not.
fn told(error: TimelineError, zone: &Zone, given: BinWidth) -> anyhow::Error {
    match (error, given) {
        (TimelineError::Store(error), _) => error.into(),
        (TimelineError::TooManyBins { needed, first, last }, BinWidth::Millis(bin)) => {
            Usage(format!(
                "--bin {}: {} bins from {} to {} are more than {}; choose longer ones, or a part of \
                 that time with --since and --until",
                width(bin.get()),
                super::text::grouped(needed),
                time::show(first, zone),
                time::show(last, zone),
                super::text::grouped(crate::aggregate::MAX_BINS as u64),
            ))
            .into()
        }
        (error, _) => error.into(),
    }
}

/// Reads a span of time as milliseconds: `500ms`, `30s`, `5m`, `1h30m`, `1d`.
fn span(text: &str) -> Result<NonZeroU64, String> {
    let wrong = || format!("{text:?} is no span of time; write 30s, 5m, 1h or 1d");
    let span: jiff::Span = text.parse().map_err(|_| wrong())?;
    let days_are_24_hours = jiff::SpanRelativeTo::days_are_24_hours();
    let millis = span.total((jiff::Unit::Millisecond, days_are_24_hours)).map_err(|_| wrong())?;
    let whole = millis.fract() == 0.0 && millis >= 1.0;
    whole.then(|| NonZeroU64::new(millis as u64)).flatten().ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_read_as_people_write_it() {
        for (text, millis) in [
            ("500ms", Some(500)),
            ("30s", Some(30_000)),
            ("5m", Some(300_000)),
            ("5 min", Some(300_000)),
            ("1h30m", Some(5_400_000)),
            ("1d", Some(86_400_000)),
            ("1w", Some(604_800_000)),
            ("PT5M", Some(300_000)),
            ("0s", None),
            ("-5m", None),
            ("1us", None),
            ("5", None),
            ("", None),
            ("1y", None),
        ] {
            assert_eq!(span(text).ok().map(NonZeroU64::get), millis, "{text}");
        }
    }
}

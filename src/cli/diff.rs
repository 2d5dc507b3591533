//! `diff`: what changed from one stretch of time to another.

use super::asking::Explain;
use super::failure::Ending;
use super::format::KeyOutput;
use super::output::{self, say};
use super::outside::{Outside, surroundings};
use super::settings::{Flags, Settings};
use crate::aggregate::{self, Change};
use crate::answer::words::{grouped, plural};
use crate::answer::{PairFormat, TopStyle, write_diff};
use crate::query::Lookup;
use crate::request::Diff;

const EXAMPLES: &str = "\
Examples:
  earlgrey-hbase diff src --window yesterday --against day       yesterday beside the day before
  earlgrey-hbase diff dstport:p --window today..now --against week  up to now, as a week ago up to then
  earlgrey-hbase diff srcas --window 2026-10 --against month --by packets
  earlgrey-hbase diff ip --window -1h --against -25h..-1h --by bps  rates, as windows differ in length
  earlgrey-hbase diff dst --window 2026-11-23T08:00..2026-11-23T09:30 --against 2026-11-16T08:00..2026-11-16T09:30
  earlgrey-hbase diff src --window yesterday --against day -n 0 -o csv

Keys are those of top.";

/// Print which keys changed most from one stretch of time to another: what grew, shrank, came and went.
///
/// Both are counted in one look at the flows, exactly, whatever number of keys there is, and a flow
/// counts where it began. Keys come by how much what --by says differs, equal ones by the key upwards. How
/// many keys came, grew, shrank and went, of all there are, goes to standard error, and into JSON. The
/// same time a day, week, month or year before is by the clock of --tz.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    diff: Diff,
    #[command(flatten)]
    explain: Explain,
    /// Print all digits of numbers
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
    let (around, request) = (surroundings(&outside), &args.diff);
    let options = request.options(&around)?;
    let format = settings.pair_format();
    let question = request.question(&options, &around)?;
    let asking = args.explain.ask(question, settings, request.scaled())?;
    let lookups = request.lookups(asking.question(), &options);
    let all: Vec<&Lookup> = lookups.iter().collect();
    asking.answer(&all, format.is_json(), || {
        let diff = request.answer(asking.snapshot(), &lookups, &options)?;
        let (zone, plain) = (settings.tz.value.zone().clone(), args.plain);
        let beside = request.beside(asking.snapshot(), &lookups, &options, &around)?;
        let style = TopStyle { format, zone, plain, beside };
        output::print(|out| Ok(write_diff(&diff, &options, &style, out)?))?;
        if format != PairFormat::Json {
            say(summary(&diff));
        }
        Ok(())
    })
}

/// What became of all keys, and what there is in all.
fn summary(diff: &aggregate::Diff) -> String {
    let changes = Change::ALL.iter().zip(diff.keys);
    let changes: Vec<String> =
        changes.map(|(change, keys)| format!("{} {}", grouped(keys), change.name())).collect();
    let [now, before] = diff.totals.map(|totals| {
        format!(
            "{} flows, {} packets, {} octets",
            grouped(totals.flows),
            grouped(totals.packets),
            grouped(totals.octets)
        )
    });
    format!(
        "{} of {}: {}; in all {now}, before {before}",
        grouped(diff.entries.len() as u64),
        plural(diff.keys.iter().sum(), "key"),
        changes.join(", "),
    )
}

//! `detect`: what stands out.

use super::asking::Explain;
use super::failure::Ending;
use super::output::{self, say};
use super::outside::{Outside, surroundings};
use super::settings::{Flags, Settings, keys};
use super::suppress;
use crate::alert::suppressed;
use crate::answer::{Called, FoundFormat, found_summary, write_found};
use crate::detect::Severity;
use crate::request::{Detect, Suppressions, Surroundings, one_of};

const EXAMPLES: &str = "\
Examples:
  earlgrey-hbase detect all --since -24h                    what stood out since yesterday
  earlgrey-hbase detect scan spread --inside 10.0.0.0/8     of these networks as one's own
  earlgrey-hbase detect beacon --where 'not net 198.51.100.0/24' -o ndjson
  earlgrey-hbase detect new --since -30d --new-since -1d    what hosts never used before yesterday
  earlgrey-hbase detect suppress add --kind beacon --where 'dst net 198.51.100.0/24' --reason updates
  earlgrey-hbase detect all --since -1h --fail-on high      for cron: it ends with 6 if there is any

Where the numbers come from is in docs/detect.md.";

/// Print what stands out: scans, beacons, long connections, spreading, floods, dealings with what is on
/// watch lists, unusual uploads, who stopped and what hosts never used before, the gravest first, each
/// with the numbers that decided and the query that shows its flows.
///
/// Records are joined to connections first, as query --connections has them.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    detect: Detect,
    #[command(flatten)]
    explain: Explain,
    /// End with status 6 if anything of this severity or above was found: low, medium or high
    #[arg(long, value_name = "SEVERITY",
        value_parser = one_of::<Severity>(Severity::ALL.map(Severity::name)))]
    fail_on: Option<Severity>,
    /// How it is written: line, json, ndjson, or ocsf, a Detection Finding a line [default: line]
    #[arg(short, long, value_name = "FORMAT",
        value_parser = one_of::<FoundFormat>(FoundFormat::ALL.map(FoundFormat::name)))]
    output: Option<FoundFormat>,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Suppress(suppress::Args),
}

impl Args {
    pub(super) fn flags(&self) -> Flags {
        if let Some(Action::Suppress(args)) = &self.action {
            return args.flags();
        }
        let format = self.output.and_then(FoundFormat::of_rows);
        vec![(keys::FORMAT, format.map(|format| format.name().into()))]
    }
}

pub(super) fn run(args: &Args, settings: &Settings) -> anyhow::Result<Ending> {
    if let Some(Action::Suppress(args)) = &args.action {
        return suppress::run(args, settings);
    }
    let outside = Outside(settings);
    let (around, request) = (surroundings(&outside), &args.detect);
    let parameters = request.parameters(&settings.detect.deciding(), &around)?;
    let asking = args.explain.ask(request.question(&around)?, settings, true)?;
    let lookup = request.lookup(asking.question());
    let format = args.output.unwrap_or_else(|| settings.pair_format().into());
    let meaning = around.meaning()?;
    let called = Called::by(&meaning)?;
    let mut gravest = None;
    let ending = asking.answer(&[&lookup], format.is_json(), || {
        let asked = (asking.question(), &lookup);
        let lists = request.watch_lists(&*asking.store)?;
        let decide = (&parameters, lists.as_deref());
        let mut found = request.answer(asking.snapshot(), asked, decide, &around)?;
        found.suppressed = what_is_suppressed(settings, &around).apply(&mut found.detections);
        gravest = found.detections.iter().map(|detection| detection.severity).max();
        let how = (format, settings.tz.value.zone().clone());
        output::print(|out| Ok(write_found(&found, &called, how, out)?))?;
        say(found_summary(&found));
        Ok(())
    })?;
    let fails = args.fail_on.is_some_and(|least| gravest.is_some_and(|found| found >= least));
    Ok(if fails { Ending::Found } else { ending })
}

/// What need not be told, as the folder of the server has it; what cannot be read of it is said, and
/// holds of nothing.
fn what_is_suppressed(settings: &Settings, around: &Surroundings<'_>) -> Suppressions {
    let Ok(folder) = settings.service_folder() else { return Suppressions::default() };
    let (all, wrong) = suppressed(folder, around);
    for problem in wrong {
        say(problem);
    }
    all
}

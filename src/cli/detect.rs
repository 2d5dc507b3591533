//! `detect`: what stands out.

use std::io::Write;

use super::asking::Explain;
use super::failure::Ending;
use super::output::{self, say};
use super::outside::{Outside, surroundings};
use super::settings::{Flags, Settings, keys};
use super::suppress;
use crate::alert::suppressions;
use crate::answer::words::{grouped, plural};
use crate::answer::{
    Called, PairFormat, detection_json, left_out_json, ocsf_finding, write_detections,
};
use crate::detect::{Found, Severity};
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
    #[arg(short, long, value_name = "FORMAT", value_enum)]
    output: Option<Written>,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Suppress(suppress::Args),
}

/// How detections are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Written {
    Line,
    Json,
    Ndjson,
    Ocsf,
}

impl Written {
    /// The format of the settings that it is, if it is one.
    const fn format(self) -> Option<PairFormat> {
        match self {
            Self::Line => Some(PairFormat::Line),
            Self::Json => Some(PairFormat::Json),
            Self::Ndjson => Some(PairFormat::Ndjson),
            Self::Ocsf => None,
        }
    }
}

impl Args {
    pub(super) fn flags(&self) -> Flags {
        if let Some(Action::Suppress(args)) = &self.action {
            return args.flags();
        }
        let format = self.output.and_then(Written::format);
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
    let is_ocsf = args.output == Some(Written::Ocsf);
    let format = if is_ocsf { PairFormat::Ndjson } else { settings.pair_format() };
    let meaning = around.meaning()?;
    let called = Called::by(&meaning)?;
    let mut gravest = None;
    let ending = asking.answer(&[&lookup], format.is_json(), || {
        let asked = (asking.question(), &lookup);
        let lists = request.watch_lists(&*asking.store)?;
        let decide = (&parameters, lists.as_deref());
        let mut found = request.answer(asking.snapshot(), asked, decide, &around)?;
        found.suppressed = suppressed(settings, &around).apply(&mut found.detections);
        gravest = found.detections.iter().map(|detection| detection.severity).max();
        output::print(|out| {
            if !is_ocsf {
                return write(&found, format, (settings, &called), out);
            }
            for detection in &found.detections {
                writeln!(out, "{}", ocsf_finding(detection, &called))?;
            }
            Ok(())
        })?;
        say(summary(&found));
        Ok(())
    })?;
    let fails = args.fail_on.is_some_and(|least| gravest.is_some_and(|found| found >= least));
    Ok(if fails { Ending::Found } else { ending })
}

/// What need not be told, as the folder of the server has it; what cannot be read of it is said, and
/// holds of nothing.
fn suppressed(settings: &Settings, around: &Surroundings<'_>) -> Suppressions {
    let Ok(folder) = settings.service_folder() else { return Suppressions::default() };
    let all = suppressions(folder).unwrap_or_else(|error| {
        say(format_args!("nothing is suppressed: {:#}", anyhow::Error::new(error)));
        Vec::new()
    });
    let (all, wrong) = Suppressions::new(all, around);
    for (number, why) in wrong {
        say(format_args!("suppression {number} does not hold: {why}"));
    }
    all
}

fn write(
    found: &Found,
    format: PairFormat,
    (settings, called): (&Settings, &Called),
    mut out: impl Write,
) -> anyhow::Result<()> {
    // What is not told stands behind the rest, in an object of its own.
    let rows = found
        .detections
        .iter()
        .map(|found| detection_json(found, called))
        .chain(left_out_json(found));
    match format {
        PairFormat::Json => writeln!(out, "{}", serde_json::Value::Array(rows.collect()))?,
        PairFormat::Ndjson => {
            for row in rows {
                writeln!(out, "{row}")?;
            }
        }
        _ => {
            let zone = settings.tz.value.zone().clone();
            write_detections(&found.detections, called, zone, &mut out)?;
        }
    }
    Ok(())
}

/// What was looked at, and what it could not tell.
fn summary(found: &Found) -> String {
    let by = |severity| {
        let of = found.detections.iter().filter(|detection| detection.severity == severity);
        of.count()
    };
    let mut said = vec![format!(
        "{} in {} of {}: {} high, {} medium, {} low",
        plural(found.detections.len() as u64, "detection"),
        plural(found.connections, "connection"),
        plural(found.hosts, "host"),
        by(Severity::High),
        by(Severity::Medium),
        by(Severity::Low),
    )];
    if found.suppressed > 0 {
        said.push(format!("{} suppressed", grouped(found.suppressed)));
    }
    if found.shared > 0 {
        let beacons = plural(found.shared, "beacon");
        said.push(format!("{beacons} to what many hosts inside call not told"));
    }
    let share = |of: u64| of as f64 / found.connections.max(1) as f64;
    if share(found.sampled) > 0.01 {
        said.push(format!(
            "{} were sampled: answers and contacts are missing there, and scans of which half are such are counted only",
            grouped(found.sampled)
        ));
    }
    if share(found.one_way) > 0.2 {
        said.push(format!(
            "of {} only one direction was exported: who answered is told by TCP's flags alone",
            grouped(found.one_way)
        ));
    }
    for (kind, count) in &found.left_out {
        said.push(format!("{} more of kind {kind}, less grave, not told", grouped(*count)));
    }
    if found.more_listed > 0 {
        let flows = plural(found.more_listed, "flow");
        said.push(format!("{flows} with addresses of watch lists are of more hosts, not told"));
    }
    if found.unspread > 0 {
        said.push(format!(
            "{} missing in what is counted by time, as their hosts go on for too long",
            plural(found.unspread, "connection")
        ));
    }
    if found.in_parts > 0 {
        said.push(format!("{} judged in parts", plural(found.in_parts, "very busy host")));
    }
    said.join("; ")
}

//! `compact`: few runs in place of many.

use super::failure::Ending;
use super::output::Output;
use super::settings::Settings;
use super::{interrupt, store};
use crate::answer::words::{bytes, grouped, plural};
use crate::store::embedded::{Compacted, Effort};

const EXAMPLES: &str = "\
Examples:
  earlgrey-hbase compact             every day's flows in one run, with their sums
  earlgrey-hbase compact --tidy      only days that have gathered many runs

It may be interrupted at any time, and goes on from there when it is called again.";

/// Merge the runs of each day, so that a question opens few of them, and sum them up, so that `stats`,
/// `top` and `timeline` of whole days need not read them. Readers do not notice.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Only where it pays, as after a load
    #[arg(long)]
    tidy: bool,
    /// How the outcome is written
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: Output,
}

pub(super) fn run(args: &Args, settings: &Settings) -> anyhow::Result<Ending> {
    let stop = interrupt::stop_flag()?;
    let effort = if args.tidy { Effort::Tidy } else { Effort::Full };
    let done = store::embedded(settings)?.compact(effort, &stop)?;
    args.output.print(&done, text)?;
    Ok(if done.stopped { Ending::Interrupted } else { Ending::Done })
}

fn text(done: &Compacted) -> String {
    format!(
        "{} ({}) to {} ({}), {} written anew{}\n",
        plural(done.runs_before, "run"),
        bytes(done.bytes_before),
        grouped(done.runs_after),
        bytes(done.bytes_after),
        plural(done.flows, "flow"),
        if done.stopped { "; interrupted" } else { "" }
    )
}

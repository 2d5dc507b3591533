//! `verify`: whether everything in the store is as it was written.

use std::fmt::Write as _;

use super::failure::Ending;
use super::output;
use super::settings::Settings;
use super::text::{bytes, grouped, plural};
use super::{interrupt, store};
use crate::store::embedded::Verified;

const EXAMPLES: &str = "\
Examples:
  earlgrey-hbase verify
  earlgrey-hbase verify -o json --store /var/lib/earlgrey-hbase

Exit status 1 says that something is damaged, or may not be read; the answer says what, and in
which file.";

/// Read the whole store, and check every checksum, order and count in it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// How the findings are written
    #[arg(short, long, value_name = "FORMAT", value_parser = ["text", "json"], default_value = "text")]
    output: String,
}

pub(super) fn run(args: &Args, settings: &Settings) -> anyhow::Result<Ending> {
    interrupt::end_at_once()?;
    let store = store::embedded(settings)?;
    let found = store.verify()?;
    if args.output == "json" {
        output::print_json(&found)?;
    } else {
        output::print_all(&text(&found))?;
    }
    match (found.faults.len(), found.unread.len()) {
        (0, 0) => Ok(Ending::Done),
        (0, unread) => anyhow::bail!(
            "{store}: {} may not be read by this user; what could be read is sound",
            plural(unread as u64, "file")
        ),
        (1, _) => anyhow::bail!("{store}: one place is damaged"),
        (places, _) => anyhow::bail!("{store}: {places} places are damaged"),
    }
}

fn text(found: &Verified) -> String {
    let mut text = format!(
        "flows      {}\nruns       {}\ndatagrams  {}\nloads      {}\nsize       {}\ndigest     {}{}\n",
        grouped(found.flows),
        grouped(found.runs),
        grouped(found.datagrams),
        grouped(found.loads),
        bytes(found.bytes),
        found.digest,
        if found.partial { " (partial: of what could be read)" } else { "" }
    );
    for (name, lines) in
        [("damaged", &found.faults), ("unread", &found.unread), ("note", &found.notes)]
    {
        for line in lines {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name:<10} {line}");
        }
    }
    text
}

//! `verify`: whether everything in the store is as it was written.

use std::fmt::Write as _;

use super::failure::{Ending, Unread};
use super::output::Output;
use super::settings::Settings;
use super::store;
use crate::answer::words::{bytes, grouped, plural};
use crate::store::StoreError;
use crate::store::embedded::Verified;

const EXAMPLES: &str = "\
Examples:
  earlgrey-hbase verify
  earlgrey-hbase verify -o json --store /var/lib/earlgrey-hbase

Exit status 1 says that something is damaged, 5 that nothing is as far as it could be read, but not
all of it could; the answer says what, and in which file.";

/// Read the whole store, and check every checksum, order and count in it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// How the findings are written
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: Output,
}

pub(super) fn run(args: &Args, settings: &Settings) -> anyhow::Result<Ending> {
    let store = store::embedded(settings)?;
    let found = store.verify().map_err(unread)?;
    args.output.print(&found, text)?;
    let places = |list: &[String]| plural(list.len() as u64, "place");
    match (found.faults.as_slice(), found.unread.as_slice()) {
        ([], []) => Ok(Ending::Done),
        ([], unread) => {
            let sound = "could not be read; what could be read is sound";
            Err(Unread(format!("{store}: {} {sound}", places(unread))).into())
        }
        ([_], []) => anyhow::bail!("{store}: one place is damaged"),
        (damaged, []) => anyhow::bail!("{store}: {} are damaged", places(damaged)),
        (damaged, unread) => anyhow::bail!(
            "{store}: {} damaged, and {} could not be read",
            places(damaged),
            places(unread)
        ),
    }
}

/// A store of which not even the manifest can be read may be as sound as any.
fn unread(error: StoreError) -> anyhow::Error {
    match error {
        StoreError::Io { .. } => {
            anyhow::Error::new(error).context(Unread("the store could not be read".to_owned()))
        }
        _ => error.into(),
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

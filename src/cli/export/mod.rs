//! `export`: the flows that a question finds, for other programs: as one file, as a folder of files,
//! to a server.

pub(super) mod elastic;
mod file;
pub(super) mod kafka;
mod parquet;
mod poured;
mod terms;

use std::sync::Arc;

use super::anonymise::AnonymiseOptions;
use super::asking::{Asking, Explain};
use super::failure::{Ending, Usage};
use super::outside::{Outside, surroundings};
use super::settings::{Flags, Settings};
use crate::meaning::{Attribute, Ends, Meaning};
use crate::request::Selection;

const EXAMPLES: &str = "\
Examples:
  earlgrey-hbase export --to all.parquet                     every flow
  earlgrey-hbase export 10.1.0.0/16 --direction any --to site.parquet --since -1d
  earlgrey-hbase export --where 'tcp and port 443' --to https.csv
  earlgrey-hbase export 2001:db8::/32 --to site6.ndjson --force    in place of the one before
  earlgrey-hbase export parquet /data/flows                  a folder for each day
  earlgrey-hbase export elastic elastic://127.0.0.1          documents of Elasticsearch
  earlgrey-hbase export kafka kafka://127.0.0.1/flows        messages in a topic of Kafka
  duckdb -c \"SELECT src, sum(octets) FROM 'all.parquet' GROUP BY src ORDER BY 2 DESC LIMIT 10\"";

/// Write flows to a file that DuckDB, Spark, Polars and pandas read, or to another place.
///
/// They are in the order of the row key: by address, then by time; in one file, IPv4 before IPv6. The
/// file is there when it is whole. Without address and filter, it holds every flow.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true, subcommand_precedence_over_arg = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    place: Option<Place>,
    #[command(flatten)]
    file: file::ToFile,
}

/// Where flows go that are not written to one file.
#[derive(Debug, clap::Subcommand)]
enum Place {
    Elastic(Box<elastic::ToElastic>),
    Kafka(Box<kafka::ToKafka>),
    Parquet(Box<parquet::Args>),
}

impl Args {
    pub(super) fn flags(&self) -> Flags {
        match &self.place {
            None | Some(Place::Elastic(_) | Place::Kafka(_)) => Flags::default(),
            Some(Place::Parquet(args)) => args.flags(),
        }
    }
}

pub(super) fn run(args: &Args, settings: &Settings) -> anyhow::Result<Ending> {
    match &args.place {
        None => file::run(&args.file, settings),
        Some(Place::Elastic(args)) => elastic::run(args, settings),
        Some(Place::Kafka(args)) => kafka::run(args, settings),
        Some(Place::Parquet(args)) => parquet::run(args, settings),
    }
}

/// The option.
#[derive(Debug, Clone, Copy, clap::Args)]
struct MeaningOption {
    /// Write also what the addresses of both ends mean, by the tables and databases that are
    /// configured, as they are now: countries, networks, names of hosts and so on
    #[arg(long, conflicts_with = "anonymise")]
    meaning: bool,
}

impl MeaningOption {
    /// What says it; nothing where it is not asked for.
    fn of(self, settings: &Settings) -> anyhow::Result<Option<Arc<Meaning>>> {
        let meaning = || settings.meaning.sources.now().map_err(|error| Usage(error.to_string()));
        Ok(self.meaning.then(meaning).transpose()?)
    }

    /// What it says of single flows in one of `attributes`.
    fn ends(self, attributes: &[Attribute], settings: &Settings) -> anyhow::Result<Ends> {
        let Some(meaning) = self.of(settings)? else { return Ok(Ends::default()) };
        Ok(meaning.ends(attributes, false).map_err(|error| Usage(error.to_string()))?)
    }
}

/// Puts to the store of the settings which flows go, and by whose addresses.
///
/// # Errors
///
/// [`Usage`](super::failure::Usage) for what cannot be asked, and as [`Explain::ask_as`].
fn ask(
    flows: &Selection,
    anonymise: &AnonymiseOptions,
    explain: &Explain,
    settings: &Settings,
) -> anyhow::Result<Asking> {
    let outside = Outside(settings);
    let question = flows.question(&surroundings(&outside))?;
    explain.ask_as(question, settings, flows.scaled(), anonymise.anonymiser()?)
}

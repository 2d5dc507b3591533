//! `export parquet`: a folder of Parquet files for each day.

use std::path::PathBuf;

use crate::cli::failure::{Ending, Usage};
use crate::cli::settings::{Flags, Settings};
use crate::request::Selection;

const EXAMPLES: &str = "\
Examples:
  earlgrey-hbase export parquet /data/flows                  every flow";

/// Write flows to a folder of Parquet files for each day, as Spark, Trino and DuckDB read them.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The folder
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    #[command(flatten)]
    flows: Selection,
}

impl Args {
    pub(super) fn flags(&self) -> Flags {
        Flags::default()
    }
}

pub(super) fn run(args: &Args, _settings: &Settings) -> anyhow::Result<Ending> {
    let problem = format!("{}: folders are not written yet", args.dir.display());
    Err(Usage(problem).into())
}

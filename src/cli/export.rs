//! `export`: the flows that a question finds, as a file for other programs.

use std::path::Path;
use std::time::Instant;

use serde::Serialize;

use super::asking::Explain;
use super::failure::{Ending, Usage};
use super::output::{self, Output, say};
use super::outside::{Outside, surroundings};
use super::settings::Settings;
use super::whole_file::WholeFile;
use crate::answer::AnswerError;
use crate::answer::words::{bytes, plural, seconds};
use crate::request::Export;
use crate::store::{FlowStream, Store};

const EXAMPLES: &str = "\
Examples:
  earlgrey-hbase export --to all.parquet                     every flow
  earlgrey-hbase export 10.1.0.0/16 --direction any --to site.parquet --since -1d
  earlgrey-hbase export --where 'tcp and port 443' --to https.csv
  earlgrey-hbase export 2001:db8::/32 --to site6.ndjson --force    in place of the one before
  duckdb -c \"SELECT src, sum(octets) FROM 'all.parquet' GROUP BY src ORDER BY 2 DESC LIMIT 10\"";

/// Write flows to a file that DuckDB, Spark, Polars and pandas read.
///
/// They are in the order of the row key: by address, then by time; in one file, IPv4 before IPv6. The
/// file is there when it is whole. Without address and filter, it holds every flow.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    export: Export,
    #[command(flatten)]
    explain: Explain,
    /// How the outcome is told: as text on standard error, or as JSON on standard output
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: Output,
}

/// What was written, as JSON.
#[derive(Serialize)]
struct Exported<'a> {
    file: &'a Path,
    format: &'a str,
    flows: u64,
    bytes: u64,
    seconds: f64,
}

pub(super) fn run(args: &Args, settings: &Settings) -> anyhow::Result<Ending> {
    let began = Instant::now();
    let request = &args.export;
    let (path, format) = (&request.to.path, request.to.format());
    if !request.force && path.symlink_metadata().is_ok() {
        let path = path.display();
        let problem = format!("{path} is there already; say --force to replace it");
        return Err(Usage(problem).into());
    }
    let outside = Outside(settings);
    let question = request.question(&surroundings(&outside))?;
    let asking = args.explain.ask(question, settings, request.scaled())?;
    let lookup = request.lookup(asking.question());
    let json = args.output == Output::Json;
    asking.answer(&[&lookup], json, || {
        let flows = lookup.run(asking.snapshot())?;
        let (flows, size) = write(flows, request, &*asking.store, settings)?;
        let took = began.elapsed().as_secs_f64();
        if json {
            let (file, bytes) = (path, size);
            return output::print_json(&Exported { file, format, flows, bytes, seconds: took });
        }
        let (flows, size) = (plural(flows, "flow"), bytes(size));
        say(format_args!("wrote {flows} to {} ({size}) in {}", path.display(), seconds(took)));
        Ok(())
    })
}

/// Writes `flows` to the file that is to be; says how many there are, and how many bytes they take.
fn write(
    flows: FlowStream,
    request: &Export,
    store: &dyn Store,
    settings: &Settings,
) -> anyhow::Result<(u64, u64)> {
    let mut file = WholeFile::create(&request.to.path, request.force)?;
    let zone = settings.tz.value.zone().clone();
    match request.write(flows, &mut file, zone, || store.names()) {
        Ok(flows) => Ok((flows, file.finish()?)),
        Err(AnswerError::Output(error)) => Err(file.failed()(error).into()),
        Err(error) => Err(error.into()),
    }
}

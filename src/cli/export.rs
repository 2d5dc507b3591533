//! `export`: the flows that a question finds, as a file for other programs.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;

use super::asking::Explain;
use super::failure::{Ending, Usage};
use super::output::{self, Output, say};
use super::outside::{Outside, surroundings};
use super::settings::Settings;
use super::whole_file::WholeFile;
use crate::answer::words::{bytes, plural, seconds};
use crate::answer::{AnswerError, FlowWriter, Format, write_parquet};
use crate::flow::Columns;
use crate::query::Direction;
use crate::request::{QuestionOptions, Scaling};
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
    question: QuestionOptions,
    /// The file to be; its name ends in .parquet, .csv, .ndjson or .json, and says what is written
    #[arg(long, value_name = "FILE", value_parser = parse)]
    to: Target,
    /// Replace the file, if there is one
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    scaling: Scaling,
    #[command(flatten)]
    explain: Explain,
    /// How the outcome is told: as text on standard error, or as JSON on standard output
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: Output,
}

/// A file to be, and its format.
#[derive(Debug, Clone)]
struct Target {
    path: PathBuf,
    format: FileFormat,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum FileFormat {
    Parquet,
    Text(Format),
}

fn parse(text: &str) -> Result<Target, String> {
    let path = PathBuf::from(text);
    let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
    let format = match extension.to_str() {
        Some("parquet") => FileFormat::Parquet,
        Some("csv") => FileFormat::Text(Format::Csv),
        Some("ndjson") => FileFormat::Text(Format::Ndjson),
        Some("json") => FileFormat::Text(Format::Json),
        _ => {
            return Err(
                "the format is told by the name; name a file that ends in .parquet, .csv, \
                        .ndjson or .json"
                    .to_owned(),
            );
        }
    };
    Ok(Target { path, format })
}

impl FileFormat {
    fn name(&self) -> &str {
        match self {
            Self::Parquet => "parquet",
            Self::Text(format) => format.name(),
        }
    }

    fn columns(&self) -> Columns {
        match self {
            Self::Parquet => Columns::ALL,
            Self::Text(format) => format.columns(),
        }
    }
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
    let Target { path, format } = &args.to;
    if !args.force && path.symlink_metadata().is_ok() {
        let path = path.display();
        let problem = format!("{path} is there already; say --force to replace it");
        return Err(Usage(problem).into());
    }
    let outside = Outside(settings);
    let question = args.question.question(&surroundings(&outside), Direction::Src)?;
    let asking = args.explain.ask(question, settings, args.scaling.scaled(false))?;
    let lookup = asking.question().plan(format.columns());
    let json = args.output == Output::Json;
    asking.answer(&[&lookup], json, || {
        let flows = lookup.run(asking.snapshot())?;
        let (flows, size) = write(flows, args, &*asking.store, settings)?;
        let took = began.elapsed().as_secs_f64();
        if json {
            let (format, bytes) = (format.name(), size);
            return output::print_json(&Exported {
                file: path,
                format,
                flows,
                bytes,
                seconds: took,
            });
        }
        let (flows, size) = (plural(flows, "flow"), bytes(size));
        say(format_args!("wrote {flows} to {} ({size}) in {}", path.display(), seconds(took)));
        Ok(())
    })
}

/// Writes `flows` to the file that is to be; says how many there are, and how many bytes they take.
fn write(
    flows: FlowStream,
    args: &Args,
    store: &dyn Store,
    settings: &Settings,
) -> anyhow::Result<(u64, u64)> {
    let mut file = WholeFile::create(&args.to.path, args.force)?;
    let written = match &args.to.format {
        FileFormat::Parquet => write_parquet(flows, &mut file),
        FileFormat::Text(format) => {
            let zone = settings.tz.value.zone().clone();
            let writer = FlowWriter::new(&mut file, format, zone);
            let writer = if format.is_json() { writer.with_names(store.names()?) } else { writer };
            writer.write_all(flows).map(|written| written.flows)
        }
    };
    match written {
        Ok(flows) => Ok((flows, file.finish()?)),
        Err(AnswerError::Output(error)) => Err(file.failed()(error).into()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_told_by_the_name() {
        for (name, format) in [
            ("a.parquet", Some("parquet")),
            ("x/b.PARQUET", Some("parquet")),
            ("a.b.csv", Some("csv")),
            ("a.ndjson", Some("ndjson")),
            ("a.json", Some("json")),
            ("parquet", None),
            (".parquet", None),
            ("a.csv.gz", None),
            ("-", None),
        ] {
            let target = parse(name).ok();
            assert_eq!(target.as_ref().map(|target| target.format.name()), format, "{name}");
        }
    }
}

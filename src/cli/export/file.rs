//! `export --to FILE`: the flows that a question finds, as one file.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use super::MeaningOption;
use crate::answer::AnswerError;
use crate::answer::words::{bytes, plural, seconds};
use crate::cli::anonymise::AnonymiseOptions;
use crate::cli::asking::{Asking, Explain};
use crate::cli::failure::{Ending, Usage};
use crate::cli::output::{self, Output, say};
use crate::cli::settings::Settings;
use crate::cli::whole_file::WholeFile;
use crate::meaning::{Ends, Meaning};
use crate::request::{Export, Target};
use crate::store::FlowStream;

/// What can be said of it.
#[derive(Debug, clap::Args)]
pub(super) struct ToFile {
    #[command(flatten)]
    export: Export,
    #[command(flatten)]
    anonymise: AnonymiseOptions,
    #[command(flatten)]
    meaning: MeaningOption,
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

pub(super) fn run(args: &ToFile, settings: &Settings) -> anyhow::Result<Ending> {
    let began = Instant::now();
    let request = &args.export;
    let target = request.target()?;
    let (path, format) = (&target.path, target.format());
    if !request.force && path.symlink_metadata().is_ok() {
        let path = path.display();
        let problem = format!("{path} is there already; say --force to replace it");
        return Err(Usage(problem).into());
    }
    let asking = super::ask(&request.flows, &args.anonymise, &args.explain, settings)?;
    let lookup = asking.plan(target.columns());
    let json = args.output == Output::Json;
    asking.answer(&[&lookup], json, || {
        let flows = asking.flows(&lookup, target.columns(), settings)?;
        let ends = args.meaning.ends(&target.attributes(), settings)?;
        let meant = (args.meaning.of(settings)?, ends);
        let (flows, size) = write(flows, (request, target), meant, &asking, settings)?;
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
    (request, target): (&Export, &Target),
    meant: (Option<Arc<Meaning>>, Ends),
    asking: &Asking,
    settings: &Settings,
) -> anyhow::Result<(u64, u64)> {
    let mut file = WholeFile::create(&target.path, request.force)?;
    let zone = settings.tz.value.zone().clone();
    match target.write(flows, &mut file, zone, || asking.names(), meant) {
        Ok(flows) => Ok((flows, file.finish()?)),
        Err(AnswerError::Output(error)) => Err(file.failed()(error).into()),
        Err(error) => Err(error.into()),
    }
}

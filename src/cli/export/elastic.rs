//! `export elastic`: an index of Elasticsearch or OpenSearch, a document for each flow.

use std::sync::atomic::AtomicU64;
use std::time::Instant;

use serde::Serialize;

use super::MeaningOption;
use crate::answer::words::{bytes, grouped, plural, seconds};
use crate::cli::anonymise::AnonymiseOptions;
use crate::cli::asking::Explain;
use crate::cli::failure::{Ending, Usage};
use crate::cli::interrupt;
use crate::cli::output::{self, Output, say};
use crate::cli::settings::Settings;
use crate::flow::{Columns, Naming};
use crate::meaning::Attribute;
use crate::request::Selection;
use crate::sink::elastic::{By, ElasticSink, Target};
use crate::sink::{Sink, Written, pour};
use crate::store::elastic::Location;

const EXAMPLES: &str = "\
Examples:
  earlgrey-hbase export elastic elastic://127.0.0.1:9200              every flow, to the index earlgrey
  earlgrey-hbase export elastic elastics://node1,node2/site 10.1.0.0/16 --since -1d --by day
  earlgrey-hbase export elastic elastic://127.0.0.1/logs-flows --by stream --schema ecs
  curl 'http://127.0.0.1:9200/earlgrey/_search?q=srcAddress:122.166.26.132'

A password is better kept in EARLGREY_ELASTIC_PASSWORD, with EARLGREY_ELASTIC_USER, or a key in
EARLGREY_ELASTIC_API_KEY, than in the URL, which others on this machine can see.";

/// Write flows to Elasticsearch or OpenSearch, a document each.
///
/// The index is made where there is none. What is there already is not written again, so the same
/// command may be given again, and goes on where it was.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ToElastic {
    /// Where: elastic://[USER:PASSWORD@]HOST[:PORT][,HOST…][/INDEX], or elastics:// where connections
    /// are encrypted
    #[arg(value_name = "URL")]
    url: String,
    #[command(flatten)]
    flows: Selection,
    #[command(flatten)]
    shape: Shape,
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

/// What documents look like, and how they lie.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Shape {
    /// One index, one for each day on which flows began, or a data stream: index (default), day,
    /// stream
    #[arg(long, value_name = "WHAT", default_value = "index", hide_default_value = true)]
    by: By,
    /// Whose names the fields of documents have: earlgrey (default), or ecs, the Elastic Common
    /// Schema
    #[arg(long, value_name = "SCHEMA", default_value = "earlgrey", hide_default_value = true)]
    schema: Naming,
}

impl Shape {
    /// What is meant.
    ///
    /// # Errors
    ///
    /// [`Usage`] for a schema that there are no documents of.
    pub(crate) fn target(&self) -> Result<Target, Usage> {
        match self.schema {
            schema @ (Naming::Earlgrey | Naming::Ecs) => Ok(Target { by: self.by, schema }),
            other => Err(Usage(format!(
                "documents are by the schema earlgrey or ecs; {other} is for files"
            ))),
        }
    }
}

/// What was written, as JSON.
#[derive(Serialize)]
struct Exported<'a> {
    index: &'a str,
    #[serde(flatten)]
    written: &'a Written,
    seconds: f64,
}

pub(super) fn run(args: &ToElastic, settings: &Settings) -> anyhow::Result<Ending> {
    let began = Instant::now();
    let location: Location = args.url.parse().map_err(|error| Usage(format!("{error}")))?;
    let place = location.to_string();
    let target = args.shape.target()?;
    let asking = super::ask(&args.flows, &args.anonymise, &args.explain, settings)?;
    let lookup = asking.plan(Columns::ALL);
    let json = args.output == Output::Json;
    let options = settings.elastic_options();
    let what = (asking.names()?, args.meaning.ends(&Attribute::ALL, settings)?);
    let mut written = Written::default();
    let ending = asking.answer(&[&lookup], json, || {
        let sink = ElasticSink::open(location, &options, target, what, interrupt::watch())?;
        let mut sink = Box::new(sink);
        pour(asking.flows(&lookup, Columns::ALL, settings)?, &mut *sink, &AtomicU64::new(0))?;
        written = sink.finish()?;
        let took = began.elapsed().as_secs_f64();
        if json {
            let exported = Exported { index: &place, written: &written, seconds: took };
            return output::print_json(&exported);
        }
        say(format_args!("{}", told(&written, &place, took)));
        Ok(())
    })?;
    Ok(if written.refused.is_empty() { ending } else { Ending::Partly })
}

/// What became of documents, as lines for people.
fn told(written: &Written, place: &str, took_secs: f64) -> String {
    let rate = (written.flows + written.already) as f64 / took_secs.max(0.001);
    let (size, took) = (bytes(written.bytes), seconds(took_secs));
    let rate = grouped(rate as u64);
    format!("wrote to {place} in {took}, {rate} flows/s, {size} sent\n{}", documents(written))
}

/// `documents  5 new, 0 already there, 0 refused`, and a line for each reason.
pub(crate) fn documents(written: &Written) -> String {
    let refused: u64 = written.refused.values().sum();
    let mut text = format!(
        "  documents  {} new, {} already there, {} refused",
        grouped(written.flows),
        grouped(written.already),
        grouped(refused)
    );
    for (reason, count) in &written.refused {
        text = format!("{text}\n             {} refused: {reason}", plural(*count, "document"));
    }
    text
}

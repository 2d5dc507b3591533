//! `export kafka`: a topic of Kafka, a message for each flow.

use std::sync::atomic::AtomicU64;
use std::time::Instant;

use serde::Serialize;

use crate::answer::words::{bytes, grouped, plural, seconds};
use crate::cli::anonymise::AnonymiseOptions;
use crate::cli::asking::Explain;
use crate::cli::failure::{Ending, Usage};
use crate::cli::interrupt;
use crate::cli::output::{self, Output, say};
use crate::cli::settings::Settings;
use crate::flow::{Columns, Names};
use crate::kafka::{Location, LocationError};
use crate::request::Selection;
use crate::sink::kafka::{Format, KafkaSink};
use crate::sink::{Sink, Written, pour};

const EXAMPLES: &str = "\
Examples:
  earlgrey-hbase export kafka kafka://127.0.0.1/flows              every flow, an object in JSON each
  earlgrey-hbase export kafka kafkas://broker1,broker2/edge 10.1.0.0/16 --since -1d
  earlgrey-hbase export kafka kafka://127.0.0.1/flows --format protobuf    as goflow2 writes it

A password is better kept in EARLGREY_KAFKA_PASSWORD, with EARLGREY_KAFKA_USER, than in the URL, which
others on this machine can see.";

/// Write flows to a topic of Kafka, a message each.
///
/// The topic must be there. Flows that are exported once more are written once more, with the same
/// header, by which `load --from` knows them.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ToKafka {
    /// Where: kafka://[USER:PASSWORD@]HOST[:PORT][,HOST…]/TOPIC, or kafkas:// where connections are
    /// encrypted
    #[arg(value_name = "URL")]
    url: String,
    #[command(flatten)]
    flows: Selection,
    /// What messages hold: json (default), or protobuf, as goflow2 writes it
    #[arg(long, value_name = "FORMAT", default_value_t, hide_default_value = true)]
    format: Format,
    #[command(flatten)]
    anonymise: AnonymiseOptions,
    #[command(flatten)]
    explain: Explain,
    /// How the outcome is told: as text on standard error, or as JSON on standard output
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: Output,
}

/// What was written, as JSON.
#[derive(Serialize)]
struct Exported<'a> {
    topic: &'a str,
    flows: u64,
    bytes: u64,
    seconds: f64,
}

pub(super) fn run(args: &ToKafka, settings: &Settings) -> anyhow::Result<Ending> {
    let began = Instant::now();
    let url = args.url.parse();
    let location: Location = url.map_err(|error: LocationError| Usage(error.to_string()))?;
    let place = location.to_string();
    let asking = super::ask(&args.flows, &args.anonymise, &args.explain, settings)?;
    let lookup = asking.plan(Columns::ALL);
    let json = args.output == Output::Json;
    let (options, stop) = (settings.kafka_options(), interrupt::watch().flag());
    asking.answer(&[&lookup], json, || {
        let sink = KafkaSink::open(location, &options, args.format, Names::default(), stop)?;
        let mut sink = Box::new(sink);
        pour(asking.flows(&lookup, Columns::ALL, settings)?, &mut *sink, &AtomicU64::new(0))?;
        let written = sink.finish()?;
        let took = began.elapsed().as_secs_f64();
        if json {
            let Written { flows, bytes, .. } = written;
            let exported = Exported { topic: &place, flows, bytes, seconds: took };
            return output::print_json(&exported);
        }
        let rate = grouped((written.flows as f64 / took.max(0.001)) as u64);
        let (took, told) = (seconds(took), messages(&written));
        say(format_args!("wrote to {place} in {took}, {rate} flows/s\n{told}"));
        Ok(())
    })
}

/// `messages   5 messages acknowledged, 2 kB before they were compressed`.
pub(crate) fn messages(written: &Written) -> String {
    let mut text = format!(
        "  messages   {} acknowledged, {} before they were compressed",
        plural(written.flows, "message"),
        bytes(written.bytes)
    );
    if written.retries > 0 {
        text = format!("{text}; sent again {}", plural(written.retries, "time"));
    }
    text
}

//! `query`: the flows of a host or a network.

use std::ffi::OsString;
use std::io::Write;
use std::time::{Duration, Instant};

use super::failure::Ending;
use super::output::{self, say};
use super::scaling::Scaling;
use super::settings::{Flags, Settings, keys, whole_number};
use super::{interrupt, store, time};
use crate::answer::{FlowWriter, Format, explanation_json, explanation_text};
use crate::netflow::Names;
use crate::query::{Direction, Explanation, Lookup, Question, parse_addresses};
use crate::row::AddressRange;
use crate::store::{Access, Snapshot};

const EXAMPLES: &str = "\
Examples:
  earlgrey-hbase query 122.166.26.132                  what a host sent, in order of time
  earlgrey-hbase query 122.166.26.132 --filter         the same, by looking at every flow
  earlgrey-hbase query 10.1.0.0/16 --direction any --since -2h
  earlgrey-hbase query 2001:db8::1 --limit 100 -o csv
  earlgrey-hbase query 10.0.0.1 --count --explain      how many there are, and how that is found";

/// Print the flows that an address, or a block of addresses, sent or received.
///
/// They come in the order of the row key: by address, then by time.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Whose flows: an address, or a block in CIDR notation
    #[arg(value_name = "ADDR|CIDR", value_parser = parse_addresses)]
    addresses: AddressRange,
    /// Find them by a filter inside the store over all flows, in place of the row key's range: the
    /// answer is the same
    #[arg(long)]
    filter: bool,
    /// Which end of a flow the addresses are
    #[arg(long, value_name = "END", value_parser = ["src", "dst", "any"], default_value = "src")]
    direction: String,
    #[command(flatten)]
    window: time::Window,
    #[command(flatten)]
    scaling: Scaling,
    /// Print at most so many flows, the first in key order
    #[arg(long, value_name = "N", value_parser = whole_number::<u64>)]
    limit: Option<u64>,
    /// Print only how many flows there are
    #[arg(long)]
    count: bool,
    /// Tell on standard error how the flows are found, and then what was read
    #[arg(long)]
    explain: bool,
    /// How flows are written [default: line]
    #[arg(short, long, value_name = "FORMAT",
        value_parser = ["line", "long", "extended", "json", "ndjson", "csv", "earlgrey"])]
    output: Option<String>,
}

impl Args {
    pub(super) fn flags(&self) -> Flags {
        vec![(keys::FORMAT, self.output.clone().map(OsString::from))]
    }

    fn question(&self, settings: &Settings) -> anyhow::Result<Question> {
        Ok(Question {
            direction: self.direction.parse::<Direction>()?,
            time: self.window.range(&settings.tz.value)?,
            access: if self.filter { Access::Filter } else { Access::Range },
            limit: self.limit,
            ..Question::about(self.addresses)
        })
    }
}

pub(super) fn run(args: &Args, settings: &Settings) -> anyhow::Result<Ending> {
    interrupt::end_at_once()?;
    let format = settings.flow_format();
    let question = args.question(settings)?;
    let store = store::open(settings)?;
    let counters = args.scaling.of(store.snapshot()?, false);
    let snapshot = counters.snapshot();
    let lookup = if args.count { question.plan_count() } else { question.plan(format.columns()) };
    let explain = args.explain.then(|| Explain::before(&lookup, snapshot, format)).transpose()?;
    let began = Instant::now();
    if args.count {
        let flows = lookup.count(snapshot)?;
        let answer = match format {
            Format::Json | Format::Ndjson => format!("{{\"flows\":{flows}}}"),
            _ => flows.to_string(),
        };
        output::print(|out| Ok(writeln!(out, "{answer}")?))?;
    } else {
        let flows = lookup.run(snapshot)?;
        let zone = settings.tz.value.zone().clone();
        // Only formats that name every field have room for them.
        let names = match format {
            Format::Json | Format::Ndjson => store.names()?,
            _ => Names::default(),
        };
        output::print(|out| {
            Ok(FlowWriter::new(out, format, zone).with_names(names).write_all(flows)?)
        })?;
    }
    counters.tell();
    if let Some(explain) = explain {
        explain.after(&lookup, began.elapsed());
    }
    Ok(Ending::Done)
}

/// Tells the plan before the run, and what was read after it; as JSON, both after it.
struct Explain {
    explanation: Explanation,
    json: bool,
}

impl Explain {
    fn before(lookup: &Lookup, snapshot: &dyn Snapshot, format: Format) -> anyhow::Result<Self> {
        let explanation = lookup.explain(snapshot)?;
        let json = matches!(format, Format::Json | Format::Ndjson);
        if !json {
            say(explanation_text(&explanation).trim_end());
        }
        Ok(Self { explanation, json })
    }

    fn after(self, lookup: &Lookup, elapsed: Duration) {
        let mut explanation = self.explanation.after(lookup.reading(), elapsed);
        if self.json {
            say(explanation_json(&explanation).trim_end());
        } else {
            // The scans were told before.
            explanation.scans.clear();
            say(explanation_text(&explanation).trim_end());
        }
    }
}

//! `rules`: what users want to be told of.

use std::io::Write;

use clap::Subcommand;

use super::asking::Explain;
use super::failure::{Ending, Usage};
use super::output::{self, Output, say};
use super::outside::{Outside, surroundings};
use super::settings::{Flags, Settings, keys};
use crate::answer::words::{columns, plural};
use crate::answer::{PairFormat, firing_json, width, write_firings};
use crate::flow::UnixMillis;
use crate::request::{Window, one_of};
use crate::rules::{Judged, Limit, Rule, after_pauses};

const EXAMPLES: &str = "\
Examples:
  earlgrey-hbase rules list                        the rules of the configuration, in words
  earlgrey-hbase rules test upload --since -7d     when this one would have told of whom
  earlgrey-hbase rules test upload --since -7d -o ndjson

A rule in the configuration:
  [rules.upload]
  where = \"src role internal and dst role external\"
  by = \"src\"
  measure = \"octets\"
  window = \"5m\"
  above = \"2GB\"

docs/rules.md has all that a rule may say; serve evaluates them, and sends what they tell of.";

/// Show and try the rules of the configuration: a filter, a key to sum its flows up by, a measure, a
/// window, and what is too much.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print which rules there are; a filter or a key that is wrong is told with its place
    List {
        /// How they are written
        #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
        output: Output,
    },
    /// Print when a rule would have told of whom
    Test {
        /// What it is called
        name: String,
        #[command(flatten)]
        window: Window,
        #[command(flatten)]
        explain: Explain,
        /// How it is written: line, json or ndjson [default: line]
        #[arg(short, long, value_name = "FORMAT",
            value_parser = one_of::<PairFormat>([PairFormat::Line, PairFormat::Json, PairFormat::Ndjson].map(PairFormat::name)))]
        output: Option<PairFormat>,
    },
}

/// How far back a rule is tried where nobody says.
const USUAL_MS: u64 = 86_400_000;

impl Args {
    pub(super) fn flags(&self) -> Flags {
        let output = match self.action {
            Action::Test { output, .. } => output,
            Action::List { .. } => None,
        };
        vec![(keys::FORMAT, output.map(|format| format.name().into()))]
    }

    /// Whether it looks through flows, which an interrupt gives up.
    pub(super) fn asks(&self) -> bool {
        matches!(self.action, Action::Test { .. })
    }
}

pub(super) fn run(args: &Args, settings: &Settings) -> anyhow::Result<Ending> {
    match &args.action {
        Action::List { output } => list(*output, settings),
        Action::Test { name, window, explain, .. } => test(name, window, explain, settings),
    }
}

fn list(output: Output, settings: &Settings) -> anyhow::Result<Ending> {
    let outside = Outside(settings);
    let around = surroundings(&outside);
    let rules: Vec<Rule> =
        settings.rules.iter().map(|table| table.rule(&around)).collect::<Result<_, _>>()?;
    if output == Output::Json {
        let views: Vec<_> = rules.iter().map(view).collect();
        output::print_json(&views)?;
        return Ok(Ending::Done);
    }
    let mut rows = vec![["rule", "severity", "what", "of"].map(str::to_owned).to_vec()];
    rows.extend(rules.iter().map(|rule| {
        let of = if rule.written.is_empty() { "all flows" } else { &rule.written };
        vec![rule.name.clone(), rule.severity.to_string(), in_words(rule), of.to_owned()]
    }));
    output::print_all(&columns(&rows, &[false; 4]))?;
    Ok(Ending::Done)
}

fn view(rule: &Rule) -> serde_json::Value {
    serde_json::json!({
        "rule": rule.name, "severity": rule.severity.name(), "what": in_words(rule),
        "where": rule.written,
    })
}

/// `octets by src in 5 min, more than 2 GB`.
fn in_words(rule: &Rule) -> String {
    let by = if rule.fields.is_empty() { String::new() } else { format!(" by {}", rule.by) };
    let over = width(rule.limit.over_ms());
    let above = match rule.limit {
        Limit::Above(limit) => format!("more than {}", crate::answer::words::grouped(limit)),
        Limit::Percent { percent, .. } => format!("more than {percent} % of the mean of {over}"),
        Limit::Unusual { z_milli, .. } => {
            format!("z above {} over {over}", f64::from(z_milli) / 1000.0)
        }
    };
    format!("{}{by} in {}, {above}", rule.counted, width(rule.window_ms.get()))
}

fn test(
    name: &str,
    window: &Window,
    explain: &Explain,
    settings: &Settings,
) -> anyhow::Result<Ending> {
    let table = settings.rules.iter().find(|table| table.name == name).ok_or_else(|| {
        let names: Vec<_> = settings.rules.iter().map(|table| &*table.name).collect();
        let known = if names.is_empty() { "there are none".to_owned() } else { names.join(", ") };
        Usage(format!("there is no rule {name:?} in the configuration; {known}"))
    })?;
    let outside = Outside(settings);
    let around = surroundings(&outside);
    let rule = table.rule(&around)?;
    let mut range = window.range(&around)?;
    range.until = range.until.min(around.now);
    if range.since == UnixMillis::EPOCH {
        range.since = UnixMillis(range.until.0.saturating_sub(USUAL_MS));
    }
    if range.since >= range.until {
        return Err(Usage("--since must be before --until, and before now".to_owned()).into());
    }
    let asking = explain.ask(rule.question(rule.windows(range)), settings, true)?;
    let lookup = asking.question().plan_unordered(crate::flow::Columns::NONE);
    let format = settings.pair_format();
    asking.answer(&[&lookup], format.is_json(), || {
        let Judged { firings, cut } = rule.judge(asking.snapshot(), range, &around.limits)?;
        let told = after_pauses(firings, rule.pause_ms);
        output::print(|mut out| {
            let rows = told.iter().map(|(firing, again)| firing_json(&rule, firing, *again));
            match format {
                PairFormat::Json => writeln!(out, "{}", serde_json::Value::Array(rows.collect()))?,
                PairFormat::Ndjson => {
                    for row in rows {
                        writeln!(out, "{row}")?;
                    }
                }
                _ => write_firings(&rule, &told, settings.tz.value.zone().clone(), &mut out)?,
            }
            Ok(())
        })?;
        let again: u64 = told.iter().map(|(_, again)| again).sum();
        let more = match again {
            0 => String::new(),
            again => format!(", and {again} more within its cool-down"),
        };
        say(format_args!("{name} would have told {}{more}", plural(told.len() as u64, "time")));
        if cut {
            let most = crate::rules::MAX_KEYS;
            say(format_args!("more than {most} keys came to enough: these that come to most"));
        }
        Ok(())
    })
}

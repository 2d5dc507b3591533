//! `query`: the flows of a host or a network.

use std::io::Write;

use super::asking::AskingOptions;
use super::bidir;
use super::failure::{Ending, Usage};
use super::format::{FormatParser, StyleOptions};
use super::output::{self, say};
use super::question::QuestionOptions;
use super::settings::{Flags, Settings, keys};
use super::time;
use crate::aggregate::Conversations;
use crate::answer::{FlowWriter, Format};
use crate::flow::{FlowBatch, Names, UnixMillis};
use crate::query::{Direction, HELD_COLUMNS, Held, MAX_NAT_EVENTS, Question};
use crate::row::NatEnd;
use crate::store::FlowStream;

const EXAMPLES: &str = "\
Examples:
  earlgrey-hbase query 122.166.26.132                  what a host sent, in order of time
  earlgrey-hbase query 122.166.26.132 --filter         the same, by looking at every flow
  earlgrey-hbase query 10.1.0.0/16 --direction any --since -2h
  earlgrey-hbase query --where 'ip 10.1.2.3 and port 53'
  earlgrey-hbase query --where 'src ip in @hosts.txt and not dst net 10/8' --count
  earlgrey-hbase query 2001:db8::1 --limit 100 -o csv
  earlgrey-hbase query 10.0.0.1 --bidir                both directions of each conversation
  earlgrey-hbase query 10.0.0.1 -o 'fmt:%ts %sap -> %dap %svln %byt'    cells as nfdump has them
  earlgrey-hbase query --nat 203.0.113.7:40123 --at 2025-10-09T08:53:10Z    who had this port then
  earlgrey-hbase query 10.0.0.1 --count --explain      how many there are, and how that is found";

/// Print the flows that an address, or a block of addresses, sent or received, or that pass a
/// filter.
///
/// They come in the order of the row key: by address, then by time. With --direction any, what the
/// addresses sent and what they received come merged, by the address asked for, then by time.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    question: QuestionOptions,
    #[command(flatten)]
    joining: bidir::Joining,
    /// Only who held what --nat names at this time: of flows those that span it, and of a NAT's
    /// events the latest that gave it to somebody and that no release followed, which is printed
    /// with the time to its release as duration, as far as that is known
    #[arg(long, value_name = "TIME", requires = "nat", conflicts_with_all = ["bidir", "limit"],
        allow_hyphen_values = true)]
    at: Option<String>,
    /// Print only how many flows there are, up to --limit
    #[arg(long)]
    count: bool,
    #[command(flatten)]
    asking: AskingOptions,
    /// How flows are written [default: line]
    #[arg(short, long, value_name = "FORMAT", value_parser = FormatParser)]
    output: Option<Format>,
    #[command(flatten)]
    style: StyleOptions,
}

impl Args {
    pub(super) fn flags(&self) -> Flags {
        vec![(keys::FORMAT, self.output.as_ref().map(|format| format.name().into()))]
    }

    /// What was held, and when, if who held it is asked for.
    fn holders(&self, settings: &Settings) -> anyhow::Result<Option<(NatEnd, UnixMillis)>> {
        let (Some(nat), Some(at)) = (self.question.nat, &self.at) else { return Ok(None) };
        let at = time::moment("--at", at, &settings.tz.value, UnixMillis::now())?;
        Ok(Some((nat, at)))
    }

    fn question(&self, settings: &Settings) -> anyhow::Result<Question> {
        if self.question.is_everything() {
            return Err(Usage(
                "whose flows? Name an address or a block, as in `query 10.0.0.0/8`, or what holds \
                 of them, as in `query --where 'port 443'`; `--where any` is every flow"
                    .to_owned(),
            )
            .into());
        }
        let bidir = self.joining.bidir;
        let usual = if bidir { Direction::Any } else { Direction::Src };
        let question = self.question.question(settings, usual)?;
        // The limit is of conversations, not of the flows that these are made of.
        Ok(Question { limit: question.limit.filter(|_| !bidir), ..question })
    }
}

/// The flows and events of those who held `nat` at the moment `at`; what is not known of them is said.
fn held(flows: FlowStream, nat: &NatEnd, at: UnixMillis) -> anyhow::Result<Vec<FlowBatch>> {
    let held = Held::at(flows, nat, at)?;
    if held.partial {
        return Err(Usage(format!(
            "{nat} has more than {MAX_NAT_EVENTS} events; name a port of it, or narrow them by --since \
             and --until"
        ))
        .into());
    }
    if held.since_unknown > 0 {
        say(format_args!(
            "since when is not known of {}: only the release of it is in the store",
            held.since_unknown
        ));
    }
    if held.replaced > 0 {
        say(format_args!(
            "{} had it before, and another got it without a release of it in the store",
            held.replaced
        ));
    }
    Ok(held.flows)
}

pub(super) fn run(args: &Args, settings: &Settings) -> anyhow::Result<Ending> {
    let format = if args.joining.bidir { bidir::format(settings)? } else { settings.flow_format() };
    let asking = args.asking.ask(args.question(settings)?, settings, false)?;
    let question = asking.question();
    let holders = args.holders(settings)?;
    let lookup = match (args.count, args.joining.bidir) {
        _ if holders.is_some() => question.plan(format.columns() | HELD_COLUMNS),
        (true, _) => question.plan_count(),
        (_, true) => question.plan(Conversations::COLUMNS),
        _ => question.plan(format.columns()),
    };
    let (json, style) = (format.is_json(), args.style.style());
    asking.answer(&[&lookup], json, || {
        let held = match holders {
            Some((nat, at)) => Some(held(lookup.run(asking.snapshot())?, &nat, at)?),
            None => None,
        };
        if args.count {
            let flows = match &held {
                Some(held) => held.iter().map(|batch| batch.len() as u64).sum(),
                None => lookup.count(asking.snapshot())?,
            };
            let answer = if json { format!("{{\"flows\":{flows}}}") } else { flows.to_string() };
            return output::print(|out| Ok(writeln!(out, "{answer}")?));
        }
        let flows = match held {
            Some(held) => Box::new(held.into_iter().map(Ok)),
            None => lookup.run(asking.snapshot())?,
        };
        if args.joining.bidir {
            return bidir::print(flows, args.question.limit, &format, style, settings);
        }
        let zone = settings.tz.value.zone().clone();
        // Only formats that name every field have room for them, and cells of their own.
        let asks = json || matches!(format, Format::Own(_));
        let names = if asks { asking.store.names()? } else { Names::default() };
        output::print(|out| {
            let writer = FlowWriter::styled(out, &format, style, zone).with_names(names);
            Ok(writer.write_all(flows).map(drop)?)
        })
    })
}

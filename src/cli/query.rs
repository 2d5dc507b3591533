//! `query`: the flows of a host or a network.

use std::io::Write;

use super::anonymise::AnonymiseOptions;
use super::asking::Explain;
use super::failure::{Ending, Usage};
use super::format::StyleOptions;
use super::output::{self, say};
use super::outside::{Outside, surroundings};
use super::settings::{Flags, Settings, keys};
use crate::aggregate::FlowOrder;
use crate::answer::{FlowWriter, Format, write_conversations};
use crate::flow::Names;
use crate::meaning::Ends;
use crate::request::{Flows, FormatParser, Found};

const EXAMPLES: &str = "\
Examples:
  earlgrey-hbase query 122.166.26.132                  what a host sent, in order of time
  earlgrey-hbase query 122.166.26.132 --filter         the same, by looking at every flow
  earlgrey-hbase query 10.1.0.0/16 --direction any --since -2h
  earlgrey-hbase query --where 'ip 10.1.2.3 and port 53'
  earlgrey-hbase query --where 'src ip in @hosts.txt and not dst net 10/8' --count
  earlgrey-hbase query 2001:db8::1 --limit 100 -o csv
  earlgrey-hbase query 10.1.0.0/16 --sort octets --limit 20    the largest
  earlgrey-hbase query 10.0.0.1 --bidir                both directions of each conversation
  earlgrey-hbase query 10.0.0.1 --connections          what it began and what was begun with it
  earlgrey-hbase query 10.0.0.1 -o 'fmt:%ts %sap -> %dap %svln %byt'    cells as nfdump has them
  earlgrey-hbase query --nat 203.0.113.7:40123 --at 2025-10-09T08:53:10Z    who had this port then
  earlgrey-hbase query 10.0.0.1 -o csv --anonymise key    for others' eyes
  earlgrey-hbase query 10.0.0.1 --count --explain      how many there are, and how that is found";

/// Print the flows that an address, or a block of addresses, sent or received, or that pass a
/// filter.
///
/// They come in the order of the row key: by address, then by time. With --direction any, what the
/// addresses sent and what they received come merged, by the address asked for, then by time. With
/// --nat ADDR they come by its ports, then by time, and with --nat ADDR:PORT by time. --sort orders them
/// by something else.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    flows: Flows,
    #[command(flatten)]
    anonymise: AnonymiseOptions,
    #[command(flatten)]
    explain: Explain,
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

    /// How what is found is written: conversations as `biline`, where nothing else is said.
    fn format(&self, settings: &Settings) -> Result<Format, Usage> {
        if !self.flows.joins() {
            return Ok(settings.flow_format());
        }
        let format = settings.format.value.clone().unwrap_or(Format::Biline);
        format.check_for_conversations().map_err(Usage)?;
        Ok(format)
    }
}

pub(super) fn run(args: &Args, settings: &Settings) -> anyhow::Result<Ending> {
    let outside = Outside(settings);
    let around = surroundings(&outside);
    let (mut flows, format) = (args.flows.clone(), args.format(settings)?);
    let by = args.anonymise.anonymiser()?;
    if by.is_some() {
        if flows.holds() {
            let problem = "--at compares addresses, and does not go with --anonymise";
            return Err(Usage(problem.to_owned()).into());
        }
        // By their places anybody could tell which addresses they stand for.
        flows.sort_by(FlowOrder::ROW_KEY);
    }
    let asking = args.explain.ask_as(flows.question(&around)?, settings, flows.scaled(), by)?;
    let lookup = flows.lookup(asking.question(), &format);
    let (json, style) = (format.is_json(), args.style.style());
    let zone = settings.tz.value.zone().clone();
    asking.answer(&[&lookup], json, || {
        let answer = flows.answer(asking.snapshot(), &lookup, &format, &around)?;
        answer.notes.iter().for_each(say);
        match answer.found {
            Found::Count(flows) => {
                let answer =
                    if json { format!("{{\"flows\":{flows}}}") } else { flows.to_string() };
                output::print(|out| Ok(writeln!(out, "{answer}")?))
            }
            Found::Conversations(conversations) => output::print(|out| {
                Ok(write_conversations(conversations, out, &format, style, zone).map(drop)?)
            }),
            Found::Flows(flows) => {
                // Only formats that name every field have room for them, and cells of their own.
                let asks = json || matches!(format, Format::Own(_));
                let names = if asks { asking.names()? } else { Names::default() };
                // Of addresses that stand for others nothing is said.
                let ends =
                    if asking.by.is_none() { around.ends(&format)? } else { Ends::default() };
                output::print(|out| {
                    let writer = FlowWriter::styled(out, &format, style, zone).with_names(names);
                    let writer = writer.with_ends(ends);
                    Ok(writer.write_all(flows).map(drop)?)
                })
            }
        }
    })
}

//! `loads`: the audit ledger.

use std::io::Write;

use super::failure::Ending;
use super::output::{self, Output};
use super::settings::Settings;
use super::store;
use crate::answer::words::{bytes, columns, grouped, plural, seconds};
use crate::request::{LoadView, load_state, show};
use crate::store::{Load, PartitionRead};

const EXAMPLES: &str = "\
Examples:
  earlgrey-hbase loads              every load, with the files that it read
  earlgrey-hbase loads -o json      the same with all counts";

/// Print what was loaded when, from which files, with which counts.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// How loads are written
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: Output,
}

pub(super) fn run(args: &Args, settings: &Settings) -> anyhow::Result<Ending> {
    let loads = store::open(settings)?.loads()?;
    let zone = &settings.tz.value;
    if args.output == Output::Json {
        let views: Vec<LoadView<'_>> =
            loads.iter().map(|load| LoadView::new(load, None, zone)).collect();
        output::print_json(&views)?;
    } else {
        let rows: Vec<Vec<String>> =
            loads.iter().map(|load| row(load, show(load.started, zone))).collect();
        output::print(|out| {
            let heads = HEADS.map(str::to_owned).to_vec();
            let table = columns(&[vec![heads], rows].concat(), &RIGHT);
            let mut lines = table.lines();
            if let Some(head) = lines.next() {
                writeln!(out, "{head}")?;
            }
            for (line, load) in lines.zip(&loads) {
                writeln!(out, "{line}")?;
                for file in &load.files {
                    let fault = file.fault.as_ref().map(|fault| format!(": {fault}"));
                    writeln!(
                        out,
                        "    {} ({}): {}, {} stored{}",
                        file.path,
                        bytes(file.bytes),
                        match &load.topic {
                            Some(_) => plural(load.account.messages, "message"),
                            None => plural(file.datagrams, "datagram"),
                        },
                        plural(file.stored, "flow"),
                        fault.unwrap_or_default(),
                    )?;
                }
                for read in load.topic.iter().flat_map(|topic| &topic.partitions) {
                    let PartitionRead { partition, from, next, .. } = read;
                    writeln!(out, "        partition {partition}: offsets {from} to {next}")?;
                }
                for name in &load.other_files {
                    writeln!(out, "    {name}: no capture")?;
                }
                let unnamed =
                    load.account.other_files.saturating_sub(load.other_files.len() as u64);
                if unnamed > 0 {
                    writeln!(out, "    and {} that are no captures", plural(unnamed, "more file"))?;
                }
            }
            Ok(())
        })?;
    }
    Ok(Ending::Done)
}

const HEADS: [&str; 9] =
    ["started", "took", "datagrams", "records", "stored", "duplicate", "rejected", "lost", "state"];
const RIGHT: [bool; 9] = [false, true, true, true, true, true, true, true, false];

fn row(load: &Load, started: String) -> Vec<String> {
    let account = &load.account;
    let took = load.finished.map(|finished| seconds((finished - load.started) as f64 / 1000.0));
    vec![
        started,
        took.unwrap_or_else(|| "-".to_owned()),
        grouped(account.datagrams),
        grouped(account.records),
        grouped(account.stored),
        grouped(account.duplicate_records),
        grouped(account.rejected.values().sum::<u64>()),
        grouped(account.lost.iter().map(|lost| lost.count).sum::<u64>()),
        load_state(load).to_owned(),
    ]
}

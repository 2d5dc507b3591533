//! `generate`: captures of traffic that never was.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, IsTerminal, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use serde::Serialize;

use super::failure::{Ending, Usage};
use super::output::{self, Output, say};
use super::settings::Settings;
use crate::answer::words::{bytes, grouped, plural, seconds};
use crate::detect::Kinds;
use crate::flow::UnixMillis;
use crate::generate::{self, Damage, Format, Made, Sights, Skipped, Traffic};
use crate::request::whole_number;

const EXAMPLES: &str = "\
Examples:
  earlgrey-hbase generate day.pcap                              a million flows of one day
  earlgrey-hbase generate week.pcap --flows 20000000 --hours 168
  earlgrey-hbase generate bad.pcap --flows 100000 --loss 0.01 --duplicates 0.02 --damage 0.01
  earlgrey-hbase generate twice.pcap --seen-by 2 --jitter 300 --truth flows.csv
  earlgrey-hbase generate odd.pcap --plant all --planted odd.json    with what stands out among them
  earlgrey-hbase generate - --flows 1000 | earlgrey-hbase load

The same options give the same bytes on every machine.";

/// Make a capture of NetFlow or IPFIX exports as routers of a busy network might send them.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The pcap file to write, in place of what it holds; - for standard output
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// How many flows are exported [default: 1000000]
    #[arg(long, value_name = "N", value_parser = whole_number::<u64>,
        allow_negative_numbers = true)]
    flows: Option<u64>,
    /// In which format: v5, v9, ipfix, or nat for what a carrier's NAT logs of them [default: v5]
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// Which traffic: another seed gives other hosts and flows [default: 1]
    #[arg(long, value_name = "N", value_parser = whole_number::<u64>,
        allow_negative_numbers = true)]
    seed: Option<u64>,
    /// When the first flow is exported [default: 2007-07-26]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    start: Option<String>,
    /// Over how many hours, by the rhythm of the day [default: 24]
    #[arg(long, value_name = "H", allow_negative_numbers = true)]
    hours: Option<f64>,
    /// How many routers export [default: 2]
    #[arg(long, value_name = "N", value_parser = whole_number::<u16>,
        allow_negative_numbers = true)]
    exporters: Option<u16>,
    /// How many engines each of them has [default: 2]
    #[arg(long, value_name = "N", value_parser = whole_number::<u8>, allow_negative_numbers = true)]
    engines: Option<u8>,
    /// The share of datagrams that never arrive, from 0 to 1 [default: 0]
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    loss: Option<f64>,
    /// The share of datagrams that arrive twice [default: 0]
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    duplicates: Option<f64>,
    /// The share of datagrams that are damaged [default: 0]
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    damage: Option<f64>,
    /// By how many routers each flow comes, all of which export it: --flows counts each record
    /// [default: 1]
    #[arg(long, value_name = "N", value_parser = whole_number::<u16>,
        allow_negative_numbers = true)]
    seen_by: Option<u16>,
    /// How many milliseconds the stamps that routers give one moment are apart at most [default: 0]
    #[arg(long, value_name = "MS", value_parser = whole_number::<u32>,
        allow_negative_numbers = true)]
    jitter: Option<u32>,
    /// Every second router sees one packet of so many (v5 and IPFIX) [default: all]
    #[arg(long, value_name = "N", value_parser = whole_number::<u16>,
        allow_negative_numbers = true)]
    sampling: Option<u16>,
    /// Routers export each flow on its way in and again on its way out (IPFIX)
    #[arg(long)]
    in_and_out: bool,
    /// The first router that a flow comes by is a NAT, and tells both sides; those behind it see the far
    /// one (IPFIX)
    #[arg(long)]
    behind_nat: bool,
    /// Write to this file, as CSV, which records of the capture are of one flow
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
    /// Plant what stands out among the flows, in addition to them: scan, beacon, long, spread, ddos,
    /// indicator, exfil, silent, new, or all; and with it what is often mistaken for one, such as clocks, updates,
    /// monitoring, backups and peers
    #[arg(long, value_name = "KIND", value_delimiter = ',', requires = "planted")]
    plant: Vec<Kinds>,
    /// Write to this file, as JSON, what was planted
    #[arg(long, value_name = "FILE", requires = "plant")]
    planted: Option<PathBuf>,
    /// Print what was made to standard output, as text or JSON
    #[arg(
        short,
        long,
        value_name = "FORMAT",
        value_enum,
        default_value_t,
        hide_default_value = true
    )]
    output: Output,
}

impl Args {
    fn traffic(&self, settings: &Settings) -> Result<Traffic, Usage> {
        let usual = Traffic::default();
        let start = self.start.as_ref().map(|text| {
            UnixMillis::parse(text, settings.tz.value.zone(), UnixMillis::now())
                .map_err(|error| Usage(format!("--start: {error}")))
        });
        Ok(Traffic {
            flows: self.flows.unwrap_or(usual.flows),
            format: self.format.unwrap_or(usual.format),
            seed: self.seed.unwrap_or(usual.seed),
            start: start.transpose()?.unwrap_or(usual.start),
            hours: self.hours.unwrap_or(usual.hours),
            exporters: self.exporters.unwrap_or(usual.exporters),
            engines: self.engines.unwrap_or(usual.engines),
            loss: self.loss.unwrap_or(usual.loss),
            duplicates: self.duplicates.unwrap_or(usual.duplicates),
            damage: self.damage.unwrap_or(usual.damage),
            sights: Sights {
                routers: self.seen_by.unwrap_or(usual.sights.routers),
                jitter_ms: self.jitter.unwrap_or(usual.sights.jitter_ms),
                sampling: self.sampling.unwrap_or(usual.sights.sampling),
                in_and_out: self.in_and_out,
                behind_nat: self.behind_nat,
            },
            plants: self.plant.iter().flat_map(|kinds| kinds.0.clone()).collect(),
        })
    }
}

pub(super) fn run(args: &Args, settings: &Settings) -> anyhow::Result<Ending> {
    let traffic = args.traffic(settings)?;
    let (piped, json) = (args.file == Path::new("-"), args.output == Output::Json);
    if piped && json {
        let problem = "standard output takes the capture, or what was made as JSON; name a file";
        return Err(Usage(problem.to_owned()).into());
    }
    let began = Instant::now();
    let mut truth = args.truth.as_deref().map(|path| OnceWritten { path, file: None });
    let truth = truth.as_mut().map(|truth| truth as &mut dyn Write);
    let made = if piped {
        if io::stdout().is_terminal() {
            let problem = "a capture is no text for a terminal; name a file, or pipe it on";
            return Err(Usage(problem.to_owned()).into());
        }
        output::print(|out| generate::write_telling(&traffic, out, truth).map_err(explain))?
    } else {
        let mut file = OnceWritten { path: &args.file, file: None };
        generate::write_telling(&traffic, &mut file, truth)
            .map_err(explain)
            .with_context(|| args.file.display().to_string())?
    };
    if let Some(path) = &args.planted {
        let told = serde_json::to_string_pretty(&made.planted)?;
        fs::write(path, told + "\n").with_context(|| path.display().to_string())?;
    }
    say(text(&made, &args.file, began.elapsed().as_secs_f64()));
    if !made.skipped.is_empty() {
        say(format_args!("too short for some, which are not planted: {}", skipped(&made.skipped)));
    }
    if json {
        output::print_json(&View::from(&made))?;
    }
    Ok(Ending::Done)
}

/// Traffic that cannot be made was asked for in the wrong way.
fn explain(error: io::Error) -> anyhow::Error {
    if error.kind() == io::ErrorKind::InvalidInput {
        return Usage(error.to_string()).into();
    }
    error.into()
}

/// A file that is made, or emptied, when something is written to it: options that cannot be meant
/// cost nobody a capture.
struct OnceWritten<'a> {
    path: &'a Path,
    file: Option<File>,
}

impl Write for OnceWritten<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(File::create(self.path)?),
        };
        file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What was made, as JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct View<'a> {
    flows: u64,
    readable: u64,
    cut: u64,
    untold: u64,
    lost: Vec<LostView>,
    datagrams: u64,
    dropped_datagrams: u64,
    duplicate_datagrams: u64,
    duplicate_flows: u64,
    damaged: &'a BTreeMap<Damage, u64>,
    octets: u64,
    packets: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct LostView {
    exporter: IpAddr,
    engine: u32,
    flows: u64,
}

impl<'a> From<&'a Made> for View<'a> {
    fn from(made: &'a Made) -> Self {
        let lost = |(&(exporter, engine), &flows)| LostView { exporter, engine, flows };
        Self {
            flows: made.flows,
            readable: made.readable,
            cut: made.cut,
            untold: made.untold,
            lost: made.lost.iter().map(lost).collect(),
            datagrams: made.datagrams,
            dropped_datagrams: made.dropped_datagrams,
            duplicate_datagrams: made.duplicate_datagrams,
            duplicate_flows: made.duplicate_flows,
            damaged: &made.damaged,
            octets: made.octets,
            packets: made.packets,
            bytes: made.bytes,
        }
    }
}

/// `2 beacon (tcp), 1 scan (slow)`.
fn skipped(skipped: &[Skipped]) -> String {
    let each = |alike: &[Skipped]| {
        let Skipped { kind, variant } = alike[0];
        format!("{} {kind} ({variant})", alike.len())
    };
    skipped.chunk_by(Skipped::eq).map(each).collect::<Vec<_>>().join(", ")
}

fn text(made: &Made, file: &Path, took_secs: f64) -> String {
    let mut text = format!(
        "made {} in {} into {} ({}) in {}",
        plural(made.flows, "flow"),
        plural(made.datagrams, "datagram"),
        file.display(),
        bytes(made.bytes),
        seconds(took_secs)
    );
    let damaged: u64 = made.damaged.values().sum();
    for (what, datagrams) in [
        ("never arrived", made.dropped_datagrams),
        ("arrived twice", made.duplicate_datagrams),
        ("are damaged", damaged),
    ] {
        if datagrams > 0 {
            // Writing to a string cannot fail.
            let _ = write!(text, ", {} {what}", grouped(datagrams));
        }
    }
    text
}

//! `load`: captures, and files of other tools, into the store.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use anyhow::Context;

use super::destination::Destination;
use super::export::elastic::Shape;
use super::failure::{Ending, Usage};
use super::output::{self, Output, say};
use super::progress::{Display, LoadMoment, Mode};
use super::settings::{Flags, Origin, Setting, Settings, keys};
use super::summary;
use super::{interrupt, store, topic};
use crate::capture::{self, Input};
use crate::load::{self, LoadError, Options, Progress};
use crate::request::{LoadView, nothing_read};
use crate::row::Order;
use crate::sink::kafka::Format;
use crate::store::embedded::{Effort, EmbeddedStore};
use crate::store::{Load, LoadedFile, Store};

const EXAMPLES: &str = "\
Examples:
  earlgrey-hbase load day1.pcap netflow000.tar.bz2     captures, archives of them, …
  earlgrey-hbase load /var/spool/captures              … and all that is in a folder
  tcpdump -U -w - udp port 2055 | earlgrey-hbase load  what is being captured, as it comes
  earlgrey-hbase load /var/cache/nfdump                 what nfcapd has stored
  earlgrey-hbase load                                  the paths of the configuration
  earlgrey-hbase load day1.pcap --to elastic://127.0.0.1    as documents, straight to Elasticsearch
  earlgrey-hbase load --from kafka://127.0.0.1/flows --follow    messages of a topic, as they come

What is loaded again is not stored again, so after a crash the same command goes on.";

/// Load captures of flow exports: pcap and pcapng, plain or compressed (gzip, bzip2, zstd, xz), and
/// tar archives of them; and flows that other tools have stored: files of nfcapd and nfdump, Parquet
/// of `export`, what SiLK's rwcut prints, Zeek's conn.log, Argus' binetflow. All are told by their
/// content.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Files, folders (without what begins with _ or . in them), or - for standard input
    /// [default: the paths of the configuration, else standard input where it is piped]
    #[arg(value_name = "PATH", conflicts_with = "from")]
    paths: Vec<PathBuf>,
    /// How many flows are written at once: what memory allows [default: 2000000]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    batch_flows: Option<OsString>,
    /// Make what was read durable at least so often, also while a pipe is quiet [default: 30]
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    commit_every: Option<OsString>,
    /// Whose flows are, in files of other tools, of which these do not say it
    #[arg(long, value_name = "ADDRESS")]
    exporter: Option<IpAddr>,
    /// The orders in which a store in HBase is made: both, or only by source, which loads twice as
    /// fast and cannot be asked for destinations
    #[arg(long, value_name = "ORDERS", value_parser = store::orders(), default_value = "both",
        hide_default_value = true)]
    orders: &'static [Order],
    /// Write the flows to an index of Elasticsearch or OpenSearch in place of the store, as `export
    /// elastic` does: elastic[s]://[USER:PASSWORD@]HOST[:PORT][,HOST…][/INDEX]; or to a topic of Kafka,
    /// as `collect --to` does: kafka[s]://[USER:PASSWORD@]HOST[:PORT][,HOST…]/TOPIC
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    #[command(flatten)]
    shape: Shape,
    /// What messages to a topic hold: json (default), or protobuf, as goflow2 writes it
    #[arg(long, value_name = "FORMAT", default_value_t, hide_default_value = true)]
    format: Format,
    #[command(flatten)]
    from: topic::Source,
    /// Show progress on standard error: a bar on a terminal (auto), or always, never, or as JSON
    #[arg(long, value_name = "WHEN", value_parser = Mode::NAMES)]
    progress: Option<String>,
    /// Print the summary also to standard output
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
    pub(super) fn flags(&self) -> Flags {
        vec![
            (keys::BATCH_FLOWS, self.batch_flows.clone()),
            (keys::COMMIT_SECS, self.commit_every.clone()),
            (keys::PROGRESS, self.progress.clone().map(OsString::from)),
        ]
    }
}

pub(super) fn run(args: &Args, settings: &Settings) -> anyhow::Result<Ending> {
    let from = args.from.topic(settings)?;
    let paths = if from.is_some() { Vec::new() } else { paths(args, settings)? };
    let inputs = capture::find(&paths)?;
    if inputs.is_empty() && from.is_none() {
        return Err(Usage(format!("there are no files in {}", listed(&paths))).into());
    }
    let to = |url: &String| Destination::of(url, &args.shape, args.format, settings);
    let to = args.to.as_ref().map(to).transpose()?;
    let store: Box<dyn Store> = match &to {
        Some(to) => to.store(),
        None => store::open_with(settings, args.orders)?,
    };
    let embedded = if to.is_none() { store::if_embedded(settings)? } else { None };
    let options = Options {
        batch_flows: batch_flows(settings, embedded.is_some()),
        commit_every: settings.commit_every.value,
        live: false,
        exporter: args.exporter,
        rates: settings.rates(),
        stop: interrupt::stop_flag()?,
    };
    let progress = Arc::new(Progress::default());
    let began = Instant::now();
    let shown = Arc::clone(&progress);
    let display =
        Display::start(settings.progress.value, move |elapsed| LoadMoment::new(&shown, elapsed));
    let result = match &from {
        Some(topic) => load::load_topic(&*store, topic, &options, &progress),
        None => load::load(&*store, &inputs, &options, &progress),
    };
    drop(display);
    let took_secs = began.elapsed().as_secs_f64();
    let tell = |load: &Load| {
        let zone = &settings.tz.value;
        let read = progress.done().bytes_done;
        say(summary::text(load, read, took_secs, &store.to_string(), zone));
        if let Some(to) = &to {
            say(to.told());
        }
        tell_program(args, settings, load, took_secs)
    };
    match result {
        Ok(load) => {
            if !load.interrupted && nothing_read(&load) {
                // To people, the message says all that a summary would.
                tell_program(args, settings, &load, took_secs)?;
                anyhow::bail!(no_capture(&load, &inputs));
            }
            tell(&load)?;
            if let Some(store) = embedded {
                tidy(&store, &options.stop);
            }
            let refused = to.is_some_and(|to| !to.written().refused.is_empty());
            Ok(match ending(&load, &paths) {
                Ending::Done if refused => Ending::Partly,
                ending => ending,
            })
        }
        Err(error) => {
            if let LoadError::Stopped { kept, .. } = &error {
                tell(kept)?;
            }
            Err(error).context("load")
        }
    }
}

/// How many flows are written at once. Where no file has to be sorted as a whole, less is enough.
pub(super) fn batch_flows(settings: &Settings, embedded: bool) -> usize {
    const HBASE_BATCH_FLOWS: usize = 200_000;
    match settings.batch_flows {
        Setting { origin: Origin::Default, .. } if !embedded => HBASE_BATCH_FLOWS,
        Setting { value, .. } => value,
    }
}

/// What is to be read.
fn paths(args: &Args, settings: &Settings) -> anyhow::Result<Vec<PathBuf>> {
    if !args.paths.is_empty() {
        return Ok(args.paths.clone());
    }
    if !settings.load_paths.value.is_empty() {
        return Ok(settings.load_paths.value.clone());
    }
    if stdin_is_piped() {
        return Ok(vec![PathBuf::from("-")]);
    }
    Err(Usage(
        "nothing to load: name files or folders, set load.paths in the configuration, or pipe a \
         capture to standard input"
            .to_owned(),
    )
    .into())
}

/// Whether somebody means standard input to be read: it is a pipe, a socket or a file.
fn stdin_is_piped() -> bool {
    let kind = io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .and_then(|stdin| File::from(stdin).metadata())
        .map(|stdin| stdin.file_type());
    kind.is_ok_and(|kind| kind.is_fifo() || kind.is_socket() || kind.is_file())
}

/// Prints the summary for programs, if it is asked for.
fn tell_program(
    args: &Args,
    settings: &Settings,
    load: &Load,
    took_secs: f64,
) -> anyhow::Result<()> {
    if args.output == Output::Json {
        output::print_json(&LoadView::new(load, Some(took_secs), &settings.tz.value))?;
    }
    Ok(())
}

/// Keeps the runs that a look-up must open few. The load is done and said to be: what goes wrong
/// here is no failure of it, and is met again by the next one.
fn tidy(store: &EmbeddedStore, stop: &AtomicBool) {
    match store.compact(Effort::Tidy, stop) {
        Ok(done) if done.runs_after < done.runs_before => {
            say(format_args!("  compacted  {} runs to {}", done.runs_before, done.runs_after));
        }
        Ok(_) => {}
        Err(error) => tracing::warn!("compact: {:#}", anyhow::Error::new(error)),
    }
}

/// Records of something else than flows between hosts, as of an event or a frame of ARP: none of
/// them is unusable.
const NO_ADDRESSES: &str = "no addresses";
/// What of a datagram was left out because nobody said what it is.
const WITHOUT_TEMPLATE: &str = "without template";

/// How a load ended that the store let come to its end.
fn ending(load: &Load, paths: &[PathBuf]) -> Ending {
    let account = &load.account;
    // Files in a folder may be anything, but what was named was meant to be a capture.
    let named = |name: &String| paths.iter().any(|path| Input::named(path).to_string() == *name);
    let unusable = account.faults + account.gone_messages > 0
        || load.files.iter().any(|file| file.fault.is_some())
        || !account.malformed.is_empty()
        || account.rejected.keys().any(|reason| reason != NO_ADDRESSES)
        || account.waiting_for_template + account.given_up > 0
        || account.faulty.contains_key(WITHOUT_TEMPLATE)
        || load.other_files.iter().any(named);
    if load.interrupted {
        Ending::Interrupted
    } else if unusable {
        Ending::Partly
    } else {
        Ending::Done
    }
}

/// Says of a load that read nothing why.
fn no_capture(load: &Load, inputs: &[Input]) -> String {
    match (inputs, &load.files[..]) {
        ([input], [LoadedFile { fault: Some(fault), .. }]) => format!("{input}: {fault}"),
        ([input], _) => format!("{input} is no capture"),
        _ => format!("none of the {} files is a capture that can be read", inputs.len()),
    }
}

fn listed(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| Input::named(path).to_string()).collect::<Vec<_>>().join(", ")
}

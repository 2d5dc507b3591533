//! `replay`: the datagrams of a capture, sent again.

use std::fmt::Write as _;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use anyhow::Context;

use super::anonymise::{self, AnonymiseOptions};
use super::failure::{Ending, Usage};
use super::output::{Output, say};
use super::settings::Settings;
use super::{interrupt, output};
use crate::anonymise::PayloadAnonymiser;
use crate::answer::words::{bytes, grouped, plural, seconds};
use crate::capture::{self, Datagram, Pace, Replayed, Rewrite};

const EXAMPLES: &str = "\
Examples:
  earlgrey-hbase replay day1.pcap --to 127.0.0.1:2055              as fast as it was captured
  earlgrey-hbase replay day1.pcap --to 127.0.0.1:2055 --speed 60   an hour in a minute
  earlgrey-hbase replay day1.pcap --to [::1]:2055 --rate 20000     20,000 datagrams a second

  earlgrey-hbase replay day1.pcap --to 127.0.0.1:2055 --anonymise key    with other addresses

They come from an address of this machine, so that a collector takes it for the exporter; each
port of each exporter in the capture is sent from a port of its own.";

/// Send the datagrams of captures again, to a collector.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Files, folders, archives: whatever `load` reads; or - for standard input
    #[arg(value_name = "FILE", required = true)]
    paths: Vec<PathBuf>,
    /// Where to
    #[arg(long, value_name = "ADDR:PORT")]
    to: String,
    /// So many datagrams a second
    #[arg(long, value_name = "N", conflicts_with = "speed", allow_negative_numbers = true)]
    rate: Option<f64>,
    /// So many times as fast as they were captured [default: 1]
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    speed: Option<f64>,
    #[command(flatten)]
    anonymise: AnonymiseOptions,
    /// Print what was sent to standard output, as text or JSON
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
    fn pace(&self) -> Result<Pace, Usage> {
        let (flag, number, pace) = match (self.rate, self.speed) {
            (Some(rate), _) => ("--rate", rate, Pace::Rate(rate)),
            (None, speed) => ("--speed", speed.unwrap_or(1.0), Pace::Speed(speed.unwrap_or(1.0))),
        };
        if number.is_finite() && number > 0.0 {
            Ok(pace)
        } else {
            Err(Usage(format!("{flag}: must be more than 0")))
        }
    }

    fn to(&self) -> Result<SocketAddr, Usage> {
        let found = self.to.to_socket_addrs().ok().and_then(|mut addresses| addresses.next());
        found.ok_or_else(|| {
            let to = &self.to;
            Usage(format!("--to: {to:?} is no address; write 127.0.0.1:2055 or [::1]:2055"))
        })
    }
}

pub(super) fn run(args: &Args, _: &Settings) -> anyhow::Result<Ending> {
    let (to, pace) = (args.to()?, args.pace()?);
    let inputs = capture::find(&args.paths)?;
    let stop = interrupt::quiet_stop_flag()?;
    let by = args.anonymise.anonymiser()?;
    let mut payloads = by.as_deref().map(PayloadAnonymiser::new);
    let mut payload = payloads.as_mut().map(|payloads| |of: &Datagram<'_>| payloads.payload(of));
    let rewrite = payload.as_mut().map(|payload| payload as &mut Rewrite<'_>);
    let done = capture::replay(&inputs, to, pace, rewrite, &stop).context("replay")?;
    say(text(&done, to));
    if let Some(payloads) = &payloads {
        for (reason, &datagrams) in payloads.refused() {
            say(format_args!("  not sent: {} ({reason})", plural(datagrams, "datagram")));
        }
        anonymise::tell(payloads.left_out().clone(), false);
    }
    if args.output == Output::Json {
        output::print_json(&done)?;
    }
    Ok(if stop.load(std::sync::atomic::Ordering::Relaxed) {
        Ending::Interrupted
    } else if done.faults > 0 || done.unsent > 0 {
        Ending::Partly
    } else {
        Ending::Done
    })
}

fn text(done: &Replayed, to: SocketAddr) -> String {
    let took_secs = done.took_ms as f64 / 1000.0;
    let rate = done.datagrams as f64 / took_secs.max(0.001);
    let mut text = format!(
        "sent {} ({}) to {to} in {}, {} datagrams/s",
        plural(done.datagrams, "datagram"),
        bytes(done.bytes),
        seconds(took_secs),
        grouped(rate as u64)
    );
    for (count, what) in [
        (done.refused, "refused: nobody listens there"),
        (done.unsent, "not sent: cut in the capture, or too large"),
        (done.faults, "places or files that could not be read"),
    ] {
        if count > 0 {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n  {} {what}", grouped(count));
        }
    }
    text
}

//! `collect`: what exporters send into the store, and how that stands.

mod connections;
mod page;
mod report;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Subcommand;

use super::failure::Ending;
use super::interrupt::Orders;
use super::output::{Output, say};
use super::settings::{Flags, Setting, Settings, keys};
use super::{interrupt, load, notify, output, store};
use crate::answer::words::plural;
use crate::collect::{self, Collector, Finished, Options, Rules};
use crate::kafka;
use crate::request::Zone;
use crate::sink::kafka::KafkaLoader;
use crate::store::Store;

const EXAMPLES: &str = "\
Examples:
  earlgrey-hbase collect                                   at 127.0.0.1:2055
  earlgrey-hbase collect --listen 0.0.0.0:2055 --listen [::]:4739 --exporter 10.1.0.0/16
  earlgrey-hbase collect --store hbase://gate1,gate2 --spool /var/spool/earlgrey-hbase
  earlgrey-hbase collect --to kafka://127.0.0.1/flows      a message each, to a topic of Kafka
  earlgrey-hbase collect --tee 192.0.2.9:9995              as it came, to nfcapd beside us
  earlgrey-hbase collect --metrics 127.0.0.1:9155          a page for Prometheus
  earlgrey-hbase collect status                            how it stands

SIGTERM and Ctrl-C commit what came, and print the accounts. SIGHUP has the allow-list and the
interval read again from the configuration.";

const STATUS_EXAMPLES: &str = "\
Examples:
  earlgrey-hbase collect status
  earlgrey-hbase collect status -o json
  earlgrey-hbase collect status --spool /var/spool/earlgrey-hbase";

/// How often it is looked up for signals.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long a batch is on its way to a topic before it counts as not taken.
const TOPIC_RECOVERY: Duration = Duration::from_secs(10);
/// How often the status is written.
const STATUS_EVERY: Duration = Duration::from_secs(1);

/// Receive flow exports, NetFlow, IPFIX and sFlow, over UDP, and store them as they come.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true,
    subcommand_precedence_over_arg = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    /// Where exporters send to, IPv4 or IPv6; may be given more than once [default: 127.0.0.1:2055]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Vec<String>,
    /// Whose exports are wanted; may be given more than once [default: everybody's]
    #[arg(long, value_name = "ADDR|CIDR")]
    exporter: Vec<String>,
    /// Send each datagram on as it came, from its exporter's address where this process may send in
    /// the name of others; may be given more than once [default: to nobody]
    #[arg(long, value_name = "ADDR:PORT")]
    tee: Vec<String>,
    /// Write the flows to a topic of Kafka in place of the store, a message each:
    /// kafka[s]://[USER:PASSWORD@]HOST[:PORT][,HOST…]/TOPIC
    #[arg(long, value_name = "URL")]
    to: Option<OsString>,
    /// What its messages hold: json, or protobuf, as goflow2 writes it [default: json]
    #[arg(long, value_name = "FORMAT")]
    format: Option<OsString>,
    #[command(flatten)]
    place: SpoolPlace,
    /// How large the spool may grow while the store is slow or down [default: 10GB]
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true)]
    spool_size: Option<OsString>,
    /// How often what came is committed [default: 2]
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    commit_every: Option<OsString>,
    /// Serve the counters to Prometheus, at /metrics
    #[arg(long, value_name = "ADDR:PORT")]
    metrics: Option<OsString>,
    /// How many sockets, each with a thread, share an address [default: 1]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    sockets: Option<OsString>,
    /// How much the system is to keep, for each socket, of what is not taken yet [default: 64MiB, or
    /// what the system allows]
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true)]
    receive_buffer: Option<OsString>,
    /// Print the accounts, at the end, also to standard output
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

#[derive(Debug, clap::Args)]
struct SpoolPlace {
    /// The folder in which datagrams wait for the store [default: beside the store; for a topic,
    /// spool-TOPIC in the user's state folder]
    #[arg(long, value_name = "DIR")]
    spool: Option<OsString>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print how the collector stands, or stood when it ended
    #[command(after_help = STATUS_EXAMPLES)]
    Status {
        #[command(flatten)]
        place: SpoolPlace,
        /// How it is written
        #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
        output: Output,
    },
}

impl Args {
    pub(in crate::cli) fn flags(&self) -> Flags {
        let list = |values: &[String]| (!values.is_empty()).then(|| values.join(",").into());
        let place = match &self.action {
            Some(Action::Status { place, .. }) => place,
            None => &self.place,
        };
        vec![
            (keys::COLLECT_LISTEN, list(&self.listen)),
            (keys::COLLECT_EXPORTERS, list(&self.exporter)),
            (keys::COLLECT_TEES, list(&self.tee)),
            (keys::COLLECT_TO, self.to.clone()),
            (keys::COLLECT_FORMAT, self.format.clone()),
            (keys::COLLECT_SPOOL, place.spool.clone()),
            (keys::COLLECT_SPOOL_SIZE, self.spool_size.clone()),
            (keys::COLLECT_COMMIT_SECS, self.commit_every.clone()),
            (keys::COLLECT_METRICS, self.metrics.clone()),
            (keys::COLLECT_SOCKETS, self.sockets.clone()),
            (keys::COLLECT_RECEIVE_BUFFER, self.receive_buffer.clone()),
        ]
    }
}

/// `again` reads the settings once more.
pub(in crate::cli) fn run(
    args: &Args,
    settings: &Settings,
    again: &dyn Fn() -> anyhow::Result<Settings>,
) -> anyhow::Result<Ending> {
    if let Some(Action::Status { output, .. }) = &args.action {
        return status(*output, settings);
    }
    let orders = interrupt::orders()?;
    let collector = start(settings, &settings.collect.listen.value)?;
    let page = settings
        .collect
        .metrics
        .value
        .map(|address| page::serve(address, Arc::downgrade(&collector)))
        .transpose()?;
    notify::ready(&greet(&collector, page.as_ref().map(|page| page.address), &settings.tz.value));
    watch(&collector, &orders, again);
    notify::tell(notify::STOPPING);
    say("stopping: what came is being committed; interrupt again to leave at once");
    drop(page);
    finish(collector, settings, args.output)
}

/// Begins to collect what is sent to `listen`.
pub(in crate::cli) fn start(
    settings: &Settings,
    listen: &[SocketAddr],
) -> anyhow::Result<Arc<Collector>> {
    let Setting { value: to, .. } = &settings.collect.to;
    let embedded = to.is_none() && store::if_embedded(settings)?.is_some();
    let store: Box<dyn Store> = match to {
        Some(to) => {
            let format = settings.collect.format.value;
            let kafka = settings.kafka_options();
            // What does not get through is in the spool, and the collector tries again, and says so.
            let recovery = kafka.recovery.min(TOPIC_RECOVERY);
            let options = kafka::Options { recovery, ..kafka };
            Box::new(KafkaLoader::new(to.clone(), options, format, interrupt::watch().flag()))
        }
        None => store::open(settings)?,
    };
    let options = options(settings, listen, load::batch_flows(settings, embedded))?;
    let collector = Collector::start(store, &options).context("collect")?;
    Ok(Arc::new(collector))
}

/// Ends a collector, at which others look only for a moment, and tells what it did.
pub(in crate::cli) fn finish(
    mut collector: Arc<Collector>,
    settings: &Settings,
    output: Output,
) -> anyhow::Result<Ending> {
    let collector = loop {
        match Arc::try_unwrap(collector) {
            Ok(collector) => break collector,
            Err(shared) => collector = shared,
        }
        thread::sleep(Duration::from_millis(1));
    };
    let finished = collector.finish();
    say(report::finished(&finished, &settings.tz.value));
    if output == Output::Json {
        output::print_json(&report::FinishedView::new(&finished, &settings.tz.value))?;
    }
    outcome(finished)
}

/// Does what it is told, and tells how it stands, until the collector is to end, or one of its
/// threads has ended by itself.
pub(in crate::cli) fn watch(
    collector: &Collector,
    orders: &Orders,
    again: &dyn Fn() -> anyhow::Result<Settings>,
) {
    let mut written: Option<Instant> = None;
    while !orders.stop.load(Relaxed) {
        if let Some(failure) = collector.failure() {
            say(failure);
            return;
        }
        if orders.reload.swap(false, Relaxed) {
            reload(collector, again);
        }
        if written.is_none_or(|written| written.elapsed() >= STATUS_EVERY) {
            written = Some(Instant::now());
            if let Err(error) = collector.write_status() {
                tracing::warn!("write the status: {error}");
            }
            notify::tell(notify::ALIVE);
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// What a collector comes to that ended so: what it left behind is a failure.
fn outcome(finished: Finished) -> anyhow::Result<Ending> {
    let Finished { status, failure, .. } = finished;
    let folder = status.spool.folder.display();
    if let Some(panicked) = status.failure {
        let left = format!("collect: what is not loaded stays in {folder}, for the next collector");
        return Err(anyhow::Error::msg(panicked).context(left));
    }
    if let Some(error) = failure {
        let left = format!(
            "collect: what the store did not take stays in {folder}, for the next collector"
        );
        return Err(error).context(left);
    }
    if let Some(unread) = status.spool.unread.first() {
        let left = format!(
            "collect: {} could not be read and stays in {folder}, for the next collector",
            plural(status.spool.unread_segments, "segment"),
        );
        let why = format!("{}: {}", unread.file.display(), unread.failure);
        return Err(anyhow::Error::msg(why).context(left));
    }
    Ok(Ending::Done)
}

fn options(
    settings: &Settings,
    listen: &[SocketAddr],
    batch_flows: usize,
) -> anyhow::Result<Options> {
    let collect = &settings.collect;
    Ok(Options {
        listen: listen.to_owned(),
        sockets: collect.sockets.value,
        receive_buffer_bytes: usize::try_from(collect.receive_buffer.value)
            .context("--receive-buffer")?,
        tees: collect.tees.value.clone(),
        spool: settings.spool()?.to_owned(),
        spool_bytes: collect.spool_size.value,
        batch_flows,
        rates: settings.rates(),
        rules: rules(settings),
    })
}

fn rules(settings: &Settings) -> Rules {
    Rules {
        exporters: settings.collect.exporters.value.clone(),
        commit_every: settings.collect.commit_every.value,
    }
}

/// Says where it listens, which it returns, and what was missed.
pub(in crate::cli) fn greet(
    collector: &Collector,
    page: Option<SocketAddr>,
    zone: &Zone,
) -> String {
    let status = collector.status();
    let addresses: Vec<String> =
        collector.addresses().iter().map(std::string::ToString::to_string).collect();
    let store = &status.store.name;
    let listening = format!("listening at {}, into {store}", addresses.join(" "));
    say(&listening);
    if let Some(address) = page {
        say(format_args!("counters at http://{address}/metrics"));
    }
    if let Some(gap) = status.gap {
        say(report::gap(&gap, zone));
    }
    if status.spool.segments > 0 {
        say(report::left(&status.spool));
    }
    listening
}

/// Takes from the configuration what may change.
fn reload(collector: &Collector, again: &dyn Fn() -> anyhow::Result<Settings>) {
    let settings = match again() {
        Ok(settings) => settings,
        Err(error) => {
            say(format_args!("the configuration stays as it was: {error:#}"));
            return;
        }
    };
    let (before, now) = (collector.rules(), rules(&settings));
    if *before == now {
        say("the configuration was read again: nothing changed");
        return;
    }
    for line in report::changes(&before, &now) {
        say(line);
    }
    collector.set_rules(now);
}

fn status(output: Output, settings: &Settings) -> anyhow::Result<Ending> {
    interrupt::end_at_once()?;
    let spool: &Path = settings.spool()?;
    let status = collect::read(spool)
        .with_context(|| format!("status of the collector in {}", spool.display()))?;
    let Some(status) = status else {
        anyhow::bail!("{}: no collector has used this spool", spool.display());
    };
    output.print(&status, |status| report::status(status, &settings.tz.value))?;
    Ok(Ending::Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory::MemoryStore;
    use crate::store::wrap::{Call, Fault, FaultStore};

    #[test]
    fn a_collector_of_which_a_thread_panics_ends_and_fails() {
        let folder = tempfile::tempdir().unwrap();
        let store = FaultStore::new(MemoryStore::default(), [Fault::Panic(Call::Commit, 1)]);
        let options = Options {
            listen: vec!["127.0.0.1:0".parse().unwrap()],
            sockets: 1,
            receive_buffer_bytes: 1 << 20,
            tees: Vec::new(),
            spool: folder.path().to_owned(),
            spool_bytes: 1 << 20,
            batch_flows: 1000,
            rates: crate::normalise::Rates::default(),
            rules: Rules { exporters: Vec::new(), commit_every: Duration::from_millis(20) },
        };
        let collector = Collector::start(Box::new(store), &options).unwrap();
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.send_to(b"no export", collector.addresses()[0]).unwrap();
        let orders = Orders { stop: Arc::default(), reload: Arc::default() };
        watch(&collector, &orders, &|| anyhow::bail!("nobody asked for that"));
        let error = format!("{:#}", outcome(collector.finish()).unwrap_err());
        let expected = format!(
            "collect: what is not loaded stays in {}, for the next collector: the loader has \
             panicked: a panic that was asked for",
            folder.path().display()
        );
        assert_eq!(error, expected);
    }
}

//! `serve`: a store that is asked over HTTP.

use std::ffi::OsString;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::Duration;

use anyhow::Context;
use nix::sys::resource::{Resource, getrlimit};

use super::failure::{Ending, Usage};
use super::interrupt::{self, Orders};
use super::output::{Output, say};
use super::outside::{Outside, surroundings};
use super::settings::{Flags, Settings, keys};
use super::{collect, notify, store};
use crate::service::{Server, Service, ServiceError};

const EXAMPLES: &str = "\
Examples:
  earlgrey-hbase serve                                  at http://127.0.0.1:8742
  earlgrey-hbase serve --collect 0.0.0.0:2055           and receive exports in the same process
  earlgrey-hbase serve --listen 0.0.0.0:8742 --host flows.example.org \\
      --tls-cert chain.pem --tls-key key.pem            for others; make a token or a user first
  earlgrey-hbase serve --listen 10.0.0.5:8742 --host flows.example.org --proxy 10.0.0.1
  curl 'http://127.0.0.1:8742/readyz'

SIGTERM and Ctrl-C end it within some seconds.";

/// How often it is looked up for signals.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Answer questions over HTTP, for programs and browsers.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Where to listen; may be given more than once [default: 127.0.0.1:8742]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Vec<String>,
    /// Receive flow exports at this address, too, as `collect` does with its settings; may be given
    /// more than once
    #[arg(long, value_name = "ADDR:PORT")]
    collect: Vec<String>,
    #[command(flatten)]
    place: ServiceFolder,
    /// The certificate chain, PEM, with which connections are encrypted
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<OsString>,
    /// The key of the certificate, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<OsString>,
    /// A name by which this server is asked, beside localhost and its addresses; may be given more
    /// than once
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
    /// A proxy before this server, whose Remote-User is believed; may be given more than once
    #[arg(long, value_name = "ADDR|CIDR")]
    proxy: Vec<String>,
    /// What callers by a proxy may do who are no users here: reader (default), analyst, admin
    #[arg(long, value_name = "ROLE")]
    proxy_role: Option<OsString>,
    /// What callers from this machine may do without a token: analyst (default), reader, admin, or
    /// none. Every user of this machine is such a caller
    #[arg(long, value_name = "ROLE")]
    local_role: Option<OsString>,
    /// Where jobs with their results, and alerts, are kept [default: in the folder]
    #[arg(long, value_name = "URL")]
    jobs: Option<OsString>,
    /// A folder out of which captures may be loaded; may be given more than once [default: none]
    #[arg(long, value_name = "DIR")]
    load_folder: Vec<OsString>,
    #[command(flatten)]
    kept: JobOptions,
    #[command(flatten)]
    alerts: AlertOptions,
    #[command(flatten)]
    limits: LimitOptions,
}

/// Where the accounts of a server are.
#[derive(Debug, clap::Args)]
pub(super) struct ServiceFolder {
    /// The server's own folder: accounts, jobs, views, the audit log [default: among the user's
    /// data]
    #[arg(long, value_name = "DIR")]
    folder: Option<OsString>,
}

impl ServiceFolder {
    pub(super) fn flag(&self) -> (keys::Key, Option<OsString>) {
        (keys::SERVE_FOLDER, self.folder.clone())
    }
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Jobs")]
struct JobOptions {
    /// How many jobs are carried out side by side [default: 2]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    jobs_at_once: Option<OsString>,
    /// How long a job may take [default: 3600]
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    job_secs: Option<OsString>,
    /// Whether jobs that ran when the process ended run again with the next one, rather than count
    /// as failed [default: no]
    #[arg(long, value_name = "yes|no")]
    jobs_again: Option<OsString>,
    /// How long jobs are kept that are over [default: 30d]
    #[arg(long, value_name = "SPAN", allow_hyphen_values = true)]
    keep_jobs: Option<OsString>,
    /// How much the results of all jobs may take, before those of the oldest go [default: 10GiB]
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true)]
    results_size: Option<OsString>,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Alerts")]
struct AlertOptions {
    /// What is looked for on a schedule, as `detect` does: kinds with commas between them, all, or none
    /// (default)
    #[arg(long, value_name = "KIND[,KIND…]")]
    detect: Option<OsString>,
    /// How often [default: 1h]
    #[arg(long, value_name = "SPAN", allow_hyphen_values = true)]
    detect_every: Option<OsString>,
    /// Among flows that began since then [default: -1d]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    detect_since: Option<OsString>,
    /// What was sent is sent again so long after, if it was raised again by then [default: 1d]
    #[arg(long, value_name = "SPAN", allow_hyphen_values = true)]
    resend_alerts: Option<OsString>,
    /// How long alerts are kept since they were raised last [default: 90d]
    #[arg(long, value_name = "SPAN", allow_hyphen_values = true)]
    keep_alerts: Option<OsString>,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Limits")]
struct LimitOptions {
    /// How long the body of a request may be [default: 1MiB]
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true)]
    max_body: Option<OsString>,
    /// How many rows an answer may have [default: 1000000]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    max_rows: Option<OsString>,
    /// How long an answer may take [default: 120]
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    max_secs: Option<OsString>,
    /// How many questions of one caller are answered at once [default: 256]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    max_questions: Option<OsString>,
    /// How many requests one caller may make a second [default: 10000]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    max_requests: Option<OsString>,
    /// How many connections are open at once [default: 4096]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    max_connections: Option<OsString>,
    /// How long a file of the audit log may be [default: 100MB]
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true)]
    audit_size: Option<OsString>,
    /// How many full ones are kept [default: 10]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    audit_files: Option<OsString>,
}

impl Args {
    pub(super) fn flags(&self) -> Flags {
        let list = |values: &[String]| (!values.is_empty()).then(|| values.join(",").into());
        let (kept, limits) = (&self.kept, &self.limits);
        vec![
            (keys::SERVE_LISTEN, list(&self.listen)),
            (keys::SERVE_COLLECT, list(&self.collect)),
            self.place.flag(),
            (keys::SERVE_TLS_CERT, self.tls_cert.clone()),
            (keys::SERVE_TLS_KEY, self.tls_key.clone()),
            (keys::SERVE_HOSTS, list(&self.host)),
            (keys::SERVE_PROXIES, list(&self.proxy)),
            (keys::SERVE_PROXY_ROLE, self.proxy_role.clone()),
            (keys::SERVE_LOCAL_ROLE, self.local_role.clone()),
            (keys::SERVE_JOBS, self.jobs.clone()),
            (keys::SERVE_MAX_BODY, limits.max_body.clone()),
            (keys::SERVE_MAX_ROWS, limits.max_rows.clone()),
            (keys::SERVE_MAX_SECS, limits.max_secs.clone()),
            (keys::SERVE_MAX_QUESTIONS, limits.max_questions.clone()),
            (keys::SERVE_MAX_REQUESTS, limits.max_requests.clone()),
            (keys::SERVE_MAX_CONNECTIONS, limits.max_connections.clone()),
            (keys::SERVE_AUDIT_SIZE, limits.audit_size.clone()),
            (keys::SERVE_AUDIT_FILES, limits.audit_files.clone()),
            (keys::SERVE_JOBS_AT_ONCE, kept.jobs_at_once.clone()),
            (keys::SERVE_JOB_SECS, kept.job_secs.clone()),
            (keys::SERVE_JOBS_AGAIN, kept.jobs_again.clone()),
            (keys::SERVE_KEEP_JOBS, kept.keep_jobs.clone()),
            (keys::SERVE_RESULTS_SIZE, kept.results_size.clone()),
            (keys::SERVE_DETECT, self.alerts.detect.clone()),
            (keys::SERVE_DETECT_EVERY, self.alerts.detect_every.clone()),
            (keys::SERVE_DETECT_SINCE, self.alerts.detect_since.clone()),
            (keys::SERVE_RESEND_ALERTS, self.alerts.resend_alerts.clone()),
            (keys::SERVE_KEEP_ALERTS, self.alerts.keep_alerts.clone()),
        ]
    }
}

/// `again` reads the settings once more.
pub(super) fn run(
    args: &Args,
    settings: &Settings,
    again: &dyn Fn() -> anyhow::Result<Settings>,
) -> anyhow::Result<Ending> {
    let orders = interrupt::orders()?;
    let mut options = settings.service()?;
    if !args.load_folder.is_empty() {
        options.load_folders = args.load_folder.iter().map(Into::into).collect();
    }
    options.limits.connections = options.limits.connections.min(descriptors() / 2);
    let ways = settings.alert_ways()?;
    check_rules(settings)?;
    let store = Arc::from(store::open(settings)?);
    let service = Service::new(store, options, ways).map_err(usage)?;
    let service = Arc::new(service);
    let server = Server::start(&service).context("serve")?;
    let listen = &settings.serve.collect.value;
    let collector = if listen.is_empty() { None } else { Some(collect::start(settings, listen)?) };
    if let Some(collector) = &collector {
        service.tell_of(collector);
        collect::greet(collector, None, &settings.tz.value);
    }
    // A server that cannot begin takes no job in hand.
    service.begin_jobs().context("serve")?;
    service.begin_alerts().context("serve")?;
    service.begin_lookout().context("serve")?;
    notify::ready(&greet(&service, &server));
    match &collector {
        Some(collector) => collect::watch(collector, &orders, again),
        None => wait(&orders),
    }
    notify::tell(notify::STOPPING);
    say("stopping: answers that are under way have some seconds; interrupt again to leave at once");
    server.finish();
    service.close_lookout();
    service.close_jobs();
    service.close_alerts();
    match collector {
        Some(collector) => collect::finish(collector, settings, Output::Text),
        None => Ok(Ending::Done),
    }
}

/// Refuses rules that cannot be meant, before anything is served.
fn check_rules(settings: &Settings) -> anyhow::Result<()> {
    let outside = Outside(settings);
    let around = surroundings(&outside);
    for table in &settings.rules {
        table.rule(&around)?;
    }
    Ok(())
}

/// How many files may be open: connections must leave some to the store.
fn descriptors() -> usize {
    let most = getrlimit(Resource::RLIMIT_NOFILE).map_or(u64::MAX, |(soft, _)| soft);
    usize::try_from(most).unwrap_or(usize::MAX)
}

/// What cannot be as it was asked for is wrong usage, and all else a failure.
fn usage(error: ServiceError) -> anyhow::Error {
    match error {
        ServiceError::Open(told) => Usage(format!("serve: {told}")).into(),
        error => anyhow::Error::new(error).context("serve"),
    }
}

/// Says where it listens, and returns that.
fn greet(service: &Service, server: &Server) -> String {
    let scheme = if service.options.tls.is_some() { "https" } else { "http" };
    let addresses: Vec<String> =
        server.addresses().iter().map(|address| format!("{scheme}://{address}")).collect();
    let serving = format!("serving {} at {}", service.store, addresses.join(" "));
    say(&serving);
    serving
}

fn wait(orders: &Orders) {
    while !orders.stop.load(Relaxed) {
        thread::sleep(LOOK_EVERY);
    }
}

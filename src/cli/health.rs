//! `health`: whether the collector and the server of the settings work.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, bail};
use ureq::Agent;
use ureq::tls::TlsConfig;

use super::failure::Ending;
use super::output;
use super::settings::Settings;
use crate::collect::{self, State};
use crate::flow::UnixMillis;

const EXAMPLES: &str = "\
Examples:
  earlgrey-hbase health              what is at work here works, as a container asks
  earlgrey-hbase health collect      a collector is at work
  earlgrey-hbase health serve        a server is at work, and answers at /healthz

A collector is found by its spool, a server by serve.listen or EARLGREY_SERVE_LISTEN. Exit status: 0
if it is so, 1 if not.";

/// A collector writes how it stands every second.
const STALE_MS: u64 = 30_000;
/// So long may a server take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Say whether the collector and the server on this machine work.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// What is to be at work [default: whatever is]
    #[arg(value_name = "SERVICE", value_enum)]
    service: Option<Kind>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    /// A collector
    Collect,
    /// A server
    Serve,
}

pub(super) fn run(args: &Args, settings: &Settings) -> anyhow::Result<Ending> {
    let (collector, server) = match args.service {
        Some(Kind::Collect) => (collector(settings)?, None),
        Some(Kind::Serve) => (None, server(settings)?),
        None => (collector(settings)?, server(settings)?),
    };
    let at_work: Vec<String> = collector.into_iter().chain(server).collect();
    match args.service {
        Some(Kind::Collect) if at_work.is_empty() => bail!("no collector is at work here"),
        Some(Kind::Serve) if at_work.is_empty() => bail!("no server is at work here"),
        None if at_work.is_empty() => {
            output::print_all("neither a collector nor a server is at work here\n")?;
        }
        _ => output::print_all(&(at_work.join("\n") + "\n"))?,
    }
    Ok(Ending::Done)
}

/// What the collector that has the spool does, if one has it.
fn collector(settings: &Settings) -> anyhow::Result<Option<String>> {
    let spool = settings.spool()?;
    let status = collect::read(spool)
        .with_context(|| format!("status of the collector in {}", spool.display()))?;
    let Some(status) = status.filter(|status| status.state == State::Running) else {
        return Ok(None);
    };
    let age_ms = UnixMillis::now().0.saturating_sub(status.written.0);
    if age_ms > STALE_MS {
        bail!("the collector has not said for {} s how it stands", age_ms / 1000);
    }
    let sockets: Vec<String> =
        status.sockets.iter().map(|socket| socket.address.to_string()).collect();
    Ok(Some(format!("the collector at {} works", sockets.join(" "))))
}

/// What the server answers, if one listens.
fn server(settings: &Settings) -> anyhow::Result<Option<String>> {
    let options = settings.service()?;
    let Some(&listen) = options.listen.first() else { return Ok(None) };
    let address = reachable(listen);
    match TcpStream::connect_timeout(&address, PATIENCE) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => return Ok(None),
        connected => drop(connected.with_context(|| format!("connect to {address}"))?),
    }
    // Whose certificate it is says nothing of whether the server works, and it names others than
    // this address.
    let tls = TlsConfig::builder().disable_verification(true).build();
    let agent: Agent = Agent::config_builder()
        .tls_config(tls)
        .timeout_global(Some(PATIENCE))
        .proxy(None)
        .build()
        .into();
    let scheme = if options.tls.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{address}/healthz");
    agent.get(&url).call().with_context(|| url.clone())?;
    Ok(Some(format!("the server at {scheme}://{listen} works")))
}

/// Where a server can be asked that listens there.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

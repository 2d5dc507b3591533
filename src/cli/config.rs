//! `config`: the settings, and where they come from.

use std::io::Write;

use clap::Subcommand;
use serde_json::Value;

use super::failure::Ending;
use super::output::{self, Output};
use super::settings::{CONFIG_VARIABLE, Settings, user_file};
use crate::answer::words::columns;

const EXAMPLES: &str = "\
Examples:
  earlgrey-hbase config show
  earlgrey-hbase --config ./earlgrey.toml config show -o json

A configuration file:
  store = \"/var/lib/earlgrey-hbase\"
  [load]
  paths = [\"/var/spool/captures\"]
  [output]
  format = \"line\"        # a format of query -o, also with cells: \"fmt:%ts %sap\"
  tz = \"UTC\"
  print = 10
  community_id_seed = 0    # that of Zeek, Suricata and others here
  progress = \"auto\"      # auto, always, never, json
  [limits]
  batch_flows = 2000000
  commit_secs = 30
  threads = 2
  memory = \"200MB\"
  [hbase]
  connections = 4
  answer_secs = 120        # how long one answer is waited for
  recovery_secs = 180      # how long a call is repeated
  [collect]
  listen = [\"0.0.0.0:2055\", \"[::]:4739\"]
  exporters = [\"10.1.0.0/16\"]
  spool = \"/var/spool/earlgrey-hbase\"
  spool_size = \"10GB\"
  commit_secs = 2
  metrics = \"127.0.0.1:9155\"
  [serve]
  listen = [\"0.0.0.0:8742\"]
  hosts = [\"flows.example.org\"]
  tls_cert = \"/etc/earlgrey-hbase/chain.pem\"
  tls_key = \"/etc/earlgrey-hbase/key.pem\"
  load_folders = [\"/var/spool/captures\"]
  [detect]
  scan_hosts = 64          # what decides, by the names of the options of detect
  [exporters.\"10.1.0.7\"]  # of load and collect, for what is loaded from then on
  sampling = 1000          # one packet of 1000 is seen, where the exporter tells nothing
  override = true          # … or whatever it tells

Environment variables (EARLGREY_STORE, EARLGREY_LOAD_PATHS, EARLGREY_FORMAT, EARLGREY_TZ,
EARLGREY_PRINT, EARLGREY_COMMUNITY_ID_SEED, EARLGREY_PROGRESS, EARLGREY_BATCH_FLOWS,
EARLGREY_COMMIT_SECS, EARLGREY_THREADS, EARLGREY_MEMORY; EARLGREY_HBASE_ with CONNECTIONS, ANSWER_SECS, RECOVERY_SECS; EARLGREY_COLLECT_
with LISTEN, EXPORTERS, SPOOL, SPOOL_SIZE, COMMIT_SECS, METRICS, SOCKETS, RECEIVE_BUFFER;
EARLGREY_SERVE_ with LISTEN, COLLECT, FOLDER, TLS_CERT, TLS_KEY, HOSTS, PROXIES, PROXY_ROLE,
LOCAL_ROLE, JOBS, LOAD_FOLDERS, MAX_BODY, MAX_ROWS, MAX_SECS, MAX_QUESTIONS, MAX_REQUESTS,
MAX_CONNECTIONS, AUDIT_SIZE, AUDIT_FILES, JOBS_AT_ONCE, JOB_SECS, JOBS_AGAIN, KEEP_JOBS,
RESULTS_SIZE; EARLGREY_DETECT_ with SCAN_HOSTS and so on) weigh more than the file, and flags more than
these.
EARLGREY_CONFIG names the file, EARLGREY_LOG what is logged (debug, or earlgrey_hbase::load=trace).";

const SHOW_EXAMPLES: &str = "\
Examples:
  earlgrey-hbase config show
  earlgrey-hbase config show -o json
  EARLGREY_TZ=local earlgrey-hbase config show --store /var/lib/earlgrey-hbase";

/// Show the settings, and where each comes from.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print every setting, its value, and where that comes from
    #[command(after_help = SHOW_EXAMPLES)]
    Show {
        /// How settings are written
        #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
        output: Output,
    },
}

pub(super) fn run(args: &Args, settings: &Settings) -> anyhow::Result<Ending> {
    let Action::Show { output } = &args.action;
    let shown = settings.shown();
    if *output == Output::Json {
        output::print_json(&shown)?;
        return Ok(Ending::Done);
    }
    let rows: Vec<Vec<String>> = shown
        .into_iter()
        .map(|setting| vec![setting.name.into_owned(), plain(&setting.value), setting.origin])
        .collect();
    output::print(|out| {
        out.write_all(columns(&rows, &[false; 3]).as_bytes())?;
        Ok(())
    })?;
    if let Some(file) = user_file().filter(|_| settings.file.is_none()) {
        output::say(format_args!(
            "{} is read if it is there; --config and {CONFIG_VARIABLE} name another",
            file.display()
        ));
    }
    Ok(Ending::Done)
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "-".to_owned(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

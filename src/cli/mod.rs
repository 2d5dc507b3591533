//! The command line: one file for each command.
//!
//! Data goes to standard output and all else to standard error; [`run`] turns errors into a
//! message, a hint and an exit status.

mod active_flow;
mod alerts;
mod anonymise;
mod asking;
mod collect;
mod compact;
mod completions;
mod config;
mod destination;
mod detect;
mod diff;
mod expire;
mod export;
mod failure;
mod format;
mod generate;
mod health;
mod interrupt;
mod load;
mod loads;
mod log;
mod man;
mod notify;
mod output;
mod outside;
mod plot;
mod print_option;
mod progress;
mod query;
mod replay;
mod report;
mod rules;
mod schema;
mod serve;
mod settings;
mod stats;
mod store;
mod summary;
mod suppress;
mod timeline;
mod token;
mod top;
mod topic;
mod user;
mod verify;
mod watch;
mod whole_file;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use failure::Ending;
use output::say;
use settings::{Flags, Settings, keys};

const EXAMPLES: &str = "\
Examples:
  earlgrey-hbase load netflow000.tar.bz2             load an archive of captures
  earlgrey-hbase query 122.166.26.132                what a host sent
  earlgrey-hbase query 10.0.0.0/8 --direction any    what a network sent and received
  earlgrey-hbase query --where 'ip 10.1.2.3 and port 53'
  earlgrey-hbase active-flow -print 10               the ten pairs that exchanged most
  earlgrey-hbase top srcip,dstport --by flows        and the keys that most flows are of

Exit status: 0 done, 1 failed, 2 wrong usage, 3 input was partly unusable (what was whole is
stored), 4 the store cannot be reached, 5 verify found no damage but could not read everything,
130 interrupted.";

/// Loads NetFlow captures into a store, and answers about hosts and networks in milliseconds.
#[derive(Debug, Parser)]
#[command(name = "earlgrey-hbase", version, after_help = EXAMPLES, max_term_width = 100)]
struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// What every command understands.
#[derive(Debug, clap::Args)]
#[expect(clippy::doc_markdown, reason = "these comments are the help of the options")]
#[command(next_help_heading = "Common options")]
struct Common {
    /// The store: the path of its folder, or hbase://HOST[:PORT][,HOST…][/TABLE], or, to be
    /// read, elastic[s]://HOST[:PORT][,HOST…][/INDEX] [else EARLGREY_STORE, else the configuration, else a folder among the user's data]
    #[arg(long, global = true, value_name = "URL")]
    store: Option<OsString>,
    /// The configuration file [else EARLGREY_CONFIG, else earlgrey-hbase/earlgrey.toml in the
    /// user's configuration folder]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The time zone of times that are shown, and of those given without one: UTC (default), local,
    /// +02:00, Europe/Zurich
    #[arg(long, global = true, value_name = "ZONE", allow_hyphen_values = true)]
    tz: Option<OsString>,
    /// The seed of Community IDs, that of all tools of a site that compare them: 0 to 65535
    /// [default: 0]
    #[arg(long, global = true, value_name = "N", allow_negative_numbers = true)]
    community_id_seed: Option<OsString>,
    /// How many threads work [default: as many as there are cores; on HBase at least as many as
    /// connections]
    #[arg(long, global = true, value_name = "N", allow_negative_numbers = true)]
    threads: Option<OsString>,
    /// How much memory sums over all flows may take before they go to temporary files: 400MB, 2GiB
    #[arg(long, global = true, value_name = "SIZE", allow_hyphen_values = true)]
    memory: Option<OsString>,
    /// How many connections to HBase or Elasticsearch write side by side [default: 4]
    #[arg(long, global = true, value_name = "N", allow_negative_numbers = true)]
    hbase_connections: Option<OsString>,
    /// How long one answer of HBase, Elasticsearch or Kafka is waited for: a region that moves takes its
    /// time [default: 120]
    #[arg(long, global = true, value_name = "SECONDS", allow_negative_numbers = true)]
    answer_secs: Option<OsString>,
    /// How long a call to HBase, Elasticsearch or Kafka is repeated before the cluster counts as not to be
    /// reached [default: 180]
    #[arg(long, global = true, value_name = "SECONDS", allow_negative_numbers = true)]
    recovery_secs: Option<OsString>,
    /// The certificates, as PEM, of who vouches for servers of Elasticsearch or Kafka [default: those
    /// that browsers trust]
    #[arg(long, global = true, value_name = "FILE")]
    ca: Option<OsString>,
    /// The table of networks, CSV with prefix,name,role,site,tenant,from,until: what addresses mean
    #[arg(long, global = true, value_name = "FILE")]
    networks: Option<OsString>,
    /// The table of hosts, CSV with address,name
    #[arg(long, global = true, value_name = "FILE")]
    hosts: Option<OsString>,
    /// The table of exporters and their interfaces, CSV with
    /// exporter,interface,name,description,speed; its names count more than those that exporters told
    #[arg(long, global = true, value_name = "FILE")]
    exporters_file: Option<OsString>,
    /// A database of countries, cities or names of autonomous systems: MaxMind's format, or CSV of
    /// ranges; of several, the first that says something holds
    #[arg(long, global = true, value_name = "FILE")]
    database: Vec<OsString>,
    /// Where numbers of autonomous systems come from: exported by flows, from the database, or from
    /// either, the exporter's first [default: either, where a database has them]
    #[arg(long = "as", id = "as_numbers", global = true, value_name = "exported|database|either")]
    as_numbers: Option<OsString>,
    /// Say more on standard error; twice for details
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
}

#[derive(Debug, Subcommand)]
enum Command {
    Load(load::Args),
    Collect(collect::Args),
    Serve(Box<serve::Args>),
    Token(token::Args),
    User(user::Args),
    Query(query::Args),
    Export(Box<export::Args>),
    ActiveFlow(active_flow::Args),
    Top(top::Args),
    Detect(Box<detect::Args>),
    Alerts(alerts::Args),
    Diff(diff::Args),
    Timeline(timeline::Args),
    Report(report::Args),
    Watch(watch::Args),
    Rules(rules::Args),
    Stats(stats::Args),
    Loads(loads::Args),
    Verify(verify::Args),
    Compact(compact::Args),
    Expire(expire::Args),
    Schema(schema::Args),
    Health(health::Args),
    Generate(generate::Args),
    Replay(replay::Args),
    Config(config::Args),
    Completions(completions::Args),
    Man(man::Args),
}

impl Command {
    /// Whether it stores flows, and goes on where it was when it is given again.
    fn stores(&self) -> bool {
        matches!(self, Self::Load(_) | Self::Collect(_) | Self::Compact(_))
    }

    /// Whether it reads flows for an answer, which an interrupt gives up.
    fn asks(&self) -> bool {
        match self {
            Self::Watch(args) => return args.asks(),
            Self::Rules(args) => return args.asks(),
            _ => {}
        }
        matches!(
            self,
            Self::Query(_)
                | Self::Export(_)
                | Self::ActiveFlow(_)
                | Self::Top(_)
                | Self::Detect(_)
                | Self::Diff(_)
                | Self::Timeline(_)
                | Self::Report(_)
                | Self::Stats(_)
        )
    }

    /// Whether an interrupt finds it at something that it first brings to an end.
    fn minds_interrupts(&self) -> bool {
        self.stores() || matches!(self, Self::Replay(_) | Self::Serve(_))
    }
}

/// Runs the command that `arguments`, the program's name first, ask for.
pub fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    completions::answer();
    let arguments = match Arguments::try_parse_from(print_option::rewrite(arguments)) {
        Ok(arguments) => arguments,
        Err(error) => {
            // If nobody reads the message, the exit status still tells.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    interrupt::outlive_file_size_limit();
    log::start(arguments.common.verbose);
    let stores = arguments.command.stores();
    match carry_out(arguments) {
        Ok(ending) => ending.into(),
        Err(error) if output::is_closed(&error) => ExitCode::SUCCESS,
        Err(error) if failure::is_stopped(&error) => Ending::Interrupted.into(),
        Err(error) => {
            say(format_args!("earlgrey-hbase: {error:#}"));
            if let Some(hint) = failure::hint(&error, stores) {
                say(format_args!("hint: {hint}"));
            }
            failure::status(&error)
        }
    }
}

fn carry_out(Arguments { common, command }: Arguments) -> anyhow::Result<Ending> {
    match command {
        Command::Completions(args) => return completions::run(&args),
        Command::Man(args) => return man::run(&args),
        _ => {}
    }
    let mut flags = common.flags();
    match &command {
        Command::Load(args) => flags.extend(args.flags()),
        Command::Collect(args) => flags.extend(args.flags()),
        Command::Serve(args) => flags.extend(args.flags()),
        Command::Token(args) => flags.extend(args.flags()),
        Command::User(args) => flags.extend(args.flags()),
        Command::Query(args) => flags.extend(args.flags()),
        Command::Export(args) => flags.extend(args.flags()),
        Command::ActiveFlow(args) => flags.extend(args.flags()),
        Command::Top(args) => flags.extend(args.flags()),
        Command::Detect(args) => flags.extend(args.flags()),
        Command::Rules(args) => flags.extend(args.flags()),
        Command::Alerts(args) => flags.extend(args.flags()),
        Command::Diff(args) => flags.extend(args.flags()),
        Command::Timeline(args) => flags.extend(args.flags()),
        Command::Report(args) => flags.extend(args.flags()),
        _ => {}
    }
    let resolve = || Settings::resolve(common.config.as_deref(), flags.clone());
    let settings = resolve()?;
    settings.log();
    settings.use_threads();
    settings.use_community_id_seed();
    if command.asks() {
        interrupt::stop_watch()?;
    } else if !command.minds_interrupts() {
        interrupt::end_at_once()?;
    }
    match command {
        Command::Load(args) => load::run(&args, &settings),
        Command::Collect(args) => collect::run(&args, &settings, &resolve),
        Command::Serve(args) => serve::run(&args, &settings, &resolve),
        Command::Token(args) => token::run(&args, &settings),
        Command::User(args) => user::run(&args, &settings),
        Command::Query(args) => query::run(&args, &settings),
        Command::Export(args) => export::run(&args, &settings),
        Command::ActiveFlow(args) => active_flow::run(&args, &settings),
        Command::Top(args) => top::run(&args, &settings),
        Command::Detect(args) => detect::run(&args, &settings),
        Command::Alerts(args) => alerts::run(&args, &settings),
        Command::Diff(args) => diff::run(&args, &settings),
        Command::Timeline(args) => timeline::run(&args, &settings),
        Command::Report(args) => report::run(&args, &settings),
        Command::Watch(args) => watch::run(&args, &settings),
        Command::Rules(args) => rules::run(&args, &settings),
        Command::Stats(args) => stats::run(&args, &settings),
        Command::Loads(args) => loads::run(&args, &settings),
        Command::Verify(args) => verify::run(&args, &settings),
        Command::Compact(args) => compact::run(&args, &settings),
        Command::Expire(args) => expire::run(&args, &settings),
        Command::Schema(args) => schema::run(&args, &settings),
        Command::Health(args) => health::run(&args, &settings),
        Command::Generate(args) => generate::run(&args, &settings),
        Command::Replay(args) => replay::run(&args, &settings),
        Command::Config(args) => config::run(&args, &settings),
        Command::Completions(_) | Command::Man(_) => Ok(Ending::Done),
    }
}

impl Common {
    fn flags(&self) -> Flags {
        let mut flags = vec![
            (keys::STORE, self.store.clone()),
            (keys::TZ, self.tz.clone()),
            (keys::COMMUNITY_ID_SEED, self.community_id_seed.clone()),
            (keys::THREADS, self.threads.clone()),
            (keys::MEMORY, self.memory.clone()),
            (keys::CONNECTIONS, self.hbase_connections.clone()),
            (keys::ANSWER_SECS, self.answer_secs.clone()),
            (keys::RECOVERY_SECS, self.recovery_secs.clone()),
            (keys::ELASTIC_CA, self.ca.clone()),
            (keys::KAFKA_CA, self.ca.clone()),
            (keys::NETWORKS, self.networks.clone()),
            (keys::HOSTS, self.hosts.clone()),
            (keys::NAMED_EXPORTERS, self.exporters_file.clone()),
            (keys::AS_NUMBERS, self.as_numbers.clone()),
        ];
        let databases = self.database.iter().map(|file| (keys::DATABASES, Some(file.clone())));
        flags.extend(databases);
        flags
    }
}

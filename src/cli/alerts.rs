//! `alerts`: what stood out, what people made of it, and what became of the messages about it.

use std::ffi::OsString;
use std::io::Write;

use clap::{Subcommand, ValueEnum};

use super::failure::{Ending, Usage};
use super::output::{self, say};
use super::serve::ServiceFolder;
use super::settings::{Flags, Settings, keys};
use super::suppress::user;
use crate::alert::way::Failure;
use crate::alert::{self, Alert, Alerts, AlertsError, Kept, Source, State, Status, Verdict, Which};
use crate::answer::words::{columns, grouped, plural, shell_quoted};
use crate::detect::Severity;
use crate::flow::UnixMillis;
use crate::request::{Zone, show, whole_number};

const EXAMPLES: &str = "\
Examples:
  earlgrey-hbase alerts list                             what was raised, the last first
  earlgrey-hbase alerts list --state open --severity high --since -24h
  earlgrey-hbase alerts list -o ndjson                   a line of JSON for each
  earlgrey-hbase alerts show 7c1f0a52d3e4b698            all that is known of one
  earlgrey-hbase alerts seen 7c1f0a52d3e4b698 --note 'asked the owner'
  earlgrey-hbase alerts close 7c1f0a52d3e4b698 --note 'a backup'
  earlgrey-hbase alerts test-way hook                    send one that says it is a test
  earlgrey-hbase alerts --jobs mongodb://db/earlgrey list   of a server that keeps them there

They are in the folder of the server, or where that keeps its jobs; it may be at work meanwhile. Ways are tables of the
configuration, [ways.NAME]; docs/alerts.md has them.";

/// Print what stood out, say what is to be made of it, and try the ways on which it is told.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    place: ServiceFolder,
    /// Where the server keeps jobs and alerts, if not in its folder
    #[arg(long, value_name = "URL")]
    jobs: Option<OsString>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print alerts, those raised last first
    List(List),
    /// Print all that is known of an alert
    Show {
        /// Its id
        id: String,
        /// How it is written
        #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
        output: Written,
    },
    /// Say that somebody looks at an alert
    Seen(Judged),
    /// Say that an alert is done with, until it goes on
    Close(Judged),
    /// Send an alert that says it is a test, and print what the receiver says
    TestWay {
        /// What the way is called
        name: String,
    },
}

#[derive(Debug, clap::Args)]
struct Judged {
    /// Its id
    id: String,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    note: String,
}

/// Which alerts.
#[derive(Debug, clap::Args)]
struct List {
    #[command(flatten)]
    which: Which,
    /// How many
    #[arg(short = 'n', long = "count", value_name = "N", default_value = "100",
        value_parser = whole_number::<u64>, allow_negative_numbers = true)]
    count: u64,
    /// How they are written
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: Written,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Written {
    #[default]
    Text,
    Json,
    Ndjson,
    Csv,
}

impl Args {
    pub(super) fn flags(&self) -> Flags {
        vec![self.place.flag(), (keys::SERVE_JOBS, self.jobs.clone())]
    }
}

pub(super) fn run(args: &Args, settings: &Settings) -> anyhow::Result<Ending> {
    let zone = &settings.tz.value;
    match &args.action {
        Action::List(list) => {
            let wanted = list.which.wanted(zone, list.count)?;
            let alerts = match open(settings)? {
                Some(alerts) => alerts.list(&wanted)?,
                None => Vec::new(),
            };
            write(&alerts, list.output, zone)?;
        }
        Action::Show { id, output: Written::Text } => {
            output::print_all(&text(&one(settings, id)?.get(id).map_err(named)?, zone))?;
        }
        Action::Show { id, output: Written::Json } => {
            output::print_json(&one(settings, id)?.get(id).map_err(named)?)?;
        }
        Action::Show { id, output } => {
            let kept = one(settings, id)?.get(id).map_err(named)?;
            write(std::slice::from_ref(&kept), *output, zone)?;
        }
        Action::Seen(judged) => judge(settings, judged, State::Seen)?,
        Action::Close(judged) => judge(settings, judged, State::Closed)?,
        Action::TestWay { name } => test(settings, name)?,
    }
    Ok(Ending::Done)
}

/// The alerts of the server; none where there never were any.
fn open(settings: &Settings) -> anyhow::Result<Option<Alerts>> {
    let (url, folder) = (settings.jobs_url(), settings.service_folder()?);
    if url.is_none() && !alert::file(folder).exists() {
        return Ok(None);
    }
    Ok(Some(Alerts::new(alert::keeper(url, folder)?, &[], settings.alerts())))
}

/// As [`open`], where there must be this one.
fn one(settings: &Settings, id: &str) -> anyhow::Result<Alerts> {
    open(settings)?.ok_or_else(|| named(AlertsError::Unknown(id.to_owned())))
}

/// What an id that is none is: wrong usage.
fn named(error: AlertsError) -> anyhow::Error {
    match error {
        AlertsError::Unknown(_) => Usage(error.to_string()).into(),
        error => error.into(),
    }
}

fn judge(settings: &Settings, judged: &Judged, state: State) -> anyhow::Result<()> {
    let Judged { id, note } = judged;
    let by = user();
    let verdict = Verdict { by, at: UnixMillis::now(), note: note.clone() };
    let kept = one(settings, id)?.judge(id, state, &verdict).map_err(named)?;
    say(format_args!("alert {id} is {}", kept.state));
    Ok(())
}

/// Sends an alert that says it is a test.
fn test(settings: &Settings, name: &str) -> anyhow::Result<()> {
    let way = settings.ways.iter().find(|way| way.terms.name == name);
    let Some(way) = way else {
        let known: Vec<&str> = settings.ways.iter().map(|way| &*way.terms.name).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(
            Usage(format!("there is no way {name:?}; the configuration has {known}")).into()
        );
    };
    let now = UnixMillis::now();
    let alert = Alert {
        id: format!("test-{}", now.0),
        source: Source::Rule,
        name: "test".to_owned(),
        severity: Severity::Low,
        title: format!("this is a test of the way {name}; nothing happened"),
        first: now,
        last: now,
        filter: "any".to_owned(),
        attack: None,
        document: serde_json::json!({ "test": true }),
    };
    match way.open()?.carrier.send(&[&Kept::new(&alert, now, &[])]) {
        Ok(said) => output::print_all(&format!("{name} took it: {said}\n")),
        Err(Failure::Passing { told, .. }) => {
            Err(anyhow::anyhow!("{name} did not take it, and would be tried again: {told}"))
        }
        Err(Failure::Lasting(told)) => Err(anyhow::anyhow!("{name} refused it: {told}")),
    }
}

fn write(alerts: &[Kept], written: Written, zone: &Zone) -> anyhow::Result<()> {
    match written {
        Written::Text => output::print_all(&table(alerts, zone)),
        Written::Json => output::print_json(alerts),
        Written::Ndjson => output::print(|out| {
            for kept in alerts {
                writeln!(out, "{}", serde_json::to_string(kept)?)?;
            }
            Ok(())
        }),
        Written::Csv => output::print(|out| {
            let mut csv = csv::Writer::from_writer(out);
            csv.write_record([
                "id", "source", "name", "severity", "state", "count", "first", "last", "raised",
                "title", "filter",
            ])?;
            for kept in alerts {
                let Kept { alert, count, state, raised, .. } = kept;
                csv.write_record([
                    &alert.id,
                    alert.source.name(),
                    &alert.name,
                    alert.severity.name(),
                    state.name(),
                    &count.to_string(),
                    &show(alert.first, zone),
                    &show(alert.last, zone),
                    &show(*raised, zone),
                    &alert.title,
                    &alert.filter,
                ])?;
            }
            Ok(csv.flush()?)
        }),
    }
}

fn table(alerts: &[Kept], zone: &Zone) -> String {
    if alerts.is_empty() {
        return "no alerts\n".to_owned();
    }
    let heads = ["raised", "severity", "state", "count", "told", "title", "id"];
    let row = |kept: &Kept| {
        vec![
            show(kept.raised, zone),
            kept.alert.severity.to_string(),
            kept.state.to_string(),
            grouped(kept.count),
            told(kept),
            kept.alert.title.replace(char::is_control, " "),
            kept.alert.id.clone(),
        ]
    };
    let heads = heads.map(str::to_owned).to_vec();
    let rows: Vec<_> = std::iter::once(heads).chain(alerts.iter().map(row)).collect();
    columns(&rows, &[false, false, false, true, false, false, false])
}

/// What became of the messages.
fn told(kept: &Kept) -> String {
    let count = |status| kept.messages.iter().filter(|m| m.status == status).count();
    let told = [
        (count(Status::Sent), "sent"),
        (count(Status::Waiting), "waiting"),
        (count(Status::Undelivered), "undelivered"),
    ];
    let told: Vec<String> = told
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, name)| format!("{count} {name}"))
        .collect();
    if told.is_empty() { "-".to_owned() } else { told.join(", ") }
}

fn text(kept: &Kept, zone: &Zone) -> String {
    let Kept { alert, count, opened, raised, state, verdict, messages, .. } = kept;
    let attack = alert.attack.as_deref().unwrap_or("-").to_owned();
    let mut rows = vec![
        ("id", alert.id.clone()),
        ("title", alert.title.clone()),
        ("severity", alert.severity.to_string()),
        ("found by", format!("{} {}", alert.source, alert.name)),
        ("ATT&CK", attack),
        ("first", show(alert.first, zone)),
        ("last", show(alert.last, zone)),
        ("raised", format!("{}, since {}", plural(*count, "time"), show(*opened, zone))),
        ("last raised", show(*raised, zone)),
        ("state", state.to_string()),
    ];
    if let Some(Verdict { by, at, note }) = verdict {
        rows.push(("said by", format!("{by}, {}: {note}", show(*at, zone))));
    }
    for message in messages {
        let status = match message.status {
            Status::Sent => "sent".to_owned(),
            Status::Waiting => format!("waiting until {}", show(message.due, zone)),
            Status::Undelivered => "undelivered".to_owned(),
        };
        let said = message.said.as_deref().unwrap_or("-");
        let tries = plural(u64::from(message.attempts), "try").replace("trys", "tries");
        rows.push(("told", format!("{}: {status}, {tries}: {said}", message.way)));
    }
    let (since, until) = (show(alert.first, zone), show(UnixMillis(alert.last.0 + 1), zone));
    let filter = shell_quoted(&alert.filter);
    let flows =
        format!("earlgrey-hbase query --where {filter} --since {since} --until {until} --alive");
    rows.push(("flows", flows));
    let clean =
        |(name, value): (&str, String)| vec![name.to_owned(), value.replace(char::is_control, " ")];
    columns(&rows.into_iter().map(clean).collect::<Vec<_>>(), &[false, false])
}

//! `expire`: old flows go.

use std::io::{IsTerminal, stdin};
use std::time::Instant;

use serde::Serialize;

use super::failure::{Ending, Usage};
use super::output::{self, Output, say};
use super::settings::{self, Settings};
use super::store;
use crate::answer::words::{bytes, grouped, plural, seconds};
use crate::flow::{Column, Columns, TimeRange, UnixMillis};
use crate::request::Zone;
use crate::request::{show, span_ms};
use crate::store::embedded::{Fit, Misfit};
use crate::store::{AHEAD_MS, Expired, Scan, Store};

/// A store whose newest flow is older than what is kept by so much, in milliseconds, is not emptied
/// unasked.
const YEAR_MS: u64 = 365 * 86_400_000;

const EXAMPLES: &str = "\
Examples:
  earlgrey-hbase expire --keep 30d --dry-run      what would go, to the flow and to the byte
  earlgrey-hbase expire --keep 30d --yes          for cron: nobody is asked
  earlgrey-hbase expire --before 2026-11-01       exactly the flows that began before
  earlgrey-hbase expire --max-size 50GB           the oldest days, as many as it takes

--keep and --max-size never delete more than they must. Where --keep would leave nothing, though
the newest flow is older than its span by a year and more, this machine's clock may be wrong, and
it asks for --all. Where flows of days to come, of exporters whose clocks run ahead, leave no room
for all others, --max-size deletes nothing and says so.

A load or a collector may be at work meanwhile, and questions are answered as of the moment in which
they began. Room on disk is free when those are done. It may be killed at any time: flows are gone
all at once, or not at all (in HBase one by one; call it again).

The embedded store knows datagrams by identities, which are forgotten by file, later than the flows:
until then what went and is loaded again counts as duplicate, and is not stored. Who may want flows
back keeps the captures, and loads them into a new store (--store).";

/// Delete old flows for good. In the embedded store whole days go at once, however large.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[command(group = clap::ArgGroup::new("which").required(true))]
pub(crate) struct Args {
    /// Flows that began before this time: 2026-11-23, 2026-11-23T14:05, RFC 3339, -30d
    #[arg(long, value_name = "TIME", group = "which", allow_hyphen_values = true)]
    before: Option<String>,
    /// Flows that began longer ago than this: 30d, 2w, 12h
    #[arg(long, value_name = "SPAN", group = "which", allow_hyphen_values = true)]
    keep: Option<String>,
    /// The oldest days, until runs and identities take no more than this: 50GB, 500MiB. The newest
    /// day stays in any case
    #[arg(long, value_name = "SIZE", group = "which", allow_hyphen_values = true)]
    max_size: Option<String>,
    /// With --keep: also where nothing would be left, and the newest flow is older than the span by
    /// a year and more
    #[arg(long)]
    all: bool,
    /// Only say what would go
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// How the outcome is written
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: Output,
}

/// What is told in JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    store: String,
    /// None where everything fits.
    before: Option<UnixTime>,
    dry_run: bool,
    flows: u64,
    first: Option<UnixTime>,
    last: Option<UnixTime>,
    /// None where the store knows nothing of files.
    files: Option<crate::store::Files>,
    seconds: f64,
}

/// A time in RFC 3339.
type UnixTime = String;

pub(super) fn run(args: &Args, settings: &Settings) -> anyhow::Result<Ending> {
    if args.all && args.keep.is_none() {
        return Err(Usage("--all goes with --keep".to_owned()).into());
    }
    let zone = &settings.tz.value;
    let (store, before) = choose(args, settings)?;
    if let Some(before) = before {
        let asks = !args.dry_run && !args.yes;
        if asks && !stdin().is_terminal() {
            return Err(Usage(
                "expire deletes flows for good; say --yes where nobody can be asked, or --dry-run to \
                 see what would go"
                    .to_owned(),
            )
            .into());
        }
        if args.keep.is_some() && !args.all {
            refuse_to_empty(store.as_ref(), before, zone)?;
        }
        if asks {
            ask(store.as_ref(), before, zone)?;
        }
    }
    let begun = Instant::now();
    let expired = match before {
        Some(before) => store.expire(before, args.dry_run)?,
        None => Expired::default(),
    };
    let took = begun.elapsed().as_secs_f64();
    if args.output == Output::Json {
        let time = |time: UnixMillis| show(time, zone);
        output::print_json(&Outcome {
            store: store.to_string(),
            before: before.map(time),
            dry_run: args.dry_run,
            flows: expired.flows,
            first: expired.first.map(time),
            last: expired.last.map(time),
            files: expired.files,
            seconds: took,
        })?;
    } else {
        output::print_all(&text(&expired, before, args.dry_run, took, zone))?;
    }
    Ok(Ending::Done)
}

/// The store, and the moment before which flows go; None where none need to.
fn choose(
    args: &Args,
    settings: &Settings,
) -> anyhow::Result<(Box<dyn Store>, Option<UnixMillis>)> {
    let zone = &settings.tz.value;
    if let Some(size) = &args.max_size {
        let max_bytes =
            settings::bytes(size).map_err(|error| Usage(format!("--max-size: {error}")))?;
        let Some(store) = store::if_embedded(settings)? else {
            return Err(Usage(
                "--max-size: HBase does not tell how large tables are; say --keep SPAN, or let it \
                 delete by itself (schema create --ttl SPAN)"
                    .to_owned(),
            )
            .into());
        };
        let before = match store.fit(max_bytes)? {
            Fit::Whole => None,
            Fit::From(day) => Some(day),
            Fit::Never(misfit) => anyhow::bail!(never_fits(&misfit, max_bytes, zone)),
        };
        return Ok((Box::new(store), before));
    }
    let now = UnixMillis::now();
    let before = match (&args.before, &args.keep) {
        (Some(text), _) => UnixMillis::parse(text, zone.zone(), now)
            .map_err(|error| Usage(format!("--before: {error}")))?,
        (None, Some(text)) => {
            let span = span_ms(text).map_err(|error| Usage(format!("--keep: {error}")))?;
            UnixMillis(now - UnixMillis(span))
        }
        (None, None) => return Err(Usage("say --before, --keep or --max-size".to_owned()).into()),
    };
    Ok((store::open(settings)?, Some(before)))
}

/// What to say where nothing that is deleted for its age makes the store small enough.
fn never_fits(misfit: &Misfit, max_bytes: u64, zone: &Zone) -> String {
    let Misfit { newest, left_bytes, ahead_bytes } = *misfit;
    format!(
        "nothing was deleted: even without every flow before {} the store would take about {}, not {}, \
         for {} of that are of days to come, of exporters whose clocks run ahead (top exporter \
         --since {} tells whose); --before TIME deletes flows all the same",
        show(newest, zone),
        bytes(left_bytes),
        bytes(max_bytes),
        bytes(ahead_bytes),
        show(UnixMillis::now() + AHEAD_MS, zone),
    )
}

/// Sees that a clock that jumped does not empty a store.
fn refuse_to_empty(store: &dyn Store, before: UnixMillis, zone: &Zone) -> anyhow::Result<()> {
    match newest(store, before)? {
        Some(newest) if before - newest >= YEAR_MS => Err(Usage(format!(
            "every flow would go: the newest one is of {}, long before {}. Nothing was deleted; if \
             this machine's clock is right, say --all",
            show(newest, zone),
            show(before, zone),
        ))
        .into()),
        _ => Ok(()),
    }
}

/// When the newest flow began, but for those of days to come, which are of clocks that are wrong; any
/// one from `before` on will do.
fn newest(store: &dyn Store, before: UnixMillis) -> anyhow::Result<Option<UnixMillis>> {
    let snapshot = store.snapshot()?;
    let all = TimeRange { until: UnixMillis::now() + AHEAD_MS, ..TimeRange::ALL };
    let mut newest = None;
    for (time, any_will_do) in [(TimeRange { since: before, ..all }, true), (all, false)] {
        let scan = Scan { time, ..Scan::all(Columns::of(&[Column::First])) };
        for region in snapshot.regions(&scan)? {
            for batch in region.read() {
                newest = newest.max(batch?.first_ms.iter().max().copied());
                if any_will_do && newest.is_some() {
                    return Ok(newest.map(UnixMillis));
                }
            }
        }
    }
    Ok(newest.map(UnixMillis))
}

fn ask(store: &dyn Store, before: UnixMillis, zone: &Zone) -> anyhow::Result<()> {
    say(format_args!(
        "delete every flow in {store} that began before {}? Type yes to go on:",
        show(before, zone)
    ));
    let mut answer = String::new();
    stdin().read_line(&mut answer)?;
    if answer.trim() != "yes" {
        anyhow::bail!("nothing was deleted");
    }
    Ok(())
}

fn text(
    expired: &Expired,
    before: Option<UnixMillis>,
    dry_run: bool,
    took: f64,
    zone: &Zone,
) -> String {
    let Some(before) = before else {
        return "nothing to do: everything fits\n".to_owned();
    };
    let verb = if dry_run { "would delete" } else { "deleted" };
    let mut lines = vec![format!(
        "{verb} {} that began before {} in {}",
        plural(expired.flows, "flow"),
        show(before, zone),
        seconds(took)
    )];
    if let (Some(first), Some(last)) = (expired.first, expired.last) {
        lines.push(format!("  flows      from {} to {}", show(first, zone), show(last, zone)));
    }
    if let Some(files) = &expired.files {
        let held = match files.held_bytes {
            0 => String::new(),
            held => format!("; {} of old files are still being read", bytes(held)),
        };
        let (dropped, cut) = (grouped(files.runs_dropped), grouped(files.runs_cut));
        let left = plural(files.flows_left, "flow");
        lines.push(format!("  room       {}{held}", bytes(files.bytes)));
        lines.push(format!("  runs       {dropped} dropped, {cut} cut"));
        lines.push(format!("  datagrams  {} forgotten", grouped(files.datagrams)));
        lines.push(format!("  left       {left} in {}", bytes(files.bytes_left)));
    }
    lines.join("\n") + "\n"
}

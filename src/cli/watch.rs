//! `watch`: lists of addresses of whom one would like to know whether anybody dealt with them.

use std::fmt::Write as _;

use anyhow::Context;
use clap::{Subcommand, ValueEnum};

use super::failure::{Ending, Usage};
use super::interrupt;
use super::output::{self, Output, say};
use super::outside::{Outside, surroundings};
use super::settings::Settings;
use super::store;
use crate::answer::words::{columns, grouped, plural};
use crate::flow::UnixMillis;
use crate::query::filter::Files;
use crate::request::{
    HitTeller, HitView, ListKind, ListView, Window, Zone, show, whole_number, write_hits_csv,
};
use crate::store::Store;
use crate::store::watchlist::{self, Listed, WatchList};
use crate::watch;

const EXAMPLES: &str = "\
Examples:
  earlgrey-hbase watch add tor @exit-addresses        from now on, and in all that is stored
  earlgrey-hbase watch add cert @misp.csv             again with a newer file: hits are kept
  earlgrey-hbase watch list                           which lists there are, and what was hit
  earlgrey-hbase watch show cert -o json              who dealt with which address, when, how much
  earlgrey-hbase watch test new @feed.csv --since -7d --column ip     what would be hit
  earlgrey-hbase watch remove tor

Lists are plain (an address, a block, a range or ADDRESS:PORT a line), CSV, CSV of MISP, bundles of
STIX 2.1, and Tor's exit-addresses; docs/watch.md has what is read of each.";

/// Remember lists of addresses, and look for them in all that is stored and in all that comes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Remember a list, and look for it in all that is stored; in place of one of its name, whose hits
    /// are kept
    Add {
        /// What it is called
        name: String,
        #[command(flatten)]
        list: List,
    },
    /// Print which lists there are
    List {
        /// How they are written
        #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
        output: Output,
    },
    /// Print what was hit of a list: first and last time, flows, octets, and by whom
    Show {
        /// What it is called
        name: String,
        #[command(flatten)]
        hits: Hits,
    },
    /// Print what of a list would be hit, and remember nothing
    Test {
        /// What it is called, if it is remembered; else any name
        name: String,
        #[command(flatten)]
        list: OptionalList,
        #[command(flatten)]
        window: Window,
        #[command(flatten)]
        hits: Hits,
    },
    /// Forget a list, and what was hit of it
    Remove {
        /// What it is called
        name: String,
    },
}

/// A list in a file.
#[derive(Debug, clap::Args)]
struct List {
    /// The file of the list
    #[arg(value_name = "@FILE")]
    file: String,
    #[command(flatten)]
    kind: ListKind,
}

/// A list in a file, or one that is remembered.
#[derive(Debug, clap::Args)]
struct OptionalList {
    /// The file of the list [default: the list of this name as it is remembered]
    #[arg(value_name = "@FILE")]
    file: Option<String>,
    #[command(flatten)]
    kind: ListKind,
}

/// How hits are written.
#[derive(Debug, clap::Args)]
struct Hits {
    /// How many indicators, those of most flows first; 0 for all
    #[arg(short = 'n', long = "count", value_name = "N", default_value = "0",
        value_parser = whole_number::<usize>, allow_negative_numbers = true)]
    count: usize,
    /// How they are written
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: Written,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Written {
    #[default]
    Text,
    Json,
    Csv,
}

impl Args {
    /// Whether it looks through flows, which an interrupt gives up.
    pub(super) fn asks(&self) -> bool {
        matches!(self.action, Action::Add { .. } | Action::Test { .. })
    }
}

pub(super) fn run(args: &Args, settings: &Settings) -> anyhow::Result<Ending> {
    let store = store::open(settings)?;
    let zone = &settings.tz.value;
    match &args.action {
        Action::Add { name, list: List { file, kind } } => {
            let list = read(name, file, kind, settings)?;
            let lists = store.watch_lists()?;
            lists.add(&list, &interrupt::watch())?;
            let listed = lists.lists()?.into_iter().find(|listed| listed.name == *name);
            if let Some(listed) = listed {
                say(format_args!("{name} is watched for: {}", hit_in_words(&listed)));
            }
        }
        Action::List { output } => {
            let lists = store.watch_lists()?.lists()?;
            if *output == Output::Json {
                let views: Vec<_> =
                    lists.iter().map(|listed| ListView::new(listed, zone)).collect();
                output::print_json(&views)?;
            } else {
                output::print_all(&lists_text(&lists, zone))?;
            }
        }
        Action::Show { name, hits } => {
            hits.print(watch::hits(&*store, name).map_err(named)?, settings)?;
        }
        Action::Test { name, list, window, hits } => {
            let list = match &list.file {
                Some(file) => read(name, file, &list.kind, settings)?,
                None => remembered(&*store, name)?,
            };
            let outside = Outside(settings);
            let time = window.range(&surroundings(&outside))?;
            let found = watchlist::hunt(&*store.snapshot()?, &list, time, &interrupt::watch())?;
            hits.print(found, settings)?;
        }
        Action::Remove { name } => {
            if !store.watch_lists()?.remove(name)? {
                return Err(named(watch::WatchError::Unknown(name.clone())));
            }
            say(format_args!("{name} is forgotten"));
        }
    }
    Ok(Ending::Done)
}

/// The list of this name that `store` watches for.
fn remembered(store: &dyn Store, name: &str) -> anyhow::Result<WatchList> {
    let list = store.watch_lists()?.list(name)?;
    list.ok_or_else(|| named(watch::WatchError::Unknown(name.to_owned())))
}

/// What a name that is none is: wrong usage.
fn named(error: watch::WatchError) -> anyhow::Error {
    match error {
        watch::WatchError::Unknown(_) | watch::WatchError::Name(_) => {
            Usage(error.to_string()).into()
        }
        error => error.into(),
    }
}

/// The list in `file`; what of it is not watched for is said.
fn read(name: &str, file: &str, kind: &ListKind, settings: &Settings) -> anyhow::Result<WatchList> {
    watch::check_name(name).map_err(named)?;
    let file = file.strip_prefix('@').unwrap_or(file);
    let bytes = Outside(settings).read(file, watch::MAX_BYTES).with_context(|| file.to_owned())?;
    let read = watch::read(&bytes, &kind.options()).with_context(|| file.to_owned())?;
    let others: u64 = read.others.values().sum();
    let indicators = plural(read.indicators.len() as u64, "indicator");
    let mut told = format!("{file}: {indicators} ({})", read.format);
    if others > 0 {
        // Writing to a string cannot fail.
        let _ = write!(
            told,
            "; of {} nothing is watched for: {}",
            plural(others, "more entry").replace("entrys", "entries"),
            read.others_in_words()
        );
    }
    say(told);
    Ok(read.into_list(name, file, UnixMillis::now()))
}

fn hit_in_words(listed: &Listed) -> String {
    format!(
        "{}, {} hit by {}",
        plural(listed.indicators, "indicator"),
        grouped(listed.hit),
        plural(listed.flows, "flow")
    )
}

fn lists_text(lists: &[Listed], zone: &Zone) -> String {
    let heads = ["name", "indicators", "hit", "flows", "last hit", "added", "file"];
    let row = |listed: &Listed| {
        let unsought = match listed.unsought {
            0 => String::new(),
            some => format!(" (history not looked through for {}: add it again)", grouped(some)),
        };
        let left_out = match listed.left_out {
            0 => String::new(),
            some => format!(" ({} more were hit and left out)", grouped(some)),
        };
        vec![
            listed.name.clone(),
            grouped(listed.indicators),
            grouped(listed.hit),
            grouped(listed.flows),
            listed.last.map_or_else(|| "-".to_owned(), |time| show(time, zone)),
            show(listed.added, zone),
            format!("{}{unsought}{left_out}", listed.file),
        ]
    };
    let heads = heads.map(str::to_owned).to_vec();
    let rows: Vec<_> = std::iter::once(heads).chain(lists.iter().map(row)).collect();
    columns(&rows, &[false, true, true, true, false, false, false])
}

impl Hits {
    fn print(&self, mut hits: Vec<watchlist::Hit>, settings: &Settings) -> anyhow::Result<()> {
        if self.count > 0 {
            hits.truncate(self.count);
        }
        let meaning = Outside(settings).meaning()?;
        let teller = HitTeller::new(&settings.tz.value, &meaning)?;
        let views: Vec<HitView> = hits.iter().map(|hit| teller.view(hit)).collect();
        match self.output {
            Written::Text => output::print_all(&hits_text(&views)),
            Written::Json => output::print_json(&views),
            Written::Csv => output::print(|out| Ok(write_hits_csv(&views, out)?)),
        }
    }
}

/// So many others are told in text.
const MAX_TOLD: usize = 3;

fn hits_text(hits: &[HitView]) -> String {
    if hits.is_empty() {
        return "no hits\n".to_owned();
    }
    let heads = ["indicator", "first", "last", "flows", "octets", "by", "note"];
    let row = |hit: &HitView| {
        let gone = if hit.listed { "" } else { "(not in the list any more) " };
        vec![
            hit.indicator.clone(),
            hit.first.clone(),
            hit.last.clone(),
            grouped(hit.flows),
            grouped(hit.octets),
            others_in_words(hit),
            format!("{gone}{}", hit.note.as_deref().unwrap_or_default()),
        ]
    };
    let heads = heads.map(str::to_owned).to_vec();
    let rows: Vec<_> = std::iter::once(heads).chain(hits.iter().map(row)).collect();
    columns(&rows, &[false, false, false, true, true, false, false])
}

fn others_in_words(hit: &HitView) -> String {
    let called = |other: &crate::request::OtherView| {
        let known: Vec<&str> =
            [&other.network, &other.role].into_iter().filter_map(Option::as_deref).collect();
        let known =
            if known.is_empty() { String::new() } else { format!(" ({})", known.join(", ")) };
        format!("{}{known}", other.address)
    };
    let told: Vec<String> = hit.others.iter().take(MAX_TOLD).map(called).collect();
    let more = hit.others.len().saturating_sub(MAX_TOLD);
    let more = match (more, hit.more_flows) {
        (_, Some(_)) => " and others".to_owned(),
        (0, None) => String::new(),
        (more, None) => format!(" and {} more", grouped(more as u64)),
    };
    format!("{}{more}", told.join(", "))
}

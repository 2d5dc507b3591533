//! `export parquet`: a folder of Parquet files for each day.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::Serialize;

use super::MeaningOption;
use super::poured::{Poured, PouredMoment};
use super::terms::{self, yes_or_no};
use crate::answer::words::{bytes, plural, seconds};
use crate::answer::{AddressForm, ElementsForm, FileShape, Layout};
use crate::cli::anonymise::AnonymiseOptions;
use crate::cli::asking::{Asking, Explain};
use crate::cli::failure::{Ending, Usage};
use crate::cli::output::{self, Output, say};
use crate::cli::progress::{Display, Mode};
use crate::cli::settings::{self, Flags, Settings, keys};
use crate::cli::whole_file::UnfinishedFolder;
use crate::flow::{Columns, Naming};
use crate::query::Lookup;
use crate::request::Selection;
use crate::sink::parquet_folder::{
    Days, MIN_FILE_BYTES, ParquetFolder, Standing, Terms, days, group_rows, range,
};
use crate::sink::{Sink, Written, pour};
use crate::store::StoredDay;

const EXAMPLES: &str = "\
Examples:
  earlgrey-hbase export parquet /data/flows                  every flow, in folders of days
  earlgrey-hbase export parquet /data/flows --append         and what was loaded since
  earlgrey-hbase export parquet /data/site 10.1.0.0/16 --direction any --since 2026-11-01
  earlgrey-hbase export parquet /data/ocsf --schema ocsf --addresses fixed --file-size 1GB
  duckdb -c \"SELECT day, count(*) FROM '/data/flows/**/*.parquet' WHERE month = 11 GROUP BY day\"

What was cut short goes on when the same command is given again: whole days are not written again.";

/// Write flows to a folder of Parquet files for each day, as Spark, Trino, Hive and DuckDB read them:
/// DIR/year=2026/month=11/day=28/.
///
/// The day is that on which a flow began, in UTC. Rows are sorted by source, time and destination. A
/// day is there when all of its files are. Without address and filter, all flows are written.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The folder; it is made where there is none
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    #[command(flatten)]
    flows: Selection,
    /// What columns are called: as here, or as in OCSF, the Elastic Common Schema, Zeek's conn.log
    /// or IANA's registry of IPFIX
    #[arg(long, value_name = "SCHEMA", default_value = "earlgrey",
        value_parser = named(Naming::ALL, Naming::name))]
    schema: Naming,
    /// How addresses are written: as text; IPv4 as numbers, with columns of sixteen bytes for IPv6;
    /// or all as sixteen bytes
    #[arg(long, value_name = "FORM", default_value = "text",
        value_parser = named(AddressForm::ALL, AddressForm::name))]
    addresses: AddressForm,
    /// How what an exporter says beyond the columns is written: as JSON in a text, or as a map
    #[arg(long, value_name = "FORM", default_value = "json",
        value_parser = named(ElementsForm::ALL, ElementsForm::name))]
    elements: ElementsForm,
    /// Write the Community ID of each flow, too, at the price of a SHA-1 each
    #[arg(long)]
    community_id: bool,
    /// How large a file may become: 512MB, 1GiB
    #[arg(long, value_name = "SIZE", default_value = "512MB", value_parser = file_size)]
    file_size: u64,
    /// Bring days up to date of which flows were loaded since they were written
    #[arg(long)]
    append: bool,
    /// Write all of it anew, in place of another export, or beside other files
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    anonymise: AnonymiseOptions,
    #[command(flatten)]
    meaning: MeaningOption,
    #[command(flatten)]
    explain: Explain,
    /// Show progress on standard error: a bar on a terminal (auto), or always, never, or as JSON
    #[arg(long, value_name = "WHEN", value_parser = Mode::NAMES)]
    progress: Option<String>,
    /// How the outcome is told: as text on standard error, or as JSON on standard output
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: Output,
}

/// Reads the name of one of `all`.
fn named<T, const N: usize>(
    all: [T; N],
    name: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T>
where
    T: Copy + Send + Sync + 'static,
{
    PossibleValuesParser::new(all.map(name)).try_map(move |text| {
        let found = all.into_iter().find(|&one| name(one) == text);
        found.ok_or("no such name")
    })
}

fn file_size(text: &str) -> Result<u64, String> {
    let size = settings::bytes(text)?;
    let problem = || format!("files are limited to no less than {}", bytes(MIN_FILE_BYTES));
    (size >= MIN_FILE_BYTES).then_some(size).ok_or_else(problem)
}

/// What was written, as JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Exported<'a> {
    folder: &'a Path,
    schema: &'a str,
    #[serde(flatten)]
    written: &'a Written,
    /// Days that were written, were there, are there as they were before others were loaded, and
    /// stay as they are because the store has lost flows of them.
    days: u64,
    days_already: u64,
    days_changed: u64,
    days_kept: u64,
    seconds: f64,
}

/// Which days are to be written, and what is there.
#[derive(Default)]
struct Work<'a> {
    days: Vec<&'a StoredDay>,
    already: Written,
    days_already: u64,
    days_changed: u64,
}

impl Args {
    pub(super) fn flags(&self) -> Flags {
        vec![(keys::PROGRESS, self.progress.clone().map(OsString::from))]
    }

    /// What is exported and how.
    fn terms(&self, asking: &Asking, settings: &Settings) -> anyhow::Result<Terms> {
        let own = [
            ("schema", self.schema.name().to_owned()),
            ("addresses", self.addresses.name().to_owned()),
            ("elements", self.elements.name().to_owned()),
            ("community-id", self.community_ids(settings)),
            ("file-size", bytes(self.file_size)),
        ];
        let mut terms = terms::of(asking, self.flows.scaled(), settings)?;
        terms.extend(own.map(|(name, value)| (name.to_owned(), value)));
        if self.meaning.meaning {
            terms.insert("meaning".to_owned(), yes_or_no(true));
        }
        Ok(terms)
    }

    /// Whether there are any, and made with which seed if it is not the usual one.
    fn community_ids(&self, settings: &Settings) -> String {
        match settings.community_id_seed.value {
            seed @ 1.. if self.community_id => format!("seed {seed}"),
            _ => yes_or_no(self.community_id),
        }
    }

    /// What of `days` is to be written into `folder`.
    fn work<'a>(
        &self,
        folder: &ParquetFolder,
        days: &'a Days,
        asking: &Asking,
    ) -> Result<Work<'a>, Usage> {
        let mut work = Work::default();
        for day in &days.days {
            let version = days.known.then_some(&*day.version);
            let standing = folder.standing(day.day, version);
            if standing == Standing::Missing || standing == Standing::Changed && self.append {
                work.days.push(day);
                continue;
            }
            if self.append && !days.known {
                return Err(Usage(format!(
                    "{}: this store does not tell of which days flows were loaded; --append goes \
                     with the embedded store, --force writes all days anew",
                    asking.store
                )));
            }
            work.already.already += folder.flows_of(day.day);
            work.days_already += 1;
            work.days_changed += u64::from(standing == Standing::Changed);
        }
        Ok(work)
    }
}

pub(super) fn run(args: &Args, settings: &Settings) -> anyhow::Result<Ending> {
    let began = Instant::now();
    let asking = super::ask(&args.flows, &args.anonymise, &args.explain, settings)?;
    if asking.question().limit.is_some() {
        let problem = "--limit is of the order of all flows, and folders are of days; --to FILE \
                       takes it";
        return Err(Usage(problem.to_owned()).into());
    }
    let lookup = asking.plan(Columns::ALL);
    asking.answer(&[&lookup], args.output == Output::Json, || {
        let days = days(asking.snapshot(), asking.question())?;
        let layout = Layout {
            naming: args.schema,
            addresses: args.addresses,
            elements: args.elements,
            interfaces: Some(Arc::new(asking.names()?)),
            meaning: args.meaning.of(settings)?,
            community_id: args.community_id,
            sorted: true,
        };
        let shape = Arc::new(FileShape::new(layout, group_rows(args.file_size))?);
        let terms = args.terms(&asking, settings)?;
        let mut folder = ParquetFolder::open(&args.dir, terms, shape, args.file_size, args.force)?;
        let work = args.work(&folder, &days, &asking)?;
        let mut written = write(args, settings, &asking, &lookup, &work, &mut folder)?;
        let kept = folder.kept();
        folder.finish()?;
        written.merge(&work.already);
        let exported = Exported {
            folder: &args.dir,
            schema: args.schema.name(),
            written: &written,
            days: work.days.len() as u64 - kept,
            days_already: work.days_already,
            days_changed: work.days_changed,
            days_kept: kept,
            seconds: began.elapsed().as_secs_f64(),
        };
        if args.output == Output::Json {
            return output::print_json(&exported);
        }
        tell(&exported);
        Ok(())
    })
}

/// Writes the days that are to be.
fn write(
    args: &Args,
    settings: &Settings,
    asking: &Asking,
    lookup: &Lookup,
    work: &Work<'_>,
    folder: &mut ParquetFolder,
) -> anyhow::Result<Written> {
    let _unfinished = UnfinishedFolder::new(ParquetFolder::unfinished(&args.dir));
    let poured = Arc::new(Poured::default());
    poured.total.store(work.days.iter().map(|day| day.flows).sum(), Relaxed);
    let shown = Arc::clone(&poured);
    let _display =
        Display::start(settings.progress.value, move |elapsed| PouredMoment::new(&shown, elapsed));
    let mut written = Written::default();
    for day in &work.days {
        let of_day = lookup.clone().within(range(day.day));
        let flows = asking.flows(&of_day, Columns::ALL, settings)?;
        let mut files = Box::new(folder.day(day.day, &day.version));
        pour(flows, &mut *files, &poured.flows)?;
        written.merge(&files.finish()?);
        poured.before.fetch_add(day.flows, Relaxed);
    }
    Ok(written)
}

fn tell(exported: &Exported<'_>) {
    let Exported { folder, written, days, days_already, days_changed, days_kept, .. } = exported;
    let (flows, files) = (plural(written.flows, "flow"), plural(written.files, "file"));
    say(format_args!(
        "wrote {flows} of {} to {} ({files}, {}) in {}",
        plural(*days, "day"),
        folder.display(),
        bytes(written.bytes),
        seconds(exported.seconds)
    ));
    if *days_already > 0 {
        let (days, flows) = (plural(*days_already, "day"), plural(written.already, "flow"));
        say(format_args!("  there already  {days}, {flows}"));
    }
    if *days_changed > 0 {
        say(format_args!(
            "  changed        {} since they were written; --append brings them up to date",
            plural(*days_changed, "day")
        ));
    }
    if *days_kept > 0 {
        say(format_args!(
            "  kept           {} of which the store has lost flows: they stay as they were, without \
             what was loaded since",
            plural(*days_kept, "day")
        ));
    }
}

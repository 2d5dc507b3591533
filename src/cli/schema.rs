//! `schema`: the tables of a store in HBase.

use std::io::{IsTerminal, Write as _, stdin};
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::failure::{Ending, Usage};
use super::output::{self, Output, say};
use super::settings::Settings;
use super::store;
use super::store::Place;
use crate::answer::words::{columns, plural};
use crate::capture;
use crate::load;
use crate::request::span_ms;
use crate::row::Order;
use crate::store::hbase::{Compression, HbaseStore, Location, Options, Schema, TableState};

const EXAMPLES: &str = "\
Examples:
  earlgrey-hbase schema create --thrift2 gate1:9092 --split-from day.pcap --regions 16
  earlgrey-hbase schema create --print --regions 16      statements for HBase's own shell
  earlgrey-hbase schema create --thrift2 gate1:9092 --ttl 30d    rows go by themselves
  earlgrey-hbase schema check --thrift2 gate1:9092       what is not as it should be
  earlgrey-hbase schema drop                             delete the tables; asks first";

/// One more would be for ever.
const MAX_TTL_SECS: u32 = i32::MAX as u32 - 1;

/// Make, show, check or delete the tables of a store in HBase.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Create(Create),
    Show(Show),
    Check(Check),
    Drop(Drop),
}

/// Make the tables: over a Thrift2 gateway as they should be; over Thrift, which can say less, with
/// one region and no encoding.
#[derive(Debug, clap::Args)]
struct Create {
    /// A Thrift2 gateway, which can make tables with regions, encoding and Bloom filter
    #[arg(long, value_name = "HOST:PORT", value_parser = host_and_port)]
    thrift2: Option<String>,
    /// Print the statements for HBase's shell, and reach for nothing
    #[arg(long)]
    print: bool,
    /// How many regions tables of flows begin with
    #[arg(long, value_name = "N", default_value = "1", allow_negative_numbers = true,
        value_parser = clap::value_parser!(u32).range(1..=10_000))]
    regions: u32,
    /// Split where the flows of this capture divide into equal parts, and not evenly
    #[arg(long, value_name = "FILE")]
    split_from: Option<PathBuf>,
    /// How blocks are compressed [default: the first that there is of ZSTD, LZ4, GZ]
    #[arg(long, value_name = "CODEC", ignore_case = true, value_parser = codec())]
    compression: Option<Compression>,
    /// Let HBase delete rows so long after they were written, whenever the flows began: 30d
    /// [default: never]
    #[arg(long, value_name = "SPAN", value_parser = ttl_secs, allow_hyphen_values = true)]
    ttl: Option<u32>,
    /// Both orders, or only by source, which cannot be asked for destinations
    #[arg(long, value_name = "ORDERS", value_parser = store::orders(), default_value = "both")]
    orders: &'static [Order],
    /// Make the table in the order of addresses behind a NAT at once: else it is made when the first
    /// such flow comes, with what Thrift can say
    #[arg(long)]
    nat: bool,
    /// Print what was made to standard output, as text or JSON
    #[arg(
        short,
        long,
        value_name = "FORMAT",
        value_enum,
        default_value_t,
        hide_default_value = true,
        conflicts_with = "print"
    )]
    output: Output,
}

/// As `show`, and ends with status 1 if anything is not as it should be.
#[derive(Debug, clap::Args)]
struct Check {
    #[command(flatten)]
    tables: Show,
    /// Rows should go so long after they were written: 30d, or never
    #[arg(long, value_name = "SPAN", value_parser = wanted_ttl, allow_hyphen_values = true)]
    ttl: Option<Ttl>,
}

/// After how many seconds rows should go; none: never.
#[derive(Debug, Clone, Copy)]
struct Ttl(Option<u32>);

/// Print the tables as they are, each with what is not as it should be.
#[derive(Debug, clap::Args)]
struct Show {
    /// A Thrift2 gateway, which also tells encoding and length of the Bloom filter
    #[arg(long, value_name = "HOST:PORT", value_parser = host_and_port)]
    thrift2: Option<String>,
    /// How tables are written
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: Output,
}

/// Delete the tables, with every flow in them.
#[derive(Debug, clap::Args)]
struct Drop {
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Print what was deleted to standard output, as text or JSON
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

fn host_and_port(text: &str) -> Result<String, String> {
    match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
            Ok(text.to_owned())
        }
        _ => Err("write it as HOST:PORT".to_owned()),
    }
}

fn codec() -> impl TypedValueParser<Value = Compression> {
    let of = |name: &str| {
        Compression::ALL.into_iter().find(|codec| codec.name().eq_ignore_ascii_case(name))
    };
    let names = PossibleValuesParser::new(Compression::ALL.map(Compression::name));
    names.try_map(move |name| of(&name).ok_or("no codec of HBase"))
}

/// A span in seconds, as HBase has it: it keeps them in 31 bits.
fn ttl_secs(text: &str) -> Result<u32, String> {
    match u32::try_from(span_ms(text)? / 1000) {
        Ok(secs @ 1..=MAX_TTL_SECS) => Ok(secs),
        _ => Err("HBase takes from 1 second to 24,855 days".to_owned()),
    }
}

fn wanted_ttl(text: &str) -> Result<Ttl, String> {
    if text == "never" { Ok(Ttl(None)) } else { ttl_secs(text).map(|secs| Ttl(Some(secs))) }
}

pub(super) fn run(args: &Args, settings: &Settings) -> anyhow::Result<Ending> {
    let Place::Hbase(location) = store::place(settings)? else {
        return Err(Usage(
            "schema is for a store in HBase; name one with --store hbase://HOST".to_owned(),
        )
        .into());
    };
    let open = |options: Options| HbaseStore::new(location.clone(), options);
    let store = open(settings.hbase_options());
    match &args.action {
        Action::Create(args) => create(args, &store),
        Action::Show(args) => show(&store.tables(args.thrift2.as_deref())?, args.output),
        Action::Check(Check { tables: asked, ttl }) => {
            let mut tables = store.tables(asked.thrift2.as_deref())?;
            if let Some(Ttl(wanted)) = ttl {
                for table in &mut tables {
                    table.compare_ttl(*wanted);
                }
            }
            check(&tables, asked.output)
        }
        Action::Drop(args) => drop(args, &store, &location),
    }
}

fn create(args: &Create, store: &HbaseStore) -> anyhow::Result<Ending> {
    let schema = schema(args)?;
    if args.print {
        output::print(|out| Ok(out.write_all(store.statements(&schema).as_bytes())?))?;
        return Ok(Ending::Done);
    }
    let created = store.create(&schema, args.thrift2.as_deref())?;
    if args.output == Output::Json {
        output::print_json(&created)?;
    }
    if !created.there.is_empty() {
        say(format_args!(
            "{} are there already, and stay as they are; `schema check` says what they lack",
            created.there.join(", ")
        ));
        return Ok(Ending::Done);
    }
    say(format_args!("made {} ({})", created.tables.join(", "), created.compression.name()));
    if !created.left_out.is_empty() {
        say(format_args!(
            "the tables are without: {}. Only Thrift2 can say that (--thrift2 HOST:PORT), or HBase's \
             shell (--print)",
            created.left_out.join(", ")
        ));
    }
    Ok(Ending::Done)
}

fn schema(args: &Create) -> anyhow::Result<Schema> {
    let mut schema = Schema::even(args.regions);
    if let Some(file) = &args.split_from {
        schema.splits =
            load::quantiles(&capture::find(std::slice::from_ref(file))?, args.regions as usize)?;
        let regions = schema.splits.each_ref().map(|splits| splits.len() + 1);
        if regions.iter().any(|&regions| regions < args.regions as usize) {
            say(format_args!(
                "{} divides into {} regions by src and {} by dst: a busy address is not divided",
                file.display(),
                regions[0],
                regions[1]
            ));
        }
    }
    schema.orders = args.orders.to_vec();
    schema.nat = args.nat;
    schema.compression = args.compression;
    schema.ttl_secs = args.ttl;
    Ok(schema)
}

fn show(tables: &[TableState], output: Output) -> anyhow::Result<Ending> {
    if output == Output::Json {
        output::print_json(&tables)?;
        return Ok(Ending::Done);
    }
    let row = |table: &TableState| {
        vec![
            table.name.clone(),
            table.state.to_string(),
            table.regions.to_string(),
            table.compression.clone(),
            table.encoding.unwrap_or("?").to_owned(),
            table.bloom.clone(),
            table.ttl_secs.map_or_else(|| "never".to_owned(), |secs| format!("{secs} s")),
        ]
    };
    let heads = ["table", "state", "regions", "compression", "encoding", "bloom", "rows go after"];
    let rows: Vec<Vec<String>> =
        std::iter::once(heads.map(str::to_owned).to_vec()).chain(tables.iter().map(row)).collect();
    let right = [false, false, true, false, false, false, false];
    output::print(|out| {
        write!(out, "{}", columns(&rows, &right))?;
        for table in tables {
            for difference in &table.differences {
                writeln!(out, "{}: {difference}", table.name)?;
            }
        }
        Ok(())
    })?;
    Ok(Ending::Done)
}

fn check(tables: &[TableState], output: Output) -> anyhow::Result<Ending> {
    show(tables, output)?;
    match tables.iter().map(|table| table.differences.len() as u64).sum() {
        0 => Ok(Ending::Done),
        differences => anyhow::bail!("{} from what should be", plural(differences, "difference")),
    }
}

fn drop(args: &Drop, store: &HbaseStore, location: &Location) -> anyhow::Result<Ending> {
    if !args.yes {
        if !stdin().is_terminal() {
            return Err(Usage(
                "drop deletes every flow; say --yes where nobody can be asked".to_owned(),
            )
            .into());
        }
        say(format_args!("delete every flow in {location}? Type the table's name to go on:"));
        let mut answer = String::new();
        stdin().read_line(&mut answer)?;
        if answer.trim() != location.table {
            anyhow::bail!("nothing was deleted");
        }
    }
    let tables = store.drop_tables()?;
    say(format_args!("deleted {}", tables.join(", ")));
    if args.output == Output::Json {
        output::print_json(&serde_json::json!({ "tables": tables }))?;
    }
    Ok(Ending::Done)
}

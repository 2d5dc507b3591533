//! Loads captures into a store in a folder, and asks it about addresses.
//!
//!     cargo run --example load_and_ask -- STORE ADDRESS CAPTURE…
//!     cargo run --example load_and_ask -- flows 10.0.0.0/8 day1.pcap day2.tar.bz2

#![expect(clippy::print_stdout, reason = "it is a program")]

use std::path::PathBuf;

use anyhow::bail;
use earlgrey_hbase::aggregate::{ActivePairs, PairOptions};
use earlgrey_hbase::answer::{Format, write_flows};
use earlgrey_hbase::capture::find;
use earlgrey_hbase::load::{Options, Progress, load};
use earlgrey_hbase::query::{Direction, Question, parse_addresses};
use earlgrey_hbase::store::embedded::EmbeddedStore;
use earlgrey_hbase::{Scan, Store};
use jiff::tz::TimeZone;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [store, addresses, captures @ ..] = &arguments[..] else {
        bail!("usage: load_and_ask STORE ADDRESS CAPTURE…");
    };
    let addresses = parse_addresses(addresses)?;
    let store = EmbeddedStore::new(store);

    // Captures that were loaded before, whole or in part, store nothing twice.
    let captures: Vec<PathBuf> = captures.iter().map(PathBuf::from).collect();
    let done = load(&store, &find(&captures)?, &Options::default(), &Progress::default())?;
    let account = &done.account;
    println!("{} datagrams, {} duplicate", account.datagrams, account.duplicate_datagrams);
    println!("{} flows stored, {} duplicate", account.stored, account.duplicate_records);

    // The newest that was committed; what is committed meanwhile changes nothing in it.
    let snapshot = store.snapshot()?;
    let question =
        Question { direction: Direction::Any, limit: Some(10), ..Question::about(addresses) };
    println!("\nthe first ten flows of {addresses}, by address and time:");
    let flows = question.plan(Format::Line.columns()).run(&*snapshot)?;
    write_flows(flows, std::io::stdout(), &Format::Line, TimeZone::UTC)?;

    println!("\nthe pairs of addresses that exchanged most, of all:");
    let options = PairOptions::default();
    let everything = Scan::all(ActivePairs::columns(&options));
    for pair in ActivePairs::top_of(&*snapshot, &[everything], &options, 5)? {
        println!("{:>15}  {:>15}  {:>12} octets", pair.first, pair.second, pair.value);
    }
    Ok(())
}

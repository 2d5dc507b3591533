//! What the machine allows, to hold the figures of a load against: the same capture only parsed,
//! its keys only sorted, and the store's bytes only written.
//!
//! Usage: `cargo bench --bench limits -- CAPTURE STORE`, STORE being what the capture became.

#![expect(clippy::print_stdout, reason = "a program that prints")]

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use earlgrey_hbase::capture;
use earlgrey_hbase::flow::{Columns, DatagramId, Names, Remembered, Topic, UnixMillis};
use earlgrey_hbase::load::{self, Options, Progress};
use earlgrey_hbase::store::embedded::EmbeddedStore;
use earlgrey_hbase::store::memory::MemoryStore;
use earlgrey_hbase::store::{Expired, Load, Result, WriteBatch, Writer};
use earlgrey_hbase::{Scan, Snapshot, Store};

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let paths: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let [capture, store] = &paths[..] else {
        println!("usage: cargo bench --bench limits -- CAPTURE STORE");
        return Ok(());
    };
    let flows = parse(Path::new(capture))?;
    sort(&EmbeddedStore::new(store), flows)?;
    write(Path::new(store), flows)
}

fn say(what: &str, flows: u64, begun: Instant) {
    let secs = begun.elapsed().as_secs_f64();
    println!("{what}: {secs:.2} s, {:.1} M flows/s", flows as f64 / secs / 1e6);
}

/// All of a load but the store, on one thread.
fn parse(path: &Path) -> std::result::Result<u64, Box<dyn std::error::Error>> {
    let inputs = capture::find(&[path.to_owned()])?;
    let begun = Instant::now();
    let load = load::load(&Nowhere, &inputs, &Options::default(), &Progress::default())?;
    say("parse only", load.account.stored, begun);
    Ok(load.account.stored)
}

/// The sort of both orders on two threads, 64 bits of each key and its row, 2 M flows at a time.
fn sort(store: &EmbeddedStore, flows: u64) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut keys: Vec<(u64, u64)> = Vec::new();
    let snapshot = store.snapshot()?;
    for region in snapshot.regions(&Scan::all(Columns::ALL))? {
        for batch in region.read() {
            let batch = batch?;
            keys.extend((0..batch.len()).map(|row| {
                let first = batch.first_ms[row] as u32;
                let key = |bits: u128| (bits as u64) << 32 | u64::from(first);
                (key(batch.src.bits(row)), key(batch.dst.bits(row)))
            }));
        }
    }
    // The order of export has nothing to do with either key: here, that of a hash.
    keys.sort_unstable_by_key(|&(src, dst)| {
        (src ^ dst.rotate_left(17)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    });
    let sort = |key: fn(&(u64, u64)) -> u64| {
        for keys in keys.chunks(2_000_000) {
            let mut entries: Vec<(u64, u32)> =
                keys.iter().zip(0..).map(|(keys, row)| (key(keys), row)).collect();
            entries.sort_unstable();
            std::hint::black_box(&entries);
        }
    };
    let begun = Instant::now();
    rayon::join(|| sort(|keys| keys.0), || sort(|keys| keys.1));
    say("sort only, both orders", flows, begun);
    Ok(())
}

/// As many bytes as the store has, written and durable, beside it.
fn write(store: &Path, flows: u64) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut bytes = 0;
    for entry in fs::read_dir(store)? {
        bytes += entry?.metadata()?.len();
    }
    let path = store.with_extension("limit");
    let block: Vec<u8> =
        (0..1 << 20_u32).map(|at: u32| (at.wrapping_mul(0x9e37_79b9) >> 24) as u8).collect();
    let begun = Instant::now();
    let mut file = File::create(&path)?;
    for _ in 0..bytes / block.len() as u64 {
        file.write_all(&block)?;
    }
    file.sync_all()?;
    say("write only", flows, begun);
    fs::remove_file(&path)?;
    Ok(())
}

/// A store that keeps nothing.
struct Nowhere;

impl std::fmt::Display for Nowhere {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("nowhere")
    }
}

impl Store for Nowhere {
    fn snapshot(&self) -> Result<Box<dyn Snapshot>> {
        MemoryStore::default().snapshot()
    }

    fn writer(&self) -> Result<Box<dyn Writer>> {
        Ok(Box::new(Self))
    }

    fn loads(&self) -> Result<Vec<Load>> {
        Ok(Vec::new())
    }

    fn names(&self) -> Result<Names> {
        Ok(Names::default())
    }

    fn remembered(&self, _topic: Topic) -> Result<Remembered> {
        Ok(Remembered::default())
    }

    fn expire(&self, _before: UnixMillis, _dry_run: bool) -> Result<Expired> {
        Ok(Expired::default())
    }
}

impl Writer for Nowhere {
    fn admit(&mut self, _datagram: DatagramId) -> Result<bool> {
        Ok(true)
    }

    fn write(&mut self, mut batch: WriteBatch) -> Result<WriteBatch> {
        batch.clear();
        Ok(batch)
    }

    fn commit(&mut self) -> Result<()> {
        Ok(())
    }

    fn record(&mut self, _load: &Load) -> Result<()> {
        Ok(())
    }

    fn name(&mut self, _names: &Names) -> Result<()> {
        Ok(())
    }

    fn remember(&mut self, _topic: Topic, _memos: &Remembered) -> Result<()> {
        Ok(())
    }
}

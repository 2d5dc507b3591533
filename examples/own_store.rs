//! A store of one's own: flows in a map by their row keys, in memory. It is tried by the suite that
//! every store must pass, and then asked for what is in a capture.
//!
//!     cargo run --example own_store -- [CAPTURE]

#![expect(clippy::print_stdout, reason = "it is a program")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use earlgrey_hbase::capture::Input;
use earlgrey_hbase::flow::{DatagramId, Names, Remembered, Topic};
use earlgrey_hbase::load::{Options, Progress, load};
use earlgrey_hbase::row::RowKey;
use earlgrey_hbase::store::{
    Access, Expired, FlowStream, Load, Plan, Reading, Region, Result, SCAN_BATCH_ROWS, conformance,
};
use earlgrey_hbase::{
    Family, FlowBatch, FlowRecord, Order, Scan, Snapshot, Store, StoreError, UnixMillis,
    WriteBatch, Writer,
};

fn main() -> anyhow::Result<()> {
    conformance::all(&|| Box::new(MapStore::default()));
    let Some(capture) = std::env::args().nth(1) else { return Ok(()) };
    let store = MapStore::default();
    let inputs = [Input::named(Path::new(&capture))];
    let done = load(&store, &inputs, &Options::default(), &Progress::default())?;
    println!("{} flows of {} datagrams", done.account.stored, done.account.datagrams);
    println!("{} of them are in the store", store.snapshot()?.flows()?);
    Ok(())
}

/// Flows with what they have beyond the common fields, by source and time.
type Rows = BTreeMap<RowKey, (FlowRecord, Vec<u8>)>;

#[derive(Debug, Clone, Default)]
struct MapStore(Arc<Mutex<Content>>);

#[derive(Debug, Default)]
struct Content {
    rows: Arc<Rows>,
    datagrams: BTreeSet<DatagramId>,
    loads: Vec<Load>,
    names: Names,
    remembered: BTreeMap<Topic, Remembered>,
    has_writer: bool,
}

impl MapStore {
    fn content(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for MapStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }
}

impl Store for MapStore {
    fn snapshot(&self) -> Result<Box<dyn Snapshot>> {
        Ok(Box::new(MapSnapshot(Arc::clone(&self.content().rows))))
    }

    fn writer(&self) -> Result<Box<dyn Writer>> {
        let mut content = self.content();
        if content.has_writer {
            return Err(StoreError::InUse { place: "a map".into(), holder: String::new() });
        }
        content.has_writer = true;
        let seen = content.datagrams.clone();
        Ok(Box::new(MapWriter { store: self.clone(), seen, uncommitted: Vec::new() }))
    }

    fn loads(&self) -> Result<Vec<Load>> {
        Ok(self.content().loads.clone())
    }

    fn names(&self) -> Result<Names> {
        Ok(self.content().names.clone())
    }

    fn remembered(&self, topic: Topic) -> Result<Remembered> {
        Ok(self.content().remembered.get(&topic).cloned().unwrap_or_default())
    }

    fn expire(&self, before: UnixMillis, dry_run: bool) -> Result<Expired> {
        let mut content = self.content();
        let mut expired = Expired::default();
        for key in content.rows.keys().filter(|key| key.first.is_before(before)) {
            expired.add(1, key.first, key.first);
        }
        if !dry_run {
            Arc::make_mut(&mut content.rows).retain(|key, _| !key.first.is_before(before));
        }
        Ok(expired)
    }
}

struct MapWriter {
    store: MapStore,
    seen: BTreeSet<DatagramId>,
    uncommitted: Vec<WriteBatch>,
}

impl Writer for MapWriter {
    fn admit(&mut self, datagram: DatagramId) -> Result<bool> {
        Ok(self.seen.insert(datagram))
    }

    fn write(&mut self, batch: WriteBatch) -> Result<WriteBatch> {
        self.uncommitted.push(batch);
        Ok(WriteBatch::new())
    }

    fn commit(&mut self) -> Result<()> {
        let mut content = self.store.content();
        let Content { rows, datagrams, .. } = &mut *content;
        for batch in self.uncommitted.drain(..) {
            datagrams.extend(&batch.datagrams);
            for flows in [&batch.v4, &batch.v6] {
                for (row, (flow, &origin)) in flows.records().zip(&flows.origin).enumerate() {
                    let extras = flows.extras.get(row).to_vec();
                    let key = RowKey::new(Order::Src, &flow, origin);
                    Arc::make_mut(rows).insert(key, (flow, extras));
                }
            }
        }
        Ok(())
    }

    fn record(&mut self, load: &Load) -> Result<()> {
        let loads = &mut self.store.content().loads;
        match loads.iter_mut().find(|known| known.id == load.id) {
            Some(known) => known.clone_from(load),
            None => loads.push(load.clone()),
        }
        Ok(())
    }

    fn name(&mut self, names: &Names) -> Result<()> {
        self.store.content().names.merge(names);
        Ok(())
    }

    fn remember(&mut self, topic: Topic, memos: &Remembered) -> Result<()> {
        self.store.content().remembered.entry(topic).or_default().merge(memos);
        Ok(())
    }
}

impl Drop for MapWriter {
    fn drop(&mut self) {
        self.store.content().has_writer = false;
    }
}

struct MapSnapshot(Arc<Rows>);

impl Snapshot for MapSnapshot {
    /// One region, which is all that the scan finds.
    fn regions(&self, scan: &Scan) -> Result<Vec<Box<dyn Region>>> {
        let scan = &scan.within_ends();
        let mut found: Vec<_> = self
            .0
            .iter()
            .map(|(key, row)| (RowKey::new(scan.order, &row.0, key.origin), row))
            .filter(|(key, _)| scan.time.contains(key.first))
            .filter(|(key, _)| scan.lead.as_ref().is_none_or(|lead| lead.contains(key.lead)))
            .collect();
        found.sort_unstable_by_key(|(key, _)| *key);
        let families = found.chunk_by(|(a, _), (b, _)| Family::of(a.lead) == Family::of(b.lead));
        let batches = families
            .flat_map(|family| family.chunks(SCAN_BATCH_ROWS))
            .map(|rows| batch(scan, rows))
            .filter(|batch| !batch.is_empty())
            .collect();
        Ok(vec![Box::new(Found(batches))])
    }

    fn plan(&self, scan: &Scan) -> Result<Plan> {
        Ok(Plan {
            access: if scan.lead.is_some() { Access::Range } else { Access::Filter },
            runs: (1, 1),
            blocks: (1, 1),
            pages: (1, 1),
            notes: Vec::new(),
        })
    }

    fn flows(&self) -> Result<u64> {
        Ok(self.0.len() as u64)
    }
}

/// The flows of `rows`, all of one family, that pass what else the scan asks for.
fn batch(scan: &Scan, rows: &[(RowKey, &(FlowRecord, Vec<u8>))]) -> FlowBatch {
    let mut flows = FlowBatch::new(Family::of(rows[0].0.lead));
    let mut sources = Vec::new();
    for (key, (flow, extras)) in rows {
        let known = sources.iter().position(|source| *source == flow.source);
        let place = known.unwrap_or(sources.len());
        if known.is_none() {
            sources.push(flow.source);
        }
        flows.push_with(flow, place as u32, key.origin, extras);
    }
    flows.sources = Arc::new(sources);
    let passes = scan.predicate.as_ref().map(|predicate| predicate.evaluate(&flows));
    let passes = |row: &u32| passes.as_ref().is_none_or(|passes| passes[*row as usize]);
    let found: Vec<u32> = (0..flows.len() as u32).filter(passes).collect();
    scan.meter.add(Reading {
        rows: flows.len() as u64,
        found: found.len() as u64,
        ..Reading::default()
    });
    flows.take_rows(&found).project(scan.columns)
}

/// What a scan found.
struct Found(Vec<FlowBatch>);

impl Region for Found {
    fn read(self: Box<Self>) -> FlowStream {
        Box::new(self.0.into_iter().map(Ok))
    }
}

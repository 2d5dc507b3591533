//! A store in memory: the simplest that keeps every promise of the trait, and the yardstick for
//! the others in tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::watchlist::{Hit, Hits, Listed, Matcher, WatchList, hunt_hits, in_place_of};
use super::{
    Access, Expired, FlowStream, Load, Plan, Reading, Region, Result, SCAN_BATCH_ROWS, Scan,
    Snapshot, Store, StoreError, Watch, WatchLists, WriteBatch, Writer,
};
use crate::flow::{
    DatagramId, Family, FlowBatch, FlowRecord, Names, NatLead, Remembered, TimeRange, Topic,
    UnixMillis, address_bits, nat_leads,
};
use crate::row::{Order, RowKey};

/// Flows, and their extras.
type Rows = BTreeMap<RowKey, (FlowRecord, Vec<u8>)>;

/// A store in memory. Clones share their content.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore(Arc<Mutex<Content>>);

#[derive(Debug, Clone, Default)]
struct Content {
    rows: [Arc<Rows>; Order::EVERY.len()],
    datagrams: BTreeSet<DatagramId>,
    loads: Vec<Load>,
    names: Names,
    remembered: BTreeMap<Topic, Remembered>,
    watched: BTreeMap<String, Watched>,
    has_writer: bool,
}

#[derive(Debug, Clone)]
struct Watched {
    matcher: Arc<Matcher>,
    hits: Hits,
}

impl MemoryStore {
    fn content(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("memory")
    }
}

impl Store for MemoryStore {
    fn snapshot(&self) -> Result<Box<dyn Snapshot>> {
        Ok(Box::new(MemorySnapshot(self.content().rows.clone())))
    }

    fn writer(&self) -> Result<Box<dyn Writer>> {
        let mut content = self.content();
        if content.has_writer {
            return Err(StoreError::InUse { place: self.to_string(), holder: String::new() });
        }
        content.has_writer = true;
        let seen = content.datagrams.clone();
        Ok(Box::new(MemoryWriter { store: self.clone(), seen, uncommitted: Vec::new(), hits: 0 }))
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
        let by_src = &content.rows[Order::Src as usize];
        for flow in by_src.keys().filter(|key| key.first.is_before(before)) {
            expired.add(1, flow.first, flow.first);
        }
        if !dry_run {
            for rows in &mut content.rows {
                Arc::make_mut(rows).retain(|key, _| !key.first.is_before(before));
            }
        }
        Ok(expired)
    }

    fn watch_lists(&self) -> Result<Box<dyn WatchLists + '_>> {
        Ok(Box::new(self.clone()))
    }
}

impl WatchLists for MemoryStore {
    fn lists(&self) -> Result<Vec<Listed>> {
        let content = self.content();
        let listed = |watched: &Watched| Listed::of(watched.matcher.list()).with(&watched.hits);
        Ok(content.watched.values().map(listed).collect())
    }

    fn list_names(&self) -> Result<Vec<String>> {
        Ok(self.content().watched.keys().cloned().collect())
    }

    fn hits(&self, name: &str) -> Result<Option<Vec<Hit>>> {
        let watched = self.content().watched.get(name).cloned();
        Ok(watched.map(|Watched { matcher, hits }| hits.told(matcher.list())))
    }

    fn list(&self, name: &str) -> Result<Option<WatchList>> {
        let content = self.content();
        Ok(content.watched.get(name).map(|watched| watched.matcher.list().clone()))
    }

    fn add(&self, list: &WatchList, watch: &Watch) -> Result<()> {
        let mut content = self.content();
        let before = content.watched.get(&list.name).cloned();
        let mut hits = before.as_ref().map(|before| before.hits.clone()).unwrap_or_default();
        let before = before.as_ref().map(|before| before.matcher.list());
        let list = Arc::new(in_place_of(list, before, &mut hits));
        let fresh = Matcher::of_fresh(Arc::clone(&list));
        let snapshot = MemorySnapshot(content.rows.clone());
        hits.merge(hunt_hits(&snapshot, &fresh, TimeRange::ALL, watch)?);
        let matcher = Arc::new(Matcher::new(Arc::new(WatchList::clone(&list).sought())));
        content.watched.insert(list.name.clone(), Watched { matcher, hits });
        Ok(())
    }

    fn remove(&self, name: &str) -> Result<bool> {
        Ok(self.content().watched.remove(name).is_some())
    }
}

struct MemoryWriter {
    store: MemoryStore,
    seen: BTreeSet<DatagramId>,
    uncommitted: Vec<WriteBatch>,
    hits: u64,
}

impl Writer for MemoryWriter {
    fn admit(&mut self, datagram: DatagramId) -> Result<bool> {
        Ok(self.seen.insert(datagram))
    }

    fn write(&mut self, batch: WriteBatch) -> Result<WriteBatch> {
        self.uncommitted.push(batch);
        Ok(WriteBatch::new())
    }

    fn commit(&mut self) -> Result<()> {
        let mut content = self.store.content();
        for batch in self.uncommitted.drain(..) {
            self.hits += content.look(&batch);
            content.take(&batch);
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
        self.store.content().remembered.entry(topic).or_default().take_in(memos);
        Ok(())
    }

    fn take_hits(&mut self) -> u64 {
        std::mem::take(&mut self.hits)
    }
}

impl Drop for MemoryWriter {
    fn drop(&mut self) {
        self.store.content().has_writer = false;
    }
}

impl Content {
    /// Enters hits of watch lists among flows that are new; how many there are.
    fn look(&mut self, batch: &WriteBatch) -> u64 {
        let mut count = 0;
        for Watched { matcher, hits } in self.watched.values_mut() {
            for flows in [&batch.v4, &batch.v6] {
                let found = matcher.look(flows);
                count += found.len() as u64;
                hits.merge(Hits::of(matcher.list(), flows, &found));
            }
        }
        count
    }

    fn take(&mut self, batch: &WriteBatch) {
        self.datagrams.extend(&batch.datagrams);
        for flows in [&batch.v4, &batch.v6] {
            for (row, (flow, &origin)) in flows.records().zip(&flows.origin).enumerate() {
                let extras = flows.extras.get(row);
                let ends = Order::ALL.map(|order| (order, RowKey::new(order, &flow, origin)));
                let leads = nat_leads(extras).into_iter();
                let behind_nat =
                    leads.map(|lead| (Order::Nat, RowKey::behind_nat(lead, &flow, origin)));
                for (order, key) in ends.into_iter().chain(behind_nat) {
                    let rows = Arc::make_mut(&mut self.rows[order as usize]);
                    rows.insert(key, (flow, extras.to_vec()));
                }
            }
        }
    }
}

/// The flows in every order.
struct MemorySnapshot([Arc<Rows>; Order::EVERY.len()]);

impl MemorySnapshot {
    /// One family's answer to `scan`, in key order.
    fn find(&self, scan: &Scan, family: Family) -> Result<Vec<FlowBatch>> {
        let in_range = self.0[scan.order as usize].iter().filter(|(key, _)| {
            Family::of(key.other) == family
                && scan.lead.as_ref().is_none_or(|lead| lead.contains(key.lead))
                && scan.port.is_none_or(|port| key.port == Some(port))
                && scan.time.contains(key.first)
        });
        let mut looked_at = FlowBatch::new(family);
        let mut sources = Vec::new();
        for (key, (flow, extras)) in in_range {
            scan.watch.check()?;
            let source =
                sources.iter().position(|known| *known == flow.source).unwrap_or_else(|| {
                    sources.push(flow.source);
                    sources.len() - 1
                });
            looked_at.push_with(flow, source as u32, key.origin, extras);
            if let Some(port) = key.port {
                let address = address_bits(key.lead);
                looked_at.extend_nat_leads(&[NatLead { address, port }]);
            }
        }
        looked_at.sources = Arc::new(sources);
        let passes = scan.predicate.as_ref().map(|predicate| predicate.evaluate(&looked_at));
        let found: Vec<u32> = (0..looked_at.len() as u32)
            .filter(|&row| passes.as_ref().is_none_or(|passes| passes[row as usize]))
            .collect();
        scan.count(Reading {
            rows: looked_at.len() as u64,
            found: found.len() as u64,
            ..Reading::default()
        })?;
        looked_at.origin.clear();
        let batch = |rows| looked_at.take_rows(rows).project(scan.columns);
        Ok(found.chunks(SCAN_BATCH_ROWS).map(batch).collect())
    }
}

impl Snapshot for MemorySnapshot {
    fn regions(&self, scan: &Scan) -> Result<Vec<Box<dyn Region>>> {
        Family::ALL
            .into_iter()
            .map(|family| Ok(Box::new(MemoryRegion(self.find(scan, family)?)) as Box<dyn Region>))
            .collect()
    }

    fn is_in_order(&self, _scan: &Scan) -> bool {
        true
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

    fn counted(&self) -> Option<u64> {
        Some(self.0[Order::Src as usize].len() as u64)
    }
}

struct MemoryRegion(Vec<FlowBatch>);

impl Region for MemoryRegion {
    fn read(self: Box<Self>) -> FlowStream {
        Box::new(self.0.into_iter().map(Ok))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance;

    #[test]
    fn it_does_what_every_store_must() {
        conformance::all(&|| Box::new(MemoryStore::default()));
    }
}

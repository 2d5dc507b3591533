//! Scans of the tables, cut along their regions.

use std::net::IpAddr;
use std::sync::Arc;

use hbase_thrift::hbase::THbaseSyncClient;

use super::filter;
use super::gateways::Gateways;
use super::region::{Bounds, HbaseRegion, Part};
use super::tables::{Layout, Tables};
use crate::flow::Family;
use crate::row::{AddressRange, AddressSet, Order, leading_address};
use crate::store::{
    Access, Plan, Reading, Region, Result, Scan, Size, Snapshot, StoreError, Watch, few_cuts,
};

/// So many hosts are looked for without asking which regions they are in.
const MAX_HOSTS: usize = 8;

/// So many ranges are scanned one by one; of more, those that lie together are scanned as one.
const MAX_RANGES: usize = 256;

/// The store as it is whenever it is read: rows that are written meanwhile may be seen.
#[derive(Debug)]
pub(super) struct HbaseSnapshot {
    gateways: Gateways,
    layout: Layout,
    /// Whether flows come with their origins.
    origins: bool,
}

impl HbaseSnapshot {
    pub(super) fn new(gateways: Gateways, layout: Layout) -> Self {
        Self { gateways, layout, origins: false }
    }

    /// This snapshot, whose flows come with their origins.
    pub(super) fn with_origins(self) -> Self {
        Self { origins: true, ..self }
    }

    /// The table in `order`.
    fn table(&self, order: Order) -> Result<String> {
        if self.layout.has(order) {
            return Ok(Tables::of(&self.gateways).flows(order));
        }
        let place = self.gateways.location().to_string();
        Err(StoreError::refused(
            place,
            "scan",
            format!(
                "it was made without the {order}-first table that this question needs; load into a \
                 store that keeps both orders"
            ),
        ))
    }

    /// `scan`, or where its order is not kept, and the answer needs none, a look at everything that
    /// finds the same.
    fn within_orders(&self, scan: &Scan) -> Scan {
        let needs_order = scan.ordered && scan.order != Order::Nat;
        match self.layout.orders.first() {
            Some(&kept) if !needs_order && !self.layout.has(scan.order) => scan.looking(kept),
            _ => scan.clone(),
        }
    }

    /// The regions of a table, in key order.
    pub(super) fn bounds(&self, table: &str, watch: &Watch) -> Result<Vec<Bounds>> {
        let mut session = self.gateways.watched_session(watch);
        let mut regions = session
            .call("list the regions", |gateway| gateway.client().get_table_regions(table.into()))?;
        if regions.is_empty() {
            return Err(StoreError::Missing { place: self.gateways.location().to_string() });
        }
        regions.sort_by(|a, b| a.start_key.cmp(&b.start_key));
        let bounds = |key: Option<Vec<u8>>| key.unwrap_or_default();
        Ok(regions
            .into_iter()
            .map(|region| Bounds { start: bounds(region.start_key), stop: bounds(region.end_key) })
            .collect())
    }

    /// The parts of the table to be scanned one by one, in key order.
    fn parts(&self, scan: &Scan, table: &str) -> Result<Vec<Part>> {
        let whole = |bounds| Part { bounds, led: true, timed: scan.time.is_all() };
        let Some(lead) = &scan.lead else {
            return Ok(self.bounds(table, &scan.watch)?.into_iter().map(whole).collect());
        };
        // What a few hosts did is little, and mostly in one region: no need to ask which.
        let hosts = lead.ranges().all(|range| range.host().is_some());
        if hosts && lead.len() <= MAX_HOSTS {
            return Ok(led_parts(lead, scan, true).collect());
        }
        let ranges = lead.coarsened(MAX_RANGES);
        let exact = ranges == *lead;
        let regions = self.bounds(table, &scan.watch)?;
        let cut = |Part { bounds, led, timed }| {
            let within = regions.iter().filter_map(move |region| region.within(&bounds));
            within.map(move |bounds| Part { bounds, led, timed }).collect::<Vec<_>>()
        };
        Ok(led_parts(&ranges, scan, exact).flat_map(cut).collect())
    }
}

/// The keys that each range of `addresses` leads, in their order.
fn led_parts(addresses: &AddressSet, scan: &Scan, led: bool) -> impl Iterator<Item = Part> {
    let part = move |family: Family, range: AddressRange| {
        let timed = scan.time.is_all() || range.host().is_some() && scan.is_timed();
        Part { bounds: Bounds::of(scan, family, &range), led, timed }
    };
    // An address behind a NAT leads flows of both families.
    let of_family = move |family| {
        let ranges = addresses.ranges_of(scan.order.lead_family(family));
        ranges.map(move |range| part(family, range))
    };
    Family::ALL.into_iter().flat_map(of_family)
}

impl Snapshot for HbaseSnapshot {
    fn regions(&self, scan: &Scan) -> Result<Vec<Box<dyn Region>>> {
        if scan.time.is_empty() {
            return Ok(Vec::new());
        }
        let scan = Arc::new(self.within_orders(scan));
        let table = self.table(scan.order)?;
        let parts = self.parts(&scan, &table)?;
        scan.meter.add(Reading { runs: parts.len() as u64, ..Reading::default() });
        Ok(parts
            .into_iter()
            .map(|part| {
                let region = HbaseRegion::new(&self.gateways, &table, part, Arc::clone(&scan));
                let region = if self.origins { region.with_origins() } else { region };
                Box::new(region) as Box<dyn Region>
            })
            .collect())
    }

    fn cuts(&self, scan: &Scan) -> Result<Vec<IpAddr>> {
        let table = self.table(scan.order)?;
        let regions = self.bounds(&table, &scan.watch)?;
        let leads = regions.iter().filter_map(|region| leading_address(&region.start));
        Ok(few_cuts(leads.collect()))
    }

    fn is_in_order(&self, scan: &Scan) -> bool {
        self.layout.has(scan.order)
    }

    fn plan(&self, scan: &Scan) -> Result<Plan> {
        let scan = &self.within_orders(scan);
        let table = self.table(scan.order)?;
        let all = self.bounds(&table, &scan.watch)?;
        let parts = self.parts(scan, &table)?;
        let within = |region: &&Bounds| parts.iter().any(|p| region.within(&p.bounds).is_some());
        let read = all.iter().filter(within).count();
        let mut notes = vec![format!("table {table}")];
        if scan.lead.is_some() {
            const SHOWN: usize = 4;
            for Part { bounds, .. } in parts.iter().take(SHOWN) {
                let stop = if bounds.stop.is_empty() { b"the end" } else { &bounds.stop[..] };
                let (start, stop) = (filter::text(&bounds.start), filter::text(stop));
                notes.push(format!("rows from {start} to {stop}"));
            }
            if let Some(more) = parts.len().checked_sub(SHOWN).filter(|&more| more > 0) {
                notes.push(format!("and {more} more such ranges"));
            }
        }
        if parts.iter().any(|part| !part.led) {
            notes.push("between these addresses lie others: they are told apart here".to_owned());
        }
        if parts.iter().any(|part| !part.timed) {
            notes.push("the time is tested here, on each row".to_owned());
        }
        if let Some(predicate) = &scan.predicate {
            let pushed = filter::push(predicate, scan.order);
            if let Some(pushed) = &pushed {
                notes.push(format!("servers filter by {}", filter::text(&pushed.filter)));
            }
            if pushed.is_none_or(|pushed| !pushed.whole) {
                notes.push(format!("tested here, on each row: {predicate}"));
            }
        }
        Ok(Plan {
            access: if scan.lead.is_some() { Access::Range } else { Access::Filter },
            runs: (all.len() as u64, read as u64),
            blocks: (0, 0),
            pages: (0, 0),
            notes,
        })
    }

    fn size(&self) -> Result<Size> {
        let regions = |order: Order| {
            let table = Tables::of(&self.gateways).flows(order);
            let regions = self.bounds(&table, &Watch::default())?.len() as u64;
            Ok((table, regions))
        };
        Ok(Size {
            regions: self.layout.tables().map(regions).collect::<Result<_>>()?,
            ..Size::default()
        })
    }
}

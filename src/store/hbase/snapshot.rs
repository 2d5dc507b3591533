//! Scans of the tables, cut along their regions.

use std::sync::Arc;

use hbase_thrift::hbase::THbaseSyncClient;
use rayon::prelude::*;

use super::filter;
use super::gateways::Gateways;
use super::region::{Bounds, HbaseRegion};
use super::tables::{Layout, Tables};
use crate::flow::Columns;
use crate::row::{KeyRange, Order};
use crate::store::{Access, Plan, Reading, Region, Result, Scan, Snapshot, StoreError};

/// The store as it is whenever it is read: rows that are written meanwhile may be seen.
#[derive(Debug)]
pub(super) struct HbaseSnapshot {
    gateways: Gateways,
    layout: Layout,
}

impl HbaseSnapshot {
    pub(super) fn new(gateways: Gateways, layout: Layout) -> Self {
        Self { gateways, layout }
    }

    /// The table in `order`.
    fn table(&self, order: Order) -> Result<String> {
        if self.layout.orders.contains(&order) {
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

    /// The regions of a table, in key order.
    fn bounds(&self, table: &str) -> Result<Vec<Bounds>> {
        let mut session = self.gateways.session();
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

    /// The parts of the table to be scanned one by one.
    fn parts(&self, scan: &Scan, table: &str) -> Result<Vec<Bounds>> {
        let Some(lead) = &scan.lead else {
            return self.bounds(table);
        };
        let range = Bounds::of(lead, scan.time);
        // What one host did is little, and mostly in one region: no need to ask which.
        if lead.host().is_some() {
            return Ok(vec![range]);
        }
        Ok(self.bounds(table)?.iter().filter_map(|region| region.within(&range)).collect())
    }
}

impl Snapshot for HbaseSnapshot {
    fn regions(&self, scan: &Scan) -> Result<Vec<Box<dyn Region>>> {
        if scan.time.since >= scan.time.until {
            return Ok(Vec::new());
        }
        let table = self.table(scan.order)?;
        let parts = self.parts(scan, &table)?;
        scan.meter.add(Reading { runs: parts.len() as u64, ..Reading::default() });
        let scan = Arc::new(scan.clone());
        Ok(parts
            .into_iter()
            .map(|bounds| {
                let region = HbaseRegion::new(&self.gateways, &table, bounds, Arc::clone(&scan));
                Box::new(region) as Box<dyn Region>
            })
            .collect())
    }

    fn plan(&self, scan: &Scan) -> Result<Plan> {
        let table = self.table(scan.order)?;
        let all = self.bounds(&table)?;
        let read = match &scan.lead {
            Some(lead) => {
                let range = Bounds::of(lead, scan.time);
                all.iter().filter(|region| region.within(&range).is_some()).count()
            }
            None => all.len(),
        };
        let mut notes = vec![format!("table {table}")];
        if let Some(lead) = &scan.lead {
            let KeyRange { start, stop } = KeyRange::new(lead, scan.time);
            let stop = stop.map_or_else(|| "the end".to_owned(), |stop| filter::text(&stop));
            notes.push(format!("rows from {} to {stop}", filter::text(&start)));
            if lead.host().is_none() && !scan.time.is_all() {
                notes.push("the time is tested here, on each row".to_owned());
            }
        } else if !scan.time.is_all() {
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

    fn flows(&self) -> Result<u64> {
        self.regions(&Scan::all(Columns::NONE))?
            .into_par_iter()
            .map(|region| region.read().try_fold(0, |rows, batch| Ok(rows + batch?.len() as u64)))
            .sum()
    }
}

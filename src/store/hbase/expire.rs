//! Deletes flows for their age. The address leads the row key, so no range of keys is a stretch of
//! time: every region is gone through, by keys alone, and what is too old is deleted as it is met.

use hbase_thrift::Attributes;
use hbase_thrift::hbase::THbaseSyncClient;
use rayon::prelude::*;

use super::gateways::{Gateways, Session};
use super::region::{Bounds, open_scanner};
use super::reply::Rows;
use super::snapshot::HbaseSnapshot;
use super::tables::{Layout, Tables, deletion, refuse_disabled};
use crate::flow::UnixMillis;
use crate::row::{Order, RowKey};
use crate::store::{Expired, Result, Watch};

/// Keys are short, so a call can bring many.
const SCAN_ROWS: i32 = 5_000;
/// Rows of one call that deletes.
const DELETE_ROWS: usize = 2_000;
/// Has the servers leave out what the cells hold.
const KEYS_ONLY: &[u8] = b"KeyOnlyFilter()";

/// Deletes the flows that began before `before` from every table; with `dry_run`, counts them. A
/// row that is written anew in the meantime may go as well.
///
/// # Errors
///
/// [`StoreError::Unreachable`](crate::StoreError::Unreachable),
/// [`StoreError::Refused`](crate::StoreError::Refused). What was deleted until then stays so.
pub(super) fn expire(
    gateways: &Gateways,
    layout: &Layout,
    before: UnixMillis,
    dry_run: bool,
) -> Result<Expired> {
    let tables = Tables::of(gateways);
    let snapshot = HbaseSnapshot::new(gateways.clone(), layout.clone());
    let mut expired = Expired::default();
    // Every order has some or all of the same flows, and the first counts. It goes last: as long as it
    // is not done, a second call tells of what is left.
    let kept = Order::EVERY.into_iter().filter(|&order| layout.tables().any(|kept| kept == order));
    let orders: Vec<Order> = if dry_run { kept.take(1).collect() } else { kept.collect() };
    for &order in orders.iter().rev() {
        let table = tables.flows(order);
        if !dry_run {
            refuse_disabled(gateways, &mut gateways.session(), &table)?;
        }
        let regions: Vec<Expired> = snapshot
            .bounds(&table, &Watch::default())?
            .into_par_iter()
            .map(|bounds| Sweep::new(gateways, &table, bounds).carry_out(before, dry_run))
            .collect::<Result<_>>()?;
        expired = Expired::default();
        for region in &regions {
            expired.merge(region);
        }
    }
    Ok(expired)
}

/// A region, gone through once.
struct Sweep {
    /// Reads; another connection deletes, so that the scanner can stay open.
    reading: Session,
    deleting: Session,
    table: String,
    /// What is still to be read.
    bounds: Bounds,
    /// The open scanner, and the connection that it belongs to.
    scanner: Option<(u64, i32)>,
    rows: Rows,
}

impl Sweep {
    fn new(gateways: &Gateways, table: &str, bounds: Bounds) -> Self {
        Self {
            reading: gateways.session(),
            deleting: gateways.session(),
            table: table.to_owned(),
            bounds,
            scanner: None,
            rows: Rows::default(),
        }
    }

    fn carry_out(mut self, before: UnixMillis, dry_run: bool) -> Result<Expired> {
        let mut expired = Expired::default();
        while self.bounds.stop.is_empty() || self.bounds.start < self.bounds.stop {
            self.fetch()?;
            let Some(last) = self.rows.len().checked_sub(1) else { break };
            let mut old = Vec::new();
            for row in 0..=last {
                let key = self.rows.key(row);
                // What is no flow is not for this to judge; whoever reads the table is told of it.
                if let Some(flow) = RowKey::decode(key).filter(|flow| flow.first.is_before(before))
                {
                    expired.add(1, flow.first, flow.first);
                    old.push(key.to_vec());
                }
            }
            if !dry_run {
                for keys in old.chunks(DELETE_ROWS) {
                    self.delete(keys)?;
                }
            }
            self.go_on_behind(last, before);
        }
        self.close();
        Ok(expired)
    }

    /// Reads the next keys, whatever comes between.
    fn fetch(&mut self) -> Result<()> {
        let mut trial = self.reading.trial();
        loop {
            let Self { reading, rows, scanner, table, bounds, .. } = self;
            let fetched = reading.once(|gateway| {
                let number = match *scanner {
                    Some((connection, number)) if connection == gateway.id => number,
                    _ => {
                        let filter = Some(KEYS_ONLY.to_vec());
                        let number = open_scanner(gateway, table, bounds, SCAN_ROWS, filter)?;
                        *scanner = Some((gateway.id, number));
                        number
                    }
                };
                gateway.request_rows(number, SCAN_ROWS)?;
                gateway.receive_rows(rows)
            });
            match fetched {
                Ok(_) => return Ok(()),
                Err(failure) => {
                    self.scanner = None;
                    trial.failed("scan", failure)?;
                }
            }
        }
    }

    /// What a scanner that is opened from now on begins with. The rows of a host, or of a port of it
    /// behind a NAT, are in the order of time: where a host has filled all that came, and its last row stays, what follows of it stays
    /// too, and is passed over.
    fn go_on_behind(&mut self, last: usize, before: UnixMillis) {
        let key = self.rows.key(last);
        let host = |key: &[u8]| RowKey::decode(key).map(|flow| (flow.lead, flow.port));
        let flow = RowKey::decode(key).filter(|flow| !flow.first.is_before(before));
        if let Some(flow) =
            flow.filter(|flow| host(self.rows.key(0)) == Some((flow.lead, flow.port)))
        {
            let full = self.rows.len() == SCAN_ROWS as usize;
            if let Some(next) = flow.behind_lead().filter(|_| full) {
                self.close();
                self.bounds.start = next;
                return;
            }
        }
        self.bounds.start.clear();
        self.bounds.start.extend_from_slice(key);
        self.bounds.start.push(0);
    }

    fn delete(&mut self, keys: &[Vec<u8>]) -> Result<()> {
        self.deleting.call("delete", |gateway| {
            let rows = keys.iter().map(|key| deletion(key.clone())).collect();
            gateway.client().mutate_rows(self.table.as_str().into(), rows, Attributes::new())
        })
    }

    /// Gives the scanner back, so that the gateway need not wait for its lease to run out.
    fn close(&mut self) {
        let Some((connection, number)) = self.scanner.take() else { return };
        // It is good manners and no more.
        let _ = self.reading.once(|gateway| {
            if gateway.id != connection {
                return Ok(());
            }
            gateway.client().scanner_close(number)
        });
    }
}

//! A stretch of a table, read row by row in key order.

use std::sync::Arc;

use byteorder::{BigEndian, ByteOrder};
use hbase_thrift::Attributes;
use hbase_thrift::hbase::{THbaseSyncClient, TScan};

use super::cell::{self, Sources};
use super::filter;
use super::gateway::Gateway;
use super::gateways::{Gateways, Session};
use super::reply::Rows;
use crate::flow::{
    Addresses, Column, Columns, Family, FlowBatch, Origin, TimeRange, UnixMillis, ValuesMut,
    saturated_u32,
};
use crate::row::{AddressRange, KeyRange, MAX_KEY_BYTES, Order, PORT_BYTES, Predicate, key_bytes};
use crate::store::{FlowStream, Reading, Region, Result, SCAN_BATCH_ROWS, Scan, StoreError};

/// Rows that a region server hands to the gateway at a time, and the gateway to us.
const ROWS: i32 = 2_000;

/// Row keys from `start` on and before `stop`; where that is empty, to the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bounds {
    pub start: Vec<u8>,
    pub stop: Vec<u8>,
}

impl Bounds {
    /// The keys of `scan` that `lead` leads, of flows of `family`, and for a host those in its time.
    pub(super) fn of(scan: &Scan, family: Family, lead: &AddressRange) -> Self {
        let range = |time| KeyRange::in_order(scan.order, family, lead, scan.port, time);
        let KeyRange { start, stop } = range(scan.time);
        let host = range(TimeRange::ALL).start;
        if lead.host().is_some() && !stop.as_ref().is_some_and(|stop| stop.starts_with(&host)) {
            // The end shares the address with the start: only then is a Bloom filter on it asked.
            let mut stop = host;
            stop.resize(stop.len() + MAX_KEY_BYTES, u8::MAX);
            return Self { start, stop };
        }
        Self { start, stop: stop.unwrap_or_default() }
    }

    /// What of `range` is in this region, if anything is.
    pub(super) fn within(&self, range: &Self) -> Option<Self> {
        let start = self.start.clone().max(range.start.clone());
        let stop = match (self.stop.is_empty(), range.stop.is_empty()) {
            (true, _) => range.stop.clone(),
            (_, true) => self.stop.clone(),
            _ => self.stop.clone().min(range.stop.clone()),
        };
        (stop.is_empty() || start < stop).then_some(Self { start, stop })
    }
}

/// A part of what a scan reads.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// Its keys.
    pub bounds: Bounds,
    /// Whether only rows of the scan's leading addresses are in it.
    pub led: bool,
    /// Whether only rows of the scan's time are in it.
    pub timed: bool,
}

/// A region of a scan, not yet read.
pub(super) struct HbaseRegion(Reader);

impl HbaseRegion {
    /// The rows of `table` within `part` that `scan` finds.
    pub(super) fn new(gateways: &Gateways, table: &str, part: Part, scan: Arc<Scan>) -> Self {
        let Part { bounds, led, timed } = part;
        let pushed = scan.predicate.as_ref().and_then(|p| filter::push(p, scan.order));
        let served = pushed.as_ref().is_some_and(|pushed| pushed.whole);
        let tested = scan.predicate.clone().filter(|_| !served);
        let lead = scan.lead.clone().filter(|_| !led).map(|lead| scan.order.leads(lead));
        let tests: Vec<_> = lead.into_iter().chain(tested).collect();
        let predicate = (!tests.is_empty()).then(|| Predicate::and(tests));
        let time = (!scan.time.is_all() && !timed).then_some(scan.time);
        let mut columns = scan.columns;
        if time.is_some() {
            columns = columns | Columns::of(&[Column::First]);
        }
        if let Some(predicate) = &predicate {
            columns = columns | predicate.columns();
        }
        Self(Reader {
            gateways: gateways.clone(),
            session: gateways.watched_session(&scan.watch),
            table: table.to_owned(),
            bounds,
            filter: pushed.map(|pushed| pushed.filter),
            predicate,
            time,
            columns,
            scan,
            origins: false,
            scanner: None,
            requested: false,
            answered: 0,
            ended: false,
            rows: Rows::default(),
            next: 0,
            sources: Sources::default(),
        })
    }

    /// This region, whose flows come with their origins.
    pub(super) fn with_origins(mut self) -> Self {
        self.0.origins = true;
        self
    }
}

impl Region for HbaseRegion {
    fn read(self: Box<Self>) -> FlowStream {
        let mut reader = self.0;
        Box::new(std::iter::from_fn(move || {
            let batch = reader.next_found().transpose();
            reader.ended |= matches!(batch, Some(Err(_)));
            batch
        }))
    }
}

struct Reader {
    gateways: Gateways,
    session: Session,
    table: String,
    /// What is still to be read.
    bounds: Bounds,
    filter: Option<Vec<u8>>,
    /// What is tested here, row by row: what no server tested.
    predicate: Option<Predicate>,
    time: Option<TimeRange>,
    /// What is asked for, and what the tests need.
    columns: Columns,
    scan: Arc<Scan>,
    /// Whether flows come with their origins.
    origins: bool,
    /// The open scanner, and the connection that it was opened over: its number means nothing, or
    /// somebody else's scanner, at another gateway.
    scanner: Option<(u64, i32)>,
    /// Whether the next rows were asked for already.
    requested: bool,
    /// How many rows the last answer had. A scanner that is closed while it looks for the next ones
    /// answers with none, as at the end: so none behind a full answer is asked for again.
    answered: usize,
    ended: bool,
    rows: Rows,
    /// The first of the rows that was not looked at yet.
    next: usize,
    sources: Sources,
}

impl Reader {
    /// The next batch in which anything was found.
    fn next_found(&mut self) -> Result<Option<FlowBatch>> {
        while !self.ended {
            if self.next == self.rows.len() {
                self.fetch()?;
                self.next = 0;
                if self.rows.is_empty() {
                    self.ended = true;
                    self.close();
                    break;
                }
            }
            let batch = self.decode()?;
            if !batch.is_empty() {
                let found = batch.len() as u64;
                self.scan.meter.add(Reading { found, ..Reading::default() });
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }

    /// Reads the next rows, whatever comes between: after an error a new scanner goes on behind the
    /// last row, for the old one may have dropped rows.
    fn fetch(&mut self) -> Result<()> {
        let mut trial = self.session.trial();
        loop {
            let Self { session, rows, scanner, requested, table, bounds, filter, .. } = self;
            let fetched = session.once(|gateway| {
                let number = match *scanner {
                    Some((connection, number)) if connection == gateway.id => number,
                    _ => {
                        *requested = false;
                        let number = open_scanner(gateway, table, bounds, ROWS, filter.clone())?;
                        *scanner = Some((gateway.id, number));
                        number
                    }
                };
                if !*requested {
                    gateway.request_rows(number, ROWS)?;
                }
                *requested = false;
                let bytes = gateway.receive_rows(rows)?;
                if !rows.is_empty() {
                    // The servers look for the next rows while these are worked on.
                    gateway.request_rows(number, ROWS)?;
                    *requested = true;
                }
                Ok(bytes)
            });
            match fetched {
                Ok(_) if self.rows.is_empty() && self.answered == ROWS as usize => {
                    self.scanner = None;
                    self.answered = 0;
                }
                Ok(bytes) => {
                    let rows = self.rows.len();
                    self.answered = rows;
                    if let Some(last) = rows.checked_sub(1) {
                        self.bounds.start.clear();
                        self.bounds.start.extend_from_slice(self.rows.key(last));
                        self.bounds.start.push(0);
                    }
                    return self.scan.count(Reading {
                        bytes,
                        rows: rows as u64,
                        ..Reading::default()
                    });
                }
                Err(failure) => {
                    self.scanner = None;
                    self.requested = false;
                    trial.failed("scan", failure)?;
                }
            }
        }
    }

    /// Turns rows of one family into a batch of what the scan finds among them.
    fn decode(&mut self) -> Result<FlowBatch> {
        let Self { rows, scan, columns, sources, next, origins, .. } = &mut *self;
        let family = family_of(rows.key(*next), scan.order);
        let good = |row: &usize| {
            let key = rows.key(*row);
            family.is_some_and(|family| {
                family_of(key, scan.order) == Some(family) && cell::is_cell(rows.cell(*row), family)
            })
        };
        let most = rows.len().min(*next + SCAN_BATCH_ROWS);
        let end = (*next..most).find(|row| !good(row)).unwrap_or(most);
        let (Some(family), true) = (family, end > *next) else {
            let key = filter::text(rows.key(*next));
            return Err(StoreError::Damaged {
                place: format!("{}/{}", self.gateways.location(), self.table),
                detail: format!("row {key} is no flow of this layout"),
            });
        };
        let range = *next..end;
        *next = end;
        let columns = *columns;
        let mut batch = FlowBatch::new(family);
        decode_keys(range.clone().map(|row| rows.key(row)), scan.order, columns, &mut batch);
        cell::decode(&range.clone().map(|row| rows.cell(row)), columns, &mut batch, sources);
        if *origins {
            let origin =
                |row| Origin(BigEndian::read_u64(&rows.key(row)[rows.key(row).len() - 8..]));
            batch.origin.extend(range.clone().map(origin));
        }
        batch.set_len(range.len());
        batch.sources = sources.list();
        Ok(self.select(batch))
    }

    /// The rows of `batch` that pass what no server tested, with the columns asked for.
    fn select(&self, batch: FlowBatch) -> FlowBatch {
        if self.time.is_none() && self.predicate.is_none() {
            return batch.project(self.scan.columns);
        }
        let passes = self.predicate.as_ref().map(|predicate| predicate.evaluate(&batch));
        let keep = |&row: &u32| {
            let row = row as usize;
            self.time.is_none_or(|time| time.contains(UnixMillis(batch.first_ms[row])))
                && passes.as_ref().is_none_or(|passes| passes[row])
        };
        let rows: Vec<u32> = (0..saturated_u32(batch.len())).filter(keep).collect();
        batch.take_rows(&rows).project(self.scan.columns)
    }

    /// Gives the scanner back, so that the gateway does not keep it until its lease runs out.
    fn close(&mut self) {
        let Self { session, rows, scanner, requested, .. } = self;
        let Some((connection, number)) = scanner.take() else { return };
        // It is good manners and no more: what goes wrong here changes nothing in the answer.
        let _ = session.once(|gateway| {
            if gateway.id != connection {
                return Ok(());
            }
            if std::mem::take(requested) {
                gateway.receive_rows(rows)?;
            }
            gateway.client().scanner_close(number)
        });
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.close();
    }
}

/// Opens a scanner over the rows of `table` within `bounds`, of which the region server hands out
/// `caching` at a time.
pub(super) fn open_scanner(
    gateway: &mut Gateway,
    table: &str,
    bounds: &Bounds,
    caching: i32,
    filter_string: Option<Vec<u8>>,
) -> thrift::Result<i32> {
    // What the generated type has by default asks for cells of the year 1970 with an empty filter.
    let scan = TScan {
        start_row: Some(bounds.start.clone()),
        stop_row: Some(bounds.stop.clone()),
        timestamp: None,
        columns: Some(vec![cell::COLUMN.to_vec()]),
        caching: Some(caching),
        filter_string,
        batch_size: None,
        sort_columns: None,
        reversed: None,
        cache_blocks: None,
    };
    gateway.client().scanner_open_with_scan(table.into(), scan, Attributes::new())
}

/// The family of the flow of a row key in `order`; None if it is none.
fn family_of(key: &[u8], order: Order) -> Option<Family> {
    let family = match key.first() {
        Some(4) => Family::V4,
        Some(6) => Family::V6,
        _ => return None,
    };
    (key.len() == key_bytes(order, family)).then_some(family)
}

/// Appends those of `columns` that are in the keys. Each key is one of the batch's family.
fn decode_keys<'a>(
    keys: impl Iterator<Item = &'a [u8]> + Clone,
    order: Order,
    columns: Columns,
    batch: &mut FlowBatch,
) {
    let (lead, other) = order.columns();
    let family = batch.family();
    let port_at = 1 + order.lead_family(family).address_bytes();
    let first_at = port_at + if order == Order::Nat { PORT_BYTES } else { 0 };
    let other_at = first_at + 8;
    let far = (order == Order::Nat).then(|| (Column::Dst, other_at + family.address_bytes()));
    for (column, at) in [(lead, 1), (other, other_at)].into_iter().chain(far) {
        if !columns.contains(column) {
            continue;
        }
        match batch.values_mut(column) {
            ValuesMut::Addresses(Addresses::V4(to)) => {
                to.extend(keys.clone().map(|key| BigEndian::read_u32(&key[at..])));
            }
            ValuesMut::Addresses(Addresses::V6(to)) => {
                to.extend(keys.clone().map(|key| BigEndian::read_u128(&key[at..])));
            }
            _ => {}
        }
    }
    if order == Order::Nat && columns.contains(Column::NatPort) {
        batch.nat_port.0.extend(keys.clone().map(|key| BigEndian::read_u16(&key[port_at..])));
    }
    if columns.contains(Column::First) {
        batch.first_ms.extend(keys.map(|key| BigEndian::read_u64(&key[first_at..])));
    }
}

//! Puts the rows of a batch in key order, and cuts them by day.

use std::collections::BTreeMap;

use super::merge::{place, place_of_lead};
use crate::flow::{Addresses, FlowBatch, NatLead, UnixMillis, nat_leads, saturated_u32};
use crate::row::Order;
use crate::store::Usual;

/// At most so many days get a run of their own from one batch.
const MAX_DAYS: usize = 64;
/// Days on which no datagram was sent, as wrong clocks and forgers name them, are worth a run of
/// their own from so many flows on.
pub(crate) const MIN_UNUSUAL_ROWS: usize = 4_096;

/// The rows of `batch` that become one run each, by the day on which they began.
///
/// A usual day has a run of its own however few its flows are, so that it is found, and dropped, as
/// a whole. What is left, of days with a wrong clock, comes together in one run that ends before
/// the days to come, and one of these.
pub(crate) fn parts_by_day(batch: &FlowBatch, usual: &Usual) -> Vec<PartRows> {
    let mut days: Vec<(u64, Vec<u32>)> = rows_of_days(batch).into_iter().collect();
    let has_own =
        |(day, rows): &(u64, Vec<u32>)| usual.is_usual(*day) || rows.len() >= MIN_UNUSUAL_ROWS;
    // Usual days first, and the fullest of these, so that nobody can take their place.
    days.sort_by_key(|(day, rows)| {
        (std::cmp::Reverse(usual.is_usual(*day)), std::cmp::Reverse(rows.len()))
    });
    let own = days.iter().take(MAX_DAYS).take_while(|day| has_own(day)).count();
    let rest = days.split_off(own);
    let mut parts: Vec<PartRows> =
        days.into_iter().map(|(_, rows)| PartRows { rows, strangers: false }).collect();
    let rest: Vec<u32> = rest.into_iter().flat_map(|(_, rows)| rows).collect();
    let is_ahead = |row: &u32| usual.is_ahead(UnixMillis(batch.first_ms[*row as usize]));
    let (ahead, before): (Vec<u32>, Vec<u32>) = rest.into_iter().partition(is_ahead);
    let rests = [before, ahead].into_iter().filter(|rows| !rows.is_empty());
    let strangers = !usual.is_unknown();
    parts.extend(rests.map(|rows| PartRows { rows, strangers }));
    parts
}

/// Rows of a batch that become one run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PartRows {
    pub rows: Vec<u32>,
    /// Whether they are of days that are not usual where others are, and so share their run.
    pub strangers: bool,
}

/// The rows of `batch` by the day on which they began.
fn rows_of_days(batch: &FlowBatch) -> BTreeMap<u64, Vec<u32>> {
    let day = |row: usize| UnixMillis(batch.first_ms[row]).day();
    let mut days: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
    let mut row = 0;
    // Flows come in the order of their export, so the day rarely changes.
    while row < batch.len() {
        let of = day(row);
        let end = (row..batch.len()).find(|&next| day(next) != of).unwrap_or(batch.len());
        days.entry(of).or_default().extend(saturated_u32(row)..saturated_u32(end));
        row = end;
    }
    days
}

/// A row of a batch, and as much of its key as 64 bits hold: it sorts faster than the whole row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    key: u64,
    /// Its place in the batch.
    pub row: u32,
}

/// The rows of a batch in the order of addresses behind a NAT, each as often as it has one, and what
/// leads them there.
pub(crate) fn sort_by_nat(batch: &FlowBatch, rows: &[u32]) -> (Vec<NatLead>, Vec<Entry>) {
    let leads = |&row: &u32| {
        let leads = nat_leads(batch.extras.get(row as usize)).into_iter();
        leads.map(move |lead| (lead, Entry { key: batch.first_ms[row as usize], row }))
    };
    let mut led: Vec<(NatLead, Entry)> = rows.iter().flat_map(leads).collect();
    led.sort_unstable_by_key(|&(lead, Entry { row, .. })| {
        (lead, place_of_lead(batch, row as usize, Order::Nat))
    });
    led.into_iter().unzip()
}

/// Fills `entries` with `rows` of `batch` in the order of their row keys, one of those that have
/// every flow.
pub(crate) fn sort(batch: &FlowBatch, rows: &[u32], order: Order, entries: &mut Vec<Entry>) {
    entries.clear();
    match order.addresses(batch).0 {
        Addresses::V4(lead) => {
            let firsts = || rows.iter().map(|&row| batch.first_ms[row as usize]);
            let begin = firsts().min().unwrap_or(0);
            entries.extend(rows.iter().zip(firsts()).map(|(&row, first)| {
                let since_begin = (first - begin).min(u64::from(u32::MAX));
                Entry { key: u64::from(lead[row as usize]) << 32 | since_begin, row }
            }));
        }
        Addresses::V6(lead) => entries
            .extend(rows.iter().map(|&row| Entry { key: (lead[row as usize] >> 64) as u64, row })),
    }
    entries.sort_unstable();
    for same in entries.chunk_by_mut(|a, b| a.key == b.key) {
        if same.len() > 1 {
            same.sort_unstable_by_key(|entry| place(batch, entry.row as usize, order));
        }
    }
}

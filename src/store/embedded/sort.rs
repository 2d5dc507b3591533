//! Puts the rows of a batch in key order, and cuts them by day.

use std::collections::BTreeMap;

use super::merge::place;
use super::schema::lead_column;
use crate::flow::{Addresses, Column, FlowBatch, UnixMillis};
use crate::row::Order;

/// At most so many runs are cut of one batch. Damaged clocks scatter flows over years: the days
/// with the fewest flows then share a run.
const MAX_PARTS: usize = 8;
/// Days with fewer flows than this are not worth a run of their own.
const MIN_PART_ROWS: usize = 4_096;

/// The rows of `batch` by the day on which they began, the fullest day first. Days with few rows
/// come together, last.
pub(super) fn parts_by_day(batch: &FlowBatch) -> Vec<Vec<u32>> {
    let day = |row: usize| UnixMillis(batch.first_ms[row]).day();
    let Some(first_day) = (!batch.is_empty()).then(|| day(0)) else {
        return Vec::new();
    };
    if (1..batch.len()).all(|row| day(row) == first_day) {
        return vec![(0..batch.len() as u32).collect()];
    }
    let mut days: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
    let mut last: Option<(u64, Vec<u32>)> = None;
    for row in 0..batch.len() {
        let day = day(row);
        // Flows come in the order of their export, so the day rarely changes.
        match &mut last {
            Some((of, rows)) if *of == day => rows.push(row as u32),
            _ => {
                if let Some((of, rows)) = last.take() {
                    days.insert(of, rows);
                }
                let mut rows = days.remove(&day).unwrap_or_default();
                rows.push(row as u32);
                last = Some((day, rows));
            }
        }
    }
    days.extend(last);
    let mut parts: Vec<Vec<u32>> = days.into_values().collect();
    parts.sort_by_key(|rows| std::cmp::Reverse(rows.len()));
    let own =
        parts.iter().take(MAX_PARTS - 1).take_while(|rows| rows.len() >= MIN_PART_ROWS).count();
    let shared = parts.split_off(own).concat();
    if !shared.is_empty() {
        parts.push(shared);
    }
    parts
}

/// A row of a batch, and as much of its key as 64 bits hold: it sorts faster than the whole row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    key: u64,
    /// Its place in the batch.
    pub row: u32,
}

/// Fills `entries` with `rows` of `batch` in the order of their row keys.
pub(super) fn sort(batch: &FlowBatch, rows: &[u32], order: Order, entries: &mut Vec<Entry>) {
    let lead = if lead_column(order) == Column::Src { &batch.src } else { &batch.dst };
    entries.clear();
    match lead {
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

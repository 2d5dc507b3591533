//! Runs, written and read back.

use std::sync::Arc;

use proptest::prelude::*;

mod behind_nat;
mod formats;

use super::EmbeddedStore;
use super::folder::lock::Held;
use super::folder::run_columns::RunColumns;
use super::run::file::RunFile;
use super::run::merge::place;
use super::run::reader::stretches;
use super::run::schema::Shape;
use super::run::sort::{PartRows, parts_by_day, sort};
use super::run::writer::RunWriter;
use crate::TimeRange;
use crate::flow::{
    Column, Columns, DatagramId, Family, FlowBatch, FlowRecord, Origin, Protocol, Sampling, Source,
    UnixMillis,
};
use crate::row::{AddressRange, Order, Predicate};
use crate::store::{Region, Scan, Store, Usual, WriteBatch};

fn source() -> Source {
    Source { exporter: Family::V4.address(0x0a00_0001), engine: 7, sampling: Sampling::default() }
}

/// A flow that is made from one number, all fields different.
fn flow(family: Family, seed: u64) -> FlowRecord {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut draw = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) % below
    };
    let base = match family {
        Family::V4 => 0xc0a8_0000,
        Family::V6 => 0x2001_0db8_u128 << 96,
    };
    let src = family.address(base + u128::from(draw(300)));
    let dst = family.address(base + u128::from(draw(3_000)));
    FlowRecord {
        first: UnixMillis(1_700_000_000_000 + draw(200_000_000)),
        duration_ms: draw(u64::from(u32::MAX)) as u32,
        octets: draw(u64::MAX),
        packets: draw(5_000),
        src_port: draw(65_536) as u16,
        dst_port: draw(65_536) as u16,
        protocol: Protocol(draw(256) as u8),
        tcp_flags: draw(256) as u8,
        tos: draw(256) as u8,
        input: draw(1 << 32) as u32,
        output: draw(9) as u32,
        src_as: draw(1 << 32) as u32,
        dst_as: draw(70_000) as u32,
        src_mask: draw(129) as u8,
        dst_mask: draw(33) as u8,
        next_hop: family.address(base + u128::from(draw(5))),
        source: source(),
        ..FlowRecord::between(src, dst)
    }
}

fn batch(family: Family, rows: u64) -> FlowBatch {
    let mut batch = FlowBatch::new(family);
    batch.sources = Arc::new(vec![source()]);
    for seed in 0..rows {
        batch.push(&flow(family, seed), 0, Origin(seed));
    }
    batch
}

fn in_key_order(batch: &FlowBatch, rows: &[u32], order: Order) -> FlowBatch {
    let mut entries = Vec::new();
    sort(batch, rows, order, &mut entries);
    batch.take_rows(&entries.iter().map(|entry| entry.row).collect::<Vec<_>>())
}

struct Written {
    _folder: tempfile::TempDir,
    run: Arc<RunFile>,
    sorted: FlowBatch,
}

fn write(batch: &FlowBatch, order: Order) -> Written {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.parquet");
    let extras =
        if batch.extras.is_empty() { Columns::NONE } else { Columns::of(&[Column::Extras]) };
    let shape = Shape::new(batch.family(), &RunColumns::with(extras));
    let rows: Vec<u32> = (0..batch.len() as u32).collect();
    let mut sorted = in_key_order(batch, &rows, order);
    let mut writer = RunWriter::create(&path, order, shape).unwrap();
    writer.append(&sorted).unwrap();
    let written = writer.finish().unwrap();
    sorted.origin.clear();
    Written { run: Arc::new(RunFile::new(path, order, shape, written)), _folder: folder, sorted }
}

fn read(run: &Arc<RunFile>, scan: &Scan, sources: &Arc<Vec<Source>>) -> Vec<FlowRecord> {
    let scan = Arc::new(scan.clone());
    stretches(run, &scan)
        .unwrap()
        .into_iter()
        .flat_map(|stretch| stretch.read(Arc::clone(&scan), Arc::clone(sources)))
        .flat_map(|batch| batch.unwrap().records().collect::<Vec<_>>())
        .collect()
}

#[test]
fn a_run_is_read_back_as_it_was_written() {
    for family in Family::ALL {
        for order in Order::ALL {
            let written = write(&batch(family, 40_000), order);
            let found = read(&written.run, &Scan::all(Columns::ALL), &written.sorted.sources);
            assert_eq!(found.len(), 40_000);
            assert!(found.iter().copied().eq(written.sorted.records()), "{family:?} {order}");
        }
    }
}

#[test]
fn a_writer_of_many_small_commits_merges_their_runs_beside_its_work() {
    let dir = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::new(dir.path());
    let mut writer = store.writer().unwrap();
    let runs = || Held::open(dir.path(), None).unwrap().manifest().runs.len();
    let begun = std::time::Instant::now();
    let mut flows = 0;
    // It merges when there are more than sixteen runs of a day; how long it takes is its own.
    for number in 0.. {
        let id = DatagramId { exported_secs: number, hash: u64::from(number) };
        let batch =
            WriteBatch { datagrams: vec![id], v4: batch(Family::V4, 100), ..WriteBatch::new() };
        flows += batch.len() as u64;
        assert!(writer.admit(id).unwrap());
        writer.write(batch).unwrap();
        writer.commit().unwrap();
        writer.tidy();
        if number > 40 && runs() < 4 * 16 {
            break;
        }
        assert!(begun.elapsed() < std::time::Duration::from_mins(1), "{} runs", runs());
    }
    drop(writer);
    let verified = store.verify().unwrap();
    assert_eq!((verified.flows, verified.faults), (flows, Vec::new()));
}

#[test]
fn rows_are_sorted_by_key_and_cut_by_day() {
    let batch = batch(Family::V4, 50_000);
    let parts = parts_by_day(&batch, &Usual::new());
    assert_eq!(parts.iter().map(|part| part.rows.len()).sum::<usize>(), 50_000);
    assert_eq!(parts.len(), 4);
    for order in Order::ALL {
        let sorted = in_key_order(&batch, &parts[0].rows, order);
        assert!(
            (1..sorted.len())
                .all(|row| place(&sorted, row - 1, order) <= place(&sorted, row, order))
        );
    }
}

#[test]
fn a_usual_day_shares_its_run_with_no_stranger_however_few_flows_it_has() {
    let today = UnixMillis(1_700_000_000_000);
    let mut usual = Usual::new();
    usual.enter(today);
    usual.set_present(today);
    let day = |days: i64| (today.day() as i64 + days) as u64;
    let starts =
        [day(0), 0, day(5000), day(0), day(-1), 1, day(5000), day(-700), day(1), day(9000)];
    let mut batch = FlowBatch::new(Family::V4);
    for (number, &start) in starts.iter().enumerate() {
        let first = UnixMillis::of_day(start) + 7;
        let flow = FlowRecord { first, ..flow(Family::V4, number as u64) };
        batch.push(&flow, 0, Origin(number as u64));
    }
    let days_of = |part: &PartRows| -> Vec<u64> {
        let mut days: Vec<u64> = part.rows.iter().map(|&row| starts[row as usize]).collect();
        days.sort_unstable();
        days
    };
    let parts: Vec<_> = parts_by_day(&batch, &usual).iter().map(days_of).collect();
    let strangers = vec![0, 1, day(-700)];
    let to_come = vec![day(5000), day(5000), day(9000)];
    let own = [vec![day(0), day(0)], vec![day(-1)], vec![day(1)]];
    assert_eq!(parts, [&own[..], &[strangers, to_come]].concat());
}

#[test]
fn no_number_of_days_makes_more_runs_than_a_few() {
    let mut usual = Usual::new();
    let mut batch = FlowBatch::new(Family::V4);
    for number in 0..1000u64 {
        let first = UnixMillis::of_day(number % 500) + number;
        usual.enter(first);
        batch.push(&FlowRecord { first, ..flow(Family::V4, number) }, 0, Origin(number));
    }
    let parts = parts_by_day(&batch, &usual);
    assert_eq!(parts.len(), 65);
    let mut rows = parts.into_iter().flat_map(|part| part.rows).collect::<Vec<_>>();
    rows.sort_unstable();
    assert!(rows.into_iter().eq(0..1000));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]
    #[test]
    fn a_scan_of_a_run_finds_what_looking_at_every_row_finds(
        v6 in any::<bool>(), dst_first in any::<bool>(),
        low in 0u128..310, span in prop_oneof![Just(0u128), 0..300u128],
        since in prop_oneof![Just(0u64), 0..200_000_000u64], length in prop_oneof![Just(u64::MAX), 0..100_000_000u64],
        lead in any::<bool>(), filter in any::<bool>(),
    ) {
        let family = if v6 { Family::V6 } else { Family::V4 };
        let order = if dst_first { Order::Dst } else { Order::Src };
        thread_local! {
            static RUNS: std::cell::RefCell<std::collections::BTreeMap<(Family, Order), std::rc::Rc<Written>>> =
                std::cell::RefCell::default();
        }
        let written = RUNS.with_borrow_mut(|runs| {
            std::rc::Rc::clone(runs.entry((family, order)).or_insert_with(|| std::rc::Rc::new(write(&batch(family, 30_000), order))))
        });
        let base = flow(family, 0).next_hop;
        let base = crate::flow::address_bits(base) & !0xff;
        let range = AddressRange::new(family.address(base + low), family.address(base + low + span)).unwrap();
        let since = UnixMillis(if since == 0 { 0 } else { 1_700_000_000_000 + since });
        let time = TimeRange { since, until: since + length };
        let mut scan = Scan { order, time, ..Scan::all(Columns::ALL) };
        let matches = |flow: &FlowRecord| {
            let end = order.ends(flow).0;
            time.contains(flow.first) && (!(lead || filter) || range.contains(end))
        };
        if lead {
            scan.lead = Some(range.into());
        }
        if filter {
            scan.predicate = Some(if dst_first { Predicate::dst(range) } else { Predicate::src(range) });
        }
        let found = read(&written.run, &scan, &written.sorted.sources);
        let expected: Vec<FlowRecord> = written.sorted.records().filter(matches).collect();
        prop_assert_eq!(found, expected);
    }
}

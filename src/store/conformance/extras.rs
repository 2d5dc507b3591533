//! What flows have beyond the common columns, and the names that exporters tell.

use super::Open;
use super::reading::place;
use super::samples::{datagram, mixed_flows, put};
use crate::flow::{Column, Columns, FlowRecord, Memo, Names, Remembered, Topic, UnixMillis};
use crate::row::Order;
use crate::store::{Scan, Snapshot, WriteBatch};

/// The extras of the flow numbered so: most have none.
fn extras_of(octets: u64) -> Vec<u8> {
    let value: Vec<u8> = (0..octets % 40).map(|byte| byte as u8).collect();
    if octets.is_multiple_of(3) {
        [&[0, 96, 0, value.len() as u8][..], &value].concat()
    } else {
        Vec::new()
    }
}

/// Flows whose extras follow from their octets, in two batches, of which the first has none.
pub(super) fn what_some_flows_have_beyond_the_columns_comes_back_with_them(open: Open<'_>) {
    let store = open();
    let flows = mixed_flows(7, 20_000);
    let (plain, rest) = flows.split_at(1000);
    let mut writer = store.writer().unwrap();
    for (number, flows) in [plain, rest].into_iter().enumerate() {
        let mut batch = WriteBatch::new();
        for (part, flows) in flows.chunks(30).enumerate() {
            let datagram = datagram((number as u64) << 32 | part as u64);
            assert!(writer.admit(datagram).unwrap());
            put(&mut batch, datagram, flows);
        }
        if number == 1 {
            for flows in [&mut batch.v4, &mut batch.v6] {
                for row in 0..flows.len() {
                    let bytes = extras_of(flows.octets[row]);
                    flows.extras.set(row, &bytes);
                }
            }
        }
        writer.write(batch).unwrap();
        writer.commit().unwrap();
    }
    let snapshot = store.snapshot().unwrap();
    for order in Order::ALL {
        for ordered in [false, true] {
            let scan = Scan { order, ordered, ..Scan::all(Columns::ALL) };
            check(snapshot.as_ref(), &scan, &flows);
        }
        let lead = order.ends(&rest[0]).0;
        let of_host: Vec<FlowRecord> = flows
            .iter()
            .filter(|flow| order.ends(flow).0 == order.ends(&rest[0]).0)
            .copied()
            .collect();
        check(snapshot.as_ref(), &Scan::range(order, lead, Columns::ALL), &of_host);
    }
    let columns = Columns::of(&[Column::Octets]);
    for region in snapshot.regions(&Scan::all(columns)).unwrap() {
        assert!(region.read().all(|batch| batch.unwrap().extras.is_empty()));
    }
}

/// The extras of a flow of the second batch follow from its octets; of the first one it has none.
fn check(snapshot: &dyn Snapshot, scan: &Scan, expected: &[FlowRecord]) {
    let (mut found, mut with_extras) = (0, 0);
    for region in snapshot.regions(scan).unwrap() {
        for batch in region.read() {
            let batch = batch.unwrap();
            let mut before = None;
            for (row, flow) in batch.records().enumerate() {
                found += 1;
                let extras = batch.extras.get(row);
                assert!(extras.is_empty() || extras == extras_of(flow.octets), "{flow:?}");
                with_extras += usize::from(!extras.is_empty());
                let place = place(scan.order, &flow);
                let out_of_order = before.replace(place).is_some_and(|before| before > place);
                assert!(!scan.ordered || !out_of_order, "{scan:?}");
            }
        }
    }
    assert_eq!(found, expected.len(), "{scan:?}");
    let most = expected.iter().filter(|flow| !extras_of(flow.octets).is_empty()).count();
    assert!(with_extras <= most && with_extras + 1000 >= most, "{with_extras} of {most}");
}

pub(super) fn names_that_exporters_told_are_kept_and_later_ones_replace_them(open: Open<'_>) {
    let store = open();
    let exporter = std::net::IpAddr::from([192, 0, 2, 1]);
    let mut writer = store.writer().unwrap();
    writer.commit().unwrap();
    assert_eq!(store.names().unwrap(), Names::default());
    let mut first = Names::default();
    first.interfaces.insert((exporter, 1), "eth1".to_owned());
    first.vrfs.insert((exporter, 1), "red \"vrf\"".to_owned());
    writer.name(&first).unwrap();
    assert_eq!(store.names().unwrap(), first);
    let mut second = Names::default();
    second.interfaces.insert((exporter, 1), "uplink".to_owned());
    second.applications.insert((exporter, u64::MAX), "http".to_owned());
    writer.name(&second).unwrap();
    drop(writer);
    let mut all = first;
    all.merge(&second);
    assert_eq!(all.interfaces[&(exporter, 1)], "uplink");
    assert_eq!(store.names().unwrap(), all);
    store.writer().unwrap().name(&Names::default()).unwrap();
    assert_eq!(store.names().unwrap(), all);
}

pub(super) fn what_was_told_last_is_remembered(open: Open<'_>) {
    let store = open();
    let memos = |memos: &[(u8, &str, u64, i32)]| {
        let mut all = Remembered::default();
        for &(exporter, name, told, value) in memos {
            let memo = Memo { told: UnixMillis(told), value: value.into() };
            all.enter([192, 0, 2, exporter].into(), name.to_owned(), memo);
        }
        all
    };
    let mut writer = store.writer().unwrap();
    writer.commit().unwrap();
    let remembered = || store.remembered(Topic::Options).unwrap();
    assert!(remembered().is_empty());
    writer.remember(Topic::Options, &memos(&[(1, "a \"b\"", 7, 1), (1, "c", 7, 1)])).unwrap();
    assert_eq!(remembered(), memos(&[(1, "a \"b\"", 7, 1), (1, "c", 7, 1)]));
    drop(writer);
    // What was told before is older, also where it comes later.
    let mut writer = store.writer().unwrap();
    let more = [(1, "a \"b\"", 9, 2), (1, "c", 5, 2), (2, "c", 0, 3)];
    writer.remember(Topic::Options, &memos(&more)).unwrap();
    writer.remember(Topic::Options, &Remembered::default()).unwrap();
    drop(writer);
    assert_eq!(remembered(), memos(&[(1, "a \"b\"", 9, 2), (1, "c", 7, 1), (2, "c", 0, 3)]));
    assert_eq!(store.names().unwrap(), Names::default());
}

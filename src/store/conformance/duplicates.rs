//! Datagrams that are met again, and flows that only look like it.

use super::Open;
use super::reading::{assert_same, read_all};
use super::samples::{datagram, flow, mixed_flows, offer, put, store_of};
use crate::flow::{DatagramId, FlowRecord};
use crate::store::{Store, WriteBatch};

fn assert_holds(store: &dyn Store, expected: &[FlowRecord]) {
    let snapshot = store.snapshot().unwrap();
    assert_same(&read_all(snapshot.as_ref()), expected, "a scan");
    assert_eq!(snapshot.flows().unwrap(), expected.len() as u64);
}

pub(super) fn a_datagram_is_stored_once_by_one_writer(open: Open<'_>) {
    let store = open();
    let flows = mixed_flows(1, 30);
    let mut writer = store.writer().unwrap();
    assert!(offer(writer.as_mut(), datagram(1), &flows));
    // In the same batch it is not met again, else a store may take it, and no harm is done.
    offer(writer.as_mut(), datagram(1), &flows);
    writer.commit().unwrap();
    offer(writer.as_mut(), datagram(1), &flows);
    writer.commit().unwrap();
    assert_holds(store.as_ref(), &flows);
}

pub(super) fn a_datagram_is_stored_once_by_many_writers(open: Open<'_>) {
    let store = open();
    // A name is no identity: these have their time, or their hash, in common.
    let ids = [(5, 1), (5, 2), (6, 1), (0, 0), (u32::MAX, u64::MAX), (0, u64::MAX), (3605, 1)]
        .map(|(exported_secs, hash)| DatagramId { exported_secs, hash });
    let flows: Vec<_> = (0..ids.len() as u64).map(|number| mixed_flows(number, 10)).collect();
    for turn in 0..3 {
        let mut writer = store.writer().unwrap();
        for (at, (id, flows)) in ids.iter().zip(&flows).enumerate() {
            // Each writer meets some that are new, and all those before.
            if at <= turn * 3 {
                offer(writer.as_mut(), *id, flows);
            }
        }
        writer.commit().unwrap();
    }
    assert_holds(store.as_ref(), &flows.concat());
}

pub(super) fn equal_records_of_one_datagram_are_all_kept(open: Open<'_>) {
    let flows = [flow("10.0.0.1", "10.0.0.2", 5, 1); 7];
    let store = store_of(open, &flows);
    assert_holds(store.as_ref(), &flows);
}

pub(super) fn equal_flows_of_two_datagrams_are_both_kept(open: Open<'_>) {
    let store = open();
    let flows = mixed_flows(1, 20);
    let mut writer = store.writer().unwrap();
    let mut batch = WriteBatch::new();
    for number in 0..2 {
        assert!(writer.admit(datagram(number)).unwrap());
        put(&mut batch, datagram(number), &flows);
    }
    writer.write(batch).unwrap();
    writer.commit().unwrap();
    assert!(offer(writer.as_mut(), datagram(2), &flows));
    writer.commit().unwrap();
    assert_holds(store.as_ref(), &[flows.clone(), flows.clone(), flows].concat());
}

pub(super) fn a_datagram_without_flows_is_remembered(open: Open<'_>) {
    let store = open();
    for turn in 0..2 {
        let mut writer = store.writer().unwrap();
        let admitted = offer(writer.as_mut(), datagram(1), &[]);
        assert!(admitted || turn > 0);
        writer.commit().unwrap();
    }
    assert_holds(store.as_ref(), &[]);
}

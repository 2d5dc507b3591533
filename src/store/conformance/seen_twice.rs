//! Flows that two routers saw: each is found once, in whatever parts the store is read.

use std::collections::BTreeSet;

use super::Open;
use super::samples::{mixed_flows, source, store_of};
use crate::flow::{Column, Columns, FlowRecord};
use crate::row::Order;
use crate::store::wrap::DedupedSnapshot;
use crate::store::{Scan, Snapshot};

/// More than a page of a run, and of several addresses.
const FLOWS: usize = 10_000;

/// Flows that differ in their ports, each as one router saw it and as another one did a little later.
fn seen_twice() -> Vec<FlowRecord> {
    let mut flows = mixed_flows(7, FLOWS);
    for (number, flow) in flows.iter_mut().enumerate() {
        (flow.src_port, flow.dst_port) = ((number / 256) as u16, (number % 256) as u16);
        (flow.octets, flow.source) = (2, source(1));
    }
    let later = |flow: &FlowRecord| FlowRecord {
        first: flow.first + 300,
        octets: 1,
        source: source(2),
        ..*flow
    };
    let again: Vec<FlowRecord> = flows.iter().map(later).collect();
    flows.into_iter().chain(again).collect()
}

pub(super) fn a_flow_that_two_routers_saw_is_found_once(open: Open<'_>) {
    let store = store_of(open, &seen_twice());
    let snapshot = DedupedSnapshot::new(store.snapshot().unwrap());
    let columns = Columns::of(&[Column::Src, Column::Dst, Column::First, Column::Octets]);
    let columns = columns | Columns::of(&[Column::SrcPort, Column::DstPort]);
    for order in Order::ALL {
        for ordered in [false, true] {
            let scan = Scan { order, ordered, ..Scan::all(columns) };
            let (mut ports, mut keys) = (BTreeSet::new(), Vec::new());
            for region in snapshot.regions(&scan).unwrap() {
                for batch in region.read() {
                    for flow in batch.unwrap().records() {
                        assert_eq!(flow.octets, 2, "{flow:?}");
                        assert!(ports.insert((flow.src_port, flow.dst_port)), "{flow:?}");
                        keys.push((flow.family(), order.ends(&flow).0, flow.first));
                    }
                }
            }
            assert_eq!(ports.len(), FLOWS, "{order} {ordered}");
            assert!(!ordered || keys.is_sorted(), "{order}");
        }
    }
}

//! Questions for addresses and ports behind a NAT, planned onto the order of these, against a look at
//! each flow.

use std::net::IpAddr;
use std::sync::Arc;

use earlgrey_hbase::flow::{
    Column, Columns, DatagramId, Extra, Family, FlowBatch, FlowRecord, Origin, UnixMillis,
    push_extra,
};
use earlgrey_hbase::query::{Question, parse_addresses};
use earlgrey_hbase::row::{AddressField, NatEnd, Order, Predicate};
use earlgrey_hbase::store::embedded::EmbeddedStore;
use earlgrey_hbase::store::memory::MemoryStore;
use earlgrey_hbase::store::{Access, Snapshot, Store, WriteBatch};
use proptest::prelude::*;

/// An end of a flow behind a NAT: the host of 203.0.113.0/24, and its ports.
#[derive(Debug, Clone)]
struct End {
    host: u8,
    ports: Vec<u16>,
}

/// What a flow tells of its two ends, and of blocks of ports, from the first to the last.
#[derive(Debug, Clone)]
struct Told {
    first: u64,
    is_v6: bool,
    ends: [Option<End>; 2],
    block: Option<(u16, u16)>,
}

fn any_told() -> impl Strategy<Value = Told> {
    let end = || {
        let ports = prop::collection::vec(0u16..5, 0..3);
        prop::option::of((1u8..4, ports).prop_map(|(host, ports)| End { host, ports }))
    };
    let block = prop::option::weighted(0.3, (1u16..5, 0u16..3));
    (0u64..6, any::<bool>(), end(), end(), block).prop_map(|(first, is_v6, src, dst, block)| Told {
        first,
        is_v6,
        ends: [src, dst],
        block: block.map(|(first, more)| (first, first + more)),
    })
}

/// An end that is asked for, and the port, if one is.
fn any_asked() -> impl Strategy<Value = (Option<u8>, Option<u16>)> {
    let host = prop::option::weighted(0.8, 1u8..5);
    (host, prop::option::of(0u16..6))
        .prop_map(|(host, port)| (host, port.filter(|_| host.is_some())))
}

impl Told {
    /// Whether an end of it is among those asked for, and used the port, by itself or by the block.
    fn used(&self, (host, port): (Option<u8>, Option<u16>)) -> bool {
        self.ends.iter().flatten().any(|end| {
            let is_port = |port| {
                end.ports.contains(&port)
                    || self.block.is_some_and(|(first, last)| (first..=last).contains(&port))
            };
            host.is_none_or(|host| host == end.host) && port.is_none_or(is_port)
        })
    }

    fn extras(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut push = |number, value: &[u8]| {
            push_extra(&mut bytes, 0, Extra { number, enterprise: 0, value });
        };
        for (side, end) in (0..).zip(&self.ends) {
            let Some(end) = end else { continue };
            push(225 + side, &[203, 0, 113, end.host]);
            end.ports.iter().for_each(|port| push(227 + side, &port.to_be_bytes()));
        }
        if let Some((first, last)) = self.block {
            push(361, &first.to_be_bytes());
            push(362, &last.to_be_bytes());
        }
        bytes
    }
}

fn fill(store: &dyn Store, told: &[Told]) {
    let mut batch = WriteBatch::new();
    for (number, told) in told.iter().enumerate() {
        let family = if told.is_v6 { Family::V6 } else { Family::V4 };
        let flow = FlowRecord {
            first: UnixMillis(told.first),
            octets: number as u64,
            ..FlowBatch::new(family).record(0)
        };
        let to = batch.family_mut(family);
        to.sources = Arc::new(vec![flow.source]);
        to.push_with(&flow, 0, Origin(number as u64), &told.extras());
        batch.datagrams.push(DatagramId { exported_secs: 0, hash: number as u64 });
    }
    let mut writer = store.writer().unwrap();
    writer.write(batch).unwrap();
    writer.commit().unwrap();
}

fn end((host, port): (Option<u8>, Option<u16>)) -> Predicate {
    let addresses = match host {
        Some(host) => IpAddr::from([203, 0, 113, host]).into(),
        None => parse_addresses("203.0.113.0/24").unwrap(),
    };
    Predicate::Nat(NatEnd { addresses, port })
}

/// The octets of the flows that are found, in the order in which they come, each with its place.
fn found(question: &Question, snapshot: &dyn Snapshot) -> Vec<(u64, (Family, u128, u16, u64))> {
    let columns = Columns::ALL | Order::Nat.lead_columns() | Columns::of(&[Column::First]);
    let mut found = Vec::new();
    for batch in question.plan(columns).run(snapshot).unwrap() {
        let batch = batch.unwrap();
        for row in 0..batch.len() {
            let (address, port) = (batch.nat.bits()[row], batch.nat_port.0[row]);
            found.push((batch.octets[row], (batch.family(), address, port, batch.first_ms[row])));
        }
    }
    found
}

fn check(snapshot: &dyn Snapshot, question: &Question, expected: &[u64], of_port: bool) {
    for access in [Access::Range, Access::Filter] {
        let question = Question { access, ..question.clone() };
        let found = found(&question, snapshot);
        // By address, port and time; of one port, by time.
        let place = |&(_, (family, address, port, first)): &(u64, (Family, u128, u16, u64))| {
            if of_port { (family, 0, 0, first) } else { (family, address, port, first) }
        };
        assert!(found.is_sorted_by_key(place), "{question:?}: {found:?}");
        let mut octets: Vec<u64> = found.iter().map(|&(octets, _)| octets).collect();
        octets.sort_unstable();
        assert_eq!(octets, expected, "{question:?}");
        assert_eq!(question.plan_count().count(snapshot).unwrap(), expected.len() as u64);
        let limited = Question { limit: Some(2), ..question.clone() };
        let first: Vec<u64> = self::found(&limited, snapshot).iter().map(|flow| flow.0).collect();
        assert!(found.iter().take(2).map(|flow| flow.0).eq(first), "{question:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_flow_behind_a_nat_comes_once_however_many_ends_are_asked_for(
        told in prop::collection::vec(any_told(), 0..40), asked in any_asked(), other in 1u8..4,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let stores: [&dyn Store; 2] =
            [&MemoryStore::default(), &EmbeddedStore::new(folder.path())];
        let is_other = |told: &Told| told.used((Some(other), None));
        let has_other =
            Predicate::Address(AddressField::Nat, IpAddr::from([203, 0, 113, other]).into());
        for store in stores {
            fill(store, &told);
            let snapshot = store.snapshot().unwrap();
            let expected = |finds: &dyn Fn(&Told) -> bool| -> Vec<u64> {
                let found = told.iter().enumerate().filter(|(_, told)| finds(told));
                found.map(|(number, _)| number as u64).collect()
            };
            let of = |filter| Question { filter: Some(filter), ..Question::everything() };
            let of_port = asked.1.is_some();
            let check = |filter, finds: &dyn Fn(&Told) -> bool| {
                check(snapshot.as_ref(), &of(filter), &expected(finds), of_port);
            };
            check(end(asked), &|told| told.used(asked));
            check(
                Predicate::and([end(asked), Predicate::not(has_other.clone())]),
                &|told| told.used(asked) && !is_other(told),
            );
            let either = Predicate::or([end(asked), has_other.clone()]);
            let question = of(either);
            let finds = |told: &Told| told.used(asked) || is_other(told);
            self::check(snapshot.as_ref(), &question, &expected(&finds), false);
        }
    }
}

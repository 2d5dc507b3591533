//! Flows that are found by their addresses behind a NAT, as a look at each of them finds them.

use std::net::IpAddr;

use ipnet::IpNet;

use super::Open;
use super::samples::{Random, address, datagram, flow, put};
use crate::flow::{Columns, Extra, FlowRecord, TimeRange, UnixMillis, canonical, push_extra};
use crate::row::{AddressRange, AddressSet, NatRows, Order};
use crate::store::{Scan, Snapshot, Store, WriteBatch};

const DAY_MS: u64 = 86_400_000;
const BEGIN_MS: u64 = 1_700_000_000_000 / DAY_MS * DAY_MS;

/// A flow, the elements of its own, and what leads it by these: addresses behind a NAT, each with its
/// port, or with 0 where it tells none, or a block of ports.
struct Led {
    flow: FlowRecord,
    extras: Vec<u8>,
    leads: Vec<(IpAddr, u16)>,
}

/// Flows of both families over three days, of which octets tell them apart: most have no address
/// behind a NAT, and some have several, of either family, with and without ports.
fn led_flows(random: &mut Random, count: u64) -> Vec<Led> {
    let ends = [["10.0.0.1", "198.51.100.9"], ["10.0.0.2", "10.0.0.1"], ["2001:db8::1", "64::9"]];
    let led = |number: u64| {
        let [src, dst] = random.pick(&ends);
        let first = BEGIN_MS + random.below(3) * DAY_MS + random.pick(&[0, 1, 5, DAY_MS - 1]);
        let flow = FlowRecord { octets: number, ..flow(src, dst, first, number as u32 % 90) };
        let (mut extras, mut leads) = (Vec::new(), Vec::new());
        let mut push = |number, value: &[u8]| {
            push_extra(&mut extras, 0, Extra { number, enterprise: 0, value });
        };
        let has_block = random.below(5) == 0;
        if has_block {
            push(361, &[1, 0]);
        }
        // The source, and the destination.
        for side in [0, 1] {
            let port: u16 = random.pick(&[0, 0, 80, 443, 40_000]);
            let led_by = if has_block { 0 } else { port };
            for _ in 0..random.pick(&[0, 0, 0, 1, 1, 2]) {
                let (number, value, address) = address_behind(random);
                push(number + side, &value);
                leads.push((canonical(address), led_by));
            }
            if port > 0 {
                push(227 + side, &port.to_be_bytes());
            }
        }
        Led { flow, extras, leads }
    };
    (0..count).map(led).collect()
}

/// The element of an address behind a NAT of a source, its bytes, and the address.
fn address_behind(random: &mut Random) -> (u16, Vec<u8>, IpAddr) {
    let behind = ["203.0.113.7", "203.0.113.8", "198.51.100.1", "2001:db8:64::7", "0.0.0.0"];
    let address = address(random.pick(&behind));
    let (number, value) = match address {
        IpAddr::V4(v4) if random.below(3) > 0 => (225, v4.octets().to_vec()),
        IpAddr::V4(v4) => (281, v4.to_ipv6_mapped().octets().to_vec()),
        IpAddr::V6(v6) => (281, v6.octets().to_vec()),
    };
    (number, value, address)
}

fn commit(store: &dyn Store, number: u64, flows: &[Led]) {
    let mut writer = store.writer().unwrap();
    let mut batch = WriteBatch::new();
    for (part, led) in flows.iter().enumerate() {
        let datagram = datagram(number << 32 | part as u64);
        assert!(writer.admit(datagram).unwrap());
        put(&mut batch, datagram, &[led.flow]);
        let to = batch.family_mut(led.flow.family());
        let row = to.len() - 1;
        to.extras.set(row, &led.extras);
    }
    writer.write(batch).unwrap();
    writer.commit().unwrap();
}

/// What is asked for: hosts and blocks of both families, and ports of hosts.
fn questions() -> Vec<NatRows> {
    let block = |text: &str| AddressRange::from(text.parse::<IpNet>().unwrap());
    let blocks = |texts: &[&str]| AddressSet::new(texts.iter().map(|text| block(text)));
    let mut questions = vec![
        (address("203.0.113.7").into(), None),
        (address("2001:db8:64::7").into(), None),
        (address("192.0.2.1").into(), None),
        (blocks(&["203.0.113.0/24"]), None),
        (blocks(&["203.0.113.0/24", "198.51.100.0/24", "2001:db8::/32"]), None),
        (blocks(&["203.0.113.7/32", "2001:db8:64::/48"]), None),
    ];
    for host in ["203.0.113.7", "2001:db8:64::7", "192.0.2.1"] {
        questions.extend([0, 80, 443, 81].map(|port| (address(host).into(), Some(port))));
    }
    questions.into_iter().map(|(addresses, port)| NatRows { addresses, port }).collect()
}

/// Whether a flow is among those that `rows` find: of a port those that rows of port 0 do not.
fn is_found(led: &Led, rows: &NatRows) -> bool {
    let ports = led.leads.iter().filter(|(address, _)| rows.addresses.contains(*address));
    let ports: Vec<u16> = ports.map(|&(_, port)| port).collect();
    match rows.port {
        None => !ports.is_empty(),
        Some(port) => ports.contains(&port) && (port == 0 || !ports.contains(&0)),
    }
}

fn check(snapshot: &dyn Snapshot, stored: &[Led]) {
    let times = [
        TimeRange::ALL,
        TimeRange { since: UnixMillis(BEGIN_MS + 1), until: UnixMillis(BEGIN_MS + DAY_MS + 5) },
    ];
    for rows in questions() {
        for time in times {
            let is_meant = |led: &&Led| time.contains(led.flow.first) && is_found(led, &rows);
            let mut expected: Vec<u64> =
                stored.iter().filter(is_meant).map(|led| led.flow.octets).collect();
            expected.sort_unstable();
            for ordered in [false, true] {
                let scan =
                    Scan { time, ordered, ..Scan::all(Columns::EVERY) }.behind_nat(rows.clone());
                let mut found = read(snapshot, &scan);
                found.sort_unstable();
                assert_eq!(found, expected, "{scan:?}");
                let mut looked_at = read(snapshot, &scan.looking(Order::Dst));
                looked_at.sort_unstable();
                assert_eq!(looked_at, expected, "{scan:?}");
            }
        }
    }
}

/// The octets of the flows that are found, which are in their order if the store keeps one.
fn read(snapshot: &dyn Snapshot, scan: &Scan) -> Vec<u64> {
    let mut found = Vec::new();
    let mut before = None;
    for region in snapshot.regions(scan).unwrap() {
        for batch in region.read() {
            let batch = batch.unwrap();
            found.extend(&batch.octets);
            let leads = (0..batch.len()).filter_map(|row| Some((row, batch.nat_lead(row)?)));
            for (row, lead) in leads {
                let place = (batch.family(), lead, batch.first_ms[row], batch.record(row).src);
                let out_of_order = before.replace(place).is_some_and(|before| before > place);
                assert!(!scan.ordered || !out_of_order, "{scan:?}");
            }
        }
    }
    found
}

pub(super) fn flows_behind_a_nat_are_found_by_their_addresses_there(open: Open<'_>) {
    stored(open().as_ref(), &led_flows(&mut Random::new(7), 3_000));
}

pub(super) fn they_are_found_where_the_first_ones_come_late(open: Open<'_>) {
    stored(open().as_ref(), &late_ones());
}

pub(super) fn they_go_when_they_are_old(open: Open<'_>) {
    for mut flows in [led_flows(&mut Random::new(7), 3_000), late_ones()] {
        let store = open();
        stored(store.as_ref(), &flows);
        for days in [1, 2] {
            let before = UnixMillis(BEGIN_MS + days * DAY_MS + days);
            let gone = flows.iter().filter(|led| led.flow.first.is_before(before)).count() as u64;
            assert_eq!(store.expire(before, false).unwrap().flows, gone);
            flows.retain(|led| !led.flow.first.is_before(before));
            check(store.snapshot().unwrap().as_ref(), &flows);
        }
    }
}

/// Flows of which none of the first thousand has an address behind a NAT.
fn late_ones() -> Vec<Led> {
    let mut flows = led_flows(&mut Random::new(8), 3_000);
    for led in &mut flows[..1000] {
        led.extras.clear();
        led.leads.clear();
    }
    flows
}

fn stored(store: &dyn Store, flows: &[Led]) {
    for (number, flows) in flows.chunks(1000).enumerate() {
        commit(store, number as u64, flows);
    }
    check(store.snapshot().unwrap().as_ref(), flows);
}

pub(super) fn a_flow_behind_a_nat_that_is_written_again_is_there_once(open: Open<'_>) {
    let store = open();
    let flows = led_flows(&mut Random::new(9), 200);
    commit(store.as_ref(), 0, &flows);
    let mut writer = store.writer().unwrap();
    let again = datagram(0);
    if writer.admit(again).unwrap() {
        // A store may take a datagram that it has: the same rows are written then.
        let mut batch = WriteBatch::new();
        put(&mut batch, again, &[flows[0].flow]);
        batch.family_mut(flows[0].flow.family()).extras.set(0, &flows[0].extras);
        writer.write(batch).unwrap();
        writer.commit().unwrap();
    }
    check(store.snapshot().unwrap().as_ref(), &flows);
}

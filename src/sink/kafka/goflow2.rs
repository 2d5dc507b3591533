//! A flow as goflow2's message, with its length before it, as goflow2 2 writes it. Which fields there are,
//! and what they are here, is in `import/message/goflow2.rs`, which reads them.

use std::net::IpAddr;

use crate::flow::{Column, ElementId, Family, FlowRecord, UnixMillis, extra_value, unsigned};
use crate::import::message::goflow2::{
    COLUMNS, DOMAIN, DST_ADDR, ELEMENTS, END_NS, ETHERNET_TYPE, ETYPE, ICMP_CODE, ICMP_TYPE, MACS,
    NEXT_HOP, RECEIVED_NS, SAMPLER, SAMPLING_RATE, SRC_ADDR, START_NS, ethernet_type,
};
use crate::import::message::wire;

/// Appends the message of a flow that is sent now.
pub(super) fn push(to: &mut Vec<u8>, flow: &FlowRecord, elements: &[u8], now: UnixMillis) {
    let mut message = Vec::with_capacity(160);
    push_fields(&mut message, flow, elements, now);
    wire::push_number(to, message.len() as u64);
    to.extend_from_slice(&message);
}

fn push_fields(to: &mut Vec<u8>, flow: &FlowRecord, elements: &[u8], now: UnixMillis) {
    let nanos = |time: UnixMillis| time.0.saturating_mul(1_000_000);
    wire::push(to, SAMPLING_RATE, flow.source.sampling.interval.into());
    push_address(to, SRC_ADDR, flow.src);
    push_address(to, DST_ADDR, flow.dst);
    for (field, column) in COLUMNS {
        wire::push(to, field, flow.number(column));
    }
    if !flow.source.exporter.is_unspecified() {
        push_address(to, SAMPLER, flow.source.exporter);
    }
    if !flow.next_hop.is_unspecified() {
        push_address(to, NEXT_HOP, flow.next_hop);
    }
    for (field, element) in ELEMENTS {
        wire::push(to, field, told(elements, element));
    }
    for (field, element) in MACS {
        wire::push(to, field, told(elements, element));
    }
    let of_family = ethernet_type(Family::of(flow.src));
    let frame = Some(told(elements, ETHERNET_TYPE)).filter(|&frame| frame != 0);
    wire::push(to, ETYPE, frame.unwrap_or(of_family));
    if flow.protocol.is_icmp() {
        let [kind, code] = flow.dst_port.to_be_bytes();
        wire::push(to, ICMP_TYPE, kind.into());
        wire::push(to, ICMP_CODE, code.into());
    }
    wire::push(to, DOMAIN, flow.source.engine.into());
    wire::push(to, RECEIVED_NS, nanos(now));
    wire::push(to, START_NS, nanos(flow.first));
    wire::push(to, END_NS, nanos(flow.first + flow.number(Column::Duration)));
}

/// The number of an element of a flow; zero where it has none.
fn told(elements: &[u8], number: u16) -> u64 {
    extra_value(elements, ElementId::iana(number)).map_or(0, unsigned)
}

fn push_address(to: &mut Vec<u8>, field: u32, address: IpAddr) {
    match address {
        IpAddr::V4(address) => wire::push_bytes(to, field, &address.octets()),
        IpAddr::V6(address) => wire::push_bytes(to, field, &address.octets()),
    }
}

//! The rows of a batch in the order of their keys.

use crate::flow::{Family, FlowBatch, NatLead, UnixMillis, nat_leads, saturated_u32};
use crate::row::{Order, RowKey, key_bytes};

/// The key of the flow at `row` in `order`, one of those that have every flow.
pub(super) fn key_at(flows: &FlowBatch, row: usize, order: Order) -> RowKey {
    let (lead, other) = order.addresses(flows);
    let first = UnixMillis(flows.first_ms[row]);
    RowKey {
        lead: lead.get(row),
        port: None,
        first,
        other: other.get(row),
        far: None,
        origin: flows.origin[row],
    }
}

/// The key by which `lead` leads the flow at `row` in the order of addresses behind a NAT.
pub(super) fn nat_key_at(flows: &FlowBatch, row: usize, lead: NatLead) -> RowKey {
    RowKey {
        lead: Family::V6.address(lead.address),
        port: Some(lead.port),
        other: flows.src.get(row),
        far: Some(flows.dst.get(row)),
        ..key_at(flows, row, Order::Src)
    }
}

/// The rows of `flows` in the order of their addresses behind a NAT, each once for each that it has,
/// and what leads them there.
pub(super) fn in_nat_order(flows: &FlowBatch) -> (Vec<NatLead>, Vec<u32>) {
    let leads = |row: u32| {
        let leads = nat_leads(flows.extras.get(row as usize)).into_iter();
        leads.map(move |lead| (lead, row))
    };
    let mut led: Vec<(NatLead, u32)> =
        (0..saturated_u32(flows.extras.len())).flat_map(leads).collect();
    led.sort_unstable_by_key(|&(lead, row)| (lead, flows.first_ms[row as usize], row));
    led.into_iter().unzip()
}

/// The rows of `flows` in the order of their keys: neighbours go to one region in one call.
pub(super) fn in_key_order(flows: &FlowBatch, order: Order) -> Vec<u32> {
    let key_bytes = key_bytes(order, flows.family());
    let mut keys = Vec::with_capacity(flows.len() * key_bytes);
    for row in 0..flows.len() {
        key_at(flows, row, order).encode(&mut keys);
    }
    let mut rows: Vec<u32> = (0..saturated_u32(flows.len())).collect();
    rows.sort_unstable_by_key(|&row| &keys[row as usize * key_bytes..][..key_bytes]);
    rows
}

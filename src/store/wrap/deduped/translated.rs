//! What a NAT makes of flows, by the records that tell both sides: a record of the far side is of the
//! same flow, though its addresses are others.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::sightings::{JITTER_MS, Tuple};
use crate::flow::{
    ElementId, FlowBatch, NAT_SIDES, Protocol, address_bits, canonical, extra_value, low_u16,
    unsigned,
};
use crate::store::{Result, Scan, Snapshot};

/// So many flows are kept in mind at most that a NAT tells both sides of. What is seen of more of them
/// on the far side counts for itself.
const MAX_FLOWS: usize = 1 << 20;

/// From the first packet of a flow to the last, in milliseconds since 1970.
type Span = (u64, u64);

/// Flows as they are on the far side of a NAT, each with when it was under way.
#[derive(Debug, Default)]
pub(super) struct Translated(HashMap<Tuple, Vec<Span>>);

impl Translated {
    /// What records tell of that `scan` finds, in whatever order.
    pub(super) fn read(inside: &dyn Snapshot, scan: &Scan) -> Result<Self> {
        let all = Mutex::new((Self::default(), 0));
        inside.regions(scan)?.into_par_iter().try_for_each(|region| {
            region.read().try_for_each(|batch| {
                let batch = batch?;
                let found: Vec<(Tuple, Span)> =
                    (0..batch.len()).filter_map(|row| translated(&batch, row)).collect();
                let (all, count) = &mut *all.lock().unwrap_or_else(PoisonError::into_inner);
                for (tuple, span) in found.into_iter().take(MAX_FLOWS - *count) {
                    *count += all.enter(tuple, span);
                }
                Ok(())
            })
        })?;
        Ok(all.into_inner().unwrap_or_else(PoisonError::into_inner).0)
    }

    /// How many are new of it: one or none.
    fn enter(&mut self, tuple: Tuple, span: Span) -> usize {
        match self.0.entry(tuple) {
            Entry::Occupied(mut known) if !known.get().contains(&span) => {
                known.get_mut().push(span);
            }
            Entry::Occupied(_) => return 0,
            Entry::Vacant(none) => drop(none.insert(vec![span])),
        }
        1
    }

    /// Whether the record at `row`, which has this tuple, is of a flow that a NAT tells both sides of,
    /// and tells only the far one.
    pub(super) fn hides(&self, tuple: &Tuple, batch: &FlowBatch, row: usize) -> bool {
        let Some(spans) = self.0.get(tuple) else { return false };
        let span = span(batch, row);
        spans.iter().any(|told| are_of_one(*told, span)) && translated(batch, row).is_none()
    }
}

fn span(batch: &FlowBatch, row: usize) -> Span {
    let first_ms = batch.first_ms[row];
    (first_ms, first_ms.saturating_add(batch.duration_ms[row].into()))
}

/// What the flow at `row` is on the far side of a NAT, if it tells that. An event without traffic stands
/// for no record of a flow.
fn translated(batch: &FlowBatch, row: usize) -> Option<(Tuple, Span)> {
    let extras = batch.extras.get(row);
    if extras.is_empty() || batch.octets[row] == 0 {
        return None;
    }
    let value = |number| extra_value(extras, ElementId { number, enterprise: 0 });
    let near = Tuple::of(batch, row);
    // Of ICMP a NAT tells the identifier, and records have type and code in place of ports.
    let has_ports = !Protocol(near.protocol).is_icmp();
    let [src, dst] = NAT_SIDES.map(|(addresses, port)| {
        let address = addresses.into_iter().find_map(|number| address_of(value(number)?));
        (
            address,
            value(port).map(|port| low_u16(unsigned(port))).filter(|&port| port > 0 && has_ports),
        )
    });
    let far = Tuple {
        src: src.0.unwrap_or(near.src),
        dst: dst.0.unwrap_or(near.dst),
        ports: [src.1.unwrap_or(near.ports[0]), dst.1.unwrap_or(near.ports[1])],
        protocol: near.protocol,
    };
    (far != near).then(|| (far, span(batch, row)))
}

/// The number of an address, unless it is unspecified.
fn address_of(value: &[u8]) -> Option<u128> {
    let bits = match value.len() {
        4 => address_bits(IpAddr::from(<[u8; 4]>::try_from(value).ok()?)),
        16 => address_bits(canonical(IpAddr::from(<[u8; 16]>::try_from(value).ok()?))),
        _ => return None,
    };
    Some(bits).filter(|&bits| bits > 0)
}

/// Whether two routers may have seen one flow so: it began within the jitter for both, or for one while
/// it was under way for the other. Where one part of a long flow ends the next one begins.
fn are_of_one(one: Span, other: Span) -> bool {
    let (early, late) = if one.0 <= other.0 { (one, other) } else { (other, one) };
    let is_long = early.0 + JITTER_MS < early.1;
    let is_within = late.1 <= early.1 + JITTER_MS;
    late.0 <= early.0 + JITTER_MS
        || late.0 + JITTER_MS <= early.1
        || is_within && (is_long || late.0 <= early.1)
}

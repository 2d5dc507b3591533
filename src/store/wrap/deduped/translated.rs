//! What a NAT makes of flows, by the records that tell both sides: a record of the far side is of the
//! same flow, though its addresses are others.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::sightings::Tuple;
use super::spans::{Span, Spans};
use crate::flow::{
    ElementId, FlowBatch, NAT_SIDES, Protocol, address_bits, canonical, extra_value, low_u16,
    unsigned,
};
use crate::store::mix::Seeded;
use crate::store::{Result, Scan, Snapshot};

/// So many flows are kept in mind at most that a NAT tells both sides of. What is seen of more of them
/// on the far side counts for itself.
const MAX_FLOWS: usize = 1 << 20;

/// Flows as they are on the far side of a NAT, each with when it was under way.
#[derive(Debug, Default)]
pub(super) struct Translated {
    by_tuple: HashMap<Tuple, Spans, Seeded>,
    /// How many spans there are.
    count: usize,
}

impl Translated {
    /// What records tell of that `scan` finds, in whatever order.
    pub(super) fn read(inside: &dyn Snapshot, scan: &Scan) -> Result<Self> {
        let all = Mutex::new(Self::default());
        inside.regions(scan)?.into_par_iter().try_for_each(|region| {
            region.read().try_for_each(|batch| {
                scan.watch.check()?;
                let batch = batch?;
                let found: Vec<(Tuple, Span)> =
                    (0..batch.len()).filter_map(|row| translated(&batch, row)).collect();
                let all = &mut *all.lock().unwrap_or_else(PoisonError::into_inner);
                for (tuple, span) in found {
                    all.enter(tuple, span);
                }
                Ok(())
            })
        })?;
        let mut all = all.into_inner().unwrap_or_else(PoisonError::into_inner);
        for spans in all.by_tuple.values_mut() {
            scan.watch.check()?;
            spans.settle();
        }
        Ok(all)
    }

    fn enter(&mut self, tuple: Tuple, span: Span) {
        if self.count < MAX_FLOWS {
            let spans = self.by_tuple.entry(tuple).or_default();
            let before = spans.len();
            spans.add(span);
            self.count = self.count + spans.len() - before;
        }
    }

    /// Whether the record at `row`, which has this tuple, is of a flow that a NAT tells both sides of,
    /// and tells only the far one.
    pub(super) fn hides(&self, tuple: &Tuple, batch: &FlowBatch, row: usize) -> bool {
        if self.by_tuple.is_empty() {
            return false;
        }
        let Some(spans) = self.by_tuple.get(tuple) else { return false };
        spans.have_one_of(span(batch, row)) && translated(batch, row).is_none()
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

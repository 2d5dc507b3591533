//! Who held an address behind a NAT, or a port of it, at some moment: what flows and events of NATs
//! say of that (RFC 8158 has the events).

mod terms;

use std::collections::HashMap;

use terms::{Entry, Event, Public, Terms, latest};

use crate::flow::{
    Column, Columns, ElementId, FlowBatch, UnixMillis, extra_value, saturated_u32, unsigned,
};
use crate::row::{NatEnd, NatSide, NatUse};
use crate::store::{FlowStream, Result};

/// So many events are looked at; what is beyond that is told.
pub const MAX_NAT_EVENTS: usize = 1 << 20;

/// Who held it.
#[derive(Debug, Default)]
pub struct Held {
    /// A flow or event for each that did: its time is since when, and its duration until when, as
    /// far as that is known.
    pub flows: Vec<FlowBatch>,
    /// Of how many only the release is known, and not since when they held it.
    pub since_unknown: u64,
    /// How many had it before, and no release, when another got it.
    pub replaced: u64,
    /// Whether there were more than [`MAX_NAT_EVENTS`], so that something may be missing.
    pub partial: bool,
}

/// What is read of flows for it, beside what is to be shown.
pub const HELD_COLUMNS: Columns = Columns::of(&[
    Column::Src,
    Column::First,
    Column::Dst,
    Column::Protocol,
    Column::SrcPort,
    Column::DstPort,
    Column::Duration,
    Column::Extras,
]);

impl Held {
    /// Who held `end` at the moment `at`, of `flows`, which have at least [`HELD_COLUMNS`].
    ///
    /// # Errors
    ///
    /// What comes in the stream.
    pub fn at(flows: FlowStream, end: &NatEnd, at: UnixMillis) -> Result<Self> {
        let mut held = Self::default();
        let (mut batches, mut entries, mut shown) = (Vec::new(), Vec::new(), Vec::new());
        for batch in flows {
            let batch = batch?;
            let mut kept: Vec<u32> = Vec::new();
            for row in 0..saturated_u32(batch.len()) {
                let place = (batches.len(), saturated_u32(kept.len()));
                let before = entries.len() + shown.len();
                if enter(&batch, row as usize, end, place, &mut entries) == Event::Flow
                    && spans(&batch, row as usize, at)
                {
                    shown.push((place, None));
                }
                if entries.len() + shown.len() > before {
                    kept.push(row);
                }
            }
            held.partial = entries.len() > MAX_NAT_EVENTS;
            if !kept.is_empty() {
                batches.push(batch.take_rows(&kept));
            }
            if held.partial {
                break;
            }
        }
        shown.extend(held.holders(entries, at.0));
        shown.sort_unstable_by_key(|&(place, _)| place);
        held.flows = batches
            .iter()
            .enumerate()
            .filter_map(|(number, batch)| of_batch(batch, number, &shown))
            .collect();
        Ok(held)
    }

    /// The places of those that held it, and until when, as far as that is known.
    fn holders(&mut self, entries: Vec<Entry>, at: u64) -> Vec<((usize, u32), Option<u64>)> {
        let mut of_public: HashMap<Public, Vec<Entry>> = HashMap::new();
        for entry in entries {
            of_public.entry(entry.public).or_default().push(entry);
        }
        let mut holders = Vec::new();
        for entries in of_public.into_values() {
            let (terms, before) = (Terms::of(entries), holders.len());
            self.replaced += terms.at(at, &mut holders);
            if holders.len() == before {
                let of_release = terms.of_release(at);
                self.since_unknown += u64::from(of_release.is_some());
                holders.extend(of_release);
            }
        }
        latest(holders)
    }
}

/// Whether the flow at `row` was there at the moment `at`.
fn spans(batch: &FlowBatch, row: usize, at: UnixMillis) -> bool {
    let flow = batch.record(row);
    flow.first <= at && at <= flow.last()
}

/// Enters what the event at `row` says of `end`, and says what it is.
fn enter(
    batch: &FlowBatch,
    row: usize,
    end: &NatEnd,
    place: (usize, u32),
    entries: &mut Vec<Entry>,
) -> Event {
    let extras = batch.extras.get(row);
    let Some(used) = end.used_by(extras) else { return Event::Other };
    let (event, kind) = event_of(extras);
    let flow = batch.record(row);
    let NatUse { side, address, port } = used;
    let (src, dst) = ((flow.src, flow.src_port), (flow.dst, flow.dst_port));
    let (inside, outside) = match side {
        NatSide::Src => (src, dst),
        NatSide::Dst => (dst, src),
    };
    let public = Public { address, port, protocol: flow.protocol.0, kind };
    let entry = |at: UnixMillis, event| Entry { at: at.0, event, public, inside, outside, place };
    match event {
        Event::Taken => entries.push(entry(flow.first, event)),
        Event::Released => {
            // Where it tells how long that took, it tells since when, too.
            if flow.duration_ms > 0 {
                entries.push(entry(flow.first, Event::Taken));
            }
            entries.push(entry(flow.last(), event));
        }
        Event::Flow | Event::Other => {}
    }
    event
}

/// The event that these elements tell, and the one that it belongs to.
fn event_of(extras: &[u8]) -> (Event, u64) {
    const FIREWALL: u64 = 1 << 32;
    let number = |element| {
        extra_value(extras, ElementId::iana(element)).map(unsigned).filter(|&event| event > 0)
    };
    // natEvent: translations, sessions and bindings of NAT44 and NAT64, addresses, blocks of ports.
    match (number(230), number(233)) {
        (Some(event @ (1 | 4 | 6 | 8 | 10 | 14 | 16)), _) => (Event::Taken, event),
        (Some(event @ (2 | 5 | 7 | 9 | 11 | 15 | 17)), _) => (Event::Released, event - 1),
        // firewallEvent: created or updated, and deleted.
        (None, Some(1 | 5)) => (Event::Taken, FIREWALL),
        (None, Some(2)) => (Event::Released, FIREWALL),
        (None, None) => (Event::Flow, 0),
        _ => (Event::Other, 0),
    }
}

/// The rows of `batch`, the one of this number, that are in `shown`, each until when it is said there.
fn of_batch(
    batch: &FlowBatch,
    number: usize,
    shown: &[((usize, u32), Option<u64>)],
) -> Option<FlowBatch> {
    let of_batch: Vec<_> = shown.iter().filter(|((of, _), _)| *of == number).collect();
    let rows: Vec<u32> = of_batch.iter().map(|((_, row), _)| *row).collect();
    let mut batch = batch.take_rows(&rows);
    for (row, (_, until)) in of_batch.iter().enumerate() {
        if let Some(until) = until.and_then(|until| until.checked_sub(batch.first_ms[row])) {
            batch.duration_ms[row] = saturated_u32(until);
        }
    }
    (!batch.is_empty()).then_some(batch)
}

#[cfg(test)]
mod tests;

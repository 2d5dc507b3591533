//! The ids of documents, which follow from what a flow is: a flow that comes again has the same one.

use std::collections::HashMap;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
#[cfg(feature = "kafka")]
use xxhash_rust::xxh3::xxh3_64_with_seed;
use xxhash_rust::xxh3::{xxh3_128, xxh3_128_with_seed};

use crate::flow::{Column, FlowRecord, UnixMillis};

/// The bytes of the time in an id. Documents of one time lie together in an index, so that an id is
/// found in few of its parts.
const TIME_BYTES: usize = 6;
/// The bytes of an id: 20 letters.
const ID_BYTES: usize = 15;

/// What tells a flow from all that differ from it in any field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::sink) struct Content {
    first: UnixMillis,
    hash: u128,
}

impl Content {
    /// The content of `flow`; `bytes` is room to work in.
    pub(in crate::sink) fn of(flow: &FlowRecord, extras: &[u8], bytes: &mut Vec<u8>) -> Self {
        bytes.clear();
        for address in [flow.src, flow.dst, flow.next_hop, flow.source.exporter] {
            push_address(bytes, address);
        }
        let source = &flow.source;
        bytes.push(source.sampling.mode);
        bytes.extend_from_slice(&source.engine.to_le_bytes());
        bytes.extend_from_slice(&source.sampling.interval.to_le_bytes());
        // A column that a later version adds changes no id of a flow that has nothing in it.
        for column in Column::ALL {
            let number = flow.number(column);
            if number != 0 {
                bytes.push(column as u8);
                bytes.extend_from_slice(&number.to_le_bytes());
            }
        }
        bytes.push(u8::MAX);
        bytes.extend_from_slice(extras);
        Self { first: flow.first, hash: xxh3_128(bytes) }
    }

    /// When the flow began.
    pub(in crate::sink) fn first(&self) -> UnixMillis {
        self.first
    }

    /// What tells the flow of this content that comes after `ordinal` others like it from all others.
    #[cfg(feature = "kafka")]
    pub(in crate::sink) fn number(&self, ordinal: u32) -> u64 {
        let place = self.first.0.rotate_left(32) ^ u64::from(ordinal);
        xxh3_64_with_seed(&self.hash.to_le_bytes(), place)
    }

    /// The id of the flow of this content that comes after `ordinal` others like it.
    pub(in crate::sink) fn id(&self, ordinal: u32) -> String {
        let hash = xxh3_128_with_seed(&self.hash.to_le_bytes(), ordinal.into());
        let mut id = [0; ID_BYTES];
        let (time, rest) = id.split_at_mut(TIME_BYTES);
        time.copy_from_slice(&self.first.0.to_be_bytes()[8 - TIME_BYTES..]);
        rest.copy_from_slice(&hash.to_be_bytes()[..ID_BYTES - TIME_BYTES]);
        URL_SAFE_NO_PAD.encode(id)
    }
}

fn push_address(bytes: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            bytes.push(4);
            bytes.extend_from_slice(&address.octets());
        }
        IpAddr::V6(address) => {
            bytes.push(6);
            bytes.extend_from_slice(&address.octets());
        }
    }
}

/// Counts equal flows. They stand together in the order of keys, so that only those need to be
/// remembered that began when the last one did.
#[derive(Debug, Default)]
pub(in crate::sink) struct Ordinals {
    first: UnixMillis,
    counts: HashMap<u128, u32>,
}

impl Ordinals {
    /// How many flows of `content` came before.
    pub(in crate::sink) fn next(&mut self, content: &Content) -> u32 {
        if content.first != self.first {
            self.first = content.first;
            self.counts.clear();
        }
        let count = self.counts.entry(content.hash).or_default();
        let ordinal = *count;
        *count += 1;
        ordinal
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::{Family, Sampling, Source};

    #[test]
    fn each_field_tells_flows_apart_and_equal_ones_are_counted() {
        let v4 = FlowRecord::between([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let sampling = Sampling { mode: 1, interval: 0 };
        let flows = [
            v4,
            FlowRecord { octets: 1, ..v4 },
            FlowRecord { packets: 1, ..v4 },
            FlowRecord { first: UnixMillis(1), ..v4 },
            FlowRecord { next_hop: [10, 0, 0, 1].into(), ..v4 },
            FlowRecord { source: Source { engine: 1, ..v4.source }, ..v4 },
            FlowRecord { source: Source { sampling, ..v4.source }, ..v4 },
            FlowRecord::between(Family::V6.address(1), Family::V6.address(2)),
        ];
        let mut bytes = Vec::new();
        let mut contents: Vec<_> =
            flows.iter().map(|flow| Content::of(flow, &[], &mut bytes)).collect();
        contents.push(Content::of(&v4, &[1], &mut bytes));
        let mut ids: Vec<_> = contents.iter().map(|content| content.id(0)).collect();
        ids.push(contents[0].id(1));
        let count = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), count);
        assert!(ids.iter().all(|id| id.len() == 20), "{ids:?}");

        let mut ordinals = Ordinals::default();
        let [one, other, later] = [contents[0], contents[1], contents[3]];
        let counted = [one, other, one, later, one].map(|content| ordinals.next(&content));
        assert_eq!(counted, [0, 0, 1, 0, 0]);
    }
}

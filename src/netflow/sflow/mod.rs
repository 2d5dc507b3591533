//! sFlow version 5: samples of packets, of which each becomes a flow of one packet.
//!
//! Layout: sFlow Version 5 (sflow.org, July 2004), XDR. Flow samples, plain and expanded, are
//! read; counters and discarded packets are no flows.

mod extended;
mod sample;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use super::cursor::Cursor;
use super::field::{address_v4, address_v6};
use super::fixed::cut;
use super::record::DataRecord;
use super::{DecodeError, ExportPacket, Fault, Records};
use crate::flow::{Sampling, Sequence, Unit, UnixMillis, saturated_u32};

const VERSION: u32 = 5;
/// Formats of samples, of enterprise 0.
const FLOW_SAMPLE: u32 = 1;
const EXPANDED_FLOW_SAMPLE: u32 = 3;
/// Bytes before a sample: its format and its length.
const SAMPLE_HEADER_BYTES: usize = 8;
/// No datagram has more samples: each takes the eight bytes before it.
const MAX_SAMPLES: u32 = 8192;

/// What stands before the samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// The agent, by its own word: it may be another address than the sender's.
    pub(super) agent: IpAddr,
    pub(super) sub_agent: u32,
    /// How many datagrams the sub-agent had sent before.
    pub(super) sequence: u32,
    pub(super) uptime_ms: u32,
    /// When the capture saw it: sFlow does not say when it was sent.
    received: UnixMillis,
    /// Flow samples that are not whole.
    missing: u32,
    fault: Option<Fault>,
}

impl Header {
    /// The packet of these records.
    pub(super) fn packet<'a>(&self, records: Records<'a>) -> ExportPacket<'a> {
        ExportPacket {
            exporter: Some(self.agent),
            exported_secs: saturated_u32(self.received.0 / 1000),
            exported_nanos: (self.received.0 % 1000) as u32 * 1_000_000,
            uptime_ms: Some(self.uptime_ms),
            engine: self.sub_agent,
            sampling: Sampling::default(),
            rate_unknown: false,
            sequence: Some(Sequence {
                from: self.sequence,
                count: 1,
                unit: Unit::Datagrams,
                otherwise: None,
            }),
            records,
            first_index: 0,
            missing: self.missing,
            fault: self.fault,
        }
    }
}

/// Reads a datagram, and appends its flow samples to `records`.
///
/// # Errors
///
/// [`DecodeError::NotFlowExport`] if the content is not sFlow; [`DecodeError::Cut`] if its header
/// is not all there.
pub(super) fn read(
    payload: &[u8],
    received: UnixMillis,
    records: &mut Vec<DataRecord>,
    extras: &mut Vec<u8>,
) -> Result<Header, DecodeError> {
    let mut at = Cursor::new(payload);
    let address_bytes = match (at.read_u32(), at.read_u32()) {
        (Some(VERSION), Some(1)) => 4,
        (Some(VERSION), Some(2)) => 16,
        _ => return Err(DecodeError::NotFlowExport),
    };
    let read = |at: &mut Cursor<'_>| {
        let agent = at.take(address_bytes)?;
        let agent = if address_bytes == 4 { address_v4(agent) } else { address_v6(agent) }?;
        Some((agent, at.read_u32()?, at.read_u32()?, at.read_u32()?, at.read_u32()?))
    };
    let Some((agent, sub_agent, sequence, uptime_ms, samples)) = read(&mut at) else {
        return Err(cut("header", 0, 24 + address_bytes, payload));
    };
    if samples > MAX_SAMPLES {
        return Err(DecodeError::NotFlowExport);
    }
    let mut header =
        Header { agent, sub_agent, sequence, uptime_ms, received, missing: 0, fault: None };
    for _ in 0..samples {
        if !read_sample(&mut at, &mut header, records, extras) {
            break;
        }
    }
    Ok(header)
}

/// Reads one sample; says whether another one can follow.
fn read_sample(
    at: &mut Cursor<'_>,
    header: &mut Header,
    records: &mut Vec<DataRecord>,
    extras: &mut Vec<u8>,
) -> bool {
    let offset = at.offset();
    if at.rest().len() < SAMPLE_HEADER_BYTES {
        header.fault.get_or_insert(Fault::Unfinished { what: "sample" });
        return false;
    }
    let (Some(format), Some(declared)) = (at.read_u32(), at.read_u32()) else { return false };
    let content = at.take_up_to(declared as usize);
    let whole = content.len() == declared as usize;
    let is_flow = matches!(format, FLOW_SAMPLE | EXPANDED_FLOW_SAMPLE);
    if is_flow {
        // What the sample says of the packet may be all there although the sample is not.
        let expanded = format == EXPANDED_FLOW_SAMPLE;
        if let Some(record) = sample::read(Cursor::new(content), expanded, extras) {
            records.push(record);
        } else {
            header.missing += 1;
            if whole {
                let fault = Fault::Length { what: "sample", offset, declared: declared as usize };
                header.fault.get_or_insert(fault);
            }
        }
    }
    if !whole {
        header.fault.get_or_insert(Fault::Unfinished { what: "sample" });
    }
    whole
}

//! Documents back into flows.

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::tz::TimeZone;
use serde::Deserialize;

use crate::flow::{
    Column, Columns, Family, FlowBatch, FlowRecord, Origin, Protocol, Sampling, Source, UnixMillis,
};

/// A document, as far as it was asked for; what it lacks is zero.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Document<'a> {
    src_address: Option<IpAddr>,
    src_port: u16,
    dst_address: Option<IpAddr>,
    dst_port: u16,
    /// Some names stand for two protocols.
    protocol_number: u8,
    #[serde(borrow)]
    time: Cow<'a, str>,
    duration: u32,
    bytes: u64,
    packets: u64,
    #[serde(borrow)]
    tcp_flags: Cow<'a, str>,
    tos: u8,
    input: u32,
    output: u32,
    src_as: u32,
    dst_as: u32,
    src_mask: u8,
    dst_mask: u8,
    next_hop: Option<IpAddr>,
    exporter: Option<IpAddr>,
    engine: u32,
    sampling: u32,
    sampling_mode: u8,
    /// What the flow has beyond these, in the bytes that stores keep.
    #[serde(borrow)]
    extras: Cow<'a, str>,
}

/// The fields of a document that tell `columns`.
pub(super) fn fields(columns: Columns) -> Vec<&'static str> {
    columns.iter().flat_map(fields_of).copied().collect()
}

fn fields_of(column: Column) -> &'static [&'static str] {
    match column {
        Column::Src => &["srcAddress"],
        Column::Dst => &["dstAddress"],
        Column::First => &["time"],
        Column::Duration => &["duration"],
        Column::Octets => &["bytes"],
        Column::Packets => &["packets"],
        Column::SrcPort => &["srcPort"],
        Column::DstPort => &["dstPort"],
        Column::Protocol => &["protocolNumber"],
        Column::TcpFlags => &["tcpFlags"],
        Column::Tos => &["tos"],
        Column::Input => &["input"],
        Column::Output => &["output"],
        Column::SrcAs => &["srcAs"],
        Column::DstAs => &["dstAs"],
        Column::SrcMask => &["srcMask"],
        Column::DstMask => &["dstMask"],
        Column::NextHop => &["nextHop"],
        Column::Source => &["exporter", "engine", "sampling", "samplingMode"],
        Column::Extras => &["extras"],
        Column::Nat | Column::NatPort | Column::Flows => &[],
    }
}

/// The field whose numbers are those of `column`, as a search compares them.
pub(super) fn number_field(column: Column) -> Option<&'static str> {
    let in_text = matches!(column, Column::TcpFlags | Column::First);
    match fields_of(column) {
        [field] if !in_text && column.kind().number_bytes().is_some() => Some(field),
        _ => None,
    }
}

/// Flows of one family as they are read out of documents.
pub(super) struct Flows {
    batch: FlowBatch,
    places: HashMap<Source, u32>,
    sources: Vec<Source>,
    extras: Vec<u8>,
}

impl Flows {
    pub(super) fn new(family: Family, rows: usize) -> Self {
        let mut batch = FlowBatch::new(family);
        batch.reserve(rows);
        Self { batch, places: HashMap::new(), sources: Vec::new(), extras: Vec::new() }
    }

    /// Appends the flow of a document, of which `columns` were asked for.
    ///
    /// # Errors
    ///
    /// What in it is none of a flow.
    pub(super) fn push(&mut self, document: &Document<'_>, columns: Columns) -> Result<(), String> {
        let flow = self.flow(document, columns)?;
        self.extras.clear();
        if !document.extras.is_empty() {
            let decoded = STANDARD.decode_vec(document.extras.as_bytes(), &mut self.extras);
            decoded.map_err(|error| format!("extras: {error}"))?;
        }
        let next = u32::try_from(self.sources.len()).unwrap_or_default();
        let place = *self.places.entry(flow.source).or_insert(next);
        if place == next {
            self.sources.push(flow.source);
        }
        self.batch.push_with(&flow, place, Origin(0), &self.extras);
        Ok(())
    }

    /// All of them.
    pub(super) fn finish(mut self) -> FlowBatch {
        self.batch.sources = Arc::new(self.sources);
        self.batch.origin.clear();
        self.batch
    }

    fn flow(&self, document: &Document<'_>, columns: Columns) -> Result<FlowRecord, String> {
        let family = self.batch.family();
        let address = |column, address: Option<IpAddr>, name: &str| match address {
            _ if !columns.contains(column) => Ok(family.address(0)),
            Some(address) if Family::of(address) == family => Ok(address),
            _ => Err(format!("{name} is no address of {family:?}")),
        };
        let first = if columns.contains(Column::First) {
            UnixMillis::parse(&document.time, &TimeZone::UTC, UnixMillis::EPOCH)
                .map_err(|error| format!("time: {error}"))?
        } else {
            UnixMillis::EPOCH
        };
        Ok(FlowRecord {
            src: address(Column::Src, document.src_address, "srcAddress")?,
            dst: address(Column::Dst, document.dst_address, "dstAddress")?,
            next_hop: address(Column::NextHop, document.next_hop, "nextHop")?,
            first,
            duration_ms: document.duration,
            octets: document.bytes,
            packets: document.packets,
            src_port: document.src_port,
            dst_port: document.dst_port,
            protocol: Protocol(document.protocol_number),
            tcp_flags: tcp_flags(&document.tcp_flags)?,
            tos: document.tos,
            input: document.input,
            output: document.output,
            src_as: document.src_as,
            dst_as: document.dst_as,
            src_mask: document.src_mask,
            dst_mask: document.dst_mask,
            source: Source {
                exporter: document.exporter.unwrap_or(Source::UNKNOWN.exporter),
                engine: document.engine,
                sampling: Sampling { mode: document.sampling_mode, interval: document.sampling },
            },
        })
    }
}

/// The flags whose letters are set in `CEUAPRSF`.
fn tcp_flags(text: &str) -> Result<u8, String> {
    let mut flags = 0;
    for (letter, of_flag) in text.bytes().zip(*b"CEUAPRSF") {
        flags = flags << 1 | u8::from(letter == of_flag);
        if letter != of_flag && letter != b'.' {
            return Err(format!("tcpFlags: {text:?} are none"));
        }
    }
    Ok(flags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_read_as_they_are_written() {
        for (text, flags) in [("", 0), (".......F", 1), ("...A..S.", 0x12), ("CEUAPRSF", 0xff)] {
            assert_eq!(tcp_flags(text), Ok(flags), "{text}");
        }
        assert!(tcp_flags("...X....").is_err());
    }

    #[test]
    fn what_is_no_flow_is_told() {
        let mut flows = Flows::new(Family::V4, 1);
        for (document, problem) in [
            (
                r#"{"srcAddress":"2001:db8::1","time":"2007-07-26T22:15:38Z"}"#,
                "srcAddress is no address of V4",
            ),
            (r#"{"srcAddress":"10.0.0.1","time":"then"}"#, "time: "),
        ] {
            let document: Document<'_> = serde_json::from_str(document).unwrap();
            let columns = Columns::of(&[Column::Src, Column::First]);
            let told = flows.push(&document, columns).unwrap_err();
            assert!(told.contains(problem), "{told}");
        }
    }
}

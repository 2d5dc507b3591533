//! From a datagram's payload to the flow records in it, told by content and never by port.
//!
//! [`Decoder`] reads any format that is known here into one model, [`ExportPacket`]; what stands
//! behind `flow` never learns which format a flow came in. Formats with fixed layouts (v1, v5, v7)
//! are borrowed as they lie; what templates describe (v9, IPFIX), and what sFlow sampled, becomes
//! [`DataRecord`]s.

// Of what comes from outside nothing is narrowed without a word, or taken to be there. Tests may.
#![cfg_attr(
    not(test),
    deny(
        clippy::cast_lossless,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_sign_loss,
        clippy::indexing_slicing
    )
)]

mod cursor;
mod decoder;
mod error;
mod field;
mod fixed;
mod frame;
mod ipfix;
mod layouts;
mod options;
mod plan;
mod rate;
mod record;
mod scope;
mod sets;
mod sflow;
mod template;
mod templates;
mod unread;
mod v9;
mod waiting;

pub mod v1;
pub mod v5;
pub mod v7;

pub use decoder::{Decoded, Decoder, Outcome, Stretch, What};
pub use error::{DecodeError, Fault, Unread};
pub use layouts::MAX_LAYOUTS;
pub use options::MAX_SAMPLERS;
pub(crate) use plan::stamp;
pub use record::{Counts, DataRecord, NoEnds, Stamp};
pub use template::MAX_FIELDS;
pub(crate) use templates::KeptTemplate;
pub use templates::{MAX_DOMAINS, MAX_TEMPLATES, TEMPLATE_LIFETIME_SECS};
pub use waiting::{Held, MAX_WAITING_BYTES, MAX_WAITING_DATAGRAMS};

use std::net::IpAddr;

use crate::flow::{Sampling, Sequence, UnixMillis};

/// One export packet: what its header says of all its flows, and the records.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExportPacket<'a> {
    /// Who exported it by its own word, where that is told: sFlow's agent. Else it is the sender.
    pub exporter: Option<IpAddr>,
    /// When it was exported, by its header: seconds since 1970. sFlow says none; there it is the
    /// time at which the capture saw it.
    pub exported_secs: u32,
    /// Nanoseconds on top of [`Self::exported_secs`].
    pub exported_nanos: u32,
    /// Milliseconds since the exporter started, modulo 2³²; times of records may count so. None
    /// for IPFIX, whose header does not say it.
    pub uptime_ms: Option<u32>,
    /// What of the exporter sent it. v5: engine type × 256 + engine id. v9: source id. IPFIX:
    /// observation domain. sFlow: sub-agent.
    pub engine: u32,
    /// How the exporter says that it samples, where the records do not say otherwise.
    pub sampling: Sampling,
    /// Whether options are to tell that, and told nothing of it so far.
    pub rate_unknown: bool,
    /// Which of the exporter's numbered flows, packets or records these are; v1 has no numbers.
    pub sequence: Option<Sequence>,
    /// The records that are whole.
    pub records: Records<'a>,
    /// How many records of the datagram stand before these, in other packets of it.
    pub first_index: u16,
    /// Records that the exporter sent, and that are not whole in the payload.
    pub missing: u32,
    /// What is wrong with it all the same.
    pub fault: Option<Fault>,
}

/// The flow records of a packet, in export order, by format.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Records<'a> {
    /// NetFlow v1.
    V1(&'a [v1::RecordBytes]),
    /// NetFlow v5.
    V5(&'a [v5::RecordBytes]),
    /// NetFlow v7.
    V7(&'a [v7::RecordBytes]),
    /// What templates or samples describe, and the bytes that the records' extras lie in.
    Data(&'a [DataRecord], &'a [u8]),
}

impl ExportPacket<'_> {
    /// How many whole flow records it holds.
    pub const fn len(&self) -> usize {
        match self.records {
            Records::V1(records) | Records::V5(records) => records.len(),
            Records::V7(records) => records.len(),
            Records::Data(records, _) => records.len(),
        }
    }

    /// Whether it holds no whole flow record.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// When it was exported, rounded down to the millisecond.
    pub fn exported(&self) -> UnixMillis {
        UnixMillis(
            u64::from(self.exported_secs) * 1000 + u64::from(self.exported_nanos / 1_000_000),
        )
    }
}

/// Decodes the payload of one UDP datagram of a format that needs no templates: v1, v5 or v7.
/// [`Decoder`] reads all formats.
///
/// `declared_bytes` is the payload's length by the UDP header: more than `payload` has where the
/// capture cut it. A datagram with a [`Fault`] is decoded as far as it is whole.
///
/// # Errors
///
/// [`DecodeError::NotFlowExport`] if the content is none of these, [`DecodeError::Version`] if it is
/// export of a version that nothing reads; the others if it is one, and
/// not a single record of it can be read.
#[inline]
pub fn decode(payload: &[u8], declared_bytes: usize) -> Result<ExportPacket<'_>, DecodeError> {
    match payload.first_chunk() {
        Some([0, 5]) => v5::decode(payload, declared_bytes).map(ExportPacket::from),
        Some([0, 7]) => v7::decode(payload, declared_bytes),
        Some([0, 1]) => v1::decode(payload, declared_bytes),
        _ => Err(unread::or_none(payload, declared_bytes)),
    }
}

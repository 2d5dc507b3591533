//! From a datagram's payload to the flow records in it, told by content and never by port.
//!
//! [`decode`] reads any format that is known here into one model, [`ExportPacket`]; what stands
//! behind `flow` never learns which format a flow came in.

mod error;

pub mod v5;

pub use error::{DecodeError, Fault};

use crate::flow::{Sampling, UnixMillis};

/// One export datagram: what its header says of all its flows, and the records, still as they lie
/// in the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportPacket<'a> {
    /// When it was exported, by its header: seconds since 1970.
    pub exported_secs: u32,
    /// Nanoseconds on top of [`Self::exported_secs`].
    pub exported_nanos: u32,
    /// Milliseconds since the exporter started, modulo 2³²; the records' times count so.
    pub uptime_ms: u32,
    /// Which engine of the exporter sent it: engine type × 256 + engine id.
    pub engine: u32,
    /// How the exporter says that it samples.
    pub sampling: Sampling,
    /// How many flows the engine had exported before this datagram, modulo 2³².
    pub sequence: u32,
    /// The records that are whole.
    pub records: Records<'a>,
    /// Records that the exporter sent, and that are not whole in the payload.
    pub missing: u32,
    /// What is wrong with it all the same.
    pub fault: Option<Fault>,
}

/// The flow records of a datagram, in export order, by format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Records<'a> {
    /// NetFlow v5.
    V5(&'a [v5::RecordBytes]),
}

impl ExportPacket<'_> {
    /// How many whole flow records it holds.
    pub const fn len(&self) -> usize {
        match self.records {
            Records::V5(records) => records.len(),
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

/// Decodes the payload of one UDP datagram.
///
/// `declared_bytes` is the payload's length by the UDP header: more than `payload` has where the
/// capture cut it. A datagram with a [`Fault`] is decoded as far as it is whole.
///
/// # Errors
///
/// [`DecodeError::NotFlowExport`] if the content is no export format that is known here; the
/// others if it is one, and not a single record of it can be read.
pub fn decode(payload: &[u8], declared_bytes: usize) -> Result<ExportPacket<'_>, DecodeError> {
    v5::decode(payload, declared_bytes).map(ExportPacket::from)
}

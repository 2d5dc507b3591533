//! The flow record that everything behind the decoders works on; it knows no protocol version.

mod batch;
mod columns;
mod identity;
mod protocol;
mod record;
mod time;

pub use batch::{Addresses, FlowBatch};
pub use columns::{Column, Columns};
pub use identity::{DatagramId, Origin};
pub use protocol::Protocol;
pub(crate) use record::address_bits;
pub use record::{Family, FlowRecord, Sampling, Source};
pub use time::{ParseTimeError, TimeRange, UnixMillis};

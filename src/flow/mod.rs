//! The flow record that everything behind the decoders works on; it knows no protocol version.

mod batch;
mod build;
mod clock;
mod columns;
mod extras;
mod identity;
mod moved;
mod protocol;
mod record;
mod seldom;
mod sequence;
mod share;
mod sources;
mod steady;
mod time;
mod time_text;

pub use batch::{Addresses, FlowBatch};
pub use build::{Appended, Batches, FlowBuilder};
pub use clock::{ExportClock, MAX_BELIEVED_LEAD_MS, MAX_LEAD_MS};
pub use columns::{Column, Columns};
pub use extras::{ElementId, Extra, Extras, MAX_EXTRAS_BYTES, extra_value, extras, push_extra};
pub use identity::{DatagramId, Origin};
pub(crate) use moved::TOLD_START;
pub use protocol::Protocol;
pub(crate) use record::address_bits;
pub use record::{Family, FlowRecord, Sampling, Source};
pub(crate) use seldom::Seldom;
pub use sequence::{Lost, MAX_GAPS, MAX_LEAP, MAX_STREAMS, MAX_UNCONFIRMED_LEAP, Sequence, Unit};
pub(crate) use share::giving_way;
pub use sources::{MAX_CLAIMED_SOURCES, MAX_SOURCES, MAX_SOURCES_OF_EXPORTER};
pub(crate) use steady::SteadyClock;
pub use time::{ParseTimeError, TimeRange, UnixMillis, rate};
pub(crate) use time_text::{text, text_or_null};

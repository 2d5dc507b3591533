//! What exporters tell becomes flows: absolute times, one table of sources, and who lost how many.
//!
//! [`FlowBuilder`] takes an export packet of any format and appends its flows to batches.

mod appended;
mod builder;
mod clock;
mod data;
mod fixed;
mod sequence;
mod sources;

pub use appended::{Appended, Batches};
pub use builder::FlowBuilder;
pub use clock::{ExportClock, MAX_BELIEVED_LEAD_MS, MAX_LEAD_MS};
pub use sequence::{MAX_GAPS, MAX_LEAP, MAX_STREAMS, MAX_UNCONFIRMED_LEAP};
pub use sources::{MAX_CLAIMED_SOURCES, MAX_SOURCES, MAX_SOURCES_OF_EXPORTER};

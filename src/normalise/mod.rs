//! What exporters tell becomes flows: absolute times, one table of sources, and who lost how many.
//!
//! [`FlowBuilder`] takes an export packet of any format and appends its flows to batches.

// What comes from outside is never narrowed without a word. Tests may.
#![cfg_attr(
    not(test),
    deny(
        clippy::cast_lossless,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_sign_loss
    )
)]

mod appended;
mod both_ways;
mod builder;
mod clock;
mod counted;
mod data;
mod fixed;
mod rates;
mod sequence;
mod sources;
mod way;

pub use appended::{Appended, Batches};
pub use builder::FlowBuilder;
pub use clock::{ExportClock, MAX_BELIEVED_LEAD_MS, MAX_LEAD_MS};
pub use counted::{MAX_COUNTED, MAX_COUNTED_OF_SENDER};
pub use rates::{Rate, Rates};
pub use sequence::{MAX_GAPS, MAX_LEAP, MAX_STREAMS, MAX_UNCONFIRMED_LEAP};
pub use sources::{MAX_CLAIMED_SOURCES, MAX_SOURCES, MAX_SOURCES_OF_EXPORTER};

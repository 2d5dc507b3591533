//! Topics of Kafka: messages that come from there, and that go there.
//!
//! A [`Reader`] gives the messages of every partition from where one says, and tells what it met
//! there; a [`Producer`] hands messages over and says when all of them are durable. Both work on
//! threads of their own, hold no more than a bounded number of bytes, and wait no longer than
//! [`Options`] let them.

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

mod batch;
mod connection;
mod error;
mod location;
mod options;
mod partition;
mod patience;
mod producer;
mod reader;
mod trouble;

pub use error::KafkaError;
pub use location::{Location, LocationError, is_location};
pub use options::{Mechanism, Options, User};
pub use partition::partition_of;
pub use producer::{Producer, Sent};
pub use reader::{Event, Last, Message, Next, Reader, Start};

/// The header of a message that says whose record it is, so that it is known when it comes again: 16
/// hexadecimal digits.
pub const HEADER: &str = "earlgrey-flow";

//! The row key: its bytes, its two orders, and the ranges of it that answer a question.

mod key;
mod predicate;
mod range;

pub use key::{Order, RowKey};
pub(crate) use key::{V4_KEY_BYTES, V6_KEY_BYTES, encode_address};
pub use predicate::Predicate;
pub use range::{AddressRange, KeyRange};

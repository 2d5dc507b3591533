//! The row key: its bytes, its two orders, and the ranges of it that answer a question.

mod key;
mod predicate;
mod range;

pub use key::{Order, RowKey};
pub use predicate::Predicate;
pub use range::{AddressRange, KeyRange};

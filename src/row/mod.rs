//! The row key: its bytes, its orders, and the ranges of it that answer a question.

mod address_set;
mod ends;
mod field;
mod key;
mod nat;
mod predicate;
mod range;
mod range_set;
mod shown;
mod text;
mod verdict;

pub use address_set::AddressSet;
pub use ends::Ends;
pub use field::{AddressField, NumberField, NumberSet};
pub(crate) use key::{MAX_KEY_BYTES, PORT_BYTES, encode_address, key_bytes, leading_address};
pub use key::{Order, RowKey};
pub use nat::{NatEnd, NatRows, NatSide, NatUse};
pub use predicate::Predicate;
pub use range::{AddressRange, KeyRange};
pub use range_set::{RangeSet, Unsigned};
pub use shown::Shown;
pub use verdict::{Bounds, Verdict};

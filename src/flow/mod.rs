//! The words that everybody uses: a flow and batches of flows, times, protocols, names, and IANA's
//! dictionary of elements. It knows no protocol version, no file and no store.

mod addresses;
mod batch;
mod column;
mod element;
mod extras;
mod fields;
mod identity;
mod lost;
mod moved;
mod names;
mod numbers;
mod protocol;
mod record;
mod seldom;
mod share;
mod steady;
mod time;
mod time_text;
mod told;
mod values;

pub use addresses::Addresses;
pub use batch::FlowBatch;
pub use column::{Column, Columns};
pub(crate) use element::unsigned;
pub use element::{Element, Kind, REVERSE_ENTERPRISE, element, elements};
pub use extras::{ElementId, Extra, Extras, MAX_EXTRAS_BYTES, extra_value, extras, push_extra};
pub(crate) use fields::columns;
pub use identity::{DatagramId, Origin};
pub use lost::{Lost, Sequence, Unit};
pub(crate) use moved::TOLD_START;
pub use names::{MAX_NAME_BYTES, MAX_NAMES, Names};
pub(crate) use names::{Named, enter_name};
pub use numbers::Numbers;
pub use protocol::Protocol;
pub(crate) use record::address_bits;
pub use record::{Family, FlowRecord, Sampling, Source};
pub(crate) use seldom::Seldom;
pub(crate) use share::giving_way;
pub(crate) use steady::SteadyClock;
pub use time::{ParseTimeError, TimeRange, UnixMillis, rate};
pub(crate) use time_text::{text, text_or_null};
pub use told::Told;
pub(crate) use values::ValuesMut;
pub use values::{ColumnKind, Values};

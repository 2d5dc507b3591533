//! The words that everybody uses: a flow and batches of flows, times, protocols, names, and IANA's
//! dictionary of elements. It knows no protocol version, no file and no store.

mod addresses;
mod batch;
mod column;
mod community;
mod counts;
mod element;
pub(crate) mod event;
mod extras;
mod family;
mod fields;
mod identity;
mod lost;
mod moved;
mod names;
mod naming;
mod narrow;
mod nat;
mod numbers;
mod protocol;
mod record;
mod remembered;
mod rows;
mod seldom;
mod share;
mod source;
mod spread;
mod steady;
mod table;
pub(crate) mod tcp_flags;
mod time;
mod time_range;
mod time_text;
mod time_words;
mod told;
pub(crate) mod url;
mod values;

pub use addresses::Addresses;
pub use batch::FlowBatch;
pub use column::{Column, Columns};
pub use community::CommunityId;
pub(crate) use community::icmp_counterpart;
pub use counts::FlowCounts;
pub(crate) use element::{
    BIFLOW_DIRECTION, INITIATOR, NTP_TO_UNIX_SECS, OWN_ENTERPRISE, REVERSE_DELAY,
    REVERSE_INITIATOR, SENT_BY, all_elements, element_by_name, element_by_number, element_named,
    float, have_both_sides, other_end, signed, unsigned, without_zeros_at_start,
};
pub use element::{Element, ElementId, Kind, REVERSE_ENTERPRISE, element, elements, printable};
pub use event::EventKind;
pub use extras::{Extra, Extras, MAX_EXTRAS_BYTES, extra_value, extras, push_extra};
pub(crate) use family::address_bits;
pub use family::{Family, canonical};
pub(crate) use fields::columns;
pub use identity::{DatagramId, Origin};
pub use lost::{Lost, Sequence, SequenceUnit, Unit};
pub(crate) use moved::TOLD_START;
pub use names::{MAX_NAME_BYTES, MAX_NAMES, Names};
pub(crate) use names::{Named, enter_name};
pub use naming::{Change, ColumnName, Naming};
pub(crate) use narrow::{
    low_u16, low_u32, saturated_u8, saturated_u16, saturated_u32, saturated_usize,
};
pub use nat::{Leading, NatLead, nat_leads};
pub(crate) use nat::{NAT_SIDES, each_lead, is_nat_address, nat_lead};
pub use numbers::Numbers;
pub use protocol::Protocol;
pub use record::FlowRecord;
pub use remembered::{MAX_MEMOS, Memo, Remembered, Topic};
pub(crate) use seldom::Seldom;
pub(crate) use share::giving_way;
pub use source::{Sampling, Source};
pub(crate) use spread::{come_before, shares};
pub(crate) use steady::SteadyClock;
pub(crate) use table::TableColumn;
pub use time::{ParseTimeError, UnixMillis, rate};
pub use time_range::TimeRange;
pub(crate) use time_text::{text, text_or_null};
pub use told::Told;
pub(crate) use values::ValuesMut;
pub use values::{ColumnKind, Values};

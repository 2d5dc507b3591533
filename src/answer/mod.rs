//! Flows and summaries as text: nfdump's layouts, JSON and CSV; as charts and, with the feature
//! `plot`, as plots; and flows as Parquet.
//!
//! Only data goes to the given output: nfdump's footer is none, and what it tells is for the
//! caller to say elsewhere.

mod axis;
mod beside;
mod called;
mod clock;
mod condition;
mod conversations;
mod detections;
mod diff;
mod elements;
mod explanation;
mod firings;
mod flows;
mod format;
mod found;
mod json;
mod keys;
mod nfdump;
mod ocsf;
mod pairs;
mod parquet;
mod pieces;
#[cfg(feature = "plot")]
mod plot;
mod rows;
mod stats;
mod text;
mod timeline;
mod top;
mod units;
mod usage;
pub mod words;

pub use beside::Beside;
pub use called::Called;
pub use conversations::write_conversations;
pub use detections::{detection_json, detection_title};
pub use diff::{change_cells, write_diff};
#[cfg(feature = "elastic")]
pub(crate) use elements::push_elements;
pub use explanation::{explanation_json, explanation_text};
pub(crate) use firings::firing_key;
pub use firings::{firing_filter, firing_json, firing_title, write_firings};
pub use flows::{FlowWriter, Style, write_flows};
pub use format::{Format, OwnFormat, PairFormat, ParseFormatError};
pub use found::{FoundFormat, found_summary, write_found};
#[cfg(any(feature = "elastic", feature = "kafka"))]
pub(crate) use json::Objects;
pub use keys::{key_text, key_titles};
pub use nfdump::LayoutError;
pub use pairs::write_pairs;
pub use parquet::{
    AddressForm, ElementsForm, EncodedGroup, FileShape, Layout, MAX_GROUP_ROWS, ParquetWriter,
    write_parquet,
};
pub use pieces::Written;
#[cfg(feature = "plot")]
pub use plot::{
    Calls, Columns, FanPart, Look, MAX_PLOTTED_PAIRS, PairsView, Part, Pauses, Plot, Room, Shape,
    Stop, TimelineLook, Tries, Try, USAGE_COLUMNS, draw_calls, draw_columns, draw_fan, draw_pauses,
    draw_sankey, draw_timeline, draw_tries, draw_usage, plot_pairs, plot_timeline,
};
pub use stats::{Rates, StoreStats, clocks_of, date, stats_json};
pub use text::as_no_formula;
#[cfg(feature = "kafka")]
pub(crate) use text::push_address;
pub use timeline::{
    TimelineFormat, TimelineView, chart_bins, time_text, write_points, write_timeline,
};
pub use top::{TopStyle, write_top};
pub use units::{amount, rate, width};
pub use usage::{UsageView, ordinal, write_usage};

use std::io;

use crate::store::StoreError;

/// Why an answer could not be given to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// The store failed while it was read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The output took no more, for another reason than that its reader had enough.
    #[error("write the answer")]
    Output(#[source] io::Error),
}

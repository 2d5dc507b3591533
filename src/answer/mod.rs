//! Flows and summaries as text: nfdump's layouts, JSON and CSV.
//!
//! Only data goes to the given output: nfdump's footer is none, and what it tells is for the
//! caller to say elsewhere.

mod clock;
mod elements;
mod explanation;
mod flows;
mod format;
mod json;
mod nfdump;
mod pairs;
mod text;
mod top;

pub use explanation::{explanation_json, explanation_text};
pub use flows::{FlowWriter, Written, write_flows};
pub use format::{Format, PairFormat, ParseFormatError};
pub use pairs::write_pairs;
pub use top::{TopStyle, write_top};

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

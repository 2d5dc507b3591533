//! A question about a host or a network, the scans that answer it, and the flows they find.

mod ahead;
mod asked;
mod explain;
pub mod filter;
mod merge;
mod parallel;
mod plan;
mod question;
mod run;

pub use asked::Asked;
pub use explain::{Explanation, ScanExplanation};
pub(crate) use parallel::fold_regions;
pub use plan::Lookup;
pub use question::{Direction, ParseQuestionError, Question, parse_addresses};

//! A question about a host or a network, the scans that answer it, and the flows they find.

mod ahead;
mod asked;
mod explain;
pub mod filter;
mod held;
mod merge;
mod page;
mod parallel;
mod plan;
mod position;
mod question;
mod run;

pub use asked::Asked;
pub use explain::{Explanation, ScaledBy, ScanExplanation};
pub use held::{HELD_COLUMNS, Held, MAX_NAT_EVENTS};
pub(crate) use parallel::fold_regions;
pub use plan::Lookup;
pub use position::{POSITION_COLUMNS, ParsePositionError, Position};
pub use question::{Direction, ParseQuestionError, Question, parse_addresses, parse_nat_end};

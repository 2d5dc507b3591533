//! What users want to be told of: the flows of a filter, summed up by a key over equal windows of time,
//! that come to more than a limit, or to more than is usual for the key.
//!
//! A rule remembers nothing. What is usual is asked of the store for those few keys that come to enough
//! to matter, so a rule says the same of last week (`rules test`) as it said then, and a process that
//! was started a minute ago knows all of yesterday.

mod history;
mod judging;
mod rule;

#[cfg(test)]
mod tests;

pub use history::Usual;
pub use judging::{Firing, Judged, MAX_KEYS, after_pauses};
pub use rule::{Counted, Limit, ParseCountedError, Rule};

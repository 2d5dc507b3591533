//! Stores that wrap a store: one that counts, one that makes up for sampling, one in which a flow that
//! several routers saw counts once, one whose addresses stand for others, one whose exporters a table names, one that can be stopped, and, with the feature `testing`, one that fails when it is told to.

mod anonymised;
mod call;
mod counted_elements;
mod deduped;
#[cfg(feature = "testing")]
mod fault;
mod metered;
mod named;
mod scaled;
mod watched;

pub use anonymised::AnonymisedSnapshot;
pub use call::Call;
pub use deduped::DedupedSnapshot;
#[cfg(feature = "testing")]
pub use fault::{Fault, FaultStore, Faults};
pub use metered::{MeteredStore, Tallies, Tally};
pub use named::NamedStore;
pub use scaled::ScaledSnapshot;
pub use watched::WatchedSnapshot;

//! Stores that wrap a store: one that fails when it is told to, one that counts, and one that makes
//! up for sampling.

mod call;
#[cfg(feature = "testing")]
mod fault;
mod metered;
mod scaled;

pub use call::Call;
#[cfg(feature = "testing")]
pub use fault::{Fault, FaultStore, Faults};
pub use metered::{MeteredStore, Tallies, Tally};
pub use scaled::ScaledSnapshot;

//! Stores that wrap a store: one that fails when it is told to, and one that counts.

mod call;
mod fault;
mod metered;

pub use call::Call;
pub use fault::{Fault, FaultStore, Faults};
pub use metered::{MeteredStore, Tallies, Tally};

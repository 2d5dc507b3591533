//! What is done with runs that are there: they are merged (elsewhere: compaction), cut by day, old
//! ones are deleted (retention), and all of them are looked at for damage.

mod behind_nat;
pub(super) mod compact;
mod content;
mod days;
mod expire;
mod fit;
mod hands;
mod rewrite;
mod split;
mod sum_up;
mod verify;
mod verify_sums;

pub use compact::{Compacted, Effort};
pub use fit::{Fit, Misfit};
#[cfg(test)]
pub(crate) use sum_up::Worth;
pub use verify::Verified;

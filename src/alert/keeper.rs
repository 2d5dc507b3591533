//! Where alerts are kept: one trait, and the keepers that implement it.

use std::fmt;

use super::{Kept, Source, State};
use crate::detect::Severity;
use crate::flow::UnixMillis;
use crate::keep::Result;

/// Which alerts are wanted, those raised last first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Raised since then.
    pub since: Option<UnixMillis>,
    /// Of this source.
    pub source: Option<Source>,
    /// Of this name.
    pub name: Option<String>,
    /// At least so grave.
    pub severity: Option<Severity>,
    /// In this state.
    pub state: Option<State>,
    /// Behind the one that was raised then and has this id.
    pub after: Option<(UnixMillis, String)>,
    /// So many.
    pub limit: u64,
}

/// Keeps alerts and the messages about them over the end of the process. What a call did is durable
/// when it returns. A call that failed may have been carried out all the same. `Display` names the
/// place in messages.
pub trait Keeper: fmt::Display + Send + Sync {
    /// Keeps an alert that is new; says whether it was.
    ///
    /// # Errors
    ///
    /// What the place meets.
    fn add(&self, kept: &Kept) -> Result<bool>;

    /// Keeps an alert in place of what is kept of it, provided that this has the version before;
    /// says whether that was so.
    ///
    /// # Errors
    ///
    /// What the place meets.
    fn replace(&self, kept: &Kept) -> Result<bool>;

    /// The alert with this id, if there is one.
    ///
    /// # Errors
    ///
    /// What the place meets.
    fn alert(&self, id: &str) -> Result<Option<Kept>>;

    /// The alerts that are wanted.
    ///
    /// # Errors
    ///
    /// What the place meets.
    fn alerts(&self, wanted: &Wanted) -> Result<Vec<Kept>>;

    /// Alerts of which a message by `way` waits: the `limit` of them that are due first.
    ///
    /// # Errors
    ///
    /// What the place meets.
    fn due(&self, way: &str, limit: u64) -> Result<Vec<Kept>>;

    /// How many messages wait by `way`.
    ///
    /// # Errors
    ///
    /// What the place meets.
    fn waiting(&self, way: &str) -> Result<u64>;

    /// Forgets alerts that were raised last before `then`; says how many.
    ///
    /// # Errors
    ///
    /// What the place meets.
    fn forget(&self, then: UnixMillis) -> Result<u64>;
}

/// The place of a severity among all, by which it is compared.
pub(super) fn rank(severity: Severity) -> i64 {
    Severity::ALL.iter().position(|&known| known == severity).unwrap_or_default() as i64
}

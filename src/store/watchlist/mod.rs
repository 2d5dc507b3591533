//! Lists of indicators that a store watches for: addresses of whom one would like to know whether
//! anybody dealt with them.
//!
//! Whoever writes flows to a store looks at them as they come, and what is found is kept with the
//! flows in the same commit; a list that is added has all of the history looked through for it. So a
//! flow counts once, whatever crashes in between, and hits stay when their flows are deleted.

mod hits;
mod hunt;
mod indicator;
mod matcher;
mod ranges;
mod replace;

pub(crate) use hits::Hits;
pub use hits::{Hit, MAX_HIT, MAX_OTHERS, Sum};
pub use hunt::hunt;
pub(crate) use hunt::{COLUMNS, hits as hunt_hits, hunt_each};
pub use indicator::{Indicator, WatchList};
pub(crate) use matcher::{Found, Matcher};
pub(crate) use replace::in_place_of;

use serde::{Deserialize, Serialize};

use super::{Result, Watch};
use crate::flow::UnixMillis;

/// So many lists are kept in a store.
pub const MAX_LISTS: usize = 1_000;
/// So many indicators are in a list.
pub const MAX_INDICATORS: usize = 10_000_000;

/// The watch lists of a store.
pub trait WatchLists {
    /// The lists, by name.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError) if they cannot be read.
    fn lists(&self) -> Result<Vec<Listed>>;

    /// The names of the lists, in their order, whatever was hit of them.
    ///
    /// # Errors
    ///
    /// As [`Self::lists`].
    fn list_names(&self) -> Result<Vec<String>>;

    /// What was hit of the list `name`, that of most flows first; None where there is no such list.
    ///
    /// # Errors
    ///
    /// As [`Self::lists`].
    fn hits(&self, name: &str) -> Result<Option<Vec<Hit>>>;

    /// The list `name`; None where there is no such list.
    ///
    /// # Errors
    ///
    /// As [`Self::lists`].
    fn list(&self, name: &str) -> Result<Option<WatchList>>;

    /// Watches for `list` from now on, in place of one of its name, and looks through all that is
    /// stored for what is new in it. What was hit of the one before is kept. `watch` says whether to
    /// go on; of what was not looked for [`Listed::unsought`] tells, and adding the list again does it.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError) if the list cannot be kept, or not everything could be looked
    /// through.
    fn add(&self, list: &WatchList, watch: &Watch) -> Result<()>;

    /// Forgets the list `name` with its hits; whether there was one.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError) if it cannot be deleted.
    fn remove(&self, name: &str) -> Result<bool>;
}

/// A watch list as it stands in a store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    /// What it is called.
    pub name: String,
    /// The file that it was read from.
    pub file: String,
    /// When it was added last.
    pub added: UnixMillis,
    /// How many indicators it has.
    pub indicators: u64,
    /// For how many of them not all that was stored when it was added was looked through, because that
    /// is under way or was interrupted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unsought: u64,
    /// How many indicators were hit, those of earlier lists of this name among them.
    #[serde(skip)]
    pub hit: u64,
    /// By how many flows.
    #[serde(skip)]
    pub flows: u64,
    /// When the last of these ended.
    #[serde(skip)]
    pub last: Option<UnixMillis>,
    /// How often an indicator was left out that was hit, as more than [`MAX_HIT`] were: the one that was
    /// seen least lately.
    #[serde(skip)]
    pub left_out: u64,
}

impl Listed {
    /// `list`, of which nothing was hit yet.
    pub(crate) fn of(list: &WatchList) -> Self {
        Self {
            name: list.name.clone(),
            file: list.file.clone(),
            added: list.added,
            indicators: list.indicators.len() as u64,
            unsought: list.fresh().count() as u64,
            hit: 0,
            flows: 0,
            last: None,
            left_out: 0,
        }
    }

    /// It, with what was hit.
    #[must_use]
    pub(crate) fn with(self, hits: &Hits) -> Self {
        let sums = || hits.sums();
        Self {
            hit: sums().count() as u64,
            flows: sums().map(|sum| sum.flows).sum(),
            last: sums().map(|sum| sum.last).max(),
            left_out: hits.left_out(),
            ..self
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "it is called by what serde generates")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

//! Alerts: what stood out and is kept, each with its evidence, and what is made of it.
//!
//! What is open is what somebody should look at; where nothing is, that is said, with who would raise
//! something.

mod evidence;
mod judge;
mod list;
mod marks;
mod one;
mod suppress;
mod technique;
mod why;

#[cfg(test)]
mod tests;

pub(super) use judge::judge;
pub(super) use list::list;
pub(super) use one::show;
pub(super) use suppress::{add, list as suppressed, remove};

use super::ask::Fault;
use crate::alert::AlertsError;
use crate::load::chain;

/// What is said of an alert whose filter finds more than its key.
const WIDER: &str = "Filters have no words for all of its key: these are all the flows that its filter \
                     finds, also those of other keys.";

impl From<AlertsError> for Fault {
    fn from(error: AlertsError) -> Self {
        match error {
            AlertsError::Unknown(_) => Self::Missing(error.to_string()),
            AlertsError::Keeper(error) if error.may_get_well() => {
                Self::Away("where alerts are kept cannot be reached", chain(&error))
            }
            AlertsError::Keeper(error) => Self::Ours(chain(&error)),
        }
    }
}

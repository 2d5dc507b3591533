//! Who does the work of jobs.

use super::{Job, Kind, Results, WorkError};
use crate::request::{Parameters, Refused};
use crate::store::Watch;

/// Does the work of jobs, several at once.
pub trait Work: Send + Sync {
    /// Whether a job of this kind can be asked for with these parameters.
    ///
    /// # Errors
    ///
    /// [`Refused`] if not.
    fn check(&self, kind: Kind, parameters: &Parameters) -> Result<(), Refused>;

    /// Carries out `job`, and gives its results to `results`; what is to be said beside them is
    /// returned. It ends soon after `watch` is stopped, and tells by it how far it is.
    ///
    /// # Errors
    ///
    /// [`WorkError`]; what was given to `results` before that is kept.
    fn carry_out(
        &self,
        job: &Job,
        watch: &Watch,
        results: &mut Results<'_>,
    ) -> Result<String, WorkError>;

    /// Undoes what the work of `job` left elsewhere than among its results, of which `first` is the
    /// first: these go, or the job does.
    fn undo(&self, _job: &Job, _first: &str) {}
}

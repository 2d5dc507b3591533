//! What stands out, as `detect` finds it, for whoever asks the service: routes, jobs, the look-out.

use std::path::Path;

use crate::alert::suppressed;
use crate::answer::{Called, found_summary};
use crate::detect::{Found, Parameters};
use crate::query::Asked;
use crate::request::{AskError, Detect, Refused, Surroundings};
use crate::store::Store;

/// What was found, without what need not be told.
pub(super) struct Told {
    pub(super) found: Found,
    /// What its addresses are called.
    pub(super) called: Called,
    /// Whether some suppressions do not hold, which the log has.
    is_wrong: bool,
}

impl Told {
    /// What is to be said beside it, a sentence each.
    pub(super) fn notes(&self) -> Vec<String> {
        let wrong = "some suppressions do not hold; the log of the server says which";
        let wrong = self.is_wrong.then(|| wrong.to_owned());
        [found_summary(&self.found)].into_iter().chain(wrong).collect()
    }
}

/// Carries out `request`, of which `asked` has the question and `parameters` what decides: in `store`,
/// with the suppressions of `folder`.
///
/// # Errors
///
/// What the store meets, and [`Refused`] if a file that says what addresses mean cannot be read.
pub(super) fn find(
    request: &Detect,
    (asked, parameters): (&Asked, &Parameters),
    (store, folder): (&dyn Store, &Path),
    around: &Surroundings<'_>,
) -> Result<Told, AskError> {
    let lookup = request.lookup(&asked.question);
    let lists = request.watch_lists(store)?;
    let called = Called::by(&*around.meaning()?).map_err(Refused::from)?;
    let decide = (parameters, lists.as_deref());
    let mut found = request.answer(asked.snapshot(), (&asked.question, &lookup), decide, around)?;
    let (suppressions, wrong) = suppressed(folder, around);
    for problem in &wrong {
        tracing::warn!("{problem}");
    }
    found.suppressed = suppressions.apply(&mut found.detections);
    Ok(Told { found, called, is_wrong: !wrong.is_empty() })
}

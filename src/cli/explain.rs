//! `--explain`: how an answer is found, and what was read for it.

use std::time::Instant;

use super::output::say;
use crate::answer::{explanation_json, explanation_text};
use crate::query::{Explanation, Lookup, Question};
use crate::store::Snapshot;

/// Tells the plan before the run, and what was read after it; as JSON, both after it.
pub(super) struct Explain {
    explanation: Explanation,
    json: bool,
    began: Instant,
}

impl Explain {
    /// Tells how `lookup`, which is of `question`, will be carried out, if that is `asked`.
    pub(super) fn before(
        asked: bool,
        (question, lookup): (&Question, &Lookup),
        snapshot: &dyn Snapshot,
        json: bool,
    ) -> anyhow::Result<Option<Self>> {
        if !asked {
            return Ok(None);
        }
        let explanation = lookup.explain(snapshot)?.of_filter(question.filter.as_ref());
        if !json {
            say(explanation_text(&explanation).trim_end());
        }
        Ok(Some(Self { explanation, json, began: Instant::now() }))
    }

    /// Tells what was read.
    pub(super) fn after(self, lookup: &Lookup) {
        let mut explanation = self.explanation.after(lookup.reading(), self.began.elapsed());
        if self.json {
            say(explanation_json(&explanation).trim_end());
        } else {
            // The filter and the scans were told before.
            explanation.filter = None;
            explanation.scans.clear();
            say(explanation_text(&explanation).trim_end());
        }
    }
}

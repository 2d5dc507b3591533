//! Which alerts are meant, as commands and requests say it.

use super::{Source, State, Wanted};
use crate::detect::Severity;
use crate::flow::UnixMillis;
use crate::request::{Refused, Zone};

/// Which alerts.
#[derive(Debug, Clone, clap::Args)]
pub struct Which {
    /// Raised since then: 2007-07-26, -24h
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    since: Option<String>,
    /// Found by: detection, rule, watch, silence
    #[arg(long, value_name = "SOURCE")]
    source: Option<Source>,
    /// Of this kind of detection, rule or watch list
    #[arg(long)]
    name: Option<String>,
    /// At least so grave: low, medium, high
    #[arg(long)]
    severity: Option<Severity>,
    /// In this state: open, seen, closed
    #[arg(long)]
    state: Option<State>,
}

impl Which {
    /// The first `limit` of them; times that name no zone are of `zone`.
    ///
    /// # Errors
    ///
    /// [`Refused`] for text that is no time.
    pub fn wanted(&self, zone: &Zone, limit: u64) -> Result<Wanted, Refused> {
        let moment = |text: &String| {
            UnixMillis::parse(text, zone.zone(), UnixMillis::now())
                .map_err(|error| Refused::of("since", format!("--since: {error}")))
        };
        Ok(Wanted {
            since: self.since.as_ref().map(moment).transpose()?,
            source: self.source,
            name: self.name.clone(),
            severity: self.severity,
            state: self.state,
            after: None,
            limit,
        })
    }
}

//! `--scaled`: whether answers make up for the exporters' sampling.

use super::output::say;
use crate::store::Snapshot;
use crate::store::wrap::ScaledSnapshot;

/// The option; what it is where it is not given, is the command's choice.
#[derive(Debug, clap::Args)]
pub(super) struct Scaling {
    /// Multiply octets and packets by the sampling interval of their exporter, where it said one;
    /// or, with --scaled=no, leave them as they were exported
    #[arg(long, value_name = "yes|no", value_parser = ["yes", "no"], num_args = 0..=1,
        require_equals = true, default_missing_value = "yes", hide_possible_values = true)]
    scaled: Option<String>,
}

impl Scaling {
    /// `snapshot` as it is to be read; scaled or not by `default` where nobody asked.
    pub(super) fn of(&self, snapshot: Box<dyn Snapshot>, default: bool) -> Counters {
        if self.scaled.as_ref().map_or(default, |wanted| wanted == "yes") {
            Counters::Scaled(ScaledSnapshot::new(snapshot))
        } else {
            Counters::AsExported(snapshot)
        }
    }
}

/// A snapshot, with its counters in one way or the other.
pub(super) enum Counters {
    AsExported(Box<dyn Snapshot>),
    Scaled(ScaledSnapshot),
}

impl Counters {
    pub(super) fn snapshot(&self) -> &dyn Snapshot {
        match self {
            Self::AsExported(snapshot) => &**snapshot,
            Self::Scaled(snapshot) => snapshot,
        }
    }

    /// Says on standard error if counters were multiplied.
    pub(super) fn tell(&self) {
        if let Self::Scaled(snapshot) = self
            && snapshot.has_scaled()
        {
            say("octets and packets are multiplied by the sampling intervals of their exporters; \
                 --scaled=no leaves them as they were exported");
        }
    }
}

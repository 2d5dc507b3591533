//! How a question is answered, told before and after.

use std::time::Duration;

use serde::Serialize;

use super::Lookup;
use crate::flow::{Column, TimeRange};
use crate::row::{AddressSet, Order, Predicate};
use crate::store::{Meter, Plan, Reading, Result, Scan, Snapshot};

/// The plan of each scan, and what was read in the end. What is long in it is cut short, as `{:#}`
/// does.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// What was asked of the flows, in the filter language's normal form. None: nothing.
    pub filter: Option<String>,
    /// The scans, in the order in which they are merged.
    pub scans: Vec<ScanExplanation>,
    /// What all of them read. None before the run.
    pub read: Option<Reading>,
    /// How long the run took, in milliseconds. None before it.
    pub elapsed_ms: Option<f64>,
    /// By which sampling intervals counters were multiplied, if they were.
    pub scaled: Vec<ScaledBy>,
}

/// How many flows had their counters multiplied by an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ScaledBy {
    /// The interval: one packet of so many was seen.
    pub sampling: u32,
    /// The flows.
    pub flows: u64,
}

/// One scan and its plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScanExplanation {
    /// Which address leads the keys that are read.
    pub order: Order,
    /// The leading addresses. None: all.
    pub lead: Option<String>,
    /// The port that leads with the address, where one is asked for behind a NAT; 0: none, or a
    /// block of ports. None: all.
    pub port: Option<u16>,
    /// When the flows began. None: ever.
    pub time: Option<TimeRange>,
    /// What is tested inside the store: what of the filter neither addresses nor time say.
    pub predicate: Option<String>,
    /// The columns that are read.
    pub columns: Vec<&'static str>,
    /// Whether the flows come in key order.
    pub ordered: bool,
    /// What the store means to read.
    pub plan: Plan,
}

/// The addresses that lead, as people write them.
fn lead_text(order: Order, lead: &AddressSet) -> String {
    match order {
        Order::Nat => format!("{:#}", lead.canonical()),
        Order::Src | Order::Dst => format!("{lead:#}"),
    }
}

impl Explanation {
    /// The plans of `scans` on `snapshot`.
    ///
    /// # Errors
    ///
    /// As [`Snapshot::plan`].
    pub fn of<'a>(
        snapshot: &dyn Snapshot,
        scans: impl IntoIterator<Item = &'a Scan>,
    ) -> Result<Self> {
        let scans = scans
            .into_iter()
            .map(|scan| {
                Ok(ScanExplanation {
                    order: scan.order,
                    lead: scan.lead.as_ref().map(|lead| lead_text(scan.order, lead)),
                    port: scan.port,
                    time: (!scan.time.is_all()).then_some(scan.time),
                    predicate: scan.predicate.as_ref().map(|predicate| format!("{predicate:#}")),
                    columns: scan.columns.iter().map(Column::name).collect(),
                    ordered: scan.ordered,
                    plan: snapshot.plan(scan)?,
                })
            })
            .collect::<Result<_>>()?;
        Ok(Self { filter: None, scans, read: None, elapsed_ms: None, scaled: Vec::new() })
    }

    /// Adds the filter that was asked for.
    #[must_use]
    pub fn of_filter(self, filter: Option<&Predicate>) -> Self {
        Self { filter: filter.map(|filter| format!("{filter:#}")), ..self }
    }

    /// Adds what came of it: what each lookup read, and in which time all of them.
    #[must_use]
    pub fn after(self, read: impl IntoIterator<Item = Reading>, elapsed: Duration) -> Self {
        let all = Meter::default();
        read.into_iter().for_each(|read| all.add(read));
        Self { read: Some(all.reading()), elapsed_ms: Some(elapsed.as_secs_f64() * 1000.0), ..self }
    }
}

impl Lookup {
    /// How `snapshot` would answer.
    ///
    /// # Errors
    ///
    /// As [`Snapshot::plan`].
    pub fn explain(&self, snapshot: &dyn Snapshot) -> Result<Explanation> {
        Explanation::of(snapshot, &self.scans)
    }
}

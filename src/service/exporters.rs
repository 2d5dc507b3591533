//! Exporters, as the store and its ledger know them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::tz::TimeZone;
use serde::Serialize;
use utoipa::ToSchema;

use super::Service;
use crate::aggregate::Stats;
use crate::query::{Asked, Question};
use crate::store::wrap::WatchedSnapshot;
use crate::store::{Result, Watch};

/// What came from an exporter, and what did not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Exporter {
    /// Its address.
    #[serde(rename = "exporter")]
    pub(super) address: String,
    /// Flows of it in the store.
    #[schema(value_type = u64)]
    pub(super) flows: u128,
    /// Their octets, scaled up where they were sampled.
    #[schema(value_type = u64)]
    pub(super) octets: u128,
    /// Their packets.
    #[schema(value_type = u64)]
    pub(super) packets: u128,
    /// When the first of its flows began.
    pub(super) first: Option<String>,
    /// When the last of its flows ended: it was seen then.
    pub(super) last: Option<String>,
    /// What it exported and nobody has, by its sequence numbers: flows, or packets of them.
    pub(super) lost: u64,
    /// What is wrong with its clock, by how many milliseconds, if anything was found.
    pub(super) clock_ahead_ms: Option<i64>,
}

/// All of them, by address.
///
/// # Errors
///
/// What the store meets, and [`StoreError::Stopped`](crate::StoreError::Stopped).
pub(super) fn all(service: &Service, watch: &Watch) -> Result<Vec<Exporter>> {
    let snapshot = WatchedSnapshot::new(service.store.snapshot()?, watch.clone());
    let asked = Asked::new(Question::everything(), Box::new(snapshot), true);
    let lookup = asked.question.plan_unordered(Stats::COLUMNS);
    let stats = Stats::of(asked.snapshot(), &lookup, &TimeZone::UTC)?;
    let mut all: BTreeMap<IpAddr, Exporter> = BTreeMap::new();
    for (address, totals) in &stats.exporters {
        let entry = Exporter {
            address: address.to_string(),
            flows: totals.flows.into(),
            octets: totals.octets,
            packets: totals.packets,
            first: totals.first.map(|time| time.to_string()),
            last: totals.last.map(|time| time.to_string()),
            ..Exporter::default()
        };
        all.insert(*address, entry);
    }
    for load in service.store.loads()? {
        for lost in &load.account.lost {
            let entry = all.entry(lost.exporter).or_insert_with(|| named(lost.exporter));
            entry.lost = entry.lost.saturating_add(lost.count);
        }
        for clock in &load.account.clocks {
            let entry = all.entry(clock.exporter).or_insert_with(|| named(clock.exporter));
            entry.clock_ahead_ms = Some(clock.ahead_ms);
        }
    }
    Ok(all.into_values().collect())
}

fn named(address: IpAddr) -> Exporter {
    Exporter { address: address.to_string(), ..Exporter::default() }
}

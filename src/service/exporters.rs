//! Exporters, as the store and its ledger know them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::tz::TimeZone;
use serde::Serialize;
use utoipa::ToSchema;

use super::Service;
use crate::aggregate::Stats;
use crate::answer::clocks_of;
use crate::flow::UnixMillis;
use crate::query::{Asked, Question};
use crate::request::{Zone, show};
use crate::store::wrap::WatchedSnapshot;
use crate::store::{Load, Result, Watch};

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

/// All of them, by address, with times in `zone`.
///
/// # Errors
///
/// What the store meets, and [`StoreError::Stopped`](crate::StoreError::Stopped).
pub(super) fn all(service: &Service, watch: &Watch, zone: &Zone) -> Result<Vec<Exporter>> {
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
            first: totals.first.map(|time| show(time, zone)),
            last: totals.last.map(|time| show(time, zone)),
            ..Exporter::default()
        };
        all.insert(*address, entry);
    }
    for (address, health) in health(&service.store.loads()?) {
        let entry = all
            .entry(address)
            .or_insert_with(|| Exporter { address: address.to_string(), ..Exporter::default() });
        entry.lost = health.lost;
        entry.clock_ahead_ms = health.clock_ahead_ms;
    }
    Ok(all.into_values().collect())
}

/// What loads tell of an exporter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Health {
    /// What it exported and nobody has.
    pub(super) lost: u64,
    /// When the latest load began that missed something.
    pub(super) last_lost: Option<UnixMillis>,
    /// By how many milliseconds its clock was ahead at last, if it is off.
    pub(super) clock_ahead_ms: Option<i64>,
}

/// By exporter, what `loads` tell.
pub(super) fn health(loads: &[Load]) -> BTreeMap<IpAddr, Health> {
    let mut told: BTreeMap<IpAddr, Health> = BTreeMap::new();
    for load in loads {
        for lost in load.account.lost.iter().filter(|lost| lost.count > 0) {
            let health = told.entry(lost.exporter).or_default();
            health.lost = health.lost.saturating_add(lost.count);
            health.last_lost = health.last_lost.max(Some(load.started));
        }
    }
    for clock in clocks_of(loads) {
        told.entry(clock.exporter).or_default().clock_ahead_ms = Some(clock.ahead_ms);
    }
    told
}

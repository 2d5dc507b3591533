//! Statistics as JSON.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use jiff::tz::TimeZone;
use serde::Serialize;

use super::clock::Clock as TimeWriter;
use crate::aggregate::{FlowTotals, Stats};
use crate::flow::UnixMillis;
use crate::store::{Clock, Load, Size};

/// What a store holds and takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreStats {
    /// Flows, of all times.
    pub flows: u64,
    /// What it takes.
    pub size: Size,
    /// Whose clock was far from the receipt's, or the capture's, when it was loaded last.
    pub clocks: Vec<Clock>,
}

/// The clocks that `loads`, of which the last is the newest, found far from the receipt's, or the
/// capture's: the last that was found of each exporter.
pub fn clocks_of(loads: &[Load]) -> Vec<Clock> {
    let mut clocks = BTreeMap::new();
    for Load { account, .. } in loads {
        let moved = account.ahead.iter().map(Clock::from);
        for clock in moved.chain(account.clocks.iter().cloned()) {
            clocks.insert(clock.exporter, clock);
        }
    }
    clocks.into_values().collect()
}

impl StoreStats {
    /// Bytes a flow, where the size is known and there are flows.
    pub fn bytes_a_flow(&self) -> Option<f64> {
        let bytes = self.size.bytes.filter(|_| self.flows > 0)?;
        Some(bytes as f64 / self.flows as f64)
    }
}

/// How much there was a second, on average over the time that flows span. None where that is no
/// time at all.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rates {
    /// Flows a second.
    pub flows_per_second: f64,
    /// Packets a second.
    pub packets_per_second: f64,
    /// Bits a second.
    pub bits_per_second: f64,
}

impl Rates {
    /// The rates of `totals`.
    pub fn of(totals: &FlowTotals) -> Option<Self> {
        let seconds = Duration::from_millis(totals.span_ms()).as_secs_f64();
        (seconds > 0.0).then(|| Self {
            flows_per_second: totals.flows as f64 / seconds,
            packets_per_second: totals.packets as f64 / seconds,
            bits_per_second: totals.octets as f64 * 8.0 / seconds,
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatsObject<'a> {
    #[serde(flatten)]
    all: Totals,
    without_traffic: u64,
    rates: Option<Rates>,
    families: [Group; 2],
    protocols: Vec<Group>,
    exporters: Vec<Group>,
    #[serde(skip_serializing_if = "Option::is_none")]
    other_exporters: Option<Totals>,
    days: Vec<Group>,
    #[serde(skip_serializing_if = "Option::is_none")]
    later_days: Option<Totals>,
    store: StoreObject<'a>,
    clocks: Vec<ClockObject>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ClockObject {
    exporter: IpAddr,
    ahead_ms: i64,
    since: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StoreObject<'a> {
    flows: u64,
    bytes_per_flow: Option<f64>,
    #[serde(flatten)]
    size: &'a Size,
}

#[derive(Serialize)]
struct Group {
    name: String,
    #[serde(flatten)]
    totals: Totals,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Totals {
    flows: u64,
    packets: u128,
    octets: u128,
    first: Option<String>,
    last: Option<String>,
}

/// The statistics as a JSON object on lines of its own, times in `zone`.
///
/// `families`, `protocols`, `exporters` and `days` are arrays of groups, each with its `name` and
/// its sums; a day is named by its date.
pub fn stats_json(stats: &Stats, store: &StoreStats, zone: &TimeZone) -> String {
    let mut clock = TimeWriter::new(zone.clone());
    let mut time = |moment: UnixMillis| {
        let mut text = Vec::new();
        clock.push_rfc_3339(&mut text, moment);
        String::from_utf8_lossy(&text).into_owned()
    };
    let clocks = store.clocks.iter().map(|clock| ClockObject {
        exporter: clock.exporter,
        ahead_ms: clock.ahead_ms,
        since: time(clock.since),
    });
    let clocks = clocks.collect();
    let mut totals = |of: &FlowTotals| Totals {
        flows: of.flows,
        packets: of.packets,
        octets: of.octets,
        first: of.first.map(&mut time),
        last: of.last.map(&mut time),
    };
    let all = stats.totals.all();
    let mut group = |name: String, of: &FlowTotals| Group { name, totals: totals(of) };
    let object = StatsObject {
        without_traffic: stats.without_traffic,
        rates: Rates::of(&all),
        families: [
            group("IPv4".to_owned(), &stats.totals.v4),
            group("IPv6".to_owned(), &stats.totals.v6),
        ],
        protocols: stats
            .protocols
            .iter()
            .map(|(protocol, of)| group(protocol.to_string(), of))
            .collect(),
        exporters: stats
            .exporters
            .iter()
            .map(|(exporter, of)| group(exporter.to_string(), of))
            .collect(),
        days: stats.days.iter().map(|(day, of)| group(date(*day, zone), of)).collect(),
        other_exporters: Some(&stats.other_exporters).filter(|of| of.flows > 0).map(&mut totals),
        later_days: Some(&stats.later_days).filter(|of| of.flows > 0).map(&mut totals),
        all: totals(&all),
        store: StoreObject {
            flows: store.flows,
            bytes_per_flow: store.bytes_a_flow(),
            size: &store.size,
        },
        clocks,
    };
    // It holds no map but of strings, and no type whose serialization fails.
    serde_json::to_string_pretty(&object).unwrap_or_default() + "\n"
}

/// The date of a moment: `2007-07-26`.
pub fn date(moment: UnixMillis, zone: &TimeZone) -> String {
    moment.timestamp().to_zoned_datetime(zone.clone()).date().to_string()
}

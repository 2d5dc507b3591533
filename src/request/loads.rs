//! What was loaded, as everybody is told it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;

use super::{Zone, show};
use crate::flow::{Lost, SequenceUnit};
use crate::store::{Ahead, Clock, Load, LoadedFile, TopicRead};

/// In one word, how a load stands.
pub fn load_state(load: &Load) -> &'static str {
    match load {
        Load { finished: None, .. } => "unfinished",
        Load { failure: Some(_), .. } => "failed",
        Load { interrupted: true, .. } => "interrupted",
        _ if nothing_read(load) => "nothing read",
        _ => "done",
    }
}

/// Whether a load that came to its end found no capture that could be read.
pub fn nothing_read(load: &Load) -> bool {
    let unreadable = |file: &LoadedFile| file.datagrams == 0 && file.fault.is_some();
    load.account.captured_packets + load.account.pieces == 0
        && load.topic.is_none()
        && (load.account.other_files > 0 || !load.files.is_empty())
        && load.files.iter().all(unreadable)
}

/// An exporter whose clock runs ahead, as JSON.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AheadView {
    exporter: IpAddr,
    by_ms: u64,
    since: String,
    flows: u64,
}

impl AheadView {
    fn new(ahead: &Ahead, zone: &Zone) -> Self {
        let &Ahead { exporter, by_ms, since, flows } = ahead;
        Self { exporter, by_ms, since: show(since, zone), flows }
    }
}

/// A load as JSON, with times in the user's zone.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadView<'a> {
    id: &'a str,
    state: &'static str,
    started: String,
    finished: Option<String>,
    failure: Option<&'a str>,
    /// By the clock that measured it, else by the times of start and end.
    seconds: Option<f64>,
    flows_per_second: Option<f64>,
    files: &'a [LoadedFile],
    other_files: &'a [String],
    captured_packets: u64,
    skipped_packets: &'a BTreeMap<String, u64>,
    faults: u64,
    datagrams: u64,
    decoded: u64,
    faulty: &'a BTreeMap<String, u64>,
    trailing_bytes: u64,
    duplicate_datagrams: u64,
    malformed: &'a BTreeMap<String, u64>,
    waiting_for_template: u64,
    given_up: u64,
    not_flow_export: u64,
    pieces: u64,
    duplicate_pieces: u64,
    damaged_pieces: u64,
    passed_over: &'a BTreeMap<String, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<&'a TopicRead>,
    messages: u64,
    duplicate_messages: u64,
    gone_messages: u64,
    records: u64,
    stored: u64,
    reverse: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    hits: Option<u64>,
    clamped: u64,
    not_believed: u64,
    shortened: u64,
    moved: u64,
    ahead: Vec<AheadView>,
    conflicting_templates: &'a BTreeMap<IpAddr, u64>,
    flows_before_rate: &'a BTreeMap<IpAddr, u64>,
    duplicate_records: u64,
    rejected: &'a BTreeMap<String, u64>,
    lost: &'a [Lost],
    sequence_units: &'a [SequenceUnit],
    clocks: &'a [Clock],
    first: Option<String>,
    last: Option<String>,
    octets: u128,
    packets: u128,
}

impl<'a> LoadView<'a> {
    /// `load`, which took so long by the clock that measured it; with times in `zone`.
    pub fn new(load: &'a Load, took_secs: Option<f64>, zone: &Zone) -> Self {
        let account = &load.account;
        let by_times = load.finished.map(|finished| (finished - load.started) as f64 / 1000.0);
        let seconds = took_secs.or(by_times);
        Self {
            id: &load.id,
            state: load_state(load),
            started: show(load.started, zone),
            finished: load.finished.map(|time| show(time, zone)),
            failure: load.failure.as_deref(),
            seconds,
            flows_per_second: seconds
                .filter(|&seconds| seconds > 0.0)
                .map(|seconds| (account.records as f64 / seconds).round()),
            files: &load.files,
            other_files: &load.other_files,
            captured_packets: account.captured_packets,
            skipped_packets: &account.skipped_packets,
            faults: account.faults,
            datagrams: account.datagrams,
            decoded: account.decoded,
            faulty: &account.faulty,
            trailing_bytes: account.trailing_bytes,
            duplicate_datagrams: account.duplicate_datagrams,
            malformed: &account.malformed,
            waiting_for_template: account.waiting_for_template,
            given_up: account.given_up,
            not_flow_export: account.not_flow_export,
            pieces: account.pieces,
            duplicate_pieces: account.duplicate_pieces,
            damaged_pieces: account.damaged_pieces,
            passed_over: &account.passed_over,
            topic: load.topic.as_ref(),
            messages: account.messages,
            duplicate_messages: account.duplicate_messages,
            gone_messages: account.gone_messages,
            records: account.records,
            stored: account.stored,
            reverse: account.reverse,
            hits: (account.hits > 0).then_some(account.hits),
            clamped: account.clamped,
            not_believed: account.not_believed,
            shortened: account.shortened,
            moved: account.moved,
            ahead: account.ahead.iter().map(|ahead| AheadView::new(ahead, zone)).collect(),
            conflicting_templates: &account.conflicting_templates,
            flows_before_rate: &account.flows_before_rate,
            duplicate_records: account.duplicate_records,
            rejected: &account.rejected,
            lost: &account.lost,
            sequence_units: &account.sequence_units,
            clocks: &account.clocks,
            first: account.first.map(|time| show(time, zone)),
            last: account.last.map(|time| show(time, zone)),
            octets: account.octets,
            packets: account.packets,
        }
    }
}

//! What was read, and what became of it: the ledger's entry, and the counts of each exporter.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::net::IpAddr;
use std::time::Instant;

use xxhash_rust::xxh3::xxh3_64;

use super::exporters::{ByExporter, Exported};
use super::files;
use crate::capture::{Datagram, FaultKind, Input, Report};
use crate::flow::{FlowBatch, UnixMillis};
use crate::import::Piece;
use crate::netflow::{DecodeError, Fault, MAX_DOMAINS};
use crate::normalise::Appended;
use crate::store::{AHEAD_MS, Account, Load, LoadedFile};

/// So many malformed datagrams, clocks that run ahead, and exporters whose templates conflict are
/// logged one by one; all of them are counted.
const MAX_LOGGED: u64 = 10;

/// So many kinds of things that are not kept are told apart; the others are counted together.
const MAX_PASSED_OVER: usize = 100;
const OTHERS: &str = "others";

/// What was read, and what becomes of it if all goes well.
#[derive(Debug, Clone)]
pub(super) struct Accounts {
    /// The ledger's entry.
    pub(super) load: Load,
    /// What came from whom.
    pub(super) exporters: ByExporter<Exported>,
    /// How many of them have a clock that runs ahead.
    clocks_ahead: u64,
    /// How many of them have templates that conflict.
    in_conflict: u64,
    /// How many have one that is far from the receipt's, and flows that stay.
    clocks_off: u64,
    /// Flows that came when nobody knew yet how their exporter samples in their domain.
    before_rate: HashMap<(IpAddr, u32), u64>,
    /// Whether all that is read counts as one file, the entry's first. What cannot be read of it is
    /// read again, and so no fault of the load.
    one_source: bool,
    /// The place in the entry of the file that is being read.
    file: Option<usize>,
}

impl Accounts {
    /// Accounts in which every file has a place of its own.
    pub(super) fn new() -> Self {
        Self {
            load: new_load(),
            exporters: ByExporter::default(),
            clocks_ahead: 0,
            in_conflict: 0,
            clocks_off: 0,
            before_rate: HashMap::new(),
            one_source: false,
            file: None,
        }
    }

    /// Accounts that list the one source `name`, whatever files it is read from, and however often
    /// one of them is tried until it can be read.
    pub(super) fn of(name: impl fmt::Display) -> Self {
        let mut accounts = Self::new();
        accounts.load.files = vec![LoadedFile { path: name.to_string(), ..LoadedFile::default() }];
        accounts.one_source = true;
        accounts.file = Some(0);
        accounts
    }

    /// A capture begins.
    pub(super) fn begin_file(&mut self, name: &str) {
        self.file = if self.one_source {
            Some(0)
        } else {
            files::begin(&mut self.load.files, name);
            self.load.files.len().checked_sub(1)
        };
    }

    /// What is read now is of no capture yet.
    pub(super) fn leave_file(&mut self) {
        self.file = None;
    }

    /// The file that is being read, if any is.
    pub(super) fn file_mut(&mut self) -> Option<&mut LoadedFile> {
        self.load.files.get_mut(self.file?)
    }

    /// Takes the counts that only the reader of the capture knows. The input's files are those from
    /// place `since` on.
    pub(super) fn note(&mut self, since: usize, report: &Report) {
        for fault in &report.faults {
            tracing::info!("{fault}");
        }
        let faults = report.faults.iter();
        let faults = faults.filter(|fault| !self.one_source || fault.kind == FaultKind::Damaged);
        files::enter_faults(&mut self.load.files, since, faults.clone());
        let account = &mut self.load.account;
        account.faults += faults.count() as u64 + report.more_faults;
        account.captured_packets += report.packets;
        for (reason, packets) in report.skipped.iter() {
            *account.skipped_packets.entry(reason.to_string()).or_default() += packets;
        }
        account.other_files += report.other_files;
        let room = files::MAX_FILES_LISTED.saturating_sub(self.load.other_files.len());
        self.load.other_files.extend(report.other_names.iter().take(room).cloned());
    }

    /// An input could not be opened.
    pub(super) fn note_unopened(&mut self, since: usize, input: &Input, problem: &str) {
        tracing::info!("{input}: {problem}");
        if !self.one_source {
            let files = &mut self.load.files;
            files::enter_fault(files, since, &input.to_string(), problem.to_owned());
        }
    }

    /// A datagram was read. Gives the place of its file.
    pub(super) fn enter(&mut self, datagram: &Datagram<'_>) -> usize {
        self.load.account.datagrams += 1;
        self.exporters.of(datagram.exporter).datagrams += 1;
        if let Some(file) = self.file_mut() {
            file.datagrams += 1;
        }
        self.file.unwrap_or(usize::MAX)
    }

    /// It waits for a template.
    pub(super) fn waits(&mut self, datagram: &Datagram<'_>) {
        self.load.account.waiting_for_template += 1;
        self.exporters.of(datagram.exporter).waiting += 1;
    }

    /// It defines so many templates otherwise than other UDP ports of its exporter.
    pub(super) fn conflicts(&mut self, datagram: &Datagram<'_>, templates: u32) {
        if templates == 0 {
            return;
        }
        let known = &mut self.exporters.of(datagram.exporter).conflicting_templates;
        let is_first = *known == 0;
        *known += u64::from(templates);
        self.in_conflict += u64::from(is_first);
        if is_first && self.in_conflict <= MAX_LOGGED {
            tracing::warn!(
                "{}: UDP port {} defines a template otherwise than another port, in the same \
                 observation domain; what each sends is read by its own",
                datagram.exporter,
                datagram.src_port,
            );
        }
    }

    /// It need not wait any more.
    pub(super) fn waits_no_more(&mut self, datagram: &Datagram<'_>) {
        self.load.account.waiting_for_template -= 1;
        self.exporters.of(datagram.exporter).waiting -= 1;
    }

    /// There was no room for it to wait.
    pub(super) fn given_up(&mut self, datagram: &Datagram<'_>) {
        self.load.account.given_up += 1;
        self.exporters.of(datagram.exporter).given_up += 1;
    }

    /// It was met before, with so many records.
    pub(super) fn duplicate(&mut self, datagram: &Datagram<'_>, records: u64) {
        let account = &mut self.load.account;
        account.duplicate_datagrams += 1;
        account.duplicate_records += records;
        account.records += records;
        self.exporters.of(datagram.exporter).duplicates += 1;
    }

    /// It is decoded, but for a `fault`.
    pub(super) fn decoded(&mut self, datagram: &Datagram<'_>, fault: Option<Fault>) {
        let account = &mut self.load.account;
        let exporter = self.exporters.of(datagram.exporter);
        account.decoded += 1;
        exporter.decoded += 1;
        if let Some(fault) = fault {
            exporter.faulty += 1;
            count(&mut account.faulty, fault.label(), 1);
            if let Fault::Trailing { bytes } = fault {
                account.trailing_bytes += bytes as u64;
            }
        }
    }

    /// What became of its records. It is in the file at place `file`.
    pub(super) fn appended(&mut self, datagram: &Datagram<'_>, file: usize, appended: &Appended) {
        self.stored(file, appended);
        let account = &mut self.load.account;
        let exporter = self.exporters.of(datagram.exporter);
        account.records += appended.records;
        exporter.flows += appended.appended + appended.reverse;
        exporter.not_believed += appended.not_believed;
        for (reason, records) in appended.rejected() {
            count(&mut account.rejected, reason, records);
            exporter.rejected += records;
        }
    }

    /// Counts the flows that records of the file at this place became.
    fn stored(&mut self, file: usize, appended: &Appended) {
        let account = &mut self.load.account;
        account.stored += appended.appended;
        account.reverse += appended.reverse;
        account.clamped += appended.clamped;
        account.not_believed += appended.not_believed;
        account.shortened += appended.shortened;
        if let Some(file) = self.load.files.get_mut(file) {
            file.stored += appended.appended;
        }
    }

    /// A piece of the file that is being read is new.
    pub(super) fn piece(&mut self, piece: &Piece) {
        self.stored(self.file.unwrap_or(usize::MAX), &piece.appended);
        let account = &mut self.load.account;
        account.pieces += 1;
        account.records += piece.records();
        for (reason, records) in piece.rejected() {
            count(&mut account.rejected, reason, records);
        }
    }

    /// One was met before.
    pub(super) fn duplicate_piece(&mut self, piece: &Piece) {
        let account = &mut self.load.account;
        account.pieces += 1;
        account.duplicate_pieces += 1;
        account.records += piece.records();
        account.duplicate_records += piece.records();
    }

    /// A message of a topic is new.
    pub(super) fn message(&mut self, appended: &Appended) {
        self.stored(self.file.unwrap_or(usize::MAX), appended);
        let account = &mut self.load.account;
        account.messages += 1;
        account.records += appended.records;
        for (reason, records) in appended.rejected() {
            count(&mut account.rejected, reason, records);
        }
    }

    /// One with so many records was met before.
    pub(super) fn duplicate_message(&mut self, records: u64) {
        let account = &mut self.load.account;
        account.messages += 1;
        account.duplicate_messages += 1;
        account.records += records;
        account.duplicate_records += records;
    }

    /// One is none: it counts as a record. Says whether it is the first for this reason.
    pub(super) fn wrong_message(&mut self, reason: &str) -> bool {
        let account = &mut self.load.account;
        account.messages += 1;
        account.records += 1;
        count(&mut account.rejected, reason, 1) == 1
    }

    /// Something is wrong with the file that is being read.
    pub(super) fn wrong(&mut self, problem: String) {
        self.load.account.faults += 1;
        if let Some(file) = self.file_mut() {
            tracing::info!("{}: {problem}", file.path);
            file.fault.get_or_insert(problem);
        }
    }

    /// Something in it is not kept.
    pub(super) fn passed_over(&mut self, what: &str, times: u64) {
        let passed_over = &mut self.load.account.passed_over;
        let has_room = passed_over.len() < MAX_PASSED_OVER || passed_over.contains_key(what);
        count(passed_over, if has_room { what } else { OTHERS }, times);
    }

    /// So many of its flows, of this domain, came when nobody knew yet how its exporter samples.
    pub(super) fn before_rate(&mut self, datagram: &Datagram<'_>, domain: u32, flows: u64) {
        let key = (datagram.exporter, domain);
        if flows > 0
            && (self.before_rate.len() < MAX_DOMAINS || self.before_rate.contains_key(&key))
        {
            *self.before_rate.entry(key).or_default() += flows;
        }
    }

    /// Counts the flows that came before a rate that is known by now: of an exporter that tells
    /// none, all packets are seen, as far as anybody knows.
    pub(super) fn settle_rates(&mut self, is_known: impl Fn(IpAddr, u32) -> bool) {
        let mut counts: BTreeMap<IpAddr, u64> = BTreeMap::new();
        for (&(exporter, domain), flows) in &self.before_rate {
            if is_known(exporter, domain) {
                *counts.entry(exporter).or_default() += flows;
            }
        }
        for (exporter, flows) in counts {
            self.exporters.of(exporter).flows_before_rate = flows;
        }
        self.load.account.flows_before_rate =
            self.exporters.most(|exported| exported.flows_before_rate);
    }

    /// So many of its flows were moved back by so much.
    pub(super) fn moved(&mut self, datagram: &Datagram<'_>, by_ms: u64, flows: u64) {
        self.load.account.moved += flows;
        let exporter = self.exporters.of(datagram.exporter);
        exporter.moved += flows;
        if exporter.ahead(by_ms, datagram.received) {
            self.clocks_ahead += 1;
            if self.clocks_ahead <= MAX_LOGGED {
                tracing::warn!(
                    "{}: its clock is {} days ahead; its flows are moved to when they were received",
                    datagram.exporter,
                    by_ms / AHEAD_MS
                );
            }
        }
    }

    /// The clock by which it was sent is so far ahead of its receipt, or behind, and its flows stay.
    pub(super) fn clock_off(&mut self, datagram: &Datagram<'_>, ahead_ms: i64) {
        if self.exporters.of(datagram.exporter).off(ahead_ms, datagram.received) {
            self.clocks_off += 1;
            if self.clocks_off <= MAX_LOGGED {
                tracing::info!(
                    "{}: its clock is {} days {} the receipt",
                    datagram.exporter,
                    ahead_ms.unsigned_abs() / AHEAD_MS,
                    if ahead_ms > 0 { "ahead of" } else { "behind" }
                );
            }
        }
    }

    /// It could not be decoded.
    pub(super) fn undecoded(&mut self, datagram: &Datagram<'_>, error: DecodeError) {
        let account = &mut self.load.account;
        let exporter = self.exporters.of(datagram.exporter);
        if !error.is_flow_export() {
            account.not_flow_export += 1;
            exporter.not_flow_export += 1;
            return;
        }
        exporter.malformed += 1;
        let malformed = count(&mut account.malformed, error.label(), 1);
        if malformed <= MAX_LOGGED {
            let file = self.load.files.last();
            tracing::warn!(
                "{}: datagram {} from {}: {error}",
                file.map_or("", |file| &file.path),
                file.map_or(0, |file| file.datagrams),
                datagram.exporter,
            );
        }
    }

    /// Adds the times, octets and packets of `flows`, which are handed over.
    pub(super) fn sum_up(&mut self, flows: &FlowBatch) {
        let account = &mut self.load.account;
        account.octets += flows.octets.iter().map(|&octets| u128::from(octets)).sum::<u128>();
        account.packets += flows.packets.iter().map(|&packets| u128::from(packets)).sum::<u128>();
        let first = flows.first_ms.iter().min().map(|&first| UnixMillis(first));
        let last = flows
            .first_ms
            .iter()
            .zip(&flows.duration_ms)
            .map(|(&first, &duration)| UnixMillis(first) + u64::from(duration))
            .max();
        // `None` is less than any time.
        account.first = account.first.into_iter().chain(first).min();
        account.last = account.last.max(last);
    }
}

/// Adds to a count, and returns it.
fn count(counts: &mut BTreeMap<String, u64>, reason: &str, more: u64) -> u64 {
    if let Some(count) = counts.get_mut(reason) {
        *count += more;
        return *count;
    }
    *counts.entry(reason.to_owned()).or_insert(more)
}

fn new_load() -> Load {
    let started = UnixMillis::now();
    // Two loads of one store never run at once, but one may be copied into the ledger of another.
    let seed = format!("{started} {} {:?}", std::process::id(), Instant::now());
    Load {
        id: format!(
            "{}-{:08x}",
            started.timestamp().strftime("%Y%m%dT%H%M%SZ"),
            xxh3_64(seed.as_bytes()) as u32
        ),
        started,
        finished: None,
        interrupted: false,
        failure: None,
        files: Vec::new(),
        other_files: Vec::new(),
        topic: None,
        account: Account::default(),
    }
}

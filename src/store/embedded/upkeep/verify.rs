//! Reads a whole store, and holds everything in it against everything else (a scrub, fsck).

use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;
use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

use crate::flow::{Columns, FlowRecord, Names, Remembered, Source, Topic, UnixMillis, nat_leads};
use crate::row::Order;
use crate::store::embedded::checked;
use crate::store::embedded::folder::file_names::{LEDGER, NAMES, remembered_name};
use crate::store::embedded::folder::places::{PlaceRange, Places, tell_all};
use crate::store::embedded::folder::run_columns::RunColumns;
use crate::store::embedded::identities;
use crate::store::embedded::ledger;
use crate::store::embedded::run::file::RunFile;
use crate::store::embedded::run::merge::place;
use crate::store::embedded::run::reader::stretches;
use crate::store::embedded::snapshot::{EmbeddedSnapshot, OpenRun};
use crate::store::embedded::store::EmbeddedStore;
use crate::store::embedded::watchlists::verify_lists;
use crate::store::{Result, Scan, StoreError};

use super::verify_sums::verify_sums;

/// What was found in a store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verified {
    /// Flows, each counted once.
    pub flows: u64,
    /// Runs.
    pub runs: u64,
    /// Datagram identities.
    pub datagrams: u64,
    /// Loads in the ledger.
    pub loads: u64,
    /// Bytes of runs and identities.
    pub bytes: u64,
    /// A hash of all flows that does not depend on how runs are cut or when they were written: two
    /// stores that hold the same flows have the same digest.
    pub digest: String,
    /// Whether the digest lacks flows, for some could not be read.
    pub partial: bool,
    /// What is damaged, each with the file it is in.
    pub faults: Vec<String>,
    /// What could not be read, so that nothing can be said of it.
    pub unread: Vec<String>,
    /// What is no damage, and worth knowing.
    pub notes: Vec<String>,
}

/// What a check found.
#[derive(Debug)]
enum Finding {
    /// What is there is not what was written.
    Damage(StoreError),
    /// It could not be read, whatever the reason. It may be sound.
    Unreadable(StoreError),
    /// It is sound, and worth knowing.
    Note(String),
}

impl From<StoreError> for Finding {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Damaged { .. } => Self::Damage(error),
            _ => Self::Unreadable(error),
        }
    }
}

impl Verified {
    fn enter(&mut self, finding: impl Into<Finding>) {
        match finding.into() {
            Finding::Damage(error) => self.faults.push(told(&error)),
            Finding::Unreadable(error) => self.unread.push(told(&error)),
            Finding::Note(note) => self.notes.push(note),
        }
    }
}

/// What a run holds in one order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Content {
    rows: u64,
    digest: u64,
    first: Option<(UnixMillis, UnixMillis)>,
    longest_ms: u32,
    /// How often its flows are in the order of addresses behind a NAT, and the digest of these.
    behind_nat: (u64, u64),
}

impl EmbeddedStore {
    /// Checks every checksum, order and count of the store. Damage is no error here, nor is a file
    /// that cannot be read: that is what the report is for, and the rest is checked all the same.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the manifest itself cannot be read.
    pub fn verify(&self) -> Result<Verified> {
        let snapshot = self.open()?;
        let manifest = Arc::clone(snapshot.manifest());
        let mut found = Verified {
            flows: snapshot.manifest().flows(),
            runs: manifest.runs.len() as u64,
            bytes: manifest.bytes(),
            ..Verified::default()
        };
        let runs: Vec<(u64, Vec<StoreError>)> =
            snapshot.runs().par_iter().map(|run| verify_run(&snapshot, run)).collect();
        let mut digest = 0u64;
        for (run, faults) in runs {
            digest = digest.wrapping_add(run);
            found.partial |= !faults.is_empty();
            for fault in faults {
                found.enter(fault);
            }
        }
        found.digest = format!("{digest:016x}");
        for run in &manifest.runs {
            for column in run.columns.unknown() {
                found.enter(Finding::Note(format!(
                    "run {} has a column {column}, which this version does not know, and which is \
                     not in the digest",
                    run.number
                )));
            }
        }
        for file in &manifest.identities {
            match identities::verify(self.dir(), file) {
                Ok(()) => found.datagrams += file.count,
                Err(error) => found.enter(error),
            }
        }
        match ledger::read(self.dir()) {
            Ok(loads) => {
                found.loads = loads.len() as u64;
                if loads.is_empty() && found.flows > 0 {
                    found.enter(Finding::Note(lost_ledger(&self.dir().join(LEDGER))));
                }
            }
            Err(error) => found.enter(error),
        }
        if let Err(error) = checked::read::<Names>(&self.dir().join(NAMES)) {
            found.enter(error);
        }
        for name in Topic::ALL.map(remembered_name) {
            if let Err(error) = checked::read::<Remembered>(&self.dir().join(name)) {
                found.enter(error);
            }
        }
        for error in verify_lists(self.dir(), &manifest) {
            found.enter(error);
        }
        Ok(found)
    }
}

/// Says that the ledger tells nothing of the flows that are there.
fn lost_ledger(path: &Path) -> String {
    let state = if path.exists() { "is empty" } else { "is missing" };
    format!(
        "{}: {state}: the flows are all here, but when they were loaded, and from which files, is not known any more",
        path.display()
    )
}

/// An error with its causes, as one line.
fn told(error: &StoreError) -> String {
    let mut line = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        line.push_str(": ");
        line.push_str(&error.to_string());
        cause = error.source();
    }
    line
}

fn verify_run(snapshot: &EmbeddedSnapshot, run: &OpenRun) -> (u64, Vec<StoreError>) {
    let mut faults = Vec::new();
    let mut contents: Vec<(&RunFile, Content)> = Vec::new();
    for file in &run.files {
        match content(file, run.entry.sources.as_ref(), snapshot.sources()) {
            Ok(content) => contents.push((file, content)),
            Err(error) => faults.push(error),
        }
    }
    let entry = &run.entry;
    let of_ends = contents.iter().find(|(file, _)| file.order() != Order::Nat);
    let of_ends = of_ends.map(|&(_, content)| content).unwrap_or_default();
    let told =
        Content { rows: entry.rows, first: Some((entry.min_first, entry.max_first)), ..of_ends };
    let (led, of_nat) = of_ends.behind_nat;
    if led > 0 && run.file(Order::Nat).is_none() && snapshot.manifest().has_all_behind_nat(entry) {
        let lacks = "it has flows behind a NAT, and no file in the order of their addresses there";
        faults.extend(run.files.first().map(|file| file.damaged(lacks)));
    }
    for (file, content) in contents {
        let differs = if file.order() == Order::Nat {
            // Where no other file could be read, there is nothing to hold it against.
            if of_ends.rows == 0 || (content.rows, content.digest) == (led, of_nat) {
                continue;
            }
            "holds other flows than are behind a NAT in the same run".to_owned()
        } else if content.rows != told.rows {
            format!("{} flows, the manifest says {}", content.rows, told.rows)
        } else if content.first != told.first {
            "begins or ends at another time than the manifest says".to_owned()
        } else if entry.max_duration.is_some_and(|told| content.longest_ms > told) {
            "has flows that lasted longer than the manifest says".to_owned()
        } else if content.digest != told.digest {
            "holds other flows than the same run in the other order".to_owned()
        } else {
            continue;
        };
        faults.push(file.damaged(differs));
    }
    // Where flows cannot be read, there is nothing to hold sums against.
    if faults.is_empty() {
        faults.extend(verify_sums(snapshot, run));
    }
    (told.digest, faults)
}

fn content(
    file: &Arc<RunFile>,
    told: Option<&Vec<PlaceRange>>,
    sources: &Arc<Vec<Source>>,
) -> Result<Content> {
    file.check_magic()?;
    let order: Order = file.order();
    let columns = Columns::ALL | order.lead_columns();
    let scan = Arc::new(Scan { order, ..Scan::all(columns) });
    let mut content = Content::default();
    let mut before = None;
    let mut places = Places::none(sources.len());
    for stretch in stretches(file, &scan)? {
        for batch in stretch.read(Arc::clone(&scan), Arc::clone(sources)) {
            let batch = batch?;
            places.enter(batch.source.iter().copied());
            for row in 0..batch.len() {
                let place = place(&batch, row, order);
                if before.replace(place).is_some_and(|before| before > place) {
                    return Err(file.damaged(format!("row {} is out of order", content.rows)));
                }
                if batch.source[row] as usize >= sources.len() {
                    return Err(file.damaged(format!("row {} has an unknown source", content.rows)));
                }
                let flow = batch.record(row);
                let leads = nat_leads(batch.extras.get(row));
                let is_led = batch.nat_lead(row).is_some_and(|lead| leads.contains(&lead));
                if order == Order::Nat && !is_led {
                    return Err(file.damaged(format!("row {} is led by another", content.rows)));
                }
                let digest = digest(&flow, batch.extras.get(row));
                content.rows += 1;
                content.digest = content.digest.wrapping_add(digest);
                let (led, of_nat) = &mut content.behind_nat;
                *led += leads.len() as u64;
                *of_nat = of_nat.wrapping_add(digest.wrapping_mul(leads.len() as u64));
                let (min, max) = content.first.unwrap_or((flow.first, flow.first));
                content.first = Some((min.min(flow.first), max.max(flow.first)));
                content.longest_ms = content.longest_ms.max(flow.duration_ms);
            }
        }
    }
    if !tell_all(told, &places) {
        return Err(file.damaged("it refers to sources that the manifest does not tell of it"));
    }
    Ok(content)
}

/// The numbers that a flow has in columns that came later, which are zero in all flows of runs that
/// lack them: they count only where they say something, so that a store keeps its digest.
fn later_numbers(flow: &FlowRecord, bytes: &mut Vec<u8>) {
    let numbers = flow.numbers(0);
    for column in Columns::ALL.without(RunColumns::BASE).iter() {
        if column.kind().number_bytes().is_some() && numbers[column] != 0 {
            bytes.extend_from_slice(column.name().as_bytes());
            bytes.extend_from_slice(&numbers[column].to_be_bytes());
        }
    }
}

/// A hash of everything that is known of a flow.
fn digest(flow: &FlowRecord, extras: &[u8]) -> u64 {
    let mut bytes = Vec::with_capacity(160);
    bytes.extend_from_slice(extras);
    for address in [flow.src, flow.dst, flow.next_hop, flow.source.exporter] {
        match address {
            std::net::IpAddr::V4(address) => bytes.extend_from_slice(&address.octets()),
            std::net::IpAddr::V6(address) => bytes.extend_from_slice(&address.octets()),
        }
    }
    for long in [flow.first.0, flow.octets, flow.packets] {
        bytes.extend_from_slice(&long.to_be_bytes());
    }
    for word in [
        flow.duration_ms,
        flow.input,
        flow.output,
        flow.src_as,
        flow.dst_as,
        flow.source.engine,
        flow.source.sampling.interval,
        u32::from(flow.src_port) << 16 | u32::from(flow.dst_port),
    ] {
        bytes.extend_from_slice(&word.to_be_bytes());
    }
    bytes.extend_from_slice(&[
        flow.protocol.0,
        flow.tcp_flags,
        flow.tos,
        flow.src_mask,
        flow.dst_mask,
        flow.source.sampling.mode,
    ]);
    later_numbers(flow, &mut bytes);
    xxh3_64(&bytes)
}

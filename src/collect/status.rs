//! How a collector stands, also for those who ask from another process.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::net::{IpAddr, SocketAddr};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;

use serde::{Deserialize, Serialize};

use super::receive::Turned;
use super::spool::{self, Spool, Unread, Usage};
use super::tee::TeeStatus;
use super::{Failing, Shared};
use crate::capture::{self, Datagram, Input};
use crate::flow::{SequenceUnit, Unit, UnixMillis};
use crate::load::Exported;
use crate::store::StoreError;
use crate::store::durable::NewFile;

const STATUS: &str = "status.json";

/// So many segments that could not be read are told one by one.
const MAX_UNREAD_TOLD: usize = 10;

/// How a collector stands. As JSON, times are RFC 3339 in UTC.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Whether it works.
    pub state: State,
    /// What of it does not, where it has failed.
    #[serde(default)]
    pub failure: Option<String>,
    /// Its process.
    pub process: u32,
    /// When it began.
    #[serde(with = "crate::flow::text")]
    pub started: UnixMillis,
    /// When this was so.
    #[serde(with = "crate::flow::text")]
    pub written: UnixMillis,
    /// When nothing was received before it began, if there was a collector before it.
    pub gap: Option<Gap>,
    /// Where the flows go.
    pub store: StoreStatus,
    /// What waits to be loaded.
    pub spool: SpoolStatus,
    /// Where it listens.
    pub sockets: Vec<SocketStatus>,
    /// To whom is sent on what came.
    #[serde(default)]
    pub tees: Vec<TeeStatus>,
    /// Who sends.
    pub exporters: Vec<ExporterStatus>,
    /// Datagrams of all of them that could not be decoded, by reason.
    #[serde(default)]
    pub malformed: BTreeMap<String, u64>,
    /// Whose sequence numbers count something else than their format says.
    #[serde(default)]
    pub sequence_units: Vec<SequenceUnit>,
}

/// Whether a collector works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// It does.
    Running,
    /// A thread of it ended by a panic. What it received and did not load is in the spool.
    Failed,
    /// It ended in good order.
    Stopped,
    /// It ended without saying so: it was killed, or the machine was.
    Killed,
}

/// A time in which nothing was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Gap {
    /// The last sign of life of the collector before.
    #[serde(with = "crate::flow::text")]
    pub from: UnixMillis,
    /// When this one began.
    #[serde(with = "crate::flow::text")]
    pub to: UnixMillis,
    /// Whether the one before was killed, so that what it had received and not yet written is lost.
    pub killed: bool,
}

/// How the store stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoreStatus {
    /// Its name.
    pub name: String,
    /// How often flows were committed.
    pub commits: u64,
    /// When they were last.
    #[serde(with = "crate::flow::text_or_null")]
    pub last_commit: Option<UnixMillis>,
    /// What it says, if it fails.
    pub failure: Option<String>,
    /// Since when it fails.
    #[serde(with = "crate::flow::text_or_null")]
    pub failing_since: Option<UnixMillis>,
}

/// How the spool stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SpoolStatus {
    /// Its folder.
    pub folder: PathBuf,
    /// Files that are not loaded yet.
    pub segments: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// So many bytes there may be.
    pub limit_bytes: u64,
    /// Files of those that could not be read. They stay, and are tried again.
    #[serde(default)]
    pub unread_segments: u64,
    /// The first ten of these.
    #[serde(default)]
    pub unread: Vec<UnreadSegment>,
    /// Why what waits for a template cannot be kept; segments that are in the store stay meanwhile.
    #[serde(default)]
    pub failure: Option<String>,
    /// Since when not.
    #[serde(default, with = "crate::flow::text_or_null")]
    pub failing_since: Option<UnixMillis>,
}

/// A file of the spool that could not be read to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UnreadSegment {
    /// The file.
    pub file: PathBuf,
    /// Why not.
    pub failure: String,
    /// Since when it is tried.
    #[serde(with = "crate::flow::text")]
    pub since: UnixMillis,
}

impl From<Unread> for UnreadSegment {
    fn from(unread: Unread) -> Self {
        let Unread { segment, problem: failure, since } = unread;
        Self { file: segment.path, failure, since }
    }
}

/// What came at an address, over all sockets that share it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SocketStatus {
    /// Where it listens.
    pub address: SocketAddr,
    /// Datagrams received.
    pub datagrams: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// Datagrams that the system dropped, because they were not taken in time.
    pub kernel_drops: u64,
    /// Bytes of datagrams that the system keeps.
    pub buffer_bytes: u64,
    /// When one came last.
    #[serde(with = "crate::flow::text_or_null")]
    pub last_received: Option<UnixMillis>,
}

/// What came from an exporter. What is in the spool yet is counted when it is loaded.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExporterStatus {
    /// Its address; none for all those together that are too many to be told apart.
    pub exporter: Option<IpAddr>,
    /// What was loaded.
    #[serde(flatten)]
    pub exported: Exported,
    /// What its sequence numbers say was sent and never came, by what they count.
    pub lost: BTreeMap<String, u64>,
    /// Datagrams refused, because nobody wants to hear of this exporter.
    pub refused: u64,
    /// Datagrams dropped, because the spool was full or could not be written.
    pub spool_drops: u64,
}

impl Shared {
    pub(super) fn status(&self, state: State) -> Status {
        let Usage { segments, bytes } = self.spool.usage();
        let mut exporters: BTreeMap<Option<IpAddr>, ExporterStatus> = BTreeMap::new();
        let mut sockets: BTreeMap<SocketAddr, SocketStatus> = BTreeMap::new();
        for socket in &self.sockets {
            let intake = socket.intake.lock().unwrap_or_else(PoisonError::into_inner);
            let entry = sockets.entry(socket.address).or_insert_with(|| SocketStatus {
                address: socket.address,
                datagrams: 0,
                bytes: 0,
                kernel_drops: 0,
                buffer_bytes: 0,
                last_received: None,
            });
            entry.datagrams += intake.datagrams;
            entry.bytes += intake.bytes;
            entry.kernel_drops += intake.kernel_drops;
            entry.buffer_bytes += socket.buffer_bytes as u64;
            entry.last_received = entry.last_received.max(intake.last);
            for (exporter, Turned { refused, dropped }) in intake.turned.iter() {
                let entry = exporters.entry(exporter).or_default();
                entry.refused += refused;
                entry.spool_drops += dropped;
            }
        }
        let told = self.told();
        for &(exporter, exported) in &told.exporters {
            exporters.entry(exporter).or_default().exported = exported;
        }
        for lost in &told.account.lost {
            // An exporter that names another's address in its export has no entry of its own.
            let entry = exporters.entry(Some(lost.exporter)).or_default();
            *entry.lost.entry(unit(lost.unit)).or_default() += lost.count;
        }
        for (exporter, entry) in &mut exporters {
            entry.exporter = *exporter;
        }
        let parts = |failing: &Option<Failing>| {
            failing.clone().map(|Failing { why, since }| (why, since)).unzip()
        };
        let (failure, failing_since) = parts(&told.failing);
        let (spool_failure, spool_failing_since) = parts(&told.spool_failing);
        let mut unread = self.spool.unread();
        let unread_segments = unread.len() as u64;
        unread.sort_unstable_by_key(|unread| unread.segment.number);
        unread.truncate(MAX_UNREAD_TOLD);
        Status {
            state,
            failure: None,
            process: std::process::id(),
            started: self.started,
            written: UnixMillis::now(),
            gap: self.gap,
            store: StoreStatus {
                name: self.store.clone(),
                commits: told.commits,
                last_commit: told.last_commit,
                failure,
                failing_since,
            },
            spool: SpoolStatus {
                folder: self.spool.dir().to_owned(),
                segments,
                bytes,
                limit_bytes: self.spool.limit_bytes(),
                unread_segments,
                unread: unread.into_iter().map(UnreadSegment::from).collect(),
                failure: spool_failure,
                failing_since: spool_failing_since,
            },
            sockets: sockets.into_values().collect(),
            tees: self.tees.status(),
            exporters: exporters.into_values().collect(),
            malformed: told.account.malformed.clone(),
            sequence_units: told.account.sequence_units.clone(),
        }
    }
}

fn unit(unit: Unit) -> String {
    unit.to_string()
}

/// How the collector stands, or stood, whose spool is in `dir`; none if there never was one.
///
/// # Errors
///
/// What the system has against it, and [`ErrorKind::InvalidData`] for what no collector wrote.
pub fn read(dir: &Path) -> io::Result<Option<Status>> {
    let text = match fs::read(dir.join(STATUS)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        text => text?,
    };
    let mut status: Status = serde_json::from_slice(&text)?;
    if status.state == State::Running && !spool::is_in_use(dir) {
        status.state = State::Killed;
    }
    Ok(Some(status))
}

/// Writes `status` beside the spool, in one step.
pub(super) fn write(dir: &Path, status: &Status) -> io::Result<()> {
    let mut file = NewFile::create_alone(&dir.join(STATUS)).map_err(StoreError::into_io)?;
    file.write_all(&serde_json::to_vec_pretty(status)?)?;
    file.finish_unsynced().map_err(StoreError::into_io)
}

/// When the collector that had `spool` before was last seen alive.
pub(super) fn gap(spool: &Spool, now: UnixMillis) -> Option<Gap> {
    let before = read(spool.dir()).unwrap_or_else(|error| {
        tracing::warn!("{}: {error}", spool.dir().join(STATUS).display());
        None
    });
    // One that failed closed its sockets in good order, too.
    let ended = |before: &Status| matches!(before.state, State::Stopped | State::Failed);
    let stopped = before.as_ref().is_some_and(ended);
    // The last one may hold what waited for a template, which is older.
    let left = spool.oldest(u64::MAX);
    let newest = left.iter().rev().take(2);
    let received = newest.filter_map(|segment| last_received(&segment.path)).max();
    let seen = before.map(|before| before.written).max(received)?;
    Some(Gap { from: seen, to: now, killed: !stopped })
}

/// When the last datagram of a segment came.
fn last_received(segment: &Path) -> Option<UnixMillis> {
    let mut last = None;
    let mut sink = |datagram: &Datagram<'_>| {
        last = Some(datagram.received);
        ControlFlow::Continue(())
    };
    // What cannot be read is told when it is loaded.
    let _ = capture::read(&Input::File(segment.to_owned()), &AtomicU64::new(0), &mut sink);
    last
}

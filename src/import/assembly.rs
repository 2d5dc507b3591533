//! Records become pieces.

use std::collections::{BTreeMap, HashMap};
use std::mem::take;
use std::net::IpAddr;
use std::ops::Range;

use xxhash_rust::xxh3::Xxh3;

use super::draft::Draft;
use super::{Options, Piece};
use crate::flow::{
    DatagramId, Family, FlowBatch, Sampling, Source, UnixMillis, canonical, saturated_u16,
    saturated_u32,
};
use crate::netflow::{DataRecord, ExportPacket, Records, Stamp};
use crate::normalise::{Appended, Batches, FlowBuilder};

/// So many records are in a piece at most. The way back of a record counts beyond all of a
/// datagram's, of which there may be 65,536.
pub const MAX_PIECE_RECORDS: usize = 8192;

/// So many pieces of a file are remembered, to tell equal ones apart; then it is forgotten which
/// there were.
const MAX_PIECES_MET: usize = 1 << 20;

/// Collects the records of a piece.
pub(super) struct Assembly {
    /// Whose flows are, of which nothing is said.
    exporter: IpAddr,
    builder: FlowBuilder,
    records: Vec<DataRecord>,
    /// Of which source the records are up to a place.
    sources: Vec<(Source, usize)>,
    extras: Vec<u8>,
    malformed: BTreeMap<&'static str, u64>,
    /// Of the format and of the bytes of every record.
    hash: Xxh3,
    format: &'static str,
    /// How often a piece of this hash was in the file.
    met: HashMap<u64, u64>,
}

impl Assembly {
    pub(super) fn new(format: &'static str, options: &Options) -> Self {
        let mut builder = FlowBuilder::new();
        builder.set_rates(options.rates.clone());
        let mut hash = Xxh3::new();
        hash.update(format.as_bytes());
        Self {
            exporter: options.exporter.map_or(Source::UNKNOWN.exporter, canonical),
            builder,
            records: Vec::new(),
            sources: Vec::new(),
            extras: Vec::new(),
            malformed: BTreeMap::new(),
            hash,
            format,
            met: HashMap::new(),
        }
    }

    /// Takes a record whose bytes in the file are these.
    pub(super) fn take(&mut self, bytes: &[u8], draft: &Draft) {
        self.note(bytes);
        let from = saturated_u32(self.extras.len());
        self.extras.extend_from_slice(&draft.extras);
        let extras = (from, saturated_u32(self.extras.len()));
        let told = canonical(draft.source.exporter);
        let exporter = if told.is_unspecified() { self.exporter } else { told };
        let source = Source { exporter, ..draft.source };
        self.records.push(DataRecord { extras, ..draft.record });
        let until = self.records.len();
        match self.sources.last_mut() {
            Some((last, end)) if *last == source => *end = until,
            _ => {
                self.sources.push((source, until));
                // What a record says by the numbers of others.
                let Sampling { mode, interval } = source.sampling;
                self.note(format!("{exporter} {} {mode} {interval}", source.engine).as_bytes());
            }
        }
    }

    /// Takes a record of these bytes that cannot be read.
    pub(super) fn reject(&mut self, bytes: &[u8], reason: &'static str) {
        self.note(bytes);
        *self.malformed.entry(reason).or_default() += 1;
    }

    /// Bytes with which the identity of a piece differs.
    fn note(&mut self, bytes: &[u8]) {
        // The length keeps apart what would be the same bytes otherwise.
        self.hash.update(&(bytes.len() as u64).to_le_bytes());
        self.hash.update(bytes);
    }

    pub(super) fn is_full(&self) -> bool {
        let malformed: u64 = self.malformed.values().sum();
        self.records.len() as u64 + malformed >= MAX_PIECE_RECORDS as u64
    }

    /// The piece of what was taken, if that is anything; what is taken next is of another one.
    pub(super) fn finish(&mut self) -> Option<Piece> {
        if self.records.is_empty() && self.malformed.is_empty() {
            return None;
        }
        let id = self.identity();
        let (mut v4, mut v6) = (FlowBatch::new(Family::V4), FlowBatch::new(Family::V6));
        let mut appended = Appended::default();
        let mut from = 0;
        for (source, until) in take(&mut self.sources) {
            let mut to = Batches { v4: &mut v4, v6: &mut v6 };
            appended.add(&self.append(source, from..until, id, &mut to));
            from = until;
        }
        self.records.clear();
        self.extras.clear();
        let sources = self.builder.take_sources();
        v4.sources.clone_from(&sources);
        v6.sources = sources;
        let malformed = take(&mut self.malformed).into_iter().collect();
        Some(Piece { id, v4, v6, appended, malformed })
    }

    /// Appends the records at these places, which are of one source.
    fn append(
        &mut self,
        source: Source,
        places: Range<usize>,
        id: DatagramId,
        to: &mut Batches<'_>,
    ) -> Appended {
        let first_index = places.start;
        let records = self.records.get(places).unwrap_or_default();
        let packet = packet(source, records, &self.extras, first_index);
        self.builder.append(&packet, source.exporter, 0, id, to)
    }

    fn identity(&mut self) -> DatagramId {
        let content = self.hash.digest();
        if self.met.len() >= MAX_PIECES_MET {
            self.met.clear();
        }
        let before = self.met.entry(content).or_default();
        self.hash.update(&before.to_le_bytes());
        *before += 1;
        let hash = self.hash.digest();
        self.hash.reset();
        self.hash.update(self.format.as_bytes());
        let latest = self.records.iter().map(began).max();
        let exported_secs = saturated_u32(latest.unwrap_or_default().0 / 1000);
        DatagramId { exported_secs, hash }
    }
}

/// Records of one source, with their elements, as a packet that was exported.
pub(crate) fn packet<'a>(
    source: Source,
    records: &'a [DataRecord],
    extras: &'a [u8],
    first_index: usize,
) -> ExportPacket<'a> {
    ExportPacket {
        exporter: None,
        // It is not known when they were exported: any time of theirs is believed.
        exported_secs: 0,
        exported_nanos: 0,
        uptime_ms: None,
        engine: source.engine,
        sampling: source.sampling,
        rate_unknown: false,
        sequence: None,
        records: Records::Data(records, extras),
        first_index: saturated_u16(first_index),
        missing: 0,
        fault: None,
    }
}

/// When a flow began, as far as the file says it.
fn began(record: &DataRecord) -> UnixMillis {
    match record.first.or(record.last) {
        Some(Stamp::Unix(time)) => time,
        _ => record.observed.unwrap_or_default(),
    }
}

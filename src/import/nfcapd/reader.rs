//! From bytes to blocks, from blocks to records, from records to pieces.

use std::collections::BTreeMap;
use std::mem::take;
use std::ops::ControlFlow;

use super::block::{BlockHeader, HEADER_BYTES, OF_RECORDS};
use super::exporters::{Exporter, Exporters};
use super::fields::{Bytes, Told};
use super::header::{self, Header};
use super::layout1::{self, Maps};
use super::layout2;
use super::names::FileNames;
use crate::flow::{Sampling, Source};
use crate::import::assembly::Assembly;
use crate::import::draft::Draft;
use crate::import::{Import, Options, Pieces};

/// Records by their types; those of names are in `names.rs`.
const MAP: u16 = 2;
const EXPORTER: u16 = 7;
const EXPORTER_COUNTS: u16 = 8;
const SAMPLER_OF_ONE: u16 = 9;
const FLOW_OF_ONE: u16 = 10;
const FLOW: u16 = 11;
const SAMPLER: u16 = 15;

/// Reads one file.
pub(in crate::import) struct Nfcapd {
    /// What came and is not a whole header or block yet.
    waiting: Vec<u8>,
    stage: Stage,
    records: RecordReader,
}

/// What comes next.
#[derive(Debug, Clone, Copy)]
enum Stage {
    /// What is needed to know how long the header is.
    Start,
    Header(usize),
    BlockHeader(Blocks),
    Block(Blocks, BlockHeader),
    /// Nothing that is read: behind the blocks lies what nfdump keeps of itself.
    Over,
}

/// Which blocks there are.
#[derive(Debug, Clone, Copy)]
struct Blocks {
    header: Header,
    /// So many were read.
    done: u32,
}

impl Blocks {
    /// What follows once `done` are read.
    const fn next(header: Header, done: u32) -> Stage {
        if done >= header.blocks { Stage::Over } else { Stage::BlockHeader(Self { header, done }) }
    }
}

impl Nfcapd {
    pub(in crate::import) fn new(options: &Options) -> Self {
        let records = RecordReader {
            assembly: Assembly::new("nfcapd", options),
            draft: Draft::default(),
            exporters: Exporters::default(),
            maps: Maps::default(),
            names: FileNames::new(options.exporter),
        };
        Self { waiting: Vec::new(), stage: Stage::Start, records }
    }

    /// Takes a whole header or block; `Err` says what ends the reading.
    fn step(&mut self, bytes: &[u8], to: &mut dyn Pieces) -> Result<ControlFlow<()>, String> {
        let done = ControlFlow::Continue(());
        self.stage = match self.stage {
            Stage::Start => Stage::Header(header::bytes(bytes)?),
            Stage::Header(_) => Blocks::next(Header::read(bytes)?, 0),
            Stage::BlockHeader(blocks) => {
                let Some(block) = BlockHeader::read(bytes) else {
                    to.damaged();
                    let number = blocks.done + 1;
                    return Err(format!("block {number} is longer than any: the rest is not read"));
                };
                Stage::Block(blocks, block)
            }
            Stage::Block(blocks, block) => {
                self.stage = Blocks::next(blocks.header, blocks.done + 1);
                return Ok(self.block(bytes, blocks, block, to));
            }
            Stage::Over => Stage::Over,
        };
        Ok(done)
    }

    fn block(
        &mut self,
        bytes: &[u8],
        Blocks { header, done }: Blocks,
        block: BlockHeader,
        to: &mut dyn Pieces,
    ) -> ControlFlow<()> {
        if !OF_RECORDS.contains(&block.kind) {
            to.passed_over(format!("nfdump block {}", block.kind), 1);
            return ControlFlow::Continue(());
        }
        let Some(records) = header.compression.open(bytes) else {
            to.damaged();
            to.wrong(format!("block {}: what is compressed is damaged", done + 1));
            return ControlFlow::Continue(());
        };
        self.records.read(&records, (done + 1, block.records), to)
    }

    /// How many bytes are wanted next; None where no more are.
    const fn wanted(&self) -> Option<usize> {
        match self.stage {
            Stage::Start => Some(header::START_BYTES),
            Stage::Header(bytes) => Some(bytes),
            Stage::BlockHeader(_) => Some(HEADER_BYTES),
            Stage::Block(_, block) => Some(block.bytes),
            Stage::Over => None,
        }
    }
}

impl Import for Nfcapd {
    fn bytes(&mut self, bytes: &[u8], to: &mut dyn Pieces) -> ControlFlow<()> {
        let mut waiting = take(&mut self.waiting);
        waiting.extend_from_slice(bytes);
        let mut at = 0;
        while let Some(bytes) = self.wanted().and_then(|wanted| waiting.get(at..at + wanted)) {
            // The header is as long as it says at its start.
            at += if matches!(self.stage, Stage::Start) { 0 } else { bytes.len() };
            match self.step(bytes, to) {
                Ok(flow) => flow?,
                Err(problem) => {
                    to.wrong(problem);
                    self.stage = Stage::Over;
                }
            }
        }
        if self.wanted().is_some() {
            waiting.drain(..at);
            self.waiting = waiting;
        }
        ControlFlow::Continue(())
    }

    fn end(&mut self, to: &mut dyn Pieces) -> ControlFlow<()> {
        self.records.names.give(to);
        match self.stage {
            Stage::Over => {}
            Stage::Start | Stage::Header(_) => to.wrong("cut in its header".to_owned()),
            Stage::BlockHeader(blocks) | Stage::Block(blocks, _) => {
                to.damaged();
                let Blocks { header, done } = blocks;
                to.wrong(format!("cut in block {} of {}", done + 1, header.blocks));
            }
        }
        ControlFlow::Continue(())
    }
}

/// Reads the records of blocks.
struct RecordReader {
    assembly: Assembly,
    draft: Draft,
    exporters: Exporters,
    maps: Maps,
    names: FileNames,
}

impl RecordReader {
    /// Reads the records of the block of this number, which says that it has so many.
    fn read(
        &mut self,
        mut block: &[u8],
        (number, declared): (u32, u32),
        to: &mut dyn Pieces,
    ) -> ControlFlow<()> {
        let mut unknown = BTreeMap::new();
        for place in 0..declared {
            let bytes = Bytes(block);
            let length = bytes.u16(2).map_or(0, usize::from);
            let Some((record, rest)) = block.split_at_checked(length).filter(|_| length >= 4)
            else {
                let (place, left) = (place + 1, declared - place);
                to.wrong(format!("block {number}: record {place} ends outside of it"));
                // Nobody knows which of these are flows.
                *unknown.entry("nfdump records behind damage".to_owned()).or_default() +=
                    u64::from(left);
                break;
            };
            block = rest;
            if !self.record(bytes.u16(0).unwrap_or(0), record, &mut unknown) {
                to.wrong(format!("block {number}: record {} is cut", place + 1));
            }
            if self.assembly.is_full()
                && let Some(piece) = self.assembly.finish()
            {
                to.piece(piece)?;
            }
        }
        for (what, times) in unknown {
            to.passed_over(what, times);
        }
        self.assembly.finish().map_or(ControlFlow::Continue(()), |piece| to.piece(piece))
    }

    /// Takes a record, and counts what of it is not kept; whether it is whole.
    fn record(&mut self, kind: u16, record: &[u8], unknown: &mut BTreeMap<String, u64>) -> bool {
        let is_whole = match kind {
            FLOW => return self.flow(record, unknown),
            FLOW_OF_ONE => return self.flow_of_one(record),
            MAP => self.maps.take(record),
            EXPORTER => self.exporters.take_info(record),
            SAMPLER => self.exporters.take_sampler(record),
            SAMPLER_OF_ONE => self.exporters.take_sampler_of_one(record),
            EXPORTER_COUNTS => {
                *unknown.entry("nfdump counts of an exporter".to_owned()).or_default() += 1;
                Some(())
            }
            other => {
                let is_whole = self.names.take(other, record).unwrap_or_else(|| {
                    *unknown.entry(format!("nfdump record {other}")).or_default() += 1;
                    true
                });
                is_whole.then_some(())
            }
        };
        is_whole.is_some()
    }

    fn flow(&mut self, record: &[u8], unknown: &mut BTreeMap<String, u64>) -> bool {
        let mut told = Told::default();
        self.draft.clear();
        let read = layout2::read(record, &mut self.draft, &mut told, |extension| {
            *unknown.entry(format!("nfdump extension {extension}")).or_default() += 1;
        });
        let is_whole = read == layout2::Read::Whole;
        let version = layout2::version(record).into();
        self.take(record, &told, (version, layout2::is_multiplied(record)), is_whole)
    }

    fn flow_of_one(&mut self, record: &[u8]) -> bool {
        let mut told = Told::default();
        self.draft.clear();
        let read = layout1::read(record, &self.maps, &mut self.draft, &mut told);
        self.take(record, &told, (0, layout1::is_multiplied(record)), read.is_some())
    }

    /// Takes a flow that came in an export of this version, if it `is_whole`.
    fn take(
        &mut self,
        record: &[u8],
        told: &Told,
        (version, is_multiplied): (u32, bool),
        is_whole: bool,
    ) -> bool {
        if !is_whole {
            self.assembly.reject(record, "cut");
            return false;
        }
        let exporter = self.exporters.of(told.number);
        self.draft.source = source(told, exporter, version, is_multiplied);
        self.names.met(self.draft.source.exporter);
        self.assembly.take(record, &self.draft);
        true
    }
}

/// Exports of version 9 name their source, those of IPFIX their domain, and those of sFlow an agent
/// by its number.
const OF_DOMAINS: [u32; 3] = [9, 10, 9999];

/// Who exported a flow, by what its record and other records tell.
fn source(told: &Told, known: Exporter, version: u32, is_multiplied: bool) -> Source {
    let [kind, id] = told.engine.map(u32::from);
    let version = if known.version == 0 { version } else { known.version };
    let engine = match told.domain {
        _ if !OF_DOMAINS.contains(&version) => kind << 8 | id,
        _ if known.domain != 0 => known.domain,
        Some(domain) => domain,
        None => kind << 8 | id,
    };
    // Its counters are what they would be without sampling, and are not to be multiplied again.
    let sampling = if is_multiplied { Sampling::default() } else { known.sampling };
    let exporter = told.exporter.or(known.address).unwrap_or(Source::UNKNOWN.exporter);
    Source { exporter, engine, sampling }
}

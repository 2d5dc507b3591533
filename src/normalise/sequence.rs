//! What was exported and never arrived, told by the sequence numbers of the exports.
//!
//! A sequence number says how many flows, packets or records an engine exported before: which of
//! these is the format's choice, its [`Unit`]; some exporters count otherwise, which the steps from
//! one packet to the next tell. What is kept is which of these numbers were seen, so it does not
//! matter in which order the datagrams come, or the files that they are in; numbers seen twice count
//! once. What lies between numbers seen, and was not seen itself, is lost.

mod runs;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use runs::Runs;
pub use runs::{MAX_GAPS, MAX_LEAP, MAX_UNCONFIRMED_LEAP};

use super::ExportClock;
use crate::flow::{Lost, Seldom, SequenceUnit, Unit, UnixMillis, giving_way};

/// So many streams are followed. For more, those are forgotten that were not heard of for longest,
/// first of senders that have most; what they lost goes on being told, of as many exporters' engines.
pub const MAX_STREAMS: usize = 16_384;
/// Room is made for so many at once.
const ROOM: usize = MAX_STREAMS / 8;

/// The numbers of a stream are taken to count otherwise than its format says once so many steps from
/// one packet to the next say so, and fewer say the other thing.
const TELLING_STEPS: u32 = 2;

/// Whose sequence numbers count on from each other.
///
/// The UDP port is part of it: two processes on one host may both call themselves engine 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Stream {
    pub(super) exporter: IpAddr,
    pub(super) engine: u32,
    pub(super) src_port: u16,
    pub(super) unit: Unit,
}

/// The sequence numbers of one export packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// The first one, modulo 2³².
    pub(super) from: u32,
    /// How many there are.
    pub(super) count: u32,
    /// How many there are if they count [`Unit::otherwise`], where that is known.
    pub(super) otherwise: Option<u32>,
}

/// What the header of an export says of the exporter's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// When it was exported, and how long the exporter had been up.
    Clock(ExportClock),
    /// When it was exported, and no more (IPFIX).
    Time(UnixMillis),
}

impl Told {
    fn exported(self) -> UnixMillis {
        match self {
            Self::Clock(clock) => clock.exported(),
            Self::Time(exported) => exported,
        }
    }

    /// When the exporter started, modulo 2³² ms; None if it does not tell.
    fn start_ms(self) -> Option<u32> {
        match self {
            Self::Clock(clock) => Some(clock.start_ms()),
            Self::Time(_) => None,
        }
    }
}

/// The sequence numbers of every stream.
#[derive(Debug, Clone, Default)]
pub(super) struct Sequences {
    streams: HashMap<Stream, Followed>,
    /// Rises with all that is heard.
    heard: u64,
    /// What was lost in streams that are not followed any more, with who sent them.
    before: HashMap<Engine, (IpAddr, u64)>,
}

/// What an exporter's engine counts.
type Engine = (IpAddr, u32, Unit);

/// A stream that is followed.
#[derive(Debug, Clone)]
struct Followed {
    /// Who sends it. The exporter may be a word of sFlow's, so the room that it takes is the sender's.
    sender: IpAddr,
    /// When it was heard of last, as [`Sequences::heard`] counts.
    heard: u64,
    /// What came last.
    last: Span,
    /// How many steps from one packet to the next were as the format says, and how many as long as
    /// they are if it counts otherwise.
    steps: (u32, u32),
    runs: Runs,
    /// What was seen if it counts otherwise, since a step first said so.
    otherwise: Option<Box<Runs>>,
}

impl Followed {
    fn new(sender: IpAddr, heard: u64, told: Told, span: Span) -> Self {
        let mut runs = Runs::default();
        runs.observe(told, span);
        Self { sender, heard, last: span, steps: (0, 0), runs, otherwise: None }
    }

    fn observe(&mut self, told: Told, span: Span) {
        let last = std::mem::replace(&mut self.last, span);
        let step = span.from.wrapping_sub(last.from);
        if last.otherwise != Some(last.count) && step > 0 {
            if step == last.count {
                self.steps.0 = self.steps.0.saturating_add(1);
            } else if last.otherwise == Some(step) {
                self.steps.1 = self.steps.1.saturating_add(1);
                if self.otherwise.is_none() {
                    let mut runs = Box::<Runs>::default();
                    runs.observe(told, Span { count: step, ..last });
                    self.otherwise = Some(runs);
                }
            }
        }
        self.runs.observe(told, span);
        if let (Some(runs), Some(count)) = (&mut self.otherwise, span.otherwise) {
            runs.observe(told, Span { count, ..span });
        }
    }

    /// What was seen if it counts otherwise, where its steps say that it does.
    fn counted_otherwise(&self) -> Option<&Runs> {
        let (usual, otherwise) = self.steps;
        self.otherwise.as_deref().filter(|_| otherwise >= TELLING_STEPS && otherwise > usual)
    }

    /// What is lost of `stream`, which this is, and in which unit.
    fn lost(&self, stream: &Stream) -> (Engine, u64) {
        let (unit, runs) = match self.counted_otherwise() {
            Some(runs) => (stream.unit.otherwise(), runs),
            None => (stream.unit, &self.runs),
        };
        ((stream.exporter, stream.engine, unit), runs.lost())
    }
}

impl Sequences {
    /// Notes that the numbers of `span` were seen in `stream`, which `sender` sent.
    pub(super) fn observe(&mut self, sender: IpAddr, stream: Stream, told: Told, span: Span) {
        self.heard += 1;
        if let Some(followed) = self.streams.get_mut(&stream) {
            followed.heard = self.heard;
            followed.observe(told, span);
            return;
        }
        if self.streams.len() >= MAX_STREAMS {
            self.make_room();
        }
        self.streams.insert(stream, Followed::new(sender, self.heard, told, span));
    }

    #[cfg(test)]
    pub(super) fn streams_followed(&self) -> usize {
        self.streams.len()
    }

    /// Forgets streams, but not what they lost.
    fn make_room(&mut self) {
        static FULL: Seldom = Seldom::new();
        let streams = self.streams.iter().map(|(&stream, of)| (of.sender, of.heard, stream));
        let gone = giving_way(streams.collect(), MAX_STREAMS - ROOM);
        if let (Some(times), Some((most, _))) = (FULL.again(gone.len() as u64), gone.first()) {
            tracing::warn!(
                "no room for more streams of sequence numbers: {times} were forgotten, now those \
                 of {most}, of which most are followed; what they lost is told all the same"
            );
        }
        for (sender, stream) in gone {
            let Some(followed) = self.streams.remove(&stream) else { continue };
            let (engine, lost) = followed.lost(&stream);
            if lost > 0 {
                self.before.entry(engine).or_insert((sender, 0)).1 += lost;
            }
        }
        if self.before.len() > MAX_STREAMS {
            // The least losses of those go that have most.
            let sums = self.before.iter().map(|(&engine, &(sender, lost))| (sender, lost, engine));
            for (_, engine) in giving_way(sums.collect(), MAX_STREAMS - ROOM) {
                self.before.remove(&engine);
            }
        }
    }

    /// What is lost, by exporter and engine, where anything is.
    pub(super) fn lost(&self) -> Vec<Lost> {
        let mut lost: BTreeMap<Engine, u64> =
            self.before.iter().map(|(&engine, &(_, count))| (engine, count)).collect();
        for (stream, followed) in &self.streams {
            let (engine, count) = followed.lost(stream);
            if count > 0 {
                *lost.entry(engine).or_default() += count;
            }
        }
        lost.into_iter()
            .map(|((exporter, engine, unit), count)| Lost { exporter, engine, unit, count })
            .collect()
    }

    /// Whose numbers count something else than their format says, of the streams that are followed.
    pub(super) fn units(&self) -> Vec<SequenceUnit> {
        let otherwise = self.streams.iter().filter(|(_, of)| of.counted_otherwise().is_some());
        let counted = otherwise.map(|(stream, _)| SequenceUnit {
            exporter: stream.exporter,
            engine: stream.engine,
            unit: stream.unit.otherwise(),
            format: stream.unit,
        });
        counted.collect::<BTreeSet<_>>().into_iter().collect()
    }
}

#[cfg(test)]
mod tests;

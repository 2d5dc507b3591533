//! What was exported and never arrived, told by the sequence numbers of the exports.
//!
//! A sequence number says how many flows, packets or records an engine exported before: which of
//! these is the format's choice, its [`Unit`]; some exporters count otherwise, which the steps from
//! one packet to the next tell. What is kept is which of these numbers were seen, so
//! it does not matter in which order the datagrams come, or the files that they are in; numbers
//! seen twice count once. What lies between numbers seen, and was not seen itself, is lost.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use super::ExportClock;
use crate::flow::{Lost, Seldom, SequenceUnit, Unit, UnixMillis, giving_way, low_u32};

/// So many streams are followed. For more, those are forgotten that were not heard of for longest,
/// first of senders that have most; what they lost goes on being told, of as many exporters' engines.
pub const MAX_STREAMS: usize = 16_384;
/// Room is made for so many at once.
const ROOM: usize = MAX_STREAMS / 8;

/// A leap of the sequence number by more than this many flows is taken for a restart of the
/// exporter, in either direction.
pub const MAX_LEAP: u32 = 1 << 24;

/// A leap by more than this many flows counts only when the next datagram follows it: a damaged
/// header would otherwise lose thousands of flows that were never sent.
pub const MAX_UNCONFIRMED_LEAP: u32 = 1 << 15;

/// So many gaps of a stream are remembered. What arrives late fills the gap that it left, unless
/// so many newer ones have been left since.
pub const MAX_GAPS: usize = 64;

/// So many runs of an exporter, from one start to the next, are remembered.
const MAX_RUNS: usize = 4;

/// Two exports come from one run of the exporter if by their headers it started at the same time,
/// give or take this: clocks are set, and drift.
const SAME_START_MS: u32 = 60_000;

/// An export whose sequence number is at most so many flows from where the stream stands comes
/// from the same run, whatever its clock says: the clocks of one router's cards, whose exports
/// share a sequence, were seen minutes apart.
const NEAR_FLOWS: i64 = 1024;

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

/// The runs of one stream, the one that was heard of last in front.
#[derive(Debug, Clone, Default)]
struct Runs {
    runs: Vec<Run>,
    /// Lost in runs that are no longer remembered.
    lost_before: u64,
}

impl Runs {
    fn observe(&mut self, told: Told, span: Span) {
        let goes_on = self.runs.first().is_some_and(|run| run.goes_on_at(span.from));
        let known = if goes_on {
            Some(0)
        } else {
            self.runs.iter().position(|run| run.bears(told, span.from))
        };
        match known {
            Some(0) => {}
            Some(place) => self.runs[..=place].rotate_right(1),
            None => {
                if self.runs.len() == MAX_RUNS {
                    self.lost_before += self.runs.pop().map_or(0, |run| run.lost);
                }
                self.runs.insert(0, Run::new(told, span));
            }
        }
        self.runs[0].observe(told, span);
    }

    fn lost(&self) -> u64 {
        self.lost_before + self.runs.iter().map(|run| run.lost).sum::<u64>()
    }
}

/// What was seen of one run of an exporter. Positions are sequence numbers that do not wrap.
#[derive(Debug, Clone)]
struct Run {
    /// When the exporter started, modulo 2³² ms, if it tells.
    start_ms: Option<u32>,
    /// When the last of these was exported.
    exported: UnixMillis,
    /// Nothing before this position was seen.
    begin: i64,
    /// Nothing from this position on was seen.
    end: i64,
    /// What was not seen between them, in order: from, to.
    gaps: Vec<(i64, i64)>,
    /// Flows in these gaps, and in those that were forgotten.
    lost: u64,
    /// Seen beyond a leap that nothing confirmed yet: from, to.
    beyond: Option<(i64, i64)>,
}

impl Run {
    fn new(told: Told, span: Span) -> Self {
        let begin = i64::from(span.from);
        let end = begin + i64::from(span.count);
        let (start_ms, exported) = (told.start_ms(), told.exported());
        Self { start_ms, exported, begin, end, gaps: Vec::new(), lost: 0, beyond: None }
    }

    /// Whether a datagram whose header tells this can be one of this run.
    fn bears(&self, told: Told, from: u32) -> bool {
        let near = if let (Some(start_ms), Some(known_ms)) = (told.start_ms(), self.start_ms) {
            let later_ms = start_ms.wrapping_sub(known_ms);
            later_ms <= SAME_START_MS || later_ms.wrapping_neg() <= SAME_START_MS
        } else {
            // What was exported later and counts from before has begun again.
            told.exported() <= self.exported || self.position(from) >= self.end
        };
        let position = self.position(from);
        let reach = i64::from(MAX_LEAP);
        near && (self.begin - reach..=self.end + reach).contains(&position)
    }

    /// Whether `from` is just about where this run stands.
    fn goes_on_at(&self, from: u32) -> bool {
        let position = self.position(from);
        position >= self.begin && (position - self.end).abs() <= NEAR_FLOWS
    }

    /// The position whose sequence number is `from`, next to the end.
    fn position(&self, from: u32) -> i64 {
        let ahead = from.wrapping_sub(low_u32(self.end.cast_unsigned()));
        self.end + i64::from(ahead.cast_signed())
    }

    fn observe(&mut self, told: Told, span: Span) {
        self.start_ms = told.start_ms();
        self.exported = self.exported.max(told.exported());
        let from = self.position(span.from);
        let seen = (from, from + i64::from(span.count));
        if !self.leaps_to(seen) {
            self.see(seen);
        } else if let Some(beyond) = self.beyond.take()
            && (beyond.0 - seen.0).abs() <= i64::from(MAX_UNCONFIRMED_LEAP)
            && beyond != seen
        {
            self.see(beyond);
            self.see(seen);
        } else {
            self.beyond = Some(seen);
        }
    }

    fn leaps_to(&self, seen: (i64, i64)) -> bool {
        let leap = (seen.0 - self.end).max(self.begin - seen.1);
        leap > i64::from(MAX_UNCONFIRMED_LEAP)
    }

    fn see(&mut self, (from, to): (i64, i64)) {
        if from > self.end {
            self.leave_gap(self.end, from);
        } else if to < self.begin {
            self.leave_gap(to, self.begin);
        } else if !self.gaps.is_empty() {
            self.fill_gaps(from, to);
        }
        self.begin = self.begin.min(from);
        self.end = self.end.max(to);
    }

    /// Notes that nothing of `from..to` was seen, which lies before or behind all other gaps.
    fn leave_gap(&mut self, from: i64, to: i64) {
        self.lost += (to - from).unsigned_abs();
        if self.gaps.len() == MAX_GAPS {
            self.gaps.remove(0);
        }
        let place = self.gaps.partition_point(|gap| gap.0 < from);
        self.gaps.insert(place, (from, to));
    }

    fn fill_gaps(&mut self, from: i64, to: i64) {
        let touched = self.gaps.partition_point(|gap| gap.1 <= from)
            ..self.gaps.partition_point(|gap| gap.0 < to);
        if touched.is_empty() {
            return;
        }
        let (head, tail) = (self.gaps[touched.start].0, self.gaps[touched.end - 1].1);
        let left = [(head, from), (to, tail)].into_iter().filter(|gap| gap.0 < gap.1);
        let before: i64 = self.gaps[touched.clone()].iter().map(|gap| gap.1 - gap.0).sum();
        let after: i64 = left.clone().map(|gap| gap.1 - gap.0).sum();
        self.lost -= (before - after).unsigned_abs();
        self.gaps.splice(touched, left);
        // A gap may have become two.
        if self.gaps.len() > MAX_GAPS {
            self.gaps.remove(0);
        }
    }
}

#[cfg(test)]
mod tests;

//! Records that templates or samples describe, appended flow by flow.

use std::net::IpAddr;

use super::both_ways::BothWays;
use super::counted::Counted;
use super::rates::Rates;
use super::sources::SourceTable;
use super::way::Way;
use super::{Appended, Batches, ExportClock};
use crate::flow::{
    self, Column, DatagramId, ElementId, Extra, Family, FlowBatch, Numbers, Origin, SENT_BY,
    Sampling, Source, UnixMillis, canonical, low_u32, push_extra,
};
use crate::netflow::{DataRecord, ExportPacket, NoEnds, Stamp};

/// So many bits of an IPv6 address stand before the IPv4 address that it is the form of.
const MAPPED_BITS: u64 = 96;

/// What the records of a packet have in common.
pub(super) struct Data<'a> {
    pub(super) clock: ExportClock,
    /// When they were received, where the clock that says so is ours.
    pub(super) received: Option<UnixMillis>,
    /// Whose they are, where a record does not say that it was sampled otherwise.
    pub(super) source: Source,
    /// What a user says of how exporters sample.
    pub(super) rates: &'a Rates,
    /// Whose share of sources it is.
    pub(super) sender: IpAddr,
    pub(super) id: DatagramId,
    pub(super) sources: &'a mut SourceTable,
    pub(super) counted: &'a mut Counted,
    /// Where the records' extras lie.
    pub(super) extras: &'a [u8],
}

impl Data<'_> {
    /// Appends `records` of `packet`, and adds what became of them to `outcome`.
    pub(super) fn append(
        &mut self,
        records: &[DataRecord],
        packet: &ExportPacket<'_>,
        to: &mut Batches<'_>,
        mut outcome: Appended,
    ) -> Appended {
        let mut known: Option<(Source, Placed)> = None;
        let mut with_sender = Vec::new();
        for (record, index) in records.iter().zip(packet.first_index..=u16::MAX) {
            let (src, dst) = match record.ends() {
                Ok(ends) => ends,
                Err(NoEnds::NoAddresses) => {
                    outcome.no_addresses += 1;
                    continue;
                }
                Err(NoEnds::TwoFamilies) => {
                    outcome.two_families += 1;
                    continue;
                }
            };
            let said = self.source_of(record, packet.sampling);
            let placed = match known {
                Some((known, placed)) if known == said => Some(placed),
                _ => self.place(said),
            };
            let Some(placed) = placed else {
                outcome.no_room_for_source += 1;
                continue;
            };
            known = Some((said, placed));
            let Some(lasting) = self.lasting(record, packet.uptime_ms.is_some()) else {
                outcome.before_1970 += 1;
                continue;
            };
            if lasting.first > UnixMillis::LAST {
                outcome.no_such_time += 1;
                continue;
            }
            outcome.clamped += u64::from(lasting.clamped);
            outcome.not_believed += u64::from(lasting.not_believed);
            let family = Family::of(src);
            let batch = match family {
                Family::V4 => &mut *to.v4,
                Family::V6 => &mut *to.v6,
            };
            let next_hop = record.next_hop_of(family);
            let ends = [src, dst, next_hop.unwrap_or(family.address(0))];
            let mut numbers = record.numbers;
            for (column, told) in [(Column::SrcMask, record.src), (Column::DstMask, record.dst)] {
                // A prefix of an IPv4 address in the form of IPv6 counts the bits before it, too.
                if family == Family::V4 && told.is_some_and(|told| told.is_ipv6()) {
                    numbers.set(column, numbers[column].saturating_sub(MAPPED_BITS));
                }
            }
            numbers.set(Column::First, lasting.first.0);
            numbers.set(Column::Duration, lasting.duration_ms);
            numbers.set(Column::Source, placed.source);
            let (from, until) = record.extras;
            let mut extras = self.extras.get(from as usize..until as usize).unwrap_or_default();
            if placed.exporter != self.source.exporter {
                with_sender.clear();
                push_sender(&mut with_sender, self.sender);
                for extra in flow::extras(extras) {
                    push_extra(&mut with_sender, 0, extra);
                }
                extras = &with_sender;
            }
            outcome.appended += 1;
            let has_rate = said.sampling.interval != 0;
            outcome.before_rate += u64::from(packet.rate_unknown && !has_rate);
            let Some(counts) = record.counts else {
                let origin = self.id.origin(index);
                outcome.shortened += push(batch, (ends, &numbers, origin, extras), &lasting);
                continue;
            };
            let way = Way { ends, numbers, extras: extras.to_vec() };
            let says = BothWays::of(counts, &way, self.clock.exported());
            let source = Source { exporter: placed.exporter, ..self.source };
            let counted = says.count(record, &way, (self.sender, source), self.counted);
            let back = says.lasting_back(&way, |times| {
                let times = DataRecord { started: record.started, ..times };
                let lasting = self.lasting(&times, packet.uptime_ms.is_some())?;
                let can_be = !lasting.not_believed && lasting.first <= UnixMillis::LAST;
                can_be.then_some((lasting.first, lasting.duration_ms))
            });
            let way = says.settled(&way, counted, back);
            let mut push = |Way { ends, numbers, extras }: &Way, origin| {
                outcome.shortened += push(batch, (*ends, numbers, origin, extras), &lasting);
            };
            push(&way, self.id.origin(index));
            if counted[2..] != [0, 0] {
                push(&way.exchanged(), self.id.origin_of_way_back(index));
                outcome.reverse += 1;
            }
        }
        outcome
    }

    /// Who exported a record of a packet that told to be sampled so, and how it was sampled.
    fn source_of(&self, record: &DataRecord, of_packet: Sampling) -> Source {
        let named = record.exporter.map(canonical).filter(|named| *named != self.sender);
        let exporter = named.unwrap_or(self.source.exporter);
        if named.is_none() && record.sampling.is_none() {
            return self.source;
        }
        let sampling = self.rates.applied(exporter, record.sampling.unwrap_or(of_packet));
        Source { exporter, sampling, ..self.source }
    }

    /// The place of the source that a record says, or, where there is no room for that, of the one
    /// that the packet says: a flow that is scaled up wrongly, or is the sender's, is better than
    /// none.
    fn place(&mut self, said: Source) -> Option<Placed> {
        if said != self.source
            && let Some(source) = self.sources.place_of_record(said, self.sender)
        {
            return Some(Placed { source, exporter: said.exporter });
        }
        let source = self.sources.place(self.source, self.sender)?;
        Some(Placed { source, exporter: self.source.exporter })
    }

    /// From when to when the flow lasted; None if it began before 1970.
    ///
    /// Where only one end is told, the other is that, or as far from it as the flow lasted. A flow
    /// of which no time is told was at its export. Uptimes that nothing relates to the calendar
    /// still tell how long it lasted: it ended at its export then. A time that the export cannot
    /// tell of, as it lies a day or more after it, counts as not told.
    fn lasting(&self, record: &DataRecord, knows_uptime: bool) -> Option<Lasting> {
        let exported = self.clock.exported();
        let clock = record.started.map_or(self.clock, |started| {
            ExportClock::new(exported, low_u32(exported.0.wrapping_sub(started.0)))
        });
        let relates = knows_uptime || record.started.is_some();
        let believed = |stamp: &Stamp| match *stamp {
            Stamp::Uptime(_) => true,
            Stamp::Unix(time) => self.clock.believes(time, self.received),
        };
        let told = [record.first, record.last, record.observed.map(Stamp::Unix)];
        let not_believed = told.iter().flatten().any(|stamp| !believed(stamp));
        let (told_first, told_last) = (record.first.filter(believed), record.last.filter(believed));
        let observed = record.observed.filter(|&time| self.clock.believes(time, self.received));
        if let (Some(Stamp::Uptime(first)), Some(Stamp::Uptime(last)), false) =
            (told_first, told_last, relates)
        {
            let duration = last.wrapping_sub(first);
            let clamped = duration > i32::MAX as u32;
            let duration = if clamped { 0 } else { duration };
            let first = UnixMillis(exported.0.checked_sub(duration.into())?);
            return Some(Lasting { first, duration_ms: duration.into(), clamped, not_believed });
        }
        // None where there is no such time; Some(None) where it lies before 1970.
        let at = |stamp: Option<Stamp>| {
            stamp.map(|stamp| match stamp {
                Stamp::Unix(time) => Some(time),
                Stamp::Uptime(_) if !relates => Some(exported),
                Stamp::Uptime(uptime_ms) => clock.at(uptime_ms),
            })
        };
        let lasted_ms = record.lasted_ms.unwrap_or(0);
        let (first, last) = match (at(told_first), at(told_last)) {
            (Some(first), Some(last)) => (first?, last.unwrap_or_default()),
            (Some(first), None) => {
                let first = first?;
                let event = observed.filter(|&event| event > first);
                (first, if lasted_ms > 0 { first + lasted_ms } else { event.unwrap_or(first) })
            }
            (None, last) => {
                let last = last.unwrap_or_else(|| Some(observed.unwrap_or(exported)))?;
                (UnixMillis(last.0.checked_sub(lasted_ms)?), last)
            }
        };
        let duration_ms = last.0.saturating_sub(first.0);
        Some(Lasting { first, duration_ms, clamped: last < first, not_believed })
    }
}

/// Where the source of a record is in the table.
#[derive(Debug, Clone, Copy)]
struct Placed {
    source: u32,
    /// Whose it is.
    exporter: IpAddr,
}

/// Keeps who sent a flow that another exported.
fn push_sender(extras: &mut Vec<u8>, sender: IpAddr) {
    let ElementId { number, enterprise } = SENT_BY;
    let (v4, v6);
    let value = match sender {
        IpAddr::V4(address) => {
            v4 = address.octets();
            &v4[..]
        }
        IpAddr::V6(address) => {
            v6 = address.octets();
            &v6[..]
        }
    };
    push_extra(extras, 0, Extra { number, enterprise, value });
}

/// Appends a flow; gives 1 where it lasted longer than there is room for, and begins later than it
/// was told to have begun.
fn push(
    batch: &mut FlowBatch,
    (ends, numbers, origin, extras): ([IpAddr; 3], &Numbers, Origin, &[u8]),
    lasting: &Lasting,
) -> u64 {
    let row = batch.len();
    batch.push_numbers(ends, numbers, origin, extras);
    let beyond_ms = lasting.duration_ms.saturating_sub(u32::MAX.into());
    // The way back may have times of its own.
    let is_cut = beyond_ms > 0 && numbers[Column::First] == lasting.first.0;
    if is_cut {
        batch.begin_later(row, beyond_ms);
    }
    u64::from(is_cut)
}

/// When a flow was.
struct Lasting {
    first: UnixMillis,
    duration_ms: u64,
    /// Whether its last packet was stamped before its first.
    clamped: bool,
    /// Whether a time of it cannot be.
    not_believed: bool,
}

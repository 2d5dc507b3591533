//! What is read of the records of a template, and in which order: worked out once a template.

use std::collections::HashMap;
use std::net::IpAddr;

use super::field::{Field, Met, Span, address_v4, address_v6, ntp, without_zeros_at_end};
use super::frame::{self, Kept};
use super::rate::Rate;
use super::record::{Counts, DataRecord, Stamp, put_address};
use crate::flow::{
    Column, ElementId, Extra, Family, UnixMillis, low_u16, low_u32, push_extra, saturated_u16,
    saturated_u32, unsigned, without_zeros_at_start,
};

mod target;
#[cfg(test)]
mod tests;

use target::{
    OF_A_FRAME, address_element, extra, is_also_kept, is_icmp, may_repeat, says_what_counts, target,
};

/// IANA's `flowDirection`, and what it says of packets that leave.
const DIRECTION: u16 = 61;
const EGRESS: u64 = 1;

/// The steps that take a record apart.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Plan {
    steps: Vec<Step>,
    /// The field that is the beginning of a frame, and what may be taken from there: what no other
    /// field says.
    frame: Option<(u16, Vec<Column>)>,
    /// The field of the one host that is named, and that of the direction, which says which end
    /// it is.
    station: Option<(u16, Option<u16>)>,
    counts: Option<[Counts; 4]>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Step {
    /// Which field of the template.
    field: u16,
    target: Target,
}

/// What a field becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Target {
    /// The address of a column.
    Address(Column, Family),
    /// The number of a column.
    Number(Column),
    Icmp,
    IcmpType,
    IcmpCode,
    First(Clock),
    Last(Clock),
    Observed(Clock),
    LastedMillis,
    LastedMicros,
    Started,
    /// Who exported the flow, where another sends it.
    Exporter(Family),
    Sampler,
    /// How packets were chosen, as this element says it.
    Rate(u16),
    /// The beginning of a frame.
    Frame,
    /// The only host that is named: the source or the destination.
    Station,
    /// Kept as it is.
    Extra(ElementId, Trim),
}

/// How a field tells a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Clock {
    Uptime,
    Seconds,
    Millis,
    Ntp,
    /// Microseconds before the export.
    DeltaMicros,
}

/// Which zeros of a value say nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Trim {
    Start,
    End,
    None,
}

/// What a record says beside the flow itself.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Aside {
    /// Which sampler chose its packets.
    pub(super) sampler: Option<u64>,
    /// How they were chosen.
    pub(super) rate: Rate,
}

impl Plan {
    /// How records of these fields are read. Where several fields say one thing, the best one is
    /// taken, and the others are kept as extras; of times, the best one that is not zero. Of an
    /// element that stands several times the first counts.
    pub(super) fn new(fields: &[Field]) -> Self {
        let mut steps: Vec<(u8, Step)> = Vec::new();
        let mut met = Met::none();
        for (place, &field) in fields.iter().enumerate() {
            let place = saturated_u16(place);
            let common = target(field).filter(|_| field.length > 0 && met.is_first(field.number));
            steps.extend(common.map(|(target, rank)| (rank, Step { field: place, target })));
            if common.is_none() || is_also_kept(field) {
                steps.extend(extra(field).map(|target| (0, Step { field: place, target })));
            }
        }
        // The lowest rank, and the first one of several of it.
        let mut best: HashMap<Target, (u8, usize)> = HashMap::new();
        for (at, &(rank, step)) in steps.iter().enumerate() {
            if !may_repeat(step.target) {
                let best = best.entry(step.target).or_insert((rank, at));
                *best = (*best).min((rank, at));
            }
        }
        let resolved: Vec<Option<(u8, Step)>> = steps
            .iter()
            .enumerate()
            .map(|(at, &(rank, step))| {
                if may_repeat(step.target) || best.get(&step.target) == Some(&(rank, at)) {
                    return Some((rank, step));
                }
                let field = *fields.get(usize::from(step.field))?;
                let field = Some(field).filter(|&field| !is_also_kept(field))?;
                extra(field).map(|target| (0, Step { target, ..step }))
            })
            .collect();
        let mut steps: Vec<(u8, Step)> = resolved.into_iter().flatten().collect();
        // The best of several times is read last, over the others.
        // What tells of both ways comes before what there may be no room for.
        let comes_late = |step: &Step| !says_what_counts(step.target);
        steps.sort_by_key(|(rank, step)| (std::cmp::Reverse(*rank), comes_late(step)));
        let steps: Vec<Step> = steps.into_iter().map(|(_, step)| step).collect();
        let says = |column: Column| {
            steps.iter().any(|step| {
                let is_port = column == Column::DstPort && is_icmp(step.target);
                step.target == Target::Number(column) || is_port
            })
        };
        let frame = steps.iter().find(|step| step.target == Target::Frame);
        let frame = frame.map(|step| {
            let columns = OF_A_FRAME.into_iter().filter(|&column| !says(column));
            (step.field, columns.collect())
        });
        let station = steps.iter().find(|step| step.target == Target::Station);
        let direction = || {
            let is_direction = |field: &Field| (field.number, field.enterprise) == (DIRECTION, 0);
            fields.iter().position(is_direction).map(saturated_u16)
        };
        let station = station.map(|step| (step.field, direction()));
        let counts = target::counts(&steps, fields);
        Self { steps, frame, station, counts }
    }

    /// Bytes of memory that it takes.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&self.steps[..])
    }

    /// Reads a record, and appends what is beyond the common fields to `extras`.
    #[inline]
    pub(super) fn read(
        &self,
        bytes: &[u8],
        spans: &[Span],
        exported: UnixMillis,
        extras: &mut Vec<u8>,
    ) -> (DataRecord, Aside) {
        let mut record = DataRecord { counts: self.counts, ..DataRecord::default() };
        let mut aside = Aside::default();
        let start = extras.len();
        for step in &self.steps {
            let Some(span) = spans.get(usize::from(step.field)) else { continue };
            let value = span.of(bytes);
            if value.is_empty() {
                continue;
            }
            take(&mut record, &mut aside, step.target, value, exported, (extras, start));
        }
        if let Some((field, columns)) = &self.frame
            && let Some(span) = spans.get(usize::from(*field))
        {
            fill(&mut record, columns, span.of(bytes), &mut Kept { bytes: extras, start });
        }
        if let Some((field, direction)) = self.station {
            let of = |field: u16| spans.get(usize::from(field)).map(|span| span.of(bytes));
            let direction = direction.and_then(of).map(unsigned);
            station(&mut record, of(field).unwrap_or_default(), direction);
        }
        let numbers = &mut record.numbers;
        if record.icmp != 0
            && numbers[Column::DstPort] == 0
            && matches!(numbers[Column::Protocol], 0 | 1 | 58)
        {
            numbers.set(Column::DstPort, record.icmp);
        }
        record.extras = (saturated_u32(start), saturated_u32(extras.len()));
        (record, aside)
    }
}

#[inline]
fn take(
    record: &mut DataRecord,
    aside: &mut Aside,
    target: Target,
    value: &[u8],
    exported: UnixMillis,
    (extras, start): (&mut Vec<u8>, usize),
) {
    match target {
        Target::Address(column, family) => {
            let address = of_family(family, value);
            // What is said of an inner packet, too, is kept beside the outer one.
            if address.is_some_and(|address| put_address(record.address_mut(column), address)) {
                let number = address_element(column, family);
                push_extra(extras, start, Extra { number, enterprise: 0, value });
            }
        }
        Target::Number(column) => record.numbers.raise(column, unsigned(value)),
        Target::Icmp => record.icmp = low_u16(unsigned(value)),
        Target::IcmpType => record.icmp = low_u16(unsigned(value)) << 8 | record.icmp & 0xff,
        Target::IcmpCode => record.icmp = record.icmp & 0xff00 | low_u16(unsigned(value)) & 0xff,
        Target::First(clock) => record.first = clock.read(value, exported).or(record.first),
        Target::Last(clock) => record.last = clock.read(value, exported).or(record.last),
        Target::Observed(clock) => {
            if let Some(Stamp::Unix(time)) = clock.read(value, exported) {
                record.observed = Some(time);
            }
        }
        Target::LastedMillis => record.lasted_ms = Some(unsigned(value)),
        Target::LastedMicros => record.lasted_ms = Some(unsigned(value) / 1000),
        Target::Started => record.started = Some(UnixMillis(unsigned(value))).filter(|t| t.0 > 0),
        Target::Exporter(family) => {
            let address = of_family(family, value).filter(|address| !address.is_unspecified());
            record.exporter = address.or(record.exporter);
        }
        Target::Sampler => aside.sampler = Some(unsigned(value)),
        Target::Rate(element) => {
            aside.rate.take(element, value);
        }
        // What the other fields do not say is taken from there at the end.
        Target::Frame | Target::Station => {}
        Target::Extra(ElementId { number, enterprise }, trim) => {
            let value = match trim {
                Trim::Start => without_zeros_at_start(value),
                Trim::End => without_zeros_at_end(value),
                Trim::None => value,
            };
            push_extra(extras, start, Extra { number, enterprise, value });
        }
    }
}

fn of_family(family: Family, value: &[u8]) -> Option<IpAddr> {
    match family {
        Family::V4 => address_v4(value),
        Family::V6 => address_v6(value),
    }
}

/// Takes `columns`, and the addresses if none are told, from the beginning of a frame.
fn fill(record: &mut DataRecord, columns: &[Column], value: &[u8], kept: &mut Kept<'_>) {
    if value.is_empty() {
        return;
    }
    let mut framed = DataRecord::default();
    frame::read(frame::ETHERNET, value, &mut framed, kept);
    let told = record.src.or(record.dst);
    let same = |ip: IpAddr| told.is_none_or(|told| told.is_ipv4() == ip.is_ipv4());
    record.src = record.src.or(framed.src.filter(|&ip| same(ip)));
    record.dst = record.dst.or(framed.dst.filter(|&ip| same(ip)));
    framed.numbers.set(Column::Packets, 1_u8);
    for &column in columns {
        record.numbers[column] = framed.numbers[column];
    }
}

/// Takes the address of `value` for an end of a record that names none: the destination of what
/// leaves towards it, else the source.
fn station(record: &mut DataRecord, value: &[u8], direction: Option<u64>) {
    let is_named = |end: Option<IpAddr>| end.is_some_and(|ip| !ip.is_unspecified());
    if is_named(record.src) || is_named(record.dst) {
        return;
    }
    let end = if direction == Some(EGRESS) { &mut record.dst } else { &mut record.src };
    *end = address_v4(value).or(*end);
}

/// The time that `value` of IANA's element `number` tells, in a record that was exported then.
pub(crate) fn stamp(number: u16, value: &[u8], exported: UnixMillis) -> Option<Stamp> {
    let clock = target::clock(number).filter(|_| !value.is_empty())?;
    clock.read(value, exported)
}

impl Clock {
    /// The time that `value` tells; None where it is zero, which exporters send for none. The
    /// uptime may well be zero.
    fn read(self, value: &[u8], exported: UnixMillis) -> Option<Stamp> {
        let time = match self {
            Self::Uptime => return Some(Stamp::Uptime(low_u32(unsigned(value)))),
            Self::Seconds => UnixMillis(unsigned(value).saturating_mul(1000)),
            Self::Millis => UnixMillis(unsigned(value)),
            Self::Ntp => ntp(value)?,
            Self::DeltaMicros => UnixMillis(exported.0.saturating_sub(unsigned(value) / 1000)),
        };
        (time.0 > 0).then_some(Stamp::Unix(time))
    }
}

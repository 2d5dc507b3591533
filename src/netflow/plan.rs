//! What is read of the records of a template, and in which order: worked out once a template.

use super::element::Kind;
use super::field::{
    address_v4, address_v6, ntp, number, number_u32, without_zeros_at_end, without_zeros_at_start,
};
use super::record::{DataRecord, Stamp, put_address};
use super::template::{Field, Span};
use crate::flow::{Extra, UnixMillis, push_extra};

/// The steps that take a record apart.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Plan(Vec<Step>);

#[derive(Debug, Clone, Copy, PartialEq)]
struct Step {
    /// Which field of the template.
    field: u16,
    target: Target,
}

/// What a field becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    SrcV4,
    DstV4,
    SrcV6,
    DstV6,
    NextHopV4,
    NextHopV6,
    SrcPort,
    DstPort,
    Icmp,
    IcmpType,
    IcmpCode,
    Protocol,
    TcpFlags,
    Tos,
    Input,
    Output,
    SrcAs,
    DstAs,
    SrcMask,
    DstMask,
    Octets,
    Packets,
    First(Clock),
    Last(Clock),
    Observed(Clock),
    LastedMillis,
    LastedMicros,
    Started,
    Sampler,
    Interval,
    Algorithm,
    /// Kept as it is.
    Extra(Field, Trim),
}

/// How a field tells a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Clock {
    Uptime,
    Seconds,
    Millis,
    Ntp,
    /// Microseconds before the export.
    DeltaMicros,
}

/// Which zeros of a value say nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// One packet of so many was seen.
    pub(super) interval: Option<u32>,
    /// How they were chosen: 1 deterministic, 2 random.
    pub(super) algorithm: u8,
}

impl Plan {
    /// How records of these fields are read. Where several fields say one thing, the best one is
    /// taken, and the others are kept as extras; of times, the best one that is not zero.
    pub(super) fn new(fields: &[Field]) -> Self {
        let mut steps: Vec<(u8, Step)> = Vec::new();
        for (place, &field) in fields.iter().enumerate() {
            let place = place as u16;
            match target(field) {
                Some((target, rank)) => steps.push((rank, Step { field: place, target })),
                None => steps.extend(extra(field).map(|target| (0, Step { field: place, target }))),
            }
            if is_also_kept(field) {
                steps.extend(extra(field).map(|target| (0, Step { field: place, target })));
            }
        }
        let best = |target: Target| {
            let ranks = steps.iter().filter(|(_, step)| step.target == target);
            ranks.map(|&(rank, _)| rank).min()
        };
        let resolved: Vec<Option<(u8, Step)>> = steps
            .iter()
            .enumerate()
            .map(|(at, &(rank, step))| {
                let first = steps[..at].iter().all(|(r, s)| *r != rank || s.target != step.target);
                let wins = best(step.target) == Some(rank) && first;
                if wins || may_repeat(step.target) {
                    return Some((rank, step));
                }
                let field = fields[usize::from(step.field)];
                extra(field).map(|target| (0, Step { target, ..step }))
            })
            .collect();
        let mut steps: Vec<(u8, Step)> = resolved.into_iter().flatten().collect();
        // The best of several times is read last, over the others.
        steps.sort_by_key(|&(rank, _)| std::cmp::Reverse(rank));
        Self(steps.into_iter().map(|(_, step)| step).collect())
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
        let (mut record, mut aside) = (DataRecord::default(), Aside::default());
        let start = extras.len();
        for step in &self.0 {
            let Some(span) = spans.get(usize::from(step.field)) else { continue };
            let value = span.of(bytes);
            if value.is_empty() {
                continue;
            }
            take(&mut record, &mut aside, step.target, value, exported, (extras, start));
        }
        if record.icmp != 0 && record.dst_port == 0 && matches!(record.protocol, 0 | 1 | 58) {
            record.dst_port = record.icmp;
        }
        record.extras = (start as u32, extras.len() as u32);
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
    let v4 =
        |place: &mut Option<_>| address_v4(value).into_iter().for_each(|a| put_address(place, a));
    let v6 =
        |place: &mut Option<_>| address_v6(value).into_iter().for_each(|a| put_address(place, a));
    match target {
        Target::SrcV4 => v4(&mut record.src),
        Target::DstV4 => v4(&mut record.dst),
        Target::SrcV6 => v6(&mut record.src),
        Target::DstV6 => v6(&mut record.dst),
        Target::NextHopV4 => v4(&mut record.next_hop),
        Target::NextHopV6 => v6(&mut record.next_hop),
        Target::SrcPort => record.src_port = number(value) as u16,
        Target::DstPort => record.dst_port = number(value) as u16,
        Target::Icmp => record.icmp = number(value) as u16,
        Target::IcmpType => record.icmp = (number(value) as u16) << 8 | record.icmp & 0xff,
        Target::IcmpCode => record.icmp = record.icmp & 0xff00 | number(value) as u16 & 0xff,
        Target::Protocol => record.protocol = number(value) as u8,
        Target::TcpFlags => record.tcp_flags = number(value) as u8,
        Target::Tos => record.tos = number(value) as u8,
        Target::Input => record.input = number_u32(value),
        Target::Output => record.output = number_u32(value),
        Target::SrcAs => record.src_as = number_u32(value),
        Target::DstAs => record.dst_as = number_u32(value),
        Target::SrcMask => record.src_mask = record.src_mask.max(number(value) as u8),
        Target::DstMask => record.dst_mask = record.dst_mask.max(number(value) as u8),
        Target::Octets => record.octets = number(value),
        Target::Packets => record.packets = number(value),
        Target::First(clock) => record.first = clock.read(value, exported).or(record.first),
        Target::Last(clock) => record.last = clock.read(value, exported).or(record.last),
        Target::Observed(clock) => {
            if let Some(Stamp::Unix(time)) = clock.read(value, exported) {
                record.observed = Some(time);
            }
        }
        Target::LastedMillis => record.lasted_ms = Some(number(value)),
        Target::LastedMicros => record.lasted_ms = Some(number(value) / 1000),
        Target::Started => record.started = Some(UnixMillis(number(value))).filter(|t| t.0 > 0),
        Target::Sampler => aside.sampler = Some(number(value)),
        Target::Interval => aside.interval = Some(number_u32(value)),
        Target::Algorithm => aside.algorithm = number(value) as u8,
        Target::Extra(field, trim) => {
            let value = match trim {
                Trim::Start => without_zeros_at_start(value),
                Trim::End => without_zeros_at_end(value),
                Trim::None => value,
            };
            let Field { number, enterprise, .. } = field;
            push_extra(extras, start, Extra { number, enterprise, value });
        }
    }
}

impl Clock {
    /// The time that `value` tells; None where it is zero, which exporters send for none. The
    /// uptime may well be zero.
    fn read(self, value: &[u8], exported: UnixMillis) -> Option<Stamp> {
        let time = match self {
            Self::Uptime => return Some(Stamp::Uptime(number(value) as u32)),
            Self::Seconds => UnixMillis(number(value).saturating_mul(1000)),
            Self::Millis => UnixMillis(number(value)),
            Self::Ntp => ntp(value)?,
            Self::DeltaMicros => UnixMillis(exported.0.saturating_sub(number(value) / 1000)),
        };
        (time.0 > 0).then_some(Stamp::Unix(time))
    }
}

/// What a field becomes, and how good it is among those that become the same: 0 is best. None for
/// what is no common field.
fn target(field: Field) -> Option<(Target, u8)> {
    if field.enterprise != 0 {
        return None;
    }
    Some(match field.number {
        1 => (Target::Octets, 0),
        85 => (Target::Octets, 1),
        23 => (Target::Octets, 2),
        231 => (Target::Octets, 3),
        352 => (Target::Octets, 4),
        2 => (Target::Packets, 0),
        86 => (Target::Packets, 1),
        24 => (Target::Packets, 2),
        298 => (Target::Packets, 3),
        4 => (Target::Protocol, 0),
        5 => (Target::Tos, 0),
        6 => (Target::TcpFlags, 0),
        7 => (Target::SrcPort, 0),
        180 | 182 => (Target::SrcPort, 1),
        11 => (Target::DstPort, 0),
        181 | 183 => (Target::DstPort, 1),
        32 | 139 => (Target::Icmp, 0),
        176 | 178 => (Target::IcmpType, 0),
        177 | 179 => (Target::IcmpCode, 0),
        8 => (Target::SrcV4, 0),
        44 => (Target::SrcV4, 1),
        12 => (Target::DstV4, 0),
        45 => (Target::DstV4, 1),
        27 => (Target::SrcV6, 0),
        170 => (Target::SrcV6, 1),
        28 => (Target::DstV6, 0),
        169 => (Target::DstV6, 1),
        15 => (Target::NextHopV4, 0),
        62 => (Target::NextHopV6, 0),
        9 | 29 => (Target::SrcMask, 0),
        13 | 30 => (Target::DstMask, 0),
        10 => (Target::Input, 0),
        14 => (Target::Output, 0),
        16 => (Target::SrcAs, 0),
        17 => (Target::DstAs, 0),
        152 => (Target::First(Clock::Millis), 0),
        154 | 156 => (Target::First(Clock::Ntp), 1),
        150 => (Target::First(Clock::Seconds), 2),
        158 => (Target::First(Clock::DeltaMicros), 3),
        22 => (Target::First(Clock::Uptime), 4),
        153 => (Target::Last(Clock::Millis), 0),
        155 | 157 => (Target::Last(Clock::Ntp), 1),
        151 => (Target::Last(Clock::Seconds), 2),
        159 => (Target::Last(Clock::DeltaMicros), 3),
        21 => (Target::Last(Clock::Uptime), 4),
        323 => (Target::Observed(Clock::Millis), 0),
        324 | 325 => (Target::Observed(Clock::Ntp), 1),
        322 => (Target::Observed(Clock::Seconds), 2),
        161 => (Target::LastedMillis, 0),
        162 => (Target::LastedMicros, 0),
        160 => (Target::Started, 0),
        48 => (Target::Sampler, 0),
        302 => (Target::Sampler, 1),
        34 => (Target::Interval, 0),
        50 | 305 => (Target::Interval, 1),
        35 | 49 => (Target::Algorithm, 0),
        _ => return None,
    })
}

/// Whether several fields may become this, each where it has a value.
fn may_repeat(target: Target) -> bool {
    matches!(
        target,
        Target::Extra(..)
            | Target::SrcMask
            | Target::DstMask
            | Target::Icmp
            | Target::IcmpType
            | Target::IcmpCode
            | Target::First(_)
            | Target::Last(_)
            | Target::Observed(_)
    )
}

/// Whether a field is kept as it is although it becomes something else, too.
fn is_also_kept(field: Field) -> bool {
    field.enterprise == 0 && matches!(field.number, 48 | 302 | 323)
}

/// How a field is kept as it is; None for padding, for lists, and for the IP version, which the
/// addresses tell.
fn extra(field: Field) -> Option<Target> {
    let trim = match field.kind() {
        Some(Kind::List) => return None,
        Some(Kind::Unsigned | Kind::Seconds | Kind::Millis) => Trim::Start,
        Some(Kind::Text) => Trim::End,
        _ => Trim::None,
    };
    let says_nothing = field.enterprise == 0 && matches!(field.number, 60 | 210);
    (!says_nothing && field.length > 0).then_some(Target::Extra(field, trim))
}

#[cfg(test)]
mod tests;

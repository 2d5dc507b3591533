//! Which element becomes what.

use super::super::field::Field;
use super::super::record::Counts;
use super::{Clock, Target, Trim};
use crate::flow::{Column, Family, Kind, OWN_ENTERPRISE, REVERSE_ENTERPRISE, Told, element};

/// What a field becomes, and how good it is among those that become the same: 0 is best. None for
/// what is no common field.
pub(super) fn target(field: Field) -> Option<(Target, u8)> {
    if field.enterprise != 0 {
        return None;
    }
    Some(match field.number {
        130 => (Target::Exporter(Family::V4), 0),
        131 => (Target::Exporter(Family::V6), 0),
        403 => (Target::Exporter(Family::V4), 1),
        404 => (Target::Exporter(Family::V6), 1),
        160 => (Target::Started, 0),
        48 => (Target::Sampler, 0),
        302 => (Target::Sampler, 1),
        // Which interval or algorithm it is of two does not matter to what is made of it.
        34 => (Target::Rate(34), 0),
        50 => (Target::Rate(34), 1),
        35 | 49 => (Target::Rate(35), 0),
        304 => (Target::Rate(304), 1),
        number @ (305 | 306 | 309..=311) => (Target::Rate(number), 0),
        315 => (Target::Frame, 0),
        366 => (Target::Station, 0),
        323 => (Target::Observed(Clock::Millis), 0),
        number => {
            let (told, rank) = Told::of_element(number)?;
            (of_told(told, number)?, rank)
        }
    })
}

fn of_told(told: Told, number: u16) -> Option<Target> {
    Some(match told {
        Told::Column(Column::First) => Target::First(clock(number)?),
        Told::Column(Column::Duration) if number == 162 => Target::LastedMicros,
        Told::Column(Column::Duration) => Target::LastedMillis,
        Told::Column(column) => match element(number)?.kind {
            Kind::Address(family) => Target::Address(column, family),
            _ => Target::Number(column),
        },
        Told::Last => Target::Last(clock(number)?),
        Told::Observed => Target::Observed(clock(number)?),
        Told::Icmp => Target::Icmp,
        Told::IcmpType => Target::IcmpType,
        Told::IcmpCode => Target::IcmpCode,
        Told::SamplingInterval => return None,
    })
}

/// How IANA's element `number` tells a time.
pub(super) fn clock(number: u16) -> Option<Clock> {
    Some(match element(number)?.kind {
        Kind::Seconds => Clock::Seconds,
        Kind::Millis => Clock::Millis,
        Kind::Ntp => Clock::Ntp,
        _ if matches!(number, 158 | 159) => Clock::DeltaMicros,
        _ => Clock::Uptime,
    })
}

/// The best element that tells an address of `family` in `column`.
pub(super) fn address_element(column: Column, family: Family) -> u16 {
    let is_of_family = |number: &&u16| {
        element(**number).is_some_and(|element| element.kind == Kind::Address(family))
    };
    let best = column.elements().first().and_then(|best| best.iter().find(is_of_family));
    best.copied().unwrap_or_default()
}

/// The columns that may be taken from the beginning of a frame, beside the addresses.
pub(super) const OF_A_FRAME: [Column; 7] = [
    Column::SrcPort,
    Column::DstPort,
    Column::Protocol,
    Column::TcpFlags,
    Column::Tos,
    Column::Octets,
    Column::Packets,
];

/// Whether it tells type or code of ICMP, which stand for the destination port.
pub(super) fn is_icmp(target: Target) -> bool {
    matches!(target, Target::Icmp | Target::IcmpType | Target::IcmpCode)
}

/// Whether several fields may become this, each where it has a value.
pub(super) fn may_repeat(target: Target) -> bool {
    match target {
        Target::Number(column) => Told::Column(column).may_repeat(),
        Target::Icmp
        | Target::IcmpType
        | Target::IcmpCode
        | Target::First(_)
        | Target::Last(_)
        | Target::Observed(_)
        | Target::Exporter(_)
        | Target::Extra(..) => true,
        Target::Address(..)
        | Target::LastedMillis
        | Target::LastedMicros
        | Target::Started
        | Target::Sampler
        | Target::Rate(_)
        | Target::Frame
        | Target::Station => false,
    }
}

/// Whether a field is kept as it is although it becomes something else, too.
pub(super) fn is_also_kept(field: Field) -> bool {
    field.enterprise == 0
        && matches!(
            field.number,
            48 | 130 | 131 | 231 | 298 | 302 | 304 | 306 | 309..=311 | 323 | 366 | 403 | 404
        )
}

/// From when on element `number`, one that tells octets or packets, counts.
pub(super) const fn counts(number: u16) -> Counts {
    match number {
        85 | 86 => Counts::SinceBeginning,
        231 | 298 => Counts::ByEvent,
        _ => Counts::SinceLast,
    }
}

/// Whether a field counts octets or packets of what came back (RFC 5103, and what firewalls call
/// the responder's).
pub(super) fn is_of_the_way_back(field: Field) -> bool {
    match field.enterprise {
        0 => matches!(field.number, 232 | 299),
        REVERSE_ENTERPRISE => Column::of_element(field.number)
            .is_some_and(|(column, _)| matches!(column, Column::Octets | Column::Packets)),
        _ => false,
    }
}

/// How a field is kept as it is; None for padding, for lists, and for the IP version, which the
/// addresses tell.
pub(super) fn extra(field: Field) -> Option<Target> {
    let trim = match field.kind() {
        Some(Kind::List) => return None,
        Some(Kind::Unsigned | Kind::Seconds | Kind::Millis) => Trim::Start,
        Some(Kind::Text) => Trim::End,
        _ => Trim::None,
    };
    let says_nothing = field.enterprise == 0 && matches!(field.number, 60 | 210);
    // Nobody else gives numbers to what is ours.
    let says_nothing = says_nothing || field.enterprise == OWN_ENTERPRISE;
    (!says_nothing && field.length > 0).then_some(Target::Extra(field.id(), trim))
}

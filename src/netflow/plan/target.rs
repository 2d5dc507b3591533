//! Which element becomes what.

use super::super::field::Field;
use super::super::record::Counts;
use super::{Clock, Step, Target, Trim};
use crate::flow::{
    Column, ElementId, Family, Kind, OWN_ENTERPRISE, REVERSE_ENTERPRISE, Told, element,
};

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

/// What octets and packets that these `steps` read count, and those of what came back; None where
/// that is nothing to speak of.
pub(super) fn counts(steps: &[Step], fields: &[Field]) -> Option<[Counts; 4]> {
    let own = |column| {
        let step = steps.iter().find(|step| step.target == Target::Number(column))?;
        fields.get(usize::from(step.field)).map(|field| counts_of(field.number))
    };
    let back = |column, responder| {
        let known = fields.iter().filter_map(|&field| rank_of_way_back(field, column, responder));
        known.min().map(|(_, number)| counts_of(number))
    };
    let told = [
        own(Column::Octets),
        own(Column::Packets),
        back(Column::Octets, 232),
        back(Column::Packets, 299),
    ];
    let is_plain = told.iter().all(|counts| counts.is_none_or(|of| of == Counts::SinceLast));
    let is_one_way = told.iter().skip(2).all(Option::is_none);
    (!is_plain || !is_one_way).then(|| told.map(Option::unwrap_or_default))
}

/// From when on element `number`, one that tells octets or packets, counts.
const fn counts_of(number: u16) -> Counts {
    match number {
        85 | 86 => Counts::SinceBeginning,
        231 | 232 | 298 | 299 => Counts::ByEvent,
        _ => Counts::SinceLast,
    }
}

/// How good `field` is among those that tell `column` of what came back: RFC 5103's, and then what
/// firewalls call the `responder`'s; with the element's number.
fn rank_of_way_back(field: Field, column: Column, responder: u16) -> Option<(u8, u16)> {
    match field.enterprise {
        0 => (field.number == responder).then_some((u8::MAX, responder)),
        REVERSE_ENTERPRISE => Column::of_element(field.number)
            .filter(|&(of, _)| of == column)
            .map(|(_, rank)| (rank, field.number)),
        _ => None,
    }
}

/// Whether it is kept to say what counts: counters of what came back and their times, events and
/// connections.
pub(super) fn says_what_counts(target: Target) -> bool {
    let Target::Extra(ElementId { number, enterprise }, _) = target else { return false };
    match enterprise {
        0 => matches!(number, 136 | 148 | 231..=233 | 239 | 298 | 299),
        REVERSE_ENTERPRISE => Told::of_element(number).is_some(),
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

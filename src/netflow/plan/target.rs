//! Which element becomes what.

use super::super::template::Field;
use super::{Clock, Target, Trim};
use crate::flow::Kind;

/// What of a flow an element of IANA's becomes: a column, or a part of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Common {
    Src,
    Dst,
    NextHop,
    SrcPort,
    DstPort,
    /// Type and code, in the destination port.
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
    First,
    Last,
    Duration,
    Sampling,
}

/// What of a flow IANA's element `number` becomes, and whether it is the best one for that: others
/// are kept beside the flow where a record has a better one. None for an element that is always
/// kept, or tells something that flows do not have.
pub(crate) fn common(number: u16) -> Option<(Common, bool)> {
    let (target, rank) = of_number(number).filter(|_| !is_also_kept_number(number))?;
    let common = match target {
        Target::SrcV4 | Target::SrcV6 => Common::Src,
        Target::DstV4 | Target::DstV6 => Common::Dst,
        Target::NextHopV4 | Target::NextHopV6 => Common::NextHop,
        Target::SrcPort => Common::SrcPort,
        Target::DstPort => Common::DstPort,
        Target::Icmp => Common::Icmp,
        Target::IcmpType => Common::IcmpType,
        Target::IcmpCode => Common::IcmpCode,
        Target::Protocol => Common::Protocol,
        Target::TcpFlags => Common::TcpFlags,
        Target::Tos => Common::Tos,
        Target::Input => Common::Input,
        Target::Output => Common::Output,
        Target::SrcAs => Common::SrcAs,
        Target::DstAs => Common::DstAs,
        Target::SrcMask => Common::SrcMask,
        Target::DstMask => Common::DstMask,
        Target::Octets => Common::Octets,
        Target::Packets => Common::Packets,
        // Where nothing says when a flow began, that is when it was observed.
        Target::First(_) | Target::Observed(_) => Common::First,
        Target::Last(_) => Common::Last,
        Target::LastedMillis | Target::LastedMicros => Common::Duration,
        Target::Rate(34 | 305) => Common::Sampling,
        Target::Started | Target::Sampler | Target::Rate(_) | Target::Frame | Target::Extra(..) => {
            return None;
        }
    };
    Some((common, rank == 0 || may_repeat(target)))
}

/// What a field becomes, and how good it is among those that become the same: 0 is best. None for
/// what is no common field.
pub(super) fn target(field: Field) -> Option<(Target, u8)> {
    if field.enterprise == 0 { of_number(field.number) } else { None }
}

fn of_number(number: u16) -> Option<(Target, u8)> {
    Some(match number {
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
        // Which interval or algorithm it is of two does not matter to what is made of it.
        34 => (Target::Rate(34), 0),
        50 => (Target::Rate(34), 1),
        35 | 49 => (Target::Rate(35), 0),
        304 => (Target::Rate(304), 1),
        number @ (305 | 306 | 309..=311) => (Target::Rate(number), 0),
        315 => (Target::Frame, 0),
        _ => return None,
    })
}

/// What may be taken from the beginning of a frame, beside the addresses.
pub(super) const OF_A_FRAME: [Target; 7] = [
    Target::SrcPort,
    Target::DstPort,
    Target::Protocol,
    Target::TcpFlags,
    Target::Tos,
    Target::Octets,
    Target::Packets,
];

/// Whether it tells type or code of ICMP, which stand for the destination port.
pub(super) fn is_icmp(target: Target) -> bool {
    matches!(target, Target::Icmp | Target::IcmpType | Target::IcmpCode)
}

/// Whether several fields may become this, each where it has a value.
pub(super) fn may_repeat(target: Target) -> bool {
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
pub(super) fn is_also_kept(field: Field) -> bool {
    field.enterprise == 0 && is_also_kept_number(field.number)
}

const fn is_also_kept_number(number: u16) -> bool {
    matches!(number, 48 | 302 | 304 | 306 | 309..=311 | 323)
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
    (!says_nothing && field.length > 0).then_some(Target::Extra(field, trim))
}

//! Predicates as text, in the filter language: a normal form that reads back to the same predicate.

use std::fmt::{Display, Formatter, Result, Write};

use super::{AddressField, AddressSet, NumberField, NumberSet, Predicate};
use crate::flow::{Family, UnixMillis};

impl Display for Predicate {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Family(Family::V4) => f.write_str("ipv4"),
            Self::Family(Family::V6) => f.write_str("ipv6"),
            Self::Address(field, set) => address(f, *field, set),
            Self::Number(field, set) => numbers(f, *field, set),
            Self::Bits(field, bits) => write!(f, "{field} has {bits}"),
            Self::And(terms) if terms.is_empty() => f.write_str("any"),
            Self::Or(terms) if terms.is_empty() => f.write_str("not any"),
            Self::And(terms) => joined(f, terms, " and "),
            Self::Or(terms) => joined(f, terms, " or "),
            Self::Not(term) => write!(f, "not {}", Nested(term)),
        }
    }
}

/// A term inside of another: in parentheses where it is made of several.
struct Nested<'a>(&'a Predicate);

impl Display for Nested<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self.0 {
            Predicate::And(terms) | Predicate::Or(terms) if !terms.is_empty() => {
                write!(f, "({})", self.0)
            }
            term => write!(f, "{term}"),
        }
    }
}

fn joined(f: &mut Formatter<'_>, terms: &[Predicate], with: &str) -> Result {
    for (place, term) in terms.iter().enumerate() {
        if place > 0 {
            f.write_str(with)?;
        }
        write!(f, "{}", Nested(term))?;
    }
    Ok(())
}

fn address(f: &mut Formatter<'_>, field: AddressField, set: &AddressSet) -> Result {
    match set.host() {
        Some(host) => write!(f, "{field} {host}"),
        None => write!(f, "{field} in {set}"),
    }
}

impl Display for NumberField {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            Self::Protocol => "proto",
            Self::SrcPort => "src port",
            Self::DstPort => "dst port",
            Self::Octets => "bytes",
            Self::Packets => "packets",
            Self::Duration => "duration",
            Self::TcpFlags => "flags",
            Self::Tos => "tos",
            Self::Input => "in if",
            Self::Output => "out if",
            Self::SrcAs => "src as",
            Self::DstAs => "dst as",
            Self::SrcMask => "src mask",
            Self::DstMask => "dst mask",
            Self::First => "first seen",
            Self::Last => "last seen",
            Self::PacketsPerSecond => "pps",
            Self::BitsPerSecond => "bps",
            Self::BytesPerPacket => "bpp",
            Self::IcmpType => "icmp-type",
            Self::IcmpCode => "icmp-code",
            Self::Engine => "observation domain id",
            Self::EngineType => "engine-type",
            Self::EngineId => "engine-id",
            Self::Sampling => "sampling",
            Self::Element(id) => return write!(f, "element {}", id.number),
        })
    }
}

fn numbers(f: &mut Formatter<'_>, field: NumberField, set: &NumberSet) -> Result {
    let number = |f: &mut Formatter<'_>, number: u64| match field {
        NumberField::First | NumberField::Last => {
            write!(f, "{}", UnixMillis(number).timestamp())
        }
        _ => write!(f, "{number}"),
    };
    let (operator, bound) = match *set.ranges() {
        [(first, last)] if first == last => ("=", first),
        [(first, u64::MAX)] => (">=", first),
        [(0, last)] => ("<=", last),
        ref ranges => {
            write!(f, "{field} in [")?;
            for (place, &(first, last)) in ranges.iter().enumerate() {
                f.write_str(if place == 0 { "" } else { " " })?;
                number(f, first)?;
                if first != last {
                    f.write_char('-')?;
                    number(f, last)?;
                }
            }
            return f.write_char(']');
        }
    };
    write!(f, "{field} {operator} ")?;
    number(f, bound)
}

impl Display for AddressField {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            Self::Src => "src ip",
            Self::Dst => "dst ip",
            Self::NextHop => "next ip",
            Self::Exporter => "router ip",
            Self::Element(id) => return write!(f, "element {}", id.number),
        })
    }
}

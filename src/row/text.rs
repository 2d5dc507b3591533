//! Predicates as text, in the filter language: a normal form that reads back to the same predicate.
//! The alternate form, `{:#}`, is for people: it leaves most of a long set out.

use std::fmt::{Display, Formatter, Result};

use super::shown::{is_in_hex, is_number};
use super::{AddressField, AddressSet, NumberField, NumberSet, Predicate};
use crate::flow::{
    Column, ElementId, EventKind, Family, Kind, Protocol, REVERSE_ENTERPRISE, UnixMillis, element,
};

/// So many ranges of a set are shown to people.
const SHOWN_RANGES: usize = 8;

/// The letters of TCP flags, from the lowest bit.
const FLAG_LETTERS: [char; 8] = ['F', 'S', 'R', 'P', 'A', 'U', 'E', 'C'];

impl Display for Predicate {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::And(terms) if terms.is_empty() => f.write_str("any"),
            Self::Or(terms) if terms.is_empty() => f.write_str("not any"),
            Self::And(terms) => joined(f, terms, " and "),
            Self::Or(terms) => joined(f, terms, " or "),
            Self::Not(term) => {
                f.write_str("not ")?;
                nested(f, term)
            }
            term => test(f, term, None),
        }
    }
}

/// What both ends are asked for at once: `port` for either of them, `src and dst port` for both.
#[derive(Clone, Copy)]
enum Ends {
    Either,
    Both,
}

/// Terms with a word between them; two that ask the same of both ends are one.
fn joined(f: &mut Formatter<'_>, terms: &[Predicate], with: &str) -> Result {
    let ends = if with == " or " { Ends::Either } else { Ends::Both };
    let mut rest = terms;
    while let Some((term, behind)) = rest.split_first() {
        if rest.len() < terms.len() {
            f.write_str(with)?;
        }
        rest = behind;
        match behind.split_first() {
            Some((other, behind)) if are_of_both_ends(term, other, ends) => {
                test(f, term, Some(ends))?;
                rest = behind;
            }
            _ => nested(f, term)?,
        }
    }
    Ok(())
}

/// A term inside of another: in parentheses where it is made of several.
fn nested(f: &mut Formatter<'_>, term: &Predicate) -> Result {
    let is_one = match term {
        Predicate::And(terms) | Predicate::Or(terms) => {
            let ends = if matches!(term, Predicate::Or(_)) { Ends::Either } else { Ends::Both };
            match &terms[..] {
                [] => true,
                [src, dst] => are_of_both_ends(src, dst, ends),
                _ => false,
            }
        }
        _ => true,
    };
    if is_one {
        return term.fmt(f);
    }
    f.write_str("(")?;
    term.fmt(f)?;
    f.write_str(")")
}

/// Whether two terms ask the same of the source and of the destination.
fn are_of_both_ends(src: &Predicate, dst: &Predicate, ends: Ends) -> bool {
    match (src, dst) {
        (
            Predicate::Address(AddressField::Src, set),
            Predicate::Address(AddressField::Dst, other),
        ) => set == other,
        (Predicate::Number(src, set), Predicate::Number(dst, other)) => {
            of_both_ends(*src, ends) == Some(*dst) && set == other
        }
        (Predicate::Bits(src, bits), Predicate::Bits(dst, other)) => {
            of_both_ends(*src, ends) == Some(*dst) && bits == other
        }
        _ => false,
    }
}

/// What is `field` of the other end, where one word means both.
fn of_both_ends(field: NumberField, ends: Ends) -> Option<NumberField> {
    match field {
        NumberField::Column(Column::SrcPort) => Some(NumberField::Column(Column::DstPort)),
        NumberField::Column(Column::SrcAs) => Some(NumberField::Column(Column::DstAs)),
        NumberField::Column(Column::SrcMask) => Some(NumberField::Column(Column::DstMask)),
        NumberField::Column(Column::Input) if matches!(ends, Ends::Either) => {
            Some(NumberField::Column(Column::Output))
        }
        _ => None,
    }
}

/// A term that is no join of others; one of the source may stand for both ends.
fn test(f: &mut Formatter<'_>, term: &Predicate, ends: Option<Ends>) -> Result {
    let name = |name: String| match ends {
        None => name,
        Some(ends) => {
            let bare = name.trim_start_matches("src ").trim_start_matches("in ");
            if matches!(ends, Ends::Both) { format!("src and dst {bare}") } else { bare.to_owned() }
        }
    };
    match term {
        Predicate::Family(Family::V4) => f.write_str("ipv4"),
        Predicate::Family(Family::V6) => f.write_str("ipv6"),
        Predicate::Address(field, set) => address(f, name(field.to_string()), set),
        Predicate::Number(field, set) => numbers(f, *field, &name(field.to_string()), set),
        Predicate::Bits(NumberField::Column(Column::TcpFlags), bits @ 1..=0xff) => {
            write!(f, "flags {}", letters(*bits))
        }
        Predicate::Bits(field @ (NumberField::Column(Column::First) | NumberField::Last), bits) => {
            write!(f, "{} has {}", name(field.to_string()), UnixMillis(*bits))
        }
        Predicate::Bits(field, bits) => write!(f, "{} has {bits}", name(field.to_string())),
        Predicate::Nat(end) => write!(f, "nat ip {end}"),
        Predicate::Community(ids) => {
            let ids: Vec<_> = ids.iter().map(|id| format!("\"{id}\"")).collect();
            match &ids[..] {
                [id] => write!(f, "community id {id}"),
                ids => write!(f, "community id in [{}]", ids.join(" ")),
            }
        }
        Predicate::Led(rows) => write!(f, "led by {rows}"),
        Predicate::Shown(id, shown) => {
            write!(f, "element {} = {shown}", element_name(*id, |kind| !is_number(kind)))
        }
        Predicate::And(_) | Predicate::Or(_) | Predicate::Not(_) => Ok(()),
    }
}

fn address(f: &mut Formatter<'_>, mut name: String, set: &AddressSet) -> Result {
    if !set.is_one_block() {
        write!(f, "{name} in ")?;
        return set.fmt(f);
    }
    if set.host().is_none() && name.ends_with("ip") {
        name.truncate(name.len() - 2);
        name += "net";
    }
    write!(f, "{name} {set}")
}

/// TCP flags as letters.
fn letters(bits: u64) -> String {
    let set = FLAG_LETTERS.iter().enumerate().filter(|(place, _)| bits >> place & 1 == 1);
    set.map(|(_, letter)| letter).collect()
}

impl Display for NumberField {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.pad(match self {
            Self::Column(column) => column.word(),
            Self::AnyFlags => "tcpFlags",
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
            Self::Element(id) if *id == ElementId::iana(EventKind::Reason.element()) => "xevent",
            Self::Element(id) => {
                let may_be_number = |kind| is_number(kind) || kind == Kind::Octets;
                return write!(f, "element {}", element_name(*id, may_be_number));
            }
        })
    }
}

/// The name of an element by which it is asked for; where that would be something else, because it
/// becomes a common field or because its values are of another kind, its numbers.
fn element_name(id: ElementId, is_kind: impl Fn(Kind) -> bool) -> String {
    let ElementId { number, enterprise } = id;
    let is_common =
        NumberField::of_element(number).is_some() || AddressField::of_element(number).is_some();
    match (enterprise, element(number)) {
        (0, Some(known)) if !is_common && is_kind(known.kind) => known.name.to_owned(),
        (REVERSE_ENTERPRISE, Some(known)) if is_kind(known.kind) => {
            let (first, rest) = known.name.split_at(1);
            format!("reverse{}{rest}", first.to_ascii_uppercase())
        }
        _ => format!("{enterprise}/{number}"),
    }
}

/// One number of `field`.
fn number(field: NumberField, number: u64) -> String {
    match field {
        NumberField::Column(Column::First) | NumberField::Last => UnixMillis(number).to_string(),
        NumberField::Column(Column::TcpFlags) if (1..=0xff).contains(&number) => letters(number),
        NumberField::Column(Column::Protocol) => {
            protocol(number).unwrap_or_else(|| number.to_string())
        }
        NumberField::Element(id)
            if id.known().is_some_and(|known| known.kind == Kind::Mac) && number >> 48 == 0 =>
        {
            let bytes = number.to_be_bytes().map(|byte| format!("{byte:02x}"));
            bytes[2..].join(":")
        }
        _ => number.to_string(),
    }
}

/// The name of a protocol, if it is no other's, too.
fn protocol(number: u64) -> Option<String> {
    let protocol = Protocol(u8::try_from(number).ok()?);
    let name = protocol.name()?;
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic());
    (plain && starts && Protocol::named(name) == Some(protocol)).then(|| name.to_ascii_lowercase())
}

fn numbers(f: &mut Formatter<'_>, field: NumberField, name: &str, set: &NumberSet) -> Result {
    let number = |of| number(field, of);
    // An even count of digits alone would be bytes.
    let alone = |of| match number(of) {
        digits if is_in_hex(field) && digits.len() % 2 == 0 => format!("{of:#x}"),
        digits => digits,
    };
    match *set.ranges() {
        [(first, last)] if first == last => write!(f, "{name} = {}", alone(first)),
        [(first, u64::MAX)] => write!(f, "{name} >= {}", number(first)),
        [(0, last)] => write!(f, "{name} <= {}", number(last)),
        ref ranges => {
            write!(f, "{name} in [")?;
            let shown = if f.alternate() { SHOWN_RANGES } else { ranges.len() };
            for (place, &(first, last)) in ranges.iter().take(shown).enumerate() {
                f.write_str(if place == 0 { "" } else { " " })?;
                f.write_str(&if first == last { alone(first) } else { number(first) })?;
                if first == last {
                    continue;
                }
                if last == u64::MAX {
                    f.write_str("..")?;
                } else {
                    write!(f, "..{}", number(last))?;
                }
            }
            left_out(f, ranges.len() - shown.min(ranges.len()))?;
            f.write_str("]")
        }
    }
}

/// Says how many ranges are not shown.
pub(super) fn left_out(f: &mut Formatter<'_>, count: usize) -> Result {
    if count == 0 { Ok(()) } else { write!(f, " … {count} more") }
}

impl Display for AddressField {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.pad(match self {
            Self::Src => Column::Src.word(),
            Self::Dst => Column::Dst.word(),
            Self::NextHop => Column::NextHop.word(),
            Self::Exporter => "router ip",
            Self::Nat => Column::Nat.word(),
            Self::Element(id) => {
                let is_address = |kind| matches!(kind, Kind::Address(_));
                return write!(f, "element {}", element_name(*id, is_address));
            }
        })
    }
}

impl AddressSet {
    /// Whether it is written as one address or block.
    fn is_one_block(&self) -> bool {
        self.len() == 1
            && self.file().is_none()
            && self.ranges().all(|range| range.block().is_some())
    }
}

impl Display for AddressSet {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if let Some(file) = self.file() {
            let escaped = file.replace('\\', "\\\\").replace('"', "\\\"");
            return write!(f, "@\"{escaped}\"");
        }
        if self.is_one_block() {
            return self.ranges().try_for_each(|range| write!(f, "{range}"));
        }
        f.write_str("[")?;
        let shown = if f.alternate() { SHOWN_RANGES } else { usize::MAX };
        for (place, range) in self.ranges().take(shown).enumerate() {
            write!(f, "{}{range}", if place == 0 { "" } else { " " })?;
        }
        left_out(f, self.len().saturating_sub(shown))?;
        f.write_str("]")
    }
}

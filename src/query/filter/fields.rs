//! Which fields a term asks for: the keyword, and the words before it that say of which end, which
//! way or which kind.

use std::ops::Range;

use super::values::Values;
use crate::flow::{Column, ElementId, EventKind, Family, Kind, REVERSE_ENTERPRISE};
use crate::meaning::Attribute;
use crate::row::{AddressField, AddressRange, AddressSet, NumberField, NumberSet, Predicate};

/// What a term asks for, before its test is read.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Term {
    Number(Fields<NumberField>, Values),
    Address(Fields<AddressField>),
    /// What addresses are called.
    Meant(Attribute, Fields<AddressField>),
    /// An element of this kind, whose values are neither plain numbers nor addresses; of bytes
    /// where nothing is known of it.
    Shown(ElementId, Kind),
    /// What exporters call something.
    Named(Named),
    /// The Community ID.
    Community,
    /// It needs no test.
    Whole(Predicate),
}

/// What exporters have names for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    Input,
    Output,
    IngressVrf,
    EgressVrf,
    Application,
}

/// Fields of one kind: for each end of a flow those of which one must pass.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fields<F> {
    ends: Vec<Vec<F>>,
    /// Whether it must hold of every end, and not of one only.
    all: bool,
    /// Whether only flows of ICMP have them.
    icmp: bool,
    /// What is asked in place of these where a flow has it.
    instead: Option<F>,
}

/// What may be tested for, and whether a flow has it.
pub(super) trait Field: Copy {
    fn is_there(self) -> Predicate;
}

impl Field for NumberField {
    fn is_there(self) -> Predicate {
        Predicate::Number(self, NumberSet::between(0, u64::MAX))
    }
}

impl Field for AddressField {
    fn is_there(self) -> Predicate {
        Predicate::Address(self, AddressSet::new([Family::V4, Family::V6].map(AddressRange::all)))
    }
}

impl<F: Field> Fields<F> {
    fn any(fields: &[F]) -> Self {
        Self { ends: vec![fields.to_vec()], all: false, icmp: false, instead: None }
    }

    fn of(end: Option<End>, src: &[F], dst: &[F]) -> Self {
        let both = || vec![src.to_vec(), dst.to_vec()];
        match end {
            Some(End::Src) => Self::any(src),
            Some(End::Dst) => Self::any(dst),
            None | Some(End::Either) => Self { ends: both(), ..Self::any(&[]) },
            Some(End::Both) => Self { ends: both(), all: true, ..Self::any(&[]) },
        }
    }

    /// Each of the fields.
    fn each(&self) -> impl Iterator<Item = F> {
        self.ends.iter().flatten().copied()
    }

    /// The term that has `test` of each of the fields.
    pub(super) fn testing(&self, test: impl Fn(F) -> Predicate) -> Predicate {
        let ends = self.ends.iter().map(|fields| Predicate::or(fields.iter().map(|&f| test(f))));
        let mut passes = if self.all { Predicate::and(ends) } else { Predicate::or(ends) };
        if self.icmp {
            let icmp = NumberSet::new(vec![(1, 1), (58, 58)]);
            passes = Predicate::and([
                Predicate::Number(NumberField::Column(Column::Protocol), icmp),
                passes,
            ]);
        }
        if let Some(other) = self.instead {
            let lacks_it = Predicate::not(other.is_there());
            passes = Predicate::or([test(other), Predicate::and([lacks_it, passes])]);
        }
        passes
    }

    /// These fields without those that `keep` says no to, unless none would be left.
    pub(super) fn keeping(mut self, keep: impl Fn(F) -> bool) -> Self {
        for fields in &mut self.ends {
            if fields.iter().any(|&field| keep(field)) {
                fields.retain(|&field| keep(field));
            }
        }
        self
    }
}

impl Fields<NumberField> {
    /// Whether they are the autonomous systems of ends.
    pub(super) fn are_asns(&self) -> bool {
        let is_one = |field| matches!(field, NumberField::Column(Column::SrcAs | Column::DstAs));
        self.each().all(is_one)
    }
}

impl Term {
    pub(super) fn number(field: NumberField) -> Self {
        Self::numbers(Fields::any(&[field]))
    }

    /// The number `field`, or in its place `instead` where a flow has that.
    pub(super) fn number_or(
        field: NumberField,
        instead: Option<NumberField>,
        values: Values,
    ) -> Self {
        Self::Number(Fields { instead, ..Fields::any(&[field]) }, values)
    }

    /// Type and code of ICMP in one number.
    pub(super) fn icmp() -> Self {
        let port = Fields { icmp: true, ..Fields::any(&[NumberField::Column(Column::DstPort)]) };
        Self::Number(port, Values::UpTo(u16::MAX.into()))
    }

    pub(super) fn address(field: AddressField) -> Self {
        Self::address_or(field, None)
    }

    /// The address `field`, or in its place `instead` where a flow has that.
    pub(super) fn address_or(field: AddressField, instead: Option<AddressField>) -> Self {
        Self::Address(Fields { instead, ..Fields::any(&[field]) })
    }

    /// Labels of MPLS in any of `fields`.
    pub(super) fn labels(fields: &[NumberField]) -> Self {
        Self::Number(Fields::any(fields), Values::Label)
    }

    fn numbers(fields: Fields<NumberField>) -> Self {
        let values = fields.ends.iter().flatten().next().map_or(Values::UpTo(u64::MAX), values_of);
        Self::Number(fields, values)
    }
}

/// What the values of `field` are.
pub(super) fn values_of(field: &NumberField) -> Values {
    match field {
        NumberField::Column(column) => match column {
            Column::Protocol => Values::Protocol,
            Column::TcpFlags => Values::Flags,
            Column::First => Values::Time,
            Column::Duration => Values::Millis,
            column => Values::UpTo(column.kind().greatest()),
        },
        NumberField::IcmpType
        | NumberField::IcmpCode
        | NumberField::EngineType
        | NumberField::EngineId => Values::UpTo(u8::MAX.into()),
        NumberField::AnyFlags => Values::Flags,
        NumberField::Engine | NumberField::Sampling => Values::UpTo(u32::MAX.into()),
        NumberField::Last => Values::Time,
        NumberField::PacketsPerSecond
        | NumberField::BitsPerSecond
        | NumberField::BytesPerPacket => Values::UpTo(u64::MAX),
        NumberField::Element(id) => match (id.number, id.known().map(|element| element.kind)) {
            (52 | 53 | 55 | 192, _) if id.enterprise == 0 => Values::UpTo(u8::MAX.into()),
            (61, _) if id.enterprise == 0 => Values::FlowDirection,
            (89, _) if id.enterprise == 0 => Values::Forwarding,
            (230, _) if id.enterprise == 0 => Values::Event(EventKind::Nat),
            (233, _) if id.enterprise == 0 => Values::Event(EventKind::Firewall),
            (227 | 228 | 256, _) if id.enterprise == 0 => Values::UpTo(u16::MAX.into()),
            (_, Some(Kind::Mac)) => Values::Mac,
            (_, Some(Kind::Boolean)) => Values::Truth,
            (_, Some(kind @ (Kind::Seconds | Kind::Millis | Kind::Ntp))) => Values::Stamp(kind),
            _ => Values::UpTo(u64::MAX),
        },
    }
}

/// An end of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Src,
    Dst,
    Either,
    Both,
}

/// A way through the router.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    In,
    Out,
}

/// Which of several things of one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    Nat,
    Next,
    BgpNext,
    Previous,
    Router,
    Min,
    Max,
}

/// The words before a keyword.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Qualifiers {
    pub(super) end: Option<End>,
    pub(super) way: Option<Way>,
    pub(super) which: Option<Which>,
    /// Where they stand.
    pub(super) span: Range<usize>,
}

/// A keyword, as far as it alone tells what is meant.
#[derive(Debug)]
pub(super) enum Meaning {
    Term(Term),
    /// The keyword is known, but not behind these qualifiers; those that it may have.
    Misplaced(&'static str),
}

const fn column(column: Column) -> NumberField {
    NumberField::Column(column)
}

const fn iana(number: u16) -> NumberField {
    NumberField::Element(ElementId::iana(number))
}

const fn reverse(number: u16) -> NumberField {
    NumberField::Element(ElementId { number, enterprise: REVERSE_ENTERPRISE })
}

const fn address(number: u16) -> AddressField {
    AddressField::Element(ElementId::iana(number))
}

/// What `keyword`, in small letters, means behind `qualifiers`. None if it is no keyword that names
/// fields.
pub(super) fn meaning(keyword: &str, qualifiers: &Qualifiers) -> Option<Meaning> {
    meant(keyword, qualifiers).or_else(|| of_fields(keyword, qualifiers))
}

/// What addresses are called; `geo` is nfdump's word for countries.
fn meant(keyword: &str, qualifiers: &Qualifiers) -> Option<Meaning> {
    let keyword = if keyword == "geo" { Attribute::Country.word() } else { keyword };
    let attribute = Attribute::ALL.into_iter().find(|known| known.word() == keyword)?;
    if (qualifiers.way, qualifiers.which) != (None, None) {
        return Some(Meaning::Misplaced("src, dst, or no word before it"));
    }
    let fields = Fields::of(qualifiers.end, &[AddressField::Src], &[AddressField::Dst]);
    Some(Meaning::Term(Term::Meant(attribute, fields)))
}

fn of_fields(keyword: &str, qualifiers: &Qualifiers) -> Option<Meaning> {
    let Qualifiers { end, way, which, .. } = *qualifiers;
    let bare = (end, way, which) == (None, None, None);
    let numbers = |fields| Some(Meaning::Term(Term::numbers(fields)));
    let plain = |field: NumberField| {
        let term = Meaning::Term(Term::number(field));
        Some(if bare { term } else { Meaning::Misplaced("no word before it") })
    };
    let misplaced = |expected| Some(Meaning::Misplaced(expected));
    match keyword {
        "ip" | "host" | "net" => match addresses(qualifiers) {
            Some(fields) => Some(Meaning::Term(Term::Address(fields))),
            None => misplaced("src, dst, nat, next, bgp next, router, or no word before it"),
        },
        "port" => match (way, which) {
            (None, None) => {
                numbers(Fields::of(end, &[column(Column::SrcPort)], &[column(Column::DstPort)]))
            }
            (None, Some(Which::Nat)) => numbers(Fields::of(end, &[iana(227)], &[iana(228)])),
            _ => misplaced("src, dst, nat, or no word before it"),
        },
        "as" | "asn" => match (end, way, which) {
            (_, None, None) => {
                numbers(Fields::of(end, &[column(Column::SrcAs)], &[column(Column::DstAs)]))
            }
            (None, None, Some(Which::Next)) => numbers(Fields::any(&[iana(128)])),
            (None, None, Some(Which::Previous)) => numbers(Fields::any(&[iana(129)])),
            _ => misplaced("src, dst, next, prev, or no word before it"),
        },
        "mask" => match (way, which) {
            (None, None) => {
                numbers(Fields::of(end, &[column(Column::SrcMask)], &[column(Column::DstMask)]))
            }
            _ => misplaced("src, dst, or no word before it"),
        },
        "tos" => match (end, way, which) {
            (None | Some(End::Src), None, None) => numbers(Fields::any(&[column(Column::Tos)])),
            (Some(End::Dst), None, None) => numbers(Fields::any(&[iana(55)])),
            _ => misplaced("src, dst, or no word before it"),
        },
        "if" | "interface" => match (end, which) {
            (None, None) => {
                let (input, output) = ([column(Column::Input)], [column(Column::Output)]);
                numbers(Fields::of(as_end(way), &input, &output))
            }
            _ => misplaced("in, out, or no word before it"),
        },
        "vlan" => match (end, way, which) {
            (Some(_), None, None) | (None, _, None) => {
                let (src, dst) = ([iana(58), iana(243)], [iana(59), iana(254)]);
                numbers(Fields::of(end.or(as_end(way)), &src, &dst))
            }
            _ => misplaced("src, dst, in, out, or no word before it"),
        },
        "vrf" => match (end, which) {
            (None, None) => numbers(Fields::of(as_end(way), &[iana(234)], &[iana(235)])),
            _ => misplaced("in, out, ingress, egress, or no word before it"),
        },
        "mac" => match which {
            None => numbers(macs(end, way)),
            Some(_) => misplaced("in, out, src, dst, or no word before it"),
        },
        "bytes" | "octets" => match (end, way, which) {
            (None, None | Some(Way::In), None) => numbers(Fields::any(&[column(Column::Octets)])),
            (None, Some(Way::Out), None) => {
                let told = [iana(23), iana(171), iana(232), reverse(85)];
                numbers(Fields { instead: Some(reverse(1)), ..Fields::any(&told) })
            }
            _ => misplaced("in, out, or no word before it"),
        },
        "packets" => match (end, way, which) {
            (None, None | Some(Way::In), None) => numbers(Fields::any(&[column(Column::Packets)])),
            (None, Some(Way::Out), None) => {
                let told = [iana(24), iana(172), iana(299), reverse(86)];
                numbers(Fields { instead: Some(reverse(2)), ..Fields::any(&told) })
            }
            _ => misplaced("in, out, or no word before it"),
        },
        "ttl" => match (end, way, which) {
            (None, None, None) => numbers(Fields::any(&[iana(192), iana(52), iana(53)])),
            (None, None, Some(Which::Min)) => numbers(Fields::any(&[iana(52)])),
            (None, None, Some(Which::Max)) => numbers(Fields::any(&[iana(53)])),
            _ => misplaced("min, max, or no word before it"),
        },
        "protocol" => plain(column(Column::Protocol)),
        "pps" => plain(NumberField::PacketsPerSecond),
        "bps" => plain(NumberField::BitsPerSecond),
        "bpp" => plain(NumberField::BytesPerPacket),
        "icmp-type" => plain(NumberField::IcmpType),
        "icmp-code" => plain(NumberField::IcmpCode),
        "engine-type" => plain(NumberField::EngineType),
        "engine-id" => plain(NumberField::EngineId),
        "sampling" => plain(NumberField::Sampling),
        "fwdstat" => plain(iana(89)),
        "flowdir" => plain(iana(61)),
        "ethertype" => plain(iana(256)),
        word => plain(numbers_called(word).map(column).or_else(|| numbers_shown_as(word))?),
    }
}

/// The column of numbers that filters call `word`.
fn numbers_called(word: &str) -> Option<Column> {
    let is_called =
        |column: &Column| column.word() == word && column.kind().number_bytes().is_some();
    Column::ALL.into_iter().filter(|&column| column != Column::Source).find(is_called)
}

/// The number that JSON, or nfdump's CSV, calls `word`, where filters have no word of their own.
fn numbers_shown_as(word: &str) -> Option<NumberField> {
    Some(match word {
        "tcpflags" => NumberField::AnyFlags,
        "time" | "firstseen" => column(Column::First),
        "lastseen" => NumberField::Last,
        "obsdomainid" => NumberField::Engine,
        "obspointid" => iana(138),
        "bidirection" => iana(239),
        "endreason" => iana(136),
        "connectionid" => iana(148),
        "eventtime" => iana(323),
        "ingressvrfid" => iana(234),
        "egressvrfid" => iana(235),
        "pbstart" => iana(361),
        "pbend" => iana(362),
        "pbstep" => iana(363),
        "pbsize" => iana(364),
        _ => return None,
    })
}

fn as_end(way: Option<Way>) -> Option<End> {
    way.map(|way| if way == Way::In { End::Src } else { End::Dst })
}

fn addresses(qualifiers: &Qualifiers) -> Option<Fields<AddressField>> {
    let Qualifiers { end, way: None, which, .. } = *qualifiers else { return None };
    Some(match (end, which) {
        (_, None) => Fields::of(end, &[AddressField::Src], &[AddressField::Dst]),
        (_, Some(Which::Nat)) => {
            Fields::of(end, &[address(225), address(281)], &[address(226), address(282)])
        }
        (None, Some(Which::Next)) => Fields::any(&[AddressField::NextHop]),
        (None, Some(Which::BgpNext)) => Fields::any(&[address(18), address(63)]),
        (None, Some(Which::Router)) => Fields::any(&[AddressField::Exporter]),
        _ => return None,
    })
}

/// MAC addresses: as frames came in, and as they went out.
fn macs(end: Option<End>, way: Option<Way>) -> Fields<NumberField> {
    let (in_src, in_dst, out_src, out_dst) = (iana(56), iana(80), iana(81), iana(57));
    match way {
        Some(Way::In) => Fields::of(end, &[in_src], &[in_dst]),
        Some(Way::Out) => Fields::of(end, &[out_src], &[out_dst]),
        None => Fields::of(end, &[in_src, out_src], &[in_dst, out_dst]),
    }
}

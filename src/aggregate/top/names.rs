//! The names of keys, in the words of this program and of nfdump.

use super::element::ElementKey;
use super::field::{End, KeyField, Prefix};
use crate::flow::{Column, ElementId, EventKind, Kind};

/// So many of the names are those that this program tells.
pub(super) const TOLD: usize = 49;

/// A name, and what it means. Upper case, blanks, `-` and `_` in a name make no difference.
pub(super) const NAMES: [(&str, &[KeyField]); 84] = [
    ("src", &[SRC]),
    ("dst", &[DST]),
    ("ip", &[IP]),
    ("srcport", &[KeyField::Number(Column::SrcPort)]),
    ("dstport", &[KeyField::Number(Column::DstPort)]),
    ("port", &[KeyField::OfEither(Column::SrcPort)]),
    ("proto", &[KeyField::Number(Column::Protocol)]),
    ("pair", &[KeyField::Pair]),
    ("5tuple", &KeyField::FIVE_TUPLE),
    ("srcnet", &[KeyField::Route(End::Src)]),
    ("dstnet", &[KeyField::Route(End::Dst)]),
    ("net", &[KeyField::Route(End::Any)]),
    ("srcas", &[KeyField::Number(Column::SrcAs)]),
    ("dstas", &[KeyField::Number(Column::DstAs)]),
    ("as", &[KeyField::OfEither(Column::SrcAs)]),
    ("input", &[KeyField::Number(Column::Input)]),
    ("output", &[KeyField::Number(Column::Output)]),
    ("if", &[KeyField::OfEither(Column::Input)]),
    ("exporter", &[KeyField::Exporter]),
    ("nexthop", &[KeyField::NextHop]),
    ("flags", &[KeyField::Number(Column::TcpFlags)]),
    ("tos", &[KeyField::Number(Column::Tos)]),
    ("event", &[KeyField::Event(EventKind::Firewall)]),
    ("xevent", &[KeyField::Event(EventKind::Reason)]),
    ("natevent", &[KeyField::Event(EventKind::Nat)]),
    ("vlan", &[KeyField::EitherElement(SRC_VLAN, DST_VLAN)]),
    ("srcvlan", &[KeyField::Element(SRC_VLAN)]),
    ("dstvlan", &[KeyField::Element(DST_VLAN)]),
    ("mac", &[KeyField::EitherElement(SRC_MAC, DST_MAC)]),
    ("srcmac", &[KeyField::Element(SRC_MAC)]),
    ("dstmac", &[KeyField::Element(DST_MAC)]),
    ("insrcmac", &[KeyField::Element(either(56, 56, Kind::Mac))]),
    ("indstmac", &[KeyField::Element(either(80, 80, Kind::Mac))]),
    ("outsrcmac", &[KeyField::Element(either(81, 81, Kind::Mac))]),
    ("outdstmac", &[KeyField::Element(either(57, 57, Kind::Mac))]),
    ("vrf", &[KeyField::EitherElement(IN_VRF, OUT_VRF)]),
    ("ingressvrf", &[KeyField::Element(IN_VRF)]),
    ("egressvrf", &[KeyField::Element(OUT_VRF)]),
    ("application", &[KeyField::Element(either(95, 95, Kind::Octets))]),
    ("mpls1", &[KeyField::Element(ElementKey::label(1))]),
    ("mpls2", &[KeyField::Element(ElementKey::label(2))]),
    ("mpls3", &[KeyField::Element(ElementKey::label(3))]),
    ("mpls4", &[KeyField::Element(ElementKey::label(4))]),
    ("mpls5", &[KeyField::Element(ElementKey::label(5))]),
    ("mpls6", &[KeyField::Element(ElementKey::label(6))]),
    ("mpls7", &[KeyField::Element(ElementKey::label(7))]),
    ("mpls8", &[KeyField::Element(ElementKey::label(8))]),
    ("mpls9", &[KeyField::Element(ElementKey::label(9))]),
    ("mpls10", &[KeyField::Element(ElementKey::label(10))]),
    // What else people call them.
    ("srcip", &[SRC]),
    ("srcaddr", &[SRC]),
    ("srcaddress", &[SRC]),
    ("dstip", &[DST]),
    ("dstaddr", &[DST]),
    ("dstaddress", &[DST]),
    ("addr", &[IP]),
    ("address", &[IP]),
    ("host", &[IP]),
    ("sport", &[KeyField::Number(Column::SrcPort)]),
    ("dport", &[KeyField::Number(Column::DstPort)]),
    ("protocol", &[KeyField::Number(Column::Protocol)]),
    ("pairs", &[KeyField::Pair]),
    ("tuple", &KeyField::FIVE_TUPLE),
    ("record", &KeyField::FIVE_TUPLE),
    ("asn", &[KeyField::OfEither(Column::SrcAs)]),
    ("in", &[KeyField::Number(Column::Input)]),
    ("inif", &[KeyField::Number(Column::Input)]),
    ("out", &[KeyField::Number(Column::Output)]),
    ("outif", &[KeyField::Number(Column::Output)]),
    ("interface", &[KeyField::OfEither(Column::Input)]),
    ("router", &[KeyField::Exporter]),
    ("routerip", &[KeyField::Exporter]),
    ("nhip", &[KeyField::NextHop]),
    ("next", &[KeyField::NextHop]),
    ("nh", &[KeyField::NextHop]),
    ("tcpflags", &[KeyField::Number(Column::TcpFlags)]),
    ("srctos", &[KeyField::Number(Column::Tos)]),
    ("evt", &[KeyField::Event(EventKind::Firewall)]),
    ("nevt", &[KeyField::Event(EventKind::Nat)]),
    ("nat", &[KeyField::Event(EventKind::Nat)]),
    ("mpls", &[KeyField::Element(ElementKey::label(1))]),
    ("ivrf", &[KeyField::Element(IN_VRF)]),
    ("evrf", &[KeyField::Element(OUT_VRF)]),
    ("app", &[KeyField::Element(either(95, 95, Kind::Octets))]),
];

// Of the two elements that tell a VLAN the first is what most exporters send, as filters have it.
pub(super) const SRC_VLAN: ElementKey = either(58, 243, Kind::Unsigned);
pub(super) const DST_VLAN: ElementKey = either(59, 254, Kind::Unsigned);
// As the frame came in, or else as it went out.
const SRC_MAC: ElementKey = either(56, 81, Kind::Mac);
const DST_MAC: ElementKey = either(80, 57, Kind::Mac);
const IN_VRF: ElementKey = either(234, 234, Kind::Unsigned);
const OUT_VRF: ElementKey = either(235, 235, Kind::Unsigned);

const fn either(first: u16, second: u16, kind: Kind) -> ElementKey {
    let ids = [ElementId::iana(first), ElementId::iana(second)];
    ElementKey { ids, kind, is_label: false }
}

pub(super) const SRC: KeyField = KeyField::Address(End::Src, Prefix::WHOLE);
pub(super) const DST: KeyField = KeyField::Address(End::Dst, Prefix::WHOLE);
const IP: KeyField = KeyField::Address(End::Any, Prefix::WHOLE);

/// What may be written, for people who wrote something else.
pub(super) const KNOWN: &str = "src, dst, ip, src/24, srcport, dstport, port, proto, pair, 5-tuple, srcnet, \
                     dstnet, srcas, dstas, as, input, output, if, exporter, nexthop, flags, tos, \
                     event, xevent, natevent, country, city, asname, network, role, site, tenant, \
                     vlan, mac, vrf, mpls, application, bin:5m or element:NAME";

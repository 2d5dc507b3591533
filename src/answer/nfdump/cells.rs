//! nfdump's cells by name: how each is headed, and what it shows.

use crate::flow::{Column, Columns, EventKind};
use crate::meaning::Attribute;

/// A cell that flows can have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    /// Behind the percent sign.
    pub(super) name: &'static str,
    /// Its head in lines, as wide as the cell.
    pub(super) head: &'static str,
    /// Its head in CSV; empty where nfdump's CSV has no such cell.
    pub(super) csv: &'static str,
    pub(super) value: Value,
}

/// What a cell shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    /// A moment of the flow.
    Time(Moment, Shown),
    /// How long it lasted; as seconds where the flag is set, or numbers are plain.
    Duration {
        seconds: bool,
    },
    Protocol,
    Flags,
    /// An address in its usual width.
    Address(Whose),
    /// An address and the port there.
    AddressPort(Whose),
    /// The network by the prefix length of the route.
    Net(End),
    /// A number, so wide.
    Number(Number, u8),
    /// As a number, but for ICMP its type and code.
    DstPort,
    /// A counter or a rate, scaled.
    Scaled(Counter),
    /// Octets a packet.
    OctetsAPacket,
    /// `I` for ingress, `E` for egress.
    Direction,
    /// The MAC address that this element holds.
    Mac(u16),
    /// The label of the stack at this place, from 1 on.
    Mpls(u8),
    MplsStack,
    /// Type and id of the engine.
    Engine,
    /// Least and greatest time to live.
    TimesToLive,
    Fragments,
    /// An id in hexadecimal, so wide with its `0x`.
    Hex(u16, u8),
    Application,
    Name(Named),
    /// What an end is called.
    Meant(Attribute, End),
    /// What happened: the first of these kinds of events that the flow tells, so wide.
    Event(&'static [EventKind], u8),
    NewLine,
    /// `4` and `6` as the numbers that Linux gives the families, 2 and 10.
    Family,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    First,
    Last,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// In the user's time zone.
    Local,
    Utc,
    /// Seconds since 1970, and milliseconds behind a point.
    Raw,
    /// Milliseconds since 1970.
    Millis,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Src,
    Dst,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    End(End),
    NextHop,
    Router,
    /// An element for IPv4, and one for IPv6; with the element of a port.
    Element(u16, u16, u16),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    /// The place of the flow in the answer, from 1 on.
    Place,
    Flows,
    /// The one of this column.
    Column(Column),
    IcmpType,
    IcmpCode,
    /// The first of two elements that the flow has; 0 where it has none.
    Element(u16, u16),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counter {
    Packets,
    Octets,
    OutPackets,
    OutOctets,
    PacketsASecond,
    BitsASecond,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    Input,
    Output,
    IngressVrf,
    EgressVrf,
    Application,
}

impl Cell {
    /// The cell of this name.
    pub(super) fn find(name: &str) -> Option<&'static Self> {
        CELLS.iter().find(|cell| cell.name == name)
    }

    /// Whether its head grows where addresses are shown in full.
    pub(super) const fn is_wide(&self) -> bool {
        match self.value {
            Value::AddressPort(_) | Value::Net(_) => true,
            // Heads of translated addresses stay as they are: nfdump's do.
            Value::Address(whose) => !matches!(whose, Whose::Element(225 | 226, ..)),
            _ => false,
        }
    }
}

const SRC: Whose = Whose::End(End::Src);
const DST: Whose = Whose::End(End::Dst);
const BGP_NEXT_HOP: Whose = Whose::Element(18, 63, 0);
const NAT_SRC: Whose = Whose::Element(225, 281, 227);
const NAT_DST: Whose = Whose::Element(226, 282, 228);

pub(super) const fn column(column: Column, width: u8) -> Value {
    Value::Number(Number::Column(column), width)
}

const fn element(number: u16, width: u8) -> Value {
    Value::Number(Number::Element(number, number), width)
}

const fn cell(name: &'static str, head: &'static str, csv: &'static str, value: Value) -> Cell {
    Cell { name, head, csv, value }
}

/// In nfdump's order: what is about the flow, its ends, its way, its counters, and the elements
/// that few exporters send.
#[rustfmt::skip]
pub(super) const CELLS: [Cell; 102] = [
    cell("cnt", "Count", "count", Value::Number(Number::Place, 5)),
    cell("eng", " engine", "engine", Value::Engine),
    cell("ts", "Date first seen        ", "firstSeen", Value::Time(Moment::First, Shown::Local)),
    cell("tfs", "Date first seen        ", "firstSeen", Value::Time(Moment::First, Shown::Local)),
    cell("tsr", "First seen raw", "firstSeen", Value::Time(Moment::First, Shown::Raw)),
    cell("tsg", "First seen GMT         ", "firstSeen", Value::Time(Moment::First, Shown::Utc)),
    cell("te", "Date last seen         ", "lastSeen", Value::Time(Moment::Last, Shown::Local)),
    cell("ter", "Last seen raw ", "lastSeen", Value::Time(Moment::Last, Shown::Raw)),
    cell("teg", "Last seen GMT          ", "lastSeen", Value::Time(Moment::Last, Shown::Utc)),
    cell("td", "Duration        ", "duration", Value::Duration { seconds: false }),
    cell("tds", "Duration        ", "duration", Value::Duration { seconds: true }),
    cell("pkt", " Packets", "packets", Value::Scaled(Counter::Packets)),
    cell("ipkt", "  In Pkt", "inPackets", Value::Scaled(Counter::Packets)),
    cell("opkt", " Out Pkt", "outPackets", Value::Scaled(Counter::OutPackets)),
    cell("byt", "   Bytes", "bytes", Value::Scaled(Counter::Octets)),
    cell("ibyt", " In Byte", "inBytes", Value::Scaled(Counter::Octets)),
    cell("obyt", "Out Byte", "outBytes", Value::Scaled(Counter::OutOctets)),
    cell("fl", "Flows", "flows", Value::Number(Number::Flows, 5)),
    cell("pps", "     pps", "pps", Value::Scaled(Counter::PacketsASecond)),
    cell("bps", "     bps", "bps", Value::Scaled(Counter::BitsASecond)),
    cell("bpp", "   Bpp", "bpp", Value::OctetsAPacket),
    cell("pr", "Proto", "proto", Value::Protocol),
    cell("sa", "     Src IP Addr", "srcAddr", Value::Address(SRC)),
    cell("da", "     Dst IP Addr", "dstAddr", Value::Address(DST)),
    cell("sap", "     Src IP Addr:Port ", "", Value::AddressPort(SRC)),
    cell("dap", "     Dst IP Addr:Port ", "", Value::AddressPort(DST)),
    cell("sn", "        Src Network", "srcNet", Value::Net(End::Src)),
    cell("dn", "        Dst Network", "dstNet", Value::Net(End::Dst)),
    cell("sp", "Src Pt", "srcPort", column(Column::SrcPort, 6)),
    cell("dp", "Dst Pt", "dstPort", Value::DstPort),
    cell("it", "ICMP-T", "icmpTYpe", Value::Number(Number::IcmpType, 6)),
    cell("ic", "ICMP-C", "icmpCode", Value::Number(Number::IcmpCode, 6)),
    cell("flg", "   Flags", "flags", Value::Flags),
    cell("tos", " Tos", "tos", column(Column::Tos, 4)),
    cell("stos", "STos", "srcTos", column(Column::Tos, 4)),
    cell("dtos", "DTos", "dstTos", element(55, 4)),
    cell("in", " Input", "input", column(Column::Input, 6)),
    cell("out", "Output", "output", column(Column::Output, 6)),
    cell("inam", " Input interface name", "inIfName", Value::Name(Named::Input)),
    cell("onam", "Output interface name", "outIfName", Value::Name(Named::Output)),
    cell("smk", "SMask", "srcMask", column(Column::SrcMask, 5)),
    cell("dmk", "DMask", "dstMask", column(Column::DstMask, 5)),
    cell("sas", "Src AS", "srcAS", column(Column::SrcAs, 6)),
    cell("das", "Dst AS", "dstAS", column(Column::DstAs, 6)),
    cell("nas", "Next AS", "nextAS", element(128, 7)),
    cell("pas", "Prev AS", "prevAS", element(129, 7)),
    cell("nh", "     Next-hop IP", "nextIP", Value::Address(Whose::NextHop)),
    cell("nhb", " BGP next-hop IP", "bgpNextIP", Value::Address(BGP_NEXT_HOP)),
    cell("ra", "       Router IP", "routerIP", Value::Address(Whose::Router)),
    cell("dir", "Dir", "direction", Value::Direction),
    cell("fwd", "Fwd", "fwdStatus", element(89, 3)),
    cell("bfd", "Bfd", "biDirection", element(239, 3)),
    cell("end", "End", "endReason", element(136, 3)),
    cell("svln", "SVlan", "srcVlan", Value::Number(Number::Element(58, 243), 5)),
    cell("dvln", "DVlan", "dstVlan", Value::Number(Number::Element(59, 254), 5)),
    cell("ismc", "  In src MAC Addr", "inSrcMac", Value::Mac(56)),
    cell("odmc", " Out dst MAC Addr", "outDstMac", Value::Mac(57)),
    cell("idmc", "  In dst MAC Addr", "inDstMac", Value::Mac(80)),
    cell("osmc", " Out src MAC Addr", "outSrcMac", Value::Mac(81)),
    cell("mpls1", " MPLS lbl 1 ", "mplsLabel1", Value::Mpls(1)),
    cell("mpls2", " MPLS lbl 2 ", "mplsLabel2", Value::Mpls(2)),
    cell("mpls3", " MPLS lbl 3 ", "mplsLabel3", Value::Mpls(3)),
    cell("mpls4", " MPLS lbl 4 ", "mplsLabel4", Value::Mpls(4)),
    cell("mpls5", " MPLS lbl 5 ", "mplsLabel5", Value::Mpls(5)),
    cell("mpls6", " MPLS lbl 6 ", "mplsLabel6", Value::Mpls(6)),
    cell("mpls7", " MPLS lbl 7 ", "mplsLabel7", Value::Mpls(7)),
    cell("mpls8", " MPLS lbl 8 ", "mplsLabel8", Value::Mpls(8)),
    cell("mpls9", " MPLS lbl 9 ", "mplsLabel9", Value::Mpls(9)),
    cell("mpls10", " MPLS lbl 10", "mplsLabel10", Value::Mpls(10)),
    cell("mpls", MPLS_HEAD, "mplsLabel1-10", Value::MplsStack),
    cell("ttl", "min/maxTTL", "", Value::TimesToLive),
    cell("minttl", "minTTL", "minTTL", Value::Number(Number::Element(52, 192), 6)),
    cell("maxttl", "maxTTL", "maxTTL", Value::Number(Number::Element(53, 192), 6)),
    cell("frag", "Frag", "Frag", Value::Fragments),
    cell("xsa", "   X-late Src IP", "srcXIP", Value::Address(NAT_SRC)),
    cell("xda", "   X-late Dst IP", "dstXIP", Value::Address(NAT_DST)),
    cell("xsap", "   X-Src IP Addr:Port ", "", Value::AddressPort(NAT_SRC)),
    cell("xdap", "   X-Dst IP Addr:Port ", "", Value::AddressPort(NAT_DST)),
    cell("xsp", "XsPort", "srcXPort", element(227, 6)),
    cell("xdp", "XdPort", "dstXPort", element(228, 6)),
    cell("pbstart", "Pb-Start", "pbStart", element(361, 7)),
    cell("pbend", "Pb-End", "pbEnd", element(362, 7)),
    cell("pbstep", "Pb-Step", "pbStep", element(363, 7)),
    cell("pbsize", "Pb-Size", "pbSize", element(364, 7)),
    cell("nbid", "nbar ID", "nbarID", Value::Application),
    cell("nbnam", "nbar name", "nbarName", Value::Name(Named::Application)),
    cell("ivrf", "  I-VRF-ID", "ingressVrfID", element(234, 10)),
    cell("evrf", "  E-VRF-ID", "egressVrfID", element(235, 10)),
    cell("ivrfnam", "  I-VRF-Name", "ingressVrfName", Value::Name(Named::IngressVrf)),
    cell("evrfnam", "  E-VRF-Name", "egressVrfName", Value::Name(Named::EgressVrf)),
    cell("odid", "obsDomainID", "obsDomainID", Value::Hex(149, 9)),
    cell("opid", "  obsPointID", "obsPointID", Value::Hex(138, 10)),
    cell("evt", "   Event", "event", Value::Event(&[EventKind::Firewall, EventKind::Nat], 8)),
    cell("xevt", " XEvent", "xEvent", Value::Event(&[EventKind::Reason], 7)),
    cell("nevt", "   Event", "natEvent", Value::Event(&[EventKind::Nat], 8)),
    cell("msec", "   Event Time", "eventTime", element(323, 13)),
    cell("nfc", "   Conn-ID", "connectionID", element(148, 10)),
    cell("sc", "SC", "srcCountry", Value::Meant(Attribute::Country, End::Src)),
    cell("dc", "DC", "dstCountry", Value::Meant(Attribute::Country, End::Dst)),
    cell("sasn", " Src AS organisation", "srcAsName", Value::Meant(Attribute::AsName, End::Src)),
    cell("dasn", " Dst AS organisation", "dstAsName", Value::Meant(Attribute::AsName, End::Dst)),
    cell("n", "", "", Value::NewLine),
];

const MPLS_HEAD: &str = concat!(
    "                                               MPLS labels 1-10                         ",
    "                                          "
);

/// Other names of cells, as nfdump has them.
pub(super) const ALIASES: [(&str, &str); 7] = [
    ("vrf", "ivrf"),
    ("nsa", "xsa"),
    ("nda", "xda"),
    ("nsap", "xsap"),
    ("ndap", "xdap"),
    ("nsp", "xsp"),
    ("ndp", "xdp"),
];

const NO_GEO: &str =
    "of where an address is, there are the cells %sc and %dc; -o json shows what else is known";
const NO_PAYLOAD: &str = "exports of flows carry no payload, and none is kept";
const NO_RECEIPT: &str = "when an export was received is not kept";
const NO_EVENT: &str = "no element of IANA's tells it; -o json shows what there is";
const NO_FILE: &str = "it is about nfdump's own files";
const NO_LATENCY: &str = "no element of IANA's tells latencies";

/// Cells of nfdump that no flow here has, and why.
#[rustfmt::skip]
pub(super) const ABSENT: [(&str, &str); 38] = [
    ("gsap", NO_GEO), ("gdap", NO_GEO), ("gsa", NO_GEO), ("gda", NO_GEO),
    ("sloc", NO_GEO), ("dloc", NO_GEO), ("stor", NO_GEO), ("dtor", NO_GEO),
    ("ipl", NO_PAYLOAD), ("opl", NO_PAYLOAD), ("ja3", NO_PAYLOAD), ("ja4", NO_PAYLOAD), ("sni", NO_PAYLOAD),
    ("tls", NO_PAYLOAD), ("tr", NO_RECEIPT), ("trr", NO_RECEIPT), ("trg", NO_RECEIPT),
    ("tevt", NO_EVENT), ("iacl", NO_EVENT), ("eacl", NO_EVENT), ("uname", NO_EVENT), ("sgt", NO_EVENT),
    ("pfifn", NO_EVENT), ("pfact", NO_EVENT), ("pfrea", NO_EVENT), ("pfdir", NO_EVENT), ("pfrule", NO_EVENT),
    ("flid", NO_EVENT), ("isid", NO_EVENT), ("osid", NO_EVENT), ("nats", NO_EVENT),
    ("nfv", NO_FILE), ("idt", NO_FILE), ("exp", NO_FILE), ("lbl", NO_FILE),
    ("cl", NO_LATENCY), ("sl", NO_LATENCY), ("al", NO_LATENCY),
];

impl Value {
    /// What it must know of a flow.
    pub(super) fn columns(self) -> Columns {
        match self {
            Self::Time(Moment::First, _) => Columns::of(&[Column::First]),
            Self::Time(Moment::Last, _) => Columns::of(&[Column::First, Column::Duration]),
            Self::Duration { .. } => Columns::of(&[Column::Duration]),
            Self::Protocol => Columns::of(&[Column::Protocol]),
            Self::Flags => Columns::of(&[Column::Protocol, Column::TcpFlags]),
            Self::Address(whose) => whose.columns(false),
            Self::AddressPort(whose) => whose.columns(true),
            Self::Net(End::Src) => Columns::of(&[Column::Src, Column::SrcMask]),
            Self::Net(End::Dst) => Columns::of(&[Column::Dst, Column::DstMask]),
            Self::Number(number, _) => number.columns(),
            Self::DstPort => Columns::of(&[Column::Protocol, Column::DstPort]),
            Self::Scaled(counter) => counter.columns(),
            Self::OctetsAPacket => Columns::of(&[Column::Octets, Column::Packets]),
            Self::Engine => Columns::of(&[Column::Source]),
            Self::Name(Named::Input) => Columns::of(&[Column::Source, Column::Input]),
            Self::Name(Named::Output) => Columns::of(&[Column::Source, Column::Output]),
            Self::Name(_) => Columns::of(&[Column::Source, Column::Extras]),
            Self::Meant(_, End::Src) => Columns::of(&[Column::Src, Column::First]),
            Self::Meant(_, End::Dst) => Columns::of(&[Column::Dst, Column::First]),
            Self::NewLine => Columns::NONE,
            Self::Family => Columns::of(&[Column::Src]),
            Self::Direction
            | Self::Mac(_)
            | Self::Mpls(_)
            | Self::MplsStack
            | Self::TimesToLive
            | Self::Fragments
            | Self::Hex(..)
            | Self::Event(..)
            | Self::Application => EXTRAS,
        }
    }
}

const EXTRAS: Columns = Columns::of(&[Column::Extras]);

impl Whose {
    const fn columns(self, port: bool) -> Columns {
        match (self, port) {
            (Self::End(End::Src), false) => Columns::of(&[Column::Src]),
            (Self::End(End::Src), true) => Columns::of(&[Column::Src, Column::SrcPort]),
            (Self::End(End::Dst), false) => Columns::of(&[Column::Dst]),
            (Self::End(End::Dst), true) => {
                Columns::of(&[Column::Dst, Column::DstPort, Column::Protocol])
            }
            (Self::NextHop, _) => Columns::of(&[Column::NextHop]),
            (Self::Router, _) => Columns::of(&[Column::Source]),
            (Self::Element(..), _) => EXTRAS,
        }
    }
}

impl Number {
    fn columns(self) -> Columns {
        match self {
            Self::Place | Self::Flows => Columns::NONE,
            Self::Column(column) => Columns::of(&[column]),
            Self::IcmpType | Self::IcmpCode => Columns::of(&[Column::DstPort]),
            // Where there is a column for it now, flows of before have it as an element.
            Self::Element(one, other) => [one, other]
                .into_iter()
                .filter_map(Column::of_element)
                .fold(EXTRAS, |columns, (column, _)| columns | Columns::of(&[column])),
        }
    }
}

impl Counter {
    const fn columns(self) -> Columns {
        match self {
            Self::Packets => Columns::of(&[Column::Packets]),
            Self::Octets => Columns::of(&[Column::Octets]),
            Self::OutPackets | Self::OutOctets => EXTRAS,
            Self::PacketsASecond => Columns::of(&[Column::Packets, Column::Duration]),
            Self::BitsASecond => Columns::of(&[Column::Octets, Column::Duration]),
        }
    }
}

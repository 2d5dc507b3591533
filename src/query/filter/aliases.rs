//! What answers call a field, where filters have other words for it, and what nfdump called it once.

use super::fields::{End, Qualifiers, Way, Which};

/// The keyword, and the words before it, for what JSON, CSV or a top calls `word`, in small
/// letters. None where that is itself the word for it.
pub(super) fn shown_as(word: &str) -> Option<(&'static str, Qualifiers)> {
    let src = Qualifiers { end: Some(End::Src), ..Qualifiers::default() };
    let dst = Qualifiers { end: Some(End::Dst), ..Qualifiers::default() };
    let way = |way| Qualifiers { way: Some(way), ..Qualifiers::default() };
    let end_of = |end, which| Qualifiers { end: Some(end), which, ..Qualifiers::default() };
    let mac = |way, end| Qualifiers { way: Some(way), end: Some(end), ..Qualifiers::default() };
    let which = |which| Qualifiers { which: Some(which), ..Qualifiers::default() };
    Some(match word {
        "srcaddress" | "srcaddr" | "srcip" => ("ip", src),
        "dstaddress" | "dstaddr" | "dstip" => ("ip", dst),
        "address" => ("ip", Qualifiers::default()),
        "srcnet" => ("net", src),
        "dstnet" => ("net", dst),
        "srcport" => ("port", src),
        "dstport" => ("port", dst),
        "srcas" => ("as", src),
        "dstas" => ("as", dst),
        "srcmask" => ("mask", src),
        "dstmask" => ("mask", dst),
        "input" => ("if", way(Way::In)),
        "output" => ("if", way(Way::Out)),
        "nexthop" | "nextip" => ("ip", which(Which::Next)),
        "routerip" => ("ip", which(Which::Router)),
        "bgpnextip" => ("ip", which(Which::BgpNext)),
        "nextas" => ("as", which(Which::Next)),
        "prevas" => ("as", which(Which::Previous)),
        "srctos" => ("tos", src),
        "dsttos" => ("tos", dst),
        "srcvlan" => ("vlan", src),
        "dstvlan" => ("vlan", dst),
        "inpackets" => ("packets", way(Way::In)),
        "outpackets" => ("packets", way(Way::Out)),
        "inbytes" => ("bytes", way(Way::In)),
        "outbytes" => ("bytes", way(Way::Out)),
        "insrcmac" => ("mac", mac(Way::In, End::Src)),
        "indstmac" => ("mac", mac(Way::In, End::Dst)),
        "outsrcmac" => ("mac", mac(Way::Out, End::Src)),
        "outdstmac" => ("mac", mac(Way::Out, End::Dst)),
        "minttl" => ("ttl", which(Which::Min)),
        "maxttl" => ("ttl", which(Which::Max)),
        "srcxip" => ("ip", end_of(End::Src, Some(Which::Nat))),
        "dstxip" => ("ip", end_of(End::Dst, Some(Which::Nat))),
        "srcxport" => ("port", end_of(End::Src, Some(Which::Nat))),
        "dstxport" => ("port", end_of(End::Dst, Some(Which::Nat))),
        "direction" => ("flowdir", Qualifiers::default()),
        "fwdstatus" => ("fwdstat", Qualifiers::default()),
        "icmptype" => ("icmp-type", Qualifiers::default()),
        "icmpcode" => ("icmp-code", Qualifiers::default()),
        _ => return None,
    })
}

/// What to write in place of `word`, in small letters, which nfdump has, or had, for what filters
/// have other words for.
pub(super) fn instead_of(word: &str) -> Option<&'static str> {
    Some(match word {
        "xip" | "nip" => "nat ip ADDRESS, or src nat ip and dst nat ip",
        "xnet" | "nnet" => "nat net BLOCK, or src nat net and dst nat net",
        "xport" | "nport" => "nat port N, or src nat port and dst nat port",
        "xsrcip" => "src nat ip ADDRESS",
        "xdstip" => "dst nat ip ADDRESS",
        "xsrcport" => "src nat port N",
        "xdstport" => "dst nat port N",
        "inif" => "in if N",
        "outif" => "out if N",
        "nhip" => "next ip ADDRESS",
        "nhbip" | "bgpnext" => "bgp next ip ADDRESS",
        "ivrf" => "ingress vrf N",
        "evrf" => "egress vrf N",
        "odid" => "observation domain id N",
        "opid" => "observation point id N",
        _ => return None,
    })
}

use super::super::names::{DST_VLAN, SRC_VLAN};
use super::*;
use crate::flow::ElementId;

#[test]
fn keys_are_read_in_the_words_of_both_programs() {
    let net = |end, v4, v6| KeyField::Address(end, Prefix { v4, v6 });
    for (text, expected) in [
        ("src", vec![SRC]),
        ("srcip", vec![SRC]),
        ("Src-IP", vec![SRC]),
        ("src,dst", vec![SRC, DST]),
        (
            "src_port,dst port",
            vec![KeyField::Number(Column::SrcPort), KeyField::Number(Column::DstPort)],
        ),
        ("5-tuple", KeyField::FIVE_TUPLE.to_vec()),
        ("record", KeyField::FIVE_TUPLE.to_vec()),
        ("dstport:p", vec![KeyField::Number(Column::Protocol), KeyField::Number(Column::DstPort)]),
        ("src/24", vec![net(End::Src, 24, 128)]),
        ("dst/48", vec![net(End::Dst, 32, 48)]),
        ("ip/0/32", vec![net(End::Any, 0, 32)]),
        ("srcip4/24", vec![net(End::Src, 24, 128)]),
        ("srcip6/24", vec![net(End::Src, 32, 24)]),
        ("srcnet", vec![KeyField::Route(End::Src)]),
        ("srcnet/8", vec![net(End::Src, 8, 128)]),
        ("bin:5m,proto", vec![KeyField::Bin(300_000), KeyField::Number(Column::Protocol)]),
        ("bin:30s", vec![KeyField::Bin(30_000)]),
        ("bin:2d", vec![KeyField::Bin(172_800_000)]),
        ("vlan", vec![KeyField::EitherElement(SRC_VLAN, DST_VLAN)]),
        ("mpls", vec![KeyField::Element(ElementKey::label(1))]),
        ("element:vlanId", vec![KeyField::Element(ElementKey::of(ElementId::iana(58)))]),
        ("vlanid", vec![KeyField::Element(ElementKey::of(ElementId::iana(58)))]),
        ("element 58", vec![KeyField::Element(ElementKey::of(ElementId::iana(58)))]),
        (
            "element:9/12235",
            vec![KeyField::Element(ElementKey::of(ElementId { number: 12_235, enterprise: 9 }))],
        ),
        (
            "element:sourceIPv4Address,destinationTransportPort",
            vec![SRC, KeyField::Number(Column::DstPort)],
        ),
        ("inif,outif", vec![KeyField::Number(Column::Input), KeyField::Number(Column::Output)]),
    ] {
        assert_eq!(parse_keys(text), Ok(expected), "{text}");
    }
}

#[test]
fn what_is_no_key_is_told_with_its_place_and_what_is_near() {
    for (text, at, len, problem) in [
        ("scrip", 0, 5, "no key is called \"scrip\"; did you mean srcip?"),
        ("src,dstprt,as", 4, 6, "did you mean dstport?"),
        ("5-tupel", 0, 7, "did you mean 5-tuple?"),
        ("src,", 4, 0, "no key is called \"\"; write src, dst, ip"),
        ("colour", 0, 6, "; write src, dst, ip"),
        ("src,srcip", 4, 5, "says again"),
        ("src/8,src/16", 6, 6, "says again"),
        ("bin:1m,bin:5m", 7, 6, "says again"),
        ("src,5-tuple", 4, 7, "says again"),
        ("src/129", 0, 7, "write 0 to 128"),
        ("src/33/48", 0, 9, "write 0 to 32"),
        ("src/+8", 0, 6, "is no length"),
        ("srcip/bytes", 0, 11, "what to order by to --by"),
        ("port/24", 0, 7, "only addresses have a length"),
        ("bin", 0, 3, "bin:5m"),
        ("bin:5", 0, 5, "is no duration"),
        ("bin:0s", 0, 6, "is no duration"),
        ("bin:-5m", 0, 7, "is no duration"),
        ("bin:99999999999999999d", 0, 22, "is no duration"),
        ("bin:5µ", 0, 7, "is no duration"),
        ("port:5m", 0, 7, "only bin has a colon"),
        ("src,element:vlanIdd", 4, 15, "is no element; write a name"),
        ("octetDeltaCount", 0, 15, "is counted or a time"),
        ("element:flowStartMilliseconds", 0, 29, "is counted or a time"),
        ("element:subTemplateList", 0, 23, "is a list, and no key"),
        ("applicationName,userName,httpRequestTarget", 25, 17, "is too long"),
    ] {
        let error = parse_keys(text).unwrap_err();
        assert_eq!((error.at, error.len), (at, len), "{text}");
        assert!(error.problem.contains(problem), "{text}: {error}");
    }
}

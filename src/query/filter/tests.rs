//! The language against what nfdump accepts and rejects, its normal form, and its errors.

use std::collections::HashMap;
use std::io;

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::{Context, Files, MAX_INCLUDES, MAX_NESTING, MAX_TEXT_BYTES, NoFiles, ParseFilterError};
use crate::flow::{Column, CommunityId, ElementId, Family, FlowRecord, Protocol, UnixMillis};
use crate::row::{AddressField, AddressSet, NumberField, NumberSet, Predicate, Shown};

mod elements;

fn parse(text: &str) -> Result<Predicate, ParseFilterError> {
    parse_with(text, &NoFiles)
}

fn parse_with(text: &str, files: &dyn Files) -> Result<Predicate, ParseFilterError> {
    let now = UnixMillis(1_700_000_000_000);
    super::parse(text, &Context { zone: TimeZone::UTC, now, files })
}

#[track_caller]
fn normal(text: &str) -> String {
    let predicate = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    predicate.to_string()
}

/// What nfdump 1.7.8 accepted when it was tried, but for what asks for things that a store does not
/// have; those are in `what_a_store_cannot_know_is_refused_with_what_to_write_instead`.
#[test]
fn what_nfdump_accepts_is_accepted() {
    for (text, expected) in [
        ("any", "any"),
        ("src ip 10.0.0.1", "src ip 10.0.0.1"),
        ("ip 10.0.0.1", "ip 10.0.0.1"),
        ("host 10.0.0.1", "ip 10.0.0.1"),
        ("SRC IP 10.0.0.1", "src ip 10.0.0.1"),
        ("src host 10.0.0.1", "src ip 10.0.0.1"),
        ("net 10.1.0.0/16", "net 10.1.0.0/16"),
        ("net 10.1.0.0 / 16", "net 10.1.0.0/16"),
        ("src net 10.1.0.0 255.255.0.0", "src net 10.1.0.0/16"),
        ("proto tcp", "proto = tcp"),
        ("proto 6", "proto = tcp"),
        ("proto t", "proto = tcp"),
        ("proto ic", "proto = icmp"),
        ("flags S", "flags S"),
        ("flags =S", "flags = S"),
        ("flags SA", "flags SA"),
        ("flags 2", "flags = S"),
        ("flags = 2", "flags = S"),
        ("flags X", "flags FSRPAU"),
        ("port 443", "port = 443"),
        ("port > 1023", "port >= 1024"),
        ("port in [80 443]", "port in [80 443]"),
        ("port in [80,443]", "port in [80 443]"),
        ("src port in [80, 443]", "src port in [80 443]"),
        ("ip in [10.0.0.1 10.0.0.3]", "ip in [10.0.0.1 10.0.0.3]"),
        ("ip in [10.1.0.0/16, 10.0.0.3]", "ip in [10.0.0.3 10.1.0.0/16]"),
        ("bytes > 1k", "bytes >= 1001"),
        ("packets 1", "packets = 1"),
        ("packets >= 0x10", "packets >= 16"),
        ("duration > 1000", "duration >= 1001"),
        ("pps > 10", "pps >= 11"),
        ("bps > 1m", "bps >= 1000001"),
        ("bpp > 100", "bpp >= 101"),
        ("src as 64500", "src as = 64500"),
        ("as in [64500 64501]", "as in [64500..64501]"),
        ("if 8", "if = 8"),
        ("in if 8", "in if = 8"),
        ("tos 0", "tos = 0"),
        ("icmp type 8", "icmp-type = 8"),
        ("icmp-type 8", "icmp-type = 8"),
        ("icmp-code 0", "icmp-code = 0"),
        ("ipv4", "ipv4"),
        ("ipv6", "ipv6"),
        ("next ip 10.0.0.1", "next ip 10.0.0.1"),
        ("router ip 10.0.0.1", "router ip 10.0.0.1"),
        ("first seen >= 2023-11-14T22:20", "first seen >= 2023-11-14T22:20:00.000Z"),
        ("last seen < 2023-11-14T22:20:00.500", "last seen <= 2023-11-14T22:20:00.499Z"),
        ("first seen > 2023", "first seen >= 2023-01-01T00:00:00.001Z"),
        ("not port 443", "not port = 443"),
        ("! port 443", "not port = 443"),
        ("port 1 or port 2 and port 3", "port = 1 or (port = 2 and port = 3)"),
        ("(port 1 or port 2) and port 3", "port in [1..2] and port = 3"),
        ("engine-type 0", "engine-type = 0"),
        ("engine id 1", "engine-id = 1"),
        ("fwdstat 64", "element forwardingStatus = 64"),
        ("flowdir ingress", "element flowDirection = 0"),
        ("src vlan 1", "element vlanId = 1 or element dot1qVlanId = 1"),
        ("in src mac 00:00:5e:00:53:01", "element sourceMacAddress = 00:00:5e:00:53:01"),
        ("port 80 # the web\n and proto tcp", "port = 80 and proto = tcp"),
        ("min ttl 3", "element minimumTTL = 3"),
        ("mpls label1 = 3", "element mplsTopLabelStackSection in [48..63]"),
        ("ingress vrf 7", "element ingressVRFID = 7"),
        ("ethertype 0x0800", "element ethernetType = 2048"),
        ("src nat port 80", "element postNAPTSourceTransportPort = 80"),
        ("observation domain id 7", "observation domain id = 7"),
        ("observation point id 7", "element observationPointId = 7"),
        ("flows 1", "any"),
        ("flows > 1", "not any"),
        ("port eq 80", "port = 80"),
        ("dst port LT 10", "dst port <= 9"),
    ] {
        assert_eq!(normal(text), expected, "{text}");
    }
}

#[test]
fn conversations_are_asked_for_by_their_community_ids() {
    for (text, expected) in [
        (
            "communityId != '1:LQU9qZlK+B5F3KDmev6m5PMibrg='",
            "not community id \"1:LQU9qZlK+B5F3KDmev6m5PMibrg=\"",
        ),
        (
            "community id \"1:d/FP5EW3wiY1vCndhwleRRKHowQ=\" or community id = \"1:LQU9qZlK+B5F3KDmev6m5PMibrg=\"",
            "community id in [\"1:LQU9qZlK+B5F3KDmev6m5PMibrg=\" \"1:d/FP5EW3wiY1vCndhwleRRKHowQ=\"]",
        ),
    ] {
        assert_eq!(normal(text), expected, "{text}");
    }
}

/// What nfdump rejects, and its users ask for.
#[test]
fn what_users_ask_for_is_accepted_too() {
    for (text, expected) in [
        ("net 122/8", "net 122.0.0.0/8"),
        ("net 10", "net 10.0.0.0/8"),
        ("net 10.0.0.1", "ip 10.0.0.1"),
        ("ip 10.1.2.3/8", "net 10.0.0.0/8"),
        ("net in [10/8 192.168/16]", "ip in [10.0.0.0/8 192.168.0.0/16]"),
        ("tcp", "proto = tcp"),
        ("udp", "proto = udp"),
        ("icmp", "proto = icmp"),
        ("icmp6", "proto = icmp6"),
        ("tcp dst port 443", "proto = tcp and dst port = 443"),
        ("icmp6 type 128", "proto = icmp6 and icmp-type = 128"),
        ("udp net 10/8", "proto = udp and net 10.0.0.0/8"),
        ("not tcp port 443", "not (proto = tcp and port = 443)"),
        ("inet", "ipv4"),
        ("inet6", "ipv6"),
        ("tcp && port 80", "proto = tcp and port = 80"),
        ("port 80 || port 443", "port in [80 443]"),
        ("src or dst port 443", "port = 443"),
        ("dst or src port 443", "port = 443"),
        ("src and dst port > 1024", "src and dst port >= 1025"),
        ("src 10.0.0.1", "src ip 10.0.0.1"),
        ("dst 10/8", "dst net 10.0.0.0/8"),
        ("src in [10.0.0.1]", "src ip 10.0.0.1"),
        ("src not in [10/8]", "not src net 10.0.0.0/8"),
        ("src and dst net 10/8", "src and dst net 10.0.0.0/8"),
        ("bytes 100-200", "bytes in [100..200]"),
        ("bytes 1k..2k", "bytes in [1000..2000]"),
        ("port in [80 443 1000-2000]", "port in [80 443 1000..2000]"),
        ("port in [60000..]", "port >= 60000"),
        ("port != 443", "not port = 443"),
        ("port <> 443", "not port = 443"),
        ("port not in [80 443]", "not port in [80 443]"),
        ("ip != 10.0.0.1", "not ip 10.0.0.1"),
        ("protocol tcp", "proto = tcp"),
        ("proto in [tcp udp 47]", "proto in [tcp udp gre]"),
        ("ip 10.0.0.1-10.0.0.9", "ip in [10.0.0.1-10.0.0.9]"),
        ("ip in []", "ip in []"),
        ("ip ::ffff:10.0.0.1", "ip 10.0.0.1"),
        ("first seen > -2h", "first seen >= 2023-11-14T20:13:20.001Z"),
        ("first seen >= 2023-11-14 22:20:00", "first seen >= 2023-11-14T22:20:00.000Z"),
        ("last seen < 2023-11-14T22:20:00+02:00", "last seen <= 2023-11-14T20:19:59.999Z"),
        ("duration > 10s", "duration >= 10001"),
        ("tos has 0x10", "tos has 16"),
        ("flags has 18", "flags SA"),
        ("flags != S", "not flags = S"),
        ("sampling > 1", "sampling >= 2"),
        ("event denied", "element firewallEvent = 3"),
        ("asa event deny", "element firewallEvent = 3"),
        ("nsel event > 2", "element firewallEvent >= 3"),
        ("event in [create TERM 5]", "element firewallEvent in [1..2 5]"),
        ("event != update", "not element firewallEvent = 5"),
        ("event none", "not element firewallEvent >= 0"),
        ("element firewallEvent = denied", "element firewallEvent = 3"),
        ("asa event denied ingress", "element firewallEvent = 3 and xevent = 1001"),
        ("asa event denied and proto tcp", "element firewallEvent = 3 and proto = tcp"),
        ("asa denied nosyn", "xevent = 1004"),
        ("asa xevent > 1000", "xevent >= 1001"),
        ("xevent 1002", "xevent = 1002"),
        ("nat event add", "element natEvent = 1"),
        ("nat event > 3", "element natEvent >= 4"),
        ("nel event delpblk", "element natEvent = 17"),
        ("nel add44", "element natEvent = 4"),
        ("element vlanId = 5", "element vlanId = 5"),
        ("element 58 5", "element vlanId = 5"),
        ("element reverseOctetDeltaCount > 0", "element reverseOctetDeltaCount >= 1"),
        ("element sourceIPv4Address 10.0.0.1", "src ip 10.0.0.1"),
        ("element 0/8 10.0.0.1", "element 0/8 10.0.0.1"),
        (
            "element octetTotalCount > 1000",
            "element 0/85 >= 1001 or (not element 0/85 >= 0 and bytes >= 1001)",
        ),
        ("element icmpTypeCodeIPv4 2048", "proto in [icmp icmp6] and dst port = 2048"),
        ("element flowStartSeconds > 1186040527", "first seen >= 2007-08-02T07:42:08.000Z"),
        (
            "element flowEndSeconds 1186040527",
            "last seen in [2007-08-02T07:42:07.000Z..2007-08-02T07:42:07.999Z]",
        ),
        ("element flowStartMicroseconds < 1500000", "first seen <= 1970-01-01T00:00:01.499Z"),
        ("element flowStartSysUpTime >= 2007", "first seen >= 2007-01-01T00:00:00.000Z"),
        ("element flowDurationMicroseconds > 1500000", "duration >= 1501"),
        ("element flowDurationMicroseconds > 2s", "duration >= 2001"),
        ("element 9/12235 in [1 2 4]", "element 9/12235 in [1..2 4]"),
        ("element enterprise9Element5 3", "element 9/5 = 3"),
        (
            "nat ip 192.0.2.1",
            "element postNATSourceIPv4Address 192.0.2.1 or element postNATSourceIPv6Address 192.0.2.1 \
             or element postNATDestinationIPv4Address 192.0.2.1 \
             or element postNATDestinationIPv6Address 192.0.2.1",
        ),
        ("bgp next ip ::1", "element bgpNextHopIPv6Address ::1"),
        ("next as 64500", "element bgpNextAdjacentAsNumber = 64500"),
        ("fwdstat dropped", "element forwardingStatus in [128..191]"),
        ("not not tcp", "proto = tcp"),
        ("not any", "not any"),
    ] {
        assert_eq!(normal(text), expected, "{text}");
    }
}

#[test]
fn values_are_read_as_they_are_shown() {
    for (text, normal) in [
        ("element 9/5 = 0102", "element 9/5 = 0102"),
        ("element 9/5 = 'a\"b'", r#"element 9/5 = "a\"b""#),
        ("element mplsTopLabelStackSection = 000100", "element mplsTopLabelStackSection = 000100"),
        ("element mplsTopLabelStackSection = 0x100", "element mplsTopLabelStackSection = 256"),
        ("element mplsTopLabelStackSection = 0x1000", "element mplsTopLabelStackSection = 0x1000"),
        ("element mplsTopLabelStackSection > 100", "element mplsTopLabelStackSection >= 101"),
        ("element mplsTopLabelStackSection has 256", "element mplsTopLabelStackSection has 256"),
        ("element interfaceName = eth0", r#"element interfaceName = "eth0""#),
        (
            "element interfaceName not in [eth0, 'a b']",
            r#"not (element interfaceName = "eth0" or element interfaceName = "a b")"#,
        ),
        ("element interfaceName != \"\"", r#"not element interfaceName = """#),
        ("element mibObjectValueInteger -5", "element mibObjectValueInteger = -5"),
        ("element samplingProbability = 0.25", "element samplingProbability = 0.25"),
        (
            "element collectionTimeMilliseconds = 2007-08-02T07:42:07.000Z",
            "element collectionTimeMilliseconds = 1186040527000",
        ),
        (
            "element collectionTimeMilliseconds > 1186040527000",
            "element collectionTimeMilliseconds >= 1186040527001",
        ),
    ] {
        assert_eq!(parse(text).unwrap().to_string(), normal, "{text}");
    }
}

/// What JSON, CSV, cells and tops call a field, and how they show its values.
#[test]
fn what_answers_show_can_be_asked_for_as_it_stands() {
    for (shown, same) in [
        ("srcAddress = \"10.0.0.1\"", "src ip 10.0.0.1"),
        ("dstAddr = 10.0.0.1", "dst ip 10.0.0.1"),
        ("address 10.0.0.1", "ip 10.0.0.1"),
        ("srcNet = \"10.0.0.0/24\"", "src net 10.0.0.0/24"),
        ("srcPort = 443", "src port 443"),
        ("dstPort = \"3.1\"", "dst port 769"),
        ("srcAs in [1 2]", "src as in [1 2]"),
        ("dstMask = 24", "dst mask 24"),
        ("input = 7", "in if 7"),
        ("output != 7", "not out if 7"),
        ("nextHop = \"10.0.0.1\"", "next ip 10.0.0.1"),
        ("exporter = \"10.0.0.1\"", "router ip 10.0.0.1"),
        ("routerIP = 10.0.0.1", "router ip 10.0.0.1"),
        ("engine = 7", "observation domain id 7"),
        ("protocol = \"TCP\"", "proto tcp"),
        ("time = \"2025-10-09T08:53:10.000Z\"", "first seen 2025-10-09T08:53:10"),
        ("firstSeen = \"2025-10-09 08:53:10.000\"", "first seen 2025-10-09T08:53:10"),
        ("lastSeen = \"2025-10-09 08:53:10.000\"", "last seen 2025-10-09T08:53:10"),
        ("flags = \"...AP...\"", "flags = AP"),
        ("duration = \"00:00:04.791\"", "duration 4791"),
        ("duration = \"1d 00:00:55.798\"", "duration 86455798"),
        ("duration = \"2.578\"", "duration 2578"),
        ("direction = \"I\"", "flowdir ingress"),
        ("srcVlan = 7", "src vlan 7"),
        ("inSrcMac = \"00:00:5e:00:53:01\"", "in src mac 00:00:5e:00:53:01"),
        ("srcXIP = 10.0.0.1", "src nat ip 10.0.0.1"),
        ("minTTL = 5", "min ttl 5"),
        ("nextAS = 5", "next as 5"),
        ("outBytes = 5", "out bytes 5"),
        ("pbStart = 5", "element portRangeStart = 5"),
    ] {
        assert_eq!(normal(shown), normal(same), "{shown}");
    }
    assert_eq!(normal("tcpFlags = \"...AP...\""), "tcpFlags = 24");
    assert_eq!(normal("tcpFlags = \"........\""), "tcpFlags = 0");
}

/// What nfdump rejects for good reason, and so do we: where, and what is said.
#[test]
fn what_is_wrong_is_located_and_told_with_what_was_expected() {
    for (text, place, part) in [
        ("", "", "there is no filter"),
        ("port", "", "a number from 0 to 65535"),
        ("port 80 or 443", "443", "write port in [80 443]"),
        ("src port = 80 || 443", "443", "write src port in [80 443]"),
        ("ip 10.0.0.1 10.0.0.2", "10.0.0.2", "write ip in [10.0.0.1 10.0.0.2]"),
        ("10.0.0.1", "10.0.0.1", "write ip 10.0.0.1"),
        ("443", "443", "does not say of what it is"),
        ("src ip 122.0.0.*", "122.0.0.*", "write 122.0.0.0/24"),
        ("port in [80 443", "[", "never closed"),
        ("(port 80", "(", "never closed"),
        ("port 80)", ")", "without its ("),
        ("src ip 999.1.1.1", "999.1.1.1", "is no address"),
        ("port 70000", "70000", "out of range, expected a number from 0 to 65535"),
        ("src port 70000", "70000", "out of range"),
        ("port 80k", "80k", "out of range"),
        ("proto 300", "300", "out of range"),
        ("proto foo", "foo", "is no protocol"),
        ("tos 256", "256", "out of range"),
        ("flags 256", "256", "out of range"),
        ("flags Z", "Z", "is no set of flags"),
        ("icmp-type 256", "256", "out of range"),
        ("community id \"1:abc\"", "\"1:abc\"", "is no Community ID"),
        ("community id", "", "expected one, such as"),
        ("min ttl 256", "256", "out of range"),
        ("net 10.0.0.0/33", "10.0.0.0/33", "0 to 32"),
        ("net ::/129", "::/129", "0 to 128"),
        (
            "net 122.166.0.0/255.255.0.0",
            "122.166.0.0/255.255.0.0",
            "write net 122.166.0.0 255.255.0.0",
        ),
        ("net 10.0.0.0 255.0.255.0", "10.0.0.0 255.0.255.0", "no mask"),
        ("as 4294967296", "4294967296", "out of range"),
        ("bytes 99999999999999999999", "99999999999999999999", "out of range"),
        ("bytes > 100-200", "100-200", "one value"),
        ("bytes 200-100", "200-100", "ends before it begins"),
        ("first seen > 2040-13", "2040-13", "is no time"),
        ("first seen > 2023/11/14", "2023/11/14", "is no time"),
        ("first seen > 1960", "1960", "out of range"),
        ("ipp 10.0.0.1", "ipp", "did you mean ip?"),
        ("xip 10.0.0.1", "xip", "write nat ip ADDRESS"),
        ("src nip 10.0.0.1", "nip", "src nat ip"),
        ("dst xport 80", "xport", "write nat port N"),
        ("inif 7", "inif", "write in if N"),
        ("tcp andd udp", "andd", "did you mean and?"),
        ("tcp udp", "udp", "`and`, `or` or the end"),
        ("src prot 80", "prot", "did you mean port?"),
        ("src bytes 80", "src", "in, out, or no word before it"),
        ("in port 80", "in", "src, dst, nat"),
        ("src dst port 80", "dst", "says twice"),
        ("src or port 80", "port", "expected dst"),
        ("src ip 10.0.0.1 and (dst", "", "the end of the filter begins no term"),
        ("ip > 10.0.0.1", ">", "neither more nor less"),
        ("ip example.org", "example.org", "not looked up"),
        ("port in 80", "80", "expected ["),
        ("tcp & udp", "&", "&&"),
        ("ip 'x", "'", "never closed"),
        ("mpls label11 = 3", "label11", "label1 to label10"),
        ("mpls exp1 3", "exp1", "label1 to label10"),
        ("element vlanIdd 5", "vlanIdd", "did you mean vlanId?"),
        ("element interfaceName > 5", ">", "neither more nor less"),
        ("element samplingProbability x", "x", "such as 0.5"),
        ("element mplsTopLabelStackSection zz", "zz", "is no number"),
        ("element flowEndSysUpTime > 500", "500", "is no time"),
        ("element", "", "a name or a number"),
        ("engine 5", "5", "type or id"),
        ("@", "@", "without a file"),
        ("@include", "@include", "without a file"),
        ("and tcp", "and", "begins no term"),
        ("tcp and", "", "the end of the filter"),
        ("not", "", "the end of the filter"),
        ("in mac 00:00:5e:00:53", "00:00:5e:00:53", "is no MAC address"),
    ] {
        let error = parse(text).map(|predicate| predicate.to_string()).unwrap_err();
        assert_eq!(&text[error.span.clone()], place, "{text}: {error}");
        assert!(error.to_string().contains(part), "{text}: {error}");
        assert!(error.render(text).contains('^'), "{text}");
    }
}

#[test]
fn what_a_store_cannot_know_is_refused_with_what_to_write_instead() {
    for (text, place, hint) in [
        ("ident none", "ident", "router ip"),
        ("count < 10", "count", "--limit"),
        ("exporter id 1", "id", "router ip"),
        ("exporter sysid 1", "sysid", "router ip"),
        ("geo CH", "geo", "--database FILE"),
        ("src geo IN", "geo", "--database FILE"),
        ("src ip tor", "tor", "not looked up"),
        ("nat pblock start 1", "pblock", "element portRangeStart"),
        ("payload content 'x'", "payload", "addresses and ports"),
        ("src tun ip 10.0.0.1", "tun", "outer"),
        ("client latency > 3", "client", "element"),
    ] {
        let error = parse(text).map(|predicate| predicate.to_string()).unwrap_err();
        assert_eq!(&text[error.span.clone()], place, "{text}: {error}");
        assert!(error.hint.as_ref().is_some_and(|known| known.contains(hint)), "{text}: {error}");
    }
}

#[test]
fn length_and_depth_have_limits() {
    let deep = |depth| format!("{}any{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(parse(&deep(MAX_NESTING)), Ok(Predicate::ANY));
    assert!(parse(&deep(MAX_NESTING + 1)).unwrap_err().problem.contains("in each other"));
    assert!(parse(&"(".repeat(MAX_TEXT_BYTES)).is_err());
    let mut long = "not ".repeat(MAX_TEXT_BYTES / 4 - 1);
    long += "any";
    assert_eq!(parse(&long), Ok(Predicate::NONE));
    long += "  ";
    assert!(parse(&long).unwrap_err().problem.contains("longer than"));
    let many = vec!["tcp"; MAX_TEXT_BYTES / 8].join(" and ");
    assert_eq!(parse(&many).unwrap().conjuncts().len(), MAX_TEXT_BYTES / 8);
}

/// Files by their names.
struct Shelf(HashMap<&'static str, &'static str>);

impl Files for Shelf {
    fn read(&self, name: &str, most_bytes: u64) -> io::Result<Vec<u8>> {
        let text = self.0.get(name).ok_or(io::ErrorKind::NotFound)?;
        assert!(text.len() as u64 <= most_bytes);
        Ok(text.as_bytes().to_vec())
    }
}

#[test]
fn files_are_included_and_lists_read() {
    let shelf = Shelf(HashMap::from([
        ("web", "port 80 # plain\nor port 443\n"),
        ("bad hosts", "10.0.0.1\n10.0.0.2\n"),
        ("ports", "80\n443\n1000-2000\n"),
        ("nested", "@web and tcp"),
        ("wrong", "tcp\nand prot 80"),
        ("wronglist", "10.0.0.1\n\ntor.example"),
        ("wrongports", "80\n70000"),
        ("itself", "tcp or @itself"),
    ]));
    for (text, expected) in [
        ("@web", "port in [80 443]"),
        ("udp and @include web", "proto = udp and port in [80 443]"),
        ("@include 'nested'", "port in [80 443] and proto = tcp"),
        ("ip in @'bad hosts'", "ip in @\"bad hosts\""),
        ("not src in @\"bad hosts\"", "not src ip in @\"bad hosts\""),
        ("ip in [@'bad hosts' 10.0.0.9]", "ip in [10.0.0.1-10.0.0.2 10.0.0.9]"),
        ("dst port in @ports", "dst port in [80 443 1000..2000]"),
    ] {
        let predicate = parse_with(text, &shelf).unwrap();
        assert_eq!(predicate.to_string(), expected, "{text}");
        assert_eq!(parse_with(expected, &shelf).unwrap(), predicate, "{text}");
    }
    for (text, place, message) in [
        ("ip in @none", "@none", "none: entity not found"),
        ("ip in @-", "@-", "standard input cannot be read"),
        ("ip in @wronglist", "@wronglist", "wronglist:3: \"tor.example\" is no address"),
        ("port in @wrongports", "@wrongports", "wrongports:2: 70000 is out of range"),
        ("tcp or @itself", "@itself", "deeper than"),
    ] {
        let error = parse_with(text, &shelf).unwrap_err();
        assert!(error.to_string().contains(message), "{text}: {error}");
        let source = error.file.as_ref().map_or(text, |file| &file.text);
        assert_eq!(&source[error.span.clone()], place, "{text}: {error}");
    }
    let error = parse_with("udp and @wrong", &shelf).unwrap_err();
    assert_eq!(error.summary(), "wrong: line 2, column 5: unknown word \"prot\"");
    assert!(error.render("udp and @wrong").starts_with("  and prot 80\n      ^^^^ expected"));
    assert_eq!(MAX_INCLUDES, 10);
    let refused = parse("ip in @list").unwrap_err();
    assert_eq!(refused.problem, "list: files cannot be named here");
}

#[test]
fn most_of_a_long_set_is_left_out_for_people() {
    let list = (0..20).map(|n| format!("10.0.{n}.1")).collect::<Vec<_>>().join(" ");
    let predicate = parse(&format!("src ip in [{list}]")).unwrap();
    let shown = format!("{predicate:#}");
    assert!(shown.ends_with("10.0.7.1 … 12 more]"), "{shown}");
    let predicate = parse("not port in [1 3 5 7 9 11 13 15 17 19]").unwrap();
    assert_eq!(format!("{predicate:#}"), "not port in [1 3 5 7 9 11 13 15 … 2 more]");
}

fn any_addresses() -> impl Strategy<Value = AddressSet> {
    let ends = (any::<bool>(), any::<u32>(), 0u32..40, any::<bool>());
    prop::collection::vec(ends, 1..4).prop_map(|ranges| {
        AddressSet::new(ranges.into_iter().map(|(v6, first, size, block)| {
            let family = if v6 { Family::V6 } else { Family::V4 };
            // Beyond what is IPv4 in the form of IPv6.
            let high = if v6 { 0x2001_0db8 << 96 } else { 0 };
            let (first, last) = if block {
                let bits = size.min(32);
                let size = 1_u128 << bits;
                let first = u128::from(first) & !(size - 1);
                (first, first + size - 1)
            } else {
                let last = u128::from(first) + u128::from(size);
                (first.into(), last.min(u128::from(u32::MAX)))
            };
            crate::row::AddressRange::new(family.address(high | first), family.address(high | last))
                .unwrap()
        }))
    })
}

fn any_numbers(most: u64) -> impl Strategy<Value = NumberSet> {
    let number = prop_oneof![0..=most, 0..=most.min(50), Just(0), Just(most)];
    let range = (number, prop_oneof![0u64..4, Just(u64::MAX)]);
    prop::collection::vec(range, 0..5).prop_map(move |ranges| {
        let range = |(first, size): (u64, u64)| {
            (first, if size == u64::MAX { size } else { first.saturating_add(size).min(most) })
        };
        NumberSet::new(ranges.into_iter().map(range).collect())
    })
}

fn any_term() -> impl Strategy<Value = Predicate> {
    let element = |number| ElementId { number, enterprise: 0 };
    let address = prop::sample::select(vec![
        AddressField::Src,
        AddressField::Dst,
        AddressField::NextHop,
        AddressField::Exporter,
        AddressField::Element(element(225)),
        AddressField::Element(element(8)),
        AddressField::Element(ElementId { number: 5, enterprise: 9 }),
    ]);
    let number = prop::sample::select(vec![
        (NumberField::Column(Column::Protocol), 255),
        (NumberField::Column(Column::SrcPort), 65_535),
        (NumberField::Column(Column::DstPort), 65_535),
        (NumberField::Column(Column::Octets), u64::MAX),
        (NumberField::Column(Column::Packets), u64::MAX),
        (NumberField::Column(Column::Duration), u64::MAX),
        (NumberField::Column(Column::TcpFlags), 255),
        (NumberField::Column(Column::Tos), 255),
        (NumberField::Column(Column::Input), 0xffff_ffff),
        (NumberField::Column(Column::Output), 0xffff_ffff),
        (NumberField::Column(Column::SrcAs), 0xffff_ffff),
        (NumberField::Column(Column::DstAs), 0xffff_ffff),
        (NumberField::Column(Column::SrcMask), 128),
        (NumberField::Column(Column::DstMask), 128),
        (NumberField::Column(Column::First), 253_402_207_199_000),
        (NumberField::Last, 253_402_207_199_000),
        (NumberField::PacketsPerSecond, u64::MAX),
        (NumberField::BitsPerSecond, u64::MAX),
        (NumberField::BytesPerPacket, u64::MAX),
        (NumberField::IcmpType, 255),
        (NumberField::IcmpCode, 255),
        (NumberField::Engine, 0xffff_ffff),
        (NumberField::EngineType, 255),
        (NumberField::EngineId, 255),
        (NumberField::Sampling, 0xffff_ffff),
        (NumberField::Element(element(58)), u64::MAX),
        (NumberField::Element(element(56)), u64::MAX),
        (NumberField::Element(element(61)), 1),
        (NumberField::Element(element(4)), u64::MAX),
        (NumberField::Element(element(65)), u64::MAX),
        (NumberField::Element(element(82)), u64::MAX),
        (NumberField::Element(ElementId { number: 1, enterprise: 29_305 }), u64::MAX),
        (NumberField::Element(ElementId { number: 5, enterprise: 9 }), u64::MAX),
    ]);
    let numbers = number.prop_flat_map(|(field, most)| {
        let bits = (0..=most).prop_map(move |bits| Predicate::Bits(field, bits));
        let set = any_numbers(most).prop_map(move |set| Predicate::Number(field, set));
        let is_time = matches!(field, NumberField::Column(Column::First) | NumberField::Last);
        prop_oneof![3 => set.boxed(), 1 => if is_time { any_numbers(most)
            .prop_map(move |set| Predicate::Number(field, set)).boxed() } else { bits.boxed() }]
    });
    prop_oneof![
        1 => Just(Predicate::ANY),
        1 => Just(Predicate::Family(Family::V4)),
        1 => Just(Predicate::Family(Family::V6)),
        4 => (address, any_addresses()).prop_map(|(field, set)| Predicate::Address(field, set)),
        8 => numbers,
        2 => any_shown(),
        1 => prop::collection::btree_set(any_community(), 1..4).prop_map(Predicate::Community),
    ]
}

fn any_community() -> impl Strategy<Value = CommunityId> {
    any::<(u32, u16, u16)>().prop_map(|(dst, src_port, dst_port)| {
        CommunityId::of(&FlowRecord {
            protocol: Protocol::UDP,
            src_port,
            dst_port,
            ..FlowRecord::between([10, 0, 0, 1].into(), Family::V4.address(dst.into()))
        })
    })
}

fn any_shown() -> impl Strategy<Value = Predicate> {
    let iana = ElementId::iana;
    let bytes = prop::collection::vec(any::<u8>(), 0..12);
    prop_oneof![
        ".{0,8}".prop_map(move |text| Predicate::Shown(iana(82), Shown::Text(text))),
        bytes.prop_map(move |bytes| Predicate::Shown(iana(70), Shown::Bytes(bytes))),
        any::<i64>().prop_map(move |number| Predicate::Shown(iana(434), Shown::Signed(number))),
        any::<f32>().prop_filter("a number", |number| number.is_finite()).prop_map(move |number| {
            Predicate::Shown(iana(311), Shown::Float(f64::from(number).to_bits()))
        }),
    ]
}

/// Terms of both ends, as the parser makes them of `port` and so on, and joins of all.
fn any_predicate() -> impl Strategy<Value = Predicate> {
    let pair = (any_addresses(), any_numbers(65_535), 0usize..4).prop_map(|(set, ports, kind)| {
        let addresses = [Predicate::src(set.clone()), Predicate::dst(set)];
        let port = |field| Predicate::Number(field, ports.clone());
        let ports = [
            port(NumberField::Column(Column::SrcPort)),
            port(NumberField::Column(Column::DstPort)),
        ];
        match kind {
            0 => Predicate::or(addresses),
            1 => Predicate::and(addresses),
            2 => Predicate::or(ports),
            _ => Predicate::and(ports),
        }
    });
    let leaf = prop_oneof![2 => any_term(), 1 => pair];
    leaf.prop_recursive(4, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Predicate::and),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Predicate::or),
            inner.prop_map(Predicate::not),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn the_normal_form_reads_back_to_the_same(predicate in any_predicate()) {
        let text = predicate.to_string();
        prop_assert_eq!(parse(&text), Ok(predicate), "{}", text);
    }

    #[test]
    fn any_text_is_a_filter_or_a_located_error(
        words in prop::collection::vec("src|dst|or|and|not|!|in|\\[|\\]|\\(|\\)|port|ip|net|@|\"|'|10\\.0\\.0\\.1|10/8|80|1-2|\\.\\.|-|=|<>|seen|first|last|2023|-2h|element|vlanId|has|flags|SA|proto|tcp|icmp|type|mpls|any|label1|é|\\PC{0,3}", 0..14),
        blank in " ?",
    ) {
        let text = words.join(&blank);
        match parse(&text) {
            Ok(predicate) => prop_assert_eq!(parse(&predicate.to_string()), Ok(predicate)),
            Err(error) => {
                prop_assert!(text.get(error.span.clone()).is_some(), "{} {:?}", error, error.span);
                prop_assert!(error.render(&text).contains('^'));
                prop_assert!(!error.to_string().contains('\n'));
            }
        }
    }
}

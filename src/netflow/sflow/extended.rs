//! Records that say more of a packet than its header does, kept under IANA's elements where there
//! are any of the same meaning.
//!
//! Layout: sFlow Version 5 §5.3 (`extended_…`), and the structures for 802.11, port NAT and tunnels
//! (sflow.org). The addresses of tunnels, names of LSPs and what an access point counts have no
//! elements.

use std::net::{IpAddr, Ipv4Addr};

use super::super::cursor::Cursor;
use super::super::field::{address_v4, address_v6};
use super::super::frame::Kept;

/// Formats of flow records, of enterprise 0.
const USER: u32 = 1004;
const URL: u32 = 1005;
const MPLS: u32 = 1006;
const NAT: u32 = 1007;
const MPLS_VC: u32 = 1009;
const VLAN_TUNNEL: u32 = 1012;
const WLAN_RECEIVED: u32 = 1014;
const WLAN_SENT: u32 = 1015;
const NAT_PORT: u32 = 1020;
const VNI_EGRESS: u32 = 1029;
const VNI_INGRESS: u32 = 1030;

/// Elements of IANA's; of addresses those of IPv4 and IPv6.
const TOP_LABEL_ADDRESS: [u16; 2] = [47, 140];
const LABELS: std::ops::Range<u16> = 70..80;
const WLAN_CHANNEL: u16 = 146;
const WLAN_SSID: u16 = 147;
const POST_NAT_SRC: [u16; 2] = [225, 281];
const POST_NAT_DST: [u16; 2] = [226, 282];
const POST_NAPT_SRC_PORT: u16 = 227;
const POST_NAPT_DST_PORT: u16 = 228;
/// The outer tag and the inner one.
const VLANS: std::ops::Range<u16> = 243..246;
const PSEUDOWIRE: u16 = 249;
const SEGMENT_ID: u16 = 351;
const USER_NAME: u16 = 371;
const HTTP_METHOD: u16 = 459;
const HTTP_HOST: u16 = 460;
const HTTP_TARGET: u16 = 461;
const HTTP_VERSION: u16 = 462;

/// Takes in what one record says; what is not all there says nothing.
pub(super) fn read(format: u32, mut at: Cursor<'_>, kept: &mut Kept<'_>) -> Option<()> {
    let at = &mut at;
    match format {
        USER => {
            let (_charset, src) = (at.read_u32()?, text(at)?);
            let (_charset, dst) = (at.read_u32()?, text(at)?);
            // An element has no ends: of two users the one counts who sent the packet.
            push_text(kept, USER_NAME, src);
            push_text(kept, USER_NAME, dst);
        }
        URL => {
            let (_direction, request, host) = (at.read_u32()?, text(at)?, text(at)?);
            push_request(kept, request);
            push_text(kept, HTTP_HOST, host);
        }
        MPLS => {
            let (next_hop, labels, _sent) = (address(at)?, words(at)?, words(at)?);
            push_address(kept, TOP_LABEL_ADDRESS, next_hop);
            for (element, entry) in LABELS.zip(labels) {
                kept.push(element, &entry[..3]);
            }
        }
        NAT => {
            let (src, dst) = (address(at)?, address(at)?);
            push_address(kept, POST_NAT_SRC, src);
            push_address(kept, POST_NAT_DST, dst);
        }
        MPLS_VC => {
            let (_name, circuit, _class) = (text(at)?, at.read_u32()?, at.read_u32()?);
            kept.push_number(PSEUDOWIRE, circuit);
        }
        VLAN_TUNNEL => {
            for (element, [_, _, high, low]) in VLANS.step_by(2).zip(words(at)?) {
                kept.push_number(element, u32::from(u16::from_be_bytes([*high, *low]) & 0x0fff));
            }
        }
        WLAN_RECEIVED | WLAN_SENT => {
            let (ssid, _bssid, _version) = (text(at)?, at.take(8)?, at.read_u32()?);
            // How often a packet was sent and how long that took, before; what comes behind.
            let (before, behind) = if format == WLAN_SENT { (12, 12) } else { (0, 20) };
            let (_, channel, _) = (at.take(before)?, at.read_u32()?, at.take(behind)?);
            push_text(kept, WLAN_SSID, ssid);
            if channel > 0 {
                kept.push_number(WLAN_CHANNEL, channel);
            }
        }
        NAT_PORT => {
            let (src, dst) = (at.read_u32()?, at.read_u32()?);
            kept.push_number(POST_NAPT_SRC_PORT, src);
            kept.push_number(POST_NAPT_DST_PORT, dst);
        }
        VNI_EGRESS | VNI_INGRESS => kept.push_number(SEGMENT_ID, at.read_u32()?),
        _ => {}
    }
    Some(())
}

/// A text behind its length, filled up to words.
fn text<'a>(at: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let bytes = at.read_u32()? as usize;
    let text = at.take(bytes)?;
    at.take(bytes.next_multiple_of(4) - bytes)?;
    Some(text)
}

/// Words behind their number.
fn words<'a>(at: &mut Cursor<'a>) -> Option<&'a [[u8; 4]]> {
    let count = at.read_u32()? as usize;
    Some(at.take(count.checked_mul(4)?)?.as_chunks().0)
}

fn push_text(kept: &mut Kept<'_>, element: u16, text: &[u8]) {
    if !text.is_empty() {
        kept.push(element, text);
    }
}

fn push_address(kept: &mut Kept<'_>, [v4, v6]: [u16; 2], address: IpAddr) {
    match address {
        _ if address.is_unspecified() => {}
        IpAddr::V4(ip) => kept.push(v4, &ip.octets()),
        IpAddr::V6(ip) => kept.push(v6, &ip.octets()),
    }
}

/// The line of a request (RFC 9112 §3), or what it asks for, as some agents send that alone.
fn push_request(kept: &mut Kept<'_>, line: &[u8]) {
    let words: Vec<&[u8]> = line.splitn(4, |&byte| byte == b' ').collect();
    match words[..] {
        [method, target, version] if version.starts_with(b"HTTP/") => {
            push_text(kept, HTTP_METHOD, method);
            push_text(kept, HTTP_TARGET, target);
            push_text(kept, HTTP_VERSION, version);
        }
        _ => push_text(kept, HTTP_TARGET, line),
    }
}

/// An address behind its type; unspecified where the agent knows none.
pub(super) fn address(at: &mut Cursor<'_>) -> Option<IpAddr> {
    match at.read_u32()? {
        1 => address_v4(at.take(4)?),
        2 => address_v6(at.take(16)?),
        _ => Some(Ipv4Addr::UNSPECIFIED.into()),
    }
}

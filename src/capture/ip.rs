//! IP headers, IPv4 (RFC 791) and IPv6 (RFC 8200), and the UDP header behind them (RFC 768).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Skip;
use super::link::Network;

pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
pub(super) const ICMP: u8 = 1;
pub(super) const ICMPV6: u8 = 58;

const V4_HEADER_BYTES: usize = 20;
const V6_HEADER_BYTES: usize = 40;
const UDP_HEADER_BYTES: usize = 8;

/// An IP packet without its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Packet<'a> {
    pub(super) src: IpAddr,
    /// The protocol of `payload`; of a fragment that is not the first, what its header says.
    pub(super) protocol: u8,
    /// Without the link layer's padding.
    pub(super) payload: &'a [u8],
    pub(super) fragment: Option<Fragment>,
}

/// Which piece of which datagram a fragment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fragment {
    pub(super) key: FragmentKey,
    /// Where its payload belongs.
    pub(super) offset: u32,
    /// Whether more follow.
    pub(super) more: bool,
    /// Whether the capture has all of it.
    pub(super) whole: bool,
}

/// What the fragments of one datagram have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct FragmentKey {
    src: IpAddr,
    dst: IpAddr,
    id: u32,
    /// IPv4's, which is part of the identity there; 0 in IPv6.
    protocol: u8,
}

/// Reads the header of an IP packet, IPv6's extension headers too.
///
/// # Errors
///
/// [`Skip::Cut`] where the packet ends inside its headers, [`Skip::Malformed`] where they
/// contradict themselves.
pub(super) fn decode(network: Network<'_>) -> Result<Packet<'_>, Skip> {
    match network {
        Network::V4(packet) => v4(packet),
        Network::V6(packet) => v6(packet),
    }
}

fn v4(packet: &[u8]) -> Result<Packet<'_>, Skip> {
    let header = packet.first_chunk::<V4_HEADER_BYTES>().ok_or(Skip::Cut)?;
    let header_bytes = usize::from(header[0] & 0x0f) * 4;
    if header[0] >> 4 != 4 || header_bytes < V4_HEADER_BYTES {
        return Err(Skip::Malformed);
    }
    let total_bytes = match be16(header, 2) {
        // The network card was to cut and fill in (segmentation offload): as much as there is.
        0 => packet.len(),
        declared => usize::from(declared),
    };
    if total_bytes < header_bytes {
        return Err(Skip::Malformed);
    }
    let payload = packet.get(header_bytes..total_bytes.min(packet.len())).ok_or(Skip::Cut)?;
    let src = Ipv4Addr::new(header[12], header[13], header[14], header[15]).into();
    let protocol = header[9];
    let place = be16(header, 6);
    let (offset, more) = (u32::from(place & 0x1fff) * 8, place & 0x2000 != 0);
    let fragment = (offset > 0 || more).then(|| {
        let dst = Ipv4Addr::new(header[16], header[17], header[18], header[19]).into();
        let key = FragmentKey { src, dst, id: be16(header, 4).into(), protocol };
        Fragment { key, offset, more, whole: packet.len() >= total_bytes }
    });
    Ok(Packet { src, protocol, payload, fragment })
}

fn v6(packet: &[u8]) -> Result<Packet<'_>, Skip> {
    let header = packet.first_chunk::<V6_HEADER_BYTES>().ok_or(Skip::Cut)?;
    if header[0] >> 4 != 6 {
        return Err(Skip::Malformed);
    }
    let body = &packet[V6_HEADER_BYTES..];
    let body_bytes = match be16(header, 4) {
        // A jumbogram, or segmentation offload: as much as there is.
        0 => body.len(),
        declared => usize::from(declared),
    };
    let address = |at: usize| -> IpAddr {
        let mut octets = [0; 16];
        octets.copy_from_slice(&header[at..at + 16]);
        Ipv6Addr::from(octets).into()
    };
    let src = address(8);
    let upper = upper_layer(header[6], &body[..body_bytes.min(body.len())])?;
    let fragment = upper.fragment.map(|(id, offset, more)| Fragment {
        key: FragmentKey { src, dst: address(24), id, protocol: 0 },
        offset,
        more,
        whole: body.len() >= body_bytes,
    });
    Ok(Packet { src, protocol: upper.protocol, payload: upper.payload, fragment })
}

/// What lies behind IPv6's extension headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UpperLayer<'a> {
    pub(super) protocol: u8,
    pub(super) payload: &'a [u8],
    /// Identification, offset in bytes, and whether more follow.
    pub(super) fragment: Option<(u32, u32, bool)>,
}

/// Walks over extension headers up to the upper layer, or to a fragment header whose fragment is
/// not the whole (an "atomic" one is, RFC 6946). Every step takes at least eight bytes.
pub(super) fn upper_layer(mut protocol: u8, mut payload: &[u8]) -> Result<UpperLayer<'_>, Skip> {
    loop {
        let units = || payload.get(1).map(|&units| usize::from(units)).ok_or(Skip::Cut);
        let header_bytes = match protocol {
            // Hop by hop, routing, destination options, mobility, HIP, shim6.
            0 | 43 | 60 | 135 | 139 | 140 => (units()? + 1) * 8,
            // Authentication.
            51 => (units()? + 2) * 4,
            44 => {
                let header = payload.first_chunk::<8>().ok_or(Skip::Cut)?;
                let place = be16(header, 2);
                let (offset, more) = (u32::from(place & 0xfff8), place & 1 != 0);
                if offset > 0 || more {
                    let id = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
                    let fragment = Some((id, offset, more));
                    return Ok(UpperLayer {
                        protocol: header[0],
                        payload: &payload[8..],
                        fragment,
                    });
                }
                8
            }
            _ => return Ok(UpperLayer { protocol, payload, fragment: None }),
        };
        protocol = *payload.first().ok_or(Skip::Cut)?;
        payload = payload.get(header_bytes..).ok_or(Skip::Cut)?;
    }
}

/// A UDP datagram in an IP payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Udp<'a> {
    pub(super) src_port: u16,
    /// What is there of it.
    pub(super) payload: &'a [u8],
    /// How long it was when it was sent.
    pub(super) declared_bytes: usize,
}

/// Reads a UDP header. Its length is trusted over that of the packet: what follows is padding.
///
/// # Errors
///
/// [`Skip::Cut`] where the header is not all there, [`Skip::Malformed`] where the length is less
/// than the header's.
pub(super) fn udp(payload: &[u8]) -> Result<Udp<'_>, Skip> {
    let header = payload.first_chunk::<UDP_HEADER_BYTES>().ok_or(Skip::Cut)?;
    let declared_bytes =
        usize::from(be16(header, 4)).checked_sub(UDP_HEADER_BYTES).ok_or(Skip::Malformed)?;
    let payload = &payload[UDP_HEADER_BYTES..];
    let payload = &payload[..declared_bytes.min(payload.len())];
    Ok(Udp { src_port: be16(header, 0), payload, declared_bytes })
}

fn be16<const N: usize>(header: &[u8; N], at: usize) -> u16 {
    u16::from_be_bytes([header[at], header[at + 1]])
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A fragment of a made datagram.
    pub(in super::super) fn fragment(id: u32, offset: u32, more: bool) -> Fragment {
        let (src, dst) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let key = FragmentKey { src, dst, id, protocol: UDP };
        Fragment { key, offset, more, whole: true }
    }

    fn v4_packet(options: usize, place: u16, payload: &[u8]) -> Vec<u8> {
        let total = (20 + options + payload.len()) as u16;
        let mut packet = vec![0x45 + (options / 4) as u8, 0];
        packet.extend(total.to_be_bytes());
        packet.extend([0x12, 0x34]);
        packet.extend(place.to_be_bytes());
        packet.extend([64, UDP, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        packet.extend(vec![1; options]);
        packet.extend(payload);
        packet
    }

    fn v6_packet(next: u8, payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x60, 0, 0, 0];
        packet.extend((payload.len() as u16).to_be_bytes());
        packet.extend([next, 64]);
        packet.extend([0xfd; 16]);
        packet.extend([0xfe; 16]);
        packet.extend(payload);
        packet
    }

    #[test]
    fn v4_headers_are_read_with_options_padding_and_cuts() {
        let plain = v4_packet(0, 0x4000, b"payload");
        let with_options = v4_packet(40, 0, b"payload");
        let padded = [&plain[..], &[0; 20]].concat();
        for packet in [&plain, &with_options, &padded] {
            let decoded = decode(Network::V4(packet)).unwrap();
            assert_eq!(decoded.src, IpAddr::from([10, 0, 0, 1]));
            assert_eq!((decoded.protocol, decoded.payload), (UDP, &b"payload"[..]));
            assert_eq!(decoded.fragment, None);
        }
        assert_eq!(decode(Network::V4(&plain[..24])).unwrap().payload, b"payl");
        let offloaded = [&plain[..2], &[0, 0], &plain[4..]].concat();
        assert_eq!(decode(Network::V4(&offloaded)).unwrap().payload, b"payload");
        for (name, packet, reason) in [
            ("cut", plain[..19].to_vec(), Skip::Cut),
            ("cut options", with_options[..30].to_vec(), Skip::Cut),
            ("short header", [&[0x44], &plain[1..]].concat(), Skip::Malformed),
            ("version 6", [&[0x65], &plain[1..]].concat(), Skip::Malformed),
            ("total length 19", [&plain[..2], &[0, 19], &plain[4..]].concat(), Skip::Malformed),
        ] {
            assert_eq!(decode(Network::V4(&packet)), Err(reason), "{name}");
        }
    }

    #[test]
    fn v4_fragments_are_told_by_flag_or_offset() {
        let packet = v4_packet(0, 0x2000, b"12345678");
        let first = decode(Network::V4(&packet)).unwrap().fragment.unwrap();
        assert_eq!((first.offset, first.more, first.whole), (0, true, true));
        let packet = v4_packet(0, 185, b"tail");
        let last = decode(Network::V4(&packet)).unwrap().fragment.unwrap();
        assert_eq!((last.offset, last.more, last.key), (1480, false, first.key));
        let cut = decode(Network::V4(&packet[..22])).unwrap().fragment.unwrap();
        assert!(!cut.whole);
    }

    #[test]
    fn v6_extension_headers_are_walked_over() {
        let hop = |next: u8| [next, 0, 0, 0, 0, 0, 0, 0];
        let long = |next: u8| [&[next, 1][..], &[0; 14]].concat();
        let atomic = [60, 0, 0, 0, 0, 0, 0, 9];
        for (name, next, body) in [
            ("none", UDP, b"payload".to_vec()),
            ("hop by hop", 0, [&hop(UDP)[..], b"payload"].concat()),
            ("routing", 43, [&long(UDP)[..], b"payload"].concat()),
            ("authentication", 51, [&[UDP, 1], &[0; 10][..], b"payload"].concat()),
            ("atomic", 44, [&atomic[..], &hop(UDP), b"payload"].concat()),
        ] {
            let packet = v6_packet(next, &body);
            let decoded = decode(Network::V6(&packet)).unwrap();
            assert_eq!((decoded.protocol, decoded.payload), (UDP, &b"payload"[..]), "{name}");
            assert_eq!(decoded.src, IpAddr::from([0xfd; 16]), "{name}");
            assert_eq!(decoded.fragment, None, "{name}");
        }
        let cut = v6_packet(0, &[UDP, 5, 0, 0]);
        assert_eq!(decode(Network::V6(&cut)), Err(Skip::Cut));
        let fragment = v6_packet(44, &[UDP, 0, 5, 0xa9, 0, 0, 0, 9, 1, 2, 3]);
        let decoded = decode(Network::V6(&fragment)).unwrap();
        let place = decoded.fragment.unwrap();
        assert_eq!((place.offset, place.more, place.whole), (1448, true, true));
        assert_eq!((decoded.protocol, decoded.payload), (UDP, &[1, 2, 3][..]));
    }

    #[test]
    fn the_length_of_the_udp_header_counts() {
        let header = [0x08, 0x07, 0x27, 0x0b, 0, 12, 0, 0];
        let read = |payload: &[u8]| udp(&[&header[..], payload].concat()).unwrap().payload.len();
        assert_eq!(read(b"data"), 4);
        assert_eq!(read(b"data and padding"), 4);
        assert_eq!(read(b"da"), 2);
        let cut = [&header[..], b"da"].concat();
        let cut = udp(&cut).unwrap();
        assert_eq!((cut.src_port, cut.declared_bytes), (2055, 4));
        assert_eq!(udp(&header[..7]), Err(Skip::Cut));
        assert_eq!(udp(&[0, 1, 0, 2, 0, 7, 0, 0]), Err(Skip::Malformed));
    }
}

//! Frames a datagram for a capture file: pcap in little-endian with microseconds, and Ethernet, IP
//! and UDP headers that say whence and whither it went.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use byteorder::{BigEndian, ByteOrder, LittleEndian};

use super::ip::UDP;
use crate::flow::{saturated_u16, saturated_u32};

/// The link-layer addresses, both made up and marked as such; the type follows.
const MAC_ADDRESSES: [u8; 12] = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
const ETHERNET_BYTES: usize = 14;
const V4_BYTES: usize = 20;
const V6_BYTES: usize = 40;
const UDP_BYTES: usize = 8;
const PACKET_HEADER_BYTES: usize = 16;
const LINKTYPE_ETHERNET: u32 = 1;
const SNAP_LENGTH: u32 = 262_144;
const HOPS: u8 = 61;

/// As many bytes as [`file_header`] has.
pub(crate) const FILE_HEADER_BYTES: usize = 24;

/// The header of the file.
pub(crate) fn file_header() -> [u8; FILE_HEADER_BYTES] {
    let mut header = [0; FILE_HEADER_BYTES];
    LittleEndian::write_u32(&mut header[0..], 0xa1b2_c3d4);
    LittleEndian::write_u16(&mut header[4..], 2);
    LittleEndian::write_u16(&mut header[6..], 4);
    LittleEndian::write_u32(&mut header[16..], SNAP_LENGTH);
    LittleEndian::write_u32(&mut header[20..], LINKTYPE_ETHERNET);
    header
}

/// Whence and whither a datagram goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Path {
    pub(crate) src: SocketAddr,
    /// Where its address is of the other family, no address of the source's family stands for it:
    /// a socket for both does not say at which of its addresses a datagram came.
    pub(crate) dst: SocketAddr,
}

/// Appends a packet to `to`: seen at `time_us`, and, where `cut_bytes` is not 0, cut short by so
/// many bytes.
pub(crate) fn packet(
    to: &mut Vec<u8>,
    time_us: u64,
    path: Path,
    ip_id: u16,
    payload: &[u8],
    cut_bytes: usize,
) {
    let ip_bytes = if path.src.is_ipv4() { V4_BYTES } else { V6_BYTES };
    let frame_bytes = ETHERNET_BYTES + ip_bytes + UDP_BYTES + payload.len();

    let mut header = [0; PACKET_HEADER_BYTES];
    LittleEndian::write_u32(&mut header[0..], saturated_u32(time_us / 1_000_000));
    LittleEndian::write_u32(&mut header[4..], saturated_u32(time_us % 1_000_000));
    LittleEndian::write_u32(&mut header[8..], saturated_u32(frame_bytes - cut_bytes));
    LittleEndian::write_u32(&mut header[12..], saturated_u32(frame_bytes));
    to.extend_from_slice(&header);
    to.extend_from_slice(&MAC_ADDRESSES);
    to.extend_from_slice(if path.src.is_ipv4() { &[8, 0] } else { &[0x86, 0xdd] });
    ip_packet(to, path, ip_id, payload);
    to.truncate(to.len() - cut_bytes);
}

/// Appends the IP packet of a datagram to `to`.
pub(crate) fn ip_packet(to: &mut Vec<u8>, path: Path, ip_id: u16, payload: &[u8]) {
    let udp_bytes = UDP_BYTES + payload.len();
    let mut udp = [0; UDP_BYTES];
    BigEndian::write_u16(&mut udp[0..], path.src.port());
    BigEndian::write_u16(&mut udp[2..], path.dst.port());
    BigEndian::write_u16(&mut udp[4..], saturated_u16(udp_bytes));
    match path.src.ip() {
        // No UDP checksum: IPv4 allows that (RFC 768), and many exporters compute none.
        IpAddr::V4(src) => put_v4(to, src, path.dst.ip(), ip_id, udp_bytes),
        IpAddr::V6(src) => {
            let dst = put_v6(to, src, path.dst.ip(), udp_bytes);
            let sum = v6_checksum(src, dst, udp, payload);
            BigEndian::write_u16(&mut udp[6..], sum);
        }
    }
    to.extend_from_slice(&udp);
    to.extend_from_slice(payload);
}

fn put_v4(to: &mut Vec<u8>, src: Ipv4Addr, dst: IpAddr, ip_id: u16, udp_bytes: usize) {
    let dst = if let IpAddr::V4(dst) = dst { dst } else { Ipv4Addr::UNSPECIFIED };
    let mut ip = [0; V4_BYTES];
    ip[0] = 0x45;
    BigEndian::write_u16(&mut ip[2..], saturated_u16(V4_BYTES + udp_bytes));
    BigEndian::write_u16(&mut ip[4..], ip_id);
    ip[8] = HOPS;
    ip[9] = UDP;
    ip[12..16].copy_from_slice(&src.octets());
    ip[16..20].copy_from_slice(&dst.octets());
    let sum = folded(words(&ip));
    BigEndian::write_u16(&mut ip[10..], sum);
    to.extend_from_slice(&ip);
}

fn put_v6(to: &mut Vec<u8>, src: Ipv6Addr, dst: IpAddr, udp_bytes: usize) -> Ipv6Addr {
    let dst = if let IpAddr::V6(dst) = dst { dst } else { Ipv6Addr::UNSPECIFIED };
    let mut ip = [0; V6_BYTES];
    ip[0] = 0x60;
    BigEndian::write_u16(&mut ip[4..], saturated_u16(udp_bytes));
    ip[6] = UDP;
    ip[7] = HOPS;
    ip[8..24].copy_from_slice(&src.octets());
    ip[24..40].copy_from_slice(&dst.octets());
    to.extend_from_slice(&ip);
    dst
}

/// The UDP checksum, which IPv6 demands (RFC 8200 §8.1): over a pseudo-header as well, and never 0.
fn v6_checksum(src: Ipv6Addr, dst: Ipv6Addr, udp: [u8; UDP_BYTES], payload: &[u8]) -> u16 {
    let udp_bytes = (UDP_BYTES + payload.len()) as u64;
    let sum = words(&src.octets())
        + words(&dst.octets())
        + udp_bytes
        + u64::from(UDP)
        + words(&udp)
        + words(payload);
    match folded(sum) {
        0 => u16::MAX,
        sum => sum,
    }
}

/// The sum of all 16-bit words (RFC 1071); an odd byte at the end is the high one of a word.
fn words(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<2>();
    let sum: u64 = words.iter().map(|&word| u64::from(u16::from_be_bytes(word))).sum();
    sum + rest.first().map_or(0, |&odd| u64::from(odd) << 8)
}

/// A sum of words with its carries added in, and all bits turned over.
fn folded(mut sum: u64) -> u16 {
    loop {
        match u16::try_from(sum) {
            Ok(sum) => return !sum,
            Err(_) => sum = (sum & 0xffff) + (sum >> 16),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_checksum_is_that_of_the_textbook() {
        // The example of RFC 1071's usual explanation: 192.168.0.1 to 192.168.0.199, UDP.
        let mut header = [0; V4_BYTES];
        header[..10].copy_from_slice(&[0x45, 0, 0, 0x73, 0, 0, 0x40, 0, 0x40, 0x11]);
        header[12..].copy_from_slice(&[0xc0, 0xa8, 0, 1, 0xc0, 0xa8, 0, 0xc7]);
        assert_eq!(folded(words(&header)), 0xb861);
    }

    #[test]
    fn a_checksum_of_ipv6_sums_up_to_nothing_with_all_that_it_covers() {
        for payload in [&b"odd"[..], b"even", b""] {
            let path = Path {
                src: "[2001:db8::1]:4000".parse().unwrap(),
                dst: "[2001:db8::2]:2055".parse().unwrap(),
            };
            let mut bytes = Vec::new();
            packet(&mut bytes, 1_500_000, path, 0, payload, 0);
            let ip = &bytes[PACKET_HEADER_BYTES + ETHERNET_BYTES..];
            let udp_bytes = (UDP_BYTES + payload.len()) as u64;
            let sum = words(&ip[8..40]) + udp_bytes + u64::from(UDP) + words(&ip[40..]);
            assert_eq!(folded(sum), 0, "{payload:?}");
        }
    }
}

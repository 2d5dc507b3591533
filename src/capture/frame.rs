//! Frames a datagram for a capture file: pcap in little-endian with microseconds, and Ethernet,
//! IPv4 and UDP headers.

use std::net::Ipv4Addr;

use byteorder::{BigEndian, ByteOrder, LittleEndian};

const ETHERNET: [u8; 14] = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0];
const IP_BYTES: usize = 20;
const UDP_BYTES: usize = 8;
const PACKET_HEADER_BYTES: usize = 16;
const LINKTYPE_ETHERNET: u32 = 1;
const SNAP_LENGTH: u32 = 262_144;

/// The header of the file.
pub(super) fn file_header() -> [u8; 24] {
    let mut header = [0; 24];
    LittleEndian::write_u32(&mut header[0..], 0xa1b2_c3d4);
    LittleEndian::write_u16(&mut header[4..], 2);
    LittleEndian::write_u16(&mut header[6..], 4);
    LittleEndian::write_u32(&mut header[16..], SNAP_LENGTH);
    LittleEndian::write_u32(&mut header[20..], LINKTYPE_ETHERNET);
    header
}

/// Whence and whither a datagram goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Path {
    pub(super) src: Ipv4Addr,
    pub(super) dst: Ipv4Addr,
    pub(super) src_port: u16,
    pub(super) dst_port: u16,
}

/// Appends a packet to `to`: seen at `time_us`, and, where `cut_bytes` is not 0, cut short by so
/// many bytes.
pub(super) fn packet(
    to: &mut Vec<u8>,
    time_us: u64,
    path: Path,
    ip_id: u16,
    payload: &[u8],
    cut_bytes: usize,
) {
    let datagram_bytes = IP_BYTES + UDP_BYTES + payload.len();
    let frame_bytes = ETHERNET.len() + datagram_bytes;

    let mut header = [0; PACKET_HEADER_BYTES];
    LittleEndian::write_u32(&mut header[0..], (time_us / 1_000_000) as u32);
    LittleEndian::write_u32(&mut header[4..], (time_us % 1_000_000) as u32);
    LittleEndian::write_u32(&mut header[8..], (frame_bytes - cut_bytes) as u32);
    LittleEndian::write_u32(&mut header[12..], frame_bytes as u32);

    let mut ip = [0; IP_BYTES];
    ip[0] = 0x45;
    BigEndian::write_u16(&mut ip[2..], datagram_bytes as u16);
    BigEndian::write_u16(&mut ip[4..], ip_id);
    ip[8] = 61;
    ip[9] = 17;
    ip[12..16].copy_from_slice(&path.src.octets());
    ip[16..20].copy_from_slice(&path.dst.octets());
    let sum = checksum(&ip);
    BigEndian::write_u16(&mut ip[10..], sum);

    // No UDP checksum: IPv4 allows that (RFC 768), and many exporters compute none.
    let mut udp = [0; UDP_BYTES];
    BigEndian::write_u16(&mut udp[0..], path.src_port);
    BigEndian::write_u16(&mut udp[2..], path.dst_port);
    BigEndian::write_u16(&mut udp[4..], (UDP_BYTES + payload.len()) as u16);

    for part in [&header[..], &ETHERNET, &ip, &udp, &payload[..payload.len() - cut_bytes]] {
        to.extend_from_slice(part);
    }
}

/// The checksum of an IPv4 header whose own checksum field is 0 (RFC 1071).
fn checksum(header: &[u8; IP_BYTES]) -> u16 {
    let sum: u32 = header.chunks_exact(2).map(|word| u32::from(BigEndian::read_u16(word))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !((folded & 0xffff) + (folded >> 16)) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_checksum_is_that_of_the_textbook() {
        // The example of RFC 1071's usual explanation: 192.168.0.1 to 192.168.0.199, UDP.
        let mut header = [0; IP_BYTES];
        header[..10].copy_from_slice(&[0x45, 0, 0, 0x73, 0, 0, 0x40, 0, 0x40, 0x11]);
        header[12..].copy_from_slice(&[0xc0, 0xa8, 0, 1, 0xc0, 0xa8, 0, 0xc7]);
        assert_eq!(checksum(&header), 0xb861);
    }
}

//! Records of a pcap file, in both byte orders and in micro- or nanoseconds.
//!
//! Format: <https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcap/>, and the "modified" one of
//! old Linux distributions, whose record headers are eight bytes longer.

use std::io::Read;
use std::ops::ControlFlow;

use pcap_parser::nom::{self, Needed};
use pcap_parser::pcap::{
    parse_pcap_frame, parse_pcap_frame_be, parse_pcap_frame_modified, parse_pcap_header,
};
use pcap_parser::{Linktype, PcapHeader};

use super::packets::Packets;
use super::window::{Damage, Window};
use crate::flow::UnixMillis;

/// The longest packet that a record may declare: libpcap's greatest snap length. Only damage
/// makes it longer.
pub(super) const MAX_PACKET_BYTES: usize = 256 << 10;

const FILE_HEADER_BYTES: usize = 24;

/// Upper bits of the link type's field tell about frame check sequences, which lengths inside
/// the packet leave out anyway.
const LINK_TYPE_BITS: i32 = 0x03ff_ffff;

/// Reads all records.
///
/// # Errors
///
/// [`Damage`] at the record that is not whole, or cannot be one; what came before was given.
pub(super) fn read<R: Read>(
    window: &mut Window<R>,
    packets: &mut Packets<'_, '_>,
) -> Result<ControlFlow<()>, Damage> {
    if !window.fill(FILE_HEADER_BYTES)? {
        return Err(Damage::new(window.end(), "cut inside the file header"));
    }
    let (_, header) = parse_pcap_header(window.data())
        .map_err(|_| Damage::new(window.offset(), "no pcap file header"))?;
    window.advance(FILE_HEADER_BYTES);
    let parse = match (header.is_modified_format(), header.is_bigendian()) {
        (true, _) => parse_pcap_frame_modified,
        (false, true) => parse_pcap_frame_be,
        (false, false) => parse_pcap_frame,
    };
    let record_header_bytes = if header.is_modified_format() { 24 } else { 16 };
    let link = Linktype(header.network.0 & LINK_TYPE_BITS);
    loop {
        let data = window.data();
        let needed = match parse(data) {
            Ok((_, record)) if record.data.len() > MAX_PACKET_BYTES => {
                return Err(too_long(window.offset(), record.data.len()));
            }
            Ok((rest, record)) => {
                let record_bytes = data.len() - rest.len();
                let received = time(&header, record.ts_sec, record.ts_usec);
                if packets.packet(link, received, record.data).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
                window.advance(record_bytes);
                continue;
            }
            Err(nom::Err::Incomplete(Needed::Size(more))) => data.len() + more.get(),
            Err(_) => return Err(Damage::new(window.offset(), "damaged: no pcap record")),
        };
        if needed > record_header_bytes + MAX_PACKET_BYTES {
            return Err(too_long(window.offset(), needed - record_header_bytes));
        }
        if !window.fill(needed)? {
            return match window.data().len() {
                0 => Ok(ControlFlow::Continue(())),
                _ => Err(Damage::new(
                    window.end(),
                    format!("cut inside the record that begins at byte {}", window.offset()),
                )),
            };
        }
    }
}

fn too_long(offset: u64, bytes: usize) -> Damage {
    Damage::new(
        offset,
        format!("damaged: a record of {bytes} bytes, at most {MAX_PACKET_BYTES} expected"),
    )
}

fn time(header: &PcapHeader, seconds: u32, fraction: u32) -> UnixMillis {
    let per_ms = if header.is_nanosecond_precision() { 1_000_000 } else { 1000 };
    UnixMillis(u64::from(seconds) * 1000 + u64::from(fraction / per_ms))
}

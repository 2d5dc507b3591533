//! Blocks of a pcapng file: any number of sections in either byte order, and of interfaces.
//!
//! Format: <https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcapng/>.

use std::io::Read;
use std::ops::ControlFlow;

use pcap_parser::traits::PcapNGPacketBlock;
use pcap_parser::{
    Block, EPB_MAGIC, IDB_MAGIC, InterfaceDescriptionBlock, Linktype, OptionCode, SHB_MAGIC,
    SPB_MAGIC, parse_block_be, parse_block_le,
};

use super::packets::Packets;
use super::pcap::MAX_PACKET_BYTES;
use super::window::{Damage, Window};
use crate::flow::UnixMillis;

/// The longest block that is looked at: a packet with its options, an interface, a section. Others
/// are passed over, whatever their length.
const MAX_BLOCK_BYTES: u32 = 512 << 10;

/// Interfaces of one section. The obsolete packet block could not name more.
const MAX_INTERFACES: usize = 1 << 16;

/// The obsolete packet block, which pcap-parser leaves to its caller.
const OPB_MAGIC: u32 = 2;
const OPB_HEADER_BYTES: usize = 20;

const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;

/// Type and length, and in a section header the byte order: what is needed to find a block's end.
const BLOCK_START_BYTES: usize = 12;

/// Reads all blocks.
///
/// # Errors
///
/// [`Damage`] at the block that is not whole, or cannot be one; what came before was given.
pub(super) fn read<R: Read>(
    window: &mut Window<R>,
    packets: &mut Packets<'_, '_>,
) -> Result<ControlFlow<()>, Damage> {
    let mut section = Section { big_endian: false, interfaces: Vec::new() };
    loop {
        if !window.fill(BLOCK_START_BYTES)? {
            return if window.data().is_empty() {
                Ok(ControlFlow::Continue(()))
            } else {
                Err(cut(window))
            };
        }
        let (kind, block_bytes) = section.block_start(window)?;
        let read_here = matches!(kind, SHB_MAGIC | IDB_MAGIC | EPB_MAGIC | SPB_MAGIC | OPB_MAGIC);
        if !read_here {
            let begun = window.offset();
            if !window.skip(block_bytes.into())? {
                return Err(cut_at(window.end(), begun));
            }
            continue;
        }
        if block_bytes > MAX_BLOCK_BYTES {
            let problem = format!(
                "damaged: a block of {block_bytes} bytes, at most {MAX_BLOCK_BYTES} expected"
            );
            return Err(Damage::new(window.offset(), problem));
        }
        if !window.fill(block_bytes as usize)? {
            return Err(cut(window));
        }
        let flow = section
            .block(&window.data()[..block_bytes as usize], packets)
            .ok_or_else(|| Damage::new(window.offset(), "damaged: the block contradicts itself"))?;
        if flow.is_break() {
            return Ok(flow);
        }
        window.advance(block_bytes as usize);
    }
}

fn cut<R: Read>(window: &Window<R>) -> Damage {
    cut_at(window.end(), window.offset())
}

fn cut_at(end: u64, begun: u64) -> Damage {
    Damage::new(end, format!("cut inside the block that begins at byte {begun}"))
}

/// What a section has said about the packets in it.
struct Section {
    big_endian: bool,
    interfaces: Vec<Interface>,
}

impl Section {
    /// The type and length of the block at the window's beginning; a section header sets the
    /// byte order for both.
    fn block_start<R: Read>(&mut self, window: &Window<R>) -> Result<(u32, u32), Damage> {
        let start = window.data();
        let kind = self.u32(start, 0);
        if kind == SHB_MAGIC {
            self.big_endian = true;
            if self.u32(start, 8) != BYTE_ORDER_MAGIC {
                self.big_endian = false;
                if self.u32(start, 8) != BYTE_ORDER_MAGIC {
                    return Err(Damage::new(window.offset(), "damaged: no byte order"));
                }
            }
        }
        let block_bytes = self.u32(start, 4);
        if (block_bytes as usize) < BLOCK_START_BYTES {
            return Err(Damage::new(
                window.offset(),
                format!("damaged: a block of {block_bytes} bytes, less than its own header"),
            ));
        }
        Ok((kind, block_bytes))
    }

    /// Reads one block; nothing where it contradicts itself.
    fn block(&mut self, bytes: &[u8], packets: &mut Packets<'_, '_>) -> Option<ControlFlow<()>> {
        let parse = if self.big_endian { parse_block_be } else { parse_block_le };
        // The block is there whole, so one that wants more is no block.
        let (_, block) = parse(bytes).ok()?;
        let tail = bytes.len() - 4;
        if self.u32(bytes, tail) as usize != bytes.len() {
            return None;
        }
        match block {
            Block::SectionHeader(_) => self.interfaces.clear(),
            Block::InterfaceDescription(description) => {
                if self.interfaces.len() == MAX_INTERFACES {
                    return None;
                }
                self.interfaces.push(Interface::new(&description, self.big_endian));
            }
            Block::EnhancedPacket(packet) => {
                let ticks = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
                return self.packet(packet.if_id, Some(ticks), packet.packet_data(), packets);
            }
            Block::SimplePacket(packet) => {
                let snap = self.interfaces.first().map_or(u32::MAX, |interface| interface.snap);
                // Without a captured length, only the snap length tells data from padding.
                let captured = packet.packet_data();
                let captured = &captured[..captured.len().min(snap as usize)];
                return self.packet(0, None, captured, packets);
            }
            Block::Unknown(block) => return self.old_packet(block.data, packets),
            _ => {}
        }
        Some(ControlFlow::Continue(()))
    }

    fn old_packet(&self, body: &[u8], packets: &mut Packets<'_, '_>) -> Option<ControlFlow<()>> {
        let header = body.get(..OPB_HEADER_BYTES)?;
        let interface = if self.big_endian {
            u16::from_be_bytes([header[0], header[1]])
        } else {
            u16::from_le_bytes([header[0], header[1]])
        };
        let ticks = u64::from(self.u32(header, 4)) << 32 | u64::from(self.u32(header, 8));
        let captured = self.u32(header, 12) as usize;
        let data = body[OPB_HEADER_BYTES..].get(..captured)?;
        self.packet(interface.into(), Some(ticks), data, packets)
    }

    fn packet(
        &self,
        interface: u32,
        ticks: Option<u64>,
        data: &[u8],
        packets: &mut Packets<'_, '_>,
    ) -> Option<ControlFlow<()>> {
        if data.len() > MAX_PACKET_BYTES {
            return None;
        }
        let Some(interface) = self.interfaces.get(interface as usize) else {
            // A packet of an interface that nobody described: nobody can say what it is.
            packets.malformed();
            return Some(ControlFlow::Continue(()));
        };
        let received = ticks.map_or(UnixMillis::EPOCH, |ticks| interface.clock.time(ticks));
        Some(packets.packet(interface.link, received, data))
    }

    fn u32(&self, bytes: &[u8], at: usize) -> u32 {
        let word = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
        if self.big_endian { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }
    }
}

struct Interface {
    link: Linktype,
    /// The most bytes that were captured of a packet.
    snap: u32,
    clock: Clock,
}

impl Interface {
    fn new(description: &InterfaceDescriptionBlock<'_>, big_endian: bool) -> Self {
        // pcap-parser reads the offset as little-endian in every section, so it is read here.
        let offset = description
            .options
            .iter()
            .find(|option| option.code == OptionCode::IfTsoffset)
            .and_then(|option| option.value().first_chunk())
            .map_or(0, |bytes| {
                if big_endian { i64::from_be_bytes(*bytes) } else { i64::from_le_bytes(*bytes) }
            });
        Self {
            link: description.linktype,
            snap: if description.snaplen == 0 { u32::MAX } else { description.snaplen },
            clock: Clock::new(description.if_tsresol, offset),
        }
    }
}

/// How an interface counts time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Clock {
    /// Ticks a second; nothing where they are too many for any count of them to make a second.
    per_second: Option<u64>,
    offset_ms: i64,
}

impl Clock {
    /// `resolution` is the option `if_tsresol`: a negative power of ten, or with the highest bit
    /// set, of two. (pcap-parser's own reading of it refuses every power of two.)
    fn new(resolution: u8, offset_seconds: i64) -> Self {
        let power = u32::from(resolution & 0x7f);
        let base: u64 = if resolution & 0x80 == 0 { 10 } else { 2 };
        Self { per_second: base.checked_pow(power), offset_ms: offset_seconds.saturating_mul(1000) }
    }

    fn time(self, ticks: u64) -> UnixMillis {
        let since_ms = match self.per_second {
            None => 0,
            // Without a 128-bit division for the resolutions that are in use.
            Some(per_second) if per_second.is_multiple_of(1000) => ticks / (per_second / 1000),
            Some(per_second) => {
                let ms = u128::from(ticks) * 1000 / u128::from(per_second);
                u64::try_from(ms).unwrap_or(u64::MAX)
            }
        };
        UnixMillis(since_ms.saturating_add_signed(self.offset_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_read_in_every_resolution() {
        let ms = 1_185_488_138_007_u64;
        for (resolution, offset, ticks, expected) in [
            (6, 0, ms * 1000 + 999, ms),
            (9, 0, ms * 1_000_000 + 999_999, ms),
            (3, 0, ms, ms),
            (0, 0, ms / 1000, ms / 1000 * 1000),
            (6, 3600, ms * 1000, ms + 3_600_000),
            (6, -3600, ms * 1000, ms - 3_600_000),
            (0x80 | 0x0a, 0, (ms * 1024).div_ceil(1000), ms),
            (0x80 | 0x14, 0, ms * 1_048_576 / 1000 + 1, ms),
            (0x80 | 0x3f, 0, 1 << 63, 1000),
            (19, 0, 10_000_000_000_000_000_000, 1000),
            (127, 1, u64::MAX, 1000),
            (0, i64::MAX, u64::MAX, u64::MAX),
        ] {
            let clock = Clock::new(resolution, offset);
            assert_eq!(clock.time(ticks), UnixMillis(expected), "{resolution} {offset}");
        }
    }
}

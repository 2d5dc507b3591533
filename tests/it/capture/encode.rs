//! Small encoders of captures: what the tests read was written here, field by field.

use std::io::Write;
use std::net::IpAddr;

/// A datagram as it was sent, and when it was captured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) exporter: IpAddr,
    pub(crate) src_port: u16,
    pub(crate) received_ms: u64,
    pub(crate) payload: Vec<u8>,
}

/// Datagrams of several exporters, of both families and many lengths.
pub(crate) fn datagrams(count: usize) -> Vec<Sent> {
    (0..count)
        .map(|index| {
            let last = (index % 3) as u8 + 1;
            let exporter: IpAddr = if index % 4 == 3 {
                [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last].into()
            } else {
                [10, 0, 0, last].into()
            };
            Sent {
                exporter,
                src_port: 2055 + (index % 5) as u16,
                received_ms: 1_185_488_138_000 + index as u64 * 7,
                payload: (0..index * 97 % 1465).map(|at| (at * 7 + index) as u8).collect(),
            }
        })
        .collect()
}

fn udp(sent: &Sent) -> Vec<u8> {
    let length = sent.payload.len() as u16 + 8;
    let ports = [sent.src_port, 2055, length, 0].map(u16::to_be_bytes).concat();
    [ports, sent.payload.clone()].concat()
}

/// The IPv4 header of a payload: `place` is flags and fragment offset.
pub(super) fn v4(src: [u8; 4], id: u16, place: u16, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let words = [payload.len() as u16 + 20, id, place].map(u16::to_be_bytes).concat();
    [&[0x45, 0][..], &words, &[64, protocol, 0, 0], &src, &[192, 0, 2, 1], payload].concat()
}

pub(super) fn v6(src: [u8; 16], next: u8, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u16).to_be_bytes();
    [&[0x60, 0, 0, 0][..], &length, &[next, 64], &src, &[0xfd; 16], payload].concat()
}

/// The IP packet that carries a datagram.
pub(super) fn packet(sent: &Sent) -> Vec<u8> {
    match sent.exporter {
        IpAddr::V4(address) => v4(address.octets(), 1, 0x4000, 17, &udp(sent)),
        IpAddr::V6(address) => v6(address.octets(), 17, &udp(sent)),
    }
}

/// The IP packets that carry a datagram in fragments of `bytes`, a multiple of eight.
pub(crate) fn fragments(sent: &Sent, id: u16, bytes: usize) -> Vec<Vec<u8>> {
    let whole = udp(sent);
    let pieces = whole.len().div_ceil(bytes);
    let piece = |(index, piece): (usize, &[u8])| {
        let (offset, more) = (index * bytes, index + 1 < pieces);
        match sent.exporter {
            IpAddr::V4(address) => {
                let place = (offset / 8) as u16 | if more { 0x2000 } else { 0 };
                v4(address.octets(), id, place, 17, piece)
            }
            IpAddr::V6(address) => {
                let place = (offset as u16 | u16::from(more)).to_be_bytes();
                let id = u32::from(id).to_be_bytes();
                let header = [&[17, 0][..], &place, &id].concat();
                v6(address.octets(), 44, &[&header, piece].concat())
            }
        }
    };
    whole.chunks(bytes).enumerate().map(piece).collect()
}

/// How a packet lies in a frame.
#[derive(Debug, Clone, Copy)]
pub(super) enum Link {
    Ethernet,
    Vlan,
    QinQ,
    Sll,
    Sll2,
    Raw(u32),
    Null,
    NullOfAnotherOrder,
    Loop,
}

impl Link {
    pub(super) const ALL: [Self; 12] = [
        Self::Ethernet,
        Self::Vlan,
        Self::QinQ,
        Self::Sll,
        Self::Sll2,
        Self::Raw(101),
        Self::Raw(12),
        Self::Raw(14),
        Self::Raw(228),
        Self::Null,
        Self::NullOfAnotherOrder,
        Self::Loop,
    ];

    pub(super) fn number(self) -> u32 {
        match self {
            Self::Ethernet | Self::Vlan | Self::QinQ => 1,
            Self::Sll => 113,
            Self::Sll2 => 276,
            Self::Raw(number) => number,
            Self::Null | Self::NullOfAnotherOrder => 0,
            Self::Loop => 108,
        }
    }

    pub(super) fn frame(self, packet: &[u8]) -> Vec<u8> {
        let six = packet[0] >> 4 == 6;
        let kind: [u8; 2] = if six { [0x86, 0xdd] } else { [8, 0] };
        let family: u32 = if six { 24 } else { 2 };
        let macs = [2; 12];
        match self {
            // Short frames are padded to 60 bytes, which must not become payload.
            Self::Ethernet => {
                let mut frame = [&macs[..], &kind, packet].concat();
                frame.resize(frame.len().max(60), 0xee);
                frame
            }
            Self::Vlan => [&macs[..], &[0x81, 0, 0, 7], &kind, packet].concat(),
            Self::QinQ => [&macs[..], &[0x88, 0xa8, 0, 7, 0x81, 0, 0, 8], &kind, packet].concat(),
            Self::Sll => [&[0, 0, 0, 1, 0, 6][..], &[2; 8], &kind, packet].concat(),
            Self::Sll2 => [&kind[..], &[0; 18], packet].concat(),
            Self::Raw(_) => packet.to_vec(),
            Self::Null => [&family.to_le_bytes()[..], packet].concat(),
            Self::NullOfAnotherOrder | Self::Loop => [&family.to_be_bytes()[..], packet].concat(),
        }
    }
}

/// A frame, when it was captured, and how long it was on the wire.
pub(super) struct Frame {
    pub(super) ms: u64,
    pub(super) bytes: Vec<u8>,
    pub(super) wire_bytes: usize,
}

impl Frame {
    pub(super) fn new(ms: u64, bytes: Vec<u8>) -> Self {
        Self { ms, wire_bytes: bytes.len(), bytes }
    }
}

pub(super) fn frames(sent: &[Sent], link: Link) -> Vec<Frame> {
    sent.iter().map(|sent| Frame::new(sent.received_ms, link.frame(&packet(sent)))).collect()
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Pcap {
    pub(super) big_endian: bool,
    pub(super) nanoseconds: bool,
    pub(super) modified: bool,
}

impl Pcap {
    pub(super) const PLAIN: Self = Self { big_endian: false, nanoseconds: false, modified: false };

    pub(super) fn header(self, link: u32) -> Vec<u8> {
        let magic: u32 = match (self.nanoseconds, self.modified) {
            (true, _) => 0xa1b2_3c4d,
            (_, true) => 0xa1b2_cd34,
            _ => 0xa1b2_c3d4,
        };
        let version = if self.big_endian { [0, 2, 0, 4] } else { [2, 0, 4, 0] };
        let rest = [0, 0, 65_535, link].map(|word| self.u32(word)).concat();
        [&self.u32(magic)[..], &version, &rest].concat()
    }

    pub(super) fn record(self, frame: &Frame) -> Vec<u8> {
        let fraction = (frame.ms % 1000) as u32 * if self.nanoseconds { 1_000_000 } else { 1000 };
        let lengths = [frame.bytes.len() as u32, frame.wire_bytes as u32];
        let mut record = [(frame.ms / 1000) as u32, fraction + 999, lengths[0], lengths[1]]
            .map(|word| self.u32(word))
            .concat();
        if self.modified {
            record.extend([0; 8]);
        }
        record.extend(&frame.bytes);
        record
    }

    pub(super) fn file(self, link: u32, frames: &[Frame]) -> Vec<u8> {
        let mut file = self.header(link);
        for frame in frames {
            file.extend(self.record(frame));
        }
        file
    }

    fn u32(self, word: u32) -> [u8; 4] {
        if self.big_endian { word.to_be_bytes() } else { word.to_le_bytes() }
    }
}

/// Writes blocks of one section.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pcapng {
    pub(super) big_endian: bool,
}

impl Pcapng {
    pub(super) fn block(self, kind: u32, body: &[u8]) -> Vec<u8> {
        let mut body = body.to_vec();
        body.resize(body.len().next_multiple_of(4), 0);
        let length = self.u32(body.len() as u32 + 12);
        [&self.u32(kind)[..], &length, &body, &length].concat()
    }

    pub(super) fn section(self) -> Vec<u8> {
        let version = [self.u16(1), self.u16(0)].concat();
        let body = [&self.u32(0x1a2b_3c4d)[..], &version, &[0xff; 8]].concat();
        self.block(0x0a0d_0d0a, &body)
    }

    pub(super) fn interface(self, link: u32, options: &[(u16, &[u8])]) -> Vec<u8> {
        let mut body = [&self.u16(link as u16)[..], &[0, 0], &self.u32(0)].concat();
        body.extend(self.options(options));
        self.block(1, &body)
    }

    pub(super) fn options(self, options: &[(u16, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (code, value) in options {
            bytes.extend(self.u16(*code));
            bytes.extend(self.u16(value.len() as u16));
            bytes.extend(*value);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        if !options.is_empty() {
            bytes.extend([0; 4]);
        }
        bytes
    }

    pub(super) fn enhanced(self, interface: u32, ticks: u64, frame: &Frame) -> Vec<u8> {
        let words = [interface, (ticks >> 32) as u32, ticks as u32];
        let lengths = [frame.bytes.len() as u32, frame.wire_bytes as u32];
        let mut body: Vec<u8> =
            words.into_iter().chain(lengths).flat_map(|word| self.u32(word)).collect();
        body.extend(&frame.bytes);
        body.resize(body.len().next_multiple_of(4), 0);
        body.extend(self.options(&[(1, b"a comment")]));
        self.block(6, &body)
    }

    pub(super) fn simple(self, frame: &Frame) -> Vec<u8> {
        self.block(3, &[&self.u32(frame.wire_bytes as u32)[..], &frame.bytes].concat())
    }

    pub(super) fn obsolete(self, interface: u16, ticks: u64, frame: &Frame) -> Vec<u8> {
        let words = [(ticks >> 32) as u32, ticks as u32, frame.bytes.len() as u32];
        let words = words.into_iter().chain([frame.wire_bytes as u32]);
        let mut body = [self.u16(interface), [0xff; 2]].concat();
        body.extend(words.flat_map(|word| self.u32(word)));
        body.extend(&frame.bytes);
        self.block(2, &body)
    }

    fn u32(self, word: u32) -> [u8; 4] {
        if self.big_endian { word.to_be_bytes() } else { word.to_le_bytes() }
    }

    fn u16(self, word: u16) -> [u8; 2] {
        if self.big_endian { word.to_be_bytes() } else { word.to_le_bytes() }
    }
}

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    Gzip,
    Bzip2,
    Zstd,
    Xz,
}

impl Compression {
    pub(super) const ALL: [Self; 4] = [Self::Gzip, Self::Bzip2, Self::Zstd, Self::Xz];

    pub(super) fn compress(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Gzip => {
                let mut encoder =
                    flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            Self::Bzip2 => {
                let mut encoder =
                    bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            Self::Zstd => zstd::stream::encode_all(bytes, 1).unwrap(),
            Self::Xz => liblzma::encode_all(bytes, 1).unwrap(),
        }
    }

    /// Two members, streams or frames behind each other.
    pub(super) fn compress_in_two(self, bytes: &[u8]) -> Vec<u8> {
        let (one, two) = bytes.split_at(bytes.len() / 3);
        [self.compress(one), self.compress(two)].concat()
    }
}

pub(super) fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, contents) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(contents.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, *contents).unwrap();
    }
    archive.into_inner().unwrap()
}

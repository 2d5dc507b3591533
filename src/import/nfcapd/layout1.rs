//! Records of flows of layout 1: fields that all have, and extensions in the order of a map, which is
//! a record before them.

use std::collections::HashMap;

use super::fields::{Bytes, Field, Is, Told, take};
use crate::flow::{Column, UnixMillis};
use crate::import::draft::Draft;
use crate::netflow::Stamp;

/// A map names no more extensions: there are 48.
const MAX_EXTENSIONS: usize = 64;

/// Flags of a record.
const IPV6: u16 = 1;
const PACKETS_64: u16 = 2;
const OCTETS_64: u16 = 4;
const SAMPLED: u16 = 128;

/// Where extensions begin.
const COMMON_BYTES: usize = 32;

const fn field(at: usize, is: Is) -> Field {
    Field { at, is }
}

/// Which extensions records have, by the numbers of maps.
#[derive(Debug, Default)]
pub(super) struct Maps(HashMap<u16, Vec<u16>>);

impl Maps {
    /// Takes a record that is a map; None where it is none.
    pub(super) fn take(&mut self, record: &[u8]) -> Option<()> {
        let number = Bytes(record).u16(4)?;
        let extensions: Vec<u16> = record
            .get(8..)?
            .chunks_exact(2)
            .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
            .take_while(|&extension| extension != 0)
            .take(MAX_EXTENSIONS)
            .collect();
        self.0.insert(number, extensions);
        Some(())
    }
}

/// What an extension takes, and what it says.
const EXTENSIONS: &[(u16, usize, &[Field])] = &[
    (1, 0, &[]),
    (2, 0, &[]),
    (3, 0, &[]),
    (4, 4, &[field(0, Is::Number(2, Column::Input)), field(2, Is::Number(2, Column::Output))]),
    (5, 8, &[field(0, Is::Number(4, Column::Input)), field(4, Is::Number(4, Column::Output))]),
    (6, 4, &[field(0, Is::Number(2, Column::SrcAs)), field(2, Is::Number(2, Column::DstAs))]),
    (7, 8, &[field(0, Is::Number(4, Column::SrcAs)), field(4, Is::Number(4, Column::DstAs))]),
    (
        8,
        4,
        &[
            field(0, Is::Element(1, 55)),
            field(1, Is::Element(1, 61)),
            field(2, Is::Number(1, Column::SrcMask)),
            field(3, Is::Number(1, Column::DstMask)),
        ],
    ),
    (9, 4, &[field(0, Is::End4(Column::NextHop))]),
    (10, 16, &[field(0, Is::End6(Column::NextHop))]),
    (11, 4, &[field(0, Is::V4(18))]),
    (12, 16, &[field(0, Is::V6(63))]),
    (13, 4, &[field(0, Is::Element(2, 58)), field(2, Is::Element(2, 59))]),
    (14, 4, &[field(0, Is::BackPackets(4))]),
    (15, 8, &[field(0, Is::BackPackets(8))]),
    (16, 4, &[field(0, Is::BackOctets(4))]),
    (17, 8, &[field(0, Is::BackOctets(8))]),
    (18, 4, &[field(0, Is::Element(4, 3))]),
    (19, 8, &[field(0, Is::Element(8, 3))]),
    (20, 16, &[field(0, Is::Mac(56)), field(8, Is::Mac(57))]),
    (21, 16, &[field(0, Is::Mac(80)), field(8, Is::Mac(81))]),
    (22, 40, &super::layout2::LABELS),
    (23, 4, &[field(0, Is::Exporter4)]),
    (24, 16, &[field(0, Is::Exporter6)]),
    (25, 4, &[field(2, Is::EngineType), field(3, Is::EngineId)]),
    (26, 8, &[field(0, Is::Element(4, 128)), field(4, Is::Element(4, 129))]),
    (27, 8, &[field(0, Is::Element(8, 258))]),
    // Events, and what nprobe measures.
    (
        37,
        20,
        &[
            field(0, Is::Event(323)),
            field(8, Is::Element(4, 148)),
            field(12, Is::Number(2, Column::DstPort)),
            field(14, Is::Element(1, 233)),
            field(16, Is::Element(2, 33_002)),
        ],
    ),
    (38, 4, &[field(0, Is::Element(2, 227)), field(2, Is::Element(2, 228))]),
    (39, 8, &[field(0, Is::V4(225)), field(4, Is::V4(226))]),
    (40, 32, &[field(0, Is::V6(281)), field(16, Is::V6(282))]),
    (41, 24, &[field(0, Is::Lists(33_000)), field(12, Is::Lists(33_001))]),
    (42, 24, &[field(0, Is::Text(24, 40_000))]),
    (43, 72, &[field(0, Is::Text(66, 40_000))]),
    (
        45,
        24,
        &[
            field(0, Is::Micros([57_554, 57_555])),
            field(8, Is::Micros([57_556, 57_557])),
            field(16, Is::Micros([57_558, 57_559])),
        ],
    ),
    (
        46,
        12,
        &[
            field(0, Is::Element(1, 230)),
            field(4, Is::Element(4, 235)),
            field(8, Is::Element(4, 234)),
        ],
    ),
    (47, 8, &[]),
    (
        48,
        8,
        &[
            field(0, Is::Element(2, 361)),
            field(2, Is::Element(2, 362)),
            field(4, Is::Element(2, 363)),
            field(6, Is::Element(2, 364)),
        ],
    ),
];

/// What all records say, behind their times.
const COMMON: [Field; 9] = [
    field(20, Is::Element(1, 89)),
    field(21, Is::Number(1, Column::TcpFlags)),
    field(22, Is::Number(1, Column::Protocol)),
    field(23, Is::Number(1, Column::Tos)),
    field(24, Is::Number(2, Column::SrcPort)),
    field(26, Is::Number(2, Column::DstPort)),
    field(28, Is::ExporterNumber),
    field(30, Is::Element(1, 239)),
    field(31, Is::Element(1, 136)),
];

const ENDS_4: [Field; 2] = [field(0, Is::End4(Column::Src)), field(4, Is::End4(Column::Dst))];
const ENDS_6: [Field; 2] = [field(0, Is::End6(Column::Src)), field(16, Is::End6(Column::Dst))];

/// Reads a record of a flow; None where it is cut, or nobody said what is in it.
pub(super) fn read(record: &[u8], maps: &Maps, to: &mut Draft, told: &mut Told) -> Option<()> {
    let bytes = Bytes(record);
    let flags = bytes.u16(4)?;
    let extensions = maps.0.get(&bytes.u16(6)?)?;
    let time = |secs, millis| Some(u64::from(bytes.u32(secs)?) * 1000 + bytes.number(millis, 2)?);
    let stamp = |time| Some(Stamp::Unix(UnixMillis(time))).filter(|_| time != 0);
    (to.record.first, to.record.last) = (stamp(time(12, 8)?), stamp(time(16, 10)?));
    take(&COMMON, record, to, told)?;
    let mut rest = record.get(COMMON_BYTES..)?;
    let mut next = |bytes: usize, fields: &[Field]| {
        let (data, others) = rest.split_at_checked(bytes)?;
        rest = others;
        take(fields, data, to, told)
    };
    if flags & IPV6 == 0 { next(8, &ENDS_4) } else { next(32, &ENDS_6) }?;
    let width = |flag| if flags & flag == 0 { 4 } else { 8 };
    let packets = width(PACKETS_64);
    next(packets, &[field(0, Is::Number(packets, Column::Packets))])?;
    let octets = width(OCTETS_64);
    next(octets, &[field(0, Is::Number(octets, Column::Octets))])?;
    for &extension in extensions {
        let (_, bytes, fields) = EXTENSIONS.iter().find(|(of, ..)| *of == extension)?;
        next(*bytes, fields)?;
    }
    told.settle(to);
    Some(())
}

/// Whether the counters of a record were multiplied by the rate of sampling.
pub(super) fn is_multiplied(record: &[u8]) -> bool {
    Bytes(record).u16(4).is_some_and(|flags| flags & SAMPLED != 0)
}

//! Records of flows of layout 2: a header, and extensions in any order, each with its number and its
//! length.

use super::fields::{Bytes, Field, Is, Told, take};
use crate::flow::{Column, ElementId};
use crate::import::draft::Draft;

/// A record's header, and that of an extension.
const HEADER_BYTES: usize = 12;
const EXTENSION_HEADER_BYTES: usize = 4;

/// A record whose counters were multiplied by the rate of sampling.
const SAMPLED: u8 = 2;

/// Elements of Nokia's that tell who is behind a NAT.
const fn nokia(number: u16) -> ElementId {
    ElementId { number, enterprise: 637 }
}

const fn field(at: usize, is: Is) -> Field {
    Field { at, is }
}

/// What each extension says, by its number, as far as that is a column or an element.
const EXTENSIONS: &[(u16, &[Field])] = &[
    (1, &GENERIC),
    (2, &[field(0, Is::End4(Column::Src)), field(4, Is::End4(Column::Dst))]),
    (3, &[field(0, Is::End6(Column::Src)), field(16, Is::End6(Column::Dst))]),
    (4, &MISC),
    (5, &[field(0, Is::Element(8, 3)), field(8, Is::BackPackets(8)), field(16, Is::BackOctets(8))]),
    (6, &[field(0, Is::Element(4, 58)), field(4, Is::Element(4, 59))]),
    (7, &[field(0, Is::Number(4, Column::SrcAs)), field(4, Is::Number(4, Column::DstAs))]),
    (8, &[field(0, Is::V4(18))]),
    (9, &[field(0, Is::V6(63))]),
    (10, &[field(0, Is::End4(Column::NextHop))]),
    (11, &[field(0, Is::End6(Column::NextHop))]),
    (12, &[field(0, Is::Exporter4)]),
    (13, &[field(0, Is::Exporter6)]),
    (14, &LABELS),
    (
        15,
        &[
            field(0, Is::Mac(56)),
            field(8, Is::Mac(57)),
            field(16, Is::Mac(80)),
            field(24, Is::Mac(81)),
        ],
    ),
    (16, &[field(0, Is::Element(4, 128)), field(4, Is::Element(4, 129))]),
    (
        17,
        &[
            field(0, Is::Micros([57_554, 57_555])),
            field(8, Is::Micros([57_556, 57_557])),
            field(16, Is::Micros([57_558, 57_559])),
        ],
    ),
    (
        19,
        &[
            field(0, Is::Event(323)),
            field(8, Is::Element(4, 148)),
            field(12, Is::Element(2, 33_002)),
            field(14, Is::Element(1, 233)),
        ],
    ),
    (20, &[field(0, Is::V4(225)), field(4, Is::V4(226))]),
    (21, &[field(0, Is::V6(281)), field(16, Is::V6(282))]),
    (22, &[field(0, Is::Element(2, 227)), field(2, Is::Element(2, 228))]),
    (23, &[field(0, Is::Lists(33_000)), field(12, Is::Lists(33_001))]),
    (24, &[field(0, Is::Text(66, 40_000))]),
    (
        26,
        &[
            field(0, Is::Element(2, 361)),
            field(2, Is::Element(2, 362)),
            field(4, Is::Element(2, 363)),
            field(6, Is::Element(2, 364)),
        ],
    ),
    (27, &[field(0, Is::Rest(95))]),
    (29, &[field(0, Is::Rest(314))]),
    (30, &[field(0, Is::RestBack(314))]),
    (33, &[field(0, Is::Element(8, 138)), field(8, Is::Domain)]),
    (36, &[field(0, Is::Element(4, 235)), field(4, Is::Element(4, 234))]),
    (38, &LAYER2),
    (39, &[field(0, Is::Element(8, 148))]),
    (40, &[field(0, Is::Enterprise(2, nokia(91))), field(2, Is::Enterprise(2, nokia(92)))]),
    (41, &[field(0, Is::RestOf(nokia(93)))]),
    (
        42,
        &[
            field(1, Is::Element(1, 197)),
            field(2, Is::Element(1, 52)),
            field(3, Is::Element(1, 53)),
        ],
    ),
];

const GENERIC: [Field; 11] = [
    field(0, Is::First),
    field(8, Is::Last),
    field(16, Is::Element(8, 258)),
    field(24, Is::Number(8, Column::Packets)),
    field(32, Is::Number(8, Column::Octets)),
    field(40, Is::Number(2, Column::SrcPort)),
    field(42, Is::Number(2, Column::DstPort)),
    field(44, Is::Number(1, Column::Protocol)),
    field(45, Is::Number(1, Column::TcpFlags)),
    field(46, Is::Element(1, 89)),
    field(47, Is::Number(1, Column::Tos)),
];

const MISC: [Field; 9] = [
    field(0, Is::Number(4, Column::Input)),
    field(4, Is::Number(4, Column::Output)),
    field(8, Is::Number(1, Column::SrcMask)),
    field(9, Is::Number(1, Column::DstMask)),
    field(10, Is::Element(1, 61)),
    field(11, Is::Element(1, 55)),
    field(12, Is::Element(1, 239)),
    field(13, Is::Element(1, 136)),
    // As far as it is told, which later versions do not.
    field(14, Is::BackFlags),
];

pub(super) const LABELS: [Field; 10] = [
    field(0, Is::Label(70)),
    field(4, Is::Label(71)),
    field(8, Is::Label(72)),
    field(12, Is::Label(73)),
    field(16, Is::Label(74)),
    field(20, Is::Label(75)),
    field(24, Is::Label(76)),
    field(28, Is::Label(77)),
    field(32, Is::Label(78)),
    field(36, Is::Label(79)),
];

const LAYER2: [Field; 9] = [
    field(0, Is::Element(2, 243)),
    field(2, Is::Element(2, 245)),
    field(4, Is::Element(2, 254)),
    field(6, Is::Element(2, 255)),
    field(8, Is::Element(4, 252)),
    field(12, Is::Element(4, 253)),
    field(16, Is::Element(8, 351)),
    field(24, Is::Element(2, 256)),
    field(26, Is::Element(1, 60)),
];

/// Events of a NAT, with its pool.
const NAT: [Field; 3] =
    [field(0, Is::Event(323)), field(8, Is::Element(4, 283)), field(12, Is::Element(1, 230))];
/// Likewise as versions before 1.7.1 have them, with the VRFs.
const NAT_WITH_VRF: [Field; 5] = [
    field(0, Is::Event(323)),
    field(8, Is::Element(4, 235)),
    field(12, Is::Element(4, 234)),
    field(16, Is::Element(4, 283)),
    field(20, Is::Element(1, 230)),
];
/// Which sampler it was, as versions up to 1.7.2 tell it, with its interval.
const SAMPLER_OF_OLD: [Field; 0] = [];
const SAMPLER: [Field; 1] = [field(0, Is::Element(8, 302))];
/// A packet that was sampled, and how long it was. In 1.7.1 the numbers of both are those of others,
/// which that does not write.
const FRAME_META: [Field; 2] = [field(0, Is::Element(2, 312)), field(2, Is::Element(2, 408))];
const FRAME: [Field; 1] = [field(0, Is::Rest(315))];

/// What an extension says that was not always as long.
fn fields_of_length(extension: u16, bytes: usize) -> Option<&'static [Field]> {
    match (extension, bytes) {
        (18, 16) => Some(&SAMPLER),
        (18, _) => Some(&SAMPLER_OF_OLD),
        (25, 24) => Some(&NAT_WITH_VRF),
        (25, _) => Some(&NAT),
        (34, 4) => Some(&FRAME_META),
        (35, _) => Some(&FRAME),
        _ => EXTENSIONS.iter().find(|(of, _)| *of == extension).map(|(_, fields)| *fields),
    }
}

/// What becomes of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    Whole,
    /// It is not all there.
    Cut,
}

/// Reads a record of a flow, and tells `pass_over` the numbers of the extensions that are not kept.
pub(super) fn read(
    record: &[u8],
    to: &mut Draft,
    told: &mut Told,
    mut pass_over: impl FnMut(u16),
) -> Read {
    let bytes = Bytes(record);
    let (Some(extensions), Some(exporter)) = (bytes.u16(4), bytes.u16(8)) else { return Read::Cut };
    let Some(mut rest) = record.get(HEADER_BYTES..) else { return Read::Cut };
    told.engine = [record[6], record[7]];
    told.number = exporter;
    for _ in 0..extensions {
        let header = Bytes(rest);
        let (Some(number), Some(length)) = (header.u16(0), header.u16(2)) else {
            return Read::Cut;
        };
        let Some((extension, others)) = rest.split_at_checked(length.into()) else {
            return Read::Cut;
        };
        let Some(data) = extension.get(EXTENSION_HEADER_BYTES..) else { return Read::Cut };
        rest = others;
        match fields_of_length(number, data.len()) {
            None => pass_over(number),
            Some(fields) if take(fields, data, to, told).is_none() => return Read::Cut,
            Some(_) => {}
        }
    }
    told.settle(to);
    Read::Whole
}

/// Whether the counters of a record were multiplied by the rate of sampling.
pub(super) fn is_multiplied(record: &[u8]) -> bool {
    Bytes(record).u8(10).is_some_and(|flags| flags & SAMPLED != 0)
}

/// The version of the export that a record came in.
pub(super) fn version(record: &[u8]) -> u8 {
    Bytes(record).u8(11).unwrap_or(0)
}

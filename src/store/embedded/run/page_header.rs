//! The header in front of each page, in Thrift's compact protocol.
//!
//! Fields and their numbers: `PageHeader` of the Parquet format's `parquet.thrift`. A run holds
//! only required columns, dictionary pages and data pages of version 2, so a header has one form
//! for each of the two, and everything else is damage.

use parquet::basic::Encoding;

/// What a page holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PageKind {
    /// Values of so many rows.
    Data { rows: u32, compressed: bool },
    /// The values that data pages count in.
    Dictionary { values: u32 },
}

/// A page's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PageHeader {
    pub kind: PageKind,
    pub encoding: Encoding,
    pub uncompressed_bytes: u32,
    pub compressed_bytes: u32,
    pub crc: u32,
}

// A field's first byte: by how much its number exceeds the last one's, and its type.
const NEXT_I32: u8 = 0x15;
const NEXT_TRUE: u8 = 0x11;
const NEXT_FALSE: u8 = 0x12;
const DICTIONARY_STRUCT: u8 = 0x3c;
const DATA_V2_STRUCT: u8 = 0x4c;
const STOP: u8 = 0;
// Values of the enum `PageType`.
const DICTIONARY_PAGE: i32 = 2;
const DATA_PAGE_V2: i32 = 3;

impl PageHeader {
    /// Appends the header's bytes.
    pub(crate) fn encode(&self, to: &mut Vec<u8>) {
        let kind = match self.kind {
            PageKind::Data { .. } => DATA_PAGE_V2,
            PageKind::Dictionary { .. } => DICTIONARY_PAGE,
        };
        put_i32(kind, to);
        for value in [self.uncompressed_bytes, self.compressed_bytes, self.crc] {
            put_i32(value.cast_signed(), to);
        }
        match self.kind {
            PageKind::Dictionary { values } => {
                to.push(DICTIONARY_STRUCT);
                put_i32(values.cast_signed(), to);
                put_i32(encoding_number(self.encoding), to);
                to.push(NEXT_FALSE);
            }
            PageKind::Data { rows, compressed } => {
                to.push(DATA_V2_STRUCT);
                let rows = rows.cast_signed();
                // Values, nulls, rows, encoding, and the lengths of levels that there are not.
                for value in [rows, 0, rows, encoding_number(self.encoding), 0, 0] {
                    put_i32(value, to);
                }
                to.push(if compressed { NEXT_TRUE } else { NEXT_FALSE });
            }
        }
        to.extend_from_slice(&[STOP, STOP]);
    }

    /// Reads a header, and says how many bytes it took; `None` if it is not as [`Self::encode`]
    /// writes it.
    pub(crate) fn decode(bytes: &[u8]) -> Option<(Self, usize)> {
        let mut rest = bytes;
        let kind = take_i32(&mut rest)?;
        let uncompressed_bytes = take_i32(&mut rest)?.cast_unsigned();
        let compressed_bytes = take_i32(&mut rest)?.cast_unsigned();
        let crc = take_i32(&mut rest)?.cast_unsigned();
        let (kind, encoding) = match (kind, take_byte(&mut rest)?) {
            (DICTIONARY_PAGE, DICTIONARY_STRUCT) => {
                let values = take_i32(&mut rest)?.cast_unsigned();
                let encoding = take_i32(&mut rest)?;
                take_byte(&mut rest)?;
                (PageKind::Dictionary { values }, encoding)
            }
            (DATA_PAGE_V2, DATA_V2_STRUCT) => {
                let rows = take_i32(&mut rest)?.cast_unsigned();
                take_i32(&mut rest)?;
                take_i32(&mut rest)?;
                let encoding = take_i32(&mut rest)?;
                take_i32(&mut rest)?;
                take_i32(&mut rest)?;
                let compressed = take_byte(&mut rest)? == NEXT_TRUE;
                (PageKind::Data { rows, compressed }, encoding)
            }
            _ => return None,
        };
        let encoding = encoding_of(encoding)?;
        let header = Self { kind, encoding, uncompressed_bytes, compressed_bytes, crc };
        // What was passed over above must be as it was written too.
        let mut canonical = Vec::with_capacity(48);
        header.encode(&mut canonical);
        bytes.starts_with(&canonical).then_some((header, canonical.len()))
    }
}

const ENCODINGS: [(Encoding, i32); 5] = [
    (Encoding::PLAIN, 0),
    (Encoding::DELTA_BINARY_PACKED, 5),
    (Encoding::DELTA_LENGTH_BYTE_ARRAY, 6),
    (Encoding::RLE_DICTIONARY, 8),
    (Encoding::BYTE_STREAM_SPLIT, 9),
];

fn encoding_number(encoding: Encoding) -> i32 {
    ENCODINGS.iter().find(|(known, _)| *known == encoding).map_or(-1, |(_, number)| *number)
}

fn encoding_of(number: i32) -> Option<Encoding> {
    ENCODINGS.iter().find(|(_, known)| *known == number).map(|(encoding, _)| *encoding)
}

fn put_i32(value: i32, to: &mut Vec<u8>) {
    to.push(NEXT_I32);
    let mut zigzag = ((value << 1) ^ (value >> 31)).cast_unsigned();
    while zigzag >= 0x80 {
        to.push((zigzag & 0x7f) as u8 | 0x80);
        zigzag >>= 7;
    }
    to.push((zigzag & 0x7f) as u8);
}

fn take_byte(from: &mut &[u8]) -> Option<u8> {
    let (&byte, rest) = from.split_first()?;
    *from = rest;
    Some(byte)
}

fn take_i32(from: &mut &[u8]) -> Option<i32> {
    if take_byte(from)? != NEXT_I32 {
        return None;
    }
    let mut zigzag = 0u32;
    for shift in [0, 7, 14, 21, 28] {
        let byte = take_byte(from)?;
        zigzag |= u32::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_header() -> impl Strategy<Value = PageHeader> {
        let kind = prop_oneof![
            (0..i32::MAX as u32, any::<bool>())
                .prop_map(|(rows, compressed)| PageKind::Data { rows, compressed }),
            (0..i32::MAX as u32).prop_map(|values| PageKind::Dictionary { values }),
        ];
        let size = || prop_oneof![0..200u32, 0..i32::MAX as u32];
        (kind, 0..ENCODINGS.len(), size(), size(), any::<u32>()).prop_map(
            |(kind, encoding, uncompressed_bytes, compressed_bytes, crc)| PageHeader {
                kind,
                encoding: ENCODINGS[encoding].0,
                uncompressed_bytes,
                compressed_bytes,
                crc,
            },
        )
    }

    proptest! {
        #[test]
        fn a_header_is_read_back_as_it_was_written(header in any_header(), tail in any::<[u8; 3]>()) {
            let mut bytes = Vec::new();
            header.encode(&mut bytes);
            let header_bytes = bytes.len();
            bytes.extend(tail);
            prop_assert_eq!(PageHeader::decode(&bytes), Some((header, header_bytes)));
        }

        #[test]
        fn any_bytes_are_a_header_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = PageHeader::decode(&bytes);
        }
    }
}

//! Files of nfdump and its collectors: layout 2 of nfdump 1.7, and layout 1 of nfdump 1.6.
//!
//! Layout: `nffileV2.h`, `nfxV3.h` and `exporter.h` of nfdump 1.7, and `nfx.h` of its converter of
//! older files. A file is a header and blocks, each compressed by itself; a block is records, and a
//! record of a flow is extensions, each of some fields. Numbers are in the order of the machine that
//! wrote them, of which the little-endian one is read.

mod block;
mod exporters;
mod fields;
mod header;
mod layout1;
mod layout2;
mod names;
mod reader;

pub(super) use reader::Nfcapd;

/// How files begin, in the order of bytes in which they are read here.
const MAGIC: [u8; 2] = [0x0c, 0xa5];
/// Likewise in the other order.
const MAGIC_OF_OTHERS: [u8; 2] = [0xa5, 0x0c];

/// Whether a stream that begins so is of nfdump.
pub(super) fn is_told_by(start: &[u8]) -> bool {
    // The version follows, a small number.
    matches!(start, [a, b, 1..=9, 0, ..] if [*a, *b] == MAGIC)
        || matches!(start, [a, b, 0, 1..=9, ..] if [*a, *b] == MAGIC_OF_OTHERS)
}

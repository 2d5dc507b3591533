//! Blocks: what they say of themselves, and what is in them.

use std::io::Read;

use super::fields::Bytes;

/// How the blocks of a file are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Lzo,
    Lz4,
    Bzip2,
    Zstd,
}

/// A block takes no more bytes than this, compressed or not: nfdump writes 5 MiB at most.
const MAX_BLOCK_BYTES: usize = 16 << 20;
/// Before each block.
pub(super) const HEADER_BYTES: usize = 12;

/// What a block says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BlockHeader {
    pub(super) records: u32,
    /// Bytes that follow.
    pub(super) bytes: usize,
    pub(super) kind: u16,
}

/// Blocks of records, in layouts 1 and 2.
pub(super) const OF_RECORDS: [u16; 2] = [2, 3];

impl BlockHeader {
    /// Reads the header, if all of it is there and can be one.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let bytes = Bytes(bytes);
        let header = Self {
            records: bytes.u32(0)?,
            bytes: usize::try_from(bytes.u32(4)?).ok()?,
            kind: bytes.u16(8)?,
        };
        (header.bytes <= MAX_BLOCK_BYTES).then_some(header)
    }
}

impl Compression {
    /// What `block` holds; None where it is damaged.
    pub(super) fn open(self, block: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::None => Some(block.to_vec()),
            Self::Lzo => {
                let mut opened = vec![0; MAX_BLOCK_BYTES];
                let bytes = lzokay::decompress::decompress(block, &mut opened).ok()?;
                opened.truncate(bytes);
                Some(opened)
            }
            Self::Lz4 => {
                let mut opened = vec![0; MAX_BLOCK_BYTES];
                let bytes = lz4_flex::block::decompress_into(block, &mut opened).ok()?;
                opened.truncate(bytes);
                Some(opened)
            }
            Self::Bzip2 => limited(bzip2::read::BzDecoder::new(block)),
            Self::Zstd => limited(zstd::stream::read::Decoder::with_buffer(block).ok()?),
        }
    }
}

fn limited(source: impl Read) -> Option<Vec<u8>> {
    let mut opened = Vec::new();
    let limit = MAX_BLOCK_BYTES as u64;
    source.take(limit + 1).read_to_end(&mut opened).ok()?;
    (opened.len() <= MAX_BLOCK_BYTES).then_some(opened)
}

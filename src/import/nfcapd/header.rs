//! The header of a file.

use super::MAGIC_OF_OTHERS;
use super::block::Compression;
use super::fields::Bytes;

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) compression: Compression,
    pub(super) blocks: u32,
}

/// Magic and version.
pub(super) const START_BYTES: usize = 4;
/// A header of layout 2.
const TWO_BYTES: usize = 40;
/// A header of layout 1, with the record of counts that follows it.
const ONE_BYTES: usize = 140 + 136;

/// How many bytes the header has that begins so.
pub(super) fn bytes(start: &[u8]) -> Result<usize, String> {
    if start.starts_with(&MAGIC_OF_OTHERS) {
        return Err(
            "written by a machine of the other order of bytes, which is not read".to_owned()
        );
    }
    match Bytes(start).u16(2) {
        Some(1) => Ok(ONE_BYTES),
        Some(2) => Ok(TWO_BYTES),
        version => {
            let version = version.unwrap_or_default();
            Err(format!("layout {version} of nfdump's files; 1 and 2 are read"))
        }
    }
}

impl Header {
    /// Reads a header, of which all bytes are there.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let bytes = Bytes(bytes);
        let ends = || "cut in its header".to_owned();
        if bytes.u16(2) == Some(1) {
            let flags = bytes.u32(4).ok_or_else(ends)?;
            let compression = match flags & 0x19 {
                0 => Compression::None,
                1 => Compression::Lzo,
                8 => Compression::Bzip2,
                0x10 => Compression::Lz4,
                _ => return Err(format!("compressed in several ways at once (flags {flags:#x})")),
            };
            let blocks = bytes.u32(8).ok_or_else(ends)?;
            return Ok(Self { compression, blocks });
        }
        if bytes.u8(17) != Some(0) {
            return Err("encrypted".to_owned());
        }
        let compression = match bytes.u8(16).ok_or_else(ends)? {
            0 => Compression::None,
            1 => Compression::Lzo,
            2 => Compression::Bzip2,
            3 => Compression::Lz4,
            4 => Compression::Zstd,
            other => return Err(format!("compressed in a way that is not known ({other})")),
        };
        let blocks = bytes.u32(36).ok_or_else(ends)?;
        Ok(Self { compression, blocks })
    }
}

//! What a stream is, by its first bytes.

use std::io::Read;

use super::window::{Damage, Window};

/// A header block of a tar archive, the longest thing that is needed to tell.
const TAR_BLOCK_BYTES: usize = 512;
const TAR_CHECKSUM: std::ops::Range<usize> = 148..156;

/// What is needed to tell anything else: the longest magic is bzip2's.
const MAGIC_BYTES: usize = 10;

/// What a stream holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Pcap,
    Pcapng,
    Tar,
    Compressed(Compression),
    Other,
}

/// How a stream is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    Gzip,
    Bzip2,
    Zstd,
    Xz,
}

/// Tells what is in `window`, which is at the beginning of its stream.
///
/// # Errors
///
/// [`Damage`] if the stream cannot be read.
pub(super) fn tell<R: Read>(window: &mut Window<R>) -> Result<Format, Damage> {
    // No more than it takes: a pipe may give a few packets, and then be quiet.
    let mut readable = window.fill(MAGIC_BYTES);
    let mut format = of(window.data());
    if format == Format::Other && readable == Ok(true) {
        readable = window.fill(TAR_BLOCK_BYTES);
        format = of(window.data());
    }
    // What can be told of the bytes before an error is told; the error comes again, at its place.
    if format == Format::Other { readable.map(|_| format) } else { Ok(format) }
}

fn of(start: &[u8]) -> Format {
    match start {
        [0xd4, 0xc3, 0xb2, 0xa1, ..]
        | [0xa1, 0xb2, 0xc3, 0xd4, ..]
        | [0x4d, 0x3c, 0xb2, 0xa1, ..]
        | [0xa1, 0xb2, 0x3c, 0x4d, ..]
        | [0x34, 0xcd, 0xb2, 0xa1, ..] => Format::Pcap,
        [0x0a, 0x0d, 0x0d, 0x0a, ..] => Format::Pcapng,
        [0x1f, 0x8b, 8, ..] => Format::Compressed(Compression::Gzip),
        // A block, or none at all.
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..]
        | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, 0x50, 0x90, ..] => {
            Format::Compressed(Compression::Bzip2)
        }
        // A frame, or a skippable one as parallel compressors write in front.
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
            Format::Compressed(Compression::Zstd)
        }
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Format::Compressed(Compression::Xz),
        _ if is_tar(start) => Format::Tar,
        _ => Format::Other,
    }
}

/// Old archives have no magic, but all of them have a sum over their header.
fn is_tar(start: &[u8]) -> bool {
    let Some(header) = start.get(..TAR_BLOCK_BYTES) else { return false };
    let digits = std::str::from_utf8(&header[TAR_CHECKSUM]).unwrap_or_default();
    let digits = digits.trim_matches([' ', '\0']);
    let sum: u32 = header
        .iter()
        .enumerate()
        .map(|(at, &byte)| u32::from(if TAR_CHECKSUM.contains(&at) { b' ' } else { byte }))
        .sum();
    header[0] != 0 && u32::from_str_radix(digits, 8) == Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_content() {
        let mut tar = tar::Header::new_old();
        tar.set_path("a.pcap").unwrap();
        tar.set_size(0);
        tar.set_cksum();
        for (name, start, format) in [
            ("pcap", &b"\xd4\xc3\xb2\xa1"[..], Format::Pcap),
            ("pcap ns be", b"\xa1\xb2\x3c\x4d", Format::Pcap),
            ("pcapng", b"\x0a\x0d\x0d\x0a", Format::Pcapng),
            ("gzip", b"\x1f\x8b\x08\x00", Format::Compressed(Compression::Gzip)),
            ("bzip2", b"BZh91AY&SY", Format::Compressed(Compression::Bzip2)),
            ("zstd", b"\x28\xb5\x2f\xfd", Format::Compressed(Compression::Zstd)),
            ("zstd skip", b"\x50\x2a\x4d\x18", Format::Compressed(Compression::Zstd)),
            ("xz", b"\xfd7zXZ\x00", Format::Compressed(Compression::Xz)),
            ("tar", tar.as_bytes(), Format::Tar),
            ("zeros", &[0; 512], Format::Other),
            ("empty", b"", Format::Other),
            ("text", b"BZh9 is how bzip2 begins", Format::Other),
        ] {
            assert_eq!(tell(&mut Window::new(start)), Ok(format), "{name}");
        }
    }
}

//! Compressed streams of every kind as one reader.

use std::io::{self, BufRead, Read};

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use liblzma::bufread::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};

use super::magic::Compression;
use super::window::cause;

/// What an xz stream may want for its dictionary: `xz -9` needs 65 MiB.
const MAX_XZ_BYTES: u64 = 160 << 20;

/// What a zstd frame may want for its window, as a power of two: 128 MiB, the library's own
/// limit and that of the command without `--long=31`.
const MAX_ZSTD_WINDOW_LOG: u32 = 27;

/// Decompresses a stream, also one of several members or frames behind each other.
pub(super) enum Decompressor<R: BufRead> {
    Gzip(MultiGzDecoder<R>),
    Bzip2(MultiBzDecoder<R>),
    Zstd(zstd::stream::read::Decoder<'static, R>),
    Xz(XzDecoder<R>),
}

impl<R: BufRead> Decompressor<R> {
    /// # Errors
    ///
    /// Where a library cannot be started, which takes memory only.
    pub(super) fn new(compression: Compression, source: R) -> io::Result<Self> {
        Ok(match compression {
            Compression::Gzip => Self::Gzip(MultiGzDecoder::new(source)),
            Compression::Bzip2 => Self::Bzip2(MultiBzDecoder::new(source)),
            Compression::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(source)?;
                decoder.window_log_max(MAX_ZSTD_WINDOW_LOG)?;
                Self::Zstd(decoder)
            }
            Compression::Xz => {
                let stream = Stream::new_stream_decoder(MAX_XZ_BYTES, CONCATENATED)?;
                Self::Xz(XzDecoder::new_stream(source, stream))
            }
        })
    }
}

impl<R: BufRead> Read for Decompressor<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let (name, result) = match self {
            Self::Gzip(decoder) => ("gzip", decoder.read(into)),
            Self::Bzip2(decoder) => ("bzip2", decoder.read(into)),
            Self::Zstd(decoder) => ("zstd", decoder.read(into)),
            Self::Xz(decoder) => ("xz", decoder.read(into)),
        };
        result.map_err(|error| named(name, error))
    }
}

/// An error that says which library speaks; those of the operating system stay as they are.
pub(super) fn named(name: &str, error: io::Error) -> io::Error {
    if error.raw_os_error().is_some() {
        return error;
    }
    let text = cause(&error);
    let text = text.strip_prefix(name).map_or(text.as_str(), |rest| rest.trim_start_matches(": "));
    io::Error::new(error.kind(), format!("{name}: {text}"))
}

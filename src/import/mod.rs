//! Files of other tools that hold flows already: they are read to pieces, which are stored as a
//! datagram is, as a whole or not at all, and once however often they come.
//!
//! What a stream is, is told by how it begins ([`tell`]), never by its name. [`Import`] takes its
//! bytes and gives each [`Piece`] to [`Pieces`]; nothing is held but one block or piece. No flow is
//! invented: what a format does not tell is zero, and what has no column but an element of IANA's
//! is kept as that.

// What comes from outside is never narrowed without a word. Tests may.
#![cfg_attr(
    not(test),
    deny(
        clippy::cast_lossless,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_sign_loss
    )
)]

mod assembly;
mod draft;
mod elements;
#[cfg(feature = "kafka")]
pub(crate) mod message;
mod nfcapd;
mod parquet;
mod piece;
mod text;

use std::fs::File;
use std::net::IpAddr;
use std::ops::ControlFlow;

pub use assembly::MAX_PIECE_RECORDS;
#[cfg(feature = "kafka")]
pub(crate) use assembly::packet;
pub use piece::Piece;
pub use text::Text;
#[cfg(feature = "kafka")]
pub(crate) use text::Wrong;

use crate::flow::Names;
use crate::normalise::Rates;

/// What a stream holds, if that is read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Flows as nfdump's collectors and nfdump itself write them.
    Nfcapd,
    /// A table of flows, as `export` writes it.
    Parquet,
    /// A flow a line.
    Text(Text),
}

impl Format {
    /// Whether it is read from behind, which takes a file.
    pub const fn needs_file(self) -> bool {
        matches!(self, Self::Parquet)
    }
}

/// Tells what a stream is that begins so.
pub fn tell(start: &[u8]) -> Option<Format> {
    if nfcapd::is_told_by(start) {
        Some(Format::Nfcapd)
    } else if parquet::is_told_by(start) {
        Some(Format::Parquet)
    } else {
        text::tell(start).map(Format::Text)
    }
}

/// What a file does not say.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Whose flows they are, where the file does not say it.
    pub exporter: Option<IpAddr>,
    /// How exporters sample, where they do not tell it, or tell it wrongly.
    pub rates: Rates,
}

/// Takes what is read.
pub trait Pieces {
    /// The next piece; `Break` ends the reading.
    fn piece(&mut self, piece: Piece) -> ControlFlow<()>;

    /// Something is wrong with the file: where, and what.
    fn wrong(&mut self, problem: String);

    /// A block cannot be read; how many records it held is not known.
    fn damaged(&mut self);

    /// Exporters have these names for their interfaces, VRFs and applications.
    fn names(&mut self, names: &Names);

    /// Something is not kept, so many times, as nobody here knows what it is.
    fn passed_over(&mut self, what: String, times: u64);
}

/// Reads one stream.
pub trait Import {
    /// Takes the bytes that follow; `Break` ends the reading.
    fn bytes(&mut self, bytes: &[u8], to: &mut dyn Pieces) -> ControlFlow<()>;

    /// No more bytes come; `Break` ends the reading.
    fn end(&mut self, to: &mut dyn Pieces) -> ControlFlow<()>;
}

/// Begins to read a stream of this format; None of one that takes a file, which [`read_file`] reads.
pub fn begin(format: Format, options: &Options) -> Option<Box<dyn Import>> {
    match format {
        Format::Nfcapd => Some(Box::new(nfcapd::Nfcapd::new(options))),
        Format::Text(text) => Some(Box::new(text::begin(text, options))),
        Format::Parquet => None,
    }
}

/// Reads a file that is a table; `Break` ends the reading.
pub fn read_file(file: File, options: &Options, to: &mut dyn Pieces) -> ControlFlow<()> {
    parquet::read(file, options, to)
}

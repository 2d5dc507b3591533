//! Where export datagrams come from: capture files, archives of them, directories, stdin.
//!
//! A file is told by its content, never by its name: pcap and pcapng, plain or compressed (gzip,
//! bzip2, zstd, xz), and tar archives of any of these, nested. Everything streams through windows
//! of a fixed size, so memory does not grow with the input; every count and length that the input
//! can set has a limit of a name.
//!
//! The way of the bytes: `input` finds files, `read` opens them and unwraps containers
//! (`magic`, `decompress`, `archive`), `live` waits for pipes, `pcap` and `pcapng` cut records, `link` and `ip` take
//! headers off, `fragments` puts IP fragments together, and a [`Sink`] is given each datagram.
//! What is no capture is given to a sink that wants it as it lies there (`other`).

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

mod ahead;
mod archive;
mod datagram;
mod decompress;
mod error;
mod fragments;
pub(crate) mod frame;
mod input;
mod ip;
mod link;
mod live;
mod magic;
mod name;
mod other;
mod packets;
mod pcap;
mod pcapng;
mod read;
#[cfg(feature = "collect")]
mod replay;
mod report;
mod sink;
#[cfg(feature = "collect")]
pub(crate) mod udp;
mod window;

pub use datagram::Datagram;
pub use error::CaptureError;
pub use input::{Input, find, find_plain};

pub(crate) use name::printable;
pub use read::read;
#[cfg(feature = "collect")]
pub use replay::{Pace, ReplayError, Replayed, Rewrite, replay};
pub use report::{Fault, FaultKind, Report, Skip, Skipped};
pub use sink::{Sink, Wanted};

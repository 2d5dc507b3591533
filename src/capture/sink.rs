//! Who gets the datagrams.

use std::fs::File;
use std::ops::ControlFlow;

use super::Datagram;

/// Receives what [`read`](super::read) finds. A closure over [`Datagram`] is one, too.
pub trait Sink {
    /// A capture begins: a file, or an archive's member (`day.tar.bz2/nf000.pcap`).
    fn file(&mut self, _name: &str) {}

    /// A stream of this beginning is no capture: whether it is wanted all the same, and how. What is
    /// wanted begins as a [`file`](Self::file), and comes before anything else does.
    fn other(&mut self, _start: &[u8]) -> Wanted {
        Wanted::Not
    }

    /// What follows of the stream that is wanted; `Break` ends the reading.
    fn bytes(&mut self, _bytes: &[u8]) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// The stream that was wanted has ended, or cannot be read on; `Break` ends the reading.
    fn end(&mut self) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// All of the stream, as a file; `Break` ends the reading.
    fn whole(&mut self, _file: File) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// Asked now and then while packets give no datagrams; `Break` ends the reading.
    fn poll(&mut self) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// Asked several times a second while a pipe has nothing to give; `Break` ends the reading.
    fn idle(&mut self) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// One datagram, in the order of the capture; `Break` ends the reading.
    fn datagram(&mut self, datagram: &Datagram<'_>) -> ControlFlow<()>;
}

impl<F: FnMut(&Datagram<'_>) -> ControlFlow<()>> Sink for F {
    fn datagram(&mut self, datagram: &Datagram<'_>) -> ControlFlow<()> {
        self(datagram)
    }
}

/// What a sink wants of a stream that is no capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Nothing: it cannot be read.
    Not,
    /// Its bytes from the first to the last.
    Bytes,
    /// A file of it, since it is read from behind.
    File,
}

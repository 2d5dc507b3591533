//! Who gets the datagrams.

use std::ops::ControlFlow;

use super::Datagram;

/// Receives what [`read`](super::read) finds. A closure over [`Datagram`] is one, too.
pub trait Sink {
    /// A capture begins: a file, or an archive's member (`day.tar.bz2/nf000.pcap`).
    fn file(&mut self, _name: &str) {}

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

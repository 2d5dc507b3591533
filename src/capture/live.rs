//! Input that may be quiet for long: standard input, pipes, terminals.
//!
//! Another thread waits for it, so that this one can look up now and then: whether to stop, and
//! whether what came so far is to be made durable.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::Duration;

use super::{Datagram, Sink, Wanted};

/// So long nothing comes before the sink is told.
const IDLE: Duration = Duration::from_millis(200);

/// So many bytes are read before the sink is asked whether to go on.
const BYTES_PER_POLL: usize = 8 << 20;

/// As much as a pipe holds.
const CHUNK_BYTES: usize = 64 << 10;
/// How many chunks wait at most.
const MAX_CHUNKS: usize = 8;

/// The sink of a reading: given datagrams by the loops, and told of silence by the source below
/// them, whatever lies between the two.
pub(super) struct Shared<'s> {
    sink: RefCell<&'s mut dyn Sink>,
    stopped: Cell<bool>,
}

impl<'s> Shared<'s> {
    pub(super) fn new(sink: &'s mut dyn Sink) -> Self {
        Self { sink: RefCell::new(sink), stopped: Cell::new(false) }
    }

    pub(super) fn file(&self, name: &str) {
        self.sink.borrow_mut().file(name);
    }

    pub(super) fn poll(&self) -> ControlFlow<()> {
        self.sink.borrow_mut().poll()
    }

    pub(super) fn datagram(&self, datagram: &Datagram<'_>) -> ControlFlow<()> {
        self.sink.borrow_mut().datagram(datagram)
    }

    pub(super) fn other(&self, start: &[u8]) -> Wanted {
        self.sink.borrow_mut().other(start)
    }

    pub(super) fn bytes(&self, bytes: &[u8]) -> ControlFlow<()> {
        self.sink.borrow_mut().bytes(bytes)
    }

    pub(super) fn end(&self) -> ControlFlow<()> {
        self.sink.borrow_mut().end()
    }

    pub(super) fn whole(&self, file: File) -> ControlFlow<()> {
        self.sink.borrow_mut().whole(file)
    }

    /// Whether the sink ended the reading while it was given nothing, so that the source failed.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.get()
    }

    fn idle(&self) -> io::Result<()> {
        let flow = self.sink.borrow_mut().idle();
        self.go_on(flow)
    }

    /// Fails where the sink said no more.
    fn go_on(&self, flow: ControlFlow<()>) -> io::Result<()> {
        self.stopped.set(self.is_stopped() || flow.is_break());
        if self.is_stopped() { Err(io::Error::other("stopped")) } else { Ok(()) }
    }
}

/// A source that asks the sink now and then whether to go on: what lies above it may look for a
/// packet in endless bytes, for a few can unpack to that.
pub(super) struct Polled<'a, 's, R> {
    source: R,
    sink: &'a Shared<'s>,
    /// Since the sink was asked.
    bytes: usize,
}

impl<'a, 's, R> Polled<'a, 's, R> {
    pub(super) fn new(source: R, sink: &'a Shared<'s>) -> Self {
        Self { source, sink, bytes: 0 }
    }
}

impl<R: Read> Read for Polled<'_, '_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.bytes >= BYTES_PER_POLL {
            self.bytes = 0;
            self.sink.go_on(self.sink.poll())?;
        }
        let bytes = self.source.read(into)?;
        self.bytes += bytes;
        Ok(bytes)
    }
}

/// A source that tells the sink while it has nothing to give.
pub(super) struct Live<'a, 's> {
    sink: &'a Shared<'s>,
    full: Receiver<io::Result<Chunk>>,
    empty: Sender<Chunk>,
    chunk: Chunk,
    at: usize,
}

#[derive(Default)]
struct Chunk {
    bytes: Vec<u8>,
    len: usize,
}

impl<'a, 's> Live<'a, 's> {
    /// Opens a source on another thread, for a pipe that nobody writes to yet takes long, and
    /// reads it there. That thread is never waited for: it may sleep for ever.
    ///
    /// # Errors
    ///
    /// If no thread can be started.
    pub(super) fn start<R: Read>(
        sink: &'a Shared<'s>,
        open: impl FnOnce() -> io::Result<R> + Send + 'static,
    ) -> io::Result<Self> {
        let (full_sender, full) = sync_channel(MAX_CHUNKS);
        let (empty, empty_receiver) = channel();
        thread::Builder::new().name("input".to_owned()).spawn(move || {
            if let Err(error) = open().and_then(|file| feed(file, &full_sender, &empty_receiver)) {
                // Nobody listens any more where the reading has ended.
                let _ = full_sender.send(Err(error));
            }
        })?;
        Ok(Self { sink, full, empty, chunk: Chunk::default(), at: 0 })
    }

    /// What comes next; None at the end.
    fn next(&self) -> io::Result<Option<Chunk>> {
        loop {
            match self.full.recv_timeout(IDLE) {
                Ok(chunk) => return chunk.map(Some),
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
                Err(RecvTimeoutError::Timeout) => self.sink.idle()?,
            }
        }
    }
}

/// Hands on whatever comes as soon as it comes.
fn feed(
    mut source: impl Read,
    full: &SyncSender<io::Result<Chunk>>,
    empty: &Receiver<Chunk>,
) -> io::Result<()> {
    loop {
        let mut chunk = empty.try_recv().unwrap_or_default();
        chunk.bytes.resize(CHUNK_BYTES, 0);
        chunk.len = match source.read(&mut chunk.bytes) {
            Ok(0) => return Ok(()),
            Ok(len) => len,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if full.send(Ok(chunk)).is_err() {
            return Ok(());
        }
    }
}

impl Read for Live<'_, '_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.sink.is_stopped() {
            return Err(io::Error::other("stopped"));
        }
        if self.at == self.chunk.len {
            let Some(next) = self.next()? else { return Ok(0) };
            // A used chunk goes back to be filled again; nobody need take it.
            let _ = self.empty.send(std::mem::replace(&mut self.chunk, next));
            self.at = 0;
        }
        let bytes = (self.chunk.len - self.at).min(into.len());
        into[..bytes].copy_from_slice(&self.chunk.bytes[self.at..self.at + bytes]);
        self.at += bytes;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// Counts how often it was told of silence, and has had enough after `patience` times.
    struct Patient {
        told: u32,
        patience: u32,
    }

    impl Sink for Patient {
        fn idle(&mut self) -> ControlFlow<()> {
            self.told += 1;
            if self.told < self.patience {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        }

        fn datagram(&mut self, _: &Datagram<'_>) -> ControlFlow<()> {
            ControlFlow::Continue(())
        }
    }

    /// Gives what is sent to it, byte by byte, until the sender is gone.
    struct Wire(mpsc::Receiver<u8>);

    impl Read for Wire {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            Ok(self.0.recv().map_or(0, |byte| {
                into[0] = byte;
                1
            }))
        }
    }

    #[test]
    fn a_quiet_source_tells_its_sink_which_may_end_the_reading() {
        let (sender, wire) = mpsc::channel();
        let mut sink = Patient { told: 0, patience: 2 };
        let shared = Shared::new(&mut sink);
        let mut live = Live::start(&shared, || Ok(Wire(wire))).unwrap();
        sender.send(7).unwrap();
        let mut read = [0; 10];
        assert_eq!((live.read(&mut read).unwrap(), read[0]), (1, 7));
        assert!(!shared.is_stopped());
        // The sender is still there: nothing would ever come.
        assert_eq!(live.read(&mut read).unwrap_err().to_string(), "stopped");
        assert!(shared.is_stopped());
        sender.send(8).unwrap();
        assert!(live.read(&mut read).is_err(), "what ended stays ended");
        drop(live);
        assert_eq!(sink.told, 2);
    }

    #[test]
    fn everything_comes_in_order_with_the_error_last() {
        struct Torn;
        impl Read for Torn {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("torn"))
            }
        }
        let bytes: Vec<u8> = (0..30 * CHUNK_BYTES + 7).map(|index| (index % 251) as u8).collect();
        let source = io::Cursor::new(bytes.clone()).chain(Torn);
        let mut sink = Patient { told: 0, patience: 100 };
        let shared = Shared::new(&mut sink);
        let mut read = Vec::new();
        let end = Live::start(&shared, || Ok(source)).unwrap().read_to_end(&mut read);
        assert_eq!(end.unwrap_err().to_string(), "torn");
        assert_eq!(read, bytes);
        let refused = || Err::<io::Empty, _>(ErrorKind::PermissionDenied.into());
        let error = Live::start(&shared, refused).unwrap().read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    }
}

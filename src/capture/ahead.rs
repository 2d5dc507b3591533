//! Reading on another thread, a few chunks ahead: decompression beside everything else.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

/// How many chunks wait at most.
const MAX_CHUNKS: usize = 4;
const CHUNK_BYTES: usize = 256 << 10;

/// Lets `consume` read what `source` gives, on this thread, while another one reads on.
///
/// # Errors
///
/// If no thread can be started; then nothing was consumed.
pub(super) fn read_ahead<T>(
    source: impl Read + Send,
    consume: impl FnOnce(Ahead) -> T,
) -> io::Result<T> {
    let (full_sender, full) = sync_channel(MAX_CHUNKS);
    let (empty, empty_receiver) = channel();
    thread::scope(|scope| {
        thread::Builder::new()
            .name("decompress".to_owned())
            .spawn_scoped(scope, move || produce(source, &full_sender, &empty_receiver))?;
        // Dropping its end of the channel ends the other thread.
        Ok(consume(Ahead { full, empty, chunk: Vec::new(), at: 0 }))
    })
}

fn produce(
    mut source: impl Read,
    full: &SyncSender<io::Result<Vec<u8>>>,
    empty: &Receiver<Vec<u8>>,
) {
    loop {
        let mut chunk = empty.try_recv().unwrap_or_default();
        chunk.clear();
        let result = source.by_ref().take(CHUNK_BYTES as u64).read_to_end(&mut chunk);
        let ended = chunk.is_empty();
        if (!ended && full.send(Ok(chunk)).is_err()) || (ended && result.is_ok()) {
            return;
        }
        if let Err(error) = result {
            let _ = full.send(Err(error));
            return;
        }
    }
}

/// The reading end.
pub(super) struct Ahead {
    full: Receiver<io::Result<Vec<u8>>>,
    empty: Sender<Vec<u8>>,
    chunk: Vec<u8>,
    at: usize,
}

impl Read for Ahead {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.at == self.chunk.len() {
            let Ok(next) = self.full.recv() else { return Ok(0) };
            // A used chunk goes back to be filled again; nobody need take it.
            let _ = self.empty.send(std::mem::replace(&mut self.chunk, next?));
            self.at = 0;
        }
        let bytes = (self.chunk.len() - self.at).min(into.len());
        into[..bytes].copy_from_slice(&self.chunk[self.at..self.at + bytes]);
        self.at += bytes;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_comes_in_order_with_the_error_last() {
        struct Torn;
        impl Read for Torn {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("torn"))
            }
        }
        let bytes: Vec<u8> = (0..5 * CHUNK_BYTES + 7).map(|index| (index % 251) as u8).collect();
        let mut read = Vec::new();
        let end = read_ahead(bytes.chain(Torn), |mut ahead| ahead.read_to_end(&mut read)).unwrap();
        assert_eq!(end.unwrap_err().to_string(), "torn");
        assert_eq!(read, bytes);
    }

    #[test]
    fn a_reader_that_stops_early_ends_the_thread() {
        let first = read_ahead(io::repeat(7), |mut ahead| {
            let mut byte = [0];
            ahead.read_exact(&mut byte).map(|()| byte[0])
        });
        assert_eq!(first.unwrap().unwrap(), 7);
    }
}

//! What no capture tells: which of its records are of one flow.

use std::io::{self, Write};

use super::engine::Exported;

/// The names of the columns. `direction` is 0 on the way in and 1 on the way out, as IANA's
/// flowDirection has it.
const HEAD: &str = "flow,exporter,engine,direction,src,src_port,dst,dst_port,protocol,first_ms,\
                    last_ms,octets,packets,sampling";
/// So many bytes are gathered before they are written.
const WRITE_BYTES: usize = 1 << 16;

/// A line of CSV for each record of the capture that can be read, with the number of its flow.
pub(super) struct Truth<'a> {
    to: Option<&'a mut dyn Write>,
    /// The number of the flow whose records come.
    flow: u64,
    /// The lines of records that wait, by engine.
    waiting: Vec<Vec<String>>,
    out: String,
}

impl<'a> Truth<'a> {
    /// The truth of what so many engines export; nobody is told where `to` is none.
    pub(super) fn new(to: Option<&'a mut dyn Write>, engines: usize) -> Self {
        Self { to, flow: 0, waiting: vec![Vec::new(); engines], out: format!("{HEAD}\n") }
    }

    /// Another flow begins.
    pub(super) fn next_flow(&mut self) {
        self.flow += 1;
    }

    /// `engine` has put a record of the flow into its next datagram.
    pub(super) fn put(&mut self, engine: usize, exported: &Exported) {
        if self.to.is_some() {
            self.waiting[engine].push(format!("{},{exported}", self.flow));
        }
    }

    /// The datagram has left, and the first `readable` of its records can be read in the capture.
    pub(super) fn export(&mut self, engine: usize, readable: usize) -> io::Result<()> {
        for line in self.waiting[engine].drain(..).take(readable) {
            self.out.push_str(&line);
            self.out.push('\n');
        }
        if self.out.len() >= WRITE_BYTES { self.flush() } else { Ok(()) }
    }

    /// Writes what is gathered.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if let Some(to) = &mut self.to {
            to.write_all(self.out.as_bytes())?;
        }
        self.out.clear();
        Ok(())
    }
}

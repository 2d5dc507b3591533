//! Flows to an output, in any format, as they come.

use std::io::{self, Write};
use std::ops::ControlFlow;

use jiff::tz::TimeZone;

use super::clock::Clock;
use super::nfdump::{self, Layout};
use super::{AnswerError, Format, json};
use crate::flow::{FlowBatch, FlowRecord};
use crate::netflow::Names;
use crate::store::Result as StoreResult;

/// The output is given pieces of about this size.
const PIECE_BYTES: usize = 64 << 10;

/// Prints flows. A reader that has had enough (a closed pipe) is no error: the rest is not written.
pub struct FlowWriter<W> {
    to: W,
    format: Format,
    clock: Clock,
    names: Names,
    piece: Vec<u8>,
    flows: u64,
    closed: bool,
}

/// What was printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// The flows that were handed over.
    pub flows: u64,
    /// Whether the reader of the output had enough before the end.
    pub closed: bool,
}

impl<W: Write> FlowWriter<W> {
    /// Prints to `to` in `format`, with times in `zone`. The header, if the format has one, is
    /// printed also where no flow follows.
    pub fn new(to: W, format: Format, zone: TimeZone) -> Self {
        let mut piece = Vec::with_capacity(PIECE_BYTES + 1024);
        piece.extend_from_slice(match format {
            Format::Line => Layout::Line.header().as_bytes(),
            Format::Long => Layout::Long.header().as_bytes(),
            Format::Extended => Layout::Extended.header().as_bytes(),
            Format::Csv => nfdump::CSV_HEADER.as_bytes(),
            Format::Json | Format::Earlgrey => b"[",
            Format::Ndjson => b"",
        });
        let (clock, names) = (Clock::new(zone), Names::default());
        Self { to, format, clock, names, piece, flows: 0, closed: false }
    }

    /// Prints also what exporters call their interfaces, VRFs and applications, as far as `names`
    /// tells, in the formats that name every field.
    #[must_use]
    pub fn with_names(self, names: Names) -> Self {
        Self { names, ..self }
    }

    /// Prints `flows`, which have the columns of [`Format::columns`]. Breaks once the reader of the
    /// output has had enough, and nothing more needs to be read for it.
    ///
    /// # Errors
    ///
    /// What the output met, but for a closed pipe.
    pub fn write(&mut self, flows: &FlowBatch) -> io::Result<ControlFlow<()>> {
        for (row, flow) in flows.records().enumerate() {
            if self.closed {
                break;
            }
            self.push(&flow, flows.extras.get(row));
            self.flows += 1;
            if self.piece.len() >= PIECE_BYTES {
                self.pass_on()?;
            }
        }
        Ok(if self.closed { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    /// Prints all of `flows`, or as many as the reader of the output takes, and finishes.
    ///
    /// # Errors
    ///
    /// As [`write_flows`].
    pub fn write_all(
        mut self,
        flows: impl Iterator<Item = StoreResult<FlowBatch>>,
    ) -> Result<Written, AnswerError> {
        for batch in flows {
            let batch = match batch {
                Ok(batch) => batch,
                Err(error) => {
                    self.pass_on().map_err(AnswerError::Output)?;
                    return Err(error.into());
                }
            };
            if self.write(&batch).map_err(AnswerError::Output)?.is_break() {
                break;
            }
        }
        self.finish().map_err(AnswerError::Output)
    }

    /// Prints what belongs behind the last flow, and flushes the output.
    ///
    /// # Errors
    ///
    /// As [`Self::write`].
    pub fn finish(mut self) -> io::Result<Written> {
        if matches!(self.format, Format::Json | Format::Earlgrey) {
            let end: &[u8] = if self.flows == 0 { b"]\n" } else { b"\n]\n" };
            self.piece.extend_from_slice(end);
        }
        self.pass_on()?;
        if !self.closed {
            self.closed = or_closed(self.to.flush())?;
        }
        Ok(Written { flows: self.flows, closed: self.closed })
    }

    fn push(&mut self, flow: &FlowRecord, extras: &[u8]) {
        let Self { format, clock, names, piece, .. } = self;
        match format {
            Format::Line => nfdump::push_line(piece, Layout::Line, clock, flow),
            Format::Long => nfdump::push_line(piece, Layout::Long, clock, flow),
            Format::Extended => nfdump::push_line(piece, Layout::Extended, clock, flow),
            Format::Csv => nfdump::push_csv(piece, clock, flow),
            Format::Ndjson => {
                json::push_object(piece, clock, flow, extras, names);
                piece.push(b'\n');
            }
            Format::Json | Format::Earlgrey => {
                piece.extend_from_slice(if self.flows == 0 { b"\n" } else { b",\n" });
                if *format == Format::Json {
                    json::push_object(piece, clock, flow, extras, names);
                } else {
                    json::push_short_object(piece, clock, flow);
                }
            }
        }
    }

    fn pass_on(&mut self) -> io::Result<()> {
        if !self.closed {
            self.closed = or_closed(self.to.write_all(&self.piece))?;
        }
        self.piece.clear();
        Ok(())
    }
}

/// Whether the output is closed, which is no error.
pub(super) fn or_closed(written: io::Result<()>) -> io::Result<bool> {
    match written {
        Ok(()) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(true),
        Err(error) => Err(error),
    }
}

/// Prints all of `flows`, or as many as the reader of the output takes.
///
/// ```
/// use earlgrey_hbase::Store;
/// use earlgrey_hbase::answer::{Format, write_flows};
/// use earlgrey_hbase::query::{Question, parse_addresses};
/// use earlgrey_hbase::store::memory::MemoryStore;
///
/// let snapshot = MemoryStore::default().snapshot()?;
/// let question = Question::about(parse_addresses("10.0.0.1")?);
/// let flows = question.plan(Format::Json.columns()).run(&*snapshot)?;
/// let mut text = Vec::new();
/// let written = write_flows(flows, &mut text, Format::Json, jiff::tz::TimeZone::UTC)?;
/// assert_eq!((written.flows, text.as_slice()), (0, &b"[]\n"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// After an error of the store what came before it is printed, and a JSON array is left open.
///
/// # Errors
///
/// [`AnswerError::Store`] for what the stream meets, [`AnswerError::Output`] for what the output
/// meets, but for a closed pipe.
pub fn write_flows(
    flows: impl Iterator<Item = StoreResult<FlowBatch>>,
    to: impl Write,
    format: Format,
    zone: TimeZone,
) -> Result<Written, AnswerError> {
    FlowWriter::new(to, format, zone).write_all(flows)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use super::*;
    use crate::flow::{Family, Origin, Protocol, Sampling, Source, UnixMillis};

    /// Run it as `cargo test --release printing_a_million -- --ignored --nocapture`.
    #[test]
    #[ignore = "takes its time, and tells it"]
    fn printing_a_million_flows() {
        let exporter = [10, 0, 0, 1].into();
        let source = Source { exporter, engine: 0, sampling: Sampling::default() };
        let mut batch = FlowBatch::new(Family::V4);
        batch.sources = Arc::new(vec![source]);
        for row in 0..16_384u32 {
            let mixed = row.wrapping_mul(2_654_435_761);
            let flow = FlowRecord {
                src: [10, 1, 2, 3].into(),
                dst: Family::V4.address(mixed.into()),
                first: UnixMillis(1_185_488_138_000 + u64::from(row) * 250),
                duration_ms: mixed >> 16,
                octets: u64::from(mixed >> 8),
                packets: u64::from(mixed >> 20),
                src_port: row as u16,
                dst_port: 443,
                protocol: Protocol::TCP,
                tcp_flags: 0x1b,
                tos: 0,
                input: 3,
                output: 4,
                src_as: 64_512,
                dst_as: mixed >> 12,
                src_mask: 24,
                dst_mask: 16,
                next_hop: [10, 0, 0, 254].into(),
                source,
            };
            batch.push(&flow, 0, Origin(0));
        }
        for format in Format::ALL {
            let started = Instant::now();
            let mut writer = FlowWriter::new(io::sink(), format, TimeZone::UTC);
            for _ in 0..64 {
                assert!(writer.write(&batch).unwrap().is_continue());
            }
            let flows = writer.finish().unwrap().flows as f64;
            let rate = flows / started.elapsed().as_secs_f64() / 1e6;
            println!("{format:8} {rate:.2} M flows/s");
        }
    }
}

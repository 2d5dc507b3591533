//! Flows to an output, in any format, as they come.

use std::io::{self, Write};
use std::ops::ControlFlow;

use jiff::tz::TimeZone;

use super::clock::Clock;
use super::format::Printer;
use super::nfdump::{self, Meant, Row};
use super::pieces::{Pieces, Written};
use super::text::push_csv_text;
use super::{AnswerError, Format, json};
use crate::flow::{FlowBatch, FlowRecord, Names};
use crate::meaning::Ends;
use crate::store::Result as StoreResult;

/// Prints flows. A reader that has had enough (a closed pipe) is no error: the rest is not written.
pub struct FlowWriter<W> {
    to: Pieces<W>,
    printer: Printer,
    clock: Clock,
    names: Names,
    ends: Ends,
    behind: Behind,
    flows: u64,
}

/// What stands behind the cells of a layout that is nfdump's, where something is said of ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behind {
    Nothing,
    /// A column of CSV for each end and what is said of it.
    Columns,
    /// What the hosts are called.
    Hosts,
}

/// How text shows numbers and addresses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    /// Numbers unscaled, durations in seconds, protocols and TCP flags as numbers: nfdump's `-N`.
    pub plain: bool,
    /// IPv6 addresses in full: nfdump's `-6`.
    pub wide: bool,
}

impl Printer {
    fn is_array(&self) -> bool {
        matches!(self, Self::Json | Self::Earlgrey)
    }
}

impl<W: Write> FlowWriter<W> {
    /// Prints to `to` in `format`, with times in `zone`. The header, if the format has one, is
    /// printed also where no flow follows.
    pub fn new(to: W, format: &Format, zone: TimeZone) -> Self {
        Self::styled(to, format, Style::default(), zone)
    }

    /// As [`Self::new`], with numbers and addresses shown in this way.
    pub fn styled(to: W, format: &Format, style: Style, zone: TimeZone) -> Self {
        let mut to = Pieces::new(to);
        let printer = match format.printer() {
            Printer::Layout(layout) => Printer::Layout(layout.styled(style.plain, style.wide)),
            printer => printer,
        };
        match &printer {
            Printer::Layout(_) if *format == Format::CsvFast => {
                to.text.extend_from_slice(nfdump::CSV_FAST_HEADER.as_bytes());
            }
            Printer::Layout(layout) => to.text.extend_from_slice(layout.header().as_bytes()),
            Printer::Json | Printer::Earlgrey => to.text.push(b'['),
            Printer::Raw | Printer::Ndjson | Printer::Null => {}
        }
        let (clock, names, ends) = (Clock::new(zone), Names::default(), Ends::default());
        let behind = match (&printer, format) {
            (_, Format::Csv) => Behind::Columns,
            (_, Format::CsvFast | Format::Own(_)) => Behind::Nothing,
            (Printer::Layout(_), _) => Behind::Hosts,
            _ => Behind::Nothing,
        };
        Self { to, printer, clock, names, ends, behind, flows: 0 }
    }

    /// Prints also what exporters call their interfaces, VRFs and applications, as far as `names`
    /// tells, in the formats that name every field.
    #[must_use]
    pub fn with_names(self, names: Names) -> Self {
        Self { names, ..self }
    }

    /// Prints also what is said of the ends of flows: as members of JSON, as columns behind those of
    /// CSV, in the cells for it, and what hosts are called behind nfdump's lines.
    #[must_use]
    pub fn with_ends(mut self, ends: Ends) -> Self {
        if self.behind != Behind::Nothing && !ends.said.is_empty() {
            let head = &mut self.to.text;
            let end = head.pop_if(|last| *last == b'\n');
            match self.behind {
                Behind::Hosts => head.extend_from_slice(b"  Src Host -> Dst Host"),
                _ => {
                    for said in &ends.said {
                        let [(src, _), (dst, _), _] = said.attribute.called();
                        head.extend_from_slice(format!(",{src},{dst}").as_bytes());
                    }
                }
            }
            head.extend(end);
        }
        Self { ends, ..self }
    }

    /// Prints `flows`, which have the columns of [`Format::columns`]. Breaks once the reader of the
    /// output has had enough, and nothing more needs to be read for it.
    ///
    /// # Errors
    ///
    /// What the output met, but for a closed pipe.
    pub fn write(&mut self, flows: &FlowBatch) -> io::Result<ControlFlow<()>> {
        for (row, flow) in flows.records().enumerate() {
            if self.to.is_closed() {
                break;
            }
            self.push(flow, flows.extras.get(row));
            self.flows += 1;
            self.to.pass_on_full()?;
        }
        if let Some(error) = self.ends.fault() {
            return Err(io::Error::other(error));
        }
        Ok(if self.to.is_closed() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
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
                    self.to.pass_on().map_err(AnswerError::Output)?;
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
        if self.printer.is_array() {
            let end: &[u8] = if self.flows == 0 { b"]\n" } else { b"\n]\n" };
            self.to.text.extend_from_slice(end);
        }
        Ok(Written { flows: self.flows, closed: self.to.finish()? })
    }

    fn push(&mut self, mut flow: FlowRecord, extras: &[u8]) {
        let Self { printer, clock, names, ends, to, .. } = self;
        ends.fill(&mut flow);
        let (flow, piece) = (&flow, &mut to.text);
        let row = || Row::of(flow, extras, names, self.flows + 1);
        if printer.is_array() {
            piece.extend_from_slice(if self.flows == 0 { b"\n" } else { b",\n" });
        }
        match printer {
            Printer::Layout(layout) if ends.said.is_empty() => layout.push(piece, clock, &row()),
            Printer::Layout(layout) if self.behind == Behind::Nothing => {
                let meant: Vec<Meant> =
                    ends.said.iter_mut().map(|said| Meant::of(said, flow)).collect();
                layout.push(piece, clock, &Row { meant: &meant, ..row() });
            }
            Printer::Layout(layout) => {
                layout.push(piece, clock, &row());
                push_behind(piece, flow, ends, self.behind);
            }
            Printer::Raw => nfdump::push_raw(piece, clock, &row()),
            Printer::Json => json::push_object(piece, clock, flow, extras, (names, ends)),
            Printer::Ndjson => {
                json::push_object(piece, clock, flow, extras, (names, ends));
                piece.push(b'\n');
            }
            Printer::Earlgrey => json::push_short_object(piece, clock, flow),
            Printer::Null => {}
        }
    }
}

/// Appends what is said of the ends of `flow` to its line.
fn push_behind(line: &mut Vec<u8>, flow: &FlowRecord, ends: &mut Ends, behind: Behind) {
    let end = line.pop_if(|last| *last == b'\n');
    for said in &mut ends.said {
        for (place, address) in [flow.src, flow.dst].into_iter().enumerate() {
            let text = said.of(address, flow.first);
            if behind == Behind::Columns {
                line.push(b',');
                push_csv_text(line, text);
            } else {
                line.extend_from_slice(if place == 0 { b"  " } else { b" -> " });
                line.extend_from_slice(if text.is_empty() { b"-" } else { text.as_bytes() });
            }
        }
    }
    line.extend(end);
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
/// let written = write_flows(flows, &mut text, &Format::Json, jiff::tz::TimeZone::UTC)?;
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
    format: &Format,
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
                first: UnixMillis(1_185_488_138_000 + u64::from(row) * 250),
                duration_ms: mixed >> 16,
                octets: u64::from(mixed >> 8),
                packets: u64::from(mixed >> 20),
                src_port: row as u16,
                dst_port: 443,
                protocol: Protocol::TCP,
                tcp_flags: 0x1b,
                input: 3,
                output: 4,
                src_as: 64_512,
                dst_as: mixed >> 12,
                src_mask: 24,
                dst_mask: 16,
                next_hop: [10, 0, 0, 254].into(),
                source,
                ..FlowRecord::between([10, 1, 2, 3].into(), Family::V4.address(mixed.into()))
            };
            batch.push(&flow, 0, Origin(0));
        }
        for format in Format::NAMED {
            // The best of several, as other work may be in the way.
            let rate = (0..7).fold(0.0_f64, |best, _| {
                let started = Instant::now();
                let mut writer = FlowWriter::new(io::sink(), &format, TimeZone::UTC);
                for _ in 0..64 {
                    assert!(writer.write(&batch).unwrap().is_continue());
                }
                let flows = writer.finish().unwrap().flows as f64;
                best.max(flows / started.elapsed().as_secs_f64() / 1e6)
            });
            println!("{format:8} {rate:.2} M flows/s");
        }
    }
}

//! Opens what is to be read, and takes off whatever it is wrapped in.

use std::fs::{self, File};
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::ahead::read_ahead;
use super::decompress::{Decompressor, named};
use super::live::{Live, Polled, Shared};
use super::magic::{self, Compression, Format};
use super::name::printable;
use super::packets::Packets;
use super::window::{Damage, Window, cause};
use super::{CaptureError, Fault, Input, Report, Sink, archive, pcap, pcapng};

/// How deep compression and archives may lie in each other: a compressed member of a compressed
/// archive is three deep. It bounds memory, for each layer has its own.
const MAX_NESTING: usize = 5;

/// Reads `input` to its end, and gives every UDP datagram in it to `sink`.
///
/// `bytes_read` grows by the bytes of the file as it is stored, for a progress bar; another
/// thread may look at it. Damage does not fail: what was whole is given, and the report says what
/// was not.
///
/// ```no_run
/// use std::ops::ControlFlow;
/// use std::sync::atomic::AtomicU64;
/// use earlgrey_hbase::capture::{Datagram, Input, read};
///
/// let mut sink = |datagram: &Datagram<'_>| {
///     println!("{} sent {} bytes", datagram.exporter, datagram.payload.len());
///     ControlFlow::Continue(())
/// };
/// let report = read(&Input::File("day1.pcap".into()), &AtomicU64::new(0), &mut sink)?;
/// println!("{} datagrams in {} packets", report.datagrams, report.packets);
/// # Ok::<(), earlgrey_hbase::capture::CaptureError>(())
/// ```
///
/// # Errors
///
/// [`CaptureError::Open`] if the file cannot be opened.
pub fn read(
    input: &Input,
    bytes_read: &AtomicU64,
    sink: &mut dyn Sink,
) -> Result<Report, CaptureError> {
    let sink = &Shared::new(sink);
    let mut reading = Reading { sink, report: Report::default(), decompressed: false };
    let name = input.to_string();
    let flow = match input {
        Input::File(path) if may_wait(path) => {
            let path = path.clone();
            reading.live(&name, bytes_read, Live::start(sink, move || File::open(path)))
        }
        Input::File(path) => {
            let source =
                open(path).map_err(|source| CaptureError::Open { path: path.clone(), source })?;
            reading.file(&name, Counted { source, bytes_read })
        }
        Input::Stdin => {
            reading.live(&name, bytes_read, Live::start(sink, || Ok(io::stdin().lock())))
        }
    };
    reading.report.stopped = flow.is_break();
    Ok(reading.report)
}

/// Whether what is at `path` may keep its reader waiting: a pipe, a terminal.
fn may_wait(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

fn open(path: &Path) -> io::Result<File> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    Ok(file)
}

struct Reading<'a, 's> {
    sink: &'a Shared<'s>,
    report: Report,
    /// Whether what is being read comes out of a decompressor.
    decompressed: bool,
}

impl Reading<'_, '_> {
    /// Reads what may be quiet for long.
    fn live(
        &mut self,
        name: &str,
        bytes_read: &AtomicU64,
        source: io::Result<Live<'_, '_>>,
    ) -> ControlFlow<()> {
        match source {
            Ok(source) => self.stream(name, Window::new(Counted { source, bytes_read }), 0),
            Err(error) => self.fault(name, Damage::new(0, cause(&error))),
        }
    }

    /// Reads a file; if it is compressed, another thread decompresses it.
    fn file(&mut self, name: &str, file: impl Read + Send) -> ControlFlow<()> {
        let mut window = Window::new(file);
        let Ok(Format::Compressed(compression)) = magic::tell(&mut window) else {
            return self.stream(name, window.map(|file| Polled::new(file, self.sink)), 0);
        };
        self.decompressed = true;
        let result = Decompressor::new(compression, window).and_then(|source| {
            read_ahead(source, |ahead| {
                self.stream(name, Window::new(Polled::new(ahead, self.sink)), 1)
            })
        });
        result.unwrap_or_else(|error| self.fault(name, Damage::new(0, cause(&error))))
    }

    /// Reads whatever a stream holds.
    fn stream<R: Read>(
        &mut self,
        name: &str,
        mut window: Window<R>,
        depth: usize,
    ) -> ControlFlow<()> {
        let format = match magic::tell(&mut window) {
            Ok(format) => format,
            Err(damage) => return self.fault(name, damage),
        };
        if depth >= MAX_NESTING && matches!(format, Format::Tar | Format::Compressed(_)) {
            let problem = format!("wrapped more than {MAX_NESTING} deep");
            return self.fault(name, Damage::new(0, problem));
        }
        match format {
            Format::Pcap => self.capture(name, &mut window, pcap::read),
            Format::Pcapng => self.capture(name, &mut window, pcapng::read),
            Format::Tar => self.members(name, window, depth),
            Format::Compressed(compression) => self.compressed(name, compression, window, depth),
            Format::Other => {
                self.report.other_file(name);
                ControlFlow::Continue(())
            }
        }
    }

    fn capture<R: Read>(
        &mut self,
        name: &str,
        window: &mut Window<R>,
        read: fn(&mut Window<R>, &mut Packets<'_, '_>) -> Result<ControlFlow<()>, Damage>,
    ) -> ControlFlow<()> {
        self.report.captures += 1;
        self.sink.file(name);
        let mut packets = Packets::new(self.sink, &mut self.report);
        let result = read(window, &mut packets);
        packets.finish();
        result.unwrap_or_else(|damage| self.fault(name, damage))
    }

    fn compressed<R: Read>(
        &mut self,
        name: &str,
        compression: Compression,
        window: Window<R>,
        depth: usize,
    ) -> ControlFlow<()> {
        match Decompressor::new(compression, window) {
            Ok(source) => {
                let source: Box<dyn Read + '_> = Box::new(Polled::new(source, self.sink));
                let outside = std::mem::replace(&mut self.decompressed, true);
                let flow = self.stream(name, Window::new(source), depth + 1);
                self.decompressed = outside;
                flow
            }
            Err(error) => self.fault(name, Damage::new(0, cause(&error))),
        }
    }

    fn members<R: Read>(
        &mut self,
        name: &str,
        mut window: Window<R>,
        depth: usize,
    ) -> ControlFlow<()> {
        let mut flow = ControlFlow::Continue(());
        let result = archive::members(&mut window, |member| {
            let name = format!("{name}/{}", member.name);
            flow = match member.contents {
                Some(contents) => self.stream(&name, Window::new(contents), depth + 1),
                None => self.fault(&name, Damage::new(0, "a sparse file in an archive")),
            };
            flow
        });
        match result {
            Ok(()) => flow,
            Err(error) => {
                let problem = cause(&named("tar", error));
                self.fault(name, Damage::new(window.offset(), problem))
            }
        }
    }

    fn fault(&mut self, name: &str, damage: Damage) -> ControlFlow<()> {
        if self.sink.is_stopped() {
            // What is not there yet is no damage.
            return ControlFlow::Break(());
        }
        let Damage { offset, problem } = damage;
        // The reader of archives quotes what it could not read.
        let problem = printable(&problem);
        let decompressed = self.decompressed;
        self.report.fault(Fault { name: name.to_owned(), offset, decompressed, problem });
        ControlFlow::Continue(())
    }
}

/// Counts the bytes that are read.
struct Counted<'a, R> {
    source: R,
    bytes_read: &'a AtomicU64,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let bytes = self.source.read(into)?;
        self.bytes_read.fetch_add(bytes as u64, Ordering::Relaxed);
        Ok(bytes)
    }
}

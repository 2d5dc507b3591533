//! Opens what is to be read, and takes off whatever it is wrapped in.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::ops::ControlFlow;
#[cfg(unix)]
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::ahead::read_ahead;
use super::decompress::{Decompressor, named};
use super::live::{Live, Polled, Shared};
use super::magic::{self, Compression, Format};
use super::name::printable;
use super::packets::Packets;
use super::window::{Damage, Window, cause};
use super::{
    CaptureError, Fault, FaultKind, Input, Report, Sink, Wanted, archive, other, pcap, pcapng,
};

/// How deep compression and archives may lie in each other: a compressed member of a compressed
/// archive is three deep. It bounds memory, for each layer has its own.
const MAX_NESTING: usize = 5;

/// Reads `input` to its end, and gives every UDP datagram in it to `sink`.
///
/// `bytes_read` grows by the bytes of the file as it is stored, for a progress bar; another
/// thread may look at it. Neither damage nor an error on the way fails: what was whole before is
/// given, and the report says what was not, and of which [kind](crate::capture::FaultKind) that is.
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
    let path = match input {
        Input::File(path) => Some(path.as_path()),
        // Whoever opened it by its path once more might open another one.
        Input::Plain(_) | Input::Stdin => None,
    };
    let mut reading = Reading { path, bytes_read, ..Reading::new(sink) };
    let name = input.to_string();
    let flow = match input {
        Input::File(path) if may_wait(path) => {
            let path = path.clone();
            reading.path = None;
            reading.live(&name, Live::start(sink, move || File::open(path)))
        }
        Input::File(path) | Input::Plain(path) => {
            let source =
                if matches!(input, Input::Plain(_)) { open_plain(path) } else { open(path) };
            let source =
                source.map_err(|source| CaptureError::Open { path: path.clone(), source })?;
            reading.file(&name, Counted { source, bytes_read })
        }
        Input::Stdin => reading.live(&name, Live::start(sink, || Ok(io::stdin().lock()))),
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

/// Opens a regular file, and nothing else: a link is not followed, a pipe not waited for.
fn open_plain(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    let file = options.open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    Ok(file)
}

struct Reading<'a, 's> {
    sink: &'a Shared<'s>,
    report: Report,
    /// Where the file lies that is being read, if it is one.
    path: Option<&'a Path>,
    bytes_read: &'a AtomicU64,
    /// Whether what is being read comes out of a decompressor.
    decompressed: bool,
}

impl<'a, 's> Reading<'a, 's> {
    fn new(sink: &'a Shared<'s>) -> Self {
        static UNCOUNTED: AtomicU64 = AtomicU64::new(0);
        let report = Report::default();
        Self { sink, report, path: None, bytes_read: &UNCOUNTED, decompressed: false }
    }

    /// Reads what may be quiet for long.
    fn live(&mut self, name: &str, source: io::Result<Live<'_, '_>>) -> ControlFlow<()> {
        let bytes_read = self.bytes_read;
        match source {
            Ok(source) => self.stream(name, Window::new(Counted { source, bytes_read }), 0),
            Err(error) => self.fault(name, Damage::unreadable(0, &error)),
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
        result.unwrap_or_else(|error| self.fault(name, Damage::unreadable(0, &error)))
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
            Format::Other => self.other(name, &mut window, depth),
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

    /// Gives what is no capture to the sink, if that wants it.
    fn other<R: Read>(
        &mut self,
        name: &str,
        window: &mut Window<R>,
        depth: usize,
    ) -> ControlFlow<()> {
        // What is before an error is told; the error comes again.
        let _ = window.fill(other::START_BYTES);
        let wanted = self.sink.other(window.data());
        if wanted == Wanted::Not {
            self.report.other_file(name);
            return ControlFlow::Continue(());
        }
        self.sink.file(name);
        let read = match (wanted, self.path.filter(|_| depth == 0)) {
            (Wanted::File, Some(path)) => self.whole_file(path, window.end()),
            (Wanted::File, None) => other::whole(window, self.sink),
            _ => other::bytes(window, self.sink),
        };
        match read {
            Ok(flow) => flow,
            Err(damage) => {
                let is_all = damage.kind == FaultKind::Damaged;
                self.fault(name, damage)?;
                // What the system did not give may come another time, and with it the rest.
                if is_all { self.sink.end() } else { ControlFlow::Continue(()) }
            }
        }
    }

    /// Gives the file at `path` to the sink, of which so much was read already.
    fn whole_file(&mut self, path: &Path, read: u64) -> Result<ControlFlow<()>, Damage> {
        let unreadable = |error: &io::Error| Damage::unreadable(0, error);
        let file = open(path).map_err(|error| unreadable(&error))?;
        let length = file.metadata().map_err(|error| unreadable(&error))?.len();
        self.bytes_read.fetch_add(length.saturating_sub(read), Ordering::Relaxed);
        Ok(self.sink.whole(file))
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
            Err(error) => self.fault(name, Damage::unreadable(0, &error)),
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
                let damage = Damage::of(window.offset(), &error);
                let problem = cause(&named("tar", error));
                self.fault(name, Damage { problem, ..damage })
            }
        }
    }

    fn fault(&mut self, name: &str, damage: Damage) -> ControlFlow<()> {
        if self.sink.is_stopped() {
            // What is not there yet is no damage.
            return ControlFlow::Break(());
        }
        let Damage { offset, problem, kind } = damage;
        // The reader of archives quotes what it could not read.
        let problem = printable(&problem);
        let decompressed = self.decompressed;
        self.report.fault(Fault { name: name.to_owned(), offset, decompressed, problem, kind });
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

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::capture::Datagram;
    use crate::capture::frame::{self, Path};

    /// EIO.
    const IO_ERROR: i32 = 5;

    /// The end of a file: of a disk that fails there, or that somebody cut off.
    struct End(Option<i32>);

    impl Read for End {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            self.0.map_or(Ok(0), |error| Err(io::Error::from_raw_os_error(error)))
        }
    }

    /// A capture that compresses badly, so that half of the file is about half of the packets.
    fn pcap() -> Vec<u8> {
        let mut file = frame::file_header().to_vec();
        let path = Path { src: ([10, 0, 0, 1], 9).into(), dst: ([10, 0, 0, 2], 2055).into() };
        let mut state = 1_u32;
        for number in 0..1000 {
            let mut noise = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            };
            let payload: Vec<u8> = (0..1000).map(|_| noise()).collect();
            frame::packet(&mut file, number, path, 0, &payload, 0);
        }
        file
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn bzip2(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn tar(bytes: &[u8]) -> Vec<u8> {
        let mut archive = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        archive.append_data(&mut header, "day.pcap", bytes).unwrap();
        archive.into_inner().unwrap()
    }

    /// What reading half of `file` gives, with this end behind it.
    fn half(file: &[u8], end: End) -> Report {
        let mut sink = |_: &Datagram<'_>| ControlFlow::Continue(());
        let sink = &Shared::new(&mut sink);
        let mut reading = Reading::new(sink);
        assert!(reading.file("input", file[..file.len() / 2].chain(end)).is_continue());
        reading.report
    }

    #[test]
    fn what_the_system_did_not_give_is_told_from_what_is_damaged_in_every_container() {
        let plain = pcap();
        let xz = liblzma::encode_all(&plain[..], 1).unwrap();
        for (name, file) in [
            ("pcap", plain.clone()),
            ("gzip", gzip(&plain)),
            ("bzip2", bzip2(&plain)),
            ("zstd", zstd::stream::encode_all(&plain[..], 1).unwrap()),
            ("xz", xz.clone()),
            ("tar", tar(&plain)),
            ("gzip of tar", gzip(&tar(&plain))),
            ("tar of xz", tar(&xz)),
        ] {
            let (torn, cut) = (half(&file, End(Some(IO_ERROR))), half(&file, End(None)));
            let unread = torn.unreadable().unwrap_or_else(|| panic!("{name}: {torn:?}"));
            assert!(unread.problem.contains("nput/output error"), "{name}: {unread}");
            assert_eq!(cut.unreadable(), None, "{name}");
            assert!(cut.faults.iter().all(|fault| fault.kind == FaultKind::Damaged), "{name}");
            assert!(!cut.faults.is_empty(), "{name}");
            // What came before was given.
            assert_eq!(torn.datagrams, cut.datagrams, "{name}");
            assert!((300..600).contains(&torn.datagrams), "{name}: {}", torn.datagrams);
        }
        let none = half(&[], End(Some(IO_ERROR)));
        assert_eq!(none.faults[0].kind, FaultKind::Unreadable);
    }
}

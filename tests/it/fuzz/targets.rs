//! What is fuzzed, and what must hold of any input: no panic, an end, and accounts that balance.
//!
//! The short mode (`cargo test`) and the long one (`scripts/fuzz`) share this file.

use std::io::{Seek, SeekFrom, Write};
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;

use earlgrey_hbase::capture::{self, Datagram, Input, Report, Sink};
use earlgrey_hbase::flow::{DatagramId, Family, FlowBatch, UnixMillis, extras};
use earlgrey_hbase::import::{self, Piece};
use earlgrey_hbase::netflow::{DecodeError, Decoder, Outcome};
use earlgrey_hbase::normalise::{Batches, FlowBuilder};
use earlgrey_hbase::query::filter::{Context, Files, MAX_TEXT_BYTES, parse};
use tempfile::NamedTempFile;

/// A target: takes any bytes, and panics where something does not hold of them.
pub(crate) type Target = fn(&[u8]);

/// Every target by its name.
pub(crate) const TARGETS: [(&str, Target); 5] = [
    ("decoder", decoder),
    ("capture", capture),
    ("fragments", fragments),
    ("filter", filter),
    ("import", import),
];

/// So often a reader may ask, over packets without datagrams, whether to go on. A few bytes can be
/// the compressed form of endless packets; a user would stop them, and so does this.
const MAX_POLLS: u32 = 16;
/// So many datagrams of a capture are taken.
const MAX_DATAGRAMS: u32 = 1 << 16;

/// A piece of the `decoder`'s input: a byte that says who sends it, how many bytes of it were
/// never captured, its length, and the payload.
pub(crate) fn piece_of_decoder(sender: u8, not_captured: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap_or(u16::MAX);
    let payload = &payload[..length.into()];
    [&[sender, not_captured][..], &length.to_be_bytes(), payload].concat()
}

/// A piece of the input of `fragments`: milliseconds since the packet before, in units of 256, and
/// a packet of IP behind its length.
pub(crate) fn piece_of_fragments(later: u8, packet: &[u8]) -> Vec<u8> {
    let length = u16::try_from(packet.len()).unwrap_or(u16::MAX);
    [&[later][..], &length.to_be_bytes(), &packet[..length.into()]].concat()
}

/// Takes a piece with a head of `N` bytes and its length off `input`.
fn piece<'a, const N: usize>(input: &mut &'a [u8]) -> Option<([u8; N], &'a [u8])> {
    let (head, rest) = input.split_first_chunk::<N>()?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
    let (content, rest) = rest.split_at(length);
    *input = rest;
    Some((*head, content))
}

/// Datagrams, one after the other, through one decoder and one builder of flows.
pub(crate) fn decoder(mut input: &[u8]) {
    let mut accounts = Accounts::default();
    while let Some(([sender, not_captured], payload)) = piece::<2>(&mut input) {
        let exporter: IpAddr = if sender & 4 == 0 {
            [10, 0, 0, sender & 3].into()
        } else {
            [0xfd, 0, 0, 0, 0, 0, 0, sender.into()].into()
        };
        accounts.take(&Datagram {
            exporter,
            src_port: 2055 + u16::from(sender >> 6),
            received: UnixMillis(1_186_040_527_000 + u64::from(sender)),
            payload,
            declared_bytes: payload.len() + usize::from(not_captured),
        });
    }
    accounts.close();
}

/// A file: any container around any capture, down to its flows.
pub(crate) fn capture(input: &[u8]) {
    let mut file = Reading::default();
    let report = read(input, &mut file);
    file.check(&report);
}

/// Packets of IP, of which some are fragments.
pub(crate) fn fragments(mut input: &[u8]) {
    // A pcap of raw IP: what lies around the packets is what `capture` is for.
    let mut pcap = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x65\0\0\0".to_vec();
    let (mut now_ms, mut packets) = (0_u32, 0);
    while let Some(([later], packet)) = piece::<1>(&mut input) {
        now_ms += u32::from(later) << 8;
        let length = packet.len() as u32;
        for word in [now_ms / 1000, now_ms % 1000 * 1000, length, length] {
            pcap.extend_from_slice(&word.to_le_bytes());
        }
        pcap.extend_from_slice(packet);
        packets += 1;
    }
    let mut file = Reading::default();
    let report = read(&pcap, &mut file);
    file.check(&report);
    assert_eq!((report.packets, report.faults.len()), (packets, 0), "{report:?}");
}

/// A file of another tool, in stretches of any length: pieces whose records are accounted for.
pub(crate) fn import(input: &[u8]) {
    struct Taken;
    impl import::Pieces for Taken {
        fn piece(&mut self, piece: Piece) -> ControlFlow<()> {
            let rejected: u64 = piece.rejected().map(|(_, records)| records).sum();
            assert_eq!(piece.records(), piece.appended.appended + rejected);
            let rows = (piece.v4.len() + piece.v6.len()) as u64;
            assert_eq!(rows, piece.appended.appended + piece.appended.reverse);
            assert!(piece.records() <= import::MAX_PIECE_RECORDS as u64);
            ControlFlow::Continue(())
        }

        fn wrong(&mut self, problem: String) {
            assert!(!problem.is_empty());
        }

        fn damaged(&mut self) {}

        fn names(&mut self, _: &earlgrey_hbase::flow::Names) {}

        fn passed_over(&mut self, _: String, times: u64) {
            assert!(times > 0);
        }
    }
    let (options, mut taken) = (import::Options::default(), Taken);
    let Some(format) = import::tell(input) else { return };
    let Some(mut import) = import::begin(format, &options) else {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(input).unwrap();
        let _ = import::read_file(file, &options, &mut taken);
        return;
    };
    let stretch = 1 + input.len() % 61;
    let flow = input.chunks(stretch).try_for_each(|bytes| import.bytes(bytes, &mut taken));
    assert!(flow.is_continue() && import.end(&mut taken).is_continue());
}

/// A filter: a predicate that is written in a form that reads back to the same, or an error that
/// has its place. The files that it names hold the input, too.
pub(crate) fn filter(input: &[u8]) {
    struct Itself<'a>(&'a [u8]);
    impl Files for Itself<'_> {
        fn read(&self, _name: &str, most_bytes: u64) -> std::io::Result<Vec<u8>> {
            Ok(self.0.iter().copied().take(most_bytes as usize).collect())
        }
    }
    let text = String::from_utf8_lossy(input);
    let files = Itself(input);
    let context = Context {
        zone: jiff::tz::TimeZone::UTC,
        now: UnixMillis(1_186_040_527_000),
        files: &files,
    };
    match parse(&text, &context) {
        Ok(predicate) => {
            let normal = predicate.to_string();
            // What was short may be long in its normal form; then it is not read.
            if normal.len() <= MAX_TEXT_BYTES {
                assert_eq!(parse(&normal, &context).as_ref(), Ok(&predicate), "{text:?}");
            }
        }
        Err(error) => {
            let source = error.file.as_ref().map_or(&*text, |file| &file.text);
            assert!(source.get(error.span.clone()).is_some(), "{error:?}");
            assert!(!error.to_string().contains('\n'), "{error}");
            assert!(error.render(&text).contains('^'), "{error}");
        }
    }
}

/// Reads `bytes` as a file.
fn read(bytes: &[u8], sink: &mut dyn Sink) -> Report {
    // One file for all inputs: to make one takes longer than to read most of them.
    static FILE: Mutex<Option<NamedTempFile>> = Mutex::new(None);
    let mut file = FILE.lock().unwrap_or_else(|poisoned| {
        FILE.clear_poison();
        poisoned.into_inner()
    });
    let file = file.get_or_insert_with(|| NamedTempFile::new().unwrap());
    file.as_file().set_len(0).unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    file.write_all(bytes).unwrap();
    let input = Input::File(file.path().to_owned());
    capture::read(&input, &AtomicU64::new(0), sink).unwrap()
}

/// A sink that decodes what it is given, and stops what has no end.
#[derive(Default)]
struct Reading {
    accounts: Accounts,
    captures: u64,
    datagrams: u32,
    polls: u32,
}

impl Sink for Reading {
    fn file(&mut self, _name: &str) {
        self.captures += 1;
    }

    fn poll(&mut self) -> ControlFlow<()> {
        self.polls += 1;
        if self.polls < MAX_POLLS { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }

    fn datagram(&mut self, datagram: &Datagram<'_>) -> ControlFlow<()> {
        self.accounts.take(datagram);
        self.datagrams += 1;
        if self.datagrams < MAX_DATAGRAMS {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    }
}

impl Reading {
    fn check(self, report: &Report) {
        assert_eq!(report.packets, report.datagrams + report.skipped.total(), "{report:?}");
        assert_eq!(report.datagrams, u64::from(self.datagrams), "{report:?}");
        assert_eq!(report.captures, self.captures, "{report:?}");
        self.accounts.close();
    }
}

/// What became of datagrams and records.
#[derive(Default)]
struct Accounts {
    decoder: Decoder,
    builder: FlowBuilder,
    flows: Option<[FlowBatch; 2]>,
    datagrams: u64,
    decoded: u64,
    refused: u64,
    /// Those that wait now.
    waiting: u64,
    /// Those that waited in vain.
    given_up: u64,
}

impl Accounts {
    fn take(&mut self, datagram: &Datagram<'_>) {
        self.datagrams += 1;
        let Self { decoder, builder, flows, .. } = self;
        let flows = flows.get_or_insert_with(new_batches);
        match became(decoder.decode(datagram, 0), datagram, builder, flows) {
            Became::Decoded => self.decoded += 1,
            Became::Refused => self.refused += 1,
            Became::Waits => self.waiting += 1,
            Became::GivenUp => self.given_up += 1,
        }
        self.take_ready();
    }

    fn take_ready(&mut self) {
        // Each datagram is given out once.
        let mut left = self.waiting;
        while let Some(held) = self.decoder.next_ready() {
            assert!(left > 0, "datagrams wait and are ready without end");
            left -= 1;
            let Self { decoder, builder, flows, .. } = self;
            let flows = flows.get_or_insert_with(new_batches);
            self.waiting -= 1;
            match became(decoder.decode_held(&held), &held.datagram(), builder, flows) {
                Became::Decoded => self.decoded += 1,
                Became::Refused => self.refused += 1,
                Became::Waits | Became::GivenUp => self.given_up += 1,
            }
        }
    }

    fn close(mut self) {
        self.decoder.give_up();
        self.take_ready();
        assert_eq!(self.waiting, 0);
        assert_eq!(self.datagrams, self.decoded + self.refused + self.given_up);
    }
}

fn new_batches() -> [FlowBatch; 2] {
    [FlowBatch::new(Family::V4), FlowBatch::new(Family::V6)]
}

enum Became {
    Decoded,
    Refused,
    Waits,
    GivenUp,
}

/// Makes flows of what was decoded, and checks that every record is accounted for.
fn became(
    outcome: Result<Outcome<'_>, DecodeError>,
    datagram: &Datagram<'_>,
    builder: &mut FlowBuilder,
    [v4, v6]: &mut [FlowBatch; 2],
) -> Became {
    let decoded = match outcome {
        Ok(Outcome::Decoded(decoded)) => decoded,
        Ok(Outcome::Waits) => return Became::Waits,
        Ok(Outcome::GivenUp) => return Became::GivenUp,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return Became::Refused;
        }
    };
    v4.clear();
    v6.clear();
    let id = DatagramId::new(decoded.identity_secs, datagram.exporter, datagram.payload);
    let (mut records, mut appended, mut reverse) = (0, 0, 0);
    for packet in decoded.packets() {
        let mut to = Batches { v4: &mut *v4, v6: &mut *v6 };
        let told = builder.append(packet, datagram.exporter, datagram.src_port, id, &mut to);
        let rejected: u64 = told.rejected().map(|(_, records)| records).sum();
        assert_eq!(told.records, told.appended + rejected, "{told:?}");
        assert!(told.clamped <= told.appended, "{told:?}");
        records += told.records;
        appended += told.appended;
        reverse += told.reverse;
    }
    assert_eq!(records, decoded.records());
    assert_eq!(appended + reverse, (v4.len() + v6.len()) as u64);
    for batch in [v4, v6] {
        batch.sources = builder.sources();
        for row in 0..batch.len() {
            let bytes = batch.extras.get(row);
            assert!(bytes.len() <= earlgrey_hbase::flow::MAX_EXTRAS_BYTES);
            let header = |enterprise| if enterprise == 0 { 4 } else { 8 };
            let told: usize =
                extras(bytes).map(|extra| header(extra.enterprise) + extra.value.len()).sum();
            assert_eq!(told, bytes.len(), "what a flow has beyond the common fields is cut");
            let _ = batch.record(row);
        }
    }
    Became::Decoded
}

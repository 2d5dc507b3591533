//! Damaged input: what is whole is given, the rest is named with its place, nothing breaks.

use std::ops::ControlFlow;
use std::sync::atomic::AtomicU64;

use earlgrey_hbase::capture::{Datagram, Input, Sink, read};
use proptest::prelude::*;

use super::encode::{Compression, Frame, Link, Pcap, Pcapng, Sent, datagrams, frames, tar};
use super::{expected, read_bytes};

fn problems(bytes: &[u8]) -> (usize, Vec<String>) {
    let (got, report) = read_bytes(bytes);
    (got.datagrams.len(), report.faults.iter().map(ToString::to_string).collect())
}

#[test]
fn a_cut_file_gives_what_is_whole_and_says_where_it_ends() {
    let sent = datagrams(10);
    let frames = frames(&sent, Link::Raw(101));
    let pcap = Pcap::PLAIN.file(101, &frames);
    let last = pcap.len() - frames[9].bytes.len() - 16;
    for end in [last + 1, last + 15, last + 16, pcap.len() - 1] {
        let (datagrams, faults) = problems(&pcap[..end]);
        assert_eq!(datagrams, 9);
        let problem = format!("cut inside the record that begins at byte {last}");
        assert_eq!(faults, [format!("input: at byte {end}: {problem}")]);
    }
    assert_eq!(problems(&pcap[..last]), (9, vec![]));
    assert_eq!(
        problems(&pcap[..20]),
        (0, vec!["input: at byte 20: cut inside the file header".to_owned()])
    );

    let ng = Pcapng { big_endian: false };
    let mut pcapng = [ng.section(), ng.interface(101, &[])].concat();
    pcapng.extend(ng.enhanced(0, 0, &frames[0]));
    let begun = pcapng.len();
    pcapng.extend(ng.enhanced(0, 0, &frames[1]));
    for end in [begun + 1, begun + 11, begun + 12, pcapng.len() - 1] {
        let problem = format!("cut inside the block that begins at byte {begun}");
        let faults = vec![format!("input: at byte {end}: {problem}")];
        assert_eq!(problems(&pcapng[..end]), (1, faults));
    }
    let unknown = ng.block(77, &[0; 100]);
    let cut = [&pcapng[..begun], &unknown[..50]].concat();
    let problem = format!("cut inside the block that begins at byte {begun}");
    assert_eq!(problems(&cut), (1, vec![format!("input: at byte {}: {problem}", begun + 50)]));
}

#[test]
fn lengths_that_cannot_be_true_end_a_file_at_their_place() {
    let sent = datagrams(3);
    let frames = frames(&sent, Link::Raw(101));
    for (big_endian, length) in [(false, 262_145_u32), (true, u32::MAX), (false, u32::MAX)] {
        let pcap = Pcap { big_endian, ..Pcap::PLAIN };
        let mut file = pcap.file(101, &frames[..2]);
        let at = file.len();
        let bytes = if big_endian { length.to_be_bytes() } else { length.to_le_bytes() };
        file.extend([[0; 4], [0; 4], bytes, bytes].concat());
        file.extend(vec![0; 300_000]);
        let problem = format!("damaged: a record of {length} bytes, at most 262144 expected");
        assert_eq!(problems(&file), (2, vec![format!("input: at byte {at}: {problem}")]));
    }
    let ng = Pcapng { big_endian: false };
    let mut start = [ng.section(), ng.interface(101, &[])].concat();
    start.extend(ng.enhanced(0, 0, &frames[0]));
    let at = start.len();
    let mut short_capture = ng.enhanced(0, 0, &frames[1]);
    short_capture[20..24].copy_from_slice(&70_000_u32.to_le_bytes());
    let mut other_tail = ng.enhanced(0, 0, &frames[1]);
    let tail = other_tail.len() - 4;
    other_tail[tail] ^= 1;
    let mut no_order = ng.section();
    no_order[8] = 0;
    let long = [6, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0].to_vec();
    for (block, problem) in [
        (
            vec![6, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0],
            "damaged: a block of 8 bytes, less than its own header",
        ),
        (long, "damaged: a block of 1073741824 bytes, at most 524288 expected"),
        (short_capture, "damaged: the block contradicts itself"),
        (other_tail, "damaged: the block contradicts itself"),
        (no_order, "damaged: no byte order"),
    ] {
        let file = [&start[..], &block, &ng.enhanced(0, 0, &frames[2])].concat();
        assert_eq!(problems(&file), (1, vec![format!("input: at byte {at}: {problem}")]));
    }
}

#[test]
fn a_cut_compressed_file_gives_what_can_be_unpacked() {
    let sent = datagrams(2000);
    let file = Pcap::PLAIN.file(1, &frames(&sent, Link::Ethernet));
    for compression in Compression::ALL {
        let packed = compression.compress(&file);
        let (got, report) = read_bytes(&packed[..packed.len() - packed.len() / 8]);
        assert_eq!(got.datagrams, expected(&sent[..got.datagrams.len()]), "{compression:?}");
        // bzip2 unpacks whole blocks of 900 kB only.
        assert!(got.datagrams.len() > 1000, "{compression:?} {}", got.datagrams.len());
        assert_eq!(report.faults.len(), 1, "{compression:?} {:?}", report.faults);
        assert_eq!(report.faults[0].name, "input");
        let place = format!("at byte {} (decompressed): ", report.faults[0].offset);
        assert!(report.faults[0].in_file().starts_with(&place), "{compression:?}");
        let library = format!("{compression:?}: ").to_lowercase();
        assert!(report.faults[0].problem.starts_with(&library), "{:?}", report.faults);
    }
}

#[test]
fn a_damaged_member_is_named_and_the_others_are_read() {
    let sent = datagrams(30);
    let part =
        |range: std::ops::Range<usize>| Pcap::PLAIN.file(1, &frames(&sent[range], Link::Ethernet));
    let cut = part(10..20);
    let mut archive = tar(&[
        ("a.pcap", &part(0..10)),
        ("b.pcap", &cut[..cut.len() - 5]),
        ("c.gz", b"\x1f\x8b\x08 no gzip, though it begins so, and that is enough bytes"),
        ("d.pcap", &part(20..30)),
    ]);
    let (got, report) = read_bytes(&archive);
    assert_eq!(got.files, ["input/a.pcap", "input/b.pcap", "input/d.pcap"]);
    assert_eq!(got.datagrams.len(), 29);
    let names: Vec<&str> = report.faults.iter().map(|fault| fault.name.as_str()).collect();
    assert_eq!(names, ["input/b.pcap", "input/c.gz"]);
    assert!(!report.faults[0].decompressed && report.faults[1].decompressed);

    archive.truncate(archive.len() - 1024 - 2000);
    let (got, report) = read_bytes(&archive);
    assert!((20..29).contains(&got.datagrams.len()));
    assert_eq!(report.faults.last().unwrap().name, "input");
}

#[test]
fn an_archive_cannot_fill_the_memory() {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::GNULongName);
    header.set_path("././@LongLink").unwrap();
    header.set_size(1 << 40);
    header.set_cksum();
    let bomb = [header.as_bytes(), &vec![b'a'; 8 << 20][..]].concat();
    for file in [Compression::Gzip.compress(&bomb), bomb] {
        let (_, faults) = problems(&file);
        assert_eq!(faults.len(), 1);
        assert!(faults[0].ends_with("archive header of more than 1048576 bytes"), "{faults:?}");
    }

    let mut nested = Pcap::PLAIN.file(1, &[]);
    for _ in 0..5 {
        nested = Compression::Zstd.compress(&nested);
    }
    assert_eq!(read_bytes(&nested).1.captures, 1);
    let (_, faults) = problems(&Compression::Zstd.compress(&nested));
    assert_eq!(faults, ["input: at byte 0: wrapped more than 5 deep"]);

    // A petabyte of zeros, of which two megabytes are stored, and a capture behind.
    let stored = vec![7; 2 << 20];
    let mut sparse = tar::Header::new_gnu();
    sparse.set_entry_type(tar::EntryType::GNUSparse);
    sparse.set_path("endless").unwrap();
    sparse.set_size(stored.len() as u64);
    let gnu = sparse.as_gnu_mut().unwrap();
    gnu.set_real_size((1 << 50) + stored.len() as u64);
    gnu.sparse[0].set_offset(1 << 50);
    gnu.sparse[0].set_length(stored.len() as u64);
    sparse.set_cksum();
    let file = Pcap::PLAIN.file(1, &frames(&datagrams(3), Link::Ethernet));
    let file = [sparse.as_bytes(), &stored[..], &tar(&[("a.pcap", &file)])].concat();
    assert_eq!(
        problems(&file),
        (3, vec!["input/endless: at byte 0: a sparse file in an archive".to_owned()])
    );
}

/// A sink that wants no more once it is asked.
#[derive(Default)]
struct Impatient {
    polls: u32,
}

impl Sink for Impatient {
    fn poll(&mut self) -> ControlFlow<()> {
        self.polls += 1;
        ControlFlow::Break(())
    }

    fn datagram(&mut self, _datagram: &Datagram<'_>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

#[test]
fn what_has_no_packets_for_long_can_be_stopped() {
    let zeros = vec![0; 64 << 20];
    let ng = Pcapng { big_endian: false };
    let unknown = ng.block(77, &[0; 1000]).repeat(1 << 16);
    let file = tempfile::NamedTempFile::new().unwrap();
    let archive = tar(&[("zeros", &zeros)]);
    let blocks = [ng.section(), unknown].concat();
    for bytes in [
        archive.clone(),
        Compression::Zstd.compress(&archive),
        Compression::Zstd.compress(&Compression::Zstd.compress(&archive)),
        blocks.clone(),
        Compression::Zstd.compress(&blocks),
    ] {
        std::fs::write(file.path(), bytes).unwrap();
        let mut sink = Impatient::default();
        let input = Input::File(file.path().to_owned());
        let report = read(&input, &AtomicU64::new(0), &mut sink).unwrap();
        assert!(report.stopped && sink.polls == 1, "{report:?}");
        assert!(report.faults.is_empty(), "{report:?}");
    }
}

/// A pcap and a pcapng of the same datagrams, some of them in fragments, with the places where
/// each record ends.
fn samples() -> Vec<(Vec<Sent>, Vec<u8>, Vec<usize>)> {
    let sent = datagrams(12);
    let frames: Vec<Frame> = frames(&sent, Link::QinQ);
    let mut pcap = Pcap::PLAIN.header(1);
    let ng = Pcapng { big_endian: true };
    let mut pcapng = [ng.section(), ng.interface(1, &[])].concat();
    let (mut pcap_ends, mut pcapng_ends) = (Vec::new(), Vec::new());
    for frame in &frames {
        pcap.extend(Pcap::PLAIN.record(frame));
        pcap_ends.push(pcap.len());
        pcapng.extend(ng.enhanced(0, frame.ms * 1000, frame));
        pcapng_ends.push(pcapng.len());
    }
    vec![(sent.clone(), pcap, pcap_ends), (sent, pcapng, pcapng_ends)]
}

/// Every container that the readers know, around the samples.
pub(crate) fn containers() -> Vec<Vec<u8>> {
    let mut files: Vec<Vec<u8>> = samples().into_iter().map(|(_, file, _)| file).collect();
    files.push(tar(&[("a.pcap", &files[0]), ("b.pcapng", &files[1])]));
    let packed: Vec<Vec<u8>> = Compression::ALL
        .into_iter()
        .flat_map(|compression| files.iter().map(move |file| compression.compress(file)))
        .collect();
    files.extend(packed);
    let fragments: Vec<Frame> = datagrams(12)
        .iter()
        .flat_map(|sent| super::encode::fragments(sent, 5, 128))
        .map(|packet| Frame::new(0, packet))
        .collect();
    files.push(Pcap::PLAIN.file(101, &fragments));
    files
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    #[test]
    fn what_lies_before_a_cut_or_a_changed_byte_is_given(
        at in any::<prop::sample::Index>(),
        flip in prop::option::of(1_u8..),
    ) {
        for (sent, mut file, ends) in samples() {
            let at = at.index(file.len());
            match flip {
                Some(bits) => file[at] ^= bits,
                None => file.truncate(at),
            }
            let whole = ends.iter().take_while(|end| **end <= at).count();
            let (got, _) = read_bytes(&file);
            if whole > 0 {
                prop_assert_eq!(&got.datagrams[..whole], expected(&sent[..whole]));
            }
            if flip.is_none() {
                prop_assert_eq!(got.datagrams.len(), whole);
            }
        }
    }

    #[test]
    fn no_damage_breaks_a_reader(
        which in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
        tail in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut file = containers().swap_remove(which.index(containers().len()));
        for (at, byte) in edits {
            let at = at.index(file.len());
            file[at] = byte;
        }
        if let Some(cut) = cut {
            file.truncate(cut.index(file.len()));
        }
        file.extend(tail);
        read_bytes(&file);
    }

    #[test]
    fn any_bytes_behind_any_beginning_are_read_to_an_end(
        start in prop::sample::select(vec![
            &b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x01\0\0\0"[..],
            b"\xa1\xb2\x3c\x4d\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\xff\xff\0\0\0\x65",
            b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x1c\0\0\0",
            b"\x1f\x8b\x08\0", b"BZh91AY&SY", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\0", b"",
        ]),
        bytes in prop::collection::vec(any::<u8>(), 0..2000),
    ) {
        read_bytes(&[start, &bytes].concat());
    }
}

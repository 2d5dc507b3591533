//! Files of nfdump, against what nfdump prints of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use earlgrey_hbase::generate::{self, Format, Traffic};

use super::load;
use crate::cells::{Both, compare_cells, compare_layouts, rich};
use crate::interop::{earlgrey, payloads};
use crate::needs::{captures, nfdump};

/// Cells that 1.7.1 formats otherwise than 1.7.8; what is in the file is the same.
const FORMATTED: [&str; 22] = [
    "tsr", "ter", "td", "tds", "tos", "it", "ic", "mpls10", "nbid", "nbnam", "odid", "opid", "pps",
    "bps", "evt", "xevt", "nevt", "smk", "dmk", "cnt", "sn", "dn",
];

/// What nfdump prints of a file, in order of its lines.
fn printed(file: &Path, format: &str, style: &[&str]) -> Vec<String> {
    let mut nfdump = Command::new("nfdump");
    nfdump.env("TZ", "UTC").arg("-r").arg(file).args(["-q", "-6", "-o", format]).args(style);
    let output = nfdump.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    // Of what it does not know it says so between the lines.
    let is_flow = |line: &&str| !line.is_empty() && !line.starts_with("Skip unknown");
    let mut lines: Vec<_> = text.lines().filter(is_flow).map(str::to_owned).collect();
    lines.sort();
    lines
}

/// Likewise what is asked for of a store.
fn asked(store: &Path, format: &str, style: &[&str]) -> Vec<String> {
    let store = store.to_str().unwrap();
    let query = ["query", "--where", "any", "--store", store, "-6", "-o", format];
    let text = earlgrey(&[&query[..], style].concat());
    let mut lines: Vec<_> = text.lines().skip(1).map(str::to_owned).collect();
    lines.sort();
    lines
}

/// What nfdump counts in a file, by name.
fn counted(file: &Path, name: &str) -> u64 {
    let output = Command::new("nfdump").arg("-r").arg(file).arg("-I").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
    line.unwrap().trim().parse().unwrap()
}

const FIELDS: &str = "fmt:%ts|%te|%pr|%sap|%dap|%flg|%pkt|%byt|%in|%out|%sas|%das|%smk|%dmk|%nh|\
                      %ra|%svln|%dvln|%dir|%fwd|%nhb|%ismc|%odmc|%stos|%dtos";

#[test]
fn files_of_before_are_read_as_nfdump_reads_them() {
    let Some(captures) = captures().filter(|_| nfdump()) else { return };
    let folder = tempfile::tempdir().unwrap();
    for (name, flows) in
        [("nfcapd-empty", 0), ("nfcapd-small-lzo", 10), ("nfcapd-large-bz2", 100_000)]
    {
        let (file, store) = (captures.join("nfdump").join(name), folder.path().join(name));
        let summary = load(&store, &[&file]);
        assert_eq!(summary["stored"], flows, "{name}: {summary}");
        assert_eq!(counted(&file, "Flows"), flows);
        for (theirs, ours) in [("Bytes", "octets"), ("Packets", "packets")] {
            assert_eq!(summary[ours], counted(&file, theirs), "{name}");
        }
        if flows > 0 {
            compare_fields(&file, &store);
            let again = load(&store, &[&file]);
            assert_eq!((&again["stored"], &again["duplicateRecords"]), (&0.into(), &flows.into()));
        }
    }
}

/// Compares each field by itself, so that the one that differs is named.
fn compare_fields(file: &Path, store: &Path) {
    for field in FIELDS["fmt:".len()..].split('|') {
        // Flows of one time and of one pair may differ in the field.
        let format = format!("fmt:%sap|%dap|%ts|%byt|{field}");
        // With -N it shows the flags as letters still.
        let style: &[&str] = if field == "%flg" { &[] } else { &["-N"] };
        let (ours, theirs) = (asked(store, &format, style), printed(file, &format, style));
        let words = |lines: &[String]| -> Vec<String> {
            lines.iter().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
        };
        let (ours, theirs) = (words(&ours), words(&theirs));
        assert_eq!(ours.len(), theirs.len(), "{field}");
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_eq!(ours, theirs, "{field}");
        }
    }
}

/// Has nfdump write what is in nfcapd's folder as one file.
fn written(both: &Both, name: &str, compression: &[&str]) -> PathBuf {
    let path = both.path(name);
    let mut nfdump = Command::new("nfdump");
    nfdump.arg("-R").arg(both.path("nfcapd")).arg("-w").arg(&path).args(compression);
    assert!(nfdump.output().unwrap().status.success());
    path
}

/// Compresses the blocks of a file that has none compressed by zstd, which this nfdump cannot.
fn by_zstd(file: &[u8]) -> Vec<u8> {
    let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize;
    assert_eq!(file[16], 0, "compressed already");
    let mut compressed = file[..40].to_vec();
    compressed[16] = 4;
    let mut at = 40;
    for _ in 0..word(36) {
        let block = &file[at + 12..at + 12 + word(at + 4)];
        let smaller = zstd::bulk::compress(block, 3).unwrap();
        compressed.extend_from_slice(&file[at..at + 4]);
        compressed.extend_from_slice(&(smaller.len() as u32).to_le_bytes());
        compressed.extend_from_slice(&file[at + 8..at + 12]);
        compressed.extend_from_slice(&smaller);
        at += 12 + block.len();
    }
    compressed
}

fn made(format: Format) -> Vec<u8> {
    let mut capture = Vec::new();
    let traffic = Traffic {
        flows: 3_000,
        format,
        exporters: 1,
        engines: 1,
        hours: 1.0,
        ..Traffic::default()
    };
    generate::write(&traffic, &mut capture).unwrap();
    capture
}

#[test]
fn every_compression_holds_the_same_flows() {
    let capture = made(Format::V5);
    let Some(both) = Both::collected(&payloads(&capture), "0.0.0.0/0", &[]) else { return };
    let plain = written(&both, "plain", &[]);
    fs::write(both.path("zstd"), by_zstd(&fs::read(&plain).unwrap())).unwrap();
    for (name, option) in [("lzo", "-z"), ("bzip2", "-j"), ("lz4", "-y")] {
        written(&both, name, &[option]);
    }
    for name in ["plain", "lzo", "bzip2", "lz4", "zstd"] {
        let compression = fs::read(both.path(name)).unwrap()[16];
        let expected = ["plain", "lzo", "bzip2", "lz4", "zstd"].iter().position(|of| *of == name);
        assert_eq!(usize::from(compression), expected.unwrap(), "{name}");
        let store = both.path(&format!("store-{name}"));
        let summary = load(&store, &[&both.path(name)]);
        assert_eq!((&summary["stored"], &summary["faults"]), (&3_000.into(), &0.into()), "{name}");
        // This nfdump was built without zstd.
        compare_fields(&both.path(if name == "zstd" { "plain" } else { name }), &store);
    }
    // The same blocks are the same pieces, however they are compressed.
    let store = both.path("all");
    let all: Vec<PathBuf> = ["lzo", "plain", "bzip2"].map(|name| both.path(name)).into();
    let summary = load(&store, &all.iter().map(PathBuf::as_path).collect::<Vec<_>>());
    assert_eq!((&summary["stored"], &summary["duplicateRecords"]), (&3_000.into(), &6_000.into()));
}

#[test]
fn cells_of_a_file_are_those_of_nfdump() {
    for format in [Format::V5, Format::V9, Format::Ipfix] {
        let capture = made(format);
        let Some(both) = Both::collected(&payloads(&capture), "0.0.0.0/0", &[]) else { return };
        written(&both, "file", &["-y"]);
        both.load("file");
        compare_layouts(&both);
        let differing = compare_cells(&both);
        let formatted = BTreeSet::from(FORMATTED.map(str::to_owned));
        let wrong: Vec<_> = differing.difference(&formatted).collect();
        assert!(wrong.is_empty(), "{format:?}: {wrong:?}");
    }
}

#[test]
fn extensions_of_a_file_are_what_nfdump_prints_of_them() {
    // What came back is a flow of its own here.
    let one_way = &["--where", "not element biflowDirection = 2"];
    let Some(both) = Both::collected(&[&rich()], "::/0", one_way) else { return };
    let collected = fs::read_dir(both.path("nfcapd")).unwrap().next().unwrap().unwrap().path();
    let summary = load(Path::new(&both.store()), &[&collected]);
    assert_eq!((&summary["stored"], &summary["reverse"]), (&2.into(), &1.into()), "{summary}");
    compare_layouts(&both);
    let mut differing = compare_cells(&both);
    // An observation domain is no engine there.
    assert!(differing.remove("eng"));
    let formatted = BTreeSet::from(FORMATTED.map(str::to_owned));
    let wrong: Vec<_> = differing.difference(&formatted).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// Options of NetFlow v9 that name interfaces, a VRF and an application, and a flow of them.
fn naming() -> Vec<u8> {
    let set = |id: u16, body: &[u8]| {
        [&id.to_be_bytes()[..], &(4 + body.len() as u16).to_be_bytes(), body].concat()
    };
    let words =
        |words: &[u16]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
    let sets = [
        // What they are of, and then element and bytes of each: descriptions of interfaces, which are
        // what nfdump takes for their names, names of VRFs, and applications with descriptions.
        set(1, &words(&[256, 4, 8, 1, 4, 10, 4, 83, 8, 0])),
        set(1, &words(&[258, 4, 8, 1, 4, 234, 4, 236, 8, 0])),
        set(1, &words(&[259, 4, 12, 1, 4, 95, 4, 96, 8, 94, 8, 0])),
        set(256, b"\0\0\0\0\0\0\0\x03eth3\0\0\0\0\0\0\0\0\0\0\0\x04eth4\0\0\0\0"),
        set(258, b"\0\0\0\0\0\0\0\x07blue\0\0\0\0"),
        set(259, b"\0\0\0\0\x03\0\0\x50http\0\0\0\0the web\0"),
        set(0, &words(&[257, 8, 8, 4, 12, 4, 10, 4, 14, 4, 1, 4, 2, 4, 95, 4, 234, 4])),
        set(257, &words(&[0x0a00, 1, 0x0a00, 2, 0, 3, 0, 4, 0, 1500, 0, 1, 0x0300, 80, 0, 7])),
    ]
    .concat();
    let head: Vec<u8> = words(&[9, 8]);
    let rest = [1000_u32, 1_186_040_527, 0, 0].map(u32::to_be_bytes).concat();
    [head, rest, sets].concat()
}

#[test]
fn names_of_a_file_are_those_that_nfdump_prints() {
    let Some(both) = Both::collected(&[&naming()], "0.0.0.0/0", &[]) else { return };
    let (_, raw) = both.theirs("raw", &[]);
    let raw: Vec<String> =
        raw.iter().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    for told in [
        "input = 3 eth3",
        "output = 4 eth4",
        "app ID = 3..80: http/the web",
        "ingress VRF = 7 blue",
    ] {
        assert!(raw.iter().any(|line| line == told), "{told}: {raw:?}");
    }
    // As nfcapd wrote it: what nfdump writes has lost them.
    let file = fs::read_dir(both.path("nfcapd")).unwrap().next().unwrap().unwrap().path();
    let store = both.path("store");
    let summary = load(&store, &[&file]);
    assert_eq!((&summary["stored"], &summary["faults"]), (&1.into(), &0.into()), "{summary}");
    let flows = super::flows(&store, &[]);
    assert_eq!((&flows[0]["inputName"], &flows[0]["outputName"]), (&"eth3".into(), &"eth4".into()));
    for filter in [
        "element inputName = \"eth3\"",
        "element applicationName = \"http\"",
        "element ingressVRFName = \"blue\"",
    ] {
        let count = ["query", "--store", store.to_str().unwrap(), "--count", "--where", filter];
        assert_eq!(earlgrey(&count), "1\n", "{filter}");
    }
}

#[test]
fn a_damaged_block_is_counted_and_the_next_one_is_read() {
    let capture = made(Format::V5);
    let Some(both) = Both::collected(&payloads(&capture), "0.0.0.0/0", &[]) else { return };
    let plain = fs::read(written(&both, "plain", &[])).unwrap();
    let word = |at: usize| u32::from_le_bytes(plain[at..at + 4].try_into().unwrap()) as usize;
    // A file of the same block three times, of which the second is damaged.
    let block = &plain[40..40 + 12 + word(44)];
    let mut damaged = block.to_vec();
    damaged[12 + 2] = 0;
    damaged[12 + 3] = 0;
    let mut file = plain[..40].to_vec();
    file[18] = 0;
    file[36] = 3;
    for block in [block, &damaged, block] {
        file.extend_from_slice(block);
    }
    let path = both.path("damaged");
    fs::write(&path, &file).unwrap();
    let summary = load(&both.path("store-damaged"), &[&path]);
    let flows = summary["stored"].as_u64().unwrap();
    // Equal blocks of one file are all of it.
    assert_eq!(flows, 2 * counted(&both.path("plain"), "Flows"), "{summary}");
    let fault = summary["files"][0]["fault"].as_str().unwrap();
    assert_eq!(fault, "block 2: record 1 ends outside of it");
    // Cut in the last block.
    fs::write(&path, &file[..file.len() - 1]).unwrap();
    let summary = load(&both.path("store-cut"), &[&path]);
    assert_eq!(summary["stored"], flows / 2);
    assert_eq!(summary["damagedPieces"], 1, "{summary}");
    // Where compressed bytes are damaged, the block is.
    let packed = by_zstd(&file);
    let first = 40 + 12 + u32::from_le_bytes(packed[44..48].try_into().unwrap()) as usize;
    let mut torn = packed.clone();
    torn[first + 12 + 20] ^= 0x55;
    torn[first + 12] ^= 0x55;
    fs::write(&path, &torn).unwrap();
    let summary = load(&both.path("store-torn"), &[&path]);
    assert_eq!((&summary["stored"], &summary["damagedPieces"]), (&flows.into(), &1.into()));
    let fault = summary["files"][0]["fault"].as_str().unwrap();
    assert_eq!(fault, "block 2: what is compressed is damaged");
}

#[test]
fn a_file_that_is_not_read_says_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut header = [0; 40];
    header[..4].copy_from_slice(&[0x0c, 0xa5, 3, 0]);
    let path = folder.path().join("new");
    for (bytes, message) in [
        (&header[..], "layout 3 of nfdump's files; 1 and 2 are read"),
        (&[0xa5, 0x0c, 0, 2, 0, 0], "the other order of bytes"),
        (&[0x0c, 0xa5, 2, 0, 1, 1, 1, 1], "cut in its header"),
    ] {
        fs::write(&path, bytes).unwrap();
        let store = folder.path().join("store");
        let mut command = Command::new(env!("CARGO_BIN_EXE_earlgrey-hbase"));
        let output = command.arg("load").arg(&path).arg("--store").arg(store).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains(message) && !output.status.success(), "{told}");
    }
}

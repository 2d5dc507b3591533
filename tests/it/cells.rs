//! Cells against nfdump's: every one of them, of flows that its collector received too.

use std::collections::BTreeSet;
use std::fs;
use std::net::Ipv6Addr;
use std::path::PathBuf;
use std::process::Command;

use earlgrey_hbase::generate::{self, Traffic};

use crate::interop::{collect, earlgrey, payloads};
use crate::needs::nfdump;

/// Cells that nfdump 1.7.1, Debian's, prints otherwise than 1.7.8, and how.
const OTHERWISE: [(&str, &str); 35] = [
    ("cnt", "the count is in the order of its file, which has no order of keys"),
    ("tsr", "its head is longer"),
    ("ter", "its head is longer, and hundreds of milliseconds are lost"),
    ("td", "its head is centred"),
    ("tds", "its head is centred"),
    ("tsg", "is none of its cells"),
    ("teg", "is none of its cells"),
    ("ttl", "is none of its cells"),
    ("minttl", "is none of its cells"),
    ("maxttl", "is none of its cells"),
    ("frag", "is none of its cells"),
    ("sasn", "is none of its cells, in 1.7.8 it is"),
    ("dasn", "is none of its cells, in 1.7.8 it is"),
    ("tos", "is one narrower"),
    ("it", "is 0 of what is no ICMP"),
    ("ic", "is 0 of what is no ICMP"),
    ("mpls10", "is taken for mpls1 and a zero"),
    ("nbid", "is a shorter zero"),
    ("nbnam", "says <no info>"),
    ("odid", "is a longer zero"),
    ("opid", "is a longer zero"),
    ("nas", "elements 128 and 129 of IPFIX are not read"),
    ("pas", "elements 128 and 129 of IPFIX are not read"),
    ("fwd", "element 89 of IPFIX is not read"),
    ("sn", "masks of v5 are not read, in 1.7.8 neither"),
    ("dn", "masks of v5 are not read, in 1.7.8 neither"),
    ("smk", "masks of v5 are not read, in 1.7.8 neither"),
    ("dmk", "masks of v5 are not read, in 1.7.8 neither"),
    ("pps", "is calculated with fractions, and at times one less"),
    ("bps", "is calculated with fractions, and at times one less"),
    ("eng", "an observation domain is no engine there"),
    ("evt", "is INVALID where nothing happened, in 1.7.8 <no-evt>"),
    ("xevt", "is Ignore where nothing happened, in 1.7.8 <no-evt>"),
    ("nevt", "is INVALID where nothing happened"),
    ("ra", "the exporter is who sent to its collector"),
];

/// Every cell, by what the table in the sources says.
fn cells() -> Vec<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/answer/nfdump/cells.rs");
    let table = fs::read_to_string(path).unwrap();
    let cells: Vec<String> = table
        .lines()
        .filter_map(|line| line.trim().strip_prefix("cell(\""))
        .map(|line| line.split('"').next().unwrap().to_owned())
        .collect();
    assert!(cells.len() > 80 && cells.contains(&"sap".to_owned()), "{cells:?}");
    cells
}

/// The same flows twice: in a store, and in nfcapd's folder.
pub(super) struct Both {
    folder: tempfile::TempDir,
    addresses: &'static str,
    /// What is asked for beside the addresses.
    filter: &'static [&'static str],
}

impl Both {
    /// None where nfdump is missing and need not be there.
    pub(super) fn of(capture: &[u8], payloads: &[&[u8]], addresses: &'static str) -> Option<Self> {
        let both = Self::collected(payloads, addresses, &[])?;
        fs::write(both.path("day.pcap"), capture).unwrap();
        both.load("day.pcap");
        Some(both)
    }

    /// Likewise of flows that are in nfcapd's folder so far.
    pub(super) fn collected(
        payloads: &[&[u8]],
        addresses: &'static str,
        filter: &'static [&'static str],
    ) -> Option<Self> {
        if !nfdump() {
            return None;
        }
        let both = Self { folder: tempfile::tempdir().unwrap(), addresses, filter };
        fs::create_dir(both.path("nfcapd")).unwrap();
        collect(payloads, &both.path("nfcapd"));
        Some(both)
    }

    /// Loads a file of the folder; gives what is said of it in JSON.
    pub(super) fn load(&self, name: &str) -> serde_json::Value {
        let (path, store) = (self.path(name), self.store());
        let load = ["load", path.to_str().unwrap(), "--store", &store, "-o", "json"];
        serde_json::from_str(&earlgrey(&load)).unwrap()
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn store(&self) -> String {
        self.path("store").to_str().unwrap().to_owned()
    }

    /// The header, and the lines in order of their text.
    pub(super) fn ours(&self, format: &str, style: &[&str]) -> (String, Vec<String>) {
        let store = self.store();
        let arguments = ["query", self.addresses, "--store", &store, "-o", format];
        sorted(&earlgrey(&[&arguments[..], self.filter, style].concat()))
    }

    pub(super) fn theirs(&self, format: &str, style: &[&str]) -> (String, Vec<String>) {
        let nfdump = |more: &[&str]| {
            let output = Command::new("nfdump")
                .env("TZ", "UTC")
                .arg("-R")
                .arg(self.path("nfcapd"))
                .args(["-o", format])
                .args(style)
                .args(more)
                .output()
                .unwrap();
            assert!(output.status.success(), "{format}: {output:?}");
            String::from_utf8(output.stdout).unwrap()
        };
        let header = nfdump(&[]).lines().next().unwrap_or_default().to_owned();
        sorted(&format!("{header}\n{}", nfdump(&["-q"])))
    }
}

fn sorted(text: &str) -> (String, Vec<String>) {
    let mut lines = text.lines().map(str::to_owned);
    let header = lines.next().unwrap_or_default();
    let mut lines: Vec<String> = lines.collect();
    lines.sort();
    (header, lines)
}

const STYLES: [&[&str]; 4] = [&[], &["-N"], &["-6"], &["-N", "-6"]];

/// Compares every cell; tells which of those that are known to differ did.
pub(super) fn compare_cells(both: &Both) -> BTreeSet<String> {
    let mut cells = cells();
    // Places are in the order of its file; and some are no cells there.
    cells.retain(|cell| {
        let reason = OTHERWISE.iter().find(|(known, _)| known == cell).map(|(_, why)| *why);
        cell != "n" && cell != "cnt" && reason.is_none_or(|why| !why.contains("none of its cells"))
    });
    let mut differing = BTreeSet::new();
    for style in STYLES {
        let cell = |text: &str, place: usize| text.split('|').nth(place).unwrap().to_owned();
        for some in cells.chunks(12) {
            let format = format!("fmt:%sap %dap %ts %pkt|%{}", some.join("|%"));
            let (ours, theirs) = (both.ours(&format, style), both.theirs(&format, style));
            assert!(!ours.1.is_empty() && ours.1.len() == theirs.1.len());
            for (place, name) in some.iter().enumerate() {
                let column = |lines: &[String]| -> Vec<(String, String)> {
                    let mut column: Vec<_> =
                        lines.iter().map(|line| (cell(line, 0), cell(line, place + 1))).collect();
                    column.sort();
                    column
                };
                let same_lines = column(&ours.1) == column(&theirs.1);
                // It shows the flags as letters still, with -N.
                if same_lines || name == "flg" && style.contains(&"-N") {
                    continue;
                }
                let reason = OTHERWISE.iter().find(|(known, _)| known == name);
                assert!(
                    reason.is_some(),
                    "{name} {style:?}: {:?}",
                    (ours.1.first(), theirs.1.first())
                );
                differing.insert(name.clone());
            }
        }
        for name in &cells {
            let format = format!("fmt:%{name} %pkt");
            let (ours, theirs) = (both.ours(&format, style).0, both.theirs(&format, style).0);
            if ours != theirs {
                let reason = OTHERWISE.iter().find(|(known, _)| known == name);
                assert!(reason.is_some(), "{name} {style:?}: {ours:?} and {theirs:?}");
                differing.insert(name.clone());
            }
        }
    }
    differing
}

/// What a header or a line of 1.7.1 is in 1.7.8: there, durations are headed at the left, and the
/// type of service is one wider.
fn header_of_1_7_8(header: &str) -> String {
    header
        .replace("    Duration     Proto", "Duration         Proto")
        .replace("Flags Tos", "Flags  Tos")
}

pub(super) fn compare_layouts(both: &Both) {
    for style in STYLES {
        for format in ["line", "long", "extended", "biline", "bilong", "line6", "bilong6"] {
            // It shows the flags as letters still, with -N.
            if style.contains(&"-N") && (format.contains("long") || format == "extended") {
                continue;
            }
            let (ours, theirs) = (both.ours(format, style), both.theirs(format, style));
            assert_eq!(ours.0, header_of_1_7_8(&theirs.0), "{format} {style:?}");
            assert!(!ours.1.is_empty() && ours.1.len() == theirs.1.len());
            let tos_at = ours.0.find("  Tos ").map(|at| at + "  ".len());
            let rates_at = ours.0.find("     pps      bps");
            for (ours, theirs) in ours.1.iter().zip(&theirs.1) {
                let (mut ours, mut theirs) = (ours.clone(), theirs.clone());
                if let Some(at) = tos_at {
                    theirs.insert(at - 1, ' ');
                }
                // Rates are calculated with fractions there, and at times one less.
                if let Some(at) = rates_at {
                    for line in [&mut ours, &mut theirs] {
                        line.replace_range(at..at + "     pps      bps".len(), "");
                    }
                }
                assert_eq!(ours, theirs, "{format} {style:?}");
            }
        }
    }
}

#[test]
fn cells_of_v5_are_those_of_nfdump() {
    let mut capture = Vec::new();
    let traffic =
        Traffic { flows: 1_000, exporters: 1, engines: 1, hours: 1.0, ..Traffic::default() };
    generate::write(&traffic, &mut capture).unwrap();
    let Some(both) = Both::of(&capture, &payloads(&capture), "0.0.0.0/0") else { return };
    compare_layouts(&both);
    let differing = compare_cells(&both);
    for cell in ["ter", "tos", "it", "mpls10", "smk", "sn"] {
        assert!(differing.contains(cell), "{cell} does not differ any more");
    }
}

/// Elements of the records of [`rich`], with how many bytes they have.
#[rustfmt::skip]
const ELEMENTS: [(u16, u16); 36] = [
    (27, 16),
    (28, 16),
    (152, 8),
    (153, 8),
    (1, 8),
    (2, 8),
    (7, 2),
    (11, 2),
    (4, 1),
    (6, 1),
    (5, 1),
    (10, 4),
    (14, 4),
    (16, 4),
    (17, 4),
    (29, 1),
    (30, 1),
    (62, 16),
    (56, 6),
    (57, 6),
    (80, 6),
    (81, 6),
    (58, 2),
    (59, 2),
    (55, 1),
    (61, 1),
    (63, 16),
    (70, 3),
    (71, 3),
    (79, 3),
    (23, 8),
    (24, 8),
    (239, 1),
    (136, 1),
    (234, 4),
    (235, 4),
];

/// An IPFIX message with two flows between IPv6 addresses that have nearly everything
/// that nfdump 1.7.1 reads of IPFIX.
pub(super) fn rich() -> Vec<u8> {
    let address = |text: &str| u128::from(text.parse::<Ipv6Addr>().unwrap());
    let first = 1_185_407_000_123;
    let full: [u128; 36] = [
        address("2001:db8::1"),
        address("2001:620:1000:cafe:20e:35ff:fec0:fed5"),
        first,
        first + 3_333,
        123_456_789,
        1_234_567,
        443,
        50_000,
        6,
        0x1b,
        8,
        3,
        4,
        64_512,
        4_200_000_001,
        48,
        56,
        address("2001:db8:ffff:ffff:ffff::fffe"),
        0x5e00_5301,
        0x5e00_5302,
        0x5e00_5303,
        0x5e00_53ff,
        7,
        8,
        16,
        1,
        address("2001:db8:ffff:ffff:ffff::1"),
        0x141,
        0xff_fff1,
        0x1e,
        5_000_000,
        77,
        1,
        2,
        5,
        6,
    ];
    let mut icmp = [0; 36];
    icmp[..9].copy_from_slice(&[1, address("::1.2.3.4"), first, first, 99, 1, 0, 0x8001, 58]);
    let mut template = vec![300, ELEMENTS.len() as u16];
    template.extend(ELEMENTS.iter().flat_map(|&(number, bytes)| [number, bytes]));
    let template: Vec<u8> = template.iter().flat_map(|word: &u16| word.to_be_bytes()).collect();
    let mut data = Vec::new();
    for record in [full, icmp] {
        for (value, (_, bytes)) in record.iter().zip(ELEMENTS) {
            data.extend_from_slice(&value.to_be_bytes()[16 - usize::from(bytes)..]);
        }
    }
    let set = |id: u16, body: &[u8]| {
        [&id.to_be_bytes()[..], &(4 + body.len() as u16).to_be_bytes(), body].concat()
    };
    let sets = [set(2, &template), set(300, &data)].concat();
    let mut message = [10u16.to_be_bytes(), (16 + sets.len() as u16).to_be_bytes()].concat();
    for word in [1_185_408_000u32, 0, 7] {
        message.extend_from_slice(&word.to_be_bytes());
    }
    [message, sets].concat()
}

#[test]
fn cells_of_ipfix_over_ipv6_are_those_of_nfdump() {
    let Some(both) = Both::of(&crate::cli::capture(&[rich()]), &[&rich()], "::/0") else { return };
    compare_layouts(&both);
    let differing = compare_cells(&both);
    for cell in ["eng", "ra", "nbid"] {
        assert!(differing.contains(cell), "{cell} does not differ any more");
    }
    for cell in ["sn", "dn", "smk", "dmk", "nas", "pas", "fwd"] {
        assert!(!differing.contains(cell), "{cell} is the same of IPFIX");
    }
    // Of raw: the fields, without regard to blanks and to what is about nfdump's own file.
    let fields = |(first, lines): (String, Vec<String>)| -> BTreeSet<String> {
        let words = |line: &String| line.split_whitespace().collect::<Vec<_>>().join(" ");
        lines.iter().chain([&first]).map(words).filter(|line| !line.is_empty()).collect()
    };
    let (ours, theirs) = (fields(both.ours("raw", &[])), fields(both.theirs("raw", &[])));
    let missing: Vec<&String> = theirs.difference(&ours).collect();
    for line in &missing {
        let name = line.split(" =").next().unwrap();
        let of_the_file = [
            "Flags",
            "Elements",
            "size",
            "engine ID",
            "export sysid",
            "received at",
            "ip exporter",
            // 1.7.1 prints the source's here.
            "dst tos",
        ];
        assert!(of_the_file.contains(&name), "{missing:?}");
    }
}

#[test]
fn a_cell_that_cannot_be_is_wrong_usage() {
    let store = "/nonexistent";
    for (format, message) in [
        ("fmt:%ts %sx", "%sx is no cell; did you mean %sa?\n  fmt:%ts %sx\n          ^^^\n"),
        ("csv:%sap", "%sap is no cell of CSV; write %sa,%sp\n  csv:%sap\n      ^^^^\n"),
        ("%ipl", "payload"),
        ("lines", "did you mean line?"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_earlgrey-hbase"))
            .args(["query", "10.0.0.1", "--store", store, "-o", format])
            .output()
            .unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(message), "{text}");
    }
    // Where it is not a flag that says it.
    let output = Command::new(env!("CARGO_BIN_EXE_earlgrey-hbase"))
        .env("EARLGREY_FORMAT", "fmt:%xx")
        .args(["query", "10.0.0.1", "--store", store])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("EARLGREY_FORMAT: %xx is no cell"), "{text}");
}

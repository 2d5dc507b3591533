//! Exports read back, against what DuckDB sees in them.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use earlgrey_hbase::capture::Input;
use earlgrey_hbase::load::{self, Options, Progress};
use earlgrey_hbase::store::memory::MemoryStore;
use serde_json::Value;

use super::load;
use crate::cells::rich;
use crate::cli::capture;
use crate::interop::earlgrey;
use crate::needs::duckdb;

/// A store of both families, of biflows, with several exporters and elements of every kind, and an
/// export of all of it.
fn exported(folder: &Path) {
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    fs::write(path("rich.pcap"), capture(&[rich()])).unwrap();
    earlgrey(&[
        "generate",
        &path("day.pcap"),
        "--flows",
        "20000",
        "--hours",
        "30",
        "--format",
        "v9",
    ]);
    let biflows = "\
StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,sTos,dTos,TotPkts,TotBytes,SrcBytes,Label
2011/08/10 09:46:53.053771,0.056966,tcp,83.3.77.74,32882,  <?>,147.32.85.5,21857,FA_FA,0,0,3,180,120,x
";
    fs::write(path("day.binetflow"), biflows).unwrap();
    let files = ["day.pcap", "rich.pcap", "day.binetflow"].map(path);
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    earlgrey(&[&["load", "--store", &path("store")], &files[..]].concat());
    export(folder, "store", "first.parquet");
}

fn export(folder: &Path, store: &str, file: &str) {
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    earlgrey(&["export", "--store", &path(store), "--where", "any", "--to", &path(file)]);
}

/// The flows of a store, in order of their text.
fn told(store: &Path) -> Vec<String> {
    let store = store.to_str().unwrap();
    let text = earlgrey(&["query", "--where", "any", "--store", store, "-o", "ndjson"]);
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// Prints how many rows each file has that the other has not, and how many there are.
const DIFFERENCE: &str = "
import sys, duckdb
for one, other in (sys.argv[1:3], sys.argv[2:0:-1]):
    print(duckdb.sql(f\"\"\"SELECT count(*) FROM
        (SELECT * FROM '{one}' EXCEPT ALL SELECT * FROM '{other}')\"\"\").fetchall()[0][0])
print(duckdb.sql(f\"SELECT count(*) FROM '{sys.argv[1]}'\").fetchall()[0][0])
";

#[test]
fn what_is_exported_comes_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    exported(folder);
    let flows = told(&folder.join("store"));
    assert!(flows.iter().any(|flow| flow.contains("biflowDirection")), "no biflow");
    let summary = load(&folder.join("second"), &[&folder.join("first.parquet")]);
    assert_eq!((&summary["stored"], &summary["faults"]), (&flows.len().into(), &0.into()));
    assert_eq!(told(&folder.join("second")), flows);
    // Once more it is all there.
    let again = load(&folder.join("second"), &[&folder.join("first.parquet")]);
    assert_eq!((&again["stored"], &again["duplicateRecords"]), (&0.into(), &flows.len().into()));
    export(folder, "second", "second.parquet");
    let Some(duckdb) = duckdb() else { return };
    let files = ["first.parquet", "second.parquet"].map(|name| folder.join(name));
    let files: Vec<&str> = files.iter().map(|file| file.to_str().unwrap()).collect();
    let difference = duckdb(DIFFERENCE, &files);
    assert_eq!(difference, format!("0\n0\n{}\n", flows.len()));
}

#[test]
fn an_export_is_read_out_of_a_pipe() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    exported(folder);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&fs::read(folder.join("first.parquet")).unwrap()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_earlgrey-hbase"));
    command.args(["load", "-", "-o", "json", "--store"]).arg(folder.join("piped"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(&gzip.finish().unwrap()).unwrap();
    let summary: Value = serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(summary["faults"], 0, "{summary}");
    assert_eq!(told(&folder.join("piped")), told(&folder.join("store")));
}

/// Writes a file anew, as this selection.
const ANEW: &str = "
import sys, duckdb
duckdb.sql(f\"COPY (SELECT {sys.argv[3]} FROM '{sys.argv[1]}') TO '{sys.argv[2]}' (FORMAT parquet, COMPRESSION zstd)\")
";

#[test]
fn what_others_made_of_an_export_is_read_or_said_to_lack_something() {
    let Some(duckdb) = duckdb() else { return };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    exported(folder);
    let flows = told(&folder.join("store"));
    let (from, anew) = (folder.join("first.parquet"), folder.join("anew.parquet"));
    for (place, (selection, fault)) in [
        ("*", None),
        // Numbers, with those of IPv6 in a column of their own.
        (
            "* REPLACE (CASE WHEN contains(src, ':') THEN NULL ELSE (
                split_part(src, '.', 1)::BIGINT * 16777216 + split_part(src, '.', 2)::BIGINT * 65536
                + split_part(src, '.', 3)::BIGINT * 256 + split_part(src, '.', 4)::BIGINT
            )::UINTEGER END AS src), CASE WHEN contains(src, ':') THEN src END AS src_v6",
            None,
        ),
        ("* EXCLUDE (octets)", Some("there is no column octets")),
        (
            "* REPLACE (octets::VARCHAR AS octets)",
            Some("column octets is of type BYTE_ARRAY, which no such column is"),
        ),
        ("* REPLACE ([src] AS src)", Some("there is no column src")),
    ]
    .into_iter()
    .enumerate()
    {
        duckdb(ANEW, &[from.to_str().unwrap(), anew.to_str().unwrap(), selection]);
        let store = folder.join(place.to_string());
        let summary = load(&store, &[&anew]);
        assert_eq!(summary["files"][0]["fault"].as_str(), fault, "{selection}: {summary}");
        if fault.is_none() {
            assert_eq!(told(&store), flows, "{selection}");
        }
    }
}

#[test]
fn a_damaged_export_is_told_of_and_nothing_worse() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    exported(folder);
    let sound = fs::read(folder.join("first.parquet")).unwrap();
    let path = folder.join("damaged.parquet");
    let mut state = 1_u64;
    let mut random = |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let footer = 8 + u32::from_le_bytes(sound[sound.len() - 8..][..4].try_into().unwrap()) as usize;
    for round in 0..120 {
        let mut bytes = sound.clone();
        match round % 3 {
            0 => bytes.truncate(random(sound.len())),
            // In what describes the rows a byte has most to say.
            1 => {
                let at = sound.len() - 1 - random(footer);
                bytes[at] = random(256) as u8;
            }
            _ => {
                let at = 4 + random(sound.len() - 4);
                bytes[at] ^= 1 << random(8);
            }
        }
        fs::write(&path, &bytes).unwrap();
        let store = MemoryStore::default();
        let inputs = [Input::File(path.clone())];
        let load = load::load(&store, &inputs, &Options::default(), &Progress::default()).unwrap();
        assert!(load.account.balances() && load.account.stored <= 30_000, "{round}: {load:?}");
    }
}

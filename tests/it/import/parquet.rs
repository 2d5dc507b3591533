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
    exported_of(&|name: &str| folder.join(name).to_str().unwrap().to_owned(), 20_000);
    export(folder, "store", "first.parquet");
}

/// The store, of so many flows.
fn exported_of(path: &dyn Fn(&str) -> String, flows: u32) {
    fs::write(path("rich.pcap"), capture(&[rich()])).unwrap();
    earlgrey(&[
        "generate",
        &path("day.pcap"),
        "--flows",
        &flows.to_string(),
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

/// Copies a file, compressed so.
const COMPRESSED: &str = "
import sys, duckdb
duckdb.sql(f\"COPY (FROM '{sys.argv[1]}') TO '{sys.argv[2]}' (FORMAT parquet, COMPRESSION {sys.argv[3]})\")
";

#[test]
fn every_compression_that_duckdb_has_is_read_or_said_not_to_be() {
    let Some(duckdb) = duckdb() else { return };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    exported(folder);
    let flows = told(&folder.join("store"));
    let from = folder.join("first.parquet");
    for (compression, fault) in [
        ("uncompressed", None),
        ("snappy", None),
        ("lz4_raw", None),
        ("zstd", None),
        ("gzip", Some("it is compressed by GZIP; snappy, zstd, LZ4_RAW and none are read")),
        ("brotli", Some("it is compressed by BROTLI; snappy, zstd, LZ4_RAW and none are read")),
    ] {
        let path = folder.join(format!("{compression}.parquet"));
        duckdb(COMPRESSED, &[from.to_str().unwrap(), path.to_str().unwrap(), compression]);
        let store = folder.join(compression);
        let summary = load(&store, &[&path]);
        assert_eq!(summary["files"][0]["fault"].as_str(), fault, "{summary}");
        if fault.is_none() {
            assert_eq!(told(&store), flows, "{compression}");
        }
    }
}

/// Two flows by two interfaces, of which the exporter names one.
fn of_named_interfaces() -> Vec<u8> {
    let set = |words: &[u16]| -> Vec<u8> {
        let bytes = 2 + 2 * words.len() as u16;
        [&words[..1], &[bytes], &words[1..]]
            .concat()
            .iter()
            .flat_map(|it| it.to_be_bytes())
            .collect()
    };
    let sets = [
        // Options: the interface, then its name of four bytes: 3 is "eth3".
        set(&[3, 256, 2, 1, 10, 4, 82, 4]),
        set(&[256, 0, 3, 0x6574, 0x6833]),
        set(&[2, 257, 5, 8, 4, 12, 4, 10, 4, 14, 4, 1, 4]),
        set(&[
            257, 0x0a00, 1, 0x0a00, 2, 0, 3, 0, 4, 0, 1500, 0x0a00, 2, 0x0a00, 1, 0, 4, 0, 3, 0, 40,
        ]),
    ]
    .concat();
    let head = [10, 16 + sets.len() as u16].map(u16::to_be_bytes).concat();
    let words = [1_186_040_527_u32, 0, 0].map(u32::to_be_bytes).concat();
    [head, words, sets].concat()
}

/// Prints how many rows of the folders differ, of each in turn, and how many names there are.
const FOLDERS: &str = "
import sys, duckdb
duckdb.sql('SET enable_progress_bar = false')
one, other = [f\"read_parquet('{at}/*/*/*/*.parquet', hive_partitioning = true)\" for at in sys.argv[1:]]
for a, b in ((one, other), (other, one)):
    print(duckdb.sql(f'SELECT count(*) FROM (FROM {a} EXCEPT ALL FROM {b})').fetchall()[0][0])
print(duckdb.sql(f'SELECT count(input_name), count(output_name) FROM {one}').fetchall()[0])
";

#[test]
fn a_folder_of_days_comes_back_whatever_its_columns_are_called_and_how_values_are_written() {
    let Some(duckdb) = duckdb() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let [day, named, store, whole] = ["day.pcap", "named.pcap", "store", "whole"].map(path);
    exported_of(&path, 2_000);
    fs::write(&named, capture(&[of_named_interfaces()])).unwrap();
    earlgrey(&["load", &named, "--store", &store]);
    assert!(Path::new(&day).exists());
    earlgrey(&["export", "parquet", &whole, "--store", &store, "--community-id"]);
    for (schema, addresses, elements) in [
        ("earlgrey", "number", "map"),
        ("earlgrey", "fixed", "json"),
        ("ocsf", "text", "map"),
        ("ocsf", "number", "json"),
        ("ecs", "fixed", "map"),
        ("zeek", "text", "json"),
        ("zeek", "fixed", "map"),
        ("ipfix", "text", "map"),
        ("ipfix", "number", "json"),
    ] {
        let name = format!("{schema}-{addresses}-{elements}");
        let (out, second, again) = (path(&name), path("second"), path("again"));
        for old in [&second, &again] {
            let _ = fs::remove_dir_all(old);
        }
        let how = ["--schema", schema, "--addresses", addresses, "--elements", elements];
        let export = ["export", "parquet", &out, "--store", &store, "--community-id"];
        earlgrey(&[&export[..], &how].concat());
        // What else is in the folder is none of its files.
        fs::write(folder.path().join(&name).join("_SUCCESS"), "").unwrap();
        let summary = load(Path::new(&second), &[Path::new(&out)]);
        assert_eq!((&summary["faults"], &summary["rejected"]), (&0.into(), &serde_json::json!({})));
        assert_eq!(summary["passedOver"], serde_json::json!({}), "{name}");
        let files = summary["files"].as_array().unwrap();
        assert!(files.iter().all(|file| file["path"].as_str().unwrap().ends_with(".parquet")));
        earlgrey(&["export", "parquet", &again, "--store", &second, "--community-id"]);
        assert_eq!(duckdb(FOLDERS, &[&whole, &again]), "0\n0\n(2, 1)\n", "{name}");
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

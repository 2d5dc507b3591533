use super::*;
use crate::flow::Sampling;
use crate::flow::{Column, Columns};
use crate::store::embedded::folder::file_names::{
    hits_name, identities_name, list_name, manifest_path, run_name, sums_name,
};
use std::time::Instant;

pub(crate) fn any_run(number: u64) -> Run {
    let name = run_name(number, Order::Src);
    Run {
        stranger: false,
        number,
        family: Family::V4,
        columns: RunColumns::default(),
        rows: 3,
        min_first: UnixMillis(5),
        max_first: UnixMillis(u64::MAX),
        max_duration: None,
        sources: None,
        files: vec![RunFile {
            order: Order::Src,
            name,
            bytes: 100,
            tail_offset: 70,
            tail_hash: Checksum(7),
            lead: AddressRange::all(Family::V4),
        }],
        sums: None,
    }
}

pub(crate) fn any_identities(number: u64) -> IdentityFile {
    IdentityFile {
        name: identities_name(number),
        bytes: 10,
        hash: Checksum(u64::MAX),
        count: 1,
        spans: vec![Span(0, 0), Span(7, u32::MAX)],
        latest: UnixMillis::MAX,
    }
}

fn any_manifest(runs: u64) -> Manifest {
    Manifest {
        number: 1,
        checksum: Checksum::default(),
        next: runs + 1,
        sources: vec![Source {
            exporter: "2001:db8::1".parse().unwrap(),
            engine: 258,
            sampling: Sampling { mode: 1, interval: 100 },
        }],
        runs: (0..runs).map(any_run).collect(),
        identities: vec![any_identities(runs)],
        nat_since: None,
        watched: Vec::new(),
    }
}

fn read(path: &Path) -> Result<Arc<Manifest>> {
    Manifest::read(path, &File::open(path).unwrap(), 1, None)
}

#[test]
fn a_manifest_is_read_as_it_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let mut manifest = any_manifest(2);
    manifest.write(dir.path()).unwrap();
    assert_eq!(*read(&manifest_path(dir.path(), 1)).unwrap(), manifest);
    assert_eq!(manifest.flows(), 6);
    let names: Vec<_> = manifest.file_names().collect();
    assert_eq!(
        names,
        ["run-00000000-src.parquet", "run-00000001-src.parquet", "identities-00000002.parquet"]
    );
}

#[test]
fn the_format_stays_as_stores_out_there_have_it() {
    let (_, bytes) = any_manifest(1).encode().unwrap();
    let text = String::from_utf8(bytes).unwrap();
    assert_eq!(
        text,
        concat!(
            "{\"format\":1,\"checksum\":\"fdb21277c1920e83\"}\n",
            "{\"next\":2,\"sources\":[{\"exporter\":\"2001:db8::1\",\"engine\":258,",
            "\"samplingMode\":1,\"sampling\":100}],",
            "\"runs\":[{\"number\":0,\"family\":\"v4\",\"rows\":3,\"minFirst\":5,",
            "\"maxFirst\":18446744073709551615,\"files\":[{\"order\":\"src\",",
            "\"name\":\"run-00000000-src.parquet\",\"bytes\":100,\"tailOffset\":70,",
            "\"tailHash\":\"0000000000000007\",\"lead\":[\"0.0.0.0\",\"255.255.255.255\"]}]}],",
            "\"identities\":[{\"name\":\"identities-00000001.parquet\",\"bytes\":10,",
            "\"hash\":\"ffffffffffffffff\",\"count\":1,",
            "\"spans\":[[0,0],[7,4294967295]]}]}",
        )
    );
}

#[test]
fn a_run_with_more_columns_says_so_in_a_later_format() {
    let mut manifest = any_manifest(2);
    manifest.runs[1].columns = RunColumns::with(Columns::of(&[Column::Extras]));
    let (_, bytes) = manifest.encode().unwrap();
    let text = String::from_utf8(bytes.clone()).unwrap();
    assert!(text.starts_with("{\"format\":3,"), "{text}");
    assert_eq!(text.matches("\"columns\":[\"base\",\"extras\"]").count(), 1, "{text}");
    let path = Path::new("manifest-00000001.json");
    assert_eq!(Manifest::decode(path, 1, &bytes).unwrap().runs, manifest.runs);
}

#[test]
fn watch_lists_are_in_the_last_format_with_their_files() {
    let mut manifest = any_manifest(1);
    let listed = Listed { name: "bad".to_owned(), indicators: 2, ..Listed::default() };
    let (list, hits) = (list_name((7, 0)), Some(hits_name((9, 0))));
    manifest.watched = vec![Watched { listed, list, hits, later_hits: vec![hits_name((11, 0))] }];
    let format = |manifest: &Manifest| manifest.encode().unwrap().1[..12].to_vec();
    assert_eq!(format(&manifest), b"{\"format\":6,");
    let before = Watched { later_hits: Vec::new(), ..manifest.watched[0].clone() };
    assert_eq!(format(&Manifest { watched: vec![before], ..manifest.clone() }), b"{\"format\":5,");
    let (_, bytes) = manifest.encode().unwrap();
    let text = String::from_utf8(bytes.clone()).unwrap();
    let expected = "\"watched\":[{\"name\":\"bad\",\"file\":\"\",\"added\":0,\"indicators\":2,\
        \"list\":\"watch-00000007-0-list.json\",\"hits\":\"watch-00000009-0-hits.json\",\
        \"laterHits\":[\"watch-00000011-0-hits.json\"]}]";
    assert!(text.contains(expected), "{text}");
    let path = Path::new("manifest-00000001.json");
    let read = Manifest::decode(path, 1, &bytes).unwrap();
    assert_eq!(read.watched, manifest.watched);
    assert_eq!(read.file_names().filter(|name| name.starts_with("watch-")).count(), 3);
}

#[test]
fn a_run_with_sums_says_so_in_a_later_format() {
    let mut manifest = any_manifest(2);
    let file = RunFile { name: sums_name(7, Order::Src), ..manifest.runs[1].files[0].clone() };
    let part = SumsPart { by: vec!["src".to_owned()], within_ms: 5, shares: false, rows: 2 };
    let shares = SumsPart { by: Vec::new(), shares: true, ..part.clone() };
    let columns = RunColumns::only(Columns::of(&[Column::Src, Column::Flows]));
    manifest.runs[0].sums = Some(Vec::new());
    manifest.runs[1].sums = Some(vec![SumsFile { file, columns, parts: vec![part, shares] }]);
    let (_, bytes) = manifest.encode().unwrap();
    let text = String::from_utf8(bytes.clone()).unwrap();
    assert!(text.starts_with("{\"format\":4,"), "{text}");
    for expected in [
        "\"sums\":[]",
        "\"columns\":[\"src\",\"flows\"],\"parts\":[{\"by\":[\"src\"],\"withinMs\":5,\"rows\":2},",
        "{\"by\":[],\"withinMs\":5,\"shares\":true,\"rows\":2}]",
    ] {
        assert_eq!(text.matches(expected).count(), 1, "{text}");
    }
    let path = Path::new("manifest-00000001.json");
    assert_eq!(Manifest::decode(path, 1, &bytes).unwrap().runs, manifest.runs);
    assert!(manifest.file_names().any(|name| name == "sums-00000007-src.parquet"));
    assert_eq!(manifest.runs.iter().map(Run::bytes).collect::<Vec<_>>(), [100, 200]);
}

#[test]
fn identities_say_how_late_their_flows_are_unless_it_is_not_known() {
    let path = Path::new("manifest-00000001.json");
    for (latest, told) in [(UnixMillis(8), true), (UnixMillis::MAX, false)] {
        let mut manifest = any_manifest(1);
        manifest.identities[0].latest = latest;
        let (_, bytes) = manifest.encode().unwrap();
        assert_eq!(String::from_utf8_lossy(&bytes).contains("\"latest\":8}"), told);
        assert_eq!(Manifest::decode(path, 1, &bytes).unwrap().identities, manifest.identities);
    }
}

#[test]
fn every_flipped_bit_is_found() {
    let path = Path::new("manifest-00000001.json");
    let (_, bytes) = any_manifest(1).encode().unwrap();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            let error = Manifest::decode(path, 1, &damaged).unwrap_err();
            assert!(
                matches!(error, StoreError::Damaged { .. } | StoreError::Newer { .. }),
                "byte {at}, bit {bit}: {error}"
            );
        }
    }
}

#[test]
fn every_cut_is_found() {
    let path = Path::new("manifest-00000001.json");
    let (_, bytes) = any_manifest(1).encode().unwrap();
    for length in 0..bytes.len() {
        let error = Manifest::decode(path, 1, &bytes[..length]).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{length} bytes: {error}");
    }
}

#[test]
fn a_later_format_is_refused_by_its_number() {
    for header in [
        "{\"format\":7}\n",
        "{\"format\":7,\"digest\":\"of another kind\"}\nbinary",
        "{\"x\":[],\"format\":7,\"checksum\":3}\n",
    ] {
        let error = Manifest::decode(Path::new("m"), 1, header.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "m: format 7, this version reads up to 6");
    }
}

#[test]
fn a_run_says_which_sources_it_refers_to_if_that_is_known() {
    let path = Path::new("manifest-00000001.json");
    for (sources, told) in [
        (None, "\"maxFirst\":18446744073709551615,\"files\""),
        (
            Some(vec![PlaceRange(0, 3), PlaceRange(7, 7)]),
            "\"maxFirst\":18446744073709551615,\"sources\":[[0,3],[7,7]],\"files\"",
        ),
    ] {
        let mut manifest = any_manifest(1);
        manifest.runs[0].sources = sources;
        let (_, bytes) = manifest.encode().unwrap();
        assert!(String::from_utf8_lossy(&bytes).contains(told));
        assert_eq!(Manifest::decode(path, 1, &bytes).unwrap().runs, manifest.runs);
    }
}

#[test]
#[ignore = "a measurement: cargo test --release -- --ignored --nocapture thousands"]
fn a_manifest_of_thousands_of_runs_is_read_fast() {
    let dir = tempfile::tempdir().unwrap();
    any_manifest(5000).write(dir.path()).unwrap();
    let path = manifest_path(dir.path(), 1);
    let start = Instant::now();
    let manifest = read(&path).unwrap();
    println!("{} runs in {:?}", manifest.runs.len(), start.elapsed());
}

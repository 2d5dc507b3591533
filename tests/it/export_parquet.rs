//! `export parquet`: folders of days in the hands of DuckDB, against the file that `export --to`
//! writes of the same question; and what is cut short, repeated, or goes on.

mod forms;
mod spark;
mod views;
mod whole;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::cells::rich;
use crate::cli::{Home, capture};
use crate::needs::duckdb;

/// Prints what DuckDB finds by a query on a line, without Python's brackets.
const QUERY: &str = r#"
import sys, duckdb
duckdb.sql("SET TimeZone = 'UTC'")
duckdb.sql("SET enable_progress_bar = false")
for row in duckdb.sql(sys.argv[1]).fetchall():
    print(*row)
"#;

/// Flows of both families on two days, some of whose exporters name their interfaces.
const FLOWS: u64 = 20_002;

/// A home with a store of [`FLOWS`], and what DuckDB answers; none where there is no DuckDB.
fn home() -> Option<(Home, impl Fn(&str) -> String)> {
    let duckdb = duckdb()?;
    let home = Home::new();
    let rich = home.file("rich.pcap", &capture(&[rich()]));
    let made = ["generate", "day.pcap", "--flows", "20000", "--hours", "30", "--format", "v9"];
    home.run(&made).succeeds();
    home.run(&["load", "day.pcap", &rich]).succeeds();
    Some((home, move |query: &str| duckdb(QUERY, &[query]).trim_end().to_owned()))
}

/// All files of a folder, as DuckDB reads them.
fn all(home: &Home, folder: &str) -> String {
    let pattern = home.path(folder).join("*/*/*/*.parquet");
    format!("read_parquet('{}', hive_partitioning = true)", pattern.display())
}

/// The files in `folder` and below it, by their paths in it, and their lengths.
fn files(folder: &Path) -> BTreeMap<PathBuf, u64> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inside) = folders.pop() {
        for entry in fs::read_dir(inside).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else {
                let path = entry.path().strip_prefix(folder).unwrap().to_owned();
                files.insert(path, entry.metadata().unwrap().len());
            }
        }
    }
    files
}

/// Sees that the folder has exactly the flows of the file, and says how many.
#[track_caller]
fn same_flows(home: &Home, duckdb: &impl Fn(&str) -> String, folder: &str, file: &str) -> u64 {
    let folder = format!(
        "(SELECT * EXCLUDE (year, month, day, input_name, output_name) FROM {})",
        all(home, folder)
    );
    let file = format!("(FROM '{}')", home.path(file).display());
    for (one, other) in [(&folder, &file), (&file, &folder)] {
        let query = format!("SELECT count(*) FROM (FROM {one} EXCEPT ALL FROM {other})");
        assert_eq!(duckdb(&query), "0", "in {one} and not in {other}");
    }
    duckdb(&format!("SELECT count(*) FROM {folder}")).parse().unwrap()
}

#[test]
fn a_folder_has_the_flows_of_a_file_by_the_day_on_which_they_began() {
    let Some((home, duckdb)) = home() else { return };
    for (place, question) in [
        &[][..],
        &["122.166.26.132", "--direction", "any"],
        &["--where", "udp and port 53", "--since", "2007-07-26T06:00"],
        &["::/0"],
    ]
    .into_iter()
    .enumerate()
    {
        let (folder, file) = (format!("folder{place}"), format!("{place}.parquet"));
        home.run(&[&["export", "--to", &file], question].concat()).succeeds();
        let told = home.run(&[&["export", "parquet", &folder, "-o", "json"], question].concat());
        let told = told.succeeds().json();
        let flows = same_flows(&home, &duckdb, &folder, &file);
        assert!(flows > 1, "{question:?}");
        assert_eq!((&told["flows"], &told["already"]), (&flows.into(), &0.into()), "{told}");
        let written = files(&home.path(&folder));
        let parquet =
            written.iter().filter(|(path, _)| path.extension().is_some_and(|it| it == "parquet"));
        let bytes: u64 = parquet.clone().map(|(_, bytes)| bytes).sum();
        assert_eq!(
            (&told["files"], &told["bytes"]),
            (&parquet.count().into(), &bytes.into()),
            "{told}"
        );
        let strangers = format!(
            "SELECT count(*) FROM {} WHERE (year, month, day) != \
             (year(first_ms), month(first_ms), day(first_ms))",
            all(&home, &folder)
        );
        assert_eq!(duckdb(&strangers), "0");
    }
    let days = |of: &str, day: &str| {
        duckdb(&format!("SELECT {day}, count(*), sum(octets) FROM {of} GROUP BY 1 ORDER BY 1"))
    };
    let in_file = format!("'{}'", home.path("0.parquet").display());
    let by_folder = days(&all(&home, "folder0"), "make_date(year, month, day)");
    assert_eq!(by_folder, days(&in_file, "first_ms::DATE"));
    assert_eq!(by_folder.lines().count(), 3, "{by_folder}");
}

#[test]
fn rows_are_sorted_pages_and_addresses_are_indexed_and_a_file_says_what_it_is() {
    let Some((home, duckdb)) = home() else { return };
    home.run(&["export", "parquet", "out", "--where", "any"]).succeeds();
    let files = home.path("out").join("*/*/*/*.parquet");
    let files = files.display();
    // A row group has one family; what is text is sorted as text.
    let unsorted = format!(
        "SELECT count(*) FROM (SELECT (src, first_ms, dst) AS key, lag(key) OVER (
            PARTITION BY filename, contains(src, ':') ORDER BY file_row_number) AS before
        FROM read_parquet('{files}', filename = true, file_row_number = true)) WHERE key < before"
    );
    assert_eq!(duckdb(&unsorted), "0");
    let metadata = format!("FROM parquet_metadata('{files}')");
    let indexed = "bloom_filter_offset IS NOT NULL AND bloom_filter_length > 0";
    assert_eq!(
        duckdb(&format!("SELECT DISTINCT path_in_schema {metadata} WHERE {indexed} ORDER BY 1")),
        "dst\nsrc"
    );
    let without = "column_index_offset IS NULL OR offset_index_offset IS NULL \
                   OR compression != 'ZSTD' OR stats_min_value IS NULL AND stats_null_count = 0";
    assert_eq!(duckdb(&format!("SELECT count(*) {metadata} WHERE {without}")), "0");
    let probe = |address: &str| {
        duckdb(&format!(
            "SELECT bool_or(NOT bloom_filter_excludes) FROM parquet_bloom_probe('{files}', 'src', '{address}')"
        ))
    };
    assert_eq!(probe("122.166.26.132"), "True");

    let told = format!(
        "SELECT decode(key), decode(value) FROM parquet_kv_metadata('{files}') \
         WHERE starts_with(decode(key), 'earlgrey.')"
    );
    let told = duckdb(&told);
    for line in [
        "earlgrey.format 1",
        "earlgrey.schema earlgrey",
        "earlgrey.addresses text",
        "earlgrey.elements json",
        concat!("earlgrey.version ", env!("CARGO_PKG_VERSION")),
        "earlgrey.first 2007-07-26T00:0",
        "earlgrey.last 2007-07-26T23:5",
        "earlgrey.flows ",
    ] {
        assert!(told.lines().any(|of| of.starts_with(line)), "{line} is not in\n{told}");
    }
    assert!(told.contains("\"schema\":\"earlgrey\"") && told.contains("\"where\":"), "{told}");
}

#[test]
fn files_are_no_larger_than_is_said_and_have_names_of_their_own() {
    let Some((home, duckdb)) = home() else { return };
    home.run(&["generate", "more.pcap", "--flows", "150000", "--seed", "9"]).succeeds();
    home.run(&["load", "more.pcap"]).succeeds();
    home.run(&["export", "--to", "all.parquet"]).succeeds();
    home.run(&["export", "parquet", "out", "--file-size", "1MB"]).succeeds();
    assert_eq!(same_flows(&home, &duckdb, "out", "all.parquet"), FLOWS + 150_000);
    let files = files(&home.path("out"));
    let parquet: Vec<_> =
        files.iter().filter(|(path, _)| path.to_str().unwrap().ends_with(".parquet")).collect();
    assert!(parquet.len() > 4, "{files:?}");
    let names: std::collections::BTreeSet<_> =
        parquet.iter().map(|(path, _)| path.file_name().unwrap()).collect();
    assert_eq!(names.len(), parquet.len());
    let most = parquet.iter().map(|(_, bytes)| **bytes).max().unwrap();
    assert!(most <= 1_000_000 && most > 500_000, "{most}");
    home.run(&["export", "parquet", "out", "--file-size", "10kB"])
        .ends(2, "files are limited to no less than 1.0 MB");
}

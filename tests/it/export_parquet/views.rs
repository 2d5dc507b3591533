//! `schema/earlgrey.sql`: the runs of a store as one view of DuckDB.

use std::fs;

use super::{FLOWS, home};
use crate::needs::duckdb;

/// Reads the macros for a store, and then prints what a query finds.
const VIEW: &str = r#"
import sys, duckdb
store, macros, query = sys.argv[1:]
duckdb.execute("SET TimeZone = 'UTC'")
duckdb.execute("SET enable_progress_bar = false")
duckdb.execute(f"SET VARIABLE earlgrey_store = '{store}'")
duckdb.execute(open(macros).read())
for row in duckdb.sql(query).fetchall():
    print(*row)
"#;

#[test]
fn the_view_has_the_flows_that_the_manifest_names() {
    let (Some((home, _)), Some(python)) = (home(), duckdb()) else { return };
    let store = home.path("data/earlgrey-hbase/store");
    let macros = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/earlgrey.sql");
    let view = |store: &str, query: &str| python(VIEW, &[store, macros, query]).trim().to_owned();
    let compare = || {
        home.run(&["export", "--to", "all.parquet", "--force"]).succeeds();
        let file = home.path("all.parquet");
        let columns = "src, first_ms, dst, protocol, src_port, dst_port, octets, packets, \
                       duration_ms, tcp_flags, tos, input, output, src_as, dst_as, src_mask, \
                       dst_mask, next_hop, exporter, engine, sampling_mode, sampling_interval";
        let [ours, theirs] = ["earlgrey_flows", &format!("'{}'", file.display())]
            .map(|of| format!("SELECT {columns} FROM {of}"));
        let differing = format!(
            "SELECT (SELECT count(*) FROM ({ours} EXCEPT ALL {theirs})), \
             (SELECT count(*) FROM ({theirs} EXCEPT ALL {ours})), \
             (SELECT count(*) FROM earlgrey_flows WHERE extras IS NULL OR octet_length(extras) = 0), \
             (SELECT count(*) FROM '{}' WHERE elements IS NULL)",
            file.display()
        );
        view(store.to_str().unwrap(), &differing)
    };
    let told = compare();
    let told: Vec<&str> = told.split(' ').collect();
    assert_eq!((told[0], told[1]), ("0", "0"));
    assert_eq!(told[2], told[3]);
    // Runs that no manifest names, as a load leaves them that was killed, are no part of the store.
    let run = fs::read_dir(&store).unwrap().map(|entry| entry.unwrap().path());
    let run =
        run.into_iter().find(|path| path.to_str().unwrap().ends_with("-src.parquet")).unwrap();
    fs::copy(run, store.join("run-00009999-src.parquet")).unwrap();
    assert!(compare().starts_with("0 0 "));
    home.run(&["compact"]).succeeds();
    assert!(compare().starts_with("0 0 "));

    // Names of interfaces, by exporter and number.
    let names = r#"{"interfaces":[["10.127.1.1",31,"xe-0/0/31"]],"vrfs":[],"applications":[]}"#;
    let checksum = format!("{:016x}", xxhash_rust::xxh3::xxh3_64(names.as_bytes()));
    fs::write(store.join("names.json"), format!("{checksum}\n{names}")).unwrap();
    let found = "SELECT DISTINCT exporter, input, input_name FROM earlgrey_flows \
                 WHERE input_name IS NOT NULL";
    assert_eq!(view(store.to_str().unwrap(), found), "10.127.1.1 31 xe-0/0/31");
    let count = view(store.to_str().unwrap(), "SELECT count(*) FROM earlgrey_flows");
    assert_eq!(count, FLOWS.to_string());

    // A store without flows has the view, and nothing in it.
    home.run(&["expire", "--before", "2030-01-01", "--yes"]).succeeds();
    assert_eq!(view(store.to_str().unwrap(), "SELECT count(src) FROM earlgrey_flows"), "0");
}

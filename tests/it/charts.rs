//! What DuckDB makes of the store's own files, against `stats` and `timeline`.

use serde_json::Value;

use super::interop::earlgrey;
use super::needs::duckdb;

/// Sums in groups, a line each: the group's kind and name, then flows, packets and octets.
const GROUPS: &str = r#"
import sys, glob, json, duckdb
runs = f"read_parquet('{sys.argv[1]}/run-*-src.parquet')"
manifest = sorted(glob.glob(sys.argv[1] + "/manifest-*.json"))[-1]
sources = json.loads(open(manifest).read().splitlines()[1])["sources"]
duckdb.sql("CREATE TABLE exporters (source INTEGER, exporter VARCHAR)")
for number, source in enumerate(sources):
    duckdb.execute("INSERT INTO exporters VALUES (?, ?)", [number, source["exporter"]])
for kind, name in (
    ("all", "'all'"),
    ("protocols", "CASE protocol WHEN 1 THEN 'ICMP' WHEN 6 THEN 'TCP' WHEN 17 THEN 'UDP' WHEN 47 THEN 'GRE' WHEN 50 THEN 'ESP' END"),
    ("exporters", "exporter"),
    ("days", "strftime(first_ms + INTERVAL 2 HOUR, '%Y-%m-%d')"),
):
    for row in duckdb.sql(f"""
        SELECT {name} AS name, count(*), sum(packets), sum(octets), min(epoch_ms(first_ms)),
            max(epoch_ms(first_ms) + duration_ms)
        FROM {runs} JOIN exporters USING (source) GROUP BY name""").fetchall():
        print(kind, *row)
"#;

/// What each bin gets by the definition, flow by flow, as `MILLIS VALUE`.
const BINS: &str = r#"
import sys, duckdb
store, bin, counter, where = sys.argv[1:]
bin = int(bin)
for row in duckdb.sql(f"""
    WITH flows AS (
        SELECT epoch_ms(first_ms)::HUGEINT AS f, duration_ms::HUGEINT AS d, {counter}::HUGEINT AS v
        FROM read_parquet('{store}/run-*-src.parquet') WHERE {where}),
    cut AS (
        SELECT f, d, v, unnest(generate_series((f // {bin})::BIGINT, ((f + greatest(d, 1) - 1) // {bin})::BIGINT)) AS b
        FROM flows),
    ends AS (SELECT *, greatest(b * {bin}, f) - f AS since, least((b + 1) * {bin}, f + d) - f AS until FROM cut)
    SELECT b * {bin}, sum(CASE WHEN d = 0 THEN v ELSE
        (v * until + d // 2) // d - CASE WHEN since = 0 THEN 0 ELSE (v * since + d // 2) // d END END)
    FROM ends GROUP BY b ORDER BY b""").fetchall():
    print(*row)
"#;

#[test]
fn duckdb_finds_the_same_sums_in_groups_and_in_bins() {
    let Some(duckdb) = duckdb() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (file, store) = (folder.path().join("day.pcap"), folder.path().join("store"));
    let (file, store) = (file.to_str().unwrap(), store.to_str().unwrap());
    earlgrey(&["generate", file, "--flows", "60000", "--hours", "50"]);
    earlgrey(&["load", file, "--store", store, "--batch-flows", "20000"]);

    let json = |arguments: &[&str]| -> Value {
        let all = [arguments, &["-o", "json", "--store", store]].concat();
        serde_json::from_str(&earlgrey(&all)).unwrap()
    };
    let stats = json(&["stats", "--tz", "+02:00"]);
    let millis = |time: &Value| {
        time.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond().to_string()
    };
    let line = |kind: &str, name: &str, of: &Value| {
        let (first, last) = (millis(&of["first"]), millis(&of["last"]));
        format!("{kind} {name} {} {} {} {first} {last}", of["flows"], of["packets"], of["octets"])
    };
    let mut ours = vec![line("all", "all", &stats)];
    for kind in ["protocols", "exporters", "days"] {
        for group in stats[kind].as_array().unwrap() {
            ours.push(line(kind, group["name"].as_str().unwrap(), group));
        }
    }
    let theirs = duckdb(GROUPS, &[store]);
    let mut theirs: Vec<&str> = theirs.lines().collect();
    ours.sort_unstable();
    theirs.sort_unstable();
    assert!(theirs.len() > 8, "{theirs:?}");
    assert_eq!(ours, theirs);

    let pairs = earlgrey(&["active-flow", "-print", "1", "--store", store]);
    let host = pairs.trim_start_matches('(').split(',').next().unwrap().to_owned();
    let number = u32::from(host.parse::<std::net::Ipv4Addr>().unwrap());
    let is = |end: &str| format!("{end} = {number}");
    let block = |end: &str| format!("{end} >> 16 = {}", number >> 16);
    let network = format!("{host}/16");
    for (arguments, bin, counter, series, filter) in [
        (&[][..], "5m", "octets", "octets", "true".to_owned()),
        (&["--by", "packets"], "8s", "packets", "packets", "true".to_owned()),
        (&["--by", "flows"], "1h", "1", "flows", "true".to_owned()),
        (
            &["--since", "2007-07-26T12:00"],
            "30s",
            "octets",
            "octets",
            "epoch_ms(first_ms) >= 1185451200000".to_owned(),
        ),
        (&[&*host], "5s", "octets", "sent", is("src")),
        (&[&*host], "5s", "octets", "received", is("dst")),
        (&[&*network, "--by", "packets"], "1m", "packets", "sent", block("src")),
        (&[&*network, "--direction", "dst"], "1m", "octets", "received", block("dst")),
    ] {
        let timeline = json(&[&["timeline", "--bin", bin], arguments].concat());
        let bin_ms = timeline["binMs"].to_string();
        // Flows are counted where they begin, as if they lasted no time.
        let script =
            if counter == "1" { BINS.replace("duration_ms::", "0::") } else { BINS.to_owned() };
        let theirs = duckdb(&script, &[store, &bin_ms, counter, &filter]);
        let ours: Vec<String> = timeline["bins"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|bin| bin[series] != 0)
            .map(|bin| format!("{} {}", millis(&bin["time"]), bin[series]))
            .collect();
        let theirs: Vec<&str> = theirs.lines().filter(|line| !line.ends_with(" 0")).collect();
        assert!(!theirs.is_empty(), "{arguments:?}");
        assert_eq!(ours, theirs, "{arguments:?} {series}");
    }
}

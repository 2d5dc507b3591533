//! What DuckDB makes of the store's own files, against `stats` and `timeline`.

use std::num::NonZeroU64;

use earlgrey_hbase::Store;
use earlgrey_hbase::aggregate::{
    BinWidth, KeyValue, Limits, Measure, Timeline, TimelineOptions, Top, TopOptions, TopOrder,
    parse_keys,
};
use earlgrey_hbase::flow::Columns;
use earlgrey_hbase::query::Question;
use earlgrey_hbase::store::embedded::EmbeddedStore;
use jiff::tz::TimeZone;
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

/// Likewise for each of the greatest keys and the rest, as `MILLIS KEY VALUE`; flows that count where
/// they begin have no duration.
const KEYED_BINS: &str = r#"
import sys, duckdb
store, bin, counter, duration, key, count = sys.argv[1:]
bin = int(bin)
for row in duckdb.sql(f"""
    WITH flows AS (
        SELECT epoch_ms(first_ms)::HUGEINT AS f, {duration}::HUGEINT AS d, {counter}::HUGEINT AS v, {key} AS k
        FROM read_parquet('{store}/run-*-src.parquet')),
    winners AS (SELECT k FROM flows GROUP BY k ORDER BY sum(v) DESC, k LIMIT {count}),
    cut AS (
        SELECT f, d, v, CASE WHEN k IN (SELECT k FROM winners) THEN k ELSE 'others' END AS k,
            unnest(generate_series((f // {bin})::BIGINT, ((f + greatest(d, 1) - 1) // {bin})::BIGINT)) AS b
        FROM flows),
    ends AS (SELECT *, greatest(b * {bin}, f) - f AS since, least((b + 1) * {bin}, f + d) - f AS until FROM cut)
    SELECT b * {bin} AS t, k, sum(CASE WHEN d = 0 THEN v ELSE
        (v * until + d // 2) // d - CASE WHEN since = 0 THEN 0 ELSE (v * since + d // 2) // d END END) AS sum
    FROM ends GROUP BY b, k HAVING sum > 0 ORDER BY t, k""").fetchall():
    print(*row)
"#;

#[test]
fn duckdb_finds_the_same_traffic_of_keys_over_time() {
    let Some(duckdb) = duckdb() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (file, store) = (folder.path().join("day.pcap"), folder.path().join("store"));
    let (file, path) = (file.to_str().unwrap(), store.to_str().unwrap());
    earlgrey(&["generate", file, "--flows", "30000", "--hours", "20"]);
    earlgrey(&["load", file, "--store", path, "--batch-flows", "10000"]);
    let snapshot = EmbeddedStore::new(&store).snapshot().unwrap();
    let lookup = Question::everything().plan_unordered(Columns::NONE);
    let both = "protocol || ' ' || dst_port";
    for (keys, by, count, bin_ms, counter, duration, key) in [
        ("dstport", Measure::Octets, 5, 300_000, "octets", "duration_ms", "dst_port::VARCHAR"),
        ("proto", Measure::Packets, 1, 60_000, "packets", "duration_ms", "protocol::VARCHAR"),
        ("src", Measure::Octets, 8, 3_600_000, "octets", "duration_ms", "src::VARCHAR"),
        ("dstport:p", Measure::Flows, 3, 900_000, "1", "0", both),
    ] {
        let fields = parse_keys(keys).unwrap();
        let order = TopOrder::Measure(by);
        let limits = Limits::default();
        let options = TopOptions {
            fields: fields.clone(),
            order,
            count: Some(count),
            zone: TimeZone::UTC,
            limits,
        };
        let top = Top::of(&*snapshot, lookup.scans(), &options).unwrap();
        let known = top.known(&options);
        let width = BinWidth::Millis(NonZeroU64::new(bin_ms).unwrap());
        let options = TimelineOptions { by, width, zone: TimeZone::UTC };
        let timeline = Timeline::of_keys(&*snapshot, &lookup, &known, &options).unwrap();
        let name = |series: usize| {
            let value = |value: &KeyValue| match value {
                KeyValue::Address(std::net::IpAddr::V4(address)) => u32::from(*address).to_string(),
                KeyValue::Protocol(protocol) => protocol.0.to_string(),
                KeyValue::Number(number) => number.to_string(),
                other => panic!("{other:?}"),
            };
            let key = top.entries.get(series).map(|entry| &entry.key);
            key.map_or("others".to_owned(), |key| {
                key.iter().map(value).collect::<Vec<_>>().join(" ")
            })
        };
        let mut ours: Vec<String> = Vec::new();
        for (bin, start) in timeline.starts.iter().enumerate() {
            let mut lines: Vec<(String, u128)> = (0..timeline.series.len())
                .map(|series| (name(series), timeline.series[series].values[bin]))
                .filter(|(_, value)| *value > 0)
                .collect();
            lines.sort();
            ours.extend(lines.iter().map(|(key, value)| format!("{} {key} {value}", start.0)));
        }
        let arguments = [path, &bin_ms.to_string(), counter, duration, key, &count.to_string()];
        let theirs = duckdb(KEYED_BINS, &arguments);
        let theirs: Vec<&str> = theirs.lines().collect();
        assert!(theirs.len() > 20, "{keys}: {theirs:?}");
        assert_eq!(ours, theirs, "{keys}");
    }
}

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

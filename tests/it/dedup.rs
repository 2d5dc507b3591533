//! Flows that several routers saw: each counts once, against what the generator knows of them, and
//! against DuckDB.

use earlgrey_hbase::Store;
use earlgrey_hbase::aggregate::Stats;
use earlgrey_hbase::flow::{Columns, FlowBatch};
use earlgrey_hbase::query::{Asked, POSITION_COLUMNS, Position, Question};
use earlgrey_hbase::store::Result;
use earlgrey_hbase::store::embedded::EmbeddedStore;
use serde_json::Value;

use crate::cli::Home;
use crate::needs::duckdb;

/// Prints how many flows there are by the truth, how many of the records that are left out are rightly
/// so, and how many are that ought to be, of each of which one is left at least.
const AGAINST_TRUTH: &str = r#"
import sys, duckdb
truth, kept = sys.argv[1:3]
counts = duckdb.sql(f"""
    WITH kept AS (SELECT *, epoch_ms(first_ms) AS began,
            coalesce(elements->>'flowDirection', '0') AS direction FROM '{kept}'),
    seen AS (SELECT flow, count(*) AS records, count(began) AS left_over
        FROM read_csv('{truth}', all_varchar = true) AS record LEFT JOIN kept
        ON (record.exporter = kept.exporter AND record.engine = kept.engine
            AND record.direction = kept.direction
            AND record.src = kept.src AND record.src_port = kept.src_port
            AND record.dst = kept.dst AND record.dst_port = kept.dst_port
            AND record.protocol = kept.protocol AND record.first_ms = began
            AND record.octets = kept.octets)
        GROUP BY flow)
    SELECT count(*), sum(records), sum(left_over), (SELECT count(*) FROM kept),
        sum(records - left_over), sum(least(records - left_over, records - 1)), sum(records - 1)
    FROM seen""").fetchall()[0]
print(*(int(count) for count in counts))
"#;

/// A home whose store has what several routers saw, with the truth in `truth.csv`.
fn home(options: &[&str]) -> Home {
    let home = Home::new();
    let made = ["generate", "day.pcap", "--flows", "60000", "--hours", "1", "--truth", "truth.csv"];
    home.run(&[&made[..], options].concat()).succeeds();
    home.run(&["load", "day.pcap"]).succeeds();
    home
}

/// What is printed of all flows in this way, each once.
fn once(home: &Home, arguments: &[&str]) -> Vec<Value> {
    let run = home.run(&[arguments, &["--dedup", "-o", "ndjson"]].concat()).succeeds();
    run.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn count(home: &Home, arguments: &[&str]) -> u64 {
    let run = home.run(&[&["query", "--count"], arguments].concat()).succeeds();
    run.lines()[0].parse().unwrap()
}

const SEEN_BY_THREE: [&str; 6] = ["--seen-by", "3", "--exporters", "4", "--jitter", "500"];

#[test]
fn a_flow_counts_once_by_the_truth_with_jitter_samples_and_loss() {
    let Some(duckdb) = duckdb() else { return };
    let lossy = ["--sampling", "16", "--loss", "0.02"];
    let in_and_out = ["--format", "ipfix", "--in-and-out", "--exporters", "1", "--jitter", "400"];
    let sampled = ["--format", "ipfix", "--seen-by", "2", "--jitter", "800", "--in-and-out"];
    let behind_nat = [&SEEN_BY_THREE[..], &["--format", "ipfix", "--behind-nat"]].concat();
    for options in [
        &SEEN_BY_THREE[..],
        &[&SEEN_BY_THREE[..], &lossy].concat(),
        &in_and_out,
        &[&sampled[..], &lossy].concat(),
        &behind_nat,
        &[&behind_nat[..], &lossy].concat(),
    ] {
        let home = home(options);
        home.run(&["export", "--to", "kept.parquet", "--dedup"]).succeeds();
        let files = ["truth.csv", "kept.parquet"].map(|name| home.path(name));
        let told = duckdb(AGAINST_TRUTH, &files.each_ref().map(|file| file.to_str().unwrap()));
        let counts: Vec<u64> =
            told.split_whitespace().map(|count| count.parse().unwrap()).collect();
        let &[known, records, left, kept, out, rightly, should] = &counts[..] else {
            panic!("{options:?}: {told}");
        };
        // Every record that is printed is one of the capture's.
        let printed = count(&home, &["--where", "any", "--dedup"]);
        assert_eq!((left, kept), (printed, printed), "{options:?}");
        assert_eq!(records, count(&home, &["--where", "any"]), "{options:?}");
        assert!(should > records / 4 && known < records * 3 / 4, "{options:?}: {told}");
        let share = |of: u64| rightly as f64 / of as f64;
        let (precision, recall) = (share(out), share(should));
        assert!(precision >= 0.99 && recall >= 0.99, "{options:?}: {precision} {recall}");
    }
}

/// Numbers the records of a 5-tuple anew after a gap of more than a second.
const WINDOWS: &str = r#"
import sys, duckdb
print(duckdb.sql(f"""
    SELECT count(*) FROM (
        SELECT epoch_ms(first_ms) - epoch_ms(lag(first_ms) OVER (
            PARTITION BY src, src_port, dst, dst_port, protocol ORDER BY first_ms)) AS gap
        FROM '{sys.argv[1]}')
    WHERE gap IS NULL OR gap > 1000""").fetchall()[0][0])
"#;

#[test]
fn a_window_query_of_duckdb_finds_as_many_flows() {
    let Some(duckdb) = duckdb() else { return };
    let home = home(&SEEN_BY_THREE);
    home.run(&["export", "--to", "all.parquet"]).succeeds();
    let told = duckdb(WINDOWS, &[home.path("all.parquet").to_str().unwrap()]);
    let theirs: f64 = told.trim().parse().unwrap();
    let ours = once(&home, &["query", "--where", "any"]).len() as f64;
    // It takes two flows for one whose second is the same, and their records for theirs.
    assert!((ours / theirs - 1.0).abs() < 0.001, "{ours} {theirs}");
}

#[test]
fn every_answer_is_of_the_same_flows_and_the_records_stay() {
    let home = home(&[&SEEN_BY_THREE[..], &["--sampling", "16", "--loss", "0.02"]].concat());
    let all = count(&home, &["--where", "any"]);
    let flows = once(&home, &["query", "--where", "any"]);
    let octets: u64 = flows.iter().filter_map(|flow| flow["bytes"].as_u64()).sum();
    let known = flows.len() as u64;
    assert!(known < all * 2 / 3, "{known} of {all}");
    assert_eq!(count(&home, &["--where", "any", "--dedup"]), known);
    assert_eq!(count(&home, &["--where", "any", "--dedup", "--filter"]), known);
    assert_eq!(count(&home, &["0.0.0.0/0", "--dedup", "--direction", "any"]), known);
    let sum = |rows: &[Value], name: &str| {
        rows.iter().map(|row| row[name].as_u64().unwrap_or_else(|| panic!("{row}"))).sum::<u64>()
    };
    for arguments in [
        &["top", "proto", "-n", "0", "--scaled=no"][..],
        &["top", "src,dstport", "-n", "0", "--scaled=no"],
        &["diff", "proto", "--window", "2007-07", "--against", "month", "-n", "0", "--scaled=no"],
        &["timeline", "--bin", "5m", "--by", "flows", "--scaled=no"],
    ] {
        let rows = once(&home, arguments);
        assert_eq!(sum(&rows, "flows"), known, "{arguments:?}");
    }
    let stats = home.run(&["stats", "--dedup", "--scaled=no", "-o", "json"]).succeeds().json();
    assert!(stats.to_string().contains(&format!("\"flows\":{known}")), "{stats}");
    assert!(stats.to_string().contains(&format!("\"flows\":{all}")), "{stats}");
    let pairs = ["active-flow", "-print", "1000000", "--dedup", "--scaled=no", "-o", "ndjson"];
    let pairs = home.run(&pairs).succeeds();
    let pairs: Vec<Value> =
        pairs.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(sum(&pairs, "octets"), octets);
    home.run(&["export", "--to", "once.ndjson", "--dedup"]).succeeds();
    let exported = std::fs::read_to_string(home.path("once.ndjson")).unwrap();
    assert_eq!(exported.lines().count() as u64, known);
    // Two halves of the time are the whole, but for late parts of flows whose record began in the other.
    let middle = "2007-07-26T00:30:00.250Z";
    let halves = ["--since", "--until"]
        .map(|side| count(&home, &["--where", "any", "--dedup", side, middle]));
    let both = halves.iter().sum::<u64>();
    assert!(halves.iter().all(|&half| half > 0));
    assert!((known..known + known / 1000).contains(&both), "{known} {both}");
    // What a router saw is found whoever else saw it.
    let of_router = ["--where", "exporter ip 10.127.1.2"];
    assert_eq!(count(&home, &[&of_router[..], &["--dedup"]].concat()), count(&home, &of_router));
    assert_eq!(count(&home, &["--where", "any"]), all);
}

#[test]
fn pages_of_flows_that_count_once_are_the_whole_answer() {
    let home = home(&SEEN_BY_THREE);
    let store = EmbeddedStore::new(home.path("data/earlgrey-hbase/store"));
    let all = Question { dedup: true, ..Question::everything() };
    let page = |limit, after: Option<Position>| {
        let question = Question { limit: Some(limit), ..all.clone() };
        let asked = Asked::new(question, store.snapshot().unwrap(), false);
        let mut lookup = asked.question.plan(Columns::ALL).reading_also(POSITION_COLUMNS);
        if let Some(after) = after {
            lookup = lookup.after(after);
        }
        let flows = lookup.run(asked.snapshot()).unwrap();
        let page: Vec<FlowBatch> = flows.collect::<Result<_>>().unwrap();
        let position = Position::last(&lookup, &page, after);
        let flows = page.iter().flat_map(FlowBatch::records);
        (flows.map(|flow| format!("{flow:?}")).collect::<Vec<_>>(), position)
    };
    let (whole, _) = page(u64::MAX, None);
    let (mut shown, mut position) = (Vec::new(), None);
    while let (next, at @ Some(_)) = page(1_999, position) {
        shown.extend(next);
        position = at;
    }
    assert_eq!(shown.len(), whole.len());
    assert!(shown == whole);
    let asked = Asked::new(all, store.snapshot().unwrap(), false);
    let lookup = asked.question.plan_unordered(Stats::COLUMNS);
    let stats = Stats::of(asked.snapshot(), &lookup, &jiff::tz::TimeZone::UTC).unwrap();
    assert_eq!(stats.totals.all().flows, whole.len() as u64);
}

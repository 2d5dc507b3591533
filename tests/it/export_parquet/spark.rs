//! Spark reads the folder of days.

use super::home;
use crate::needs::spark;

/// The ten pairs that exchanged most, and how many folders of days a query of one day reads.
const PAIRS: &str = r#"
import sys
from pyspark.sql import SparkSession, functions as f
spark = (SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    .config("spark.sql.session.timeZone", "UTC").config("spark.driver.host", "127.0.0.1")
    .config("spark.sql.shuffle.partitions", "2").getOrCreate())
spark.sparkContext.setLogLevel("ERROR")
flows = spark.read.parquet(sys.argv[1])
pairs = (flows.groupBy(f.least("src", "dst").alias("a"), f.greatest("src", "dst").alias("b"))
    .agg(f.sum("octets").alias("octets")).orderBy(f.desc("octets"), "a", "b").limit(10))
for row in pairs.collect():
    print(f"({row.a},{row.b},{row.octets})")
day = flows.where("year = 2007 AND month = 7 AND day = 26")
print(flows.count(), day.count(), len(day.inputFiles()) <= len(flows.inputFiles()))
print(dict(flows.dtypes)["first_ms"], day.where("to_date(first_ms) != '2007-07-26'").count())
spark.stop()
"#;

#[test]
fn spark_finds_the_same_ten_pairs() {
    let (Some((home, duckdb)), Some(spark)) = (home(), spark()) else { return };
    home.run(&["export", "parquet", "out"]).succeeds();
    let told = spark(PAIRS, &[home.path("out").to_str().unwrap()]);
    let lines: Vec<&str> = told.lines().collect();
    let pairs = home.run(&["active-flow", "-print", "10"]).succeeds();
    assert_eq!(lines[..10], pairs.lines()[..]);
    let day =
        format!("SELECT count(*), count(*) FILTER (day = 26) FROM {}", super::all(&home, "out"));
    assert_eq!(lines[10], format!("{} True", duckdb(&day)));
    assert_eq!(lines[11], "timestamp 0");
}

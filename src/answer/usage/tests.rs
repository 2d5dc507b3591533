use std::num::NonZeroU64;

use super::*;
use crate::aggregate::{Billing, Counters, Counts, Limits, Measure, parse_keys};
use crate::flow::{TimeRange, UnixMillis};

/// An hour from 2026-10-01T00:00Z on.
const SINCE: u64 = 1_790_812_800_000;

fn options() -> UsageOptions {
    UsageOptions {
        by: Measure::Octets,
        window: TimeRange { since: UnixMillis(SINCE), until: UnixMillis(SINCE + 3_600_000) },
        bin_ms: NonZeroU64::new(300_000).unwrap(),
        percentile: 95,
        billing: Billing::Max,
        limits: Limits::default(),
        line_columns: 0,
    }
}

fn figures(total: u128, percentile: u128, peak: u128) -> Figures {
    let peak_at = Some(UnixMillis(SINCE + 600_000));
    Figures { total, mean: total / 450, percentile, peak, peak_at, line: Vec::new() }
}

/// What two interfaces used, of which one has a name, and all others.
fn shown(format: PairFormat, names: &Names) -> String {
    let entry = |whose| UsageEntry {
        whose,
        received: Some(figures(4500, 10, 100)),
        sent: Some(figures(9000, 12, 90)),
        both: figures(13_500, 20, 150),
    };
    let entries = [Whose::Key(0), Whose::Key(1), Whose::OtherKeys].map(entry).to_vec();
    let (first, last) = (UnixMillis(SINCE), UnixMillis(SINCE));
    let key = |interface| TopEntry {
        key: vec![KeyValue::Address([192, 0, 2, 1].into()), KeyValue::Number(interface)],
        counts: Counts { counters: Counters::default(), first, last },
    };
    let view = UsageView {
        options: &options(),
        of: "",
        filter: "",
        zone: TimeZone::fixed(jiff::tz::offset(2)),
        zone_name: "+02:00",
        fields: &parse_keys("exporter,if").unwrap(),
        keys: &[key(7), key(8)],
        names,
    };
    let mut text = Vec::new();
    write_usage(&Usage { bins: 12, entries }, &view, format, &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

fn names() -> Names {
    let mut names = Names::default();
    names.interfaces.insert(([192, 0, 2, 1].into(), 7), "to \"Bern\", 10G".to_owned());
    names
}

#[test]
fn interfaces_have_the_names_that_exporters_told() {
    let csv = shown(PairFormat::Csv, &names());
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(
        lines[..2],
        [
            "exporter,interface,interfaceName,octetsIn,octetsOut,octets,meanIn,meanOut,mean,\
             percentileIn,percentileOut,percentile,peakIn,peakInTime,peakOut,peakOutTime,peak,\
             peakTime,billed",
            "192.0.2.1,7,\"to \"\"Bern\"\", 10G\",4500,9000,13500,10,20,30,10,12,20,\
             100,2026-10-01 02:10:00.000+02:00,90,2026-10-01 02:10:00.000+02:00,150,\
             2026-10-01 02:10:00.000+02:00,12",
        ]
    );
    assert!(
        lines[2].starts_with("192.0.2.1,8,,4500,") && lines[3].starts_with("others,,,4500,"),
        "{csv}"
    );
    let json = shown(PairFormat::Ndjson, &names());
    assert!(json.contains(r#""interface":7,"interfaceName":"to \"Bern\", 10G","octetsIn":4500"#));
    assert!(json.contains(r#"{"exporter":null,"interface":null,"interfaceName":null,"octetsIn""#));
}

#[test]
fn a_table_is_for_people() {
    assert_eq!(
        shown(PairFormat::Line, &names()),
        "\
Usage, 2026-10-01 02:00 – 2026-10-01 03:00 (+02:00)
of 12 bins of 5 min the highest 0 are thrown away; billed is the higher of in and out

Router IP  In/Out If  Name                In   Out   Mean in  Mean out   95th in  95th out    Peak in  Peak out    Billed
192.0.2.1  7          to \"Bern\", 10G  4.5 kB  9 kB  10 bit/s  20 bit/s  10 bit/s  12 bit/s  100 bit/s  90 bit/s  12 bit/s
192.0.2.1  8                          4.5 kB  9 kB  10 bit/s  20 bit/s  10 bit/s  12 bit/s  100 bit/s  90 bit/s  12 bit/s
others                                4.5 kB  9 kB  10 bit/s  20 bit/s  10 bit/s  12 bit/s  100 bit/s  90 bit/s  12 bit/s
"
    );
    assert!(!shown(PairFormat::Line, &Names::default()).contains("Name"));
}

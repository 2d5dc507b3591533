use super::*;
use crate::aggregate::{Measure, Series, Whose};
use crate::flow::UnixMillis;

/// Bins of a minute from 2007-07-26T23:58Z on.
fn timeline(series: &[(Whose, &[u128])]) -> Timeline {
    let bins = series.iter().map(|(_, values)| values.len()).max().unwrap_or(0) as u64;
    let series = series.iter().map(|&(whose, values)| Series { whose, values: values.to_vec() });
    Timeline {
        by: Measure::Octets,
        bin_ms: 60_000,
        starts: (0..bins).map(|bin| UnixMillis(1_185_494_280_000 + bin * 60_000)).collect(),
        until: UnixMillis(1_185_494_280_000 + bins * 60_000),
        series: series.collect(),
    }
}

fn shown(timeline: &Timeline, format: TimelineFormat) -> String {
    let zone = TimeZone::fixed(jiff::tz::offset(2));
    let view = TimelineView {
        of: "10.0.0.1",
        filter: "",
        zone,
        zone_name: "+02:00",
        fields: &[],
        keys: &[],
        beside: None,
    };
    let mut text = Vec::new();
    write_timeline(timeline, &view, format, 40, &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn a_timeline_is_written_in_every_format() {
    let both = timeline(&[(Whose::Sent, &[7, u128::MAX]), (Whose::Received, &[0, 1])]);
    let all = timeline(&[(Whose::All, &[7, 0])]);
    for (timeline, format, expected) in [
        (
            &both,
            TimelineFormat::Json,
            "{\"by\":\"octets\",\"binMs\":60000,\"bins\":[\n\
             {\"time\":\"2007-07-27T01:58:00.000+02:00\",\"sent\":7,\"received\":0},\n\
             {\"time\":\"2007-07-27T01:59:00.000+02:00\",\"sent\":340282366920938463463374607431768211455,\"received\":1}\n]}\n",
        ),
        (
            &all,
            TimelineFormat::Ndjson,
            "{\"time\":\"2007-07-27T01:58:00.000+02:00\",\"octets\":7}\n\
             {\"time\":\"2007-07-27T01:59:00.000+02:00\",\"octets\":0}\n",
        ),
        (
            &both,
            TimelineFormat::Csv,
            "time,sent,received\n2007-07-27 01:58:00.000+02:00,7,0\n\
             2007-07-27 01:59:00.000+02:00,340282366920938463463374607431768211455,1\n",
        ),
        (&timeline(&[]), TimelineFormat::Json, "{\"by\":\"octets\",\"binMs\":60000,\"bins\":[]}\n"),
        (&timeline(&[]), TimelineFormat::Csv, "time\n"),
        (&timeline(&[]), TimelineFormat::Chart, "Traffic over time, 10.0.0.1: no flows\n"),
    ] {
        assert_eq!(shown(timeline, format), expected, "{format}");
    }
}

// 7500 octets a minute are 1 kbit/s, and a line is a quarter of that here.
#[test]
fn a_chart_has_bars_of_eighths_of_a_line_and_what_was_received_hangs() {
    let values: [u128; 4] = [7500, 3750, 15_000, 469];
    let both = timeline(&[(Whose::Sent, &values), (Whose::Received, &[1, 0, 1875, 7500])]);
    assert_eq!(
        shown(&both, TimelineFormat::Chart),
        "\
Traffic over time, 10.0.0.1, 2007-07-27 01:58 – 2007-07-27 02:02 (+02:00), 1 min a column

       2 kbit/s ┤          █████
                │          █████
     1.5 kbit/s ┤          █████
                │          █████
       1 kbit/s ┤█████     █████
                │█████     █████
      500 bit/s ┤███████████████
                │███████████████▂▂▂▂▂
              0 ┼┬─────────┬─────────
                 01:58     02:00
                 27 Jul 2007
                │▔▔▔▔▔     ██████████
      500 bit/s ┤               █████
                │               █████
       1 kbit/s ┤               █████

sent: 26.7 kB in all, 890.6 bit/s on average, at most 2 kbit/s (1 min from 2007-07-27 02:00)
received: 9.4 kB in all, 312.5 bit/s on average, at most 1 kbit/s (1 min from 2007-07-27 02:01)
"
    );
}

#[test]
fn more_bins_than_columns_are_put_together() {
    let values: Vec<u128> = (0..60).map(|bin| if bin < 30 { 7500 } else { 0 }).collect();
    let chart = shown(&timeline(&[(Whose::All, &values)]), TimelineFormat::Chart);
    assert!(chart.contains("3 min a column"), "{chart}");
    let axis = chart.lines().find(|line| line.contains('┼')).unwrap();
    assert_eq!(axis.chars().count(), LABELS + 20, "{chart}");
    // Ten of twenty columns are full, on every line.
    assert!(chart.lines().any(|line| line.ends_with("┤██████████")), "{chart}");
}

/// What stands left of the bars: the label, a blank, the axis.
const LABELS: usize = 17;

#[test]
fn a_chart_names_the_filter_below_its_title() {
    let view = TimelineView {
        of: "",
        filter: "port 53",
        zone: TimeZone::UTC,
        zone_name: "UTC",
        fields: &[],
        keys: &[],
        beside: None,
    };
    for (timeline, expected) in [
        (timeline(&[]), "Traffic over time: no flows\nwhere port 53\n"),
        (
            timeline(&[(Whose::All, &[7])]),
            "Traffic over time, 2007-07-26 23:58 – 2007-07-26 23:59 (UTC), 1 min a column\n\
             where port 53\n\n",
        ),
    ] {
        let mut text = Vec::new();
        write_timeline(&timeline, &view, TimelineFormat::Chart, 40, &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.starts_with(expected), "{text}");
    }
}

//! `diff`.

use super::*;

const EARLIER: &str = "2007-08-02T07:42:00..2007-08-02T07:42:20";
const LATER: &str = "2007-08-02T07:42:20..2007-08-02T07:43:00";

fn diff(home: &Home, more: &[&str]) -> Run {
    home.run(&[&["diff", "src", "--window", LATER, "--against", EARLIER], more].concat())
}

#[test]
fn what_grew_shrank_came_and_went_is_shown_side_by_side() {
    let home = Home::with_store();
    let told = diff(&home, &[]).succeeds();
    assert_eq!(
        told.lines(),
        [
            "Octets, 2007-08-02 07:42:20 – 2007-08-02 07:43:00 against 2007-08-02 07:42:00 – 2007-08-02 07:42:20 (UTC)",
            "",
            "Src IP Addr     Before    Now  Change",
            "10.0.0.2             -   5 kB   +5 kB          came    ████████████████████",
            "122.166.26.132    1 kB  200 B  -830 B   -81 %  shrank  ░░░",
            "10.0.0.1           4 B      -    -4 B  -100 %  went    ░",
            "9.9.9.9              -    1 B    +1 B          came    █",
        ]
    );
    assert_eq!(
        told.stderr,
        "4 of 4 keys: 2 came, 0 grew, 0 stayed, 1 shrank, 1 went; \
         in all 3 flows, 55 packets, 5,201 octets, before 3 flows, 13 packets, 1,034 octets\n"
    );
    let few = diff(&home, &["-n", "1", "--by", "packets", "-N"]).succeeds();
    assert_eq!(few.lines()[3], "10.0.0.2          -   51     +51    came  ████████████████████");
}

#[test]
fn every_format_tells_the_same_difference() {
    let home = Home::with_store();
    let object = concat!(
        r#"{"srcAddress":"122.166.26.132","change":"shrank","difference":-830,"differencePercent":-80.5825,"#,
        r#""octets":200,"octetsBefore":1030,"packets":3,"packetsBefore":12,"flows":1,"flowsBefore":2,"#,
        r#""pps":0,"ppsBefore":0,"bps":40,"bpsBefore":412,"bpp":66,"bppBefore":85}"#
    );
    assert_eq!(diff(&home, &["-o", "ndjson"]).succeeds().lines()[1], object);
    let json = diff(&home, &["-o", "json"]).succeeds();
    assert_eq!(json.stderr, "");
    let json = json.json();
    assert_eq!(json["diff"][0]["differencePercent"], serde_json::Value::Null);
    assert_eq!(json["window"]["since"], "2007-08-02T07:42:20.000Z");
    let csv = diff(&home, &["-o", "csv"]).succeeds();
    assert_eq!(csv.lines()[1], "10.0.0.2,came,5000,,5000,0,51,0,1,0,1,0,1000,0,98,0");
    // By rates over windows of 40 s and 20 s.
    let rates = diff(&home, &["-o", "csv", "--by", "bps"]).succeeds();
    assert!(rates.lines()[2].starts_with("122.166.26.132,shrank,-372,"), "{}", rates.stdout);
}

#[test]
fn a_window_is_held_against_the_same_time_before() {
    let home = Home::with_store();
    let totals = |window: &str, against: &str| {
        let json = ["diff", "src", "-o", "json", "--window", window, "--against", against];
        let json = home.run(&json).succeeds().json();
        (json["against"]["since"].clone(), json["totals"].clone())
    };
    let (since, all) = totals("2007-08-03", "day");
    assert_eq!((since, &all["octetsBefore"]), ("2007-08-02T00:00:00.000Z".into(), &6235.into()));
    let (since, all) = totals("2007-09", "month");
    assert_eq!((since, &all["octetsBefore"]), ("2007-08-01T00:00:00.000Z".into(), &6235.into()));
    let (since, all) = totals("2007-W32", "2007-W31");
    assert_eq!((since, &all["flowsBefore"]), ("2007-07-30T00:00:00.000Z".into(), &6.into()));
    for (arguments, message) in [
        (["--window", "soon", "--against", "day"], "--window: \"soon\" is no stretch of time"),
        (["--window", "yesterday", "--against", "soon"], "--against: \"soon\" is no stretch"),
        (["--window", "1970-01-01", "--against", "day"], "times go from 1970-01-01 on"),
    ] {
        home.run(&[&["diff", "src"][..], &arguments].concat()).ends(2, message);
    }
    let slip = ["diff", "scr", "--window", "today", "--against", "day"];
    home.run(&slip).ends(2, "did you mean src?");
}

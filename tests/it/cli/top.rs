//! `top`.

use super::*;

#[test]
fn the_greatest_keys_are_printed_with_shares_times_and_rates() {
    let home = Home::with_store();
    let top = home.run(&["top", "src", "-n", "2"]).succeeds();
    assert_eq!(
        top.lines(),
        [
            "Date first seen             Duration     Proto       Src IP Addr    Flows(%)     Packets(%)       Bytes(%)         pps      bps   bpp",
            "2007-08-02 07:42:30.000     00:00:00.250 any            10.0.0.2        1(16.7)       51(75.0)     5000(80.2)      204   160000    98",
            "2007-08-02 07:42:00.000     00:00:20.250 any      122.166.26.132        3(50.0)       15(22.1)     1230(19.7)        0      485    82",
        ]
    );
    assert_eq!(top.stderr, "2 of 4 keys; in all 6 flows, 68 packets, 6,235 octets\n");
    // Equal ones by the key, addresses as numbers.
    let flows = home.run(&["top", "src", "--by", "flows", "-o", "csv"]).succeeds();
    let addresses: Vec<&str> =
        flows.lines().iter().map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!(addresses, ["srcAddress", "122.166.26.132", "9.9.9.9", "10.0.0.1", "10.0.0.2"]);
    let window = home.run(&["top", "src", "--since", "2007-08-02T07:42:35", "-N"]).succeeds();
    assert!(
        window.lines()[1].contains("        0.250 any             9.9.9.9 "),
        "{}",
        window.stdout
    );
    assert_eq!(window.lines().len(), 2);
}

#[test]
fn several_fields_and_every_format_tell_the_same() {
    let home = Home::with_store();
    let ask =
        |format: &str| home.run(&["top", "pair,proto,bin:1m", "-n", "1", "-o", format]).succeeds();
    assert_eq!(
        ask("line").lines(),
        [
            "Date first seen             Duration     Proto  IP Addr  IP Addr                Time bin    Flows(%)     Packets(%)       Bytes(%)         pps      bps   bpp",
            "2007-08-02 07:42:30.000     00:00:00.250 TCP   10.0.0.2 10.0.0.3 2007-08-02 07:42:00.000        1(16.7)       51(75.0)     5000(80.2)      204   160000    98",
        ]
    );
    let object = concat!(
        r#"{"first":"10.0.0.2","second":"10.0.0.3","protocol":"TCP","bin":"2007-08-02T07:42:00.000Z","#,
        r#""octets":5000,"octetsPercent":80.1925,"packets":51,"packetsPercent":75.0000,"flows":1,"#,
        r#""flowsPercent":16.6667,"firstSeen":"2007-08-02T07:42:30.000Z","lastSeen":"2007-08-02T07:42:30.250Z","#,
        r#""duration":250,"pps":204,"bps":160000,"bpp":98}"#
    );
    assert_eq!(ask("ndjson").lines(), [object]);
    let json = ask("json");
    assert_eq!(json.stderr, "");
    let json = json.json();
    assert_eq!(json["top"][0], serde_json::from_str::<serde_json::Value>(object).unwrap());
    assert_eq!(
        json["totals"],
        serde_json::json!({"octets": 6235, "packets": 68, "flows": 6, "withoutTraffic": 0})
    );
    assert_eq!(json["key"], serde_json::json!(["first", "second", "protocol", "bin"]));
    assert_eq!((&json["keys"], &json["by"]), (&4.into(), &"octets".into()));
    assert_eq!(
        ask("csv").lines(),
        [
            "first,second,protocol,bin,octets,octetsPercent,packets,packetsPercent,flows,flowsPercent,firstSeen,lastSeen,duration,pps,bps,bpp",
            "10.0.0.2,10.0.0.3,TCP,2007-08-02T07:42:00.000Z,5000,80.1925,51,75.0000,1,16.6667,2007-08-02T07:42:30.000Z,2007-08-02T07:42:30.250Z,250,204,160000,98",
        ]
    );
    let all = home.run(&["top", "5-tuple", "-n", "0", "-o", "ndjson"]).succeeds();
    assert_eq!(all.lines().len(), 5);
    let flags = home.run(&["top", "flags", "-o", "json"]).succeeds().json();
    assert_eq!(flags["top"][0]["tcpFlags"], "...AP.SF");
}

#[test]
fn a_question_that_matches_nothing_is_no_error() {
    let home = Home::with_store();
    let since = ["--since", "2020-01-01"];
    let top =
        |format: &str| home.run(&[&["top", "ip", "-o", format], &since[..]].concat()).succeeds();
    assert_eq!(top("line").lines().len(), 1);
    assert_eq!(top("csv").lines().len(), 1);
    assert_eq!(top("ndjson").stdout, "");
    assert_eq!(top("json").json()["top"], serde_json::json!([]));
    assert_eq!(top("line").stderr, "0 of 0 keys; in all 0 flows, 0 packets, 0 octets\n");
}

#[test]
fn what_is_no_key_is_marked_and_what_is_near_is_named() {
    let home = Home::with_store();
    for (arguments, message) in [
        (
            &["proto,scrip"][..],
            "earlgrey-hbase: no key is called \"scrip\"; did you mean srcip?\n  proto,scrip\n        ^^^^^\n",
        ),
        (&["colour"], "\n  colour\n  ^^^^^^\n"),
        (&["src,"], "\n  src,\n      ^\n"),
        (&["src,src"], "says again"),
        (&["src/99/200"], "write 0 to 32"),
        (&["src", "--by", "colour"], "octets"),
        (&["src", "-n", "-1"], "-1 is below 0, and must be a whole number of 0 or more"),
        (&["src", "-n", "some"], "\"some\" is no whole number"),
        (&["src", "-o", "xml"], "possible values: line, json, ndjson, csv"),
        (&["src", "--since", "soon"], "is no time"),
        (&[], "KEY"),
    ] {
        home.run(&[&["top"], arguments].concat()).ends(2, message);
    }
}

#[test]
fn what_was_sampled_is_scaled_up_in_tops() {
    let home = Home::new();
    let mut sampled = exports(0, &FLOWS);
    sampled[22..24].copy_from_slice(&100u16.to_be_bytes());
    home.run(&["load", &home.file("day.pcap", &capture(&[sampled]))]).succeeds();
    let octets = |arguments: &[&str], said: &str| {
        let all = [&["top", "src", "-o", "json"], arguments].concat();
        home.run(&all).ends(0, said).json()["top"][0]["octets"].clone()
    };
    assert_eq!(octets(&[], "--scaled=no leaves them"), 500_000);
    assert_eq!(octets(&["--scaled=no"], ""), 5000);
}

#[test]
fn little_memory_makes_no_other_top() {
    let home = Home::new();
    let small = ["generate", "day.pcap", "--flows", "300000", "--hours", "2"];
    home.run(&small).succeeds();
    home.run(&["load", "day.pcap"]).succeeds();
    for key in ["5-tuple", "ip,port", "dstport:p"] {
        let ask =
            |memory: &str| home.run(&["top", key, "-n", "0", "-o", "csv", "--memory", memory]);
        let (little, enough) = (ask("1MB").succeeds(), ask("1GB").succeeds());
        assert!(little.stdout == enough.stdout, "{key}");
        assert!(little.lines().len() > 1000);
    }
}

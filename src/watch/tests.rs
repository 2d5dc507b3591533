//! Lists of every kind, with what is in them.

use super::*;

fn told(list: &str, options: &Options) -> (Format, Vec<String>, String) {
    let read = read(list.as_bytes(), options).unwrap();
    let names = read.indicators.iter().map(ToString::to_string).collect();
    (read.format, names, read.others_in_words())
}

#[track_caller]
fn check(list: &str, format: Format, names: &[&str], others: &str) {
    let (found, found_names, found_others) = told(list, &Options::default());
    assert_eq!((found, &*found_others), (format, others), "{list}");
    assert_eq!(found_names, names, "{list}");
}

#[test]
fn plain_lists_have_addresses_blocks_ranges_and_ports() {
    check(
        "\u{feff}# bad\r\n10.0.0.2 # two\r\n10.0.0.1\n10.0.0.2\n;\n1.10.16.0/20 ; SBL\n\
         203.0.113.7:443\n[2001:db8::1]:80\n10.0.0.5-10.0.0.9\n::ffff:10.0.0.3\nexample.org\n",
        Format::Plain,
        &[
            "1.10.16.0/20",
            "10.0.0.1",
            "10.0.0.2",
            "10.0.0.3",
            "10.0.0.5-10.0.0.9",
            "203.0.113.7:443",
            "[2001:db8::1]:80",
        ],
        "1 no address (line 11)",
    );
}

#[test]
fn a_line_of_which_only_a_part_is_an_address_is_told() {
    check(
        "10.0.0.1 - 10.0.0.4\n10.0.1.1-10.0.1.4 ; two\n10.0.2.1\t-\t10.0.2.4\tx\n\
         0.0.0.0 example.org\n10.0.3.9 - 10.0.3.1\n10.0.4.1,x\n10.0.5.1\tx\n\"10.0.6.1\",\"x\"\n\
         10.0.7.1 - here\n10.0.8.1 # x - 10.0.8.9\n",
        Format::Plain,
        &[
            "10.0.0.1-10.0.0.4",
            "10.0.1.1-10.0.1.4",
            "10.0.2.1-10.0.2.4",
            "10.0.4.1",
            "10.0.5.1",
            "10.0.6.1",
            "10.0.8.1",
        ],
        "3 no address (lines 4, 5 and 9)",
    );
    let list = "name,net\na,10.0.0.1 - 10.0.0.4\nb,10.0.1.1-10.0.1.4\n";
    check(list, Format::Csv, &["10.0.0.1-10.0.0.4", "10.0.1.1-10.0.1.4"], "");
    let lines = "x\n".repeat(7);
    let others = told(&format!("10.0.0.1\n{lines}"), &Options::default()).2;
    assert_eq!(others, "7 no address (lines 2, 3, 4, 5, 6 and more)");
}

#[test]
fn what_a_file_says_itself_steers_no_terminal() {
    let list = "uuid,event_id,type,value,to_ids\na,1,ip-dst,198.51.100.7,1\nb,1,\u{1b}[2J,x,1\n";
    check(list, Format::Misp, &["198.51.100.7"], r"1 \x1b[2J");
    let error = |list: &str| read(list.as_bytes(), &Options::default()).unwrap_err().to_string();
    let told = error("{\"type\": \"\\u001b[2J\"}");
    assert_eq!(told, r"it is no bundle of STIX, its type is \x1b[2J");
}

#[test]
fn of_a_file_only_its_name_is_kept() {
    for (file, kept) in [("/home/anna/cert/bad.txt", "bad.txt"), ("bad.txt", "bad.txt"), ("", "")] {
        let read = read(b"10.0.0.1", &Options::default()).unwrap();
        assert_eq!(read.into_list("bad", file, UnixMillis(0)).file, kept);
    }
}

#[test]
fn the_column_of_a_table_is_found_or_named() {
    let list = "first_seen,dst_ip,dst_port,note\n2026-11-01,198.51.100.7,443,\"a, b\"\n\
                2026-11-02,example.org,80,\n2026-11-03,198.51.100.8,80,10.0.0.1\n";
    check(list, Format::Csv, &["198.51.100.7", "198.51.100.8"], "1 no address (line 3)");
    let named = |column: &str| Options { column: Some(column.to_owned()), ..Options::default() };
    assert_eq!(told(list, &named("Note")).1, ["10.0.0.1"]);
    let error = read(list.as_bytes(), &named("ip")).unwrap_err().to_string();
    assert_eq!(error, "no column ip; there are first_seen, dst_ip, dst_port, note");
    check("name;net\nx;10.0.0.0/8\n", Format::Csv, &["10.0.0.0/8"], "");
}

#[test]
fn attributes_of_misp_are_taken_by_their_types() {
    let list = "uuid,event_id,category,type,value,comment,to_ids,date\n\
                a,12,\"Network activity\",ip-dst,198.51.100.7,\"C2, first\",1,20261101\n\
                b,12,\"Network activity\",ip-dst|port,198.51.100.8|8443,,1,20261101\n\
                c,12,\"Network activity\",domain|ip,example.org|2001:db8::7,,1,20261101\n\
                d,12,\"Network activity\",ip-src,198.51.100.9,,0,20261101\n\
                e,12,\"Network activity\",domain,example.org,,1,20261101\n";
    check(
        list,
        Format::Misp,
        &["198.51.100.7", "198.51.100.8:8443", "2001:db8::7"],
        "1 domain, 1 not for detection",
    );
    let read = read(list.as_bytes(), &Options::default()).unwrap();
    assert_eq!(read.indicators[0].note.as_deref(), Some("C2, first, event 12"));
}

#[test]
fn indicators_of_stix_are_valid_for_their_time() {
    let list = r#"{"type": "bundle", "id": "bundle--1", "objects": [
        {"type": "identity", "name": "CERT"},
        {"type": "indicator", "name": "C2", "pattern_type": "stix",
         "pattern": "[ipv4-addr:value = '198.51.100.7']",
         "valid_from": "2026-11-01T00:00:00Z", "valid_until": "2026-11-02T00:00:00.5Z"},
        {"type": "indicator", "pattern_type": "stix", "valid_from": "2026-11-01T00:00:00Z",
         "pattern": "[file:hashes.MD5 = 'd41d8cd98f00b204e9800998ecf8427e']"},
        {"type": "indicator", "pattern_type": "snort", "pattern": "alert", "valid_from": "2026-11-01T00:00:00Z"},
        {"type": "indicator", "pattern": "[ipv6-addr:value = '2001:db8::7']", "revoked": true}]}"#;
    check(
        list,
        Format::Stix,
        &["198.51.100.7"],
        "1 identity, 1 indicator in another language, 1 indicator of other things than addresses, \
         1 revoked indicator",
    );
    let read = read(list.as_bytes(), &Options::default()).unwrap();
    let Indicator { valid, note, .. } = &read.indicators[0];
    assert_eq!(note.as_deref(), Some("C2"));
    assert_eq!(valid.since.to_string(), "2026-11-01T00:00:00.000Z");
    assert_eq!(valid.until.to_string(), "2026-11-02T00:00:00.500Z");
}

#[test]
fn exits_of_tor_come_with_the_time_when_they_were_seen() {
    let list = "ExitNode 0011BD2485AD45D984EC4159C88FC066E5E3300E\n\
                Published 2026-11-18 12:55:28\nLastStatus 2026-11-18 13:03:47\n\
                ExitAddress 162.247.72.201 2026-11-18 13:05:04\n\
                ExitNode 0011BD2485AD45D984EC4159C88FC066E5E3300F\n\
                ExitAddress 162.247.72.201 2026-11-19 01:02:03\n\
                ExitAddress 10.0.0.1 2026-11-18 13:05:04\n";
    check(list, Format::Tor, &["10.0.0.1", "162.247.72.201"], "");
    let read = read(list.as_bytes(), &Options::default()).unwrap();
    let note = read.indicators[1].note.as_deref();
    assert_eq!(note, Some("exit of Tor, seen 2026-11-19 01:02:03"));
}

#[test]
fn a_list_without_addresses_is_none_and_a_name_is_short() {
    let error = |list: &str| read(list.as_bytes(), &Options::default()).unwrap_err().to_string();
    assert_eq!(error("# nothing\n"), "no address in it");
    assert_eq!(error("example.org\nexample.net"), "no address in it: 2 no address (lines 1 and 2)");
    assert!(error("{\"type\": \"x\"}").starts_with("it is no bundle of STIX"));
    for (name, fits) in
        [("tor-exits.1", true), ("", false), ("../x", false), ("a b", false), (".x", false)]
    {
        assert_eq!(check_name(name).is_ok(), fits, "{name}");
    }
    assert!(check_name(&"x".repeat(65)).is_err());
}

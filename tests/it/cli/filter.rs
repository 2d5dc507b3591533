//! `--where`.

use super::*;
use crate::{interop, needs};

#[test]
fn a_filter_is_asked_with_an_address_or_without() {
    let home = Home::with_store();
    home.file("hosts.txt", b"# two of them\n10.0.0.2,bad\n9.9.9.9\n");
    home.file("office.filter", b"net 10/8 # the office\nand bytes > 100");
    for (arguments, flows) in [
        (&["--where", "ip 10.0.0.1 and port 443"][..], 3),
        (&["--where", "any"], 6),
        (&["--where", "port 53"], 0),
        (&["--where", "src ip in @hosts.txt"], 2),
        (&["--where", "ip in @hosts.txt"], 3),
        (&["--where", "not ip in @'hosts.txt'"], 3),
        (&["--where", "@office.filter"], 3),
        (&["--where", "@include office.filter and not dst 10.0.0.3"], 2),
        (&["122.166.26.132", "--where", "dst 10.0.0.1"], 2),
        (&["10.0.0.0/8", "--direction", "dst", "--where", "src net 122/8"], 3),
        (&["10.0.0.0/8", "--direction", "any", "--where", "bytes < 1000"], 4),
        (&["--where", "first seen >= 2007-08-02T07:42:10"], 4),
        (&["--where", "first seen >= 2007-08-02T09:42:10", "--tz", "+02:00"], 4),
        (&["--where", "net 10/8", "--since", "2007-08-02T07:42:30"], 2),
        (&["--where", "net 10/8", "--limit", "2"], 2),
    ] {
        let query = [&["query"], arguments].concat();
        assert_eq!(home.run(&query).succeeds().lines().len(), 1 + flows, "{arguments:?}");
        if !arguments.contains(&"--limit") {
            for more in [&["--count"][..], &["--count", "--filter"]] {
                let count = home.run(&[&query[..], more].concat()).succeeds();
                assert_eq!(count.stdout, format!("{flows}\n"), "{arguments:?} {more:?}");
            }
        }
    }
}

#[test]
fn pairs_are_made_of_the_flows_that_pass() {
    let home = Home::with_store();
    for (filter, expected) in [
        ("ip 10.0.0.1", &["(10.0.0.1,122.166.26.132,1034)"][..]),
        ("src 10.0.0.1", &["(10.0.0.1,122.166.26.132,4)"]),
        (
            "ip in [10.0.0.2 9.9.9.9]",
            &["(10.0.0.2,10.0.0.3,5000)", "(10.0.0.2,122.166.26.132,200)", "(10.0.0.3,9.9.9.9,1)"],
        ),
        ("bytes > 5000", &[]),
    ] {
        let pairs = home.run(&["active-flow", "--where", filter]).succeeds();
        assert_eq!(pairs.lines(), expected, "{filter}");
    }
    let top = home.run(&["top", "dst", "--where", "ip 10.0.0.1", "-o", "csv", "--explain"]);
    let top = top.ends(0, "filter       ip 10.0.0.1\nscan 1 of 2\n");
    assert_eq!(top.lines().len(), 3, "{}", top.stdout);
    let stats = home.run(&["stats", "--where", "ip 10.0.0.1", "-o", "json"]).succeeds();
    assert!(stats.stdout.contains("1034"), "{}", stats.stdout);
    let timeline = ["timeline", "--bin", "1d", "-o", "csv", "--where", "src 122/8 or dst 122/8"];
    let timeline = home.run(&timeline).succeeds();
    assert!(timeline.lines()[1].ends_with("1234"), "{}", timeline.stdout);
    let run = home.run(&["active-flow", "--where", "src 10.0.0.1", "--explain"]);
    assert!(run.succeeds().stderr.starts_with("filter       src ip 10.0.0.1\nscan 1 of 1\n"));
}

#[test]
fn what_is_no_filter_is_wrong_usage_and_its_place_shown() {
    let home = Home::with_store();
    home.file("list", b"10.0.0.1\ntor.example\n");
    for (filter, message) in [
        (
            "src ip 10.1.2.3 and prot 53",
            "earlgrey-hbase: --where: column 21: unknown word \"prot\"\n  \
             src ip 10.1.2.3 and prot 53\n                      \
             ^^^^ expected a term such as `ip 10.0.0.1`, `port 443` or `proto tcp`\n  \
             did you mean port?\n",
        ),
        (
            "port 70000",
            "earlgrey-hbase: --where: column 6: 70000 is out of range\n  port 70000\n       \
             ^^^^^ expected a number from 0 to 65535\n",
        ),
        ("port 80 or 443", "\n  write port in [80 443]\n"),
        ("ip in @list", "column 7: list:2: \"tor.example\" is no address\n"),
        ("ip in @nowhere", "column 7: nowhere: No such file or directory"),
        ("ip in @-", "standard input cannot be read"),
        ("", "there is no filter"),
        ("tcp and\nudp or\nfoo", "line 3, column 1: unknown word \"foo\"\n  foo\n  ^^^ expected"),
    ] {
        for command in
            [&["query"][..], &["active-flow"], &["top", "src"], &["stats"], &["timeline"]]
        {
            let run = home.run(&[command, &["--where", filter]].concat()).ends(2, message);
            assert_eq!(run.stdout, "", "{command:?} {filter}");
        }
    }
    home.run(&["query"]).ends(2, "`query --where 'port 443'`");
    home.run(&["query", "--where", "any", "--direction", "dst"]).ends(2, "<ADDR|CIDR>");
}

#[test]
fn what_a_filter_says_of_addresses_and_time_becomes_a_range_of_keys() {
    let home = Home::with_store();
    let explained = |filter: &str, more: &[&str]| {
        let all = [&["query", "--count", "--explain", "--where", filter], more].concat();
        home.run(&all).succeeds().stderr
    };
    let one = explained("src 10.0.0.1 and port 443 and first seen < 2007-08-03", &[]);
    for line in [
        "filter       src ip 10.0.0.1 and port = 443 and first seen <= 2007-08-02T23:59:59.999Z",
        "  access     range of row keys",
        "  src        10.0.0.1",
        "  time       before 2007-08-03T00:00:00.000Z",
        "  filter     port = 443",
        "  found      1",
    ] {
        assert!(one.lines().any(|known| known == line), "{line} is not in\n{one}");
    }
    let two = explained("ip 10.0.0.1 and port 443", &[]);
    assert!(two.contains("scan 2 of 2") && two.contains("found      3"), "{two}");
    let json = explained("dst 10.0.0.1", &["-o", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["filter"], "dst ip 10.0.0.1");
    assert_eq!(json["scans"][0]["lead"], "10.0.0.1");
}

#[test]
fn a_long_watch_list_is_read_at_once() {
    let home = Home::with_store();
    let mut list = String::new();
    for number in 0..300_000_u32 {
        list += &Ipv4Addr::from(0x0b00_0000 + 2 * number).to_string();
        list.push('\n');
    }
    list += "9.9.9.9\n";
    home.file("list.txt", list.as_bytes());
    let run = home.run(&["query", "--where", "ip in @list.txt", "--count", "--explain"]).succeeds();
    assert_eq!(run.stdout, "1\n");
    assert!(run.stderr.starts_with("filter       ip in @\"list.txt\"\n"), "{}", run.stderr);
}

/// A NetFlow v9 packet: a template of `fields` for the data set of `records` behind it.
fn v9(id: u16, sequence: u32, fields: &[(u16, u16)], records: &[Vec<u8>]) -> Vec<u8> {
    let shorts = |shorts: &[u16]| -> Vec<u8> {
        shorts.iter().flat_map(|short| short.to_be_bytes()).collect()
    };
    let mut template = vec![id, fields.len() as u16];
    template.extend(fields.iter().flat_map(|&(number, bytes)| [number, bytes]));
    let set = |id: u16, mut content: Vec<u8>| {
        content.resize(content.len().next_multiple_of(4), 0);
        [shorts(&[id, content.len() as u16 + 4]), content].concat()
    };
    let sets = [set(0, shorts(&template)), set(id, records.concat())].concat();
    let mut packet = shorts(&[9, 1 + records.len() as u16]);
    for word in [60_000, BEGIN_SECS + 60, sequence, 0] {
        packet.extend_from_slice(&word.to_be_bytes());
    }
    [packet, sets].concat()
}

/// Flows of both families with masks, VLANs, MAC addresses and counters behind the router, all
/// different.
fn flows_with_more() -> Vec<Vec<u8>> {
    let common = [
        (7, 2),
        (11, 2),
        (4, 1),
        (6, 1),
        (5, 1),
        (1, 4),
        (2, 4),
        (22, 4),
        (21, 4),
        (58, 2),
        (59, 2),
        (56, 6),
        (57, 6),
        (23, 4),
        (24, 4),
        (10, 4),
        (14, 4),
    ];
    let record = |ends: Vec<u8>, n: u8| {
        let mut record = ends;
        record.extend([0, 80 + n, 1, n, 6, 1 << (n % 6), 4 * n]);
        for word in [100 * u32::from(n), u32::from(n), 1000, 1000 + 500 * u32::from(n)] {
            record.extend(word.to_be_bytes());
        }
        record.extend([0, n % 4, 0, n % 3, 0, 0, 0x5e, 0, 0x53, n, 0, 0, 0x5e, 0, 0x54, n]);
        for word in [10 * u32::from(n), 2 * u32::from(n), 70_000 + u32::from(n), u32::from(n)] {
            record.extend(word.to_be_bytes());
        }
        record
    };
    let v4: Vec<_> = (0..20)
        .map(|n| record([&[10, 0, 0, n, 10, 0, 1, n][..], &[8 + n, 24]].concat(), n))
        .collect();
    let v6 = |net, host| [&[0x20, 1, 0x0d, 0xb8][..], &[0; 10], &[net, host]].concat();
    let v6: Vec<_> =
        (0..20).map(|n| record([v6(0, n), v6(1, n), vec![40 + n, 64]].concat(), n)).collect();
    let v4_ends = [(8, 4), (12, 4), (9, 1), (13, 1)];
    let v6_ends = [(27, 16), (28, 16), (29, 1), (30, 1)];
    vec![
        v9(300, 0, &[&v4_ends[..], &common].concat(), &v4),
        v9(301, 1, &[&v6_ends[..], &common].concat(), &v6[..10]),
        v9(301, 2, &[&v6_ends[..], &common].concat(), &v6[10..]),
    ]
}

#[test]
fn nfdump_finds_as_many_flows_of_version_9() {
    if !needs::nfdump() {
        return;
    }
    let home = Home::new();
    let payloads = flows_with_more();
    home.run(&["load", &home.file("day.pcap", &capture(&payloads))]).ends(0, "40 stored");
    let folder = home.path("nfcapd");
    fs::create_dir(&folder).unwrap();
    interop::collect(&payloads.iter().map(Vec::as_slice).collect::<Vec<_>>(), &folder);
    assert_eq!(interop::counts(&folder)("Flows"), 40);
    for (filter, expected) in [
        ("ipv6", 20),
        ("src ip 2001:db8::3", 1),
        ("ip 2001:db8::103", 1),
        ("ip in [2001:db8::103 10.0.0.3 10.0.1.3]", 2),
        ("src net 2001:db8::/126", 4),
        ("net 2001:db8::100/120", 20),
        ("src vlan 3", 10),
        ("dst vlan 2", 12),
        ("vlan 3", 10),
        ("not vlan 1", 20),
        ("in src mac 00:00:5e:00:53:07", 2),
        ("out dst mac 00:00:5e:00:54:07", 2),
        ("mac 00:00:5e:00:54:07", 2),
        ("src mask 24", 1),
        ("dst mask 64", 20),
        ("mask 24", 20),
        ("out bytes > 100", 18),
        ("out packets 6", 2),
        ("in if 70003", 2),
        ("out if 3", 2),
        ("flags S and src tos 4", 2),
        ("bytes > 1k and packets < 15", 8),
        ("duration >= 5000 and dst port > 260", 20),
    ] {
        let folder = folder.to_str().unwrap();
        let output = needs::tool("nfdump", &["-R", folder, "-q", "-o", "fmt:%ts", filter]);
        let theirs = output.unwrap().lines().filter(|line| line.trim().starts_with("20")).count();
        let ours = home.run(&["query", "--count", "--where", filter]).succeeds();
        let ours: usize = ours.stdout.trim().parse().unwrap();
        assert_eq!((ours, theirs), (expected, expected), "{filter}");
    }
    // What only we can ask for.
    for (filter, expected) in [
        ("element vlanId = 3", 10),
        ("element 58 in [2 3]", 20),
        ("element postOctetDeltaCount > 100", 18),
        ("mac in [00:00:5e:00:53:07 00:00:5e:00:54:08]", 4),
        ("src mask > 20 and ipv4", 7),
        ("vlan != 1", 20),
    ] {
        let ours = home.run(&["query", "--count", "--where", filter]).succeeds();
        assert_eq!(ours.stdout, format!("{expected}\n"), "{filter}");
    }
}

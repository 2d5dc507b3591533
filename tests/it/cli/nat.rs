//! `query --nat` and `--at`: who used a public address.

use super::*;
use crate::needs;

/// Fields of NetFlow v9 and IPFIX, with their bytes: who was translated, to what, when, and how.
const FIELDS: [(u16, u16); 8] =
    [(8, 4), (7, 2), (4, 1), (225, 4), (227, 2), (361, 2), (362, 2), (230, 1)];

/// When it was, in milliseconds.
const OBSERVED: (u16, u16) = (323, 8);

/// An event of a NAT: natEvent, the inside host 100.64.0.x, its port behind 203.0.113.7 or the first
/// and the last one of a block, and how many seconds after [`BEGIN_SECS`] it was.
fn event(number: u8, inside: u8, port: u16, block: [u16; 2], second: u32) -> Vec<u8> {
    let mut record = vec![100, 64, 0, inside, 0x13, 0x88, if port > 0 { 17 } else { 0 }];
    record.extend([203, 0, 113, 7]);
    for number in [port, block[0], block[1]] {
        record.extend(number.to_be_bytes());
    }
    record.push(number);
    record.extend((u64::from(BEGIN_SECS + second) * 1000).to_be_bytes());
    record
}

/// What a carrier's NAT logs: sessions of one port, and blocks of ports.
fn events() -> Vec<Vec<u8>> {
    vec![
        event(4, 1, 40_123, [0, 0], 0),
        event(4, 9, 40_124, [0, 0], 1),
        event(5, 1, 40_123, [0, 0], 10),
        event(4, 2, 40_123, [0, 0], 20),
        event(16, 3, 0, [50_000, 50_511], 5),
        event(17, 3, 0, [50_000, 50_511], 25),
    ]
}

fn shorts(shorts: &[u16]) -> Vec<u8> {
    shorts.iter().flat_map(|short| short.to_be_bytes()).collect()
}

fn set(id: u16, mut content: Vec<u8>) -> Vec<u8> {
    content.resize(content.len().next_multiple_of(4), 0);
    [shorts(&[id, content.len() as u16 + 4]), content].concat()
}

/// These events as a packet of v9, or as a message of IPFIX.
fn export(version: u16, events: &[Vec<u8>]) -> Vec<u8> {
    let fields = [&FIELDS[..], &[OBSERVED]].concat();
    let mut template = vec![300, fields.len() as u16];
    template.extend(fields.iter().flat_map(|&(number, bytes)| [number, bytes]));
    let id = if version == 9 { 0 } else { 2 };
    let sets = [set(id, shorts(&template)), set(300, events.concat())].concat();
    let sent = (BEGIN_SECS + 60).to_be_bytes();
    let header = match version {
        9 => {
            [&shorts(&[9, 1 + events.len() as u16])[..], &60_000_u32.to_be_bytes(), &sent, &[0; 8]]
                .concat()
        }
        _ => [&shorts(&[10, 16 + sets.len() as u16])[..], &sent, &[0; 8]].concat(),
    };
    [header, sets].concat()
}

/// A capture with the events, as IPFIX.
pub(crate) fn nat_events() -> Vec<u8> {
    capture(&[export(10, &events())])
}

fn home(version: u16) -> Home {
    let home = Home::new();
    let file = home.file("nat.pcap", &capture(&[export(version, &events())]));
    home.run(&["load", &file]).ends(0, "6 stored");
    home
}

/// Who is found, and when.
fn found(home: &Home, arguments: &[&str]) -> Vec<(String, String, u64)> {
    let run = home.run(&[&["query", "-o", "json"], arguments].concat()).succeeds();
    let text = |flow: &serde_json::Value, name: &str| flow[name].as_str().unwrap().to_owned();
    let flows = run.json();
    let flows = flows.as_array().unwrap().iter();
    let row =
        |flow| (text(flow, "srcAddress"), text(flow, "time"), flow["duration"].as_u64().unwrap());
    flows.map(row).collect()
}

#[test]
fn a_port_is_found_by_its_events_and_by_blocks_of_ports() {
    for version in [9, 10] {
        let home = home(version);
        for (arguments, count) in [
            (&["--nat", "203.0.113.7"][..], 6),
            (&["--nat", "203.0.113.7:40123"], 3),
            (&["--nat", "203.0.113.7:40125"], 0),
            (&["--nat", "203.0.113.7:50000"], 2),
            (&["--nat", "203.0.113.7:50512"], 0),
            (&["--nat", "203.0.113.0/24"], 6),
            (&["--nat", "203.0.113.8"], 0),
            (&["--nat", "[::ffff:203.0.113.7]:40123"], 3),
            (&["--nat", "203.0.113.7", "--where", "element natEvent = 4"], 3),
            (&["--nat", "203.0.113.7", "--since", "2007-08-02T07:42:05"], 4),
            (&["--nat", "203.0.113.7", "--until", "2007-08-02T07:42:05"], 2),
            (&["--nat", "203.0.113.7", "100.64.0.1"], 2),
            (&["--where", "nat ip 203.0.113.7"], 6),
            (&["--where", "nat net 203.0.113.0/24"], 6),
            (&["--where", "src nat ip 203.0.113.7 and proto udp"], 4),
            (&["--where", "dst nat ip 203.0.113.7"], 0),
        ] {
            assert_eq!(found(&home, arguments).len(), count, "v{version} {arguments:?}");
            let query = [&["query"], arguments].concat();
            for more in [&["--count"][..], &["--count", "--filter"]] {
                let run = home.run(&[&query[..], more].concat()).succeeds();
                assert_eq!(run.stdout, format!("{count}\n"), "v{version} {arguments:?} {more:?}");
            }
        }
        let plan = home.run(&["query", "--nat", "203.0.113.7:40123", "--explain"]).succeeds();
        for told in [
            "range of row keys",
            "nat first",
            "nat        203.0.113.7\n",
            "port       none of its own, or a block of ports\n",
            "port       40123\n",
        ] {
            assert!(plan.stderr.contains(told), "{}", plan.stderr);
        }
        home.run(&["compact"]).succeeds();
        assert_eq!(found(&home, &["--nat", "203.0.113.7"]).len(), 6);
        home.run(&["verify"]).succeeds();
    }
}

#[test]
fn what_tells_a_port_comes_in_the_order_of_time_and_of_an_address_by_its_ports() {
    let home = Home::new();
    let mut events = events();
    events.push(event(4, 4, 50_000, [0, 0], 15));
    // It tells its own port, and a block in which that is not.
    events.push(event(4, 5, 40_123, [50_000, 50_003], 2));
    let file = home.file("nat.pcap", &capture(&[export(10, &events)]));
    home.run(&["load", &file]).ends(0, "8 stored");
    for (end, seconds) in [
        ("203.0.113.7:50000", &[2, 5, 15, 25][..]),
        ("203.0.113.7:40123", &[0, 2, 10, 20]),
        ("203.0.113.7:50004", &[5, 25]),
        // Those that tell a block tell 0 in place of a port.
        ("203.0.113.7:0", &[5, 25]),
        ("203.0.113.7", &[2, 5, 25, 0, 10, 20, 1, 15]),
        ("203.0.113.0/24", &[2, 5, 25, 0, 10, 20, 1, 15]),
    ] {
        let times: Vec<String> =
            seconds.iter().map(|second| format!("2007-08-02T07:42:{second:02}.000Z")).collect();
        for more in [&[][..], &["--filter"]] {
            let found = found(&home, &[&["--nat", end], more].concat());
            let found: Vec<String> = found.into_iter().map(|(_, time, _)| time).collect();
            assert_eq!(found, times, "{end} {more:?}");
        }
        let first = found(&home, &["--nat", end, "--limit", "2"]);
        assert!(first.iter().map(|(_, time, _)| time).eq(times.iter().take(2)), "{end}");
    }
    let not = ["--nat", "203.0.113.7:50000", "--where", "not nat port 50000"];
    assert_eq!(found(&home, &not).len(), 3);
}

#[test]
fn who_held_a_port_is_told_from_when_until_when() {
    let home = home(10);
    let at = |end: &str, second: &str| {
        let time = format!("2007-08-02T07:42:{second}");
        found(&home, &["--nat", end, "--at", &time])
    };
    let held = |inside: &str, second: &str, millis: u64| {
        vec![(inside.to_owned(), format!("2007-08-02T07:42:{second}.000Z"), millis)]
    };
    let port = "203.0.113.7:40123";
    assert_eq!(at(port, "05"), held("100.64.0.1", "00", 10_000));
    assert_eq!(at(port, "15"), []);
    assert_eq!(at(port, "20"), held("100.64.0.2", "20", 0));
    assert_eq!(at("203.0.113.7:50511", "06"), held("100.64.0.3", "05", 20_000));
    assert_eq!(at("203.0.113.7:50511", "26"), []);
    assert_eq!(at("203.0.113.7", "06").len(), 3);
    let count = ["query", "--nat", port, "--at", "2007-08-02T07:42:05Z", "--count"];
    assert_eq!(home.run(&count).succeeds().stdout, "1\n");
    let line = home.run(&["query", "--nat", port, "--at", "2007-08-02T09:42:05+02:00"]).succeeds();
    assert!(line.lines()[1].contains("100.64.0.1:5000"), "{}", line.stdout);
    assert_eq!(line.lines().len(), 2);
}

#[test]
fn what_is_wrong_with_a_question_for_a_public_address_is_told() {
    let home = home(9);
    for (arguments, message) in [
        (&["query", "--at", "2007-08-02"][..], "--nat <ADDR[:PORT]>"),
        (&["query", "--nat", "203.0.113.7:x"], "is no address"),
        (&["query", "--nat", "203.0.113.7", "--at", "soon"], "--at: \"soon\" is no time"),
        (&["query", "--nat", "203.0.113.7", "--at", "now", "--limit", "1"], "cannot be used with"),
    ] {
        home.run(arguments).ends(2, message);
    }
}

#[test]
fn a_public_address_is_found_in_sflow() {
    let Some(cases) = needs::cases() else { return };
    let home = Home::new();
    let path = cases.join("sflow-nat-and-nat-port-records.pcap");
    home.run(&["load", path.to_str().unwrap()]).succeeds();
    for end in ["203.0.113.7", "203.0.113.7:6000", "198.51.100.9:53"] {
        for at in [&[][..], &["--at", "2025-10-09T08:53:20Z"]] {
            let found = found(&home, &[&["--nat", end], at].concat());
            assert_eq!(found.len(), 1, "{end} {at:?}");
            assert_eq!(found[0].0, "100.64.0.17");
        }
    }
    assert_eq!(found(&home, &["--nat", "203.0.113.7:53"]), []);
}

/// How many records have an address, as tshark decodes them, which reads no more than the packets of
/// version 9 say that they have.
#[test]
fn public_addresses_of_real_captures_are_found_as_often_as_they_are_there() {
    let Some(captures) = needs::captures() else { return };
    for (name, addresses) in [
        (
            "wrapped/logstash-codec-netflow/netflow9_cisco_asa_1.pcap",
            &[("164.164.37.11", 9), ("2.2.2.11", 5), ("192.168.23.22", 4), ("192.168.14.1", 3)][..],
        ),
        ("graylog2-server/fgt300d-netflow9.pcap", &[("139.60.168.65", 55), ("139.60.168.84", 2)]),
    ] {
        let home = Home::new();
        home.run(&["load", captures.join(name).to_str().unwrap()]);
        let all = home.run(&["query", "--where", "any", "-o", "json"]).succeeds().json();
        for &(address, least) in addresses {
            let has = |flow: &&serde_json::Value| {
                let names = ["postNATSourceIPv4Address", "postNATDestinationIPv4Address"];
                names.iter().any(|&name| flow[name] == address)
            };
            let told = all.as_array().unwrap().iter().filter(has).count();
            assert!(told >= least, "{name} {address}: {told}");
            assert_eq!(found(&home, &["--nat", address]).len(), told, "{name} {address}");
        }
    }
}

#[test]
fn what_a_generated_nat_logs_is_found_by_its_public_addresses() {
    let home = Home::new();
    let file = home.path("nat.pcap").to_str().unwrap().to_owned();
    let made = ["generate", &file, "--format", "nat", "--flows", "3000", "--hours", "1"];
    home.run(&made).succeeds();
    home.run(&["load", &file]).ends(0, "3,000 stored");
    for more in [&[][..], &["--filter"]] {
        let all = [&["query", "--nat", "198.18.0.0/20", "--count"], more].concat();
        assert_eq!(home.run(&all).succeeds().stdout, "3000\n");
    }
    let events = home.run(&["query", "--where", "any", "-o", "json"]).succeeds().json();
    for event in events.as_array().unwrap().iter().step_by(250) {
        let [address, inside, time] = ["postNATSourceIPv4Address", "srcAddress", "time"]
            .map(|of| event[of].as_str().unwrap());
        let end = format!("{address}:{}", event["postNAPTSourceTransportPort"]);
        let held = found(&home, &["--nat", &end, "--at", time]);
        assert!(held.iter().any(|(holder, ..)| holder == inside), "{end} at {time}: {held:?}");
    }
}

//! Small captures of situations that were answered wrongly once: what is right.

use serde_json::Value;

use super::*;
use crate::needs::{captures, cases};

/// The flows of a capture that a filter lets through, after a load that ends with `status`.
#[track_caller]
fn flows(name: &str, status: i32, filter: &str) -> Option<Vec<Value>> {
    let path = cases()?.join(name);
    let home = Home::new();
    home.run(&["load", path.to_str().unwrap()]).ends(status, "");
    let found = home.run(&["query", "--where", filter, "-o", "json"]).succeeds().json();
    Some(found.as_array().unwrap().clone())
}

/// Source, destination and octets.
fn ends(flow: &Value) -> (&str, &str, u64) {
    let text = |name: &str| flow[name].as_str().unwrap();
    (text("srcAddress"), text("dstAddress"), flow["bytes"].as_u64().unwrap())
}

#[test]
fn padding_longer_than_a_record_is_no_record() {
    let Some(flows) = flows("padding-longer-than-a-record.pcap", 0, "any") else { return };
    assert_eq!(flows.iter().map(ends).collect::<Vec<_>>(), [("10.0.0.1", "198.51.100.9", 1000)]);
}

#[test]
fn a_load_of_a_version_that_is_not_read_ends_as_of_what_is_unusable() {
    let Some(flows) = flows("sflow-version-4.pcap", 3, "any") else { return };
    assert!(flows.is_empty());
}

#[test]
fn a_sampled_header_of_ppp_is_a_packet_of_ip() {
    let Some(mut flows) = flows("sflow-ppp-header.pcap", 0, "any") else { return };
    flows.sort_by_key(|flow| flow["srcAddress"].to_string());
    let expected = [("10.0.0.1", "198.51.100.9", 1000), ("10.0.0.2", "198.51.100.9", 1000)];
    assert_eq!(flows.iter().map(ends).collect::<Vec<_>>(), expected);
}

#[test]
fn whom_a_public_address_stood_for_is_found_in_sflow() {
    for filter in ["nat ip 203.0.113.7", "nat port 6000", "nat ip 198.51.100.9"] {
        let Some(flows) = flows("sflow-nat-and-nat-port-records.pcap", 0, filter) else { return };
        assert_eq!(
            flows.iter().map(ends).collect::<Vec<_>>(),
            [("100.64.0.17", "198.51.100.193", 128)],
            "{filter}"
        );
    }
}

#[test]
fn a_station_is_an_end_of_its_flow() {
    let Some(flows) = flows("wlan-station-address-only.pcap", 0, "ip 10.9.0.5") else { return };
    assert_eq!(flows.iter().map(ends).collect::<Vec<_>>(), [("10.9.0.5", "0.0.0.0", 4242)]);
}

#[test]
fn of_two_times_of_an_event_the_first_counts() {
    let name = "nat-release-with-two-observation-times.pcap";
    let Some(flows) = flows(name, 0, "nat ip 203.0.113.7") else { return };
    assert_eq!(flows.len(), 1);
    assert_eq!(flows[0]["time"], "2025-10-09T08:53:10.000Z");
}

#[test]
fn sessions_behind_one_address_are_read_by_their_own_templates() {
    let Some(path) = cases() else { return };
    let path = path.join("two-ipfix-sessions-behind-one-address.pcap");
    let home = Home::new();
    let load = home.run(&["load", path.to_str().unwrap()]).succeeds();
    let told = "1 that UDP ports of an exporter define differently (192.0.2.1: 1)";
    assert!(load.stderr.contains(told), "{}", load.stderr);
    assert!(
        load.stderr.contains("192.0.2.1: UDP port 50001 defines a template"),
        "{}",
        load.stderr
    );
    let loads = home.run(&["loads", "-o", "json"]).succeeds().json();
    assert_eq!(loads[0]["conflictingTemplates"], serde_json::json!({"192.0.2.1": 1}));
    let found = home.run(&["query", "--direction", "dst", "198.51.100.9", "-o", "json"]);
    let found = found.succeeds().json();
    let mut found: Vec<_> = found.as_array().unwrap().iter().map(ends).collect();
    found.sort_unstable();
    let sources = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.1.1", "10.0.1.2", "10.0.1.3"];
    assert_eq!(found, sources.map(|source| (source, "198.51.100.9", 1000)));
}

/// How many of the packets of each host's flow were seen: one of so many.
fn rates(home: &Home, store: &[&str]) -> Vec<(String, u64)> {
    let arguments = [&["query", "0.0.0.0/0", "-o", "json"], store].concat();
    let flows = home.run(&arguments).succeeds().json();
    let rate = |flow: &Value| (ends(flow).0.to_owned(), flow["sampling"].as_u64().unwrap());
    let mut rates: Vec<_> = flows.as_array().unwrap().iter().map(rate).collect();
    rates.sort();
    rates
}

#[test]
fn a_rate_goes_for_what_comes_later_however_files_are_grouped() {
    let Some(folder) = cases() else { return };
    let [first, second] =
        ["first-file-with-sampling-rate.pcap", "second-file-before-the-rate-comes-again.pcap"]
            .map(|name| folder.join(name).into_os_string().into_string().unwrap());
    let expected = ["10.0.0.1", "10.0.0.2"].map(|host| (host.to_owned(), 1000));
    for loads in [&[&[&*first, &second][..]][..], &[&[&first], &[&second]]] {
        let home = Home::new();
        for files in loads {
            home.run(&[&["load"], *files].concat()).succeeds();
        }
        assert_eq!(rates(&home, &[]), expected, "{loads:?}");
    }
}

#[test]
fn who_was_alive_in_a_window_is_found_by_every_command() {
    let Some(folder) = cases() else { return };
    let home = Home::new();
    for name in ["flow-of-three-days.pcap", "padding-longer-than-a-record.pcap"] {
        home.run(&["load", folder.join(name).to_str().unwrap()]).succeeds();
    }
    let window = ["--since", "2025-10-08", "--until", "2025-10-08T01:00"];
    let asked = |command: &[&str], alive: bool| {
        let alive = alive.then_some("--alive");
        let all: Vec<&str> = command.iter().copied().chain(window).chain(alive).collect();
        home.run(&all).succeeds()
    };
    for command in [
        &["query", "10.0.0.1", "-o", "ndjson"][..],
        &["query", "198.51.100.9", "--direction", "any", "-o", "ndjson"],
        &["query", "--where", "any", "-o", "ndjson"],
        &["query", "--where", "any", "--filter", "-o", "ndjson"],
        &["active-flow", "-o", "ndjson"],
        &["top", "srcip", "-o", "ndjson"],
        &["timeline", "-o", "ndjson"],
    ] {
        assert_eq!(asked(command, false).stdout, "", "{command:?}");
        assert_ne!(asked(command, true).stdout, "", "{command:?}");
    }
    assert_eq!(asked(&["stats", "-o", "json"], true).json()["flows"], 1);
    let file = home.path("alive.ndjson");
    asked(&["export", "--to", file.to_str().unwrap()], true);
    assert_eq!(std::fs::read_to_string(file).unwrap().lines().count(), 1);

    // No flow of either run lasted until then, so neither is opened.
    let later = ["query", "10.0.0.1", "--since", "2025-10-12", "--alive", "--explain"];
    let told = home.run(&later).succeeds();
    assert!(told.stderr.contains("  runs       0 of 2\n"), "{}", told.stderr);
    assert!(told.stderr.contains("last seen >= 2025-10-12T00:00:00.000Z"), "{}", told.stderr);
    home.run(&["query", "10.0.0.1", "--alive"]).ends(2, "--alive when?");
}

#[test]
fn a_flow_of_sixty_days_ends_when_it_ended_and_its_beginning_is_cut_with_a_word() {
    let Some(folder) = cases() else { return };
    let home = Home::new();
    let path = folder.join("flow-of-sixty-days.pcap");
    let load = home.run(&["load", path.to_str().unwrap()]).succeeds();
    let told = "; 1 of more than 49.7 days, of which the beginning is cut";
    assert!(load.stderr.contains(told), "{}", load.stderr);
    for (filter, found) in
        [("last seen = 2025-10-09T08:53:20", 1), ("element flowStartMilliseconds < 2025-08-11", 1)]
    {
        let found_flows = home.run(&["query", "--where", filter, "--count"]).succeeds();
        assert_eq!(found_flows.stdout, format!("{found}\n"), "{filter}");
    }
    let alive = ["query", "--where", "any", "--since", "2025-10-01", "--alive", "--count"];
    assert_eq!(home.run(&alive).succeeds().stdout, "1\n");
}

#[test]
fn a_sequence_that_counts_flows_where_the_version_says_packets_loses_nothing() {
    let Some(folder) = cases() else { return };
    let home = Home::new();
    let path = folder.join("v9-sequence-counts-flows.pcap");
    let load = home.run(&["load", path.to_str().unwrap()]).succeeds();
    assert!(!load.stderr.contains("\n  lost"), "{}", load.stderr);
    let told = "192.0.2.1 engine 1 counts flows, not packets";
    assert!(load.stderr.contains(told), "{}", load.stderr);
    let loads = home.run(&["loads", "-o", "json"]).succeeds().json();
    assert_eq!(loads[0]["lost"], serde_json::json!([]));
    assert_eq!(loads[0]["sequenceUnits"][0]["unit"], "flows");
}

#[test]
fn whose_clock_is_not_set_is_told_and_its_times_stay() {
    let Some(folder) = cases() else { return };
    for (name, first, days) in [
        ("v9-header-time-is-the-uptime.pcap", "1970-01-01T05:33:10.000Z", 20_370),
        ("v5-clock-four-days-after-1970.pcap", "1970-01-05T15:06:38.000Z", 20_365),
    ] {
        let home = Home::new();
        let path = folder.join(name);
        let load = home.run(&["load", path.to_str().unwrap(), "-o", "json"]).succeeds().json();
        let behind = |clocks: &Value| {
            let clock = &clocks[0];
            (clock["exporter"] == "192.0.2.1")
                .then(|| clock["aheadMs"].as_i64().unwrap() / 86_400_000)
        };
        assert_eq!(behind(&load["clocks"]), Some(-days), "{name}");
        let stats = home.run(&["stats", "-o", "json"]).succeeds().json();
        assert_eq!(
            (&stats["first"], behind(&stats["clocks"])),
            (&first.into(), Some(-days)),
            "{name}"
        );
        let told = format!("192.0.2.1 20,{} days behind", days - 20_000);
        let stats = home.run(&["stats"]).succeeds().stdout;
        assert!(stats.contains(&told), "{stats}");
        let text = Home::new().run(&["load", path.to_str().unwrap()]).stderr;
        assert!(text.contains(&told) && text.contains("; their times stay"), "{text}");
    }
}

#[test]
fn the_exporter_is_the_one_that_the_record_names_and_its_sender_is_kept() {
    let Some(folder) = cases() else { return };
    let home = Home::new();
    let path = folder.join("exporter-address-in-the-record.pcap");
    home.run(&["load", path.to_str().unwrap()]).succeeds();
    let found = |filter: &str| {
        let flows = home.run(&["query", "--where", filter, "-o", "json"]).succeeds().json();
        let sources = flows.as_array().unwrap().iter().map(|flow| flow["srcAddress"].clone());
        sources.collect::<Vec<_>>()
    };
    for filter in [
        "router ip 192.0.2.11",
        "exporter ip 192.0.2.11",
        "element exporterIPv4Address = \"192.0.2.11\"",
        "element sentBy = 192.0.2.1 and not router ip 192.0.2.12",
    ] {
        assert_eq!(found(filter), ["10.0.0.1"], "{filter}");
    }
    assert_eq!(found("router ip 192.0.2.1"), Vec::<Value>::new());
    let flow = &home.run(&["query", "10.0.0.2", "-o", "json"]).succeeds().json()[0];
    let told = ["exporter", "sentBy", "exporterIPv4Address"].map(|name| flow[name].as_str());
    assert_eq!(told, [Some("192.0.2.12"), Some("192.0.2.1"), Some("192.0.2.12")]);
    let top = home.run(&["top", "router", "-o", "json"]).succeeds().stdout;
    assert!(top.contains("192.0.2.11") && top.contains("192.0.2.12"), "{top}");
    let stats = home.run(&["stats", "-o", "json"]).succeeds().json();
    assert_eq!(stats["exporters"].as_array().unwrap().len(), 2, "{stats}");
    let cells = home.run(&["query", "10.0.0.2", "-o", "csv:%sa,%ra"]).succeeds().stdout;
    assert!(cells.contains("10.0.0.2,192.0.2.12"), "{cells}");
}

#[test]
fn elements_that_stand_twice_are_lists_and_both_values_are_found() {
    let name = "vlan-and-application-twice.pcap";
    for filter in [
        "vlan 100",
        "vlan 200",
        "element vlanId = 200",
        "element vlanId in [7 200]",
        "element applicationName = \"http\"",
        "element applicationName = \"video\"",
    ] {
        let Some(flows) = flows(name, 0, filter) else { return };
        assert_eq!(flows.len(), 1, "{filter}");
        assert_eq!(flows[0]["vlanId"], serde_json::json!([100, 200]), "{filter}");
        assert_eq!(flows[0]["applicationName"][0], "http", "{}", flows[0]);
    }
}

#[test]
fn a_text_of_an_enterprise_is_shown_as_text_and_found_so() {
    let name = "nat-inside-address-in-a-vendor-string.pcap";
    for filter in [
        "element 637/93 = \"LSN-Host@100.64.0.9\"",
        "element 637/93 \"LSN-Host@100.64.0.9\"",
        "element enterprise637Element93 in [\"x\" \"LSN-Host@100.64.0.9\"]",
    ] {
        let Some(flows) = flows(name, 0, filter) else { return };
        assert_eq!(flows.len(), 1, "{filter}");
        assert_eq!(flows[0]["enterprise637Element93"], "LSN-Host@100.64.0.9");
    }
}

#[test]
fn flows_before_a_rate_are_told() {
    let Some(folder) = cases() else { return };
    let path = folder.join("flows-before-their-sampling-rate.pcap");
    let home = Home::new();
    let load = home.run(&["load", path.to_str().unwrap(), "-o", "json"]).succeeds();
    let told = "1 flow came before its exporter told its rate (192.0.2.1: 1)";
    assert!(load.stderr.contains(told), "{}", load.stderr);
    assert_eq!(load.json()["flowsBeforeRate"], serde_json::json!({"192.0.2.1": 1}));
    // Who knows the rate from before needs none, and who tells none in the end is not told of.
    let known = home.run(&["load", path.to_str().unwrap(), "-o", "json"]).succeeds();
    assert_eq!(known.json()["flowsBeforeRate"], serde_json::json!({}));
    let path = folder.join("running-totals-of-one-flow.pcap");
    let none = home.run(&["load", path.to_str().unwrap(), "-o", "json"]).succeeds();
    assert_eq!(none.json()["flowsBeforeRate"], serde_json::json!({}));
}

#[test]
fn a_rate_of_an_exporter_may_be_set_and_forced() {
    let Some(folder) = cases() else { return };
    let path = folder.join("flows-before-their-sampling-rate.pcap");
    for (settings, expected) in [
        ("sampling = 500", [("10.0.0.1", 500), ("10.0.0.2", 1000)]),
        ("sampling = 1_000\noverride = false", [("10.0.0.1", 1000), ("10.0.0.2", 1000)]),
        ("sampling = 7\noverride = true", [("10.0.0.1", 7), ("10.0.0.2", 7)]),
    ] {
        let home = Home::new();
        let text = format!("[exporters.\"192.0.2.1\"]\n{settings}\n");
        home.file("config/earlgrey-hbase/earlgrey.toml", text.as_bytes());
        let load = home.run(&["load", path.to_str().unwrap(), "-o", "json"]).succeeds();
        assert_eq!(load.json()["flowsBeforeRate"], serde_json::json!({}), "{settings}");
        let expected = expected.map(|(host, rate)| (host.to_owned(), rate));
        assert_eq!(rates(&home, &[]), expected, "{settings}");
    }
}

/// Home with a store of a capture of many kinds of flows; None without the captures.
fn with_many_flows() -> Option<Home> {
    let home = Home::new();
    for name in ["wrapped/python-netflow/v9.pcap", "wrapped/logstash-codec-netflow/netflow5.pcap"] {
        let path = captures()?.join(name);
        if path.exists() {
            home.run(&["load", path.to_str().unwrap()]).succeeds();
        }
    }
    home.path("data/earlgrey-hbase/store").exists().then_some(home)
}

#[test]
fn what_tops_show_can_be_asked_for() {
    let Some(home) = with_many_flows() else { return };
    for key in [
        "srcip", "dstip", "ip", "src/24", "srcnet", "dstnet", "srcport", "dstport", "port",
        "proto", "srcas", "dstas", "as", "input", "output", "if", "router", "next", "flags", "tos",
    ] {
        let top = home.run(&["top", key, "--by", "flows", "-n", "5", "-o", "json"]);
        let top = top.succeeds().json();
        let name = top["key"][0].as_str().unwrap();
        assert!(!top["top"].as_array().unwrap().is_empty(), "{key}");
        for row in top["top"].as_array().unwrap() {
            let filter = format!("{name} = {}", row[name]);
            let found = home.run(&["query", "--where", &filter, "--count"]).succeeds().stdout;
            let found: u64 = found.trim().parse().unwrap();
            let flows = row["flows"].as_u64().unwrap();
            // A flow counts for each of its ends, and is one.
            let of_any_end = matches!(name, "address" | "port" | "as" | "interface");
            assert!(found == flows || of_any_end && found > 0, "{filter}: {found} of {flows}");
        }
    }
}

#[test]
fn what_cells_show_can_be_asked_for() {
    let Some(home) = with_many_flows() else { return };
    let cells = "csv:%ts,%te,%td,%pr,%sa,%sp,%da,%dp,%pkt,%byt,%flg,%tos,%in,%out,%sas,%das,%smk,\
                 %dmk,%nh,%ra,%pps,%bps,%bpp";
    let query = ["query", "--where", "any", "-o", cells, "--limit", "7"];
    let text = home.run(&query).succeeds().stdout;
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    let mut asked = 0;
    for line in lines {
        for (name, value) in names.iter().zip(line.split(',')) {
            let filter = format!("{name} = \"{}\"", value.trim());
            let found = home.run(&["query", "--where", &filter, "--count"]).succeeds().stdout;
            assert_ne!(found, "0\n", "{filter}");
            asked += 1;
        }
    }
    assert_eq!(asked, 7 * 23, "{text}");
}

#[test]
fn what_exporters_call_things_can_be_asked_for() {
    let Some(folder) = cases() else { return };
    let home = Home::new();
    let path = folder.join("interface-name-with-comma-and-quotes.pcap");
    home.run(&["load", path.to_str().unwrap()]).succeeds();
    let all = home.run(&["query", "--where", "any", "-o", "json"]).succeeds().json();
    let name = &all[0]["inputName"];
    assert!(name.is_string(), "{all}");
    let written = name.as_str().unwrap().replace('"', "\\\"");
    for filter in [
        format!("inputName = \"{written}\""),
        format!("element inputName in [\"x\" \"{written}\"]"),
        format!("inputName != \"x\" and inputName \"{written}\""),
    ] {
        let found = home.run(&["query", "--where", &filter, "--count"]).succeeds().stdout;
        assert_eq!(found, "1\n", "{filter}");
    }
    let none = home.run(&["query", "--where", "outputName = nothing", "--count"]).succeeds();
    assert_eq!(none.stdout, "0\n");
}

#[test]
fn a_rate_may_be_set_of_an_exporter_that_a_record_names() {
    let Some(folder) = cases() else { return };
    let path = folder.join("exporter-address-in-the-record.pcap");
    let home = Home::new();
    home.run(&["load", path.to_str().unwrap()]).succeeds();
    let flows = home.run(&["query", "0.0.0.0/0", "-o", "json"]).succeeds().json();
    let named = flows[0]["exporter"].as_str().unwrap().to_owned();
    let home = Home::new();
    let text = format!("[exporters.\"{named}\"]\nsampling = 7\n");
    home.file("config/earlgrey-hbase/earlgrey.toml", text.as_bytes());
    home.run(&["load", path.to_str().unwrap()]).succeeds();
    let flows = home.run(&["query", "0.0.0.0/0", "-o", "json"]).succeeds().json();
    for flow in flows.as_array().unwrap() {
        assert_eq!(flow["sampling"] == 7, flow["exporter"] == *named, "{flow}");
    }
}

#[test]
fn a_time_that_cannot_be_gives_way_to_one_that_can() {
    let name = "start-decades-after-the-export.pcap";
    let Some(found) = flows(name, 0, "any") else { return };
    assert_eq!(found[0]["time"], "2025-10-09T08:53:19.000Z");
    let Some(found) = flows("start-all-ones.pcap", 0, "src ip 10.0.0.2") else { return };
    assert_eq!(found[0]["time"], "2025-10-09T08:53:20.000Z");
}

#[test]
fn an_address_of_ipv4_is_found_in_either_form() {
    let name = "v4-mapped-addresses-in-v6-elements.pcap";
    for filter in ["ip 10.0.0.1", "ip ::ffff:10.0.0.1", "src ip 10.0.0.1"] {
        let Some(found) = flows(name, 0, filter) else { return };
        assert_eq!(
            found.iter().map(ends).collect::<Vec<_>>(),
            [("10.0.0.1", "198.51.100.9", 1000)]
        );
    }
}

#[test]
fn bytes_are_asked_for_as_they_are_shown() {
    let name = "hex-shown-read-as-decimal.pcap";
    let Some(found) = flows(name, 0, "element mplsTopLabelStackSection = 000100") else { return };
    assert_eq!(found.len(), 1);
}

#[test]
fn an_hour_that_comes_twice_has_two_rows() {
    let Some(folder) = cases() else { return };
    let home = Home::new();
    let path = folder.join("hour-that-comes-twice.pcap");
    home.run(&["load", path.to_str().unwrap()]).succeeds();
    let bins = ["timeline", "--bin", "1h", "--tz", "Europe/Zurich", "-o", "csv"];
    let rows = "time,octets\n2025-10-26 02:00:00.000+02:00,1000\n\
                2025-10-26 02:00:00.000+01:00,2000\n2025-10-26 03:00:00.000+01:00,4000\n";
    assert_eq!(home.run(&bins).succeeds().stdout, rows);
}

#[test]
fn an_exporter_in_2042_takes_no_more_than_the_oldest_day_with_it() {
    let Some(path) = cases() else { return };
    let capture = std::fs::read(path.join("one-exporter-in-2042.pcap")).unwrap();
    let (header, mut rest) = capture.split_at(24);
    let mut packets = Vec::new();
    while let Some(length) = rest.get(8..12) {
        let bytes = 16 + u32::from_le_bytes(length.try_into().unwrap()) as usize;
        let (packet, behind) = rest.split_at(bytes);
        packets.push(packet);
        rest = behind;
    }
    let home = Home::new();
    // Two packets a day: one of that day, and one of the exporter whose clock runs ahead.
    for day in packets.chunks(2) {
        let file = home.file("day.pcap", &[header, &day.concat()].concat());
        home.run(&["load", &file]).succeeds();
    }
    let bytes = home.run(&["verify", "-o", "json"]).succeeds().json()["bytes"].as_u64().unwrap();
    home.run(&["expire", "--max-size", &(bytes - 1).to_string(), "--yes"]).succeeds();
    let flows = home.run(&["query", "--where", "any", "-o", "json"]).succeeds().json();
    for day in ["2025-10-05", "2025-10-06", "2025-10-07", "2025-10-08"] {
        let of_day = |flow: &&Value| flow["time"].as_str().unwrap().starts_with(day);
        assert_eq!(flows.as_array().unwrap().iter().filter(of_day).count(), 30, "{day}");
    }
}

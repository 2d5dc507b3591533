//! What is written: documents as others find them, and none of them twice.

use serde_json::{Value, json};

use super::{IN_DAY, Server, Version, day};
use crate::cli::{FLOWS, Home, capture, exports};

#[test]
fn a_term_finds_the_documents_of_a_host_with_the_nine_fields_of_the_predecessor() {
    for server in Server::all() {
        let home = Home::with_store();
        home.run(&["export", "elastic", &server.url()])
            .ends(0, "6 new, 0 already there, 0 refused");
        let found = server.documents(r#"{"term":{"srcAddress":"122.166.26.132"}}"#);
        let mut nine: Vec<Value> = found
            .iter()
            .map(|(_, document)| {
                let names = [
                    "srcAddress",
                    "srcPort",
                    "dstAddress",
                    "dstPort",
                    "protocol",
                    "time",
                    "duration",
                    "bytes",
                    "packets",
                ];
                names.iter().map(|&name| (name.to_owned(), document[name].clone())).collect()
            })
            .collect();
        nine.sort_by_key(|document| document["time"].to_string());
        let flow = |dst: &str, bytes: u32, time: &str| {
            json!({
                "srcAddress": "122.166.26.132", "srcPort": 50_000, "dstAddress": dst,
                "dstPort": 443, "protocol": "TCP", "time": time, "duration": 250, "bytes": bytes,
                "packets": 1 + bytes / 100,
            })
        };
        let expected = [
            flow("10.0.0.1", 1000, "2007-08-02T07:42:00.000Z"),
            flow("10.0.0.1", 30, "2007-08-02T07:42:10.000Z"),
            flow("10.0.0.2", 200, "2007-08-02T07:42:20.000Z"),
        ];
        assert_eq!(nine, expected, "{:?}", server.version);
        // Types are those of the template: blocks of addresses and times can be asked for.
        for (query, count) in [
            (r#"{"term":{"srcAddress":"10.0.0.0/8"}}"#, 2),
            (r#"{"range":{"time":{"gte":"2007-08-02T07:42:20Z"}}}"#, 3),
            (r#"{"range":{"bytes":{"gte":1000}}}"#, 2),
        ] {
            assert_eq!(server.documents(query).len(), count, "{query}");
        }
    }
}

#[test]
fn what_is_written_again_by_whatever_way_is_there_once() {
    for server in Server::all() {
        let home = Home::new();
        let day = day(&home);
        home.run(&["load", &day]).succeeds();
        home.run(&["export", "elastic", &server.url()]).ends(0, "8 new, 0 already there");
        assert_eq!(server.count(), IN_DAY);
        let exported = server.ids();
        home.run(&["export", "elastic", &server.url()]).ends(0, "0 new, 8 already there");
        home.run(&["load", &day, "--to", &server.url()]).ends(0, "0 new, 8 already there");
        assert_eq!(server.ids(), exported);

        // The other way round: the same flows have the same ids.
        let other = Server { index: super::new_index(), ..server };
        let loaded = home.run(&["load", &day, "--to", &other.url()]);
        loaded.ends(0, "8 new, 0 already there, 0 refused");
        assert_eq!(other.count(), IN_DAY);
        assert_eq!(other.ids(), exported);
        home.run(&["load", &day, "--to", &other.url()]).ends(0, "0 new, 8 already there");
        home.run(&["export", "elastic", &other.url()]).ends(0, "0 new, 8 already there");
        // A part that is asked for is a part of the whole, and as JSON the account is one.
        let arguments = ["export", "elastic", &other.url(), "122.166.26.132", "-o", "json"];
        let told = home.run(&arguments).succeeds().json();
        assert_eq!((&told["flows"], &told["already"]), (&json!(0), &json!(5)));
        assert_eq!(other.count(), IN_DAY);
    }
}

#[test]
fn equal_flows_of_other_captures_are_others() {
    for server in Server::all() {
        let home = Home::new();
        let one = home.file("one.pcap", &capture(&[exports(0, &FLOWS[..1])]));
        let other = home.file("other.pcap", &capture(&[exports(7, &FLOWS[..1])]));
        let load = |file: &str, told: &str| {
            home.run(&["load", file, "--to", &server.url()]).ends(0, told);
        };
        load(&one, "1 new, 0 already there");
        load(&other, "1 new, 0 already there");
        load(&one, "0 new, 1 already there");
        load(&other, "0 new, 1 already there");
        assert_eq!(server.count(), 2);
        // As many as a store has that both were loaded into.
        home.run(&["load", &one, &other]).succeeds();
        home.run(&["export", "elastic", &server.url()]).ends(0, "0 new, 2 already there");
    }
}

#[test]
fn each_day_has_an_index_and_all_have_one_name() {
    for server in Server::all() {
        let home = Home::new();
        let file = home.path("days.pcap");
        let file = file.to_str().unwrap();
        let made = ["generate", file, "--flows", "3000", "--start", "2007-07-25T20:00:00Z"];
        home.run(&made).succeeds();
        home.run(&["load", file]).succeeds();
        let export = ["export", "elastic", &server.url(), "--by", "day"];
        home.run(&export).ends(0, "3,000 new");
        home.run(&export).ends(0, "0 new, 3,000 already there");
        home.run(&["load", file, "--to", &server.url(), "--by", "day"])
            .ends(0, "0 new, 3,000 already there");
        assert_eq!(server.count(), 3_000);
        let midnight = "2007-07-26T00:00:00Z";
        for (day, range) in [("2007.07.25", "lt"), ("2007.07.26", "gte")] {
            let search =
                format!(r#"{{"query":{{"range":{{"time":{{"{range}":"{midnight}"}}}}}}}}"#);
            let count = |index: &str, search: &str| {
                server.send("POST", &format!("/{index}/_count"), search)["count"].as_u64().unwrap()
            };
            let of_day = format!("{}-{day}", server.index);
            let of_all = count(&server.index, &search);
            assert_eq!(
                (count(&of_day, r#"{"query":{"match_all":{}}}"#), count(&of_day, &search)),
                (of_all, of_all)
            );
            assert!(of_all > 0, "{day}");
        }
        let found = home.run(&["query", "0.0.0.0/0", "--count", "--store", &server.url()]);
        assert_eq!(found.succeeds().stdout, "3000\n");
        // What is there is no single index, which is said before anything is written.
        home.run(&["export", "elastic", &server.url()]).ends(1, "is an alias of several indexes");
    }
}

#[test]
fn a_data_stream_takes_each_flow_once_also_after_it_rolled_over() {
    let home = Home::with_store();
    for server in Server::all() {
        let export = ["export", "elastic", &server.url(), "--by", "stream"];
        match server.version {
            Version::Elastic6 => {
                home.run(&export).ends(1, "Elasticsearch 6 has no data streams");
            }
            Version::Elastic8 | Version::OpenSearch => {
                home.run(&export).ends(0, "6 new");
                home.run(&export).ends(0, "0 new, 6 already there");
                server.send("POST", &format!("/{}/_rollover", server.index), "{}");
                home.run(&export).ends(0, "0 new, 6 already there");
                let day = home.file("again.pcap", &capture(&[exports(0, &FLOWS)]));
                let load = ["load", &day, "--to", &server.url(), "--by", "stream"];
                home.run(&load).ends(0, "0 new, 6 already there");
                assert_eq!(server.count(), 6);
                let stamped = server.documents(r#"{"range":{"@timestamp":{"lt":"2008"}}}"#);
                assert_eq!(stamped.len(), 6);
            }
        }
    }
}

#[test]
fn documents_by_the_common_schema_are_found_by_its_names() {
    for server in Server::all() {
        let home = Home::with_store();
        let export = ["export", "elastic", &server.url(), "--schema", "ecs"];
        home.run(&export).ends(0, "6 new");
        home.run(&export).ends(0, "0 new, 6 already there");
        let found = server.documents(r#"{"term":{"source.ip":"10.0.0.2"}}"#);
        let [(_, document)] = &found[..] else { panic!("{found:?}") };
        assert_eq!(document["@timestamp"], "2007-08-02T07:42:30.000Z");
        assert_eq!(document["destination"]["ip"], "10.0.0.3");
        assert_eq!(document["network"]["bytes"], 5000);
        assert_eq!(document["network"]["transport"], "tcp");
        assert_eq!(document["event"]["duration"], 250_000_000);
        assert_eq!(document["observer"]["ip"], "192.0.2.1");
        let query = ["query", "10.0.0.2", "--store", &server.url()];
        home.run(&query).ends(1, "are by the schema ecs, which others read");
        home.run(&["export", "elastic", &server.url()]).ends(1, "are by the schema ecs");
    }
}

#[test]
fn a_document_that_is_refused_is_told_with_its_id_and_the_others_are_there() {
    for server in Server::all() {
        let home = Home::with_store();
        let properties = r#"{"dynamic":false,"properties":{"bytes":{"type":"byte"}}}"#;
        let mappings = match server.version {
            Version::Elastic6 => format!(r#"{{"mappings":{{"_doc":{properties}}}}}"#),
            _ => format!(r#"{{"mappings":{properties}}}"#),
        };
        server.send("PUT", &format!("/{}", server.index), &mappings);
        // Of the six flows three have more bytes than the type holds.
        let run = home.run(&["export", "elastic", &server.url()]);
        let run = run.ends(3, "3 new, 0 already there, 3 refused");
        assert_eq!(run.stderr.matches(" is refused: ").count(), 3, "{}", run.stderr);
        assert!(run.stderr.contains("3 documents refused: "), "{}", run.stderr);
        assert_eq!(server.count(), 3);
        let day = home.file("again.pcap", &capture(&[exports(0, &FLOWS)]));
        home.run(&["load", &day, "--to", &server.url()])
            .ends(3, "0 new, 3 already there, 3 refused");
    }
}

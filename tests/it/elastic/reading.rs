//! Questions to an index have the answers that a store has.

use std::cell::RefCell;

use earlgrey_hbase::sink::elastic::{ElasticLoader, Target};
use earlgrey_hbase::store::conformance;
use earlgrey_hbase::store::elastic::Options;

use super::{Server, Version, day};
use crate::cli::{Home, nat_events};

/// What an index is not: it keeps no ledger and nothing that options told, forgets nothing by itself,
/// lets everybody write, and has no end of time.
const LEFT_OUT: [&str; 20] = [
    "a_store_that_nothing_was_written_to_is_empty",
    "a_snapshot_stays_as_it_was",
    "there_is_one_writer_at_a_time",
    "a_writer_that_is_dropped_leaves_no_part_of_a_batch",
    "the_ledger_keeps_the_last_word_of_each_load_in_order",
    "a_datagram_is_stored_once_by_many_writers",
    "a_datagram_without_flows_is_remembered",
    "every_extreme_value_comes_back",
    "flows_of_every_age_are_found_by_time",
    "names_that_exporters_told_are_kept_and_later_ones_replace_them",
    "what_was_told_last_is_remembered",
    "they_go_when_they_are_old",
    "flows_before_a_moment_go_and_no_others",
    "a_flow_at_the_end_of_time_hinders_no_expiry",
    "days_go_one_after_the_other_and_new_ones_come",
    "what_comes_after_the_old_flows_went_stays_however_old",
    "a_datagram_with_a_flow_left_is_not_forgotten",
    "a_snapshot_keeps_the_flows_that_go",
    "old_flows_go_beside_a_writer",
    "random_stores_answer_random_scans_as_a_sorted_map_does",
];

/// What takes minutes, and asks nothing in which the servers differ: one of them is asked.
const ASKED_ONCE: [&str; 3] = [
    "flows_behind_a_nat_are_found_by_their_addresses_there",
    "they_are_found_where_the_first_ones_come_late",
    "a_flow_behind_a_nat_that_is_written_again_is_there_once",
];

#[test]
fn it_reads_as_every_store_must() {
    for server in Server::all() {
        println!("{:?}", server.version);
        let is_first = server.version == Version::Elastic8;
        let once = if is_first { &[][..] } else { &ASKED_ONCE };
        let left_out = [&LEFT_OUT[..], once].concat();
        let indexes = RefCell::new(Vec::new());
        conformance::all_but(&left_out, &|| {
            let index = super::new_index();
            let location = format!("elastic://{}/{index}", server.node).parse().unwrap();
            indexes.borrow_mut().push(index);
            Box::new(ElasticLoader::new(location, Options::default(), Target::default()).unwrap())
        });
        for index in indexes.into_inner() {
            server.send("DELETE", &format!("/{index}"), "");
        }
    }
}

/// Questions whose answers an index and a store must have in common.
const QUESTIONS: [&[&str]; 15] = [
    &["query", "122.166.26.132"],
    &["query", "122.166.26.132", "--direction", "any", "-o", "json"],
    &["query", "10.0.0.0/8", "--direction", "dst", "--since", "2007-08-02T07:42:05Z"],
    &["query", "0.0.0.0/0", "-o", "ndjson"],
    &["query", "--where", "port 443 and not src ip 10.0.0.2 and bytes > 100", "-o", "csv"],
    &["query", "--where", "flags S and packets > 3", "--count"],
    // Of 122.166.26.132:50000 and 10.0.0.1:443 over TCP.
    &["query", "--where", "community id \"1:h6rysIanWctlvIukkD/cn6DpxwQ=\"", "-o", "csv"],
    &["query", "122.166.26.132", "--bidir"],
    &["query", "122.166.26.132", "--limit", "2", "-o", "long"],
    &["active-flow"],
    &["active-flow", "--by", "flows", "-o", "json"],
    &["active-flow", "--where", "src ip 122.166.26.132", "--directed", "-o", "csv"],
    &["top", "srcip", "-o", "json"],
    &["timeline", "-o", "json"],
    &["export", "--to", "all.csv", "--force"],
];

#[test]
fn answers_are_those_of_the_store_that_was_exported() {
    for server in Server::all() {
        let home = Home::new();
        home.run(&["load", &day(&home)]).succeeds();
        home.run(&["load", &home.file("nat.pcap", &nat_events())]).succeeds();
        home.run(&["export", "elastic", &server.url()]).succeeds();
        for question in QUESTIONS {
            let own = home.run(question).succeeds();
            let far = home.run(&[question, &["--store", &server.url()]].concat()).succeeds();
            assert_eq!(own.stdout, far.stdout, "{:?}: {question:?}", server.version);
        }
        let json = |more: &[&str]| home.run(&[&["stats", "-o", "json"], more].concat()).json();
        let (own, far) = (json(&[]), json(&["--store", &server.url()]));
        assert_eq!(own["flows"], far["flows"], "{own} {far}");
        assert_eq!(own["protocols"], far["protocols"], "{own} {far}");
    }
}

#[test]
fn what_would_write_refuses_and_what_is_none_of_ours_is_told() {
    for server in Server::all() {
        let home = Home::with_store();
        let day = day(&home);
        let url = server.url();
        let far = |arguments: &[&str]| home.run(&[arguments, &["--store", &url]].concat());
        far(&["query", "10.0.0.1"]).ends(1, "there is no store here");
        home.run(&["export", "elastic", &url]).succeeds();
        far(&["load", &day]).ends(1, "only read here");
        far(&["expire", "--keep", "1d", "--all", "--yes"]).ends(1, "only read here");
        far(&["compact"]).ends(2, "for the embedded store");
        far(&["verify"]).ends(2, "for the embedded store");
        assert_eq!(server.count(), 6);
        let index = super::new_index();
        let document = format!("/{index}/_doc/1?refresh=true");
        server.send("PUT", &document, r#"{"srcAddress":"10.0.0.1"}"#);
        let other = format!("elastic://{}/{index}", server.node);
        home.run(&["query", "10.0.0.1", "--store", &other])
            .ends(1, "is none that flows were exported to");
        if server.version == Version::Elastic8 {
            let explained = far(&["query", "10.0.0.1", "--explain"]).succeeds();
            assert!(explained.stderr.contains("as of one moment"), "{}", explained.stderr);
        }
    }
}

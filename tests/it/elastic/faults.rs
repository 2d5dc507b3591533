//! Servers that fail: nothing is lost without being said, and nothing is there twice.

use std::sync::atomic::Ordering::Relaxed;

use super::proxy::{Fate, Proxy};
use super::{IN_DAY, Server, Version, day};
use crate::cli::Home;

/// The URL of the index behind a proxy.
fn through(proxy: &Proxy, server: &Server) -> String {
    format!("elastic://{}/{}", proxy.address, server.index)
}

#[test]
fn what_fails_on_the_way_is_sent_again_and_is_there_once() {
    let Some(server) = Server::of(Version::Elastic8) else { return };
    let home = Home::new();
    let day = day(&home);
    home.run(&["load", &day]).succeeds();
    for (fates, told) in [
        (&[Fate::Status(429), Fate::Status(503)][..], "8 new, 0 already there"),
        (&[Fate::Cut, Fate::Cut], "8 new, 0 already there"),
        (&[Fate::Late(300)], "8 new, 0 already there"),
        // The documents are there, but nobody was told, so that they count as being there already.
        (&[Fate::Lost], "already there, 0 refused"),
        (&[Fate::Half, Fate::Status(502)], "already there, 0 refused"),
    ] {
        for command in [&["export", "elastic"][..], &["load", &day, "--to"]] {
            let server = Server { index: super::new_index(), node: server.node.clone(), ..server };
            let proxy = Proxy::before(&server.node, "_bulk", fates);
            let run = home.run(&[command, &[&through(&proxy, &server)]].concat());
            run.ends(0, told);
            assert_eq!(server.count(), IN_DAY, "{fates:?}");
            assert!(proxy.met.load(Relaxed) >= fates.len(), "{fates:?}");
        }
    }
}

#[test]
fn a_server_that_never_takes_anything_is_given_up_with_what_it_said() {
    let Some(server) = Server::of(Version::Elastic8) else { return };
    let home = Home::with_store();
    for (fate, status, told) in [
        (Fate::Status(429), 1, "write: HTTP 429: so the test wants it"),
        (Fate::Status(400), 1, "write: HTTP 400: so the test wants it"),
        (Fate::Status(403), 1, "write: HTTP 403: so the test wants it"),
        (Fate::Nonsense, 1, "write: no answer of Elasticsearch: \"<html></html>\""),
        (Fate::Cut, 4, "cannot be reached"),
        (Fate::Late(3_000), 4, "cannot be reached"),
    ] {
        let proxy = Proxy::before(&server.node, "_bulk", &[fate; 100]);
        let url = through(&proxy, &server);
        let patience = ["--recovery-secs", "1", "--answer-secs", "0.5"];
        let run = home.run(&[&["export", "elastic", &url], &patience[..]].concat());
        run.ends(status, told);
    }
    // What answers, but is none.
    let proxy = Proxy::before(&server.node, "/", &[Fate::Nonsense; 100]);
    let url = through(&proxy, &server);
    home.run(&["export", "elastic", &url]).ends(1, "no Elasticsearch that is known answers");
    home.run(&["query", "10.0.0.1", "--store", &url]).ends(1, "no Elasticsearch that is known");
}

#[test]
fn a_server_that_is_not_there_is_told_at_once() {
    let home = Home::with_store();
    // Nobody listens at the port of a listener that is gone.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("elastic://user:secret@{gone}/flows");
    let began = std::time::Instant::now();
    for arguments in [
        &["export", "elastic", &url][..],
        &["load", &day(&home), "--to", &url],
        &["query", "10.0.0.1", "--store", &url],
        &["active-flow", "--store", &url, "-vv"],
    ] {
        let run = home.run(arguments).ends(4, "/flows: cannot be reached");
        assert!(run.stderr.contains("hint: check that Elasticsearch runs there"), "{}", run.stderr);
        assert!(!run.stderr.contains("secret"), "{}", run.stderr);
    }
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
    home.run(&["export", "elastic", "elastic://user:secret@a:b/flows"]).ends(2, "is no port");
}

#[test]
fn a_question_goes_on_where_an_answer_was_lost() {
    let Some(server) = Server::of(Version::Elastic8) else { return };
    let home = Home::new();
    home.run(&["load", &day(&home)]).succeeds();
    home.run(&["export", "elastic", &server.url()]).succeeds();
    let own = home.run(&["query", "0.0.0.0/0"]).succeeds();
    for fate in [Fate::Cut, Fate::Half, Fate::Status(503), Fate::Late(200)] {
        let proxy = Proxy::before(&server.node, "_search", &[fate]);
        let far = home.run(&["query", "0.0.0.0/0", "--store", &through(&proxy, &server)]);
        assert_eq!(far.succeeds().stdout, own.stdout, "{fate:?}");
    }
    let proxy = Proxy::before(&server.node, "_search", &[Fate::Nonsense; 9]);
    home.run(&["query", "0.0.0.0/0", "--store", &through(&proxy, &server)])
        .ends(1, "search: no answer of Elasticsearch");
}

#[test]
fn a_node_that_is_gone_is_passed_over() {
    let Some(server) = Server::of(Version::Elastic8) else { return };
    let home = Home::with_store();
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("elastic://{gone},{}/{}", server.node, server.index);
    home.run(&["export", "elastic", &url]).ends(0, "6 new");
    assert_eq!(server.count(), 6);
    let found = home.run(&["query", "122.166.26.132", "--count", "--store", &url]).succeeds();
    assert_eq!(found.stdout, "3\n");
}

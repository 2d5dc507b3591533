//! How a server begins and ends, and what it refuses to begin as.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::*;

#[test]
fn it_says_where_it_listens_whether_it_is_ready_and_ends_when_told() {
    for signal in ["-TERM", "-INT"] {
        let home = Home::with_store();
        let serving = home.serves(&[]);
        let answer = serving.get("/healthz", &[]);
        assert_eq!((answer.status, answer.body.as_str()), (200, "ok\n"));
        let answer = serving.get("/readyz", &[]);
        assert_eq!((answer.status, answer.body.as_str()), (200, "ready\n"));
        serving.get("/nothing", &[]).refuses(404, "there is nothing at /nothing");
        serving.send("DELETE", "/metrics", &[], "").refuses(405, "/metrics does not answer DELETE");
        // A connection that says nothing keeps nobody waiting at the end.
        let silent = TcpStream::connect(serving.at()).unwrap();
        let began = Instant::now();
        let (status, said) = serving.ends(signal);
        assert_eq!(status, Some(0), "{said}");
        assert!(said.contains("stopping: "), "{said}");
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        drop(silent);
    }
}

#[test]
fn a_server_without_a_store_lives_but_is_not_ready() {
    let home = Home::new();
    let serving = home.serves(&[]);
    assert_eq!(serving.get("/healthz", &[]).status, 200);
    let answer = serving.get("/readyz", &[]);
    answer.refuses(503, "the store cannot be opened");
    // What is where on the machine is nobody's business.
    assert!(!answer.body.contains("data/earlgrey-hbase"), "{answer:?}");
}

#[test]
fn it_refuses_to_be_open_to_others_and_says_what_to_do() {
    let home = Home::with_store();
    let open = ["serve", "--listen", "0.0.0.0:0"];
    home.run(&open).ends(2, "others could listen in; name a certificate with --tls-cert");
    home.run(&["serve", "--listen", "[::]:0"]).ends(2, "--proxy ADDR");
    home.run(&["serve", "--listen", "127.0.0.1:0", "--listen", "192.0.2.1:0"])
        .ends(2, "listen at 192.0.2.1:0: others could listen in");
    home.run(&["serve", "--tls-cert", "x.pem"]).ends(2, "--tls-key <FILE>");
    home.run(&["serve", "--listen", "here"])
        .ends(2, "--listen: \"here\" is no address with a port");
    home.run(&["serve", "--local-role", "king"]).ends(2, "write reader, analyst, admin, or none");
    home.run(&["serve", "--proxy", "nginx"]).ends(2, "--proxy: \"nginx\" is no address");
    home.run(&["serve", "--host", "a b"]).ends(2, "is no name of a host");
    let tls = [&open[..], &["--tls-cert", "gone.pem", "--tls-key", "gone.pem"]].concat();
    home.run(&tls).ends(2, "make a token first, `earlgrey-hbase token add NAME`");
    home.run(&["token", "add", "grafana"]).succeeds();
    home.run(&tls).ends(1, "gone.pem");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().map(|address| (taken, address.to_string())).unwrap();
    let told = format!("serve: listen at {}: Address already in use", taken.1);
    home.run(&["serve", "--listen", &taken.1]).ends(1, &told);
}

#[test]
fn half_a_request_takes_nothing_from_others() {
    let home = Home::with_store();
    let serving = home.serves(&["--max-connections", "8"]);
    // Half of the room is the most that one address gets; the others are closed at once.
    let mut slow: Vec<TcpStream> = Vec::new();
    for _ in 0..20 {
        let mut stream = TcpStream::connect(serving.at()).unwrap();
        let _ = write!(stream, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ");
        slow.push(stream);
    }
    let mut first = &slow[0];
    first.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let began = Instant::now();
    let mut answer = Vec::new();
    // It is closed by itself, though a byte of it comes now and then.
    while began.elapsed() < Duration::from_secs(60) {
        first.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        if matches!(first.read_to_end(&mut answer), Ok(_)) || first.write_all(b"a").is_err() {
            break;
        }
    }
    assert!(began.elapsed() < Duration::from_secs(40), "{:?}", began.elapsed());
    until("room", || serving.get("/healthz", &[]).status == 200);
}

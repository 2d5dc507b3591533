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
fn others_than_the_proxy_are_not_answered_where_they_could_listen_in() {
    // An address of this machine that is not its own alone; nothing is sent there.
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    let own = socket.connect("192.0.2.1:9").and_then(|()| socket.local_addr());
    let Some(own) = own.ok().map(|own| own.ip().to_string()).filter(|own| own != "0.0.0.0") else {
        return crate::needs::missing("this machine has no address but the loopback's");
    };
    let home = Home::with_store();
    let token = format!("Authorization: Bearer {}", home.token("grafana", "admin"));
    let listen = format!("{own}:0");
    let serving = home.serves(&["--listen", &listen, "--proxy", "192.0.2.7"]);
    let me = |fields: &[&str]| serving.get("/api/v1/me", fields);
    for fields in [&[][..], &[token.as_str()], &["Remote-User: anna"]] {
        me(fields).refuses(403, "only by its proxy can this server be asked");
    }
    assert_eq!(serving.get("/healthz", &[]).status, 200);
    drop(serving);
    let serving = home.serves(&["--listen", &listen, "--proxy", &own]);
    let me = |fields: &[&str]| serving.get("/api/v1/me", fields);
    assert_eq!(me(&["Remote-User: anna"]).json()["name"], "anna");
    assert_eq!(me(&[&token]).json()["name"], "grafana");
    assert_eq!(me(&[]).status, 401);
}

#[test]
fn half_a_request_takes_nothing_from_others() {
    let home = Home::with_store();
    let serving = home.serves(&["--max-connections", "8"]);
    let mut slow: Vec<TcpStream> = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(serving.at()).unwrap();
        let _ = write!(stream, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ");
        slow.push(stream);
    }
    let began = Instant::now();
    let mut half = TcpStream::connect(serving.at()).unwrap();
    let _ = write!(half, "POST /logout HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nx=");
    for stream in &mut slow {
        // It is closed by itself, though a byte of it comes now and then.
        stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        let mut answer = Vec::new();
        while stream.write_all(b"a").is_ok() && stream.read_to_end(&mut answer).is_err() {
            assert!(began.elapsed() < Duration::from_secs(40), "{:?}", began.elapsed());
        }
    }
    assert_eq!(serving.get("/healthz", &[]).status, 200);
    half.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
    let mut answer = Vec::new();
    half.read_to_end(&mut answer).unwrap();
    Answer::parse(&answer).refuses(408, "took too long to come");
}

#[test]
fn one_address_gets_half_of_the_room() {
    let home = Home::with_store();
    let serving = home.serves(&["--max-connections", "8"]);
    let silent: Vec<TcpStream> =
        (0..4).map(|_| TcpStream::connect(serving.at()).unwrap()).collect();
    let asks = || serving.bytes(b"GET /healthz HTTP/1.0\r\n\r\n");
    until("closed at once", || asks().is_empty());
    assert_eq!(serving.from("127.0.0.9", "/healthz", &[]).status, 200);
    drop(silent);
    until("room", || asks().starts_with(b"HTTP/1.0 200 OK"));
}

#[test]
fn a_reader_that_takes_nothing_is_given_no_more_than_its_buffer() {
    let home = Home::with_store();
    let serving = home.serves(&[]);
    let memory = || {
        let path = format!("/proc/{}/status", serving.child.id());
        let status = std::fs::read_to_string(path).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    assert_eq!(serving.get("/metrics", &[]).status, 200);
    let before = memory();
    // Requests one behind the other, of whose answers nothing is read.
    let request = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(1000);
    let readers: Vec<TcpStream> = (0..20)
        .map(|_| {
            let mut stream = TcpStream::connect(serving.at()).unwrap();
            stream.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
            for _ in 0..100 {
                if stream.write_all(&request).is_err() {
                    break;
                }
            }
            stream
        })
        .collect();
    if std::env::var_os("EARLGREY_LONG").is_some() {
        let mut last = &readers[0];
        thread::sleep(Duration::from_secs(70));
        // What had been sent until then is there yet, and then it is over.
        let mut bytes = Vec::new();
        let _ = last.read_to_end(&mut bytes);
        assert!(last.write_all(&request).is_err() || last.write_all(&request).is_err());
    }
    let grown = memory().saturating_sub(before);
    assert!(grown < 20_000, "{grown} kB for {} readers", readers.len());
    assert_eq!(serving.get("/healthz", &[]).status, 200);
}

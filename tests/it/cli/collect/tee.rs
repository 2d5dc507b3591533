//! What is received is sent on as it came.

use super::*;

/// All that comes to a socket until nothing has come for a while.
fn received(socket: &UdpSocket, count: usize) -> Vec<(SocketAddr, Vec<u8>)> {
    socket.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
    let mut buffer = vec![0; 1 << 16];
    let mut take = |_| {
        let (bytes, from) = socket.recv_from(&mut buffer).unwrap();
        (from, buffer[..bytes].to_vec())
    };
    (0..count).map(&mut take).collect()
}

fn tee<'a>(status: &'a Value, to: &SocketAddr) -> &'a Value {
    let tees = status["tees"].as_array().unwrap();
    tees.iter().find(|tee| tee["to"] == to.to_string()).unwrap()
}

#[test]
fn datagrams_are_sent_on_as_they_came_from_whom_they_came() {
    let home = Home::new();
    let (near, far) = (UdpSocket::bind("127.0.0.1:0"), UdpSocket::bind("[::1]:0"));
    let (near, far) = (near.unwrap(), far.unwrap());
    let (to, to_far) = (near.local_addr().unwrap(), far.local_addr().unwrap());
    let both = [to.to_string(), to_far.to_string()];
    let collecting = home.collects(&["--tee", &both[0], "--tee", &both[1]]);
    let mut payloads: Vec<_> = (0..40).map(|number| exports(number * 6, &FLOWS)).collect();
    // Also what is no export, and the largest that a machine sends in one piece.
    payloads.extend([b"no export".to_vec(), vec![7; 8000]]);
    let sender = UdpSocket::bind("127.0.0.3:0").unwrap();
    for payload in &payloads {
        sender.send_to(payload, collecting.to()).unwrap();
    }
    let came = received(&near, payloads.len());
    assert!(came.iter().map(|(_, payload)| payload).eq(&payloads));
    let came_far = received(&far, payloads.len());
    assert!(came_far.iter().map(|(_, payload)| payload).eq(&payloads));
    home.comes_to(40 * FLOWS.len());
    let run = collecting.ends("-TERM").succeeds();
    let status = home.status();
    let counts = tee(&status, &to);
    for tee in [counts, tee(&status, &to_far)] {
        assert_eq!(
            (&tee["datagrams"], &tee["dropped"], &tee["failed"], &tee["failure"]),
            (&payloads.len().into(), &0.into(), &0.into(), &Value::Null),
            "{status}"
        );
    }
    let keeps = counts["keepsSources"].as_bool().unwrap();
    assert_eq!(!keeps, run.stderr.contains("may not send as others"), "{}", run.stderr);
    let from = sender.local_addr().unwrap();
    assert!(came.iter().all(|(source, _)| (*source == from) == keeps), "{from}, {came:?}");
    // Nobody of the other family can say that he is this exporter.
    assert!(came_far.iter().all(|(source, _)| source.ip() == to_far.ip()));
}

#[test]
fn a_collector_behind_another_stores_the_same() {
    let home = Home::new();
    home.run(&["generate", "day.pcap", "--flows", "20000", "--hours", "1"]).succeeds();
    let behind = Home::new();
    let second = behind.collects(&[]);
    let first = home.collects(&["--tee", &second.to().to_string()]);
    let to = first.to().to_string();
    home.run(&["replay", "day.pcap", "--to", &to, "--rate", "3000"]).succeeds();
    home.comes_to(20_000);
    behind.comes_to(20_000);
    first.ends("-TERM").succeeds();
    second.ends("-TERM").succeeds();
    let asked = ["query", "0.0.0.0/0", "-o", "csv:%sa,%da,%sp,%dp,%pr,%tsr,%byt,%pkt"];
    assert_eq!(home.run(&asked).stdout, behind.run(&asked).stdout);
    let page = home.run(&["collect", "status"]).succeeds().stdout;
    assert!(page.contains("sent on to"), "{page}");
}

#[test]
fn a_tee_that_cannot_be_is_refused_and_one_that_nobody_hears_harms_nothing() {
    let home = Home::new();
    let free = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    for (arguments, status, message) in [
        (&["collect", "--tee", "nowhere"][..], 2, "--tee: \"nowhere\" is no address"),
        (&["collect", "--listen", &free, "--tee", &free], 1, "it is received here"),
    ] {
        home.run(arguments).ends(status, message);
    }
    let collecting = home.collects(&["--tee", &free]);
    let payloads: Vec<_> = (0..10).map(|number| exports(number * 6, &FLOWS)).collect();
    send("127.0.0.1", collecting.to(), &payloads);
    home.comes_to(10 * FLOWS.len());
    collecting.ends("-TERM").succeeds();
}

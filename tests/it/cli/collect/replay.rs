//! `replay` to a socket that listens.

use super::*;

/// What a socket receives until so many datagrams have come.
fn receive(socket: UdpSocket, count: usize) -> JoinHandle<Vec<(SocketAddr, Vec<u8>)>> {
    socket.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
    thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        let mut take = |_| {
            let (bytes, from) = socket.recv_from(&mut buffer).unwrap();
            (from, buffer[..bytes].to_vec())
        };
        (0..count).map(&mut take).collect()
    })
}

#[test]
fn a_capture_is_sent_whole_at_every_pace() {
    let home = Home::new();
    let payloads: Vec<_> = (0..40).map(|number| exports(number * 6, &FLOWS)).collect();
    let file = home.file("day.pcap", &capture(&payloads));
    for (address, pace) in
        [("127.0.0.1:0", &["--rate", "5000"][..]), ("[::1]:0", &["--speed", "3"]), ("[::1]:0", &[])]
    {
        let socket = UdpSocket::bind(address).unwrap();
        let to = socket.local_addr().unwrap().to_string();
        let receiver = receive(socket, payloads.len());
        let run = home.run(&[&["replay", &file, "--to", &to, "-o", "json"], pace].concat());
        let run = run.ends(0, "sent 40 datagrams ");
        assert_eq!(run.json()["datagrams"], 40);
        let came = receiver.join().unwrap();
        assert!(came.iter().map(|(_, payload)| payload).eq(&payloads));
        // All come from the one port of the one exporter.
        assert!(came.iter().all(|(from, _)| *from == came[0].0));
    }
}

#[test]
fn what_is_replayed_is_collected_as_it_is_loaded() {
    let home = Home::new();
    let made = ["generate", "day.pcap", "--flows", "20000", "--hours", "1", "--loss", "0.01"];
    home.run(&made).succeeds();
    let loaded = home.run(&["load", "day.pcap", "--store", "loaded", "-o", "json"]).json();
    let collecting = home.collects(&["-o", "json"]);
    let to = collecting.to().to_string();
    home.run(&["replay", "day.pcap", "--to", &to, "--rate", "3000"]).succeeds();
    home.comes_to(loaded["stored"].as_u64().unwrap() as usize);
    let collected = collecting.ends("-TERM").succeeds().json();
    for name in ["datagrams", "decoded", "records", "stored", "octets", "packets", "first", "last"]
    {
        assert_eq!(collected["load"][name], loaded[name], "{name}");
    }
    // Each exporter's port was sent from a port of its own, so that the same flows are missed.
    let lost = |load: &Value| -> u64 {
        load["lost"].as_array().unwrap().iter().map(|lost| lost["count"].as_u64().unwrap()).sum()
    };
    assert!(lost(&loaded) > 0);
    assert_eq!(lost(&collected["load"]), lost(&loaded));
}

#[test]
fn what_cannot_be_sent_is_told() {
    let home = Home::new();
    let file = home.file("day.pcap", &capture(&[exports(0, &FLOWS)]));
    for (arguments, status, message) in [
        (&["replay", &file][..], 2, "--to <ADDR:PORT>"),
        (&["replay", &file, "--to", "nowhere"], 2, "--to: \"nowhere\" is no address"),
        (&["replay", &file, "--to", "127.0.0.1:9", "--rate", "0"], 2, "--rate: must be more than"),
        (&["replay", "gone.pcap", "--to", "127.0.0.1:9"], 1, "gone.pcap"),
    ] {
        home.run(arguments).ends(status, message);
    }
    let text = home.file("text", b"no capture");
    home.run(&["replay", &text, "--to", "127.0.0.1:9"]).ends(3, "sent 0 datagrams");
}

#[test]
fn datagrams_with_other_addresses_are_collected_as_flows_with_other_addresses_are_shown() {
    let home = Home::new();
    let key = home.file("key", &[7; 32]);
    let sorted = |run: Run| {
        let mut lines: Vec<String> = run.succeeds().stdout.lines().map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    };
    for format in ["v5", "v9", "ipfix"] {
        let capture = format!("{format}.pcap");
        let made = ["generate", &capture, "--flows", "2000", "--exporters", "1", "--engines", "1"];
        home.run(&[&made[..], &["--format", format]].concat()).succeeds();
        let loaded = format!("loaded-{format}");
        home.run(&["load", &capture, "--store", &loaded]).succeeds();
        let shown = "fmt:%ts %td %sa %da %nh %pr %sp %dp %pkt %byt %sas %das %flg";
        let all = ["query", "0.0.0.0/0", "-N", "-o", shown];
        let expected =
            sorted(home.run(&[&all[..], &["--store", &loaded, "--anonymise", &key]].concat()));
        let collected = format!("collected-{format}");
        let collecting = home.collects(&["--store", &collected, "--spool", &format!("s-{format}")]);
        let to = collecting.to().to_string();
        let replay = ["replay", &capture, "--to", &to, "--rate", "2000", "--anonymise", &key];
        home.run(&replay).ends(0, "addresses are replaced by others");
        let count = ["query", "0.0.0.0/0", "--count", "--store", &collected];
        until("all flows", || home.run(&count).stdout == format!("{}\n", expected.len() - 1));
        collecting.ends("-TERM").succeeds();
        let found = sorted(home.run(&[&all[..], &["--store", &collected]].concat()));
        assert!(found.len() > 1_500 && found == expected, "{format}: {}", found.len());
    }
}

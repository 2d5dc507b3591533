//! Exporters that others wrote send to the collector; nfcapd, given the same datagrams, counts the
//! same flows, octets and packets.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::*;
use crate::{interop, needs};

/// Passes on to `to` what comes to a port of its own, and keeps it.
struct Tee {
    port: u16,
    over: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Vec<u8>>>,
}

impl Tee {
    fn start(to: SocketAddr) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let port = socket.local_addr().unwrap().port();
        let over = Arc::<AtomicBool>::default();
        let ends = Arc::clone(&over);
        let thread = thread::spawn(move || {
            let mut buffer = vec![0; 1 << 16];
            let mut came = Vec::new();
            loop {
                // What was sent before the exporter ended is there to be taken.
                let last = ends.load(Relaxed);
                match socket.recv(&mut buffer) {
                    Ok(bytes) => {
                        socket.send_to(&buffer[..bytes], to).unwrap();
                        came.push(buffer[..bytes].to_vec());
                    }
                    Err(_) if last => return came,
                    Err(_) => {}
                }
            }
        });
        Self { port, over, thread }
    }

    fn end(self) -> Vec<Vec<u8>> {
        self.over.store(true, Relaxed);
        self.thread.join().unwrap()
    }
}

/// A capture of 2,000 packets in 300 flows, within twenty seconds.
fn packets() -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in [0xa1b2_c3d4u32, 0x0002_0004, 0, 0, 65_535, 1] {
        bytes.extend(word.to_be_bytes());
    }
    for number in 0..2000u32 {
        let flow = number % 300;
        let payload = vec![b'x'; 20 + flow as usize % 100];
        let udp_bytes = 8 + payload.len() as u16;
        let frame_bytes = 14 + 20 + u32::from(udp_bytes);
        let (seconds, micros) = (1_700_000_000 + number / 100, number % 100 * 10_000);
        for word in [seconds, micros, frame_bytes, frame_bytes] {
            bytes.extend(word.to_be_bytes());
        }
        bytes.extend([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0]);
        bytes.extend((20 + udp_bytes).to_be_bytes());
        bytes.extend([0, 1, 0, 0, 64, 17, 0, 0]);
        bytes.extend([10, 3, (flow % 250) as u8, 1, 10, 4, 1, (flow / 10) as u8]);
        for half in [1024 + flow as u16, 53, udp_bytes, 0] {
            bytes.extend(half.to_be_bytes());
        }
        bytes.extend(payload);
    }
    bytes
}

/// Has an exporter send by way of a collector's tee, and compares what became of it.
#[track_caller]
fn compare(home: &Home, what: &str, export: impl FnOnce(u16)) {
    let store = home.path("store").join(what);
    let store = store.to_str().unwrap();
    let collecting = home.collects(&["--store", store, "-o", "json"]);
    let tee = Tee::start(collecting.to());
    export(tee.port);
    let came = tee.end();
    assert!(!came.is_empty(), "{what} sent nothing");
    until("received", || {
        let status = home.run(&["collect", "status", "--store", store, "-o", "json"]);
        status.status == Some(0) && status.json()["sockets"][0]["datagrams"] == came.len()
    });
    let collected = collecting.ends("-TERM").succeeds().json();

    let nfcapd = home.path("nfcapd").join(what);
    fs::create_dir_all(&nfcapd).unwrap();
    interop::collect(&came.iter().map(Vec::as_slice).collect::<Vec<_>>(), &nfcapd);
    let theirs = interop::counts(&nfcapd);
    let load = &collected["load"];
    assert_eq!(load["datagrams"], came.len(), "{what}");
    assert_eq!(load["decoded"], came.len(), "{what}: {load}");
    // An exporter may cut a flow in several: nfcapd says in how many.
    assert!(theirs("Flows") >= 300, "{what}");
    for (name, ours) in [("Flows", "stored"), ("Bytes", "octets"), ("Packets", "packets")] {
        assert_eq!(load[ours], theirs(name), "{what}: {name}");
    }
}

/// Runs an exporter to its end.
#[track_caller]
fn ends(exporter: &mut Command) {
    let output = exporter.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[track_caller]
fn softflowd(capture: &str, to: &str, version: &str) {
    // With a socket to control it by, it now and then waits for somebody there in place of reading.
    ends(Command::new("softflowd").args(["-c", "none", "-r", capture, "-n", to, "-v", version]));
}

#[test]
fn softflowd_is_understood_as_nfcapd_understands_it() {
    if !needs::tools(&["nfcapd", "nfdump", "softflowd"]) {
        return;
    }
    let home = Home::new();
    let capture = home.file("net.pcap", &packets());
    for version in ["5", "9", "10"] {
        compare(&home, &format!("softflowd-{version}"), |port| {
            let to = format!("127.0.0.1:{port}");
            softflowd(&capture, &to, version);
        });
    }
}

#[test]
fn nfreplay_is_understood_as_nfcapd_understands_it() {
    if !needs::tools(&["nfcapd", "nfdump", "nfreplay", "softflowd"]) {
        return;
    }
    let home = Home::new();
    let capture = home.file("net.pcap", &packets());
    compare(&home, "softflowd", |port| {
        let to = format!("127.0.0.1:{port}");
        softflowd(&capture, &to, "5");
    });
    // What nfcapd wrote of it is sent on.
    let written = files_in(&home.path("nfcapd/softflowd"));
    let written = written.iter().find(|path| path.to_str().unwrap().contains("nfcapd.2")).unwrap();
    for version in ["5", "9"] {
        compare(&home, &format!("nfreplay-{version}"), |port| {
            let port = port.to_string();
            let to = ["-H", "127.0.0.1", "-p", &port, "-v", version, "-r"];
            ends(Command::new("nfreplay").args(to).arg(written));
        });
    }
}

/// Runs pmacctd until it has exported what it read.
#[track_caller]
fn pmacctd(home: &Home, configuration: &str) {
    let file = home.file("pmacctd.conf", configuration.as_bytes());
    let mut pmacctd = Command::new("pmacctd")
        .args(["-f", &file])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // It exports what it knows when it is told to end, and not before it has read all.
    thread::sleep(Duration::from_secs(4));
    signal(&pmacctd, "-INT");
    pmacctd.wait().unwrap();
    // Its plugin is a process of its own, which ends later.
    thread::sleep(Duration::from_secs(1));
}

#[test]
fn pmacct_is_understood_as_nfcapd_understands_it() {
    if !needs::tools(&["nfcapd", "nfdump", "pmacctd"]) {
        return;
    }
    let home = Home::new();
    let capture = home.file("net.pcap", &packets());
    for version in ["5", "9", "10"] {
        compare(&home, &format!("pmacct-{version}"), |port| {
            let configuration = format!(
                "daemonize: false\npcap_savefile: {capture}\nplugins: nfprobe[x]\n\
                 aggregate[x]: src_host,dst_host,src_port,dst_port,proto,tos\n\
                 nfprobe_receiver[x]: 127.0.0.1:{port}\nnfprobe_version[x]: {version}\n\
                 nfprobe_timeouts[x]: expint=1:maxlife=5:general=1:udp=1\n"
            );
            pmacctd(&home, &configuration);
        });
    }
}

/// What tshark finds in the sFlow datagrams `came`: the IP length of each sampled packet.
fn sampled_lengths(home: &Home, came: &[Vec<u8>]) -> Option<Vec<u64>> {
    let file = home.file("came.pcap", &capture(came));
    let decode = ["-r", &file, "-d", "udp.port==2055,sflow"];
    let show = ["-T", "fields", "-E", "occurrence=a", "-E", "aggregator=,", "-e", "ip.len"];
    let text = needs::tool("tshark", &[&decode[..], &show].concat())?;
    // The first one of each datagram is its own.
    let inner = text.lines().flat_map(|lengths| lengths.split(',').skip(1));
    Some(inner.map(|length| length.parse().unwrap()).collect())
}

#[test]
fn sflow_of_pmacct_is_understood_as_tshark_understands_it() {
    if !needs::tools(&["nfcapd", "nfdump", "pmacctd"]) {
        return;
    }
    let home = Home::new();
    let file = home.file("net.pcap", &packets());
    let collecting = home.collects(&["-o", "json"]);
    let tee = Tee::start(collecting.to());
    let configuration = format!(
        "daemonize: false\npcap_savefile: {file}\nplugins: sfprobe[x]\n\
         sfprobe_receiver[x]: 127.0.0.1:{}\nsfprobe_agentip[x]: 10.9.9.9\n",
        tee.port
    );
    pmacctd(&home, &configuration);
    let came = tee.end();
    home.status_says("received", |status| status["sockets"][0]["datagrams"] == came.len());
    let load = collecting.ends("-TERM").succeeds().json()["load"].clone();
    assert_eq!(load["decoded"], came.len(), "{load}");
    let Some(lengths) = sampled_lengths(&home, &came) else { return };
    assert!(lengths.len() > 1500, "{} samples", lengths.len());
    assert_eq!(load["stored"], lengths.len(), "{load}");
    assert_eq!(load["octets"], lengths.iter().sum::<u64>(), "{load}");
    let flows = home.run(&["query", "10.0.0.0/8", "-o", "json"]).succeeds().json();
    assert!(flows.as_array().unwrap().iter().all(|flow| flow["exporter"] == "10.9.9.9"));
}

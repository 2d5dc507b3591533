//! `collect` as a process of its own, with real sockets, and `replay`.

mod exporters;
mod faults;
mod hostile;
mod remembered;
mod replay;
mod tee;

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::process::Child;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::load::signal;
use super::*;

/// A collector under way.
pub(crate) struct Collecting {
    child: Child,
    said: Arc<Mutex<String>>,
    listener: Option<JoinHandle<()>>,
}

/// Waits until it is so; how long that takes decides nothing.
#[track_caller]
pub(crate) fn until(what: &str, mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < Duration::from_secs(40), "not {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

impl Home {
    /// A collector that commits often and listens at a port of its own.
    fn collects(&self, arguments: &[&str]) -> Collecting {
        self.collects_every("0.1", arguments)
    }

    /// One that commits every so many seconds.
    fn collects_every(&self, seconds: &str, arguments: &[&str]) -> Collecting {
        let all = [&["collect", "--listen", "127.0.0.1:0", "--commit-every", seconds], arguments];
        Collecting::start(self.command(&all.concat()))
    }

    fn count(&self) -> String {
        self.run(&["query", "0.0.0.0/0", "--count"]).stdout
    }

    #[track_caller]
    fn comes_to(&self, flows: usize) {
        until(&format!("{flows} flows"), || self.count() == format!("{flows}\n"));
    }

    fn status(&self) -> Value {
        self.run(&["collect", "status", "-o", "json"]).succeeds().json()
    }

    /// Waits until the status, which is written now and then, says so.
    #[track_caller]
    fn status_says(&self, what: &str, so: impl Fn(&Value) -> bool) {
        until(what, || {
            let status = self.run(&["collect", "status", "-o", "json"]);
            status.status == Some(0) && so(&status.json())
        });
    }
}

impl Collecting {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let said = Arc::<Mutex<String>>::default();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let writer = Arc::clone(&said);
        let listener = thread::spawn(move || {
            for line in stderr.lines() {
                *writer.lock().unwrap() += &(line.unwrap() + "\n");
            }
        });
        let mut collecting = Self { child, said, listener: Some(listener) };
        until("listening", || {
            let ended = collecting.child.try_wait().unwrap();
            assert!(ended.is_none(), "{ended:?}: {}", collecting.said());
            collecting.said().contains("listening at ")
        });
        collecting
    }

    fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    fn says(&self, what: &str) {
        until(what, || self.said().contains(what));
    }

    /// Where it listens.
    fn addresses(&self) -> Vec<SocketAddr> {
        let said = self.said();
        let listed = said.split("listening at ").nth(1).unwrap().split(',').next().unwrap();
        listed.split(' ').map(|address| address.parse().unwrap()).collect()
    }

    pub(crate) fn to(&self) -> SocketAddr {
        self.addresses()[0]
    }

    fn ends(mut self, name: &str) -> Run {
        signal(&self.child, name);
        let status = self.child.wait().unwrap();
        self.listener.take().unwrap().join().unwrap();
        let mut stdout = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        Run { status: status.code(), stdout, stderr: self.said() }
    }
}

impl Drop for Collecting {
    fn drop(&mut self) {
        // A test that failed leaves none behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends from a new port of this address.
fn send(from: &str, to: SocketAddr, payloads: &[Vec<u8>]) {
    let socket = UdpSocket::bind((from, 0)).unwrap();
    for payload in payloads {
        socket.send_to(payload, to).unwrap();
    }
}

/// The counts of an exporter in a status.
fn exporter<'a>(status: &'a Value, address: &str) -> &'a Value {
    let exporters = status["exporters"].as_array().unwrap();
    exporters.iter().find(|one| one["exporter"] == address).unwrap_or(&Value::Null)
}

#[test]
fn what_exporters_send_can_be_asked_for_soon_after_and_the_accounts_are_told_at_the_end() {
    for name in ["-TERM", "-INT"] {
        let home = Home::new();
        let collecting = home.collects(&["-o", "json"]);
        let first = exports(0, &FLOWS);
        send("127.0.0.1", collecting.to(), std::slice::from_ref(&first));
        home.comes_to(6);
        // The second is told as known, the third is cut, the last but one leaves a gap of four.
        let cut = exports(6, &FLOWS)[..30].to_vec();
        let junk = b"no export at all".to_vec();
        send("127.0.0.1", collecting.to(), &[first, cut, exports(10, &FLOWS[..2]), junk]);
        home.comes_to(8);
        let run = collecting.ends(name).ends(0, "collected 8 flows into ");
        for line in [
            "datagrams  5: 2 decoded, 1 duplicate, 1 malformed (cut 1), 1 no flow export",
            "records    14: 8 stored, 6 duplicate, 0 rejected",
            "127.0.0.1          5      8  4 flows          1        0         0          1        1",
        ] {
            assert!(run.stderr.contains(line), "{line} is not in:\n{}", run.stderr);
        }
        let told = run.json();
        assert_eq!((&told["load"]["stored"], &told["load"]["state"]), (&8.into(), &"done".into()));
        assert_eq!(exporter(&told["status"], "127.0.0.1")["lost"]["flows"], 4);
        assert_eq!(told["status"]["malformed"], serde_json::json!({"cut": 1}));
        let ledger = home.run(&["loads", "-o", "json"]).succeeds().json();
        assert_eq!(ledger.as_array().unwrap().len(), 1);
        assert_eq!((&ledger[0]["state"], &ledger[0]["datagrams"]), (&"done".into(), &5.into()));
        assert_eq!(ledger[0]["files"].as_array().unwrap().len(), 1);
        home.run(&["verify"]).succeeds();
    }
}

/// A datagram of v5 that was sent at `unix_secs`, with one flow that ended then.
fn sent_at(unix_secs: u32, source: &'static str) -> Vec<u8> {
    let mut payload = exports(unix_secs, &[(source, "10.0.0.2", 100, 0)]);
    payload[4..8].copy_from_slice(&0u32.to_be_bytes());
    payload[8..12].copy_from_slice(&unix_secs.to_be_bytes());
    payload
}

#[test]
fn flows_of_a_clock_that_runs_ahead_are_moved_and_those_of_one_that_is_behind_stay() {
    let home = Home::new();
    let collecting = home.collects(&["-o", "json"]);
    let ahead = sent_at(2_272_000_000, "10.0.0.1");
    send("127.0.0.1", collecting.to(), &[sent_at(BEGIN_SECS, "10.0.0.7")]);
    send("127.0.0.3", collecting.to(), std::slice::from_ref(&ahead));
    home.comes_to(2);
    let flow = |source: &str| {
        let found = home.run(&["query", source, "-o", "json"]).succeeds().json();
        found[0].clone()
    };
    let moved = flow("10.0.0.1");
    let first = moved["time"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let past = jiff::Timestamp::now().as_second() - first.as_second();
    assert!((0..100).contains(&past), "{moved}");
    // What the exporter told stays with the flow, and can be asked for as it is shown.
    assert_eq!(moved["flowStartMilliseconds"], "2041-12-30T07:06:40.000Z");
    let told = "element flowStartMilliseconds >= 2041-12-30T07:06:40Z";
    assert_eq!(home.run(&["query", "--where", told, "--count"]).succeeds().stdout, "1\n");
    let behind = flow("10.0.0.7");
    assert!(behind["time"].as_str().unwrap().starts_with("2007-"), "{behind}");
    assert_eq!(behind["flowStartMilliseconds"], Value::Null);
    home.status_says("whose clock it is", |status| {
        let ahead = exporter(status, "127.0.0.3");
        let by_days = ahead["clockAhead"]["byMs"].as_u64().unwrap_or(0) / 86_400_000;
        let behind = &exporter(status, "127.0.0.1");
        let behind_days = behind["clockOff"]["aheadMs"].as_i64().unwrap_or(0) / -86_400_000;
        ahead["moved"] == 1
            && by_days > 4000
            && ahead["clockOff"].is_null()
            && behind["clockAhead"].is_null()
            && behind_days > 6000
    });
    let status = home.run(&["collect", "status"]).succeeds().stdout;
    assert!(status.contains("clock ahead by") && status.contains("clock behind by"), "{status}");
    let clocks = home.run(&["stats", "-o", "json"]).succeeds().json()["clocks"].clone();
    let ahead_ms = |place: usize| clocks[place]["aheadMs"].as_i64().unwrap();
    assert!(ahead_ms(0) < 0 && ahead_ms(1) > 0, "{clocks}");
    collecting.says("127.0.0.3: its clock is ");
    // It is one datagram, wherever it comes from.
    send("127.0.0.3", collecting.to(), std::slice::from_ref(&ahead));
    home.status_says("a duplicate", |status| exporter(status, "127.0.0.3")["duplicates"] == 1);
    let run = collecting.ends("-TERM").ends(0, "1 flow to their receipt, of clocks that run ahead");
    let load = &run.json()["load"];
    assert_eq!((&load["moved"], &load["ahead"][0]["exporter"]), (&1.into(), &"127.0.0.3".into()));
    // A capture's times are anybody's: load moves nothing.
    let path = home.file("ahead.pcap", &capture(&[ahead]));
    home.run(&["load", &path, "--store", "loaded"]).ends(0, "1 stored");
    let found =
        home.run(&["query", "10.0.0.1", "--store", "loaded", "-o", "json"]).succeeds().json();
    assert!(found[0]["time"].as_str().unwrap().starts_with("2041-12-30"), "{found}");
}

#[test]
fn ipv6_and_several_addresses_are_listened_at() {
    let home = Home::new();
    let collecting = home.collects(&["--listen", "[::1]:0", "--listen", "[::]:0"]);
    let addresses = collecting.addresses();
    send("127.0.0.1", addresses[0], &[exports(0, &FLOWS[..1])]);
    send("::1", addresses[1], &[exports(0, &FLOWS[..2])]);
    // Over the socket of both families.
    let both = SocketAddr::from(([127, 0, 0, 1], addresses[2].port()));
    send("127.0.0.2", both, &[exports(0, &FLOWS[..3])]);
    home.comes_to(6);
    for (address, flows) in [("127.0.0.1", 1), ("::1", 2), ("127.0.0.2", 3)] {
        home.status_says(address, |status| exporter(status, address)["flows"] == flows);
    }
    let flows = home.run(&["query", "0.0.0.0/0", "-o", "json"]).succeeds().json();
    assert!(flows.as_array().unwrap().iter().any(|flow| flow["exporter"] == "::1"));
    collecting.ends("-TERM").succeeds();
}

#[test]
fn only_exporters_on_the_list_are_heard_and_the_list_can_be_changed() {
    let home = Home::new();
    let configure = |exporters: &str| {
        home.file("config/earlgrey-hbase/earlgrey.toml", exporters.as_bytes());
    };
    configure("[collect]\nexporters = ['127.0.0.2', '10.0.0.0/8']\n");
    let collecting = home.collects(&[]);
    send("127.0.0.1", collecting.to(), &[exports(0, &FLOWS[..1]), exports(1, &FLOWS[..1])]);
    send("127.0.0.2", collecting.to(), &[exports(0, &FLOWS[..2])]);
    home.comes_to(2);
    home.status_says("refused", |status| exporter(status, "127.0.0.1")["refused"] == 2);

    configure("[collect]\nexporters = 7\n");
    signal(&collecting.child, "-HUP");
    collecting.says("the configuration stays as it was: ");
    configure("[collect]\nexporters = ['127.0.0.0/8']\ncommit_secs = 1\n");
    signal(&collecting.child, "-HUP");
    collecting.says("exporters: 127.0.0.0/8, was 127.0.0.2/32, 10.0.0.0/8");
    assert!(!collecting.said().contains("commit every"), "the flag weighs more");
    signal(&collecting.child, "-HUP");
    collecting.says("nothing changed");
    send("127.0.0.1", collecting.to(), &[exports(0, &FLOWS[..1])]);
    home.comes_to(3);
    let run = collecting.ends("-TERM").succeeds();
    assert!(run.stderr.contains("datagrams  2: 2 decoded"), "{}", run.stderr);
}

#[test]
fn the_counters_are_served_as_prometheus_reads_them() {
    let home = Home::new();
    let collecting = home.collects(&["--metrics", "127.0.0.1:0"]);
    send("127.0.0.1", collecting.to(), &[exports(0, &FLOWS), exports(16, &FLOWS)]);
    home.comes_to(12);
    let said = collecting.said();
    let address = said.split("http://").nth(1).unwrap().split('/').next().unwrap().to_owned();
    let get = |path: &str| {
        let mut stream = TcpStream::connect(&address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(get("/").starts_with("HTTP/1.1 404"));
    let answer = get("/metrics");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.contains("content-type: text/plain; version=0.0.4"), "{answer}");
    let page = answer.split_once("\r\n\r\n").unwrap().1;
    let mut known = std::collections::BTreeMap::new();
    let mut samples = std::collections::BTreeSet::new();
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(["counter", "gauge"].contains(&kind), "{line}");
            assert_eq!(name.ends_with("_total"), kind == "counter", "{line}");
            assert!(known.insert(name.to_owned(), kind).is_none(), "{line}");
        } else if !line.starts_with("# HELP ") {
            let (sample, value) = line.rsplit_once(' ').unwrap();
            let name = sample.split('{').next().unwrap();
            assert!(known.contains_key(name), "{line} comes before its type");
            value.parse::<f64>().unwrap();
            assert!(samples.insert(sample.to_owned()), "{line} comes twice");
        }
    }
    for line in [
        "earlgrey_collect_flows_total{exporter=\"127.0.0.1\"} 12",
        "earlgrey_collect_lost_total{exporter=\"127.0.0.1\",unit=\"flows\"} 10",
        "earlgrey_collect_store_up 1",
    ] {
        assert!(page.lines().any(|known| known == line), "{line} is not in:\n{page}");
    }
    collecting.ends("-TERM").succeeds();
    assert!(TcpStream::connect(&address).is_err());
}

#[test]
fn connections_to_the_page_that_say_nothing_take_nothing_from_anybody() {
    let home = Home::new();
    // With this limit, a descriptor for each of them would leave none for the spool and the store.
    let collect = home.command(&["collect", "--listen", "127.0.0.1:0", "--commit-every", "0.1"]);
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "ulimit -n 128 && exec \"$0\" \"$@\" --metrics 127.0.0.1:0"])
        .arg(collect.get_program())
        .args(collect.get_args())
        .current_dir(home.path("."))
        .env_clear()
        .envs(collect.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let collecting = Collecting::start(limited);
    let said = collecting.said();
    let address = said.split("http://").nth(1).unwrap().split('/').next().unwrap().to_owned();
    let silent: Vec<TcpStream> = (0..300).map(|_| TcpStream::connect(&address).unwrap()).collect();
    // One says half of a question.
    write!(&silent[299], "GET /metrics").unwrap();
    let mut stream = TcpStream::connect(&address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut answer = String::new();
    // It is closed when it is answered, though nobody asked for that.
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    let descriptors = fs::read_dir(format!("/proc/{}/fd", collecting.child.id())).unwrap().count();
    assert!(descriptors < 80, "{descriptors}");
    send("127.0.0.1", collecting.to(), &[exports(0, &FLOWS), exports(6, &FLOWS)]);
    home.comes_to(12);
    // Those that were not closed for want of room end by themselves.
    let mut last = &silent[299];
    last.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
    let closed = last.read(&mut [0; 100]);
    assert!(!closed.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock));
    let run = collecting.ends("-TERM").succeeds();
    assert!(!run.stderr.contains("cannot") && !run.stderr.contains("Too many"), "{}", run.stderr);
}

#[test]
fn the_status_says_whether_a_collector_runs() {
    let home = Home::new();
    home.run(&["collect", "status"]).ends(1, "no collector has used this spool");
    let collecting = home.collects(&[]);
    home.status_says("running", |status| status["state"] == "running");
    let text = home.run(&["collect", "status"]).succeeds().stdout;
    assert!(text.starts_with("collector  running (process "), "{text}");
    // Neither the spool nor the address is for two.
    let second = home.run(&["collect", "--listen", "127.0.0.1:0"]);
    second.ends(1, "in use by another collector");
    let to = collecting.to().to_string();
    let second = home.run(&["collect", "--listen", &to, "--spool", "other", "--store", "other2"]);
    second.ends(1, &format!("collect: listen at {to}: Address already in use"));
    collecting.ends("-TERM").succeeds();
    assert_eq!(home.status()["state"], "stopped");
    for (arguments, message) in [
        (&["--listen", "here"][..], "--listen: \"here\" is no address with a port"),
        (&["--exporter", "10.0.0"], "--exporter: \"10.0.0\" is no address"),
        (&["--spool-size", "much"], "--spool-size: \"much\" is no number of bytes"),
        (&["--commit-every", "0"], "--commit-every: must be more than 0"),
    ] {
        home.run(&[&["collect"], arguments].concat()).ends(2, message);
    }
}

//! Collectors that are killed, stores that are down, spools that are full.

use earlgrey_hbase::Store;
use earlgrey_hbase::store::embedded::EmbeddedStore;

use super::*;
use crate::needs::tool;

/// As many datagrams, each with a flow of its own.
fn datagrams(count: u32) -> Vec<Vec<u8>> {
    (0..count).map(|number| exports(number, &[("10.1.0.1", "10.2.0.1", number + 1, 0)])).collect()
}

/// The captures in the spool.
fn segments(home: &Home) -> Vec<PathBuf> {
    let spool = home.path("data/earlgrey-hbase/store.spool");
    let mut files = files_in(&spool);
    // The templates stay, for the next collector.
    files.retain(|file| {
        file.extension().is_some_and(|extension| extension == "pcap")
            && file.file_name().is_some_and(|name| name != "templates.pcap")
    });
    files
}

#[test]
fn what_a_killed_collector_had_received_is_stored_once_and_the_gap_is_told() {
    let home = Home::new();
    let all = datagrams(30);
    let collecting = home.collects_every("1000", &["--listen", "[::1]:0"]);
    let [v4, v6] = collecting.addresses()[..] else { panic!("two addresses") };
    // The first commit is made at once, and finds nothing.
    home.status_says("running", |status| status["state"] == "running");
    send("127.0.0.1", v4, &all[..20]);
    send("::1", v6, &all[20..]);
    home.status_says("received", |status| {
        status["sockets"][0]["datagrams"] == 20 && status["sockets"][1]["datagrams"] == 10
    });
    collecting.ends("-KILL");
    assert_eq!(home.count(), "0\n");
    assert_eq!(home.status()["state"], "killed");

    // What is in the spool is an ordinary capture, for this program and for others.
    let left = segments(&home);
    let names: Vec<&str> = left.iter().map(|path| path.to_str().unwrap()).collect();
    let elsewhere = [&["load", "--store", "elsewhere"], &names[..]].concat();
    home.run(&elsewhere).ends(0, "30 stored, 0 duplicate");
    sees(&left[0]);

    let collecting = home.collects(&[]);
    home.comes_to(30);
    let said = collecting.said();
    assert!(said.contains("nothing was received from 20"), "{said}");
    assert!(said.contains(": the collector before was killed"), "{said}");
    assert!(said.contains("loading "), "{said}");
    assert_eq!(home.status()["gap"]["killed"], true);
    send("127.0.0.1", collecting.to(), &all[..5]);
    until("met again", || {
        home.status_says("running", |status| status["state"] == "running");
        exporter(&home.status(), "127.0.0.1")["duplicates"] == 5
    });
    let run = collecting.ends("-TERM").succeeds();
    assert!(run.stderr.contains("35: 30 decoded, 5 duplicate"), "{}", run.stderr);
    assert!(segments(&home).is_empty());
    assert_eq!(home.count(), "30\n");
}

/// Has tshark, where there is one, look at a segment with datagrams of both families.
fn sees(segment: &Path) {
    let checks = ["-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"];
    let fields = ["-T", "fields", "-e", "ip.checksum.status", "-e", "udp.checksum.status"];
    let show = ["-e", "ip.src", "-e", "ipv6.src", "-e", "udp.dstport"];
    let read = ["-r", segment.to_str().unwrap()];
    let Some(text) = tool("tshark", &[&read[..], &checks, &fields, &show].concat()) else { return };
    // Each address has sockets of its own: which was read first is not said.
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable_by(|a, b| b.trim_end().cmp(a.trim_end()));
    assert_eq!(lines.len(), 30, "{text}");
    // 1 is good, 3 is not there.
    assert!(lines.iter().take(20).all(|line| line.starts_with("1\t3\t127.0.0.1\t\t")), "{text}");
    assert!(lines.iter().skip(20).all(|line| line.starts_with("\t1\t\t::1\t")), "{text}");
}

#[test]
fn collectors_that_are_killed_at_any_time_lose_nothing_of_the_spool() {
    let home = Home::new();
    let all = datagrams(400);
    for (round, some) in all.chunks(50).enumerate() {
        let collecting = home.collects_every("0.02", &[]);
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        for payload in some {
            socket.send_to(payload, collecting.to()).unwrap();
            thread::sleep(Duration::from_millis(2));
        }
        thread::sleep(Duration::from_millis(7 * round as u64));
        collecting.ends("-KILL");
    }
    let collecting = home.collects(&[]);
    // All are sent again: what is there already is known, what was lost on the way is stored now.
    send("127.0.0.1", collecting.to(), &all);
    home.comes_to(400);
    collecting.ends("-TERM").succeeds();
    home.run(&["verify"]).succeeds();
    assert_eq!(home.count(), "400\n");
}

#[test]
fn a_store_that_is_in_use_is_written_when_it_is_free_again() {
    let home = Home::new();
    let other = EmbeddedStore::new(home.store()).writer().unwrap();
    let collecting = home.collects(&[]);
    collecting.says("in use by another writer");
    send("127.0.0.1", collecting.to(), &datagrams(12));
    home.status_says("failing", |status| {
        status["sockets"][0]["datagrams"] == 12 && status["store"]["failure"].is_string()
    });
    let text = home.run(&["collect", "status"]).succeeds().stdout;
    assert!(text.contains(": fails since "), "{text}");
    drop(other);
    home.comes_to(12);
    collecting.says("is back");
    // Nothing of it is lost either where the collector ends while the store is in use.
    collecting.ends("-TERM").succeeds();
    let other = EmbeddedStore::new(home.store()).writer().unwrap();
    let collecting = home.collects(&[]);
    send("127.0.0.1", collecting.to(), &datagrams(15)[12..]);
    collecting.ends("-TERM").ends(1, "what the store did not take stays in ");
    drop(other);
    let collecting = home.collects(&[]);
    home.comes_to(15);
    collecting.ends("-TERM").succeeds();
}

#[test]
fn what_finds_no_room_in_the_spool_is_counted() {
    let home = Home::new();
    let other = EmbeddedStore::new(home.store()).writer().unwrap();
    let collecting = home.collects(&["--spool-size", "2kB"]);
    for payload in datagrams(40) {
        send("127.0.0.1", collecting.to(), &[payload]);
    }
    home.status_says("received", |status| status["sockets"][0]["datagrams"] == 40);
    collecting.says("the spool is full: datagrams are dropped");
    let dropped = exporter(&home.status(), "127.0.0.1")["spoolDrops"].as_u64().unwrap();
    // A datagram of one flow takes 130 bytes of a capture.
    assert!((25..40).contains(&dropped), "{dropped}");
    assert!(home.status()["spool"]["bytes"].as_u64().unwrap() <= 2000);
    drop(other);
    home.comes_to(40 - dropped as usize);
    let run = collecting.ends("-TERM").succeeds();
    assert!(run.stderr.contains(&format!("{}: {0} decoded", 40 - dropped)), "{}", run.stderr);
}

#[test]
fn a_segment_that_cannot_be_read_is_kept_and_named() {
    let home = Home::new();
    let spool = home.path("data/earlgrey-hbase/store.spool");
    fs::create_dir_all(&spool).unwrap();
    // Reading the memory of a process at 0 is an error of input and output.
    let torn = spool.join("segment-0000000001.pcap");
    std::os::unix::fs::symlink("/proc/self/mem", &torn).unwrap();
    let collecting = home.collects(&["--metrics", "127.0.0.1:0"]);
    collecting.says("segment-0000000001.pcap: at byte 0: input/output error; it stays");
    send("127.0.0.1", collecting.to(), &datagrams(12));
    home.comes_to(12);
    home.status_says("told", |status| {
        status["spool"]["unreadSegments"] == 1 && status["spool"]["segments"] == 1
    });
    let text = home.run(&["collect", "status"]).succeeds().stdout;
    assert!(text.contains("segment-0000000001.pcap cannot be read since 20"), "{text}");
    let left = "1 segment could not be read and stays in ";
    collecting.ends("-TERM").ends(1, left);
    assert_eq!(segments(&home), [torn]);
    let loads = home.run(&["loads", "-o", "json"]).succeeds().json();
    assert_eq!(loads[0]["state"], "done");
}

#[test]
fn what_waits_is_on_the_disk_when_a_collector_that_could_not_keep_it_is_killed() {
    let home = Home::new();
    let in_the_way = home.path("data/earlgrey-hbase/store.spool/waiting.pcap.tmp");
    fs::create_dir_all(&in_the_way).unwrap();
    let collecting = home.collects(&[]);
    send("127.0.0.1", collecting.to(), &[v9(1, &[256, 16, 2560, 1, 2560, 2, 0, 100])]);
    collecting.says("what waits for a template cannot be kept: ");
    home.status_says("told", |status| status["spool"]["failure"].is_string());
    let text = home.run(&["collect", "status"]).succeeds().stdout;
    assert!(text.contains("what waits for a template cannot be kept since 20"), "{text}");
    collecting.ends("-KILL");
    assert_eq!(segments(&home).len(), 1);
    fs::remove_dir(&in_the_way).unwrap();
    let collecting = home.collects(&[]);
    let template = v9(3, &[0, 20, 256, 3, 8, 4, 12, 4, 1, 4]);
    send("127.0.0.1", collecting.to(), &[template]);
    home.comes_to(1);
    collecting.ends("-TERM").succeeds();
    assert!(segments(&home).is_empty());
}

/// A NetFlow v9 packet of one source with one flow set.
fn v9(sequence: u32, set: &[u16]) -> Vec<u8> {
    let mut packet = Vec::new();
    packet.extend([0, 9, 0, 1]);
    for word in [60_000, BEGIN_SECS + 60, sequence, 7] {
        packet.extend(word.to_be_bytes());
    }
    packet.extend(set.iter().flat_map(|half| half.to_be_bytes()));
    packet
}

#[test]
fn what_waits_for_its_template_waits_on_when_a_collector_ends() {
    let home = Home::new();
    // Addresses, octets, and no more.
    let template = v9(3, &[0, 20, 256, 3, 8, 4, 12, 4, 1, 4]);
    let data = |sequence, octets| v9(sequence, &[256, 16, 2560, 1, 2560, 2, 0, octets]);
    for (round, signal) in ["-TERM", "-KILL"].into_iter().enumerate() {
        let collecting = home.collects(&[]);
        send("127.0.0.1", collecting.to(), &[data(round as u32 + 1, round as u16 + 100)]);
        let waiting = round as u64 + 1;
        home.status_says("waiting", |status| {
            exporter(status, "127.0.0.1")["waiting"] == waiting && status["spool"]["bytes"] == 0
        });
        collecting.ends(signal);
    }
    assert_eq!(home.count(), "0\n");
    let collecting = home.collects(&[]);
    send("127.0.0.1", collecting.to(), &[template]);
    home.comes_to(2);
    collecting.ends("-TERM").succeeds();
    assert!(segments(&home).is_empty());
}

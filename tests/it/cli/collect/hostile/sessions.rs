//! Sessions of hostile input, one after the other, into one store: every limit holds over its life,
//! all that came is accounted for, and who is honest loses nothing.

use earlgrey_hbase::netflow::v5 as format;
use proptest::prelude::*;

use super::packets::{Bytes, Told, ipfix_of, sflow, template, v5};
use super::senders::now_ms;
use super::*;

/// What a hostile sender makes up, another with every datagram.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// Days on which flows began and were exported.
    Days,
    /// Engines and rates of sampling.
    Engines,
    /// Agents of sFlow that others are.
    Agents,
    /// Templates, and names of interfaces.
    Names,
    /// Templates that never come.
    Waits,
    /// Any bytes at all.
    Junk,
}

/// So many datagrams of a kind, from this address of 127.0.0.0/24.
type Burst = (Kind, u8, u32);

fn burst() -> impl Strategy<Value = Burst> {
    use Kind::{Agents, Days, Engines, Junk, Names, Waits};
    (prop::sample::select(vec![Days, Engines, Agents, Names, Waits, Junk]), 40u8..44, 50u32..400)
}

/// The datagram `number` of its kind, which no other number gives.
fn datagram(kind: Kind, number: u32) -> Vec<u8> {
    let now = now_ms();
    let mixed = number.wrapping_mul(0x9e37_79b9);
    let told = |first_ms: u64| Told {
        src: [172, 16, (number >> 8) as u8, number as u8].into(),
        dst: [172, 17, 0, 1].into(),
        src_port: number as u16,
        octets: 100 + number,
        first_ms,
    };
    match kind {
        Kind::Days => {
            let day = u64::from(mixed) % 45_000;
            let sent = day * DAY_MS + now % DAY_MS;
            v5(sent.saturating_sub(DAY_MS / 2), sent, number, &[told(sent.saturating_sub(5000))])
        }
        Kind::Engines => {
            let [engine_type, engine_id, high, low] = mixed.to_be_bytes();
            let header = format::Header {
                count: 1,
                unix_secs: (now / 1000) as u32,
                engine_type,
                engine_id,
                sampling_field: 0x4000 | u16::from_be_bytes([high & 0x3f, low]),
                flow_sequence: number,
                ..format::Header::default()
            };
            let record = format::Record { octets: number, packets: 1, ..format::Record::default() };
            let mut payload = Vec::new();
            format::encode(&header, &[record], &mut payload);
            payload
        }
        Kind::Agents => {
            let flows: Vec<(Told, u32)> = (0..40).map(|rate| (told(0), mixed ^ rate | 1)).collect();
            sflow(mixed.into(), number, 1000, number, &flows)
        }
        Kind::Names => {
            let mut sets = Bytes::default();
            sets.set(2, &template(256 + number as u16 % 9000, &[(8, 4), (12, 4), (1, 4)]));
            let options = [10_000, 2, 1, 10, 4, 82, 8].map(u16::to_be_bytes).concat();
            sets.set(3, &options);
            let mut names = Bytes::default();
            for place in 0..60 {
                let interface = number * 60 + place;
                names.words(&[interface]).bytes(format!("{interface:08x}").as_bytes());
            }
            sets.set(10_000, &names.0);
            ipfix_of(now, number, mixed % 500, &sets.0)
        }
        Kind::Waits => {
            let mut packet = Bytes::default();
            packet.shorts(&[9, 1]).words(&[60_000, (now / 1000) as u32, number, 7]);
            packet.set(300 + (number % 200) as u16, &[number as u8; 1300]);
            packet.0
        }
        Kind::Junk => (0..number % 300).map(|at| (mixed >> (at % 24)) as u8 ^ at as u8).collect(),
    }
}

/// Ten flows that nobody else sends, and how the store shows them.
fn honest(session: u32) -> Vec<u8> {
    let now = now_ms();
    let flows: Vec<Told> = (0..10u32)
        .map(|number| Told {
            src: [10, 9, session as u8, number as u8].into(),
            dst: [10, 8, 0, 1].into(),
            src_port: 1000 + number as u16,
            octets: 500 + number,
            first_ms: now - 5000 + u64::from(number),
        })
        .collect();
    v5(now - DAY_MS, now, session * 10, &flows)
}

/// What the accounts of a session say adds up.
fn assert_balances(load: &Value) {
    let number = |name: &str| load[name].as_u64().unwrap();
    let sum = |name: &str| -> u64 {
        load[name].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum()
    };
    assert_eq!(
        number("datagrams"),
        number("decoded")
            + number("duplicateDatagrams")
            + sum("malformed")
            + number("waitingForTemplate")
            + number("givenUp")
            + number("notFlowExport"),
        "{load}"
    );
    let records = number("stored") + number("duplicateRecords") + sum("rejected");
    assert_eq!(number("records"), records, "{load}");
}

/// One collector from its start to its end; the store afterwards is within its limits.
fn collect_session(home: &Home, session: u32, bursts: &[Burst]) {
    let collecting = home.collects_every("0.2", &["-o", "json"]);
    send("127.0.0.2", collecting.to(), &[honest(session)]);
    for (place, &(kind, sender, count)) in (0u32..).zip(bursts) {
        let socket = UdpSocket::bind((format!("127.0.0.{sender}"), 0)).unwrap();
        for number in 0..count {
            let number = session * 100_000 + place * 1000 + number;
            socket.send_to(&datagram(kind, number), collecting.to()).unwrap();
            if number.is_multiple_of(32) {
                thread::sleep(Duration::from_millis(1));
            }
        }
    }
    home.comes_to_honest(u64::from(session + 1) * 10);
    let memory = memory_kb(&collecting);
    let load = collecting.ends("-TERM").succeeds().json()["load"].clone();
    assert_balances(&load);
    assert!(memory < MEMORY_KB, "{memory} kB");

    let spool = home.path("data/earlgrey-hbase/store.spool");
    let waiting = fs::metadata(spool.join("waiting.pcap")).map_or(0, |file| file.len());
    assert!(waiting < WAITING_BYTES, "{waiting}");
    let names = home.store().join("names.json");
    if names.exists() {
        let names = body(&names)["interfaces"].as_array().unwrap().len();
        assert!(names <= 32_768, "{names}");
    }
    let manifest = manifest_of(home);
    let count = |name: &str| manifest[name].as_array().unwrap().len();
    assert!(count("sources") <= 65_536, "{}", count("sources"));
    assert!(count("runs") < 150 && count("identities") < 60, "{} runs", count("runs"));
}

impl Home {
    /// Waits until the store holds so many flows of the honest exporter.
    fn comes_to_honest(&self, flows: u64) {
        until("honest flows", || {
            self.run(&["query", "10.9.0.0/16", "--count"]).stdout == format!("{flows}\n")
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if is_long() { 12 } else { 2 },
        max_shrink_iters: 0,
        ..ProptestConfig::default()
    })]
    #[test]
    fn every_limit_holds_over_the_life_of_a_store(
        sessions in prop::collection::vec(
            (prop::collection::vec(burst(), 3..9), any::<bool>(), any::<bool>()), 3,
        ),
    ) {
        let home = Home::new();
        for (session, (bursts, compacts, expires)) in (0u32..).zip(&sessions) {
            collect_session(&home, session, bursts);
            if *compacts {
                home.run(&["compact"]).succeeds();
                let runs = manifest_of(&home)["runs"].as_array().unwrap().len();
                // Today and its neighbours, strangers of days that were and of days to come.
                prop_assert!(runs <= 6, "{} runs", runs);
            }
            if *expires {
                home.run(&["expire", "--keep", "30d", "--yes"]).succeeds();
            }
        }
        home.run(&["verify"]).succeeds();
        home.comes_to_honest(30);
    }
}

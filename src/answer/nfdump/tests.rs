use std::net::IpAddr;

use jiff::tz::TimeZone;

use super::{Layout, Row};
use crate::answer::clock::Clock;
use crate::flow::{Extra, FlowRecord, Names, Protocol, Sampling, Source, UnixMillis, push_extra};

const ROUTER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 9));

fn flow() -> FlowRecord {
    FlowRecord {
        src: [10, 0, 0, 1].into(),
        dst: [10, 0, 0, 2].into(),
        first: UnixMillis(1_185_488_138_007),
        duration_ms: 0,
        octets: 1000,
        packets: 1,
        src_port: 0,
        dst_port: 0,
        protocol: Protocol(0),
        tcp_flags: 0,
        tos: 0,
        input: 1,
        output: 2,
        src_as: 0,
        dst_as: 0,
        src_mask: 0,
        dst_mask: 0,
        next_hop: [0; 4].into(),
        source: Source { exporter: ROUTER, engine: 0, sampling: Sampling::default() },
    }
}

/// The cells `text` of a flow whose interfaces, VRFs and application all bear `name`.
fn shown(text: &str, csv: bool, name: &str) -> String {
    let mut extras = Vec::new();
    for number in [234, 235, 95] {
        let extra = Extra { number, enterprise: 0, value: &[1] };
        assert!(push_extra(&mut extras, 0, extra));
    }
    let mut names = Names::default();
    for index in [1, 2] {
        names.interfaces.insert((ROUTER, index), name.to_owned());
    }
    names.vrfs.insert((ROUTER, 1), name.to_owned());
    names.applications.insert((ROUTER, 1), name.to_owned());
    let mut line = Vec::new();
    let mut clock = Clock::new(TimeZone::UTC);
    let layout = Layout::compile(text, csv).unwrap();
    layout.push(&mut line, &mut clock, &Row::of(&flow(), &extras, &names, 1));
    String::from_utf8(line).unwrap()
}

#[test]
fn names_are_quoted_in_csv_where_they_must_be() {
    let cells = "%sa,%inam,%onam,%ivrfnam,%evrfnam,%nbnam,%byt";
    for name in ["ae0", "ae0, uplink", "say \"hi\"", "\"", "two\nlines", "two\r\nlines"] {
        let line = shown(cells, true, name);
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_bytes());
        let rows: Vec<Vec<String>> = reader.deserialize().map(Result::unwrap).collect();
        assert_eq!(rows, [["10.0.0.1", name, name, name, name, name, "1000"]], "{line}");
    }
    assert_eq!(shown("%inam,%byt", true, "ae0 'a'"), "ae0 'a',1000\n");
    assert_eq!(shown("%inam", false, "say \"hi\", all"), "say \"hi\", all\n");
}

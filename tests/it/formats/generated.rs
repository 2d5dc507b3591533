//! The generator's exports of every format hold the same flows.

use earlgrey_hbase::flow::{FlowRecord, UnixMillis};
use earlgrey_hbase::generate::{Format, Traffic, write};

use super::files::read;

/// The flows of a capture in `format`, in the order of export.
fn flows(format: Format) -> Vec<FlowRecord> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let traffic = Traffic { flows: 5000, hours: 0.2, format, ..Traffic::default() };
    let made = write(&traffic, &mut file).unwrap();
    let found = read(file.path());
    assert!(found.faults.is_empty() && found.lost.is_empty() && found.waiting == 0, "{format}");
    assert_eq!(found.flows[0].len() as u64, made.readable, "{format}");
    found.flows[0].records().collect()
}

#[test]
fn every_format_of_the_generator_holds_the_same_flows() {
    let v5 = flows(Format::V5);
    assert_eq!(flows(Format::Ipfix), v5);
    for (v9, v5) in flows(Format::V9).iter().zip(&v5) {
        // The header of v9 tells whole seconds only.
        let early_ms = v5.first.0 - v9.first.0;
        assert!(early_ms < 1000, "{v9:?}");
        assert_eq!(FlowRecord { first: UnixMillis(v9.first.0 + early_ms), ..*v9 }, *v5);
    }
}

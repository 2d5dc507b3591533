//! Records of v1 and v7, field by field as the reference has them.

use std::io::Read as _;
use std::ops::ControlFlow;
use std::sync::atomic::AtomicU64;

use earlgrey_hbase::capture::{self, Datagram, Input};
use earlgrey_hbase::netflow::{Records, decode, v1, v5, v7};

use super::files::manifest;
use crate::needs::captures;
use crate::reference::{common_cells, route_cells};

/// A record as the last columns of a row have it; v1 has no AS numbers and no masks.
fn row(record: &v5::Record, is_v1: bool) -> Vec<String> {
    let route = route_cells(record).map(|cell| if is_v1 { String::new() } else { cell });
    common_cells(record).into_iter().chain(route).collect()
}

#[test]
fn every_record_of_v1_and_v7_is_what_the_reference_says() {
    let Some(folder) = captures() else { return };
    let mut files = 0;
    for line in manifest(&folder) {
        let is_reference = |file: &&str| file.contains(".v1.tsv") || file.contains(".v7.tsv");
        let Some(reference) = line["reference"].split(';').find(is_reference) else { continue };
        let bytes = std::fs::read(folder.join(reference)).unwrap();
        let mut text = String::new();
        if bytes.starts_with(&[0x1f, 0x8b]) {
            flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
        } else {
            text = String::from_utf8(bytes).unwrap();
        }
        let mut expected = text
            .lines()
            .skip(1)
            .map(|line| line.split('\t').skip(15).map(str::to_owned).collect::<Vec<String>>());
        let mut records = 0;
        let path = &line["path"];
        let mut sink = |datagram: &Datagram<'_>| {
            let rows: Vec<_> = match decode(datagram.payload, datagram.declared_bytes) {
                Ok(packet) => match packet.records {
                    Records::V1(found) => found.iter().map(|r| row(&v1::read(r), true)).collect(),
                    Records::V7(found) => found.iter().map(|r| row(&v7::read(r), false)).collect(),
                    _ => Vec::new(),
                },
                Err(_) => Vec::new(),
            };
            for found in rows {
                records += 1;
                assert_eq!(Some(found), expected.next(), "{path}: record {records}");
            }
            ControlFlow::Continue(())
        };
        capture::read(&Input::File(folder.join(path)), &AtomicU64::new(0), &mut sink).unwrap();
        assert_eq!(expected.next(), None, "{path}: more rows");
        assert!(records > 0, "{path}");
        files += 1;
    }
    assert_eq!(files, 4);
}

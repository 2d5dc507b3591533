//! How fast one core decodes each format into flows, from datagrams in memory.
//!
//! Usage: `cargo bench --bench decode [-- FLOWS]`.

#![expect(clippy::print_stdout, reason = "a program that prints")]

use std::ops::ControlFlow;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use earlgrey_hbase::capture::{self, Datagram, Input};
use earlgrey_hbase::flow::{DatagramId, Family, FlowBatch};
use earlgrey_hbase::generate::{self, Format, Traffic};
use earlgrey_hbase::netflow::{Decoder, Outcome};
use earlgrey_hbase::normalise::{Batches, FlowBuilder};

/// Each format is decoded for so long.
const LASTING: Duration = Duration::from_secs(2);
/// A batch is emptied when it has so many flows.
const BATCH_FLOWS: usize = 100_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let flows = std::env::args().skip(1).find_map(|text| text.parse().ok()).unwrap_or(200_000);
    for format in [Format::V5, Format::V9, Format::Ipfix] {
        measure(format, flows)?;
    }
    Ok(())
}

fn measure(format: Format, flows: u64) -> Result<(), Box<dyn std::error::Error>> {
    let mut file = tempfile::NamedTempFile::new()?;
    let traffic = Traffic { flows, format, hours: 1.0, ..Traffic::default() };
    generate::write(&traffic, &mut file)?;
    let mut payloads: Vec<(std::net::IpAddr, Vec<u8>)> = Vec::new();
    let mut sink = |datagram: &Datagram<'_>| {
        payloads.push((datagram.exporter, datagram.payload.to_vec()));
        ControlFlow::Continue(())
    };
    capture::read(&Input::File(file.path().to_owned()), &AtomicU64::new(0), &mut sink)?;

    let (mut decoder, mut builder) = (Decoder::new(), FlowBuilder::new());
    let (mut v4, mut v6) = (FlowBatch::new(Family::V4), FlowBatch::new(Family::V6));
    let (mut decoded_only, mut built) = (0, 0);
    let rate = |records: u64, began: Instant| records as f64 / began.elapsed().as_secs_f64() / 1e6;

    let began = Instant::now();
    while began.elapsed() < LASTING {
        for (exporter, payload) in &payloads {
            if let Ok(Outcome::Decoded(found)) = decoder.decode(&datagram(*exporter, payload), 0) {
                decoded_only += found.records();
            }
        }
    }
    let decode = rate(decoded_only, began);

    let began = Instant::now();
    while began.elapsed() < LASTING {
        for (exporter, payload) in &payloads {
            let Ok(Outcome::Decoded(found)) = decoder.decode(&datagram(*exporter, payload), 0)
            else {
                continue;
            };
            let id = DatagramId { exported_secs: found.identity_secs, hash: 0 };
            for packet in found.packets() {
                let mut to = Batches { v4: &mut v4, v6: &mut v6 };
                built += builder.append(packet, *exporter, 40_000, id, &mut to).appended;
            }
            if v4.len() > BATCH_FLOWS {
                v4.clear();
            }
        }
    }
    let to_flows = rate(built, began);
    println!(
        "{format}: decoded {decode:.1} M records/s, decoded to flows {to_flows:.1} M records/s"
    );
    Ok(())
}

fn datagram(exporter: std::net::IpAddr, payload: &[u8]) -> Datagram<'_> {
    Datagram {
        exporter,
        src_port: 40_000,
        received: earlgrey_hbase::flow::UnixMillis(0),
        payload,
        declared_bytes: payload.len(),
    }
}

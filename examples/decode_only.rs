//! Prints the flows in a capture, out of the decoder, without a store.
//!
//!     cargo run --example decode_only -- CAPTURE
//!     tcpdump -U -w - udp port 2055 | cargo run --example decode_only -- -

#![expect(clippy::print_stdout, reason = "it is a program")]

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::AtomicU64;

use anyhow::bail;
use earlgrey_hbase::capture::{Datagram, Input, read};
use earlgrey_hbase::flow::DatagramId;
use earlgrey_hbase::netflow::{DecodeError, Decoded, Decoder, Outcome};
use earlgrey_hbase::normalise::{Batches, FlowBuilder};
use earlgrey_hbase::{Family, FlowBatch};

fn main() -> anyhow::Result<()> {
    let Some(capture) = std::env::args().nth(1) else {
        bail!("usage: decode_only CAPTURE");
    };
    let mut decoder = Decoder::new();
    let mut printer = Printer::new();
    let mut sink = |datagram: &Datagram<'_>| {
        printer.take(datagram, decoder.decode(datagram, 0));
        // What waits for its template has arrived: it is not lost as well.
        for packet in decoder.unread() {
            printer.builder.observe(&packet, datagram.exporter, datagram.src_port);
        }
        // This one may have brought the template that earlier ones wait for.
        while let Some(held) = decoder.next_ready() {
            printer.waiting -= 1;
            printer.take(&held.datagram(), decoder.decode_held(&held));
        }
        ControlFlow::Continue(())
    };
    let report = read(&Input::named(Path::new(&capture)), &AtomicU64::new(0), &mut sink)?;
    let Printer { flows, undecoded, waiting, builder, .. } = printer;
    println!("{} packets, {} datagrams", report.packets, report.datagrams);
    println!("{flows} flows; {undecoded} datagrams are no flow export, or damaged");
    println!("{waiting} datagrams without template");
    for fault in &report.faults {
        println!("{fault}");
    }
    for lost in builder.lost() {
        println!("lost: {lost:?}");
    }
    Ok(())
}

/// Makes flows of what is decoded, and prints them.
struct Printer {
    builder: FlowBuilder,
    v4: FlowBatch,
    v6: FlowBatch,
    flows: usize,
    undecoded: u64,
    waiting: u64,
}

impl Printer {
    fn new() -> Self {
        Self {
            builder: FlowBuilder::new(),
            v4: FlowBatch::new(Family::V4),
            v6: FlowBatch::new(Family::V6),
            flows: 0,
            undecoded: 0,
            waiting: 0,
        }
    }

    fn take(&mut self, datagram: &Datagram<'_>, outcome: Result<Outcome<'_>, DecodeError>) {
        match outcome {
            Ok(Outcome::Decoded(decoded)) => self.print(datagram, &decoded),
            Ok(Outcome::Waits | Outcome::GivenUp) => self.waiting += 1,
            Err(error) => {
                self.undecoded += 1;
                println!("{}: {error}", datagram.exporter);
            }
        }
    }

    fn print(&mut self, datagram: &Datagram<'_>, decoded: &Decoded<'_>) {
        let Datagram { exporter, src_port, payload, .. } = *datagram;
        let id = DatagramId::new(decoded.identity_secs, exporter, payload);
        for packet in decoded.packets() {
            let mut to = Batches { v4: &mut self.v4, v6: &mut self.v6 };
            self.builder.append(packet, exporter, src_port, id, &mut to);
        }
        // Rows say their source by a place in this table.
        let sources = self.builder.take_sources();
        for flows in [&mut self.v4, &mut self.v6] {
            flows.sources = sources.clone();
            for flow in flows.records() {
                let protocol = flow.protocol;
                print!("{} {protocol} {}:{}", flow.first, flow.src, flow.src_port);
                println!(" -> {}:{}  {} octets", flow.dst, flow.dst_port, flow.octets);
            }
            self.flows += flows.len();
            flows.clear();
        }
    }
}

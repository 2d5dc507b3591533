//! The captures from elsewhere, and what is decoded of them here.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;

use earlgrey_hbase::capture::{self, Datagram, Input};
use earlgrey_hbase::flow::{DatagramId, Family, FlowBatch, Lost};
use earlgrey_hbase::netflow::{Decoder, Outcome};
use earlgrey_hbase::normalise::{Batches, FlowBuilder};

/// The rows of the manifest as maps from column to value.
pub(super) fn manifest(folder: &Path) -> Vec<HashMap<String, String>> {
    let text = std::fs::read_to_string(folder.join("MANIFEST.tsv")).unwrap();
    let mut lines = text.lines().map(|line| line.split('\t').map(str::to_owned));
    let names: Vec<String> = lines.next().unwrap().collect();
    lines.map(|row| names.iter().cloned().zip(row).collect()).collect()
}

/// What a file gave.
#[derive(Default)]
pub(super) struct Read {
    /// Export packets and flow records, by format.
    pub(super) counts: BTreeMap<&'static str, (u64, u64)>,
    /// Datagrams that never got their template.
    pub(super) waiting: u64,
    /// What was wrong, by name.
    pub(super) faults: BTreeMap<&'static str, u64>,
    /// Datagrams that are no flow export.
    pub(super) others: u64,
    /// Records that were rejected, by reason.
    pub(super) rejected: BTreeMap<&'static str, u64>,
    pub(super) lost: Vec<Lost>,
    /// The flows of both families.
    pub(super) flows: Vec<FlowBatch>,
}

fn format(payload: &[u8]) -> &'static str {
    match payload {
        [0, 1, ..] => "v1",
        [0, 5, ..] => "v5",
        [0, 7, ..] => "v7",
        [0, 9, ..] => "v9",
        [0, 10, ..] => "ipfix",
        _ => "sflow",
    }
}

/// A reader of datagrams that takes everything apart.
struct Reader {
    decoder: Decoder,
    builder: FlowBuilder,
    v4: FlowBatch,
    v6: FlowBatch,
    read: Read,
}

impl Reader {
    fn new() -> Self {
        Self {
            decoder: Decoder::new(),
            builder: FlowBuilder::new(),
            v4: FlowBatch::new(Family::V4),
            v6: FlowBatch::new(Family::V6),
            read: Read::default(),
        }
    }

    fn finish(mut self) -> Read {
        self.decoder.give_up();
        self.take_ready();
        let Self { builder, mut v4, mut v6, mut read, .. } = self;
        (v4.sources, v6.sources) = (builder.sources(), builder.sources());
        read.lost = builder.lost();
        read.flows = vec![v4, v6];
        read
    }

    fn take(&mut self, datagram: &Datagram<'_>) {
        let outcome = self.decoder.decode(datagram, 0);
        let Self { builder, v4, v6, read, .. } = self;
        note(datagram, outcome, builder, [v4, v6], read);
        self.take_ready();
    }

    fn take_ready(&mut self) {
        while let Some(held) = self.decoder.next_ready() {
            self.read.waiting -= 1;
            let outcome = self.decoder.decode_held(&held);
            let Self { builder, v4, v6, read, .. } = self;
            note(&held.datagram(), outcome, builder, [v4, v6], read);
        }
    }
}

fn note(
    datagram: &Datagram<'_>,
    outcome: Result<Outcome<'_>, earlgrey_hbase::netflow::DecodeError>,
    builder: &mut FlowBuilder,
    [v4, v6]: [&mut FlowBatch; 2],
    read: &mut Read,
) {
    let decoded = match outcome {
        Ok(Outcome::Decoded(decoded)) => decoded,
        Ok(Outcome::Waits | Outcome::GivenUp) => {
            read.waiting += 1;
            return;
        }
        Err(error) if error.is_flow_export() => {
            *read.faults.entry(error.label()).or_default() += 1;
            return;
        }
        Err(_) => {
            read.others += 1;
            return;
        }
    };
    let id = DatagramId::new(decoded.identity_secs, datagram.exporter, datagram.payload);
    for packet in decoded.packets() {
        let count = read.counts.entry(format(datagram.payload)).or_default();
        count.0 += 1;
        count.1 += packet.len() as u64;
        if let Some(fault) = packet.fault {
            *read.faults.entry(fault.label()).or_default() += 1;
        }
        let mut to = Batches { v4: &mut *v4, v6: &mut *v6 };
        let appended = builder.append(packet, datagram.exporter, datagram.src_port, id, &mut to);
        for (reason, records) in appended.rejected() {
            *read.rejected.entry(reason).or_default() += records;
        }
    }
}

/// Reads a file to its end.
pub(super) fn read(path: &Path) -> Read {
    read_all(&[path.to_owned()])
}

/// Reads a file to its end as it is, and as it is with the payloads that `rewrite` has in place of its
/// own; where it has none, neither is read.
pub(super) fn read_twice(
    path: &Path,
    mut rewrite: impl FnMut(&Datagram<'_>) -> Option<Vec<u8>>,
) -> [Read; 2] {
    let mut readers = [Reader::new(), Reader::new()];
    let mut sink = |datagram: &Datagram<'_>| {
        if let Some(payload) = rewrite(datagram) {
            readers[0].take(datagram);
            readers[1].take(&Datagram { payload: &payload, ..*datagram });
        }
        ControlFlow::Continue(())
    };
    capture::read(&Input::File(path.to_owned()), &AtomicU64::new(0), &mut sink).unwrap();
    readers.map(Reader::finish)
}

/// Reads files one after the other.
pub(super) fn read_all(paths: &[PathBuf]) -> Read {
    let mut reader = Reader::new();
    let mut sink = |datagram: &Datagram<'_>| {
        reader.take(datagram);
        ControlFlow::Continue(())
    };
    for path in paths {
        capture::read(&Input::File(path.clone()), &AtomicU64::new(0), &mut sink).unwrap();
    }
    reader.finish()
}

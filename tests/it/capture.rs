//! Captures of every container, link layer and damage.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests are no test functions")]

mod damage;
mod encode;
mod files;
mod tshark;

use std::net::IpAddr;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use earlgrey_hbase::capture::{Datagram, Input, Report, Sink, read};

pub(crate) use damage::containers;
pub(crate) use encode::{Sent, datagrams, fragments};

/// A datagram as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Got {
    exporter: IpAddr,
    src_port: u16,
    received_ms: u64,
    payload: Vec<u8>,
    declared_bytes: usize,
}

impl From<&Sent> for Got {
    fn from(sent: &Sent) -> Self {
        Self {
            exporter: sent.exporter,
            src_port: sent.src_port,
            received_ms: sent.received_ms,
            payload: sent.payload.clone(),
            declared_bytes: sent.payload.len(),
        }
    }
}

fn expected(sent: &[Sent]) -> Vec<Got> {
    sent.iter().map(Got::from).collect()
}

#[derive(Default)]
struct Collected {
    files: Vec<String>,
    datagrams: Vec<Got>,
}

impl Sink for Collected {
    fn file(&mut self, name: &str) {
        self.files.push(name.to_owned());
    }

    fn datagram(&mut self, datagram: &Datagram<'_>) -> ControlFlow<()> {
        self.datagrams.push(Got {
            exporter: datagram.exporter,
            src_port: datagram.src_port,
            received_ms: datagram.received.0,
            payload: datagram.payload.to_vec(),
            declared_bytes: datagram.declared_bytes,
        });
        ControlFlow::Continue(())
    }
}

/// Reads a file to its end, and checks what holds of every reading.
fn read_file(path: &Path) -> (Collected, Report) {
    let mut collected = Collected::default();
    let bytes_read = AtomicU64::new(0);
    let report = read(&Input::File(path.to_owned()), &bytes_read, &mut collected).unwrap();
    assert_eq!(report.datagrams, collected.datagrams.len() as u64);
    assert_eq!(report.packets, report.datagrams + report.skipped.total(), "{report:?}");
    assert_eq!(report.captures, collected.files.len() as u64);
    assert!(bytes_read.load(Ordering::Relaxed) <= path.metadata().unwrap().len());
    assert!(!report.stopped);
    (collected, report)
}

/// Reads bytes as the file of a name that tells nothing.
fn read_bytes(bytes: &[u8]) -> (Collected, Report) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("input");
    std::fs::write(&path, bytes).unwrap();
    let (mut collected, mut report) = read_file(&path);
    let prefix = folder.path().display().to_string();
    for name in &mut collected.files {
        *name = name.replace(&format!("{prefix}/"), "");
    }
    for fault in &mut report.faults {
        fault.name = fault.name.replace(&format!("{prefix}/"), "");
    }
    (collected, report)
}

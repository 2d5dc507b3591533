//! From a socket into the spool.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use super::Shared;
use super::spool::Framed;
use super::tee::Passed;
use crate::capture::frame::{self, Path};
use crate::capture::udp::{BATCH, Receiver};
use crate::flow::UnixMillis;
use crate::load::ByExporter;

/// So long, at most, is taken what the system has yet of a socket that is to be closed.
const DRAIN: Duration = Duration::from_secs(2);
/// After an error of a socket it is left alone for a while.
const AFTER_ERROR: Duration = Duration::from_millis(200);
/// What goes wrong for long is said so often.
const SAID_EVERY: Duration = Duration::from_secs(10);

/// What came over a socket, and what of it went no further.
#[derive(Debug, Clone, Default)]
pub(super) struct Intake {
    pub(super) datagrams: u64,
    pub(super) bytes: u64,
    pub(super) kernel_drops: u64,
    pub(super) last: Option<UnixMillis>,
    pub(super) turned: ByExporter<Turned>,
}

/// Datagrams of an exporter that were received and are not in the spool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Turned {
    /// The exporter is none of those that are wanted.
    pub(super) refused: u64,
    /// The spool had no room, or could not be written.
    pub(super) dropped: u64,
}

/// Receives until the sockets are to be closed, and then what the system has of it yet.
pub(super) fn run(mut receiver: Receiver, shared: &Shared, intake: &Mutex<Intake>) {
    let mut batch = Batch::default();
    let mut closing_since = None;
    let mut said: Option<Instant> = None;
    let mut complain = |what: &dyn std::fmt::Display| {
        if said.is_none_or(|said| said.elapsed() >= SAID_EVERY) {
            said = Some(Instant::now());
            tracing::warn!("{what}");
        }
    };
    loop {
        if shared.is_closing() {
            closing_since.get_or_insert_with(Instant::now);
        }
        let filled = batch.fill(&mut receiver, shared, closing_since.is_none());
        let over = closing_since.is_some_and(|since| since.elapsed() >= DRAIN);
        match filled {
            Ok(0) if closing_since.is_some() => return,
            Ok(_) => {}
            Err(error) => {
                complain(&format_args!("receive at {}: {error}", receiver.local()));
                thread::sleep(AFTER_ERROR);
            }
        }
        let mut dropped = Vec::new();
        if !batch.wanted.is_empty() {
            let (left_out, why) = shared.spool.append(&batch.frames, &batch.wanted);
            if let (Some(why), Some(exporter)) = (why, left_out.first()) {
                complain(&format_args!("{why}: datagrams are dropped, of {exporter} for one"));
            }
            dropped = left_out;
        }
        shared.tees.pass(&batch.passed);
        batch.count(intake, receiver.drops(), &dropped);
        if over {
            return;
        }
    }
}

/// What was taken from a socket at once.
#[derive(Default)]
struct Batch {
    frames: Vec<u8>,
    /// Those in the frames.
    wanted: Vec<Framed>,
    refused: Vec<IpAddr>,
    /// Those in the frames, for others, if there are any.
    passed: Passed,
    bytes: u64,
    time_us: u64,
}

impl Batch {
    /// Receives and frames datagrams, and leaves out those of whom nobody wants to hear.
    fn fill(
        &mut self,
        receiver: &mut Receiver,
        shared: &Shared,
        wait: bool,
    ) -> std::io::Result<usize> {
        self.frames.clear();
        self.wanted.clear();
        self.refused.clear();
        self.passed.clear();
        self.bytes = 0;
        let dst = receiver.local();
        let rules = shared.rules();
        let are_passed = !shared.tees.is_empty();
        let mut time_us = None;
        let count = receiver.receive(wait, |arrival| {
            let time_us = *time_us.get_or_insert_with(now_us);
            self.bytes += arrival.payload.len() as u64;
            let exporter = arrival.src.ip();
            if rules.allow(exporter) {
                let path = Path { src: arrival.src, dst };
                frame::packet(&mut self.frames, time_us, path, 0, arrival.payload, 0);
                if are_passed {
                    self.passed.push(arrival.src, arrival.payload);
                }
                self.wanted.push(Framed { end: self.frames.len(), exporter });
            } else {
                self.refused.push(exporter);
            }
        });
        self.time_us = time_us.unwrap_or(0);
        debug_assert!(self.wanted.len() + self.refused.len() <= BATCH);
        count
    }

    fn count(&self, intake: &Mutex<Intake>, kernel_drops: u64, dropped: &[IpAddr]) {
        let received = (self.wanted.len() + self.refused.len()) as u64;
        if received == 0 {
            return;
        }
        let mut intake = intake.lock().unwrap_or_else(PoisonError::into_inner);
        intake.datagrams += received;
        intake.bytes += self.bytes;
        intake.kernel_drops = kernel_drops;
        intake.last = Some(UnixMillis(self.time_us / 1000));
        for &exporter in &self.refused {
            intake.turned.of(exporter).refused += 1;
        }
        for &exporter in dropped {
            intake.turned.of(exporter).dropped += 1;
        }
    }
}

fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    since.as_micros() as u64
}

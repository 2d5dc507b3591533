//! Traffic that never was: captures of NetFlow v5 exports for tests, benchmarks and trying out.
//!
//! What a seed makes is fixed: the same [`Traffic`] gives the same bytes on every machine and in
//! every version, until a version says otherwise in its change log. The numbers come from a
//! generator of our own, and no dependency has a part in what is written.

mod conversation;
mod engine;
mod fate;
mod format;
mod hosts;
mod plant;
mod random;
mod rhythm;
mod sight;
mod truth;
mod world;
mod writer;

pub use fate::Damage;
pub use format::Format;
pub use hosts::EXAMPLE_HOST;
pub use plant::{Planted, Skipped};
pub use sight::{MAX_SAMPLING, Sights};

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Write};
use std::net::IpAddr;

use conversation::{ACTIVE_TIMEOUT_MS, Conversation};
use plant::Plants;
use random::Random;
use rhythm::Rhythm;
use world::World;
use writer::Writer;

use crate::detect::Kind;
use crate::flow::UnixMillis;

/// So many engines are made at most, of all exporters together.
pub const MAX_ENGINES: u32 = 4096;
/// So many long conversations go on at once.
const MAX_GOING_ON: usize = 100_000;
const HOUR_SECS: f64 = 3600.0;
/// No router's clock is behind another's by more.
const MAX_JITTER_MS: u32 = 60_000;
/// Exporters have been up for years at most; so long after 1970 a capture must start.
const LONGEST_UP_MS: u64 = 100 * 86_400_000;

/// What traffic to make.
#[derive(Debug, Clone, PartialEq)]
pub struct Traffic {
    /// How many flows are exported.
    pub flows: u64,
    /// In which format.
    pub format: Format,
    /// Which traffic: another seed gives other hosts and flows.
    pub seed: u64,
    /// When the first flow is exported.
    pub start: UnixMillis,
    /// Over how many hours the flows are exported, by the rhythm of the day.
    pub hours: f64,
    /// How many routers export.
    pub exporters: u16,
    /// How many engines each router has; each counts its own flows.
    pub engines: u8,
    /// The share of datagrams that never arrive, from 0 to 1.
    pub loss: f64,
    /// The share of datagrams that arrive twice.
    pub duplicates: f64,
    /// The share of datagrams that are damaged.
    pub damage: f64,
    /// By whom each flow is seen.
    pub sights: Sights,
    /// What is planted among them, in addition to `flows`. Where there is anything, nobody else scans,
    /// and what is often mistaken for something else is there as well.
    pub plants: Vec<Kind>,
}

impl Default for Traffic {
    /// A million flows of 26 July 2007, nothing of them lost, doubled or damaged.
    fn default() -> Self {
        Self {
            flows: 1_000_000,
            format: Format::V5,
            seed: 1,
            start: UnixMillis(1_185_408_000_000),
            hours: 24.0,
            exporters: 2,
            engines: 2,
            loss: 0.0,
            duplicates: 0.0,
            damage: 0.0,
            sights: Sights::default(),
            plants: Vec::new(),
        }
    }
}

/// What was made. `flows = readable + cut + lost + untold`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Made {
    /// Flows that the routers exported.
    pub flows: u64,
    /// Flows that can be read from the capture, each counted once.
    pub readable: u64,
    /// Flows whose record is not whole, in datagrams of which others are.
    pub cut: u64,
    /// Flows of which nothing tells but the sequence numbers, by exporter and engine: in datagrams
    /// that never arrived, or in which nothing can be read.
    pub lost: BTreeMap<(IpAddr, u32), u64>,
    /// Flows lost before the first datagram of their engine that can be read, or after the last
    /// one: not even sequence numbers tell of them.
    pub untold: u64,
    /// Datagrams in the capture.
    pub datagrams: u64,
    /// Datagrams that never arrived.
    pub dropped_datagrams: u64,
    /// Datagrams that are in the capture a second time.
    pub duplicate_datagrams: u64,
    /// Flows in these.
    pub duplicate_flows: u64,
    /// Damaged datagrams in the capture.
    pub damaged: BTreeMap<Damage, u64>,
    /// Layer-3 bytes of the readable flows.
    pub octets: u64,
    /// Packets of the readable flows.
    pub packets: u64,
    /// The capture's size.
    pub bytes: u64,
    /// What was planted.
    pub planted: Vec<Planted>,
    /// What was not planted, as the capture is too short for it.
    pub skipped: Vec<Skipped>,
}

impl Made {
    /// Flows lost, of all engines.
    pub fn lost_flows(&self) -> u64 {
        self.lost.values().sum()
    }
}

/// Writes a capture of `traffic` to `to`, in large pieces: a pcap file with microseconds, its
/// packets in the order of time, each a datagram to UDP port 2055.
///
/// ```
/// use earlgrey_hbase::generate::{Traffic, write};
///
/// let mut capture = Vec::new();
/// let made = write(&Traffic { flows: 1000, hours: 0.1, ..Traffic::default() }, &mut capture)?;
/// assert_eq!((made.readable, made.bytes), (1000, capture.len() as u64));
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// [`io::ErrorKind::InvalidInput`] if `traffic` cannot be made, with what is wrong with it; else
/// what `to` gives.
pub fn write(traffic: &Traffic, to: &mut impl Write) -> io::Result<Made> {
    write_telling(traffic, to, None)
}

/// Writes a capture likewise, and to `truth` which of its records are of one flow: CSV with a head, a
/// line for each record that can be read, with the number of its flow.
///
/// # Errors
///
/// As [`write`](fn@write), and what `truth` gives.
pub fn write_telling(
    traffic: &Traffic,
    to: &mut impl Write,
    truth: Option<&mut dyn Write>,
) -> io::Result<Made> {
    let seconds = check(traffic)?;
    let random = &mut Random::new(traffic.seed, 1);
    let mut world = World::new(random, !traffic.plants.is_empty());
    let span_ms = (traffic.start.0, traffic.start.0 + seconds * 1_000);
    let mut plants = Plants::of(&traffic.plants, &world, traffic.seed, span_ms);
    let mut writer = Writer::new(traffic, seconds, to, truth, random);
    let start_secs = traffic.start.0 / 1000;
    let mut rhythm = Rhythm::new(traffic.flows, start_secs, seconds, traffic.seed);
    // Long conversations, in the order in which their next part is exported.
    let mut going_on: VecDeque<(u64, Conversation)> = VecDeque::new();
    let mut made = 0;
    for second in 0..seconds {
        let last = second + 1 == seconds;
        let until = if last { traffic.flows } else { rhythm.next_second() };
        let (from, second_us) = (made, (start_secs + second) * 1_000_000);
        writer.flush_due(second_us)?;
        while made < until {
            let now_us = second_us + (made - from) * 1_000_000 / (until - from);
            while let Some((due_us, talk)) = plants.next(now_us) {
                writer.put(&talk, u64::MAX, due_us)?;
            }
            let talk = match going_on.front() {
                Some(&(due_us, talk)) if due_us <= now_us => {
                    going_on.pop_front();
                    talk.next_part(random)
                }
                _ => world.talk(random),
            };
            made += writer.put(&talk, traffic.flows - made, now_us)?;
            if talk.goes_on() && going_on.len() < MAX_GOING_ON {
                going_on.push_back((now_us + u64::from(ACTIVE_TIMEOUT_MS) * 1000, talk));
            }
        }
        while let Some((due_us, talk)) = plants.next(second_us + 999_999) {
            writer.put(&talk, u64::MAX, due_us)?;
        }
    }
    let made = writer.finish((start_secs + seconds) * 1_000_000)?;
    Ok(Made { planted: plants.truth, skipped: plants.skipped, ..made })
}

/// How many seconds `traffic` takes, if it can be made at all.
fn check(traffic: &Traffic) -> io::Result<u64> {
    let wrong = |what: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, what));
    let shares = [traffic.loss, traffic.duplicates, traffic.damage];
    if traffic.exporters == 0 || traffic.engines == 0 {
        return wrong("there must be an exporter, and an engine of it");
    }
    if u32::from(traffic.exporters) * u32::from(traffic.engines) > MAX_ENGINES {
        return wrong("exporters have more than 4096 engines together");
    }
    if !shares.iter().all(|share| (0.0..=1.0).contains(share)) || shares.iter().sum::<f64>() > 1.0 {
        return wrong(
            "loss, duplicates and damage must be shares from 0 to 1, and at most 1 together",
        );
    }
    if traffic.damage > 0.0 && traffic.format != Format::V5 {
        return wrong("damage is done to exports of NetFlow v5 only");
    }
    let Sights { routers, jitter_ms, sampling, in_and_out, behind_nat } = traffic.sights;
    if routers == 0 || routers > traffic.exporters {
        return wrong("a flow is seen by one exporter at least, and by no more than there are");
    }
    if jitter_ms > MAX_JITTER_MS || sampling > MAX_SAMPLING {
        return wrong("jitter is 60,000 ms at most, and sampling 16,383");
    }
    if sampling > 0 && !matches!(traffic.format, Format::V5 | Format::Ipfix) {
        return wrong("sampling is told in exports of v5 and IPFIX only");
    }
    if in_and_out && traffic.format != Format::Ipfix {
        return wrong("ways in and out are told apart in exports of IPFIX only");
    }
    if behind_nat && traffic.format != Format::Ipfix {
        return wrong("both sides of a NAT are told in exports of IPFIX only");
    }
    if !(traffic.hours > 0.0 && traffic.hours <= 24.0 * 366.0) {
        return wrong("hours must be more than 0, and a year at most");
    }
    let seconds = ((traffic.hours * HOUR_SECS) as u64).max(1);
    if traffic.start.0 < LONGEST_UP_MS || traffic.start.0 / 1000 + seconds > u64::from(u32::MAX) {
        return wrong("NetFlow v5 can only tell times from 1970 to 2106");
    }
    Ok(seconds)
}

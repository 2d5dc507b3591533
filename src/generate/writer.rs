//! Hands conversations to the routers, and their datagrams to the capture.

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};

use super::conversation::Conversation;
use super::engine::Engine;
use super::fate::Fate;
use super::format::{Format, Tells};
use super::random::Random;
use super::sight::Sights;
use super::truth::Truth;
use super::{Made, Traffic};
use crate::capture::frame::{self, Path};
use crate::netflow::v5::{HEADER_BYTES, RECORD_BYTES, Record};

const COLLECTOR: Ipv4Addr = Ipv4Addr::new(10, 127, 0, 1);
const COLLECTOR_PORT: u16 = 2055;
const FIRST_EXPORTER: u32 = 0x0a7f_0101;
/// So many bytes are gathered before they are written.
const WRITE_BYTES: usize = 1 << 18;
const DAY_MS: u32 = 86_400_000;

/// The routers, the way to the collector, and the capture there.
pub(super) struct Writer<'a, 't, W> {
    traffic: &'a Traffic,
    engines: Vec<Engine>,
    /// Numbers for the fates only, so that the same flows meet them all.
    fates: Random,
    /// Likewise for what each router sees.
    sights: Random,
    truth: Truth<'t>,
    payload: Vec<u8>,
    /// A datagram that is to arrive once more, after another one did.
    again: Option<Packet>,
    out: Vec<u8>,
    to: &'a mut W,
    made: Made,
}

struct Packet {
    path: Path,
    ip_id: u16,
    payload: Vec<u8>,
}

impl<'a, 't, W: Write> Writer<'a, 't, W> {
    pub(super) fn new(
        traffic: &'a Traffic,
        seconds: u64,
        to: &'a mut W,
        truth: Option<&'t mut dyn Write>,
        random: &mut Random,
    ) -> Self {
        let halfway_ms = traffic.start.0 + seconds * 500;
        let mut engines = Vec::new();
        for id in 0..traffic.engines {
            for exporter in 0..traffic.exporters {
                // The uptime of the first one wraps halfway. The engines of a router do not start
                // together.
                let booted_ms = if id == 0 && exporter == 0 {
                    halfway_ms - (1 << 32)
                } else {
                    traffic.start.0 - u64::from(random.between(DAY_MS / 24, DAY_MS * 40))
                };
                let address = Ipv4Addr::from(FIRST_EXPORTER + u32::from(exporter));
                let mut engine = Engine::new(address, id, booted_ms, random);
                if exporter % 2 == 1 {
                    engine.sampling = traffic.sights.sampling;
                }
                engines.push(engine);
            }
        }
        Self {
            traffic,
            truth: Truth::new(truth, engines.len()),
            engines,
            fates: Random::new(traffic.seed, 2),
            sights: Random::new(traffic.seed, 5),
            payload: Vec::new(),
            again: None,
            out: frame::file_header().to_vec(),
            to,
            made: Made::default(),
        }
    }

    /// Exports both directions of `talk`, of each what its routers see, or as many of these as there
    /// is `room`; gives how many.
    pub(super) fn put(&mut self, talk: &Conversation, room: u64, now_us: u64) -> io::Result<u64> {
        // A customer is reached by one engine of one router.
        let home = talk.customer as usize % self.engines.len();
        let sides = [(false, Some(talk.request)), (true, talk.answer)];
        let mut flows = 0;
        for (answer, side) in sides {
            let Some(side) = side.filter(|_| flows < room) else { continue };
            self.truth.next_flow();
            for (engine, further, way_out) in sight_places(self.traffic, home) {
                let (sights, sampling) = (self.traffic.sights, self.engines[engine].sampling);
                let Some(mut sight) = sights
                    .see(talk, side, sampling, way_out, &mut self.sights)
                    .filter(|_| flows < room)
                else {
                    continue;
                };
                sight.side_of_nat = sights.side_of_nat(further, answer);
                if self.engines[engine].is_due(now_us / 1000) {
                    self.export(engine, now_us)?;
                }
                let exported = self.engines[engine].put(talk, answer, &sight, now_us / 1000);
                self.truth.put(engine, &exported);
                flows += 1;
            }
        }
        self.made.flows += flows;
        Ok(flows)
    }

    /// Exports what has waited too long.
    pub(super) fn flush_due(&mut self, now_us: u64) -> io::Result<()> {
        for engine in 0..self.engines.len() {
            if self.engines[engine].is_due(now_us / 1000) {
                self.export(engine, now_us)?;
            }
        }
        Ok(())
    }

    /// Exports all that still waits, and says what was made.
    pub(super) fn finish(mut self, now_us: u64) -> io::Result<Made> {
        for engine in 0..self.engines.len() {
            if self.engines[engine].waiting() > 0 {
                self.export(engine, now_us)?;
            }
        }
        if let Some(packet) = self.again.take() {
            self.write(now_us, packet.path, packet.ip_id, &packet.payload, 0)?;
        }
        self.flush()?;
        self.truth.flush()?;
        self.made.untold += self.engines.iter().map(|engine| engine.untold).sum::<u64>();
        Ok(self.made)
    }

    /// Sends the records of an engine on their way.
    fn export(&mut self, place: usize, now_us: u64) -> io::Result<()> {
        let mut payload = std::mem::take(&mut self.payload);
        let engine = &mut self.engines[place];
        engine.export(now_us, &mut payload);
        let path = Path {
            src: SocketAddr::from((engine.exporter, engine.src_port)),
            dst: SocketAddr::from((COLLECTOR, COLLECTOR_PORT)),
        };
        let ip_id = engine.exported as u16;
        let packet = engine.exported - 1;
        let flows = (payload.len() - HEADER_BYTES) / RECORD_BYTES;

        let fate = Fate::draw(self.traffic, &mut self.fates);
        let readable = match fate {
            Fate::Arrives | Fate::Doubled => true,
            Fate::Dropped => false,
            Fate::Damaged(damage) => damage.leaves_records(),
        };
        if readable {
            // What never arrived shows now, if anything of the engine was seen before.
            let untold = std::mem::take(&mut engine.untold);
            if engine.was_seen && untold > 0 {
                let name = (engine.exporter.into(), u32::from(engine.id));
                *self.made.lost.entry(name).or_default() += untold;
            } else {
                self.made.untold += untold;
            }
            engine.was_seen = true;
        } else {
            engine.untold += flows as u64;
        }

        let mut cut_bytes = 0;
        match fate {
            Fate::Dropped => self.made.dropped_datagrams += 1,
            Fate::Damaged(damage) => {
                *self.made.damaged.entry(damage).or_default() += 1;
                cut_bytes = damage.apply(&mut self.fates, &mut payload);
            }
            Fate::Arrives | Fate::Doubled => {}
        }
        let records =
            if readable { self.count(&payload[..payload.len() - cut_bytes], flows) } else { 0 };
        self.truth.export(place, records)?;
        if self.traffic.format != Format::V5 {
            let tells = match self.traffic.sights {
                Sights { behind_nat: true, .. } => Tells::Nat,
                sights if sights == Sights::default() => Tells::Nothing,
                _ => Tells::Sight,
            };
            payload = self.traffic.format.encode(&payload, packet, tells);
        }
        if fate != Fate::Dropped {
            self.write(now_us, path, ip_id, &payload, cut_bytes)?;
            if let Some(packet) = self.again.take() {
                self.write(now_us, packet.path, packet.ip_id, &packet.payload, 0)?;
            }
        }
        if fate == Fate::Doubled {
            self.made.duplicate_datagrams += 1;
            self.made.duplicate_flows += flows as u64;
            self.again = Some(Packet { path, ip_id, payload: payload.clone() });
        }
        self.payload = payload;
        Ok(())
    }

    /// Counts what can be read of a datagram of `flows` flows; gives how many records that are.
    fn count(&mut self, payload: &[u8], flows: usize) -> usize {
        let (records, _) = payload[HEADER_BYTES..].as_chunks::<RECORD_BYTES>();
        let records = &records[..records.len().min(flows)];
        self.made.readable += records.len() as u64;
        self.made.cut += (flows - records.len()) as u64;
        for record in records {
            let record = Record::read(record);
            self.made.octets += u64::from(record.octets);
            self.made.packets += u64::from(record.packets);
        }
        records.len()
    }

    fn write(
        &mut self,
        time_us: u64,
        path: Path,
        ip_id: u16,
        payload: &[u8],
        cut_bytes: usize,
    ) -> io::Result<()> {
        frame::packet(&mut self.out, time_us, path, ip_id, payload, cut_bytes);
        self.made.datagrams += 1;
        if self.out.len() >= WRITE_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.made.bytes += self.out.len() as u64;
        self.to.write_all(&self.out)?;
        self.out.clear();
        Ok(())
    }
}

/// Where a flow is seen whose host is reached by the engine at `home`: by that one, by the same one of
/// the routers behind it, each so many behind the first, on the way in, and perhaps on the way out.
fn sight_places(
    traffic: &Traffic,
    home: usize,
) -> impl Iterator<Item = (usize, usize, bool)> + use<> {
    let exporters = usize::from(traffic.exporters);
    let (first, router) = (home - home % exporters, home % exporters);
    let ways = if traffic.sights.in_and_out { 2 } else { 1 };
    (0..usize::from(traffic.sights.routers)).flat_map(move |further| {
        let engine = first + (router + further) % exporters;
        (0..ways).map(move |way| (engine, further, way == 1))
    })
}

//! Hostile datagrams through a decoder and a builder: every table keeps its limit, and an honest
//! exporter that sends now and then loses nothing by them.

use super::*;
use crate::capture::Datagram;
use crate::flow::{MAX_NAME_BYTES, MAX_NAMES};
use crate::netflow::{
    DecodeError, Decoder, MAX_DOMAINS, MAX_TEMPLATES, MAX_WAITING_BYTES, MAX_WAITING_DATAGRAMS,
    Outcome,
};
use crate::normalise::MAX_STREAMS;

const SECS: u32 = 1_186_040_527;
/// Sends a datagram now and then, and of each two one is lost.
const HONEST: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
/// Sends its template late.
const LATE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

/// What somebody sends who means ill: so many datagrams of a kind, numbered from a number on.
#[derive(Debug, Clone, Copy)]
struct Burst {
    kind: Kind,
    sender: u8,
    from: u32,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Templates,
    WideTemplates,
    /// One id, which each port defines in its own way.
    PortTemplates,
    Domains,
    WithoutTemplate,
    Names,
    Samplers,
    Ports,
    Engines,
    Agents,
    Noise,
}

fn any_burst() -> impl Strategy<Value = Burst> {
    let kind = prop::sample::select(vec![
        Kind::Templates,
        Kind::WideTemplates,
        Kind::PortTemplates,
        Kind::Domains,
        Kind::WithoutTemplate,
        Kind::Names,
        Kind::Samplers,
        Kind::Ports,
        Kind::Engines,
        Kind::Agents,
        Kind::Noise,
    ]);
    let from = prop_oneof![Just(0), 0..1_u32 << 20, any::<u32>()];
    (kind, 0..4_u8, from).prop_map(|(kind, sender, from)| Burst { kind, sender, from })
}

fn shorts(shorts: &[u16]) -> Vec<u8> {
    shorts.iter().flat_map(|short| short.to_be_bytes()).collect()
}

fn set(id: u16, content: &[u8]) -> Vec<u8> {
    [&shorts(&[id, content.len() as u16 + 4])[..], content].concat()
}

/// A v9 packet of source `source` with these sets.
fn v9(source: u32, sequence: u32, sets: &[Vec<u8>]) -> Vec<u8> {
    let mut payload = shorts(&[9, 1]);
    for word in [1000, SECS, sequence, source] {
        payload.extend_from_slice(&word.to_be_bytes());
    }
    payload.extend(sets.concat());
    payload
}

/// A template of source, destination and octets, and a record of it.
fn template() -> Vec<u8> {
    set(0, &shorts(&[256, 3, 8, 4, 12, 4, 1, 4]))
}

fn record() -> Vec<u8> {
    set(256, &[10, 0, 0, 1, 10, 0, 0, 2, 0, 0, 0, 5])
}

/// Options that name an interface, and one that is named.
fn naming() -> Vec<u8> {
    set(1, &shorts(&[300, 4, 4, 2, 4, 82, 8]))
}

fn named(interface: u32) -> Vec<u8> {
    [&interface.to_be_bytes()[..], b"ethernet"].concat()
}

impl Burst {
    fn datagrams(self) -> usize {
        match self.kind {
            Kind::Templates | Kind::Samplers => 8,
            Kind::Names => 200,
            Kind::WideTemplates | Kind::Noise => 100,
            Kind::PortTemplates
            | Kind::Domains
            | Kind::WithoutTemplate
            | Kind::Ports
            | Kind::Engines
            | Kind::Agents => 6000,
        }
    }

    /// The port and the payload of the datagram `number`.
    fn datagram(self, number: u32) -> (u16, Vec<u8>) {
        let at = self.from.wrapping_add(number);
        let port = at as u16;
        let numbers = |count: u32| (0..count).map(move |place| at.wrapping_mul(count) ^ place);
        let payload = match self.kind {
            Kind::Templates => {
                let one = |id: u16| shorts(&[256 + id, 1, 1, 4]);
                v9(at, 0, &[set(0, &(0..7000).flat_map(one).collect::<Vec<_>>())])
            }
            Kind::WideTemplates => {
                let fields: Vec<u16> = (0..1000).flat_map(|number| [number + 1, 1]).collect();
                let lacking = set(400, &at.to_be_bytes());
                let wide = set(0, &[shorts(&[0x12c | port, 1000]), shorts(&fields)].concat());
                v9(at % 5000, 0, &[wide, set(0x12c | port, &[1; 1000]), lacking])
            }
            Kind::PortTemplates => {
                let own = [shorts(&[256, 4]), vec![0, 1], (port % 9 + 1).to_be_bytes().to_vec()];
                let rest = shorts(&[8, 4, 12, 4, port | 0x2000, 1]);
                v9(at % 3, 0, &[set(0, &[own.concat(), rest].concat()), record()])
            }
            Kind::Domains => v9(at, 0, &[template(), record()]),
            Kind::WithoutTemplate => v9(at % 7, 0, &[set(0x1f4 | port, &[1; 60])]),
            Kind::Names => {
                let names = numbers(100).flat_map(named).collect::<Vec<_>>();
                v9(1, 0, &[naming(), set(300, &names)])
            }
            Kind::Samplers => {
                let layout = shorts(&[301, 0, 8, 302, 4, 34, 4]);
                let samplers: Vec<u8> = numbers(5000)
                    .flat_map(|sampler| [sampler, 7].map(u32::to_be_bytes).concat())
                    .collect();
                v9(at, 0, &[set(1, &layout), set(301, &samplers)])
            }
            Kind::Ports | Kind::Engines => {
                let [engine_type, engine_id, ..] = at.to_le_bytes();
                let header = Header {
                    count: 1,
                    unix_secs: SECS,
                    flow_sequence: at,
                    sampling_field: at as u16,
                    engine_type,
                    engine_id,
                    ..Header::default()
                };
                let mut payload = Vec::new();
                v5::encode(&header, &[record_v5()], &mut payload);
                payload
            }
            Kind::Agents => sflow(at),
            Kind::Noise => {
                let noise: Vec<u8> = numbers(200)
                    .flat_map(|word| (word.wrapping_mul(2_654_435_761)).to_be_bytes())
                    .collect();
                v9(at, at, &[noise])
            }
        };
        (if matches!(self.kind, Kind::Engines) { 7 } else { port }, payload)
    }
}

fn record_v5() -> v5::Record {
    v5::Record { octets: 1, packets: 1, ..v5::Record::default() }
}

/// A datagram of sFlow by the agent `agent` with one sample, of an IPv4 header.
fn sflow(agent: u32) -> Vec<u8> {
    let words =
        |words: &[u32]| -> Vec<u8> { words.iter().flat_map(|word| word.to_be_bytes()).collect() };
    let block = |content: &[u8]| [&words(&[1, content.len() as u32])[..], content].concat();
    let ip = [
        0x45, 0, 0, 28, 0, 0, 0, 0, 63, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 80, 0, 90, 0, 8, 0,
        0,
    ];
    let header = [&words(&[11, 28, 0, ip.len() as u32])[..], &ip].concat();
    let head = words(&[1, 9, 1 + agent % 500, 1000, 0, 4, 5, 1]);
    let sample = [head, block(&header)].concat();
    [words(&[5, 1, agent, agent % 9, 77, 5000, 1]), block(&sample)].concat()
}

/// A decoder and a builder, as a load has them.
struct Tables {
    decoder: Decoder,
    builder: FlowBuilder,
    v4: FlowBatch,
    v6: FlowBatch,
}

impl Tables {
    /// Takes a datagram; gives how many flows of `sender` were appended with it.
    fn take(&mut self, sender: IpAddr, src_port: u16, payload: &[u8]) -> u64 {
        let received = UnixMillis(u64::from(SECS) * 1000);
        let declared_bytes = payload.len();
        let datagram = Datagram { exporter: sender, src_port, received, payload, declared_bytes };
        let Self { decoder, builder, v4, v6 } = self;
        let mut appended = 0;
        let mut taken = |builder: &mut FlowBuilder,
                         outcome: Result<Outcome<'_>, DecodeError>,
                         datagram: &Datagram<'_>| {
            let Ok(Outcome::Decoded(found)) = outcome else { return };
            if builder.is_nearly_full() {
                builder.take_sources();
            }
            for packet in found.packets() {
                let mut to = Batches { v4: &mut *v4, v6: &mut *v6 };
                let told =
                    builder.append(packet, datagram.exporter, datagram.src_port, ID, &mut to);
                if datagram.exporter == sender {
                    appended += told.appended;
                }
            }
            v4.clear();
            v6.clear();
        };
        taken(builder, decoder.decode(&datagram, 0), &datagram);
        for packet in decoder.unread() {
            builder.observe(&packet, sender, src_port);
        }
        while let Some(held) = decoder.next_ready() {
            taken(builder, decoder.decode_held(&held), &held.datagram());
        }
        appended
    }

    fn are_within_limits(&self) {
        let Self { decoder, builder, .. } = self;
        let waiting: usize = decoder.waiting().map(|datagram| datagram.payload.len()).sum();
        assert!(decoder.waiting().count() <= MAX_WAITING_DATAGRAMS && waiting <= MAX_WAITING_BYTES);
        let (domains, templates) = decoder.templates_known();
        assert!(domains <= MAX_DOMAINS && templates <= MAX_TEMPLATES, "{domains} {templates}");
        let names = decoder.names();
        assert!(names.interfaces.len() <= MAX_NAMES && names.applications.len() <= MAX_NAMES);
        assert!(names.interfaces.values().all(|name| name.len() <= MAX_NAME_BYTES));
        assert!(builder.sequences.streams_followed() <= MAX_STREAMS);
        assert!(builder.lost().len() <= 2 * MAX_STREAMS);
        assert!(builder.sources().len() <= MAX_SOURCES);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, max_shrink_iters: 20, ..ProptestConfig::default() })]

    #[test]
    fn whatever_others_send_an_honest_exporter_loses_nothing_and_every_limit_holds(
        bursts in prop::collection::vec(any_burst(), 4..9),
    ) {
        let mut tables = Tables {
            decoder: Decoder::new(),
            builder: FlowBuilder::new(),
            v4: FlowBatch::new(Family::V4),
            v6: FlowBatch::new(Family::V6),
        };
        let known = v9(0, 0, &[template(), naming(), set(300, &named(3)), record()]);
        prop_assert_eq!(tables.take(HONEST, 2055, &known), 1);
        for sequence in 0..10 {
            prop_assert_eq!(tables.take(LATE, 2055, &v9(0, sequence, &[record()])), 0);
        }
        for (place, burst) in bursts.iter().enumerate() {
            let sender = [203, 0, 113, burst.sender].into();
            for number in 0..burst.datagrams() as u32 {
                let (port, payload) = burst.datagram(number);
                tables.take(sender, port, &payload);
            }
            tables.are_within_limits();
            // Every second datagram is lost.
            let data = v9(0, 2 * place as u32 + 2, &[record()]);
            prop_assert_eq!(tables.take(HONEST, 2055, &data), 1, "after {:?}", burst);
            let lost: u64 = tables
                .builder
                .lost()
                .iter()
                .filter(|lost| lost.exporter == HONEST)
                .map(|lost| lost.count)
                .sum();
            prop_assert_eq!(lost, place as u64 + 1, "after {:?}", burst);
            let name = tables.decoder.names().interfaces.get(&(HONEST, 3));
            prop_assert_eq!(name.map(String::as_str), Some("ethernet"), "after {:?}", burst);
        }
        prop_assert_eq!(tables.take(LATE, 2055, &v9(0, 10, &[template()])), 10);
    }
}

#[test]
fn what_is_forged_here_is_what_it_should_be() {
    let mut tables = Tables {
        decoder: Decoder::new(),
        builder: FlowBuilder::new(),
        v4: FlowBatch::new(Family::V4),
        v6: FlowBatch::new(Family::V6),
    };
    let mut take = |kind| {
        let (port, payload) = Burst { kind, sender: 0, from: 9 }.datagram(0);
        tables.take([203, 0, 113, 0].into(), port, &payload)
    };
    assert_eq!([Kind::Domains, Kind::Ports, Kind::Engines, Kind::Agents].map(&mut take), [1; 4]);
    assert_eq!([Kind::WithoutTemplate, Kind::Names, Kind::Samplers].map(&mut take), [0; 3]);
    assert_eq!(tables.decoder.names().interfaces.len(), 100);
    assert_eq!(tables.decoder.waiting().count(), 1);
    let (port, payload) = Burst { kind: Kind::Templates, sender: 0, from: 9 }.datagram(0);
    tables.take([203, 0, 113, 1].into(), port, &payload);
    assert!(tables.decoder.templates_known().1 > 6000);
}

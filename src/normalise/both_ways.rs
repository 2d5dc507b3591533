//! What records say that tell both directions, or tell of one flow again and again: what of it
//! counts, and what their flows are marked with.

use std::net::IpAddr;

use xxhash_rust::xxh3::xxh3_128;

use super::MAX_BELIEVED_LEAD_MS;
use super::counted::{Counted, Counters, Event, Flow, FlowKey};
use super::way::{Elements, FIRST, LAST, Way, number_bytes, reverse};
use crate::flow::{
    BIFLOW_DIRECTION, Column, ElementId, EventKind, Extra, INITIATOR, REVERSE_DELAY,
    REVERSE_ENTERPRISE, Source, Told, UnixMillis, address_bits, event, extras, unsigned,
};
use crate::netflow::{self, Counts, DataRecord, Stamp};

/// IANA's `firewallEvent`.
const EVENT: u16 = EventKind::Firewall.element();

/// IANA's `flowId`: which connection it is.
const FLOW_ID: u16 = 148;

/// IANA's `flowEndReason`, and the one of a flow that goes on.
const END_REASON: u16 = 136;
const ACTIVE_TIMEOUT: u64 = 2;

const DELAY: (u32, u16) = (REVERSE_DELAY.enterprise, REVERSE_DELAY.number);

/// IANA's `responderOctets` and `responderPackets`.
const RESPONDER: [u16; 2] = [232, 299];

/// All since the beginning: octets and packets.
const TOTALS: [u16; 2] = [85, 86];

/// What a record says of both ways.
pub(super) struct BothWays {
    counts: [Counts; 4],
    /// The counters, as they are told.
    told: Counters,
    event: Option<u64>,
    /// Which connection it is.
    flow_id: Option<u64>,
    /// Whether the flow is over.
    is_over: bool,
    /// Whether it is told who began.
    has_direction: bool,
    /// When the way back was.
    times: DataRecord,
    /// So long after the flow it began, in milliseconds.
    delay_ms: Option<u64>,
}

/// How good the elements are that told something so far: the lower, the better.
struct Ranks {
    counters: [u8; 2],
    first: u8,
    last: u8,
}

impl BothWays {
    /// Reads what a record, exported then, says in the elements of `way`, whose counters count so.
    pub(super) fn of(counts: [Counts; 4], way: &Way, exported: UnixMillis) -> Self {
        let mut says = Self {
            counts,
            told: [way.numbers[Column::Octets], way.numbers[Column::Packets], 0, 0],
            event: None,
            flow_id: None,
            is_over: false,
            has_direction: false,
            times: DataRecord::default(),
            delay_ms: None,
        };
        let mut ranks = Ranks { counters: [u8::MAX; 2], first: u8::MAX, last: u8::MAX };
        for Extra { number, enterprise, value } in extras(&way.extras) {
            match (enterprise, number) {
                (0, EVENT) => says.event = says.event.or(Some(unsigned(value))),
                (0, FLOW_ID) => says.flow_id = says.flow_id.or(Some(unsigned(value))),
                (0, END_REASON) => says.is_over = !matches!(unsigned(value), 0 | ACTIVE_TIMEOUT),
                (0, BIFLOW_DIRECTION) => says.has_direction = true,
                DELAY => says.delay_ms = Some(unsigned(value)),
                (0, 232) => says.counter(0, unsigned(value), u8::MAX - 1, &mut ranks),
                (0, 299) => says.counter(1, unsigned(value), u8::MAX - 1, &mut ranks),
                (REVERSE_ENTERPRISE, number) => {
                    says.take_reverse(number, value, exported, &mut ranks);
                }
                _ => {}
            }
        }
        says
    }

    fn take_reverse(&mut self, number: u16, value: &[u8], exported: UnixMillis, ranks: &mut Ranks) {
        let Some((told, rank)) = Told::of_element(number) else { return };
        let stamp = || netflow::stamp(number, value, exported);
        match told {
            Told::Column(Column::Octets) => self.counter(0, unsigned(value), rank, ranks),
            Told::Column(Column::Packets) => self.counter(1, unsigned(value), rank, ranks),
            Told::Column(Column::First) => {
                better(&mut self.times.first, &mut ranks.first, stamp(), rank);
            }
            Told::Last => better(&mut self.times.last, &mut ranks.last, stamp(), rank),
            Told::Column(Column::Duration) => {
                let per_ms = if number == 162 { 1000 } else { 1 };
                self.times.lasted_ms = Some(unsigned(value) / per_ms);
            }
            _ => {}
        }
    }

    fn counter(&mut self, which: usize, told: u64, rank: u8, ranks: &mut Ranks) {
        let Some((known, place)) = ranks.counters.get_mut(which).zip(self.told.get_mut(2 + which))
        else {
            return;
        };
        if rank < *known {
            (*known, *place) = (rank, told);
        }
    }

    /// When the way back of `way` began, and how long it lasted, if anything of that is told and
    /// `lasting` takes the times that are. Of what is not told it is as the flow itself.
    pub(super) fn lasting_back(
        &self,
        way: &Way,
        lasting: impl FnOnce(DataRecord) -> Option<(UnixMillis, u64)>,
    ) -> Option<(UnixMillis, u64)> {
        let first = UnixMillis(way.numbers[Column::First]);
        let last = first + way.numbers[Column::Duration];
        let mut times = self.times;
        match (times.first, times.last, times.lasted_ms) {
            (None, None, None) => {
                let duration_ms = way.numbers[Column::Duration].checked_sub(self.delay_ms?)?;
                return Some((first + self.delay_ms?, duration_ms));
            }
            (Some(_), None, None) => times.last = Some(Stamp::Unix(last)),
            (None, Some(_), None) | (None, None, Some(_)) => {
                times.first = Some(Stamp::Unix(first));
            }
            _ => {}
        }
        lasting(times)
    }

    /// What of it was not counted yet: `sender` sent it, of what `source` saw.
    pub(super) fn count(
        &self,
        record: &DataRecord,
        way: &Way,
        (sender, source): (IpAddr, Source),
        counted: &mut Counted,
    ) -> Counters {
        let of = |kind| {
            let mut told = self.told;
            let others = told.iter_mut().zip(self.counts).filter(|&(_, counts)| counts != kind);
            others.for_each(|(told, _)| *told = 0);
            self.counts.contains(&kind).then_some(told)
        };
        let totals = of(Counts::SinceBeginning).map(|told| {
            let flow = Flow { sender, key: flow_key(source, record, way), event: None };
            counted.all(flow, told, (self.is_over, record.first.is_none()))
        });
        let by_event = of(Counts::ByEvent)
            .map(|told| self.count_event(told, record, way, (sender, source), counted));
        let mut result = self.told;
        for (at, (result, counts)) in result.iter_mut().zip(self.counts).enumerate() {
            let counted = match counts {
                Counts::SinceLast => continue,
                Counts::SinceBeginning => totals,
                Counts::ByEvent => by_event,
            };
            *result = counted.and_then(|counted| counted.get(at).copied()).unwrap_or(*result);
        }
        result
    }

    /// What counts of what a firewall tells with an event.
    fn count_event(
        &self,
        told: Counters,
        record: &DataRecord,
        way: &Way,
        (sender, source): (IpAddr, Source),
        counted: &mut Counted,
    ) -> Counters {
        // Denied packets are of no connection, and bear the number of none.
        let flow_id = self.flow_id.filter(|&id| id != 0);
        let first = UnixMillis(way.numbers[Column::First]);
        let last = first + way.numbers[Column::Duration];
        let observed = record.observed.filter(|&at| at <= last + MAX_BELIEVED_LEAD_MS);
        let event = Event {
            begins: self.event == Some(event::CREATED),
            first: record.first.map(|_| first),
            at: observed.unwrap_or(last),
        };
        let flow =
            flow_id.map(|id| Flow { sender, key: connection_key(source, id), event: Some(event) });
        match (self.event, flow) {
            (Some(event::CREATED), flow) => {
                if let Some(flow) = flow {
                    counted.begin(flow);
                }
                Counters::default()
            }
            (Some(event::DENIED | event::ALERT), _) => Counters::default(),
            (Some(event::UPDATE), Some(flow)) => counted.more(flow, told),
            (Some(event::DELETED), Some(flow)) => counted.all(flow, told, (true, false)),
            _ => told,
        }
    }

    /// The flow that goes one way: with what counts of it, and with what counts of the way back, and
    /// when that was, among its elements.
    pub(super) fn settled(
        &self,
        way: &Way,
        counted: Counters,
        back: Option<(UnixMillis, u64)>,
    ) -> Way {
        let known: Vec<ElementId> = extras(&way.extras).map(|extra| extra.id()).collect();
        let has = |number| known.contains(&ElementId::iana(number));
        let [octets, packets, back_octets, back_packets] = counted;
        let mut to = Elements::default();
        if [back_octets, back_packets] != [0, 0] && !self.has_direction {
            to.push(ElementId::iana(BIFLOW_DIRECTION), &number_bytes(INITIATOR));
        }
        let is_other = self.told.get(2..) != counted.get(2..);
        if [back_octets, back_packets] != [0, 0] || is_other || RESPONDER.into_iter().any(has) {
            to.push(reverse(1), &number_bytes(back_octets));
            to.push(reverse(2), &number_bytes(back_packets));
        }
        for (at, number) in TOTALS.into_iter().enumerate() {
            let told = self
                .told
                .get(at)
                .filter(|_| self.counts.get(at) == Some(&Counts::SinceBeginning) && !has(number));
            if let Some(told) = told.filter(|told| counted.get(at) != Some(told)) {
                to.push(ElementId::iana(number), &number_bytes(*told));
            }
        }
        if let Some((first, duration)) = back {
            to.push(reverse(FIRST), &number_bytes(first.0));
            to.push(reverse(LAST), &number_bytes(first.0.saturating_add(duration)));
        }
        // Times that could not be believed are none.
        let mut set = vec![reverse(FIRST), reverse(LAST)];
        set.extend(extras(&to.bytes).map(|extra| extra.id()));
        for extra in extras(&way.extras).filter(|extra| !set.contains(&extra.id())) {
            to.push(extra.id(), extra.value);
        }
        let mut numbers = way.numbers;
        numbers.set(Column::Octets, octets);
        numbers.set(Column::Packets, packets);
        Way { ends: way.ends, numbers, extras: to.bytes }
    }
}

/// Takes `told` where it is better than what was.
fn better(place: &mut Option<Stamp>, known: &mut u8, told: Option<Stamp>, rank: u8) {
    if told.is_some() && rank < *known {
        (*known, *place) = (rank, told);
    }
}

/// A connection of a firewall by its number.
fn connection_key(source: Source, flow_id: u64) -> FlowKey {
    key(source, &[flow_id.into()])
}

/// A flow by its ends and its beginning. That is taken as it is told: worked out from an uptime, it
/// would not be the same every time.
fn flow_key(source: Source, record: &DataRecord, way: &Way) -> FlowKey {
    let [src, dst, _] = way.ends.map(address_bits);
    let number = |column| u128::from(way.numbers[column]);
    let first = match record.first {
        None => 0,
        Some(Stamp::Uptime(uptime_ms)) => u128::from(uptime_ms) << 64,
        Some(Stamp::Unix(time)) => time.0.into(),
    };
    let [src_port, dst_port] = [Column::SrcPort, Column::DstPort].map(number);
    key(source, &[src, dst, src_port, dst_port, number(Column::Protocol), first])
}

fn key(source: Source, numbers: &[u128]) -> FlowKey {
    let own = [address_bits(source.exporter), source.engine.into()];
    let bytes: Vec<u8> = own.iter().chain(numbers).flat_map(|n| n.to_be_bytes()).collect();
    xxh3_128(&bytes)
}

//! What records say that tell both directions, or tell of one flow again and again: what of it
//! counts, and what their flows are marked with.

use xxhash_rust::xxh3::xxh3_128;

use super::counted::{Counted, Counters, FlowKey};
use super::way::{DIRECTION, Elements, FIRST, INITIATOR, LAST, Way, number_bytes, reverse};
use crate::flow::{
    Column, ElementId, Extra, REVERSE_ENTERPRISE, Source, Told, UnixMillis, address_bits, extras,
    unsigned,
};
use crate::netflow::{self, Counts, DataRecord, Stamp};

/// IANA's `firewallEvent`, and what it says.
const EVENT: u16 = 233;
const CREATED: u64 = 1;
const DELETED: u64 = 2;
const DENIED: u64 = 3;
const ALERT: u64 = 4;
const UPDATE: u64 = 5;

/// IANA's `flowId`: which connection it is.
const FLOW_ID: u16 = 148;

/// IANA's `flowEndReason`, and the one of a flow that goes on.
const END_REASON: u16 = 136;
const ACTIVE_TIMEOUT: u64 = 2;

/// CERT's `reverseFlowDeltaMilliseconds` (YAF): from the first packet to the first that came back.
const DELAY: (u32, u16) = (6871, 21);

/// The counters of the responder, as firewalls tell them.
const RESPONDER: [(u16, usize); 2] = [(232, 2), (299, 3)];
/// All since the beginning.
const TOTALS: [(u16, usize); 2] = [(85, 0), (86, 1)];
/// The counters of the way back.
const OF_WAY_BACK: [(u16, usize); 2] = [(1, 2), (2, 3)];

/// What a record says of both ways.
pub(super) struct BothWays {
    counts: Counts,
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

impl BothWays {
    /// Reads what `record`, exported then, says in the elements of `way`.
    pub(super) fn of(record: &DataRecord, way: &Way, exported: UnixMillis) -> Self {
        let mut says = Self {
            counts: record.counts,
            told: [way.numbers[Column::Octets], way.numbers[Column::Packets], 0, 0],
            event: None,
            flow_id: None,
            is_over: false,
            has_direction: false,
            times: DataRecord { started: record.started, ..DataRecord::default() },
            delay_ms: None,
        };
        // Of several elements that tell one thing, how good the one is that was taken.
        let mut ranks = [u8::MAX; 4];
        for Extra { number, enterprise, value } in extras(&way.extras) {
            match (enterprise, number) {
                (0, EVENT) => says.event = says.event.or(Some(unsigned(value))),
                (0, FLOW_ID) => says.flow_id = says.flow_id.or(Some(unsigned(value))),
                (0, END_REASON) => says.is_over = !matches!(unsigned(value), 0 | ACTIVE_TIMEOUT),
                (0, DIRECTION) => says.has_direction = true,
                DELAY => says.delay_ms = Some(unsigned(value)),
                (0, 232) => says.counter(0, unsigned(value), u8::MAX - 1, &mut ranks),
                (0, 299) => says.counter(1, unsigned(value), u8::MAX - 1, &mut ranks),
                (REVERSE_ENTERPRISE, number) => match Told::of_element(number) {
                    Some((Told::Column(Column::Octets), rank)) => {
                        says.counter(0, unsigned(value), rank, &mut ranks);
                    }
                    Some((Told::Column(Column::Packets), rank)) => {
                        says.counter(1, unsigned(value), rank, &mut ranks);
                    }
                    Some((told, rank)) => {
                        says.time(told, rank, netflow::stamp(number, value, exported), &mut ranks);
                    }
                    None => {}
                },
                _ => {}
            }
        }
        says
    }

    fn counter(&mut self, which: usize, told: u64, rank: u8, ranks: &mut [u8; 4]) {
        let (known, place) = (&mut ranks[which], &mut self.told[2 + which]);
        if rank < *known {
            (*known, *place) = (rank, told);
        }
    }

    fn time(&mut self, told: Told, rank: u8, stamp: Option<Stamp>, ranks: &mut [u8; 4]) {
        let (known, place) = match told {
            Told::Column(Column::First) => (&mut ranks[2], &mut self.times.first),
            Told::Last => (&mut ranks[3], &mut self.times.last),
            _ => return,
        };
        if stamp.is_some() && rank < *known {
            (*known, *place) = (rank, stamp);
        }
    }

    /// When the way back of `way` began, and how long it lasted, if that is told and `lasting` takes
    /// the times that are.
    pub(super) fn lasting_back(
        &self,
        way: &Way,
        lasting: impl FnOnce(&DataRecord) -> Option<(UnixMillis, u64)>,
    ) -> Option<(UnixMillis, u64)> {
        if self.times.first.or(self.times.last).is_some() {
            return lasting(&self.times);
        }
        let delay_ms = self.delay_ms?;
        let duration_ms = way.numbers[Column::Duration].checked_sub(delay_ms)?;
        Some((UnixMillis(way.numbers[Column::First]) + delay_ms, duration_ms))
    }

    /// What of it was not counted yet: `sender` sent it, of what `source` saw.
    pub(super) fn count(
        &self,
        record: &DataRecord,
        way: &Way,
        (sender, source): (std::net::IpAddr, Source),
        counted: &mut Counted,
    ) -> Counters {
        match self.counts {
            Counts::SinceLast => self.told,
            Counts::SinceBeginning => {
                counted.rest(sender, flow_key(source, record, way), self.told, self.is_over)
            }
            Counts::ByEvent => {
                // Denied packets are of no connection, and bear the number of none.
                let flow_id = self.flow_id.filter(|&id| id != 0);
                let key = flow_id.map(|id| connection_key(source, id));
                match (self.event, key) {
                    (Some(CREATED), key) => {
                        // The number may have been that of a connection before.
                        if let Some(key) = key {
                            counted.forget(sender, key);
                        }
                        Counters::default()
                    }
                    (Some(DENIED | ALERT), _) => Counters::default(),
                    (Some(UPDATE), Some(key)) => {
                        counted.add(sender, key, self.told);
                        self.told
                    }
                    (Some(DELETED), Some(key)) => counted.rest(sender, key, self.told, true),
                    _ => self.told,
                }
            }
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
        let told = extras(&way.extras).map(|extra| extra.id()).collect::<Vec<_>>();
        let has = |id: ElementId| told.contains(&id);
        let mut to = Elements::default();
        if counted[2..] != [0, 0] && !self.has_direction {
            to.push(ElementId::iana(DIRECTION), &number_bytes(INITIATOR));
        }
        let is_changed = counted != self.told;
        for (number, at) in OF_WAY_BACK {
            let responder = RESPONDER.iter().any(|&(n, of)| of == at && has(ElementId::iana(n)));
            if is_changed && self.both_told(&has) || responder && !has(reverse(number)) {
                to.push(reverse(number), &number_bytes(counted[at]));
            }
        }
        for (number, at) in TOTALS {
            if is_changed && self.counts == Counts::SinceBeginning && !has(ElementId::iana(number))
            {
                to.push(ElementId::iana(number), &number_bytes(self.told[at]));
            }
        }
        if let Some((first, duration)) = back {
            to.push(reverse(FIRST), &number_bytes(first.0));
            to.push(reverse(LAST), &number_bytes(first.0.saturating_add(duration)));
        }
        let set: Vec<ElementId> = extras(&to.bytes).map(|extra| extra.id()).collect();
        for extra in extras(&way.extras).filter(|extra| !set.contains(&extra.id())) {
            to.push(extra.id(), extra.value);
        }
        let mut numbers = way.numbers;
        numbers.set(Column::Octets, counted[0]);
        numbers.set(Column::Packets, counted[1]);
        Way { ends: way.ends, numbers, extras: to.bytes }
    }

    /// Whether the record tells of the way back.
    fn both_told(&self, has: &impl Fn(ElementId) -> bool) -> bool {
        self.told[2..] != [0, 0] || RESPONDER.iter().any(|&(n, _)| has(ElementId::iana(n)))
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

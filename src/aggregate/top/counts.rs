//! What the flows of a key come to.

use std::ops::Range;

use super::super::measure::Measure;
use super::super::sums::Value;
use super::order::TopOrder;
use super::weight::Weight;
use crate::flow::{Column, Columns, FlowBatch, TimeRange, UnixMillis, rate};

/// The counters of some flows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Counters {
    /// How many there are.
    pub flows: u128,
    /// Their packets.
    pub packets: u128,
    /// Their layer-3 bytes.
    pub octets: u128,
}

impl Counters {
    /// Those of all of `flows`.
    pub(super) fn of(flows: &FlowBatch) -> Self {
        let sum = |column: &[u64]| column.iter().map(|&number| u128::from(number)).sum();
        Self {
            flows: flows.flow_count().into(),
            packets: sum(&flows.packets),
            octets: sum(&flows.octets),
        }
    }

    /// Those of the `flows` that began in `window`.
    pub(super) fn within(window: &TimeRange, flows: &FlowBatch) -> Self {
        if window.is_all() || window.is_empty() {
            return if window.is_all() { Self::of(flows) } else { Self::default() };
        }
        let counts = flows.flows.of_rows(0..flows.len());
        let counters = flows.packets.iter().zip(&flows.octets);
        let mut sum = Self::default();
        for ((first, flows), (&packets, &octets)) in flows.first_ms.iter().zip(counts).zip(counters)
        {
            if window.contains(UnixMillis(*first)) {
                let (packets, octets) = (packets.into(), octets.into());
                sum.add(Self { flows: flows.into(), packets, octets });
            }
        }
        sum
    }

    pub(super) fn add(&mut self, other: Self) {
        self.flows += other.flows;
        self.packets += other.packets;
        self.octets += other.octets;
    }

    /// The one that `measure` names.
    pub const fn get(&self, measure: Measure) -> u128 {
        match measure {
            Measure::Octets => self.octets,
            Measure::Packets => self.packets,
            Measure::Flows => self.flows,
        }
    }

    /// Octets a packet, rounded down; 0 where there are no packets.
    pub fn octets_a_packet(&self) -> u128 {
        self.octets.checked_div(self.packets).unwrap_or(0)
    }
}

/// The counters of some flows, and the time that they span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Counts {
    /// What they sum up to.
    pub counters: Counters,
    /// When the first of them began.
    pub first: UnixMillis,
    /// When the last of them ended.
    pub last: UnixMillis,
}

impl Counts {
    /// Those of no flows.
    pub(super) const NONE: Self = Self {
        counters: Counters { flows: 0, packets: 0, octets: 0 },
        first: UnixMillis::MAX,
        last: UnixMillis::EPOCH,
    };

    /// From the beginning of the first to the end of the last, in milliseconds.
    pub fn duration_ms(&self) -> u64 {
        self.last - self.first
    }

    /// Packets a second, rounded down; 0 where there was no time, as nfdump has it.
    pub fn packets_a_second(&self) -> u128 {
        rate(self.counters.packets, 1000, self.duration_ms())
    }

    /// Bits a second, likewise.
    pub fn bits_a_second(&self) -> u128 {
        rate(self.counters.octets, 8000, self.duration_ms())
    }

    /// The number that `order` puts keys in order by.
    pub fn get(&self, order: TopOrder) -> u128 {
        match order {
            TopOrder::Measure(measure) => self.counters.get(measure),
            TopOrder::PacketsASecond => self.packets_a_second(),
            TopOrder::BitsASecond => self.bits_a_second(),
            TopOrder::OctetsAPacket => self.counters.octets_a_packet(),
        }
    }
}

/// So many kinds of keys are counted apart.
pub(super) const KINDS: usize = 5;

/// What is kept of the flows of a key while they are read.
pub(super) trait Kept: Value<Total: Ord> {
    /// What it is read from.
    const COLUMNS: Columns;

    /// Puts that of each of `rows` into `to`, in place of what is there.
    fn read(flows: &FlowBatch, rows: Range<usize>, weight: &Weight, to: &mut Vec<Self>);

    /// What a key with this total is ordered by.
    fn rank(total: &Self::Total, weight: &Weight) -> u128;

    /// Which kind of key it is of, of at most [`KINDS`] that are counted apart.
    fn kind(_: &Self::Total, _: &Weight) -> usize {
        0
    }
}

/// The one counter that keys are ordered by.
impl Kept for [u64; 1] {
    const COLUMNS: Columns = Columns::NONE;

    fn read(flows: &FlowBatch, rows: Range<usize>, weight: &Weight, to: &mut Vec<Self>) {
        to.clear();
        let counter = match weight.order.measure() {
            Some(Measure::Packets) => &flows.packets,
            Some(Measure::Flows) => {
                return to.extend(flows.flows.of_rows(rows).map(|count| [count]));
            }
            _ => &flows.octets,
        };
        to.extend(counter[rows].iter().map(|&number| [number]));
    }

    #[inline]
    fn rank([total]: &[u128; 1], _: &Weight) -> u128 {
        *total
    }
}

/// Everything that an answer tells of a key, in 64 bits a number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Narrow {
    /// Flows, packets, octets.
    counters: [u64; 3],
    first: u64,
    last: u64,
}

impl Value for Narrow {
    type Total = Counts;
    const NONE: Self = Self { counters: [0; 3], first: u64::MAX, last: 0 };
    const BYTES: usize = 40;

    #[inline]
    fn and(self, other: Self) -> (Self, bool) {
        let (counters, fits) = self.counters.and(other.counters);
        let (first, last) = (self.first.min(other.first), self.last.max(other.last));
        (Self { counters, first, last }, fits)
    }

    #[inline]
    fn total(self) -> Counts {
        let [flows, packets, octets] = self.counters.total();
        Counts {
            counters: Counters { flows, packets, octets },
            first: UnixMillis(self.first),
            last: UnixMillis(self.last),
        }
    }

    fn sum(mut a: Counts, b: Counts) -> Counts {
        a.counters.add(b.counters);
        Counts { first: a.first.min(b.first), last: a.last.max(b.last), ..a }
    }

    fn part(total: Counts) -> (Self, Option<Counts>) {
        let Counters { flows, packets, octets } = total.counters;
        let (counters, rest) = <[u64; 3]>::part([flows, packets, octets]);
        let rest = rest.map(|[flows, packets, octets]| Counts {
            counters: Counters { flows, packets, octets },
            ..total
        });
        (Self { counters, first: total.first.0, last: total.last.0 }, rest)
    }

    fn encode(self, to: &mut Vec<u8>) {
        let [flows, packets, octets] = self.counters;
        Value::encode([flows, packets, octets, self.first, self.last], to);
    }

    fn decode(bytes: &[u8]) -> Self {
        let [flows, packets, octets, first, last] = Value::decode(bytes);
        Self { counters: [flows, packets, octets], first, last }
    }
}

impl Kept for Narrow {
    const COLUMNS: Columns = Columns::of(&[Column::First, Column::Duration]);

    fn read(flows: &FlowBatch, rows: Range<usize>, _: &Weight, to: &mut Vec<Self>) {
        to.clear();
        let counters = flows.packets[rows.clone()].iter().zip(&flows.octets[rows.clone()]);
        let times = flows.first_ms[rows.clone()].iter().zip(&flows.duration_ms[rows.clone()]);
        let counters = flows.flows.of_rows(rows).zip(counters);
        to.extend(counters.zip(times).map(
            |((count, (&packets, &octets)), (&first, &duration))| {
                let last = first.saturating_add(duration.into());
                Self { counters: [count, packets, octets], first, last }
            },
        ));
    }

    #[inline]
    fn rank(total: &Counts, weight: &Weight) -> u128 {
        total.get(weight.order)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_value() -> impl Strategy<Value = Narrow> {
        let number = || prop_oneof![0u64..9, Just(u64::MAX), any::<u64>()];
        ([number(), number(), number()], number(), number())
            .prop_map(|(counters, first, last)| Narrow { counters, first, last })
    }

    proptest! {
        #[test]
        fn values_are_summed_alike_however_they_are_kept(values in prop::collection::vec(any_value(), 1..20)) {
            let expected = Counts {
                counters: Counters {
                    flows: values.iter().map(|value| u128::from(value.counters[0])).sum(),
                    packets: values.iter().map(|value| u128::from(value.counters[1])).sum(),
                    octets: values.iter().map(|value| u128::from(value.counters[2])).sum(),
                },
                first: UnixMillis(values.iter().map(|value| value.first).min().unwrap()),
                last: UnixMillis(values.iter().map(|value| value.last).max().unwrap()),
            };
            let totals = values.iter().map(|value| value.total());
            let total = totals.fold(Counts::NONE, Narrow::sum);
            prop_assert_eq!(total, expected);
            let (mut parts, mut rest) = (Vec::new(), Some(total));
            while let Some(total) = rest {
                let (part, more) = Narrow::part(total);
                let mut bytes = Vec::new();
                part.encode(&mut bytes);
                prop_assert_eq!(bytes.len(), Narrow::BYTES);
                parts.push(Narrow::decode(&bytes));
                rest = more;
            }
            prop_assert_eq!(parts.iter().map(|part| part.total()).fold(Counts::NONE, Narrow::sum), expected);
            let (both, fits) = values[0].and(parts[0]);
            if fits {
                prop_assert_eq!(both.total(), Narrow::sum(values[0].total(), parts[0].total()));
            }
        }
    }
}

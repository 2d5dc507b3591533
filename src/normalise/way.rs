//! One direction of what a record tells, and the other one, which it tells, too.

use std::net::IpAddr;

use crate::flow::{
    Column, ElementId, Extra, Family, Numbers, Protocol, REVERSE_ENTERPRISE, Told, extras,
    have_both_sides, other_end, push_extra, saturated_u8, saturated_u16, unsigned,
};

/// IANA's `biflowDirection` (RFC 5103 §6.3): whether the source of the flow began, or the other end.
pub(super) const DIRECTION: u16 = 239;
pub(super) const INITIATOR: u64 = 1;
const REVERSE_INITIATOR: u64 = 2;

/// The elements that tell, of the way back, when its first and its last packet were seen.
pub(super) const FIRST: u16 = 152;
pub(super) const LAST: u16 = 153;

/// What is each way's own, with the element that tells it of the way back.
const OF_ONE_WAY: [(Column, u16); 4] =
    [(Column::Octets, 1), (Column::Packets, 2), (Column::TcpFlags, 6), (Column::Tos, 5)];

/// One flow, and in its elements what is told of the packets that came back.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Way {
    /// Source, destination, and next hop.
    pub(super) ends: [IpAddr; 3],
    pub(super) numbers: Numbers,
    pub(super) extras: Vec<u8>,
}

impl Way {
    /// The way back: its ends are exchanged, and so is what is told of each of them; what is told of
    /// the way back is its own, and what is its own here is told of the way back there. So the way
    /// back of the way back is the flow itself.
    pub(super) fn exchanged(&self) -> Self {
        let back = WayBack::of(&self.extras);
        let [src, dst, next_hop] = self.ends;
        let family = Family::of(src);
        let mut numbers = self.numbers;
        for column in Column::ALL {
            numbers[column.other_end()] = self.numbers[column];
        }
        let protocol = Protocol(saturated_u8(self.numbers[Column::Protocol]));
        if protocol.is_icmp() {
            // The ports are type and code, and whatever the exporter put beside them.
            numbers[Column::SrcPort] = self.numbers[Column::SrcPort];
            let message = saturated_u16(self.numbers[Column::DstPort]);
            numbers.set(Column::DstPort, protocol.icmp_back(message));
        }
        let mut other = Elements::default();
        if let Some(direction) = back.direction {
            other.push(ElementId::iana(DIRECTION), &number_bytes(exchanged_direction(direction)));
        }
        for (column, number) in OF_ONE_WAY {
            numbers[column] = 0;
            let own = self.numbers[column];
            if own != 0 || matches!(column, Column::Octets | Column::Packets) {
                other.push(reverse(number), &number_bytes(own));
            }
        }
        for (column, told) in Column::ALL.into_iter().zip(back.numbers) {
            if let Some((_, number)) = told {
                numbers.set(column, number);
            }
        }
        if let Some((first, last)) = back.times {
            let first_ms = self.numbers[Column::First];
            let last_ms = first_ms.saturating_add(self.numbers[Column::Duration]);
            other.push(reverse(FIRST), &number_bytes(first_ms));
            other.push(reverse(LAST), &number_bytes(last_ms));
            numbers.set(Column::First, first);
            numbers.set(Column::Duration, last.saturating_sub(first));
        }
        if !next_hop.is_unspecified() {
            match next_hop {
                IpAddr::V4(hop) => other.push(reverse(15), &hop.octets()),
                IpAddr::V6(hop) => other.push(reverse(62), &hop.octets()),
            }
        }
        self.exchange_elements(&mut other);
        let next_hop = back.next_hop.filter(|&hop| Family::of(hop) == family);
        let ends = [dst, src, next_hop.unwrap_or(family.address(0))];
        Self { ends, numbers, extras: other.bytes }
    }

    /// Appends what is no column: elements of one end as those of the other, and what is told of
    /// both ways as that of the other way.
    fn exchange_elements(&self, to: &mut Elements) {
        let elements = || extras(&self.extras);
        let known: Vec<ElementId> = elements().map(|extra| extra.id()).collect();
        let of_iana = known.iter().filter(|id| id.enterprise == 0).map(|id| id.number);
        let has_both_sides = have_both_sides(&of_iana.collect::<Vec<_>>());
        for extra in elements() {
            let Extra { number, enterprise, value } = extra;
            let has = |id: ElementId| known.contains(&id);
            let id = match enterprise {
                REVERSE_ENTERPRISE
                    if Told::of_element(number).is_some() && !has(ElementId::iana(number)) =>
                {
                    continue;
                }
                REVERSE_ENTERPRISE => ElementId::iana(number),
                0 if number == DIRECTION => continue,
                0 if has(reverse(number)) => reverse(number),
                0 => ElementId::iana(other_end(number, has_both_sides)),
                _ => extra.id(),
            };
            to.push(id, value);
        }
    }
}

/// What elements tell of the way back, as far as it has a column.
#[derive(Default)]
struct WayBack {
    /// The number of each column, with how good the element is that tells it.
    numbers: [Option<(u8, u64)>; Column::ALL.len()],
    next_hop: Option<IpAddr>,
    times: Option<(u64, u64)>,
    direction: Option<u64>,
}

impl WayBack {
    fn of(bytes: &[u8]) -> Self {
        let mut back = Self::default();
        let (mut first, mut last) = (None, None);
        for Extra { number, enterprise, value } in extras(bytes) {
            match (enterprise, number) {
                (0, DIRECTION) => back.direction = back.direction.or(Some(unsigned(value))),
                (REVERSE_ENTERPRISE, FIRST) => first = first.or(Some(unsigned(value))),
                (REVERSE_ENTERPRISE, LAST) => last = last.or(Some(unsigned(value))),
                (REVERSE_ENTERPRISE, number) => back.take(number, value),
                _ => {}
            }
        }
        back.times = first.zip(last);
        back
    }

    fn take(&mut self, number: u16, value: &[u8]) {
        let Some((told, rank)) = Told::of_element(number) else { return };
        let column = match told {
            Told::Column(Column::NextHop) => {
                self.next_hop = self.next_hop.or_else(|| address(value));
                return;
            }
            // When it was is told by two elements alone, which have it in milliseconds.
            Told::Column(Column::First | Column::Duration) => return,
            Told::Column(column) if column.kind().number_bytes().is_some() => column,
            Told::Icmp => Column::DstPort,
            _ => return,
        };
        let Some(place) = self.numbers.get_mut(column as usize) else { return };
        let is_better = place.is_none_or(|(known, _)| rank < known);
        let says = unsigned(value);
        // An interface or a port that is zero is none.
        if is_better && (says != 0 || column.other_end() == column) {
            *place = Some((rank, says));
        }
    }
}

/// The elements of a flow while they are put together; of each the first value counts, and what
/// there is no room for is left out.
#[derive(Debug, Default)]
pub(super) struct Elements {
    pub(super) bytes: Vec<u8>,
}

impl Elements {
    pub(super) fn push(&mut self, id: ElementId, value: &[u8]) {
        let ElementId { number, enterprise } = id;
        push_extra(&mut self.bytes, 0, Extra { number, enterprise, value });
    }
}

/// The element of the way back that IANA's `number` is.
pub(super) const fn reverse(number: u16) -> ElementId {
    ElementId { number, enterprise: REVERSE_ENTERPRISE }
}

/// A number as elements keep it: without the zeros that it begins with.
pub(super) fn number_bytes(number: u64) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
    bytes.into_iter().skip(zeros).collect()
}

fn address(value: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(value).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(value).map(IpAddr::from)).ok()
}

/// Who began, seen from the other end.
const fn exchanged_direction(direction: u64) -> u64 {
    match direction {
        INITIATOR => REVERSE_INITIATOR,
        REVERSE_INITIATOR => INITIATOR,
        // Arbitrary, or by where it was seen: that is the same of both.
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::flow::ColumnKind;

    /// The elements of a way, in one order.
    fn sorted(way: &Way) -> Vec<(u32, u16, Vec<u8>)> {
        let mut elements: Vec<_> = extras(&way.extras)
            .map(|extra| (extra.enterprise, extra.number, extra.value.to_vec()))
            .collect();
        elements.sort();
        elements
    }

    /// A flow of a record that tells both ways.
    fn any_way() -> impl Strategy<Value = Way> {
        let numbers = prop::array::uniform20(any::<u64>());
        let own = prop::array::uniform5(1..u64::from(u32::MAX));
        let one_end = prop::sample::subsequence(
            vec![7_u16, 8, 16, 56, 57, 58, 59, 80, 81, 128, 225, 226, 227, 234, 243, 254, 95, 136],
            0..10,
        );
        let protocol = prop::sample::select(vec![1_u64, 6, 17, 58]);
        let flags = (any::<bool>(), any::<bool>(), 1..=2_u64, any::<bool>());
        (any::<[u32; 3]>(), numbers, protocol, own, one_end, flags).prop_map(
            |(ends, random, protocol, own, one_end, (has_times, is_v6, direction, has_both))| {
                let family = if is_v6 { Family::V6 } else { Family::V4 };
                let mut numbers = Numbers::default();
                for (column, number) in Column::ALL.into_iter().zip(random) {
                    if !matches!(column.kind(), ColumnKind::Address | ColumnKind::Extras) {
                        numbers.set(column, number);
                    }
                }
                numbers.set(Column::Protocol, protocol);
                numbers.set(Column::First, random[0] >> 20);
                let mut told = Elements::default();
                told.push(ElementId::iana(DIRECTION), &number_bytes(direction));
                for ((column, number), value) in OF_ONE_WAY.into_iter().zip(own) {
                    if column.kind() != ColumnKind::U8 || has_both {
                        told.push(reverse(number), &number_bytes(value % 255 + 1));
                    }
                }
                if has_times {
                    told.push(reverse(FIRST), &number_bytes(own[4]));
                    told.push(reverse(LAST), &number_bytes(own[4] + own[3]));
                }
                for &number in &one_end {
                    told.push(ElementId::iana(number), &number.to_be_bytes());
                }
                if has_both {
                    // What is no column, told of both ways.
                    told.push(ElementId::iana(137), &[1]);
                    told.push(reverse(137), &[2]);
                }
                told.push(ElementId { number: 5, enterprise: 9 }, &[3]);
                let [src, dst, hop] = ends.map(|end| family.address(end.into()));
                Way { ends: [src, dst, hop], numbers, extras: told.bytes }
            },
        )
    }

    proptest! {
        #[test]
        fn the_way_back_of_the_way_back_is_the_flow_itself(way in any_way()) {
            let back = way.exchanged();
            prop_assert_eq!([back.ends[1], back.ends[0]], [way.ends[0], way.ends[1]]);
            let again = back.exchanged();
            prop_assert_eq!(again.ends, way.ends);
            for column in Column::ALL {
                prop_assert_eq!(again.numbers[column], way.numbers[column], "{:?}", column);
            }
            prop_assert_eq!(sorted(&again), sorted(&way));
        }
    }

    #[test]
    fn what_is_told_of_an_end_is_told_of_the_other_one() {
        let mut told = Elements::default();
        let iana = ElementId::iana;
        for (id, value) in [
            (iana(239), &[1][..]),
            (reverse(85), &[9]),
            (reverse(6), &[0x10]),
            (iana(56), b"source"),
            (iana(80), b"destin"),
            (iana(58), &[7]),
            (iana(225), &[203, 0, 113, 7]),
            (iana(227), &[4]),
            (iana(95), b"both"),
        ] {
            told.push(id, value);
        }
        let ends = [1, 2, 0].map(|end| Family::V4.address(end));
        let mut way = Way { ends, numbers: Numbers::default(), extras: told.bytes };
        for (column, number) in [
            (Column::SrcPort, 1000_u64),
            (Column::DstPort, 80),
            (Column::Input, 7),
            (Column::SrcMask, 24),
            (Column::DstAs, 65_000),
            (Column::Octets, 5),
            (Column::Packets, 1),
            (Column::Tos, 8),
        ] {
            way.numbers.set(column, number);
        }
        let back = way.exchanged();
        let numbers = [
            (Column::SrcPort, 80),
            (Column::DstPort, 1000),
            (Column::Output, 7),
            (Column::DstMask, 24),
            (Column::SrcAs, 65_000),
            (Column::Octets, 9),
            (Column::Packets, 0),
            (Column::TcpFlags, 0x10),
            (Column::Tos, 0),
            (Column::Input, 0),
        ];
        for (column, number) in numbers {
            assert_eq!(back.numbers[column], number, "{column:?}");
        }
        let expected: [(u32, u16, &[u8]); 10] = [
            (0, 56, b"destin"),
            (0, 59, &[7]),
            (0, 80, b"source"),
            (0, 95, b"both"),
            (0, 226, &[203, 0, 113, 7]),
            (0, 228, &[4]),
            (0, 239, &[2]),
            (REVERSE_ENTERPRISE, 1, &[5]),
            (REVERSE_ENTERPRISE, 2, &[1]),
            (REVERSE_ENTERPRISE, 5, &[8]),
        ];
        let expected =
            expected.map(|(enterprise, number, value)| (enterprise, number, value.to_vec()));
        assert_eq!(sorted(&back), expected);
    }

    #[test]
    fn what_answers_a_message_of_icmp_comes_back() {
        let way = |protocol, message: u16| {
            let mut numbers = Numbers::default();
            numbers.set(Column::Protocol, protocol);
            numbers.set(Column::DstPort, message);
            let ends = [Family::V4.address(1); 3];
            Way { ends, numbers, extras: Vec::new() }.exchanged().numbers[Column::DstPort]
        };
        assert_eq!(way(1_u8, 8 << 8), 0);
        assert_eq!(way(1, 0), 8 << 8);
        assert_eq!(way(58, 128 << 8), 129 << 8);
        // Nothing answers that a port is closed; it may well be told in both directions.
        assert_eq!(way(1, 3 << 8 | 3), 3 << 8 | 3);
    }
}

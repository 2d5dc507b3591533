//! One direction of what a record tells, and the other one, which it tells, too.

use std::net::IpAddr;

use crate::flow::{
    BIFLOW_DIRECTION, Column, ElementId, Extra, Family, INITIATOR, Numbers, Protocol,
    REVERSE_ENTERPRISE, REVERSE_INITIATOR, Told, canonical, extras, have_both_sides, other_end,
    push_extra, saturated_u8, saturated_u16, unsigned, without_zeros_at_start,
};

/// The elements that tell, of the way back, when its first and its last packet were seen.
pub(super) const FIRST: u16 = 152;
pub(super) const LAST: u16 = 153;

/// What is each way's own, with the element that tells it of the way back.
const OF_ONE_WAY: [(Column, u16); 4] =
    [(Column::Octets, 1), (Column::Packets, 2), (Column::TcpFlags, 6), (Column::Tos, 5)];

/// What is told of the packets of one way alone: counters behind the router, of what was dropped and
/// of multicast, times to live, lengths, labels, and the next hop of BGP.
const THERE_ONLY: [(u16, u16); 8] =
    [(18, 20), (23, 26), (52, 55), (63, 63), (70, 79), (132, 135), (171, 175), (192, 192)];

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
            let back = back.icmp.unwrap_or_else(|| protocol.icmp_back(message));
            numbers.set(Column::DstPort, back);
        }
        let mut other = Elements::default();
        if let Some(direction) = back.direction {
            other.push(
                ElementId::iana(BIFLOW_DIRECTION),
                &number_bytes(exchanged_direction(direction)),
            );
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
            let is_of_one_way = THERE_ONLY.iter().any(|&(from, to)| (from..=to).contains(&number));
            let id = match enterprise {
                REVERSE_ENTERPRISE if is_of_one_way => ElementId::iana(number),
                0 if is_of_one_way => reverse(number),
                REVERSE_ENTERPRISE
                    if Told::of_element(number).is_some() && !has(ElementId::iana(number)) =>
                {
                    continue;
                }
                REVERSE_ENTERPRISE => ElementId::iana(number),
                0 if number == BIFLOW_DIRECTION => continue,
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
    /// Type and code of ICMP.
    icmp: Option<u16>,
    times: Option<(u64, u64)>,
    direction: Option<u64>,
}

impl WayBack {
    fn of(bytes: &[u8]) -> Self {
        let mut back = Self::default();
        let (mut first, mut last) = (None, None);
        for Extra { number, enterprise, value } in extras(bytes) {
            match (enterprise, number) {
                (0, BIFLOW_DIRECTION) => back.direction = back.direction.or(Some(unsigned(value))),
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
            // When it was is told by two elements alone, which have it in milliseconds; and the way
            // back of a flow is between the same ends.
            Told::Column(
                Column::First
                | Column::Duration
                | Column::Protocol
                | Column::SrcPort
                | Column::DstPort,
            ) => return,
            Told::Column(column) if column.kind().number_bytes().is_some() => column,
            Told::Icmp => {
                self.icmp = Some(saturated_u16(unsigned(value)));
                return;
            }
            Told::IcmpType => {
                let [_, code] = self.icmp.unwrap_or_default().to_be_bytes();
                self.icmp = Some(u16::from_be_bytes([saturated_u8(unsigned(value)), code]));
                return;
            }
            Told::IcmpCode => {
                let [kind, _] = self.icmp.unwrap_or_default().to_be_bytes();
                self.icmp = Some(u16::from_be_bytes([kind, saturated_u8(unsigned(value))]));
                return;
            }
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
    without_zeros_at_start(&number.to_be_bytes()).to_vec()
}

fn address(value: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(value).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(value).map(IpAddr::from)).ok().map(canonical)
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
mod tests;

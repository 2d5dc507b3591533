//! What of a predicate is told by the leading bytes of a cell: protocol, destination port, source
//! port.

use crate::flow::{Column, saturated_u8, saturated_u16};
use crate::row::{NumberField, NumberSet, Predicate};

/// More ranges than this are not worth telling a server, which would compare each cell with all.
const MAX_RANGES: usize = 64;

/// Of so many protocols at most each is told with the ports.
const MAX_PROTOCOLS: u128 = 8;

/// What the cells begin with that pass some terms.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CellRanges {
    /// The least and the greatest beginning, of equally many bytes, of each range.
    pub ranges: Vec<(Vec<u8>, Vec<u8>)>,
    /// Which of the terms are told by that as a whole.
    pub told: Vec<usize>,
}

/// What the cells begin with of the flows that pass all of `terms`. None if that says nothing.
pub(super) fn cell_ranges(terms: &[Predicate]) -> Option<CellRanges> {
    let protocols = numbers(terms, NumberField::Column(Column::Protocol), u8::MAX.into())?;
    let mut ranges = Vec::new();
    let mut told = protocols.told;
    let dst_ports = numbers(terms, NumberField::Column(Column::DstPort), u16::MAX.into());
    match dst_ports.filter(|_| protocols.set.count() <= MAX_PROTOCOLS) {
        None => {
            for &(first, last) in protocols.set.ranges() {
                ranges.push((vec![saturated_u8(first)], vec![saturated_u8(last)]));
            }
        }
        Some(dst_ports) => {
            told.extend(dst_ports.told);
            let src_ports = numbers(terms, NumberField::Column(Column::SrcPort), u16::MAX.into())
                .filter(|_| dst_ports.set.ranges().iter().all(|(first, last)| first == last));
            for protocol in protocols.set.ranges().iter().flat_map(|&(first, last)| first..=last) {
                for &(first, last) in dst_ports.set.ranges() {
                    let start =
                        |port: u64| [&[saturated_u8(protocol)][..], &port_bytes(port)].concat();
                    let Some(src_ports) = &src_ports else {
                        ranges.push((start(first), start(last)));
                        continue;
                    };
                    let with = |port: u64| [start(first), port_bytes(port).to_vec()].concat();
                    let of_src = src_ports.set.ranges().iter();
                    ranges.extend(of_src.map(|&(first, last)| (with(first), with(last))));
                }
            }
            told.extend(src_ports.into_iter().flat_map(|ports| ports.told));
        }
    }
    (!ranges.is_empty() && ranges.len() <= MAX_RANGES).then_some(CellRanges { ranges, told })
}

fn port_bytes(port: u64) -> [u8; 2] {
    saturated_u16(port).to_be_bytes()
}

struct Numbers {
    set: NumberSet,
    told: Vec<usize>,
}

/// What `terms` say of `field`, which is at most `greatest`. None if they say nothing.
fn numbers(terms: &[Predicate], field: NumberField, greatest: u64) -> Option<Numbers> {
    let mut set = NumberSet::between(0, greatest);
    let mut told = Vec::new();
    for (place, term) in terms.iter().enumerate() {
        let of_term = match term {
            Predicate::Number(of, numbers) if *of == field => numbers.clone(),
            Predicate::Not(term) => match &**term {
                Predicate::Number(of, numbers) if *of == field => numbers.complement(),
                _ => continue,
            },
            _ => continue,
        };
        set = set.intersection(&of_term);
        told.push(place);
    }
    (!told.is_empty()).then_some(Numbers { set, told })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(column: Column, first: u64, last: u64) -> Predicate {
        Predicate::Number(NumberField::Column(column), NumberSet::between(first, last))
    }

    #[test]
    fn protocol_and_ports_begin_a_cell() {
        use Column::{DstPort, Octets, Protocol, SrcPort};
        let tcp = || number(Protocol, 6, 6);
        let ranges = |terms: &[Predicate]| {
            cell_ranges(terms).map(|found| (found.ranges, found.told)).unwrap_or_default()
        };
        assert_eq!(ranges(&[tcp()]), (vec![(vec![6], vec![6])], vec![0]));
        assert_eq!(
            ranges(&[number(Octets, 1, 2), number(DstPort, 443, 1023), tcp()]),
            (vec![(vec![6, 1, 187], vec![6, 3, 255])], vec![2, 1])
        );
        assert_eq!(
            ranges(&[tcp(), number(DstPort, 53, 53), number(SrcPort, 1, 99_999)]),
            (vec![(vec![6, 0, 53, 0, 1], vec![6, 0, 53, 255, 255])], vec![0, 1, 2])
        );
        // A range of destination ports leaves nothing to be told of the source port.
        let two = ranges(&[tcp(), number(DstPort, 53, 54), number(SrcPort, 1, 2)]);
        assert_eq!(two, (vec![(vec![6, 0, 53], vec![6, 0, 54])], vec![0, 1]));
        let not_tcp = Predicate::not(tcp());
        assert_eq!(
            ranges(&[not_tcp, number(DstPort, 53, 53)]),
            (vec![(vec![0], vec![5]), (vec![7], vec![255])], vec![0])
        );
        // A port is no beginning without the protocol.
        assert_eq!(cell_ranges(&[number(DstPort, 53, 53)]), None);
        assert_eq!(cell_ranges(&[number(Protocol, 300, 400)]), None);
    }
}

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
            told.push(ElementId::iana(BIFLOW_DIRECTION), &number_bytes(direction));
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
    let expected = expected.map(|(enterprise, number, value)| (enterprise, number, value.to_vec()));
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

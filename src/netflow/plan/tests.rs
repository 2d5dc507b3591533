use super::*;
use crate::flow::{Column, Kind, Sampling, extras};
use crate::netflow::template::Template;

const EXPORTED: UnixMillis = UnixMillis(1_186_040_527_000);

/// Reads one record of these fields: number, value; gives it with its extras.
fn read(fields: &[(u16, &[u8])]) -> (DataRecord, Aside, Vec<(u16, Vec<u8>)>) {
    let bytes: Vec<u8> = fields.iter().flat_map(|(_, value)| value.iter().copied()).collect();
    let field = |&(number, value): &(u16, &[u8])| Field {
        number,
        enterprise: 0,
        length: value.len() as u16,
    };
    let template = Template::new(fields.iter().map(field).collect(), None).unwrap();
    let mut kept = Vec::new();
    let spans = template.fixed.as_ref().unwrap();
    let (record, aside) = template.plan.read(&bytes, spans, EXPORTED, &mut kept);
    let kept = extras(&kept).map(|extra| (extra.number, extra.value.to_vec())).collect();
    (record, aside, kept)
}

#[test]
fn of_several_counters_the_best_one_counts_and_the_others_are_kept() {
    let (record, _, extras) = read(&[(23, &[0, 9]), (1, &[1, 0]), (85, &[7]), (2, &[3])]);
    assert_eq!((record.numbers[Column::Octets], record.numbers[Column::Packets]), (256, 3));
    assert_eq!(extras, [(23, vec![9]), (85, vec![7])]);
    let (record, _, extras) = read(&[(24, &[0, 9]), (231, &[8]), (232, &[0, 0])]);
    assert_eq!((record.numbers[Column::Octets], record.numbers[Column::Packets]), (8, 9));
    // The firewall's own counters stay as it told them: not all of them may count.
    assert_eq!(extras, [(231, vec![8]), (232, vec![])]);
}

#[test]
fn each_counter_counts_from_its_own_beginning() {
    use Counts::{ByEvent, SinceBeginning, SinceLast};
    for (fields, counts) in [
        (&[(1, &[1][..]), (2, &[1]), (85, &[9])][..], None),
        (&[(8, &[1; 4])], None),
        (&[(85, &[1]), (86, &[1])], Some([SinceBeginning, SinceBeginning, SinceLast, SinceLast])),
        (&[(231, &[1]), (298, &[1]), (232, &[1])], Some([ByEvent, ByEvent, ByEvent, SinceLast])),
        (&[(1, &[1]), (298, &[1])], Some([SinceLast, ByEvent, SinceLast, SinceLast])),
        (&[(1, &[1]), (231, &[1]), (299, &[0])], Some([SinceLast, SinceLast, SinceLast, ByEvent])),
        (&[(85, &[1]), (2, &[1])], Some([SinceBeginning, SinceLast, SinceLast, SinceLast])),
    ] {
        assert_eq!(read(fields).0.counts, counts, "{fields:?}");
    }
}

#[test]
fn of_several_times_the_best_one_that_is_set_counts() {
    let secs = 1_186_040_500_u32.to_be_bytes();
    let millis = 1_186_040_501_234_u64.to_be_bytes();
    let unix = |ms| Some(Stamp::Unix(UnixMillis(ms)));
    let (record, ..) = read(&[(152, &millis), (22, &[0, 0, 0, 7]), (150, &secs)]);
    assert_eq!(record.first, unix(1_186_040_501_234));
    let (record, ..) = read(&[(152, &[0; 8]), (22, &[0, 0, 0, 7]), (150, &secs)]);
    assert_eq!(record.first, unix(1_186_040_500_000));
    let (record, ..) = read(&[(152, &[0; 8]), (22, &[0, 0, 0, 7])]);
    assert_eq!(record.first, Some(Stamp::Uptime(7)));
    let (record, ..) = read(&[(158, &[0, 0x0f, 0x42, 0x40])]);
    assert_eq!(record.first, unix(EXPORTED.0 - 1000));
}

#[test]
fn of_an_element_that_stands_several_times_the_first_counts_and_the_others_are_kept() {
    let millis = |ms: u64| ms.to_be_bytes();
    let (one, two) = (&millis(1_186_040_500_000)[..], &millis(1_186_040_400_000)[..]);
    let at = |bytes: &[u8]| UnixMillis(unsigned(bytes));
    let (record, _, extras) =
        read(&[(323, one), (323, two), (152, two), (152, one), (153, one), (153, two)]);
    assert_eq!(record.observed, Some(at(one)));
    assert_eq!(
        (record.first, record.last),
        (Some(Stamp::Unix(at(two))), Some(Stamp::Unix(at(one))))
    );
    let kept = |bytes: &[u8]| without_zeros_at_start(bytes).to_vec();
    let expected = [(323, kept(one)), (323, kept(two)), (152, kept(one)), (153, kept(two))];
    assert_eq!(extras, expected);
    let (record, aside, extras) =
        read(&[(9, &[24]), (9, &[32]), (32, &[3, 1]), (32, &[8, 0]), (48, &[1]), (48, &[2])]);
    assert_eq!(
        (record.numbers[Column::SrcMask], record.icmp, aside.sampler),
        (24, 0x0301, Some(1))
    );
    assert_eq!(extras, [(9, vec![32]), (32, vec![8, 0]), (48, vec![1]), (48, vec![2])]);
}

/// Of every element: what is made of a record in which it stands twice is what is made of one in
/// which it stands once, and the other value is kept.
#[test]
fn a_second_value_of_an_element_changes_nothing() {
    for element in crate::flow::elements() {
        let length = match element.kind {
            Kind::Address(Family::V6) => 16,
            Kind::Address(Family::V4) => 4,
            _ => 8,
        };
        let (value, other) = (vec![1; length], vec![2; length]);
        let (once, aside, _) = read(&[(element.number, &value)]);
        let (twice, other_aside, extras) =
            read(&[(element.number, &value), (element.number, &other)]);
        let name = element.name;
        assert_eq!(
            DataRecord { extras: (0, 0), ..once },
            DataRecord { extras: (0, 0), ..twice },
            "{name}"
        );
        assert_eq!(
            (aside.sampler, aside.rate.sampling()),
            (other_aside.sampler, other_aside.rate.sampling())
        );
        let kept = extras.iter().filter(|(_, bytes)| *bytes == other).count();
        let says_nothing = matches!(element.number, 60 | 210) || element.kind == Kind::List;
        assert_eq!(kept, usize::from(!says_nothing), "{name}");
    }
}

#[test]
fn type_and_code_of_icmp_become_the_destination_port() {
    for fields in [
        &[(4, &[1][..]), (32, &[3, 1])][..],
        &[(4, &[58]), (139, &[3, 1])],
        &[(4, &[1]), (176, &[3]), (177, &[1])],
        &[(4, &[1]), (11, &[3, 1]), (32, &[0, 0])],
    ] {
        assert_eq!(read(fields).0.numbers[Column::DstPort], 0x0301, "{fields:?}");
    }
    assert_eq!(read(&[(4, &[17]), (11, &[0, 53]), (32, &[0, 1])]).0.numbers[Column::DstPort], 53);
}

#[test]
fn what_is_beyond_the_common_fields_is_kept_in_its_significant_form() {
    let (_, aside, extras) = read(&[
        (58, &[0, 0, 0, 7]),
        (82, b"eth0\0\0"),
        (56, &[0, 1, 2, 3, 4, 5]),
        (210, &[0; 4]),
        (60, &[4]),
        (48, &[0, 2]),
        (40_001, &[0, 0, 1, 1]),
    ]);
    assert_eq!(aside.sampler, Some(2));
    assert_eq!(
        extras,
        [
            (58, vec![7]),
            (82, b"eth0".to_vec()),
            (56, vec![0, 1, 2, 3, 4, 5]),
            (48, vec![2]),
            (40_001, vec![0, 0, 1, 1]),
        ]
    );
}

#[test]
fn a_record_tells_its_sampling_as_options_do() {
    for (fields, interval, mode) in [
        (&[(34, &[0, 100][..]), (35, &[2]), (50, &[9])][..], 100, 2),
        (&[(305, &[1]), (306, &[3, 0xe7])], 1000, 0),
        (&[(305, &[7])], 7, 0),
        (&[(309, &[2]), (310, &[0, 200]), (304, &[3])], 100, 2),
    ] {
        let sampling = read(fields).1.rate.sampling();
        assert_eq!(sampling, Some(Sampling { mode, interval }), "{fields:?}");
    }
}

#[test]
fn the_beginning_of_a_frame_is_taken_apart() {
    let mut frame = vec![0, 0, 0x5e, 0, 0x53, 2, 0, 0, 0x5e, 0, 0x53, 1, 8, 0];
    frame.extend([0x45, 0, 0, 60, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 53, 1, 0]);
    let (record, _, extras) = read(&[(10, &[7]), (315, &frame)]);
    assert_eq!(record.dst, Some([10, 0, 0, 2].into()));
    assert_eq!(
        (
            record.numbers[Column::Input],
            record.numbers[Column::SrcPort],
            record.numbers[Column::DstPort]
        ),
        (7, 53, 256)
    );
    assert_eq!((record.numbers[Column::Octets], record.numbers[Column::Packets]), (60, 1));
    assert_eq!(extras[2], (192, vec![64]));
}

#[test]
fn a_frame_does_not_override_what_other_fields_say() {
    let mut frame = vec![0, 0, 0x5e, 0, 0x53, 2, 0, 0, 0x5e, 0, 0x53, 1, 8, 0];
    frame.extend([0x45, 0, 0, 60, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 53, 1, 0]);
    let (record, _, extras) = read(&[
        (315, &frame),
        (8, &[192, 0, 2, 1]),
        (85, &[0, 0]),
        (2, &[9]),
        (7, &[0, 0]),
        (56, &[1, 2, 3, 4, 5, 6]),
    ]);
    assert_eq!(record.src, Some([192, 0, 2, 1].into()));
    assert_eq!(record.dst, Some([10, 0, 0, 2].into()));
    assert_eq!((record.numbers[Column::Octets], record.numbers[Column::Packets]), (0, 9));
    assert_eq!(
        (
            record.numbers[Column::SrcPort],
            record.numbers[Column::DstPort],
            record.numbers[Column::Protocol]
        ),
        (0, 256, 17)
    );
    let macs: Vec<_> = extras.iter().filter(|(number, _)| *number == 56).collect();
    assert_eq!(macs, [&(56, vec![1, 2, 3, 4, 5, 6])]);
}

#[test]
fn a_station_is_the_end_that_the_direction_says_where_no_other_is_named() {
    let (station, other) = (Some(IpAddr::from([10, 9, 0, 5])), Some(IpAddr::from([192, 0, 2, 1])));
    let none = Some(IpAddr::from([0; 4]));
    let of = (366, &[10, 9, 0, 5][..]);
    for (fields, src, dst) in [
        (&[of][..], station, none),
        (&[of, (61, &[0])], station, none),
        (&[of, (61, &[1])], none, station),
        (&[(61, &[1]), of, (61, &[0]), (366, &[10, 9, 0, 6])], none, station),
        // The direction is none that is known.
        (&[of, (61, &[0xff])], station, none),
        (&[(8, &[0; 4]), (12, &[0; 4]), of, (61, &[1])], none, station),
        (&[(8, &[192, 0, 2, 1]), of, (61, &[1])], other, none),
        (&[of, (12, &[192, 0, 2, 1])], none, other),
    ] {
        let (record, _, extras) = read(fields);
        let (from, to) = record.ends().unwrap();
        assert_eq!((Some(from), Some(to)), (src, dst), "{fields:?}");
        assert!(extras.contains(&(366, vec![10, 9, 0, 5])), "{fields:?}");
    }
    let (record, _, extras) = read(&[(367, &[0, 0, 0x5e, 0, 0x53, 1])]);
    assert_eq!((record.src, record.dst, extras.len()), (None, None, 1));
}

#[test]
fn of_an_outer_and_an_inner_packet_the_outer_one_counts_and_the_inner_one_is_kept() {
    let (record, _, extras) = read(&[
        (27, &[0x20; 16]),
        (28, &[0x21; 16]),
        (4, &[4]),
        (7, &[0, 0]),
        (8, &[10, 0, 0, 1]),
        (12, &[10, 0, 0, 2]),
        (4, &[17]),
        (7, &[4, 87]),
    ]);
    assert_eq!(record.ends().unwrap().0, std::net::IpAddr::from([0x2020_u16; 8]));
    assert_eq!((record.numbers[Column::Protocol], record.numbers[Column::SrcPort]), (4, 0));
    let kept: Vec<u16> = extras.iter().map(|(number, _)| *number).collect();
    assert_eq!(kept, [8, 12, 4, 7]);
}

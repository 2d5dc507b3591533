//! Elements by their names: what the decoder made of one is found by it.

use super::*;
use crate::capture::Datagram;
use crate::flow::{DatagramId, Element, FlowBatch, Kind, Told, elements};
use crate::netflow::{Decoder, Outcome};
use crate::normalise::{Batches, FlowBuilder};

const SECS: u32 = 1_186_040_527;

/// A field of a record: its element and its value.
type Field = (u16, Vec<u8>);

/// The flows of one v9 datagram with one record of these fields, by family.
fn flows(fields: &[Field]) -> [FlowBatch; 2] {
    let short = |number: usize| (number as u16).to_be_bytes();
    let mut template = [short(256), short(fields.len())].concat();
    let mut record = Vec::new();
    for (number, value) in fields {
        template.extend([number.to_be_bytes(), short(value.len())].concat());
        record.extend(value);
    }
    let mut payload = [short(9), short(2)].concat();
    for word in [1_000_000, SECS, 0, 0] {
        payload.extend(word.to_be_bytes());
    }
    for (id, content) in [(0, template), (256, record)] {
        payload.extend([short(id), short(content.len() + 4)].concat());
        payload.extend(content);
    }
    let datagram = Datagram {
        exporter: [192, 0, 2, 1].into(),
        src_port: 40_000,
        received: UnixMillis(u64::from(SECS) * 1000),
        payload: &payload,
        declared_bytes: payload.len(),
    };
    let (mut decoder, mut builder) = (Decoder::new(), FlowBuilder::new());
    let Ok(Outcome::Decoded(found)) = decoder.decode(&datagram, 0) else { panic!("{fields:?}") };
    let (mut v4, mut v6) = (FlowBatch::new(Family::V4), FlowBatch::new(Family::V6));
    for packet in found.packets() {
        let mut to = Batches { v4: &mut v4, v6: &mut v6 };
        let id = DatagramId { exported_secs: SECS, hash: 0 };
        builder.append(packet, datagram.exporter, datagram.src_port, id, &mut to);
    }
    v4.sources = builder.take_sources();
    v6.sources = v4.sources.clone();
    [v4, v6]
}

/// A value of `element`, and the test that it passes.
fn value(element: &Element, told: Told) -> (Vec<u8>, String) {
    let secs = u64::from(SECS - 10);
    match (told, element.kind) {
        (_, Kind::Address(Family::V6)) => {
            let ip: std::net::Ipv6Addr = "2001:db8::7".parse().unwrap();
            (ip.octets().to_vec(), ip.to_string())
        }
        (_, Kind::Address(Family::V4)) => (vec![198, 51, 100, 7], "198.51.100.7".to_owned()),
        (_, Kind::Seconds) => ((SECS - 10).to_be_bytes().to_vec(), format!("= {secs}")),
        (_, Kind::Millis) => ((secs * 1000).to_be_bytes().to_vec(), format!("= {}", secs * 1000)),
        (_, Kind::Ntp) => {
            let unit =
                if element.name.ends_with("Nanoseconds") { 1_000_000_000 } else { 1_000_000 };
            let ntp = (secs + 2_208_988_800) << 32;
            (ntp.to_be_bytes().to_vec(), format!("= {}", secs * unit))
        }
        // Before the export, and since the start.
        (Told::Column(Column::First) | Told::Last, _) => {
            (vec![0, 0, 0x27, 0x10], "> 2007-08-02".to_owned())
        }
        (Told::Icmp, _) => (vec![8, 7], "= 2055".to_owned()),
        _ if element.number == 162 => {
            (7_000_000_u32.to_be_bytes().to_vec(), "= 7000000".to_owned())
        }
        _ => (vec![7], "= 7".to_owned()),
    }
}

#[test]
fn whatever_element_becomes_a_common_field_is_found_by_its_name() {
    let mut found = 0;
    for element in elements() {
        let told = match element.number {
            // It is always kept as well.
            323 => Told::Observed,
            number => match Told::of_element(number) {
                Some((told, _)) => told,
                None => continue,
            },
        };
        let (value, test) = value(element, told);
        let is_v6 = element.kind == Kind::Address(Family::V6);
        let is_icmp = matches!(told, Told::Icmp | Told::IcmpType | Told::IcmpCode);
        let base = [
            (if is_v6 { 27 } else { 8 }, vec![1; if is_v6 { 16 } else { 4 }]),
            (if is_v6 { 28 } else { 12 }, vec![2; if is_v6 { 16 } else { 4 }]),
            (4, vec![if is_icmp { 1 } else { 6 }]),
            // A duration is told where only one end is.
            (152, (u64::from(SECS - 60) * 1000).to_be_bytes().to_vec()),
        ];
        let is_moment = matches!(told, Told::Column(Column::First) | Told::Last | Told::Observed);
        let mut fields: Vec<Field> = base
            .into_iter()
            .filter(|(number, _)| Told::of_element(*number).map(|(other, _)| other) != Some(told))
            .filter(|(number, _)| !(is_moment && *number == 152))
            .collect();
        fields.push((element.number, value));
        let batches = flows(&fields);
        let rows: usize = batches.iter().map(FlowBatch::len).sum();
        assert_eq!(rows, 1, "{}: {fields:?}", element.name);
        for (filter, expected) in [
            (format!("element {} {test}", element.name), 1),
            (format!("not element {} {test}", element.name), 0),
        ] {
            let predicate = parse(&filter).unwrap_or_else(|error| panic!("{filter}: {error}"));
            let passes = batches.iter().flat_map(|batch| predicate.evaluate(batch));
            assert_eq!(passes.filter(|&passes| passes).count(), expected, "{filter}");
        }
        found += 1;
    }
    assert!(found > 50, "{found}");
}

#[test]
fn no_other_element_becomes_a_common_field() {
    let base = [(8, vec![10, 0, 0, 1]), (12, vec![10, 0, 0, 2])];
    let [plain, _] = flows(&base);
    // These are kept, and also tell how, when or by whom the flow was seen.
    let also_told = [35, 48, 49, 130, 131, 403, 404, 160, 302, 304, 306, 309, 310, 311, 315, 323];
    for element in elements() {
        if Told::of_element(element.number).is_some() || also_told.contains(&element.number) {
            continue;
        }
        let field = (element.number, vec![7; 8]);
        let [flows, _] = flows(&[&base[..], &[field]].concat());
        assert_eq!(flows.record(0), plain.record(0), "{}", element.name);
    }
}

#[test]
fn an_element_that_is_kept_beside_a_better_one_is_found_as_well() {
    let fields = |delta: u16, total: u16| {
        [
            (8, vec![10, 0, 0, 1]),
            (12, vec![10, 0, 0, 2]),
            (1, delta.to_be_bytes().to_vec()),
            (85, total.to_be_bytes().to_vec()),
        ]
    };
    for (delta, total) in [(100, 5000), (5000, 100)] {
        let [flows, _] = flows(&fields(delta, total));
        for (filter, octets) in [
            ("element octetTotalCount > 1000", total),
            ("element 0/85 > 1000", total),
            ("element octetDeltaCount > 1000", delta),
            ("bytes > 1000", delta),
        ] {
            let passes = parse(filter).unwrap().evaluate(&flows);
            assert_eq!(passes, [octets > 1000], "{filter} of {delta}, {total}");
        }
    }
}

#[test]
fn type_and_code_of_icmp_are_no_port_of_others() {
    let port = (11, 2048_u16.to_be_bytes().to_vec());
    let base = [(8, vec![10, 0, 0, 1]), (12, vec![10, 0, 0, 2])];
    for (protocol, expected) in [(6, false), (1, true), (58, true)] {
        let fields = [&base[..], &[port.clone(), (4, vec![protocol])]].concat();
        let [flows, _] = flows(&fields);
        let icmp = parse("element icmpTypeCodeIPv4 = 2048").unwrap();
        assert_eq!(icmp.evaluate(&flows), [expected], "{protocol}");
    }
}

fn v6(text: &str) -> Vec<u8> {
    text.parse::<std::net::Ipv6Addr>().unwrap().octets().to_vec()
}

#[test]
fn ipv4_in_the_form_of_ipv6_is_ipv4() {
    let [v4, six] = flows(&[
        (27, v6("::ffff:10.0.0.1")),
        (28, v6("::ffff:198.51.100.9")),
        (29, vec![120]),
        (30, vec![112]),
        (62, v6("::ffff:10.0.0.254")),
        (281, v6("::ffff:203.0.113.7")),
    ]);
    assert_eq!((v4.len(), six.len()), (1, 0));
    let flow = v4.record(0);
    assert_eq!(
        (flow.src.to_string(), flow.next_hop.to_string()),
        ("10.0.0.1".into(), "10.0.0.254".into())
    );
    assert_eq!((flow.src_mask, flow.dst_mask), (24, 16));
    for filter in [
        "src ip 10.0.0.1",
        "src ip ::ffff:10.0.0.1",
        "dst net 198.51.100.0/24",
        "next ip ::ffff:10.0.0.254",
        "nat ip 203.0.113.7",
        "nat ip ::ffff:203.0.113.7",
        "element postNATSourceIPv6Address = ::ffff:203.0.113.7",
        "element sourceIPv6Address = ::ffff:10.0.0.1",
    ] {
        assert_eq!(parse(filter).unwrap().evaluate(&v4), [true], "{filter}");
    }
}

// Between routers of IPv6, a next hop of IPv4 is told so (RFC 4798); and where only one end is in
// that form, both are as they were told.
#[test]
fn flows_of_ipv6_may_have_next_hops_of_ipv4() {
    let [v4, six] = flows(&[
        (27, v6("2001:db8::1")),
        (28, v6("::ffff:198.51.100.9")),
        (62, v6("::ffff:10.0.0.254")),
        (63, v6("::ffff:10.0.0.253")),
    ]);
    assert_eq!((v4.len(), six.len()), (0, 1));
    assert_eq!(six.record(0).dst.to_string(), "::ffff:198.51.100.9");
    for (filter, expected) in [
        ("next ip 10.0.0.254", true),
        ("next ip ::ffff:10.0.0.254", true),
        ("next ip 10.0.0.253", false),
        ("bgp next ip ::ffff:10.0.0.253", true),
        ("src ip 2001:db8::1", true),
    ] {
        assert_eq!(parse(filter).unwrap().evaluate(&six), [expected], "{filter}");
    }
}

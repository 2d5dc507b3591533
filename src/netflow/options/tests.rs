use super::*;
use crate::netflow::field::Field;
use crate::netflow::template::Format;

const SCOPE: Scope = Scope {
    exporter: IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)),
    domain: 9,
    format: Format::V9,
};

/// Takes in one record of these fields: number, value.
fn take(options: &mut DomainOptions, learned: &mut Learned, fields: &[(u16, &[u8])]) {
    take_from(1, options, learned, fields);
}

/// Likewise from this UDP port.
fn take_from(
    port: u16,
    options: &mut DomainOptions,
    learned: &mut Learned,
    fields: &[(u16, &[u8])],
) {
    let bytes: Vec<u8> = fields.iter().flat_map(|(_, value)| value.iter().copied()).collect();
    let field = |&(number, value): &(u16, &[u8])| Field {
        number,
        enterprise: 0,
        length: value.len() as u16,
    };
    let template = Template::new(fields.iter().map(field).collect(), Some(1)).unwrap();
    let spans = template.fixed.clone().unwrap();
    let said = read(&template, &spans, &bytes);
    let (received, learning) = (UnixMillis(7), Learning::New);
    learn(said, &Teller { scope: SCOPE, port, received, learning }, options, learned);
}

#[test]
fn a_sampling_interval_comes_in_many_words() {
    for (fields, interval, mode) in [
        (&[(34, &[0, 100][..]), (35, &[2])][..], 100, 2),
        (&[(50, &[0, 0, 3, 0xe8]), (49, &[1])], 1000, 1),
        (&[(304, &[1]), (305, &[1]), (306, &[3, 0xe7])], 1000, 1),
        (&[(304, &[3]), (309, &[2]), (310, &[0, 200])], 100, 2),
        (&[(311, &[0x3f, 0x50, 0x62, 0x4d, 0xd2, 0xf1, 0xa9, 0xfc])], 1000, 0),
    ] {
        let mut options = DomainOptions::default();
        take(&mut options, &mut Learned::default(), fields);
        assert_eq!(options.sampling(1), Some(Sampling { mode, interval }), "{fields:?}");
    }
}

#[test]
fn of_an_element_that_stands_several_times_the_first_counts() {
    let (mut options, mut learned) = (DomainOptions::default(), Learned::default());
    let fields: &[(u16, &[u8])] = &[(34, &[10]), (35, &[1]), (34, &[20]), (35, &[2])];
    take(&mut options, &mut learned, fields);
    assert_eq!(options.sampling(1), Some(Sampling { mode: 1, interval: 10 }));
    take(&mut options, &mut learned, &[(10, &[3]), (82, b"one"), (10, &[4]), (82, b"two")]);
    let found: Vec<_> =
        learned.names.interfaces.iter().map(|(key, name)| (key.1, &name[..])).collect();
    assert_eq!(found, [(3, "one")]);
}

#[test]
fn samplers_and_interfaces_have_their_own() {
    let (mut options, mut learned) = (DomainOptions::default(), Learned::default());
    take(&mut options, &mut learned, &[(302, &[1]), (34, &[10])]);
    take(&mut options, &mut learned, &[(48, &[2]), (34, &[20])]);
    take(&mut options, &mut learned, &[(10, &[7]), (34, &[30])]);
    let interval = |sampler, input| {
        options.sampling_of(1, sampler, input).or(options.sampling(1)).unwrap_or_default().interval
    };
    assert_eq!([interval(Some(1), 7), interval(Some(2), 0), interval(None, 7)], [10, 20, 30]);
    // One that names a sampler is not sampled as another sampler does, and of two samplers
    // neither goes for those that name none.
    assert_eq!([interval(Some(3), 8), interval(None, 8)], [0, 0]);
}

#[test]
fn the_only_sampler_goes_for_flows_that_name_none_as_it_is_now() {
    let (mut options, mut learned) = (DomainOptions::default(), Learned::default());
    take(&mut options, &mut learned, &[(302, &[1]), (34, &[100])]);
    take(&mut options, &mut learned, &[(302, &[1]), (34, &[3, 0xe8])]);
    assert_eq!(options.sampling(1).unwrap().interval, 1000);
    assert_eq!(options.sampling_of(1, None, 0), None);
    assert_eq!(options.sampling_of(1, Some(0), 0), Some(Sampling::default()));
    // What goes for the whole domain goes for a sampler that is not known, too.
    take(&mut options, &mut learned, &[(34, &[50])]);
    assert_eq!(options.sampling_of(1, Some(0), 0).unwrap().interval, 50);
}

#[test]
fn names_are_kept_by_exporter() {
    let (mut options, mut learned) = (DomainOptions::default(), Learned::default());
    take(&mut options, &mut learned, &[(10, &[0, 3]), (82, b"eth0\0\0"), (83, b"uplink")]);
    take(&mut options, &mut learned, &[(234, &[9]), (236, b"red")]);
    take(&mut options, &mut learned, &[(95, &[3, 0, 0, 80]), (94, b"web"), (96, b"http")]);
    let exporter = [192, 0, 2, 1].into();
    let names = &learned.names;
    assert_eq!(names.interfaces[&(exporter, 3)], "eth0");
    assert_eq!(names.vrfs[&(exporter, 9)], "red");
    assert_eq!(names.applications[&(exporter, 0x0300_0050)], "http");
}

#[test]
fn a_port_is_sampled_as_it_told_itself_and_any_other_as_was_told_last() {
    let (mut options, mut learned) = (DomainOptions::default(), Learned::default());
    let of = |options: &DomainOptions| {
        [1, 2, 3].map(|port| options.sampling_of(port, Some(5), 0).unwrap().interval)
    };
    for (port, interval, expected) in
        [(1, 100, [100; 3]), (2, 200, [100, 200, 200]), (1, 100, [100, 200, 100])]
    {
        take_from(port, &mut options, &mut learned, &[(302, &[5]), (34, &[interval])]);
        take_from(port, &mut options, &mut learned, &[(160, &[interval])]);
        assert_eq!(of(&options), expected);
    }
    let started = [1, 2, 3].map(|port| options.started(port).unwrap().0);
    assert_eq!(started, [100, 200, 100]);
    // What is remembered gives the same again.
    let mut restored = DomainOptions::default();
    restore(&learned.memos, |scope, put| {
        assert_eq!(scope, SCOPE);
        put(&mut restored);
    });
    assert_eq!(of(&restored), [100, 200, 100]);
    assert_eq!([1, 2, 3].map(|port| restored.started(port).unwrap().0), started);
    let (_, name, memo) = learned.memos.iter().next().unwrap();
    assert_eq!((name, memo.told), ("v9/9/sampler 5", UnixMillis(7)));
    let value = r#"{"port":1,"samplingMode":0,"sampling":100}"#;
    assert_eq!(memo.value, serde_json::from_str::<serde_json::Value>(value).unwrap());
    // Told again, it is no news.
    let memos = std::mem::take(&mut learned.memos);
    take_from(1, &mut options, &mut learned, &[(302, &[5]), (34, &[100])]);
    assert_eq!((memos.len(), learned.memos.len()), (6, 0));
}

//! Options records: what an exporter says of itself rather than of a flow.

mod memo;
mod told;

use std::net::IpAddr;

use self::memo::Thing;
pub(super) use self::memo::restore;
use self::told::{Said, Told};
use super::field::{Met, Span, number_u32, text};
use super::rate::Rate;
use super::scope::Scope;
use super::template::Template;
use crate::flow::{Named, Names, Remembered, Sampling, UnixMillis, enter_name, unsigned};

/// So many samplers, and so many interfaces with a sampling of their own, are kept of a domain.
pub const MAX_SAMPLERS: usize = 4096;

/// What options say of one observation domain. To a UDP port that told something it is that; to
/// any other it is what was told last.
#[derive(Debug, Clone, Default)]
pub(super) struct DomainOptions {
    /// How it samples, where nothing narrower is said.
    sampling: Told<(), Sampling>,
    by_sampler: Told<u64, Sampling>,
    by_interface: Told<u32, Sampling>,
    /// When the exporter started.
    started: Told<(), UnixMillis>,
    knows_rate: bool,
}

impl DomainOptions {
    /// How much is known of samplers, of interfaces, and of what ports told differently.
    pub(super) fn len(&self) -> usize {
        self.by_sampler.len() + self.by_interface.len() + self.sampling.len() + self.started.len()
    }

    /// As many samplers as there may be.
    #[cfg(test)]
    pub(super) fn fill(&mut self) {
        self.by_sampler.fill(0..MAX_SAMPLERS as u64, Sampling::default());
    }

    /// Whether any rate was told.
    pub(super) fn knows_rate(&self) -> bool {
        self.knows_rate
    }

    /// When the exporter started that sends from `port`.
    pub(super) fn started(&self, port: u16) -> Option<UnixMillis> {
        self.started.get((), port)
    }

    /// How the packets of a flow were sampled of which nothing narrower is said: as it goes for
    /// the whole domain, or by the only sampler that there is.
    pub(super) fn sampling(&self, port: u16) -> Option<Sampling> {
        let only = || self.by_sampler.get(self.by_sampler.only()?, port);
        self.sampling.get((), port).or_else(only)
    }

    /// How the packets of a flow were sampled that names `sampler`, and came in by `input`; None
    /// where that is [`Self::sampling`]. A flow that names a sampler which is not known was not
    /// chosen by the one that is.
    #[inline]
    pub(super) fn sampling_of(
        &self,
        port: u16,
        sampler: Option<u64>,
        input: u32,
    ) -> Option<Sampling> {
        let by_sampler = sampler.and_then(|sampler| self.by_sampler.get(sampler, port));
        let narrow = by_sampler.or_else(|| self.by_interface.get(input, port));
        let unknown = || self.sampling.get((), port).unwrap_or_default();
        narrow.or_else(|| sampler.map(|_| unknown()))
    }
}

/// Who sent an options record, and when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Teller {
    pub(super) scope: Scope,
    /// The UDP port that it came from.
    pub(super) port: u16,
    pub(super) received: UnixMillis,
    pub(super) learning: Learning,
}

/// What options say beyond one domain.
#[derive(Debug, Clone, Default)]
pub(super) struct Learned {
    pub(super) names: Names,
    /// What is to be remembered and was not taken yet.
    pub(super) memos: Remembered,
}

/// What is learned of an options record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Learning {
    /// All that it says.
    New,
    /// What nothing is known of: it waited for its template, and newer ones may have come since.
    Late,
    /// Nothing: it was learned before.
    Nothing,
}

/// What one options record says, as far as it is of use here.
#[derive(Debug, Clone, Default)]
pub(super) struct Record {
    rate: Rate,
    sampler: Option<u64>,
    interface: Option<u32>,
    vrf: Option<u32>,
    application: Option<u64>,
    name: Option<String>,
    description: Option<String>,
    started: Option<UnixMillis>,
}

/// Reads an options record; of an element that stands several times the first counts.
pub(super) fn read(template: &Template, spans: &[Span], record: &[u8]) -> Record {
    let mut said = Record::default();
    let mut met = Met::none();
    for (field, span) in template.fields.iter().zip(spans) {
        let value = span.of(record);
        if field.enterprise == 0 && !value.is_empty() && met.is_first(field.number) {
            said.take(field.number, value);
        }
    }
    said
}

/// Takes in what an options record said.
pub(super) fn learn(
    said: Record,
    teller: &Teller,
    options: &mut DomainOptions,
    Learned { names, memos }: &mut Learned,
) {
    let Teller { scope, port, received: at, learning } = *teller;
    let late = match learning {
        Learning::New => false,
        Learning::Late => true,
        Learning::Nothing => return,
    };
    if let Some(value) = said.started {
        let said = Said { value, port, at };
        options.started.tell((), said, (late, 1), |otherwise, said| {
            memo::enter(memos, scope, Thing::Started, otherwise, said);
        });
    }
    if let Some(value) = said.rate.sampling() {
        options.knows_rate |= value.interval > 0;
        let rate = Said { value, port, at };
        let thing = match (said.sampler, said.interface) {
            (Some(sampler), _) => Thing::Sampler(sampler),
            (None, Some(interface)) if interface > 0 => Thing::Interface(interface),
            _ => Thing::All,
        };
        let changed = |otherwise, rate| memo::enter(memos, scope, thing, otherwise, rate);
        match thing {
            Thing::Sampler(sampler) => {
                options.by_sampler.tell(sampler, rate, (late, MAX_SAMPLERS), changed);
            }
            Thing::Interface(interface) => {
                options.by_interface.tell(interface, rate, (late, MAX_SAMPLERS), changed);
            }
            Thing::All | Thing::Started => options.sampling.tell((), rate, (late, 1), changed),
        }
    }
    let Some(name) = said.name.or(said.description) else { return };
    let exporter = scope.exporter;
    if let Some(application) = said.application {
        call(&mut names.applications, (exporter, application), name, late);
    } else if let Some(vrf) = said.vrf {
        call(&mut names.vrfs, (exporter, vrf), name, late);
    } else if let Some(interface) = said.interface {
        call(&mut names.interfaces, (exporter, interface), name, late);
    }
}

fn call<I: Ord + Copy>(names: &mut Named<I>, key: (IpAddr, I), name: String, late: bool) {
    if !late || !names.contains_key(&key) {
        enter_name(names, key, name);
    }
}

impl Record {
    fn take(&mut self, element: u16, value: &[u8]) {
        let word = || Some(number_u32(value));
        match element {
            _ if self.rate.take(element, value) => {}
            48 | 302 => self.sampler = Some(unsigned(value)),
            10 | 14 | 252 | 253 => self.interface = word(),
            234 | 235 => self.vrf = word(),
            95 => self.application = Some(unsigned(value)),
            82 | 96 | 236 => self.name = Some(text(value)),
            83 | 94 => self.description = Some(text(value)),
            160 => self.started = Some(UnixMillis(unsigned(value))).filter(|time| time.0 > 0),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
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
            options
                .sampling_of(1, sampler, input)
                .or(options.sampling(1))
                .unwrap_or_default()
                .interval
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
}

//! Options records: what an exporter says of itself rather than of a flow.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

use super::field::{Met, Span, number_u32, text};
use super::rate::Rate;
use super::template::Template;
use crate::flow::{Named, Names, Sampling, UnixMillis, enter_name, unsigned};

/// So many samplers, and so many interfaces with a sampling of their own, are kept of a domain.
pub const MAX_SAMPLERS: usize = 4096;

/// What options say of one observation domain.
#[derive(Debug, Clone, Default)]
pub(super) struct DomainOptions {
    /// How it samples, where nothing narrower is said.
    sampling: Option<Sampling>,
    by_sampler: HashMap<u64, Sampling>,
    by_interface: HashMap<u32, Sampling>,
    /// When the exporter started.
    pub(super) started: Option<UnixMillis>,
}

impl DomainOptions {
    /// How many samplers and interfaces have a sampling of their own.
    pub(super) fn len(&self) -> usize {
        self.by_sampler.len() + self.by_interface.len()
    }

    /// As many samplers as there may be.
    #[cfg(test)]
    pub(super) fn fill(&mut self) {
        let samplers = (0..MAX_SAMPLERS as u64).map(|sampler| (sampler, Sampling::default()));
        self.by_sampler.extend(samplers);
    }

    /// How the packets of a flow were sampled of which nothing narrower is said: as it goes for
    /// the whole domain, or by the only sampler that there is.
    pub(super) fn sampling(&self) -> Option<Sampling> {
        let only = self.by_sampler.values().next().filter(|_| self.by_sampler.len() == 1);
        self.sampling.or(only.copied())
    }

    /// How the packets of a flow were sampled that names `sampler`, and came in by `input`; None
    /// where that is [`Self::sampling`]. A flow that names a sampler which is not known was not
    /// chosen by the one that is.
    #[inline]
    pub(super) fn sampling_of(&self, sampler: Option<u64>, input: u32) -> Option<Sampling> {
        let by_sampler = sampler.and_then(|sampler| self.by_sampler.get(&sampler));
        let narrow = by_sampler.or_else(|| self.by_interface.get(&input)).copied();
        narrow.or_else(|| sampler.map(|_| self.sampling.unwrap_or_default()))
    }
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
pub(super) struct Said {
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
pub(super) fn read(template: &Template, spans: &[Span], record: &[u8]) -> Said {
    let mut said = Said::default();
    let mut met = Met::none();
    for (field, span) in template.fields.iter().zip(spans) {
        let value = span.of(record);
        if field.enterprise == 0 && !value.is_empty() && met.is_first(field.number) {
            said.take(field.number, value);
        }
    }
    said
}

/// Takes in what an options record of `exporter` said.
pub(super) fn learn(
    said: Said,
    exporter: IpAddr,
    learning: Learning,
    options: &mut DomainOptions,
    names: &mut Names,
) {
    let late = match learning {
        Learning::New => false,
        Learning::Late => true,
        Learning::Nothing => return,
    };
    if !late || options.started.is_none() {
        options.started = said.started.or(options.started);
    }
    if let Some(sampling) = said.rate.sampling() {
        match (said.sampler, said.interface) {
            (Some(sampler), _) => {
                keep(&mut options.by_sampler, sampler, sampling, late);
            }
            (None, Some(interface)) if interface > 0 => {
                keep(&mut options.by_interface, interface, sampling, late);
            }
            _ if late => options.sampling = options.sampling.or(Some(sampling)),
            _ => options.sampling = Some(sampling),
        }
    }
    let Some(name) = said.name.or(said.description) else { return };
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

fn keep<K: Eq + Hash>(known: &mut HashMap<K, Sampling>, key: K, sampling: Sampling, late: bool) {
    let is_known = known.contains_key(&key);
    if if is_known { !late } else { known.len() < MAX_SAMPLERS } {
        known.insert(key, sampling);
    }
}

impl Said {
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

    /// Takes in one record of these fields: number, value.
    fn take(options: &mut DomainOptions, names: &mut Names, fields: &[(u16, &[u8])]) {
        let bytes: Vec<u8> = fields.iter().flat_map(|(_, value)| value.iter().copied()).collect();
        let field = |&(number, value): &(u16, &[u8])| Field {
            number,
            enterprise: 0,
            length: value.len() as u16,
        };
        let template = Template::new(fields.iter().map(field).collect(), Some(1)).unwrap();
        let spans = template.fixed.clone().unwrap();
        let said = read(&template, &spans, &bytes);
        learn(said, [192, 0, 2, 1].into(), Learning::New, options, names);
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
            take(&mut options, &mut Names::default(), fields);
            assert_eq!(options.sampling(), Some(Sampling { mode, interval }), "{fields:?}");
        }
    }

    #[test]
    fn of_an_element_that_stands_several_times_the_first_counts() {
        let (mut options, mut names) = (DomainOptions::default(), Names::default());
        let fields: &[(u16, &[u8])] = &[(34, &[10]), (35, &[1]), (34, &[20]), (35, &[2])];
        take(&mut options, &mut names, fields);
        assert_eq!(options.sampling(), Some(Sampling { mode: 1, interval: 10 }));
        take(&mut options, &mut names, &[(10, &[3]), (82, b"one"), (10, &[4]), (82, b"two")]);
        let found: Vec<_> = names.interfaces.iter().map(|(key, name)| (key.1, &name[..])).collect();
        assert_eq!(found, [(3, "one")]);
    }

    #[test]
    fn samplers_and_interfaces_have_their_own() {
        let (mut options, mut names) = (DomainOptions::default(), Names::default());
        take(&mut options, &mut names, &[(302, &[1]), (34, &[10])]);
        take(&mut options, &mut names, &[(48, &[2]), (34, &[20])]);
        take(&mut options, &mut names, &[(10, &[7]), (34, &[30])]);
        let interval = |sampler, input| {
            options.sampling_of(sampler, input).or(options.sampling()).unwrap_or_default().interval
        };
        assert_eq!([interval(Some(1), 7), interval(Some(2), 0), interval(None, 7)], [10, 20, 30]);
        // One that names a sampler is not sampled as another sampler does, and of two samplers
        // neither goes for those that name none.
        assert_eq!([interval(Some(3), 8), interval(None, 8)], [0, 0]);
    }

    #[test]
    fn the_only_sampler_goes_for_flows_that_name_none_as_it_is_now() {
        let (mut options, mut names) = (DomainOptions::default(), Names::default());
        take(&mut options, &mut names, &[(302, &[1]), (34, &[100])]);
        take(&mut options, &mut names, &[(302, &[1]), (34, &[3, 0xe8])]);
        assert_eq!(options.sampling().unwrap().interval, 1000);
        assert_eq!(options.sampling_of(None, 0), None);
        assert_eq!(options.sampling_of(Some(0), 0), Some(Sampling::default()));
        // What goes for the whole domain goes for a sampler that is not known, too.
        take(&mut options, &mut names, &[(34, &[50])]);
        assert_eq!(options.sampling_of(Some(0), 0).unwrap().interval, 50);
    }

    #[test]
    fn names_are_kept_by_exporter() {
        let (mut options, mut names) = (DomainOptions::default(), Names::default());
        take(&mut options, &mut names, &[(10, &[0, 3]), (82, b"eth0\0\0"), (83, b"uplink")]);
        take(&mut options, &mut names, &[(234, &[9]), (236, b"red")]);
        take(&mut options, &mut names, &[(95, &[3, 0, 0, 80]), (94, b"web"), (96, b"http")]);
        let exporter = [192, 0, 2, 1].into();
        assert_eq!(names.interfaces[&(exporter, 3)], "eth0");
        assert_eq!(names.vrfs[&(exporter, 9)], "red");
        assert_eq!(names.applications[&(exporter, 0x0300_0050)], "http");
    }
}

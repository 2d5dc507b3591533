//! Options records: what an exporter says of itself rather than of a flow.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::net::IpAddr;

use super::field::{float, number, number_u32, text};
use super::names::{Names, enter};
use super::template::{Span, Template};
use crate::flow::{Sampling, UnixMillis};

/// So many samplers, and so many interfaces with a sampling of their own, are kept of a domain.
pub const MAX_SAMPLERS: usize = 4096;

/// What options say of one observation domain.
#[derive(Debug, Default)]
pub(super) struct DomainOptions {
    /// How it samples, where nothing narrower is said.
    pub(super) sampling: Option<Sampling>,
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

    /// How the packets of a flow were sampled that names `sampler`, and came in by `input`; None
    /// where that is what goes for the whole domain.
    #[inline]
    pub(super) fn sampling_of(&self, sampler: Option<u64>, input: u32) -> Option<Sampling> {
        sampler
            .and_then(|sampler| self.by_sampler.get(&sampler))
            .or_else(|| self.by_interface.get(&input))
            .copied()
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
#[derive(Debug, Default)]
pub(super) struct Said {
    interval: Option<u32>,
    space: Option<u32>,
    size: Option<u32>,
    population: Option<u32>,
    probability: Option<f64>,
    algorithm: u8,
    sampler: Option<u64>,
    interface: Option<u32>,
    vrf: Option<u32>,
    application: Option<u64>,
    name: Option<String>,
    description: Option<String>,
    started: Option<UnixMillis>,
}

/// Reads an options record.
pub(super) fn read(template: &Template, spans: &[Span], record: &[u8]) -> Said {
    let mut said = Said::default();
    for (field, span) in template.fields.iter().zip(spans) {
        let value = span.of(record);
        if field.enterprise == 0 && !value.is_empty() {
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
    if let Some(sampling) = said.sampling() {
        match (said.sampler, said.interface) {
            (Some(sampler), _) => {
                keep(&mut options.by_sampler, sampler, sampling, late);
                // A sampler that is the only one goes for flows that name none.
                if options.by_sampler.len() == 1 {
                    options.sampling = options.sampling.or(Some(sampling));
                }
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

fn call<K: Ord>(names: &mut BTreeMap<K, String>, key: K, name: String, late: bool) {
    if !late || !names.contains_key(&key) {
        enter(names, key, name);
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
            34 | 50 | 305 => self.interval = word(),
            306 => self.space = word(),
            309 => self.size = word(),
            310 => self.population = word(),
            311 => self.probability = float(value),
            35 | 49 | 304 => self.algorithm = mode(element, number(value)),
            48 | 302 => self.sampler = Some(number(value)),
            10 | 14 | 252 | 253 => self.interface = word(),
            234 | 235 => self.vrf = word(),
            95 => self.application = Some(number(value)),
            82 | 96 | 236 => self.name = Some(text(value)),
            83 | 94 => self.description = Some(text(value)),
            160 => self.started = Some(UnixMillis(number(value))).filter(|time| time.0 > 0),
            _ => {}
        }
    }

    /// One packet of how many is seen, if it says.
    fn sampling(&self) -> Option<Sampling> {
        let of_size = self.population.zip(self.size.filter(|&size| size > 0));
        let interval = match (self.interval, self.space) {
            // So many packets are taken, and so many left out (RFC 5477 §8.2).
            (Some(taken), Some(left)) if taken > 0 => taken.saturating_add(left) / taken,
            (Some(interval), _) => interval,
            _ => match (of_size, self.probability) {
                (Some((population, size)), _) => population / size,
                (None, Some(probability)) if probability > 0.0 => {
                    (1.0 / probability).round() as u32
                }
                _ => return None,
            },
        };
        Some(Sampling { mode: self.algorithm, interval })
    }
}

/// The mode as v5 has it: 1 deterministic, 2 random. `samplingAlgorithm` and `samplerMode` count
/// so; of `selectorAlgorithm` 1 and 2 are systematic, 3 and 4 random (RFC 5477 §8.1).
fn mode(element: u16, value: u64) -> u8 {
    match (element, value) {
        (304, 1 | 2) => 1,
        (304, 3 | 4) => 2,
        (304, _) => 0,
        _ => value as u8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netflow::template::Field;

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
            assert_eq!(options.sampling, Some(Sampling { mode, interval }), "{fields:?}");
        }
    }

    #[test]
    fn samplers_and_interfaces_have_their_own() {
        let (mut options, mut names) = (DomainOptions::default(), Names::default());
        take(&mut options, &mut names, &[(302, &[1]), (34, &[10])]);
        take(&mut options, &mut names, &[(48, &[2]), (34, &[20])]);
        take(&mut options, &mut names, &[(10, &[7]), (34, &[30])]);
        let interval = |sampler, input| {
            options.sampling_of(sampler, input).or(options.sampling).unwrap().interval
        };
        assert_eq!([interval(Some(1), 7), interval(Some(2), 0), interval(None, 7)], [10, 20, 30]);
        assert_eq!(interval(Some(3), 8), 10);
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

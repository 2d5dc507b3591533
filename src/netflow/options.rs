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
mod tests;

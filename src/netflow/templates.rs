//! The templates of every exporter, by its address and its source id or observation domain.
//!
//! The UDP port is no part of that: an exporter may change it, and its templates stay what they
//! are (RFC 3954 §7 and RFC 7011 §8 scope them so, but for the transport session).

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::field::Field;
use super::options::DomainOptions;
use super::template::{Format, Template};
use crate::flow::{SteadyClock, UnixMillis};

/// So many templates are kept, of all exporters together.
pub const MAX_TEMPLATES: usize = 65_536;
/// So many fields they may have, all together: what bounds their memory.
const MAX_ALL_FIELDS: usize = 1 << 20;
/// So many samplers, and interfaces with a sampling of their own, of all exporters together.
const MAX_ALL_SAMPLERS: usize = 1 << 18;
/// An exporter that has more than one of so many parts of what there is room for is the first one
/// that room is made of: one that forges domains must not make others' templates forgotten.
const MIN_EXPORTERS: usize = 64;
const TEMPLATE_LIFETIME_MS: u64 = TEMPLATE_LIFETIME_SECS as u64 * 1000;
/// So many observation domains are told apart.
pub const MAX_DOMAINS: usize = 16_384;
/// A template that did not come again for so long is not used any more. RFC 7011 §8.4 leaves it to
/// the collector. It is measured by when datagrams of its domain were received, of which two must
/// agree: the clock of an export is whatever its sender says, and the time of a packet may be
/// damaged. Exporters send theirs again within minutes; a capture that was cut out of a longer
/// one, or joined of two, may hold it but once.
pub const TEMPLATE_LIFETIME_SECS: u32 = 30 * 86_400;

/// Whose templates they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Scope {
    pub(super) exporter: IpAddr,
    /// Source id, or observation domain.
    pub(super) domain: u32,
    pub(super) format: Format,
}

/// What is known of one domain.
#[derive(Debug, Clone, Default)]
struct Domain {
    templates: HashMap<u16, Known>,
    options: DomainOptions,
    /// When it was heard of last, as [`Templates::heard`] counts.
    heard: u64,
    clock: SteadyClock,
    /// The datagram that the clock heard of last.
    datagram: u64,
}

#[derive(Debug, Clone)]
struct Known {
    template: Arc<Template>,
    /// When it came last.
    refreshed: UnixMillis,
}

/// Every template that is known, bounded.
#[derive(Debug, Clone, Default)]
pub(super) struct Templates {
    domains: HashMap<Scope, Domain>,
    size: Size,
    /// When the last datagram was received, and its number.
    received: UnixMillis,
    datagram: u64,
    /// Rises with all that is heard.
    heard: u64,
    /// Domains that were forgotten for others, and how often.
    forgotten: u64,
    rooms_made: u64,
}

impl Templates {
    /// Takes note that a datagram was received.
    pub(super) fn hear(&mut self, received: UnixMillis) {
        self.received = received;
        self.datagram += 1;
    }

    /// The template `id` of `scope`, if it came lately.
    pub(super) fn get(&mut self, scope: Scope, id: u16) -> Option<Arc<Template>> {
        let (received, datagram) = (self.received, self.datagram);
        let domain = self.domains.get_mut(&scope)?;
        self.heard += 1;
        domain.heard = self.heard;
        let now = domain.now(received, datagram);
        let known = domain.templates.get(&id)?;
        let age_ms = now.0.saturating_sub(known.refreshed.0);
        (age_ms <= TEMPLATE_LIFETIME_MS).then(|| Arc::clone(&known.template))
    }

    /// Takes the template of `fields` for the one that `id` means from now on, and gives it as it
    /// is kept; None if there is none of these fields, and `id` means nothing then.
    pub(super) fn put(
        &mut self,
        scope: Scope,
        id: u16,
        fields: Vec<Field>,
        scopes: Option<usize>,
    ) -> Option<Arc<Template>> {
        let (received, datagram) = (self.received, self.datagram);
        let same =
            |known: &&mut Known| known.template.fields == fields && known.template.scopes == scopes;
        if let Some(domain) = self.domains.get_mut(&scope) {
            let now = domain.now(received, datagram);
            if let Some(known) = domain.templates.get_mut(&id).filter(same) {
                known.refreshed = now;
                return Some(Arc::clone(&known.template));
            }
        }
        self.withdraw(scope, id);
        let template = Template::new(fields, scopes)?;
        let fields = template.fields.len();
        let more = Size { templates: 1, fields, ..Size::default() };
        self.make_room(more);
        self.size = self.size.plus(more);
        let template = Arc::new(template);
        let domain = self.domain(scope);
        let refreshed = domain.now(received, datagram);
        let known = Known { template: Arc::clone(&template), refreshed };
        domain.templates.insert(id, known);
        Some(template)
    }

    /// Forgets the template `id`.
    pub(super) fn withdraw(&mut self, scope: Scope, id: u16) {
        let removed = self.domains.get_mut(&scope).and_then(|domain| domain.templates.remove(&id));
        if let Some(known) = removed {
            self.size.templates -= 1;
            self.size.fields -= known.template.fields.len();
        }
    }

    /// Forgets every template of flows of `scope`, or of options.
    pub(super) fn withdraw_all(&mut self, scope: Scope, of_options: bool) {
        let Some(domain) = self.domains.get(&scope) else { return };
        let ids: Vec<u16> = domain
            .templates
            .iter()
            .filter(|(_, known)| known.template.scopes.is_some() == of_options)
            .map(|(&id, _)| id)
            .collect();
        for id in ids {
            self.withdraw(scope, id);
        }
    }

    /// What options say of `scope`, if anything was said.
    pub(super) fn options(&self, scope: Scope) -> Option<&DomainOptions> {
        self.domains.get(&scope).map(|domain| &domain.options)
    }

    /// Lets `change` add to what options say of `scope`.
    pub(super) fn with_options(&mut self, scope: Scope, change: impl FnOnce(&mut DomainOptions)) {
        let options = &mut self.domain(scope).options;
        let before = options.len();
        change(options);
        self.size.samplers += options.len() - before;
        self.make_room(Size::default());
    }

    /// How many domains and templates are known.
    #[cfg(test)]
    pub(super) fn known(&self) -> (usize, usize) {
        (self.size.domains, self.size.templates)
    }

    fn domain(&mut self, scope: Scope) -> &mut Domain {
        if !self.domains.contains_key(&scope) {
            self.make_room(Size { domains: 1, ..Size::default() });
            self.size.domains += 1;
        }
        self.heard += 1;
        let domain = self.domains.entry(scope).or_default();
        domain.heard = self.heard;
        domain
    }

    /// Forgets domains, if there is no room for so much `more`: first those of exporters that have
    /// more than their share, and of all others the ones that were not heard of for longest.
    fn make_room(&mut self, more: Size) {
        let mut size = self.size.plus(more);
        if size.fits(1) {
            return;
        }
        let mut shares: HashMap<IpAddr, Size> = HashMap::new();
        for (scope, domain) in &self.domains {
            let share = shares.entry(scope.exporter).or_default();
            *share = share.plus(domain.size());
        }
        let excess = |scope: &Scope| shares.get(&scope.exporter).map_or(0, |size| size.excess());
        let mut worst_first: Vec<(Reverse<usize>, u64, Scope)> = self
            .domains
            .iter()
            .map(|(scope, domain)| (Reverse(excess(scope)), domain.heard, *scope))
            .collect();
        worst_first.sort_unstable_by_key(|&(excess, heard, _)| (excess, heard));
        // Room for many, so that it need not be made for each of them.
        let mut forgotten = worst_first.iter();
        while let Some((.., scope)) = forgotten.next().filter(|_| !size.fits(2)) {
            if let Some(domain) = self.domains.remove(scope) {
                let less = domain.size();
                (self.size, size) = (self.size.minus(less), size.minus(less));
                self.forgotten += 1;
            }
        }
        self.rooms_made += 1;
        if let Some((.., worst)) = worst_first.first().filter(|_| self.rooms_made.is_power_of_two())
        {
            tracing::warn!(
                "templates and options of {} observation domains were forgotten for others so far; \
                 {} had the most",
                self.forgotten,
                worst.exporter,
            );
        }
    }
}

/// How much is known, of a domain or of all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Size {
    domains: usize,
    templates: usize,
    /// Of the templates.
    fields: usize,
    /// Samplers, and interfaces with a sampling of their own.
    samplers: usize,
}

impl Size {
    /// Each part of it with its limit.
    fn parts(self) -> [(usize, usize); 4] {
        [
            (self.domains, MAX_DOMAINS),
            (self.templates, MAX_TEMPLATES),
            (self.fields, MAX_ALL_FIELDS),
            (self.samplers, MAX_ALL_SAMPLERS),
        ]
    }

    /// Whether it is within every limit, divided by `parts`.
    fn fits(self, parts: usize) -> bool {
        self.parts().iter().all(|&(size, limit)| size <= limit / parts)
    }

    /// How much it is above the share of one exporter: in 1/1024 of the limit that it is nearest
    /// to.
    fn excess(self) -> usize {
        let shares = self.parts().map(|(size, limit)| size * 1024 / limit);
        shares.into_iter().max().unwrap_or(0).saturating_sub(1024 / MIN_EXPORTERS)
    }

    fn plus(self, other: Self) -> Self {
        Self {
            domains: self.domains + other.domains,
            templates: self.templates + other.templates,
            fields: self.fields + other.fields,
            samplers: self.samplers + other.samplers,
        }
    }

    fn minus(self, other: Self) -> Self {
        Self {
            domains: self.domains - other.domains,
            templates: self.templates - other.templates,
            fields: self.fields - other.fields,
            samplers: self.samplers - other.samplers,
        }
    }
}

impl Domain {
    /// What time it is for it, which now had the datagram of this number.
    fn now(&mut self, received: UnixMillis, datagram: u64) -> UnixMillis {
        if self.datagram != datagram {
            self.datagram = datagram;
            self.clock.hear(received, TEMPLATE_LIFETIME_MS);
        }
        self.clock.now()
    }

    fn size(&self) -> Size {
        let fields = self.templates.values().map(|known| known.template.fields.len()).sum();
        let samplers = self.options.len();
        Size { domains: 1, templates: self.templates.len(), fields, samplers }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    fn scope(domain: u32) -> Scope {
        Scope { exporter: [192, 0, 2, 1].into(), domain, format: Format::V9 }
    }

    fn put(templates: &mut Templates, scope: Scope, id: u16, length: u16) {
        let fields = vec![Field { number: 1, enterprise: 0, length }];
        templates.put(scope, id, fields, None).unwrap();
    }

    #[test]
    fn templates_are_kept_by_exporter_and_domain() {
        let mut templates = Templates::default();
        put(&mut templates, scope(0), 256, 4);
        put(&mut templates, scope(0), 256, 4);
        put(&mut templates, scope(1), 256, 8);
        assert_eq!(templates.get(scope(0), 256).unwrap().min_bytes, 4);
        assert_eq!(templates.get(scope(1), 256).unwrap().min_bytes, 8);
        let other = Scope { format: Format::Ipfix, ..scope(0) };
        assert!(templates.get(other, 256).is_none());
        put(&mut templates, scope(0), 256, 2);
        assert_eq!(templates.get(scope(0), 256).unwrap().min_bytes, 2);
        templates.withdraw_all(scope(0), true);
        assert!(templates.get(scope(0), 256).is_some());
        templates.withdraw_all(scope(0), false);
        assert!(templates.get(scope(0), 256).is_none());
        let size = Size { domains: 2, templates: 1, fields: 1, samplers: 0 };
        assert_eq!(templates.size, size);
    }

    #[test]
    fn a_template_that_does_not_come_again_is_not_used() {
        let mut templates = Templates::default();
        templates.hear(UnixMillis(1_000_000));
        put(&mut templates, scope(0), 256, 4);
        let last = 1_000_000 + u64::from(TEMPLATE_LIFETIME_SECS) * 1000;
        for (received, is_used) in [(last, true), (5, true), (last + 1, false), (5, false)] {
            templates.hear(UnixMillis(received));
            assert_eq!(templates.get(scope(0), 256).is_some(), is_used, "{received}");
        }
        put(&mut templates, scope(0), 256, 4);
        assert!(templates.get(scope(0), 256).is_some());
        assert_eq!(templates.size.templates, 1);
    }

    /// The domain `domain` of another exporter, told by its last byte.
    fn other(exporter: u8, domain: u32) -> Scope {
        Scope { exporter: [198, 51, 100, exporter].into(), ..scope(domain) }
    }

    #[test]
    fn who_forges_domains_does_not_make_the_templates_of_others_forgotten() {
        let mut templates = Templates::default();
        let others: Vec<Scope> = (0..100).map(|number| other(number, number.into())).collect();
        for &scope in &others {
            put(&mut templates, scope, 256, 4);
        }
        for number in 0..MAX_DOMAINS as u32 * 3 {
            put(&mut templates, scope(number), 256, 4);
        }
        for number in 0..MAX_TEMPLATES as u32 * 2 {
            put(&mut templates, scope(number / 60_000), 256 + (number % 60_000) as u16, 4);
        }
        assert!(templates.size.fits(1) && templates.forgotten > 0);
        assert!(others.iter().all(|&scope| templates.get(scope, 256).is_some()));
    }

    #[test]
    fn samplers_of_many_domains_are_bounded_together() {
        let mut templates = Templates::default();
        put(&mut templates, other(1, 0), 256, 4);
        for domain in 0..200 {
            templates.with_options(scope(domain), DomainOptions::fill);
        }
        assert!(templates.size.fits(1) && templates.size.samplers > 0);
        assert!(templates.get(other(1, 0), 256).is_some());
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut templates = Templates::default();
        for number in 0..MAX_TEMPLATES as u32 + 100 {
            put(&mut templates, scope(number / 64), (256 + number % 64) as u16, 4);
        }
        assert!(templates.size.fits(1));
        for number in 0..MAX_DOMAINS as u32 * 2 {
            templates.with_options(scope(number), |_| {});
        }
        assert!(templates.size.fits(1));
        let told =
            templates.domains.values().fold(Size::default(), |all, one| all.plus(one.size()));
        assert_eq!((templates.size, templates.domains.len()), (told, told.domains));
        put(&mut templates, scope(7), 256, 4);
        assert!(templates.get(scope(7), 256).is_some());
    }
}

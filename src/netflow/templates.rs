//! The templates of every exporter, by its address and its source id or observation domain.
//!
//! A template belongs to a transport session (RFC 7011 §8.4), and over UDP there is only the port to
//! tell one by: what a port defined itself is what its data means. Exporters change their ports,
//! too, and send templates from one and data from another; so what a port did not define means what
//! was told last from the same address.

mod definitions;
mod kept;
mod size;

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use self::definitions::Definitions;
pub(crate) use self::kept::KeptTemplate;
use self::size::Size;
use super::field::Field;
use super::options::DomainOptions;
use super::scope::Scope;
use super::template::{Format, Template};
use crate::flow::{SteadyClock, UnixMillis};

/// So many templates are kept, of all exporters together.
pub const MAX_TEMPLATES: usize = 65_536;
const TEMPLATE_LIFETIME_MS: u64 = TEMPLATE_LIFETIME_SECS as u64 * 1000;
/// So many observation domains are told apart.
pub const MAX_DOMAINS: usize = 16_384;
/// A template that did not come again for so long is not used any more. RFC 7011 §8.4 leaves it to
/// the collector. It is measured by when datagrams of its domain were received, of which two must
/// agree: the clock of an export is whatever its sender says, and the time of a packet may be
/// damaged. Exporters send theirs again within minutes; a capture that was cut out of a longer
/// one, or joined of two, may hold it but once.
pub const TEMPLATE_LIFETIME_SECS: u32 = 30 * 86_400;

/// What is known of one domain.
#[derive(Debug, Clone, Default)]
struct Domain {
    templates: HashMap<u16, Definitions>,
    options: DomainOptions,
    /// When it was heard of last, as [`Templates::heard`] counts.
    heard: u64,
    clock: SteadyClock,
    /// The datagram that the clock heard of last.
    datagram: u64,
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
    revision: u64,
}

impl Templates {
    /// Takes note that a datagram was received.
    pub(super) fn hear(&mut self, received: UnixMillis) {
        self.received = received;
        self.datagram += 1;
    }

    /// What the template `id` of `scope` means to `port`, if it came lately.
    pub(super) fn get(&mut self, scope: Scope, port: u16, id: u16) -> Option<Arc<Template>> {
        let (received, datagram) = (self.received, self.datagram);
        let domain = self.domains.get_mut(&scope)?;
        self.heard += 1;
        domain.heard = self.heard;
        let oldest = domain.oldest(received, datagram);
        domain.templates.get(&id)?.get(port, oldest).cloned()
    }

    /// Takes the template of `fields` for the one that `id` means to `port` from now on, and gives
    /// it as it is kept, and whether another port defines it otherwise. None if there is none of
    /// these fields, and `id` means nothing to `port` then.
    pub(super) fn put(
        &mut self,
        scope: Scope,
        port: u16,
        id: u16,
        fields: Vec<Field>,
        scopes: Option<usize>,
    ) -> Option<(Arc<Template>, bool)> {
        let same = |known: &Template| known.fields == fields && known.scopes == scopes;
        let definitions = self.domains.get(&scope).and_then(|domain| domain.templates.get(&id));
        let known = definitions.and_then(|definitions| definitions.known(port, same));
        let is_new = known.is_none();
        let template = if let Some(template) = known {
            template
        } else {
            self.withdraw(scope, port, id);
            let template = Arc::new(Template::new(fields, scopes)?);
            let fields = template.fields.len();
            self.make_room(Size { templates: 1, fields, ports: 1, ..Size::default() });
            template
        };
        let (received, datagram) = (self.received, self.datagram);
        let domain = self.domain(scope);
        let (now, oldest) = (domain.now(received, datagram), domain.oldest(received, datagram));
        let told = domain.heard;
        let definitions = domain.templates.entry(id).or_default();
        let conflicts = is_new && definitions.conflicts(port, &template, oldest);
        let (more, less) = definitions.define(port, Arc::clone(&template), now, told);
        self.revision += u64::from((more, less) != Default::default());
        self.size = self.size.plus(more).minus(less);
        self.make_room(Size::default());
        Some((template, conflicts))
    }

    /// Forgets what `port` said that the template `id` is.
    pub(super) fn withdraw(&mut self, scope: Scope, port: u16, id: u16) {
        let Some(domain) = self.domains.get_mut(&scope) else { return };
        let Some(definitions) = domain.templates.get_mut(&id) else { return };
        let less = definitions.withdraw(port);
        self.revision += u64::from(less != Size::default());
        self.size = self.size.minus(less);
        if definitions.is_empty() {
            domain.templates.remove(&id);
        }
    }

    /// Forgets every template of flows of `scope`, or of options, that `port` defined.
    pub(super) fn withdraw_all(&mut self, scope: Scope, port: u16, of_options: bool) {
        let Some(domain) = self.domains.get(&scope) else { return };
        let all = domain.templates.iter();
        let own = all.filter(|(_, definitions)| definitions.is_of(port, of_options));
        for id in own.map(|(&id, _)| id).collect::<Vec<_>>() {
            self.withdraw(scope, port, id);
        }
    }

    /// What options say of `scope`, if anything was said.
    pub(super) fn options(&self, scope: Scope) -> Option<&DomainOptions> {
        self.domains.get(&scope).map(|domain| &domain.options)
    }

    /// Rises when other templates are known.
    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    /// Whether options of v9 or of IPFIX told any rate at which `exporter` samples in `domain`.
    pub(super) fn knows_rate(&self, exporter: IpAddr, domain: u32) -> bool {
        [Format::V9, Format::Ipfix].into_iter().any(|format| {
            let options = self.options(Scope { exporter, domain, format });
            options.is_some_and(DomainOptions::knows_rate)
        })
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
                self.revision += 1;
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

impl Domain {
    /// What time it is for it, which now had the datagram of this number.
    fn now(&mut self, received: UnixMillis, datagram: u64) -> UnixMillis {
        if self.datagram != datagram {
            self.datagram = datagram;
            self.clock.hear(received, TEMPLATE_LIFETIME_MS);
        }
        self.clock.now()
    }

    /// When a template must have come, to be used now.
    fn oldest(&mut self, received: UnixMillis, datagram: u64) -> UnixMillis {
        UnixMillis(self.now(received, datagram).0.saturating_sub(TEMPLATE_LIFETIME_MS))
    }

    fn size(&self) -> Size {
        let of_it = Size { domains: 1, samplers: self.options.len(), ..Size::default() };
        self.templates.values().map(Definitions::size).fold(of_it, Size::plus)
    }
}

#[cfg(test)]
mod tests;

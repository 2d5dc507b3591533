//! The templates of every exporter, by its address and its source id or observation domain.
//!
//! The UDP port is no part of that: an exporter may change it, and its templates stay what they
//! are (RFC 3954 §7 and RFC 7011 §8 scope them so, but for the transport session).

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::options::DomainOptions;
use super::template::{Field, Format, Template};
use crate::flow::UnixMillis;

/// So many templates are kept, of all exporters together.
pub const MAX_TEMPLATES: usize = 65_536;
/// So many fields they may have, all together: what bounds their memory.
const MAX_ALL_FIELDS: usize = 1 << 20;
/// So many observation domains are told apart.
pub const MAX_DOMAINS: usize = 16_384;
/// A template that did not come again for so long is not used any more. RFC 7011 §8.4 leaves it to
/// the collector. It is measured by when datagrams were received: the clock of an export is
/// whatever its sender says. Exporters send theirs again within minutes; a capture
/// that was cut out of a longer one, or joined of two, may hold it but once.
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
#[derive(Debug, Default)]
struct Domain {
    templates: HashMap<u16, Known>,
    options: DomainOptions,
    /// When it was heard of last, in [`Templates::generation`]s.
    generation: u64,
}

#[derive(Debug)]
struct Known {
    template: Arc<Template>,
    /// When it came last.
    refreshed: UnixMillis,
}

/// Every template that is known, bounded.
#[derive(Debug, Default)]
pub(super) struct Templates {
    domains: HashMap<Scope, Domain>,
    count: usize,
    fields: usize,
    /// When the last datagram was received.
    now: UnixMillis,
    /// Rises each time that room had to be made.
    generation: u64,
}

impl Templates {
    /// Takes note that a datagram was received; time does not go back.
    pub(super) fn hear(&mut self, received: UnixMillis) {
        self.now = self.now.max(received);
    }

    /// The template `id` of `scope`, if it came lately.
    pub(super) fn get(&mut self, scope: Scope, id: u16) -> Option<Arc<Template>> {
        let generation = self.generation;
        let domain = self.domains.get_mut(&scope)?;
        domain.generation = generation;
        let known = domain.templates.get(&id)?;
        let age_ms = self.now.0.saturating_sub(known.refreshed.0);
        let is_in_use = age_ms <= u64::from(TEMPLATE_LIFETIME_SECS) * 1000;
        is_in_use.then(|| Arc::clone(&known.template))
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
        let now = self.now;
        let same =
            |known: &&mut Known| known.template.fields == fields && known.template.scopes == scopes;
        let domain = self.domains.get_mut(&scope);
        if let Some(known) = domain.and_then(|domain| domain.templates.get_mut(&id)).filter(same) {
            known.refreshed = now;
            return Some(Arc::clone(&known.template));
        }
        self.withdraw(scope, id);
        let template = Template::new(fields, scopes)?;
        let more = template.fields.len();
        if self.count >= MAX_TEMPLATES || self.fields + more > MAX_ALL_FIELDS {
            self.make_room();
        }
        self.count += 1;
        self.fields += more;
        let template = Arc::new(template);
        let known = Known { template: Arc::clone(&template), refreshed: now };
        self.domain(scope).templates.insert(id, known);
        Some(template)
    }

    /// Forgets the template `id`.
    pub(super) fn withdraw(&mut self, scope: Scope, id: u16) {
        let removed = self.domains.get_mut(&scope).and_then(|domain| domain.templates.remove(&id));
        if let Some(known) = removed {
            self.count -= 1;
            self.fields -= known.template.fields.len();
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

    /// What options say of `scope`, to be added to.
    pub(super) fn options_mut(&mut self, scope: Scope) -> &mut DomainOptions {
        &mut self.domain(scope).options
    }

    fn domain(&mut self, scope: Scope) -> &mut Domain {
        if self.domains.len() >= MAX_DOMAINS && !self.domains.contains_key(&scope) {
            self.make_room();
        }
        let generation = self.generation;
        let domain = self.domains.entry(scope).or_default();
        domain.generation = generation;
        domain
    }

    /// Forgets the domains that were not heard of since room was made the last time; all of them,
    /// where that are too few.
    fn make_room(&mut self) {
        let generation = self.generation;
        self.domains.retain(|_, domain| domain.generation == generation);
        let known = || self.domains.values().flat_map(|domain| domain.templates.values());
        self.count = known().count();
        self.fields = known().map(|known| known.template.fields.len()).sum();
        let full = self.count > MAX_TEMPLATES / 2
            || self.fields > MAX_ALL_FIELDS / 2
            || self.domains.len() > MAX_DOMAINS / 2;
        if full {
            self.domains.clear();
            (self.count, self.fields) = (0, 0);
        }
        self.generation += 1;
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
        assert_eq!((templates.count, templates.fields), (1, 1));
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
        assert_eq!(templates.count, 1);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut templates = Templates::default();
        for number in 0..MAX_TEMPLATES as u32 + 100 {
            put(&mut templates, scope(number / 64), (256 + number % 64) as u16, 4);
        }
        assert!(templates.count <= MAX_TEMPLATES);
        for number in 0..MAX_DOMAINS as u32 * 2 {
            templates.options_mut(scope(number));
        }
        assert!(templates.domains.len() <= MAX_DOMAINS);
        put(&mut templates, scope(7), 256, 4);
        assert!(templates.get(scope(7), 256).is_some());
    }
}

//! The templates of every exporter, by its address and its source id or observation domain.
//!
//! The UDP port is no part of that: an exporter may change it, and its templates stay what they
//! are (RFC 3954 §7 and RFC 7011 §8 scope them so, but for the transport session).

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::options::DomainOptions;
use super::template::{Field, Format, Template};

/// So many templates are kept, of all exporters together.
pub const MAX_TEMPLATES: usize = 65_536;
/// So many fields they may have, all together: what bounds their memory.
const MAX_ALL_FIELDS: usize = 1 << 20;
/// So many observation domains are told apart.
pub const MAX_DOMAINS: usize = 16_384;
/// A template that was not sent again for so long, by the clock of its exporter, is forgotten.
/// RFC 7011 §8.4 leaves it to the collector. Exporters send theirs again within minutes; a capture
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
    refreshed_secs: u32,
}

/// Every template that is known, bounded.
#[derive(Debug, Default)]
pub(super) struct Templates {
    domains: HashMap<Scope, Domain>,
    count: usize,
    fields: usize,
    /// Rises each time that room had to be made.
    generation: u64,
}

impl Templates {
    /// The template `id` of `scope`, as of an export at `now_secs`.
    pub(super) fn get(&mut self, scope: Scope, id: u16, now_secs: u32) -> Option<Arc<Template>> {
        let generation = self.generation;
        let domain = self.domains.get_mut(&scope)?;
        domain.generation = generation;
        let known = domain.templates.get(&id)?;
        // An export from before the template was sent is no reason to forget it.
        if now_secs > known.refreshed_secs.saturating_add(TEMPLATE_LIFETIME_SECS) {
            self.withdraw(scope, id);
            return None;
        }
        Some(Arc::clone(&known.template))
    }

    /// Takes the template of `fields` for the one that `id` means from now on, and gives it as it
    /// is kept; None if there is none of these fields, and `id` means nothing then.
    pub(super) fn put(
        &mut self,
        scope: Scope,
        id: u16,
        fields: Vec<Field>,
        scopes: Option<usize>,
        now_secs: u32,
    ) -> Option<Arc<Template>> {
        let same = |known: &Arc<Template>| known.fields == fields && known.scopes == scopes;
        if let Some(known) = self.get(scope, id, now_secs).filter(same) {
            if let Some(known) =
                self.domains.get_mut(&scope).and_then(|domain| domain.templates.get_mut(&id))
            {
                known.refreshed_secs = known.refreshed_secs.max(now_secs);
            }
            return Some(known);
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
        let known = Known { template: Arc::clone(&template), refreshed_secs: now_secs };
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

    fn put(templates: &mut Templates, scope: Scope, id: u16, length: u16, now_secs: u32) {
        let fields = vec![Field { number: 1, enterprise: 0, length }];
        templates.put(scope, id, fields, None, now_secs).unwrap();
    }

    #[test]
    fn templates_are_kept_by_exporter_and_domain() {
        let mut templates = Templates::default();
        put(&mut templates, scope(0), 256, 4, 100);
        put(&mut templates, scope(0), 256, 4, 200);
        put(&mut templates, scope(1), 256, 8, 100);
        assert_eq!(templates.get(scope(0), 256, 200).unwrap().min_bytes, 4);
        assert_eq!(templates.get(scope(1), 256, 200).unwrap().min_bytes, 8);
        let other = Scope { format: Format::Ipfix, ..scope(0) };
        assert!(templates.get(other, 256, 200).is_none());
        put(&mut templates, scope(0), 256, 2, 200);
        assert_eq!(templates.get(scope(0), 256, 200).unwrap().min_bytes, 2);
        templates.withdraw_all(scope(0), true);
        assert!(templates.get(scope(0), 256, 200).is_some());
        templates.withdraw_all(scope(0), false);
        assert!(templates.get(scope(0), 256, 200).is_none());
        assert_eq!((templates.count, templates.fields), (1, 1));
    }

    #[test]
    fn a_template_that_is_not_sent_again_is_forgotten() {
        let mut templates = Templates::default();
        put(&mut templates, scope(0), 256, 4, 1_000_000);
        let last = 1_000_000 + TEMPLATE_LIFETIME_SECS;
        assert!(templates.get(scope(0), 256, last).is_some());
        assert!(templates.get(scope(0), 256, 5).is_some());
        assert!(templates.get(scope(0), 256, last + 1).is_none());
        assert_eq!(templates.count, 0);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut templates = Templates::default();
        for number in 0..MAX_TEMPLATES as u32 + 100 {
            put(&mut templates, scope(number / 64), (256 + number % 64) as u16, 4, 0);
        }
        assert!(templates.count <= MAX_TEMPLATES);
        for number in 0..MAX_DOMAINS as u32 * 2 {
            templates.options_mut(scope(number));
        }
        assert!(templates.domains.len() <= MAX_DOMAINS);
        put(&mut templates, scope(7), 256, 4, 0);
        assert!(templates.get(scope(7), 256, 0).is_some());
    }
}

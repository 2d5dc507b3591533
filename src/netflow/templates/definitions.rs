//! What one template id of a domain means: to each UDP port that defined it, and to all others.

use std::sync::Arc;

use super::size::Size;
use crate::flow::UnixMillis;
use crate::netflow::template::Template;

/// So many ports may have defined one id; for more, the one gives way that told it longest ago.
pub(super) const MAX_PORTS: usize = 1024;

/// The definitions of one id.
#[derive(Debug, Clone, Default)]
pub(super) struct Definitions {
    /// Of each port, by rising ports. Those that tell the same one after the other share it.
    by_port: Vec<Definition>,
    /// The port that told its own last.
    newest: u16,
}

#[derive(Debug, Clone)]
pub(super) struct Definition {
    pub(super) port: u16,
    pub(super) template: Arc<Template>,
    /// When it came last.
    pub(super) refreshed: UnixMillis,
    /// Rises from one that is told to the next.
    pub(super) told: u64,
}

impl Definitions {
    /// What `port` defined, else what was told last by any; of what came since `oldest`.
    #[inline]
    pub(super) fn get(&self, port: u16, oldest: UnixMillis) -> Option<&Arc<Template>> {
        let own = self.of(port).filter(|own| own.refreshed >= oldest);
        let found = own.or_else(|| self.of(self.newest).filter(|any| any.refreshed >= oldest));
        found.map(|definition| &definition.template)
    }

    /// The definition that `port` has, or that was told last, if it is the `same`.
    pub(super) fn known(
        &self,
        port: u16,
        same: impl Fn(&Template) -> bool,
    ) -> Option<Arc<Template>> {
        let of = |port| self.of(port).filter(|known| same(&known.template));
        of(port).or_else(|| of(self.newest)).map(|known| Arc::clone(&known.template))
    }

    /// Whether any other port has another definition than `template` that came since `oldest`.
    pub(super) fn conflicts(
        &self,
        port: u16,
        template: &Arc<Template>,
        oldest: UnixMillis,
    ) -> bool {
        self.by_port.iter().any(|other| {
            let differs = other.port != port && !Arc::ptr_eq(&other.template, template);
            differs && other.refreshed >= oldest
        })
    }

    /// Takes `template` for the one of `port`; gives how much there is more by that, and less.
    pub(super) fn define(
        &mut self,
        port: u16,
        template: Arc<Template>,
        refreshed: UnixMillis,
        told: u64,
    ) -> (Size, Size) {
        self.newest = port;
        if let Some(own) = self.of_mut(port).filter(|own| Arc::ptr_eq(&own.template, &template)) {
            (own.refreshed, own.told) = (refreshed, told);
            return Default::default();
        }
        let (place, less) = match self.place(port) {
            Ok(place) => (place, self.take(place)),
            Err(place) if self.by_port.len() < MAX_PORTS => (place, Size::default()),
            Err(place) => {
                let ages = self.by_port.iter().enumerate().map(|(place, one)| (one.told, place));
                let oldest = ages.min().map_or(0, |(_, place)| place);
                (place - usize::from(oldest < place), self.take(oldest))
            }
        };
        let more = self.size_of(&template);
        self.by_port.insert(place, Definition { port, template, refreshed, told });
        (more, less)
    }

    /// Forgets what `port` defined; gives how much there is less by that.
    pub(super) fn withdraw(&mut self, port: u16) -> Size {
        let Ok(place) = self.place(port) else { return Size::default() };
        let less = self.take(place);
        if self.newest == port {
            let newest = self.by_port.iter().max_by_key(|definition| definition.told);
            self.newest = newest.map_or(0, |definition| definition.port);
        }
        less
    }

    /// The definition of each port.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Definition> {
        self.by_port.iter()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_port.is_empty()
    }

    /// Whether `port` defined it, as a template of options or of flows.
    pub(super) fn is_of(&self, port: u16, of_options: bool) -> bool {
        self.of(port).is_some_and(|own| own.template.scopes.is_some() == of_options)
    }

    /// How much it is.
    pub(super) fn size(&self) -> Size {
        let mut templates: Vec<_> = self.by_port.iter().map(|known| &known.template).collect();
        templates.sort_unstable_by_key(|template| Arc::as_ptr(template).addr());
        templates.dedup_by(|one, other| Arc::ptr_eq(one, other));
        let fields = templates.iter().map(|template| template.fields.len()).sum();
        let (templates, ports) = (templates.len(), self.by_port.len());
        Size { templates, fields, ports, ..Size::default() }
    }

    /// How much `template` of one more port is more.
    fn size_of(&self, template: &Arc<Template>) -> Size {
        let ports = Size { ports: 1, ..Size::default() };
        if self.by_port.iter().any(|known| Arc::ptr_eq(&known.template, template)) {
            return ports;
        }
        Size { templates: 1, fields: template.fields.len(), ..ports }
    }

    /// Takes a definition out; gives how much it was.
    fn take(&mut self, place: usize) -> Size {
        let definition = self.by_port.remove(place);
        self.size_of(&definition.template)
    }

    fn place(&self, port: u16) -> Result<usize, usize> {
        self.by_port.binary_search_by_key(&port, |definition| definition.port)
    }

    #[inline]
    fn of(&self, port: u16) -> Option<&Definition> {
        self.by_port.get(self.place(port).ok()?)
    }

    fn of_mut(&mut self, port: u16) -> Option<&mut Definition> {
        let place = self.place(port).ok()?;
        self.by_port.get_mut(place)
    }
}

//! How much is known of domains, and how much there may be.

use super::{MAX_DOMAINS, MAX_TEMPLATES};

/// So many fields templates may have, all together: what bounds their memory.
const MAX_ALL_FIELDS: usize = 1 << 20;
/// So many ports may have defined templates, each counted for each of them.
const MAX_ALL_PORTS: usize = 1 << 18;
/// So many samplers, and interfaces with a sampling of their own, of all exporters together.
const MAX_ALL_SAMPLERS: usize = 1 << 18;
/// An exporter that has more than one of so many parts of what there is room for is the first one
/// that room is made of: one that forges domains must not make others' templates forgotten.
const MIN_EXPORTERS: usize = 64;

/// How much is known, of a domain or of all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) domains: usize,
    pub(super) templates: usize,
    /// Of the templates.
    pub(super) fields: usize,
    /// The ports that defined them.
    pub(super) ports: usize,
    /// Samplers, and interfaces with a sampling of their own.
    pub(super) samplers: usize,
}

impl Size {
    /// Each part of it with its limit.
    fn parts(self) -> [(usize, usize); 5] {
        [
            (self.domains, MAX_DOMAINS),
            (self.templates, MAX_TEMPLATES),
            (self.fields, MAX_ALL_FIELDS),
            (self.ports, MAX_ALL_PORTS),
            (self.samplers, MAX_ALL_SAMPLERS),
        ]
    }

    /// Whether it is within every limit, divided by `parts`.
    pub(super) fn fits(self, parts: usize) -> bool {
        self.parts().iter().all(|&(size, limit)| size <= limit / parts)
    }

    /// How much it is above the share of one exporter: in 1/1024 of the limit that it is nearest
    /// to.
    pub(super) fn excess(self) -> usize {
        let shares = self.parts().map(|(size, limit)| size * 1024 / limit);
        shares.into_iter().max().unwrap_or(0).saturating_sub(1024 / MIN_EXPORTERS)
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            domains: self.domains + other.domains,
            templates: self.templates + other.templates,
            fields: self.fields + other.fields,
            ports: self.ports + other.ports,
            samplers: self.samplers + other.samplers,
        }
    }

    pub(super) fn minus(self, other: Self) -> Self {
        Self {
            domains: self.domains - other.domains,
            templates: self.templates - other.templates,
            fields: self.fields - other.fields,
            ports: self.ports - other.ports,
            samplers: self.samplers - other.samplers,
        }
    }
}

//! Which templates the data of a datagram has: what it is read by when it is read again.

use std::sync::Arc;

use super::scope::Scope;
use super::template::Template;
use crate::flow::saturated_u8;

/// The data of one datagram may have so many templates; where it has more, it does not wait for
/// those that are not known.
pub const MAX_LAYOUTS: usize = 64;

/// The templates of a datagram's data sets, as of when it came.
#[derive(Debug, Clone, Default)]
pub(super) struct Layouts {
    slots: Vec<Slot>,
    /// Of each data set, in their order, the place of its template.
    sets: Vec<u8>,
    /// Whether there was no room for all.
    is_full: bool,
}

#[derive(Debug, Clone)]
struct Slot {
    scope: Scope,
    id: u16,
    /// None while it is not known.
    template: Option<Arc<Template>>,
    /// Whether it came after the data.
    late: bool,
}

impl Slot {
    fn is_of(&self, scope: Scope, id: u16, template: Option<&Arc<Template>>) -> bool {
        let same = match (&self.template, template) {
            (Some(own), Some(other)) => !self.late && Arc::ptr_eq(own, other),
            (None, None) => true,
            _ => false,
        };
        same && (self.scope, self.id) == (scope, id)
    }
}

impl Layouts {
    pub(super) fn clear(&mut self) {
        self.slots.clear();
        self.sets.clear();
        self.is_full = false;
    }

    /// Whether there are more than [`MAX_LAYOUTS`].
    pub(super) fn is_full(&self) -> bool {
        self.is_full
    }

    /// Enters the template of the next data set, or that it is not known.
    #[inline]
    pub(super) fn enter(&mut self, scope: Scope, id: u16, template: Option<&Arc<Template>>) {
        let known = self.slots.iter().rposition(|slot| slot.is_of(scope, id, template));
        let place = known.unwrap_or_else(|| {
            if self.slots.len() < MAX_LAYOUTS {
                let template = template.cloned();
                self.slots.push(Slot { scope, id, template, late: false });
            } else {
                self.is_full = true;
            }
            self.slots.len() - 1
        });
        if !self.is_full {
            self.sets.push(saturated_u8(place));
        }
    }

    /// Takes `template` for the data that came before it. What comes first counts: a later
    /// definition is one for later data.
    pub(super) fn define(&mut self, scope: Scope, id: u16, template: &Arc<Template>) {
        let lacks = |slot: &&mut Slot| slot.is_of(scope, id, None);
        if let Some(slot) = self.slots.iter_mut().find(lacks) {
            slot.template = Some(Arc::clone(template));
            slot.late = true;
        }
    }

    /// The templates that are not known.
    pub(super) fn lacking(&self) -> impl Iterator<Item = (Scope, u16)> {
        let lacking = self.slots.iter().filter(|slot| slot.template.is_none());
        lacking.map(|slot| (slot.scope, slot.id))
    }

    /// The template of the data set `place`, and whether it came after it.
    pub(super) fn of_set(&self, place: usize) -> Option<(Arc<Template>, bool)> {
        let slot = self.slots.get(usize::from(*self.sets.get(place)?))?;
        slot.template.clone().map(|template| (template, slot.late))
    }

    /// How many templates there are, known or not.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The templates that are known.
    pub(super) fn templates(&self) -> impl Iterator<Item = &Arc<Template>> {
        self.slots.iter().filter_map(|slot| slot.template.as_ref())
    }

    /// Bytes of memory that it takes, but for the templates.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&self.slots[..]) + self.sets.len()
    }
}

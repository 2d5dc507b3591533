//! Events of firewalls and NATs, in nfdump's words.

use super::fields::{Field, Term};
use super::parser::{Parser, Result};
use super::values::Values;
use crate::flow::{ElementId, EventKind};
use crate::row::{NumberField, NumberSet, Predicate};

/// The field that tells of events of `kind`.
const fn field(kind: EventKind) -> NumberField {
    NumberField::Element(ElementId::iana(kind.element()))
}

impl Parser<'_, '_, '_> {
    /// What is asked for behind `keyword`: `event denied`, `asa event create`, `asa event denied
    /// ingress`, `xevent 1001`, `asa denied nosyn`, `nel event add`.
    pub(super) fn event(&mut self, keyword: &str) -> Result<Term> {
        let kind = match keyword {
            "event" => EventKind::Firewall,
            "xevent" => EventKind::Reason,
            "nel" => {
                self.take_word("event");
                EventKind::Nat
            }
            _ if self.take_word("event") => EventKind::Firewall,
            _ if self.take_word("xevent") || self.take_word("denied") => EventKind::Reason,
            _ => {
                let problem = format!("{} stands in place of event or xevent", self.here());
                return Err(self.wrong_here(problem).expecting("event, xevent or denied"));
            }
        };
        Ok(self.event_of(kind))
    }

    /// Events of `kind`: a test follows, or `none`.
    pub(super) fn event_of(&mut self, kind: EventKind) -> Term {
        if self.take_word("none") {
            return Term::Whole(Predicate::not(field(kind).is_there()));
        }
        // `asa event denied ingress`: why it was.
        let reason = self.peek_word(1).and_then(|word| EventKind::Reason.named(&word));
        if kind == EventKind::Firewall
            && let Some(reason) = reason
            && self.peek_word(0).is_some_and(|word| matches!(word.as_str(), "denied" | "deny"))
        {
            self.next();
            self.next();
            let is = |kind, number| Predicate::Number(field(kind), NumberSet::only(number));
            let denied = EventKind::Firewall.named("denied").unwrap_or_default();
            let both = [is(EventKind::Firewall, denied), is(EventKind::Reason, reason)];
            return Term::Whole(Predicate::and(both));
        }
        Term::number_or(field(kind), None, Values::Event(kind))
    }
}

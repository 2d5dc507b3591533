//! Keywords that are more than the name of a field: of several words, or without a test.

use super::ParseFilterError;
use super::address::read_addresses;
use super::condition::NumberTest;
use super::element::Follows;
use super::fields::{Named, Term};
use super::lexer::Kind;
use super::parser::{Parser, Result};
use super::shown::bytes;
use super::values::Values;
use super::{element, words};
use crate::flow::{Column, ElementId, Family};
use crate::row::{NumberField, NumberSet, Predicate};

impl Parser<'_, '_, '_> {
    /// Terms that need no test, and those whose keyword is of several words. Up to the test.
    pub(super) fn whole_or_of_several_words(&mut self, keyword: &str) -> Result<Option<Term>> {
        if let Some(protocol) = words::protocol(keyword) {
            return self.protocol(protocol.0).map(Some);
        }
        Ok(Some(match keyword {
            "any" => {
                self.next();
                Term::Whole(Predicate::ANY)
            }
            "ipv4" | "inet" => {
                self.next();
                Term::Whole(Predicate::Family(Family::V4))
            }
            "ipv6" | "inet6" => {
                self.next();
                Term::Whole(Predicate::Family(Family::V6))
            }
            "first" | "last" => {
                self.next();
                self.take_word("seen");
                Term::number(if keyword == "first" {
                    NumberField::Column(Column::First)
                } else {
                    NumberField::Last
                })
            }
            "engine" => {
                self.next();
                if matches!(self.peek().kind, Kind::Compare(_)) || self.list_follows() {
                    return Ok(Some(Term::number(NumberField::Engine)));
                }
                match self.part(&["type", "id"])? {
                    "type" => Term::number(NumberField::EngineType),
                    _ => Term::number(NumberField::EngineId),
                }
            }
            "observation" => {
                self.next();
                let field = match self.part(&["domain", "point"])? {
                    "domain" => NumberField::Engine,
                    _ => NumberField::Element(ElementId::iana(138)),
                };
                self.take_word("id");
                Term::number(field)
            }
            "flows" => {
                self.next();
                // Each flow of a store is one.
                let passes = match self.number_test(Values::UpTo(u64::MAX))? {
                    NumberTest::In(set) => set.contains(1),
                    NumberTest::NotIn(set) => !set.contains(1),
                    NumberTest::Has(bits) => bits <= 1,
                };
                Term::Whole(if passes { Predicate::ANY } else { Predicate::NONE })
            }
            "event" | "xevent" | "asa" | "nsel" | "nel" => {
                self.next();
                self.event(keyword)?
            }
            "community" | "communityid" => {
                self.next();
                self.take_word("id");
                Term::Community
            }
            "mpls" => {
                self.next();
                return self.mpls().map(Some);
            }
            "element" => {
                self.next();
                let token = self.next();
                let name = match &token.kind {
                    Kind::Word(name) => *name,
                    Kind::Quoted(name) => name,
                    _ => {
                        return Err(ParseFilterError::at(token.span, "element without a name")
                            .expecting("a name or a number of IANA's, such as vlanId or 58"));
                    }
                };
                if let Some(named) = Named::called(name) {
                    return Ok(Some(Term::Named(named)));
                }
                let term = element::term_of(name, self.follows());
                term.map_err(|wrong| Self::wrong(&token.span, wrong))?
            }
            word => {
                let Some(named) = Named::called(word) else { return Ok(None) };
                self.next();
                Term::Named(named)
            }
        }))
    }

    /// One of two words that belong to a keyword.
    fn part(&mut self, parts: &[&'static str; 2]) -> Result<&'static str> {
        let word = self.peek_word(0);
        match parts.iter().find(|part| word.as_deref() == Some(part)) {
            Some(part) => {
                self.next();
                Ok(part)
            }
            None => Err(self
                .wrong_here(format!("{} stands in place of {}", self.here(), parts.join(" or ")))
                .expecting(parts.join(" or "))),
        }
    }

    /// A protocol as a term. `tcp dst port 443` is short for `proto tcp and dst port 443`, and
    /// `icmp type 8` for `icmp-type 8`.
    fn protocol(&mut self, number: u8) -> Result<Term> {
        let start = self.next().span.start;
        let set = NumberSet::only(number.into());
        let protocol = Predicate::Number(NumberField::Column(Column::Protocol), set);
        let of_icmp = match self.peek_word(0).as_deref() {
            Some("type") => Some(NumberField::IcmpType),
            Some("code") => Some(NumberField::IcmpCode),
            _ => None,
        };
        if let Some(field) = of_icmp.filter(|_| matches!(number, 1 | 58)) {
            self.next();
            let term = Term::number(field);
            if number == 1 {
                // Of either ICMP, as nfdump has it.
                return Ok(term);
            }
            return Ok(Term::Whole(Predicate::and([protocol, self.tested(term, false, start)?])));
        }
        let goes_on = ["src", "dst", "port", "flags", "ip", "host", "net"];
        if self.peek_word(0).is_some_and(|word| goes_on.contains(&word.as_str())) {
            return Ok(Term::Whole(Predicate::and([protocol, self.term()?])));
        }
        Ok(Term::Whole(protocol))
    }

    /// `mpls label3`, `mpls any`.
    fn mpls(&mut self) -> Result<Term> {
        let labels = |numbers: std::ops::RangeInclusive<u16>| {
            let fields: Vec<_> =
                numbers.map(|number| NumberField::Element(ElementId::iana(69 + number))).collect();
            Term::labels(&fields)
        };
        let word = self.peek_word(0).unwrap_or_default();
        let number = word.strip_prefix("label").and_then(|number| number.parse::<u16>().ok());
        let term = match number {
            Some(number @ 1..=10) => labels(number..=number),
            _ if word == "any" => labels(1..=10),
            _ => {
                let problem = format!("{} is no label of mpls", self.here());
                return Err(self
                    .wrong_here(problem)
                    .expecting("label1 to label10, or any")
                    .hinting(
                        "write element mplsTopLabelStackSection has N for other bits of a label",
                    ));
            }
        };
        self.next();
        Ok(term)
    }

    /// What the value looks like that follows, behind `=` or `in [`.
    fn follows(&self) -> Follows {
        let behind = match self.peek().kind {
            Kind::Compare(_) => 1,
            _ if self.list_follows() => 2 + usize::from(self.peek().kind == Kind::Not),
            _ => 0,
        };
        let is_address = |text: &str| !text.contains("..") && read_addresses(text, false).is_ok();
        match &self.peek_at(behind).kind {
            Kind::Word(word) if is_address(word) => Follows::Address,
            Kind::Word(word) if bytes(word).is_some() => Follows::Bytes,
            Kind::Quoted(text) if !is_address(text) && bytes(text).is_some() => Follows::Bytes,
            _ => Follows::Other,
        }
    }
}

//! What must hold of the fields of a term: comparisons, ranges, lists.

use std::ops::Range;

use super::ParseFilterError;
use super::address::{read_addresses, with_mask};
use super::fields::Term;
use super::forms::read_flags;
use super::lexer::{Comparison, Kind};
use super::parser::{Parser, Result};
use super::time::are_one;
use super::values::Values;
use crate::flow::Family;
use crate::meaning::Attribute;
use crate::row::{AddressField, AddressRange, AddressSet, NumberField, NumberSet, Predicate};

/// What must hold of a number.
pub(super) enum NumberTest {
    In(NumberSet),
    NotIn(NumberSet),
    Has(u64),
}

impl Parser<'_, '_, '_> {
    /// Reads the test of `term`, which begins at `start`.
    pub(super) fn tested(&mut self, term: Term, net: bool, start: usize) -> Result<Predicate> {
        let fields_end = self.end_before();
        let value_start = self.peek().span.start;
        let term = match term {
            Term::Shown(id, kind) if self.number_is_meant(kind)? => {
                Term::number(NumberField::Element(id))
            }
            term => term,
        };
        let predicate = match term {
            Term::Shown(id, kind) => self.shown_test(id, kind)?,
            Term::Named(named) => self.named_test(named)?,
            Term::Community => self.community_test()?,
            Term::Meant(attribute, fields) => self.meant_test(attribute, &fields)?,
            Term::Whole(predicate) => {
                self.before = None;
                return Ok(predicate);
            }
            Term::Number(fields, values) => {
                let asns =
                    if fields.are_asns() { self.sources.asns(&(start..fields_end))? } else { None };
                let test = self.number_test(values)?;
                let number = |set: &NumberSet| {
                    let set = values.stored(set);
                    fields.testing(|field| match (field, &asns) {
                        (NumberField::Column(column), Some(asns)) => asns.flows_of(&set, column),
                        _ => Predicate::Number(field, set.clone()),
                    })
                };
                match test {
                    NumberTest::In(set) => number(&set),
                    NumberTest::NotIn(set) => Predicate::not(number(&set)),
                    NumberTest::Has(bits) => {
                        fields.testing(|field| Predicate::Bits(field, values.stored_bits(bits)))
                    }
                }
            }
            Term::Address(fields) if self.host_follows()? => {
                self.meant_test(Attribute::Host, &fields)?
            }
            Term::Address(fields) => {
                let (set, negated) = self.address_test(net)?;
                // An element of the other family would be asked for in vain.
                let fields = fields.keeping(|field| may_hold(field, &set));
                let test = fields.testing(|field| Predicate::Address(field, set.clone()));
                if negated { Predicate::not(test) } else { test }
            }
        };
        // `port = 80 or 443` is to be `port in [80 443]`.
        let value_start = match self.text.get(value_start..self.end_before()) {
            Some(text) => value_start + text.len() - text.trim_start_matches(['=', ' ']).len(),
            None => value_start,
        };
        self.before = Some((start..fields_end, value_start..self.end_before()));
        Ok(predicate)
    }

    pub(super) fn number_test(&mut self, values: Values) -> Result<NumberTest> {
        let negated = self.list_follows() && self.take(&Kind::Not);
        if self.take_word("in") {
            let set = self.numbers(values)?;
            return Ok(if negated { NumberTest::NotIn(set) } else { NumberTest::In(set) });
        }
        if self.take_word("has") {
            let (_, (bits, _)) = self.value(values)?;
            return Ok(NumberTest::Has(bits));
        }
        let Kind::Compare(comparison) = self.peek().kind else {
            let (span, (first, last)) = self.value(values)?;
            // Letters alone are flags that are set, whatever else is.
            if values == Values::Flags
                && let Some(bits) = self.text.get(span).and_then(read_flags)
            {
                return Ok(NumberTest::Has(bits));
            }
            return Ok(NumberTest::In(NumberSet::between(first, last)));
        };
        self.next();
        let (span, (first, last)) = self.value(values)?;
        if first != last
            && !values.is_time()
            && !matches!(comparison, Comparison::Equal | Comparison::Unequal)
        {
            return Err(ParseFilterError::at(span, "nothing is more or less than several values")
                .expecting("one value, or = and != before several"));
        }
        let between = |first: Option<u64>, last: Option<u64>| match (first, last) {
            (Some(first), Some(last)) => NumberSet::between(first, last),
            _ => NumberSet::default(),
        };
        Ok(match comparison {
            Comparison::Equal => NumberTest::In(NumberSet::between(first, last)),
            Comparison::Unequal => NumberTest::NotIn(NumberSet::between(first, last)),
            Comparison::Greater => NumberTest::In(between(last.checked_add(1), Some(u64::MAX))),
            Comparison::GreaterOrEqual => NumberTest::In(NumberSet::between(first, u64::MAX)),
            Comparison::Less => NumberTest::In(between(Some(0), first.checked_sub(1))),
            Comparison::LessOrEqual => NumberTest::In(NumberSet::between(0, last)),
        })
    }

    /// One value or range, and where it stands.
    fn value(&mut self, values: Values) -> Result<(Range<usize>, (u64, u64))> {
        let token = self.peek().clone();
        let mut text = match &token.kind {
            Kind::Word(word) => (*word).to_owned(),
            Kind::Quoted(text) => text.clone(),
            _ => {
                let problem = format!("{} stands in place of a value", self.here());
                return Err(self.wrong_here(problem).expecting(values.expected()));
            }
        };
        self.next();
        let mut span = token.span;
        // A date and a clock that a blank separates.
        if values.is_time()
            && let Kind::Word(clock) = self.peek().kind
            && are_one(&text, clock)
        {
            text = format!("{text}T{clock}");
            span.end = self.next().span.end;
        }
        match values.read(&text, self.sources.context) {
            Ok(range) => Ok((span, range)),
            Err(wrong) => Err(Self::wrong(&span, wrong)),
        }
    }

    /// The numbers in brackets, or in a file.
    fn numbers(&mut self, values: Values) -> Result<NumberSet> {
        let mut ranges = Vec::new();
        self.list(|parser| {
            if let Kind::At(name) = parser.peek().kind.clone() {
                let span = parser.next().span;
                let numbers = parser.sources.numbers(&name, &span, &values)?;
                ranges.extend_from_slice(numbers.ranges());
            } else {
                ranges.push(parser.value(values)?.1);
            }
            Ok(())
        })?;
        Ok(NumberSet::new(ranges))
    }

    /// Reads each of the things in brackets, with blanks or commas between them, or one `@FILE`.
    pub(super) fn list(&mut self, mut each: impl FnMut(&mut Self) -> Result<()>) -> Result<()> {
        if matches!(self.peek().kind, Kind::At(_)) {
            return each(self);
        }
        let open = self.peek().span.clone();
        if !self.take(&Kind::OpenList) {
            let problem = format!("{} stands in place of a list", self.here());
            return Err(self
                .wrong_here(problem)
                .expecting("[ and values, as in [80 443], or @FILE"));
        }
        loop {
            while self.take(&Kind::Comma) {}
            match self.peek().kind {
                Kind::CloseList => {
                    self.next();
                    return Ok(());
                }
                Kind::End => {
                    return Err(ParseFilterError::at(open, "a [ is never closed")
                        .expecting("a ] behind the list"));
                }
                _ => each(self)?,
            }
        }
    }

    /// Addresses, and whether it is those that must not be met.
    fn address_test(&mut self, net: bool) -> Result<(AddressSet, bool)> {
        let mut negated = self.list_follows() && self.take(&Kind::Not);
        if self.take_word("in") {
            if let Kind::At(name) = self.peek().kind.clone() {
                let span = self.next().span;
                return Ok((self.sources.addresses(&name, &span)?, negated));
            }
            let mut sets = Vec::new();
            let mut ranges = Vec::new();
            self.list(|parser| {
                if let Kind::At(name) = parser.peek().kind.clone() {
                    let span = parser.next().span;
                    sets.push(parser.sources.addresses(&name, &span)?);
                } else {
                    ranges.push(parser.addresses(net)?);
                }
                Ok(())
            })?;
            let written = AddressSet::new(ranges);
            return Ok((AddressSet::union_of(sets.iter().chain([&written])), negated));
        }
        if let Kind::Compare(comparison) = self.peek().kind {
            match comparison {
                Comparison::Equal => {}
                Comparison::Unequal => negated = true,
                _ => {
                    return Err(self
                        .wrong_here("addresses are neither more nor less")
                        .expecting("=, != or an address")
                        .hinting("write ip 10.0.0.0-10.0.0.9 for a range"));
                }
            }
            self.next();
        }
        Ok((self.addresses(net)?.into(), negated))
    }

    /// One address, block or range; of a `net`, also one with a mask behind it.
    fn addresses(&mut self, net: bool) -> Result<AddressRange> {
        let token = self.peek().clone();
        let text = match &token.kind {
            Kind::Word(word) => (*word).to_owned(),
            Kind::Quoted(text) => text.clone(),
            _ => {
                let problem = format!("{} stands in place of an address", self.here());
                return Err(self
                    .wrong_here(problem)
                    .expecting("one such as 10.0.0.1, 10.0.0.0/8 or 2001:db8::/32, or in [..]"));
            }
        };
        self.next();
        // `net 10.0.0.0 / 8` and `net 10.0.0.0 255.0.0.0`.
        if self.take_word("/") {
            let bits = self.next();
            let span = token.span.start..bits.span.end;
            let bits = self.text.get(bits.span).unwrap_or_default();
            return read_addresses(&format!("{text}/{bits}"), net)
                .map_err(|wrong| Self::wrong(&span, wrong));
        }
        if net
            && !text.contains(['/', '-'])
            && let Kind::Word(mask) = self.peek().kind
            && let Ok(mask) = mask.parse()
        {
            let span = token.span.start..self.next().span.end;
            return with_mask(&text, mask).map_err(|wrong| Self::wrong(&span, wrong));
        }
        read_addresses(&text, net).map_err(|wrong| Self::wrong(&token.span, wrong))
    }
}

/// Whether `field` can hold any of `set`: an element of IPv4 holds none of IPv6, but one of IPv6
/// may hold one of IPv4 in the form of IPv6.
fn may_hold(field: AddressField, set: &AddressSet) -> bool {
    match field {
        AddressField::Element(id) if id.enterprise == 0 => match id.number {
            18 | 225 | 226 => !set.lacks(Family::V4),
            _ => true,
        },
        _ => true,
    }
}

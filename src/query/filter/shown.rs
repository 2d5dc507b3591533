//! Values of elements as they are shown: texts, bytes in hexadecimal, numbers with a sign or with
//! a fraction.

use super::ParseFilterError;
use super::lexer::{Comparison, Kind as Token};
use super::number::read_number;
use super::parser::{Parser, Result};
use super::values::Values;
use crate::flow::{ElementId, Kind};
use crate::row::{NumberField, NumberSet, Predicate, Shown};

impl Parser<'_, '_, '_> {
    /// Whether what stands here asks for the number that bytes make.
    ///
    /// # Errors
    ///
    /// If it asks so for what is no such number.
    pub(super) fn number_is_meant(&mut self, kind: Kind) -> Result<bool> {
        let compares = match self.peek().kind {
            Token::Compare(Comparison::Equal | Comparison::Unequal) => false,
            Token::Compare(_) => true,
            _ => self.peek_word(0).is_some_and(|word| word == "has"),
        };
        if compares && kind != Kind::Octets {
            let problem = "the values of this element are neither more nor less";
            return Err(self.wrong_here(problem).expecting("=, != or a value"));
        }
        Ok(compares)
    }

    /// What must hold of the element `id`: one value, or any of a list.
    pub(super) fn shown_test(&mut self, id: ElementId, kind: Kind) -> Result<Predicate> {
        // No number of the element is asked for.
        let none = Predicate::Number(NumberField::Element(id), NumberSet::default());
        self.one_or_list(none, |parser| parser.shown_value(id, kind))
    }

    /// What `each` reads, behind `=`, `!=` or nothing, or any of a list; of an empty one `none`.
    pub(super) fn one_or_list(
        &mut self,
        none: Predicate,
        mut each: impl FnMut(&mut Self) -> Result<Predicate>,
    ) -> Result<Predicate> {
        let mut negated = self.list_follows() && self.take(&Token::Not);
        let mut found = Vec::new();
        if self.take_word("in") {
            self.list(|parser| {
                found.push(each(parser)?);
                Ok(())
            })?;
        } else {
            if let Token::Compare(comparison) = self.peek().kind {
                negated = comparison == Comparison::Unequal;
                self.next();
            }
            found.push(each(self)?);
        }
        let found = if found.is_empty() { none } else { Predicate::or(found) };
        Ok(if negated { Predicate::not(found) } else { found })
    }

    /// One value of the element `id`.
    fn shown_value(&mut self, id: ElementId, kind: Kind) -> Result<Predicate> {
        let token = self.next();
        let number = |set| Predicate::Number(NumberField::Element(id), set);
        let (text, is_quoted) = match token.kind {
            Token::Word(word) => (word.to_owned(), false),
            Token::Quoted(text) => (text, true),
            Token::At(name) if kind == Kind::Octets => {
                let values = Values::UpTo(u64::MAX);
                return Ok(number(self.sources.numbers(&name, &token.span, &values)?));
            }
            _ => {
                let problem = "no value stands here";
                return Err(ParseFilterError::at(token.span, problem).expecting(expected(kind)));
            }
        };
        let shown = match kind {
            Kind::Text => Some(Shown::Text(text.clone())),
            Kind::Signed => text.parse().ok().map(Shown::Signed),
            Kind::Float => text.parse().ok().map(|number: f64| Shown::Float(number.to_bits())),
            _ => match bytes(&text) {
                Some(bytes) => Some(Shown::Bytes(bytes)),
                None => is_quoted.then(|| Shown::Text(text.clone())),
            },
        };
        match shown {
            // A text of digits may be meant, or the number.
            Some(shown) if kind == Kind::Octets && is_quoted && read_number(&text).is_some() => {
                let read = Values::UpTo(u64::MAX).read(&text, self.sources.context);
                let numbers = read.map(|(first, last)| NumberSet::between(first, last));
                let number = numbers.ok().map(number).filter(|_| !matches!(shown, Shown::Bytes(_)));
                let text = Predicate::Shown(id, shown);
                Ok(Predicate::or(number.into_iter().chain([text])))
            }
            Some(shown) => Ok(Predicate::Shown(id, shown)),
            None if kind == Kind::Octets => {
                let read = Values::UpTo(u64::MAX).read(&text, self.sources.context);
                let (first, last) = read.map_err(|wrong| Self::wrong(&token.span, wrong))?;
                Ok(number(NumberSet::between(first, last)))
            }
            None => {
                let problem = format!("{text:?} is no value of this element");
                Err(ParseFilterError::at(token.span, problem).expecting(expected(kind)))
            }
        }
    }
}

/// What is expected where a value should stand.
const fn expected(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "a text, such as \"eth0\"",
        Kind::Signed => "a number, such as -5",
        Kind::Float => "a number, such as 0.5",
        _ => "bytes in hexadecimal, such as 000141, or a number, such as 0x141",
    }
}

/// Bytes of two digits each.
pub(super) fn bytes(text: &str) -> Option<Vec<u8>> {
    let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_hex || text.len() % 2 == 1 {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

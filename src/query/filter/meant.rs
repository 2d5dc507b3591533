//! What addresses mean: asked for by the addresses that are called so.

use std::ops::Range;

use super::ParseFilterError;
use super::address::read_addresses;
use super::fields::Fields;
use super::lexer::{Comparison, Kind as Token};
use super::parser::{Parser, Result};
use super::words::nearest;
use crate::meaning::Attribute;
use crate::row::{AddressField, Predicate};

impl Parser<'_, '_, '_> {
    /// What must hold of what the addresses of `fields` are called by `attribute`, whose word was the
    /// last one: one name, or any of a list.
    pub(super) fn meant_test(
        &mut self,
        attribute: Attribute,
        fields: &Fields<AddressField>,
    ) -> Result<Predicate> {
        let span = self.last_span();
        let table = self.sources.table(attribute, &span)?;
        let (mut texts, mut spans) = (Vec::new(), Vec::new());
        let mut negated = false;
        // India is IN.
        if self.list_follows() {
            negated = self.take(&Token::Not);
            self.next();
            self.list(|parser| {
                let (text, span) = parser.meant(attribute)?;
                texts.push(text);
                spans.push(span);
                Ok(())
            })?;
        } else {
            if let Token::Compare(comparison) = self.peek().kind {
                negated = comparison == Comparison::Unequal;
                self.next();
            }
            let (text, span) = self.meant(attribute)?;
            texts.push(text);
            spans.push(span);
        }
        if let Some((text, span)) = texts.iter().zip(spans).find(|(text, _)| !table.has(text)) {
            let problem = format!("no address is of the {} {text:?}", attribute.word());
            let error = ParseFilterError::at(span, problem);
            return Err(match nearest(text, table.texts().iter().map(|known| &**known)) {
                Some(meant) => error.hinting(format!("did you mean {meant:?}?")),
                None => error,
            });
        }
        let test = fields.testing(|field| table.flows_of(&texts, field));
        Ok(if negated { Predicate::not(test) } else { test })
    }

    /// Whether the name of a host stands in place of an address: in quotes, where a table has names.
    pub(super) fn host_follows(&mut self) -> Result<bool> {
        let token = self.peek();
        let Token::Quoted(text) = &token.kind else { return Ok(false) };
        if read_addresses(text, false).is_ok() {
            return Ok(false);
        }
        let span = token.span.clone();
        self.sources.names_hosts(&span)
    }

    /// A name, and where it stands.
    fn meant(&mut self, attribute: Attribute) -> Result<(String, Range<usize>)> {
        let token = self.next();
        let text = match token.kind {
            Token::Word(word) => word.to_owned(),
            Token::Quoted(text) => text,
            _ => {
                let problem = format!("no {} stands here", attribute.word());
                return Err(ParseFilterError::at(token.span, problem)
                    .expecting("a name, such as CH or \"head office\""));
            }
        };
        Ok((text, token.span))
    }
}

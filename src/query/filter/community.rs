//! Community IDs, as JSON shows them.

use std::collections::BTreeSet;

use super::ParseFilterError;
use super::lexer::Kind as Token;
use super::parser::{Parser, Result};
use crate::flow::CommunityId;
use crate::row::Predicate;

impl Parser<'_, '_, '_> {
    /// What must hold of the Community ID: one, or any of a list.
    pub(super) fn community_test(&mut self) -> Result<Predicate> {
        self.one_or_list(Predicate::NONE, |parser| {
            let token = parser.next();
            let text = match &token.kind {
                Token::Word(word) => *word,
                Token::Quoted(text) => text,
                _ => {
                    return Err(ParseFilterError::at(token.span, "no Community ID stands here")
                        .expecting("one, such as \"1:LQU9qZlK+B5F3KDmev6m5PMibrg=\""));
                }
            };
            let id = text.parse::<CommunityId>().map_err(|expected| {
                let problem = format!("{text:?} is no Community ID");
                ParseFilterError::at(token.span.clone(), problem)
                    .expecting(expected)
                    .hinting("in quotes, as it has signs that are read otherwise")
            })?;
            Ok(Predicate::Community(BTreeSet::from([id])))
        })
    }
}

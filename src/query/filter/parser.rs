//! Terms joined by `and`, `or`, `not` and parentheses: a parser that climbs their precedence.

use std::ops::Range;
use std::sync::Arc;

use super::address::may_be_address;
use super::error::Wrong;
use super::lexer::{Kind, Token, tokens};
use super::sources::Sources;
use super::{Included, MAX_TEXT_BYTES, ParseFilterError};
use crate::row::Predicate;

pub(super) type Result<T> = std::result::Result<T, ParseFilterError>;

/// Reads a text that is a filter as a whole.
pub(super) fn parse(text: &str, sources: &mut Sources<'_>) -> Result<Predicate> {
    if text.len() > MAX_TEXT_BYTES {
        let problem = format!("the filter is longer than {MAX_TEXT_BYTES} bytes");
        return Err(ParseFilterError::at(0..0, problem)
            .hinting("put long lists of addresses into a file, and write ip in @FILE"));
    }
    Parser { tokens: tokens(text)?, at: 0, text, sources, before: None }.whole()
}

/// Reads one text.
pub(super) struct Parser<'a, 's, 'c> {
    tokens: Vec<Token<'a>>,
    at: usize,
    pub(super) text: &'a str,
    pub(super) sources: &'s mut Sources<'c>,
    /// The words of the last term up to its value, and the value: for what is said of a value that
    /// stands alone behind it.
    pub(super) before: Option<(Range<usize>, Range<usize>)>,
}

impl<'a> Parser<'a, '_, '_> {
    /// The expression that the whole text is.
    fn whole(mut self) -> Result<Predicate> {
        if self.peek().kind == Kind::End {
            return Err(self
                .wrong_here("there is no filter")
                .expecting("one such as `ip 10.0.0.1 and port 443`, or `any` for every flow"));
        }
        let predicate = self.expression()?;
        match self.peek().kind {
            Kind::End => Ok(predicate),
            Kind::Close => Err(self.wrong_here("a ) without its (")),
            _ => Err(self.not_joined()),
        }
    }

    /// Terms with `or` between them, each of them terms with `and` between them.
    fn expression(&mut self) -> Result<Predicate> {
        let mut some = Vec::new();
        loop {
            let mut all = Vec::new();
            loop {
                all.push(self.negation()?);
                if !self.take(&Kind::And) {
                    break;
                }
            }
            some.push(Predicate::and(all));
            if !self.take(&Kind::Or) {
                return Ok(Predicate::or(some));
            }
        }
    }

    fn negation(&mut self) -> Result<Predicate> {
        let mut negated = false;
        while self.take(&Kind::Not) {
            negated = !negated;
        }
        let predicate = self.operand()?;
        Ok(if negated { Predicate::not(predicate) } else { predicate })
    }

    fn operand(&mut self) -> Result<Predicate> {
        if self.peek().kind != Kind::Open {
            return self.term();
        }
        let open = self.next().span;
        self.sources.enter(&open)?;
        let inner = self.expression()?;
        self.sources.leave();
        if !self.take(&Kind::Close) {
            if self.peek().kind == Kind::End {
                return Err(ParseFilterError::at(open, "a ( is never closed")
                    .expecting("a ) behind what belongs to it"));
            }
            return Err(self.not_joined());
        }
        Ok(inner)
    }

    /// The filter in the file `name`, which stands at `span`.
    pub(super) fn file(&mut self, name: &str, span: &Range<usize>) -> Result<Predicate> {
        let text = self.sources.include(name, span)?;
        let predicate = parse(&text, self.sources).map_err(|error| match error.file {
            None => {
                let error = error.located(&text);
                let file = Some(Arc::new(Included { name: name.to_owned(), text: text.clone() }));
                ParseFilterError { file, ..error }
            }
            Some(_) => error,
        })?;
        self.sources.included();
        Ok(predicate)
    }

    /// The next token, which stays.
    pub(super) fn peek(&self) -> &Token<'a> {
        self.peek_at(0)
    }

    /// The token `ahead` tokens behind the next one.
    pub(super) fn peek_at(&self, ahead: usize) -> &Token<'a> {
        // The last one is `End`, and is never taken.
        let last = self.tokens.len() - 1;
        &self.tokens[(self.at + ahead).min(last)]
    }

    pub(super) fn next(&mut self) -> Token<'a> {
        let token = self.peek().clone();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        token
    }

    /// Takes the next token if it is this one.
    pub(super) fn take(&mut self, kind: &Kind<'_>) -> bool {
        let found = self.peek().kind == *kind;
        if found {
            self.next();
        }
        found
    }

    /// The next token in small letters, if it is a word.
    pub(super) fn peek_word(&self, ahead: usize) -> Option<String> {
        match self.peek_at(ahead).kind {
            Kind::Word(word) => Some(word.to_ascii_lowercase()),
            _ => None,
        }
    }

    /// Takes the next token if it is this word.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let found = self.peek_word(0).is_some_and(|next| next == word);
        if found {
            self.next();
        }
        found
    }

    /// Where the token before the next one stands.
    pub(super) fn last_span(&self) -> Range<usize> {
        self.at.checked_sub(1).map_or(0..0, |before| self.tokens[before].span.clone())
    }

    /// Where the token before the next one ends.
    pub(super) fn end_before(&self) -> usize {
        self.last_span().end
    }

    /// What the next token is, in words.
    pub(super) fn here(&self) -> String {
        let token = self.peek();
        match token.kind {
            Kind::End => "the end of the filter".to_owned(),
            _ => format!("{:?}", &self.text[token.span.clone()]),
        }
    }

    /// An error at the next token.
    pub(super) fn wrong_here(&self, problem: impl Into<String>) -> ParseFilterError {
        ParseFilterError::at(self.peek().span.clone(), problem)
    }

    /// An error of a value that stands at `span`.
    pub(super) fn wrong(span: &Range<usize>, wrong: Wrong) -> ParseFilterError {
        let Wrong { problem, expected, hint } = wrong;
        let error = ParseFilterError::at(span.clone(), problem);
        ParseFilterError { expected, hint, ..error }
    }

    /// The error of two terms with nothing between them.
    fn not_joined(&self) -> ParseFilterError {
        let error = self.wrong_here(format!("{} follows a whole term", self.here()));
        let error = error.expecting("`and`, `or` or the end");
        if let Some(word) = self.peek_word(0)
            && let Some(meant @ ("and" | "or")) = super::words::suggested(&word)
        {
            return error.hinting(format!("did you mean {meant}?"));
        }
        match self.several() {
            Some(hint) => error.hinting(hint),
            None => error,
        }
    }

    /// How to write it, where the next token is another value for the term before it.
    pub(super) fn several(&self) -> Option<String> {
        let (field, value) = self.before.clone()?;
        let Kind::Word(next) = self.peek().kind else { return None };
        let (field, value) = (self.text.get(field)?, self.text.get(value)?);
        (may_be_address(next) && !value.contains(['[', '\n']) && !field.contains('\n'))
            .then(|| format!("write {field} in [{value} {next}]"))
    }
}

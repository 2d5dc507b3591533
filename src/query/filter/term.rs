//! One term: which fields, and what must hold of them.

use super::ParseFilterError;
use super::address::{may_be_address, read_addresses};
use super::aliases::{instead_of, shown_as};
use super::fields::{End, Meaning, Qualifiers, Way, Which, meaning};
use super::lexer::{Comparison, Kind};
use super::parser::{Parser, Result};
use super::refused::refused;
use super::words;
use crate::flow::EventKind;
use crate::meaning::Attribute;
use crate::row::Predicate;

const A_TERM: &str = "a term such as `ip 10.0.0.1`, `port 443` or `proto tcp`";

impl Parser<'_, '_, '_> {
    /// Reads a term.
    pub(super) fn term(&mut self) -> Result<Predicate> {
        let start = self.peek().span.start;
        if let Kind::At(name) = self.peek().kind.clone() {
            return self.include(&name);
        }
        let qualifiers = self.qualifiers()?;
        let value_follows = match &self.peek().kind {
            _ if self.list_follows() => true,
            Kind::Word(word) => may_be_address(word),
            Kind::Quoted(_) | Kind::Compare(Comparison::Equal | Comparison::Unequal) => true,
            _ => false,
        };
        if let (Some(_), None, None) | (None, None, Some(Which::Router)) =
            (qualifiers.end, qualifiers.way, qualifiers.which)
            && value_follows
        {
            // `src 10.0.0.1`: the address is what one mostly asks for.
            let ip = Qualifiers { span: 0..0, ..qualifiers };
            if let Some(Meaning::Term(term)) = meaning("ip", &ip) {
                return self.tested(term, false, start);
            }
        }
        let Kind::Word(word) = self.peek().kind else {
            return Err(self.no_term());
        };
        let keyword = word.to_ascii_lowercase();
        // Only the number of an autonomous system has no word of its own behind it.
        let keyword = match self.peek_word(1) {
            Some(name) if name == "name" && matches!(&*keyword, "as" | "asn") => {
                self.next();
                Attribute::AsName.word().to_owned()
            }
            _ => keyword,
        };
        let bare = qualifiers == Qualifiers::default();
        let of_nat = Qualifiers {
            which: Some(Which::Nat),
            span: qualifiers.span.clone(),
            ..Qualifiers::default()
        };
        if keyword == "event" && qualifiers == of_nat {
            self.next();
            let term = self.event_of(EventKind::Nat);
            return self.tested(term, false, start);
        }
        let (keyword, qualifiers) = match shown_as(&keyword).filter(|_| bare) {
            Some((keyword, qualifiers)) => (keyword.to_owned(), qualifiers),
            None => (keyword, qualifiers),
        };
        if let Some(write) = instead_of(&keyword) {
            let problem =
                format!("{} is nfdump's name for what is asked for otherwise", self.here());
            return Err(self.wrong_here(problem).hinting(format!("write {write}")));
        }
        if let Some((problem, hint)) = refused(&keyword) {
            return Err(self.wrong_here(problem).hinting(hint));
        }
        match meaning(&keyword, &qualifiers) {
            Some(Meaning::Term(term)) => {
                self.next();
                return self.tested(term, keyword == "net", start);
            }
            Some(Meaning::Misplaced(expected)) => {
                let problem = format!("{keyword} does not go with {:?}", self.shown(&qualifiers));
                return Err(ParseFilterError::at(qualifiers.span, problem).expecting(expected));
            }
            None => {}
        }
        if !bare {
            let problem =
                format!("{} cannot stand behind {:?}", self.here(), self.shown(&qualifiers));
            let error = self.wrong_here(problem).expecting("ip, net, port or another field");
            return Err(Self::suggesting(error, &keyword));
        }
        if let Some(term) = self.whole_or_of_several_words(&keyword)? {
            return self.tested(term, false, start);
        }
        Err(self.no_term())
    }

    fn shown(&self, qualifiers: &Qualifiers) -> &str {
        self.text.get(qualifiers.span.clone()).unwrap_or_default()
    }

    /// Where something else than a term stands.
    fn no_term(&self) -> ParseFilterError {
        let (kind, here) = (&self.peek().kind, self.here());
        let Kind::Word(word) = *kind else {
            return self.wrong_here(format!("{here} begins no term")).expecting(A_TERM);
        };
        if may_be_address(word) {
            let error = self.wrong_here(format!("{here} does not say of what it is"));
            let error = error.expecting(A_TERM);
            return match self.several() {
                Some(hint) => error.hinting(hint),
                None if read_addresses(word, false).is_ok() => {
                    error.hinting(format!("write ip {word}"))
                }
                None => error,
            };
        }
        let word = word.to_ascii_lowercase();
        let error = self.wrong_here(format!("unknown word {here}")).expecting(A_TERM);
        Self::suggesting(error, &word)
    }

    fn suggesting(error: ParseFilterError, word: &str) -> ParseFilterError {
        match words::suggested(word) {
            Some(meant) => error.hinting(format!("did you mean {meant}?")),
            None => error,
        }
    }

    /// `@FILE` and `@include FILE`: the filter that the file holds.
    fn include(&mut self, name: &str) -> Result<Predicate> {
        self.before = None;
        let span = self.next().span;
        if !name.eq_ignore_ascii_case("include") {
            return self.file(name, &span);
        }
        let token = self.next();
        match token.kind {
            Kind::Word(name) => self.file(name, &token.span),
            Kind::Quoted(name) | Kind::At(name) => self.file(&name, &token.span),
            _ => Err(ParseFilterError::at(span, "@include without a file")
                .expecting("the name of a file behind it")),
        }
    }

    /// The words before a keyword: `src or dst`, `in`, `bgp next` and so on.
    fn qualifiers(&mut self) -> Result<Qualifiers> {
        let mut found = Qualifiers::default();
        let start = self.peek().span.start;
        while let Some(word) = self.peek_word(0) {
            let repeated = match word.as_str() {
                "src" | "source" | "dst" | "destination" => {
                    let end = self.end(&word)?;
                    found.end.replace(end).is_some()
                }
                "in" if self.list_follows() => break,
                "in" | "ingress" => found.way.replace(Way::In).is_some(),
                "out" | "egress" => found.way.replace(Way::Out).is_some(),
                "bgp" => {
                    self.next();
                    if self.peek_word(0).as_deref() != Some("next") {
                        return Err(self
                            .wrong_here(format!("{} stands behind bgp", self.here()))
                            .expecting("next ip"));
                    }
                    found.which.replace(Which::BgpNext).is_some()
                }
                _ => match which(&word) {
                    Some(which) => found.which.replace(which).is_some(),
                    None => break,
                },
            };
            if repeated {
                return Err(self
                    .wrong_here(format!("{} says twice which one", self.here()))
                    .expecting("ip, net, port or another field"));
            }
            self.next();
            found.span = start..self.end_before();
        }
        Ok(found)
    }

    /// `src`, `dst`, `src or dst`, `src and dst`, up to the last of its words, which stays.
    fn end(&mut self, word: &str) -> Result<End> {
        let is_src = |word: &str| matches!(word, "src" | "source");
        let is_dst = |word: &str| matches!(word, "dst" | "destination");
        let (end, both) = match self.peek_at(1).kind {
            Kind::Or => (End::Either, true),
            Kind::And => (End::Both, true),
            _ if is_src(word) => (End::Src, false),
            _ => (End::Dst, false),
        };
        if both {
            self.next();
            self.next();
            let other = self.peek_word(0).unwrap_or_default();
            if !(is_src(word) && is_dst(&other) || is_dst(word) && is_src(&other)) {
                let expected = if is_src(word) { "dst" } else { "src" };
                return Err(self
                    .wrong_here(format!("{} stands in place of the other end", self.here()))
                    .expecting(expected)
                    .hinting(format!(
                        "write `src or dst port 443`, or what must hold of {word}, as in `{word} \
                         port 443`"
                    )));
            }
        }
        Ok(end)
    }

    /// Whether `in [`, `in @` or `not in` follows.
    pub(super) fn list_follows(&self) -> bool {
        let ahead = usize::from(self.peek().kind == Kind::Not);
        let lists = |kind: &Kind<'_>| matches!(kind, Kind::OpenList | Kind::At(_));
        self.peek_word(ahead).is_some_and(|word| word == "in")
            && (ahead == 1 || lists(&self.peek_at(1).kind))
    }
}

fn which(word: &str) -> Option<Which> {
    Some(match word {
        "nat" | "xlate" => Which::Nat,
        "next" => Which::Next,
        "prev" | "previous" => Which::Previous,
        "router" | "exporter" => Which::Router,
        "min" => Which::Min,
        "max" => Which::Max,
        _ => return None,
    })
}

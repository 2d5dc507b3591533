//! How a filter that is being typed may go on.
//!
//! Nothing is known here of where which word may stand: every word of the language is tried, and
//! those are offered behind which the parser has no complaint but that there must be more.

use std::sync::Arc;

use super::{Context, Files, MAX_TEXT_BYTES, NoFiles, ParseFilterError, parse, words};
use crate::flow::Names;
use crate::meaning::{Attribute, Meaning, MeaningError};

/// How a text may go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// From which byte of the text on the words are offered for it.
    pub from: usize,
    /// What may stand there, the likely ones first.
    pub words: Vec<Word>,
    /// What must stand there where no words can be listed, such as a number or an address.
    pub expected: Option<String>,
    /// What is wrong before that place, where nothing can be offered.
    pub error: Option<ParseFilterError>,
}

/// A word that may stand in a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// As it is written.
    pub text: String,
    /// What it is.
    pub kind: WordKind,
}

/// What a word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WordKind {
    /// A field, or a word that says more of one.
    Field,
    /// A comparison.
    Operator,
    /// What joins terms.
    Join,
    /// A value, as of a protocol or a name of the store.
    Value,
}

impl WordKind {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Field => "field",
            Self::Operator => "operator",
            Self::Join => "join",
            Self::Value => "value",
        }
    }
}

const JOINS: [&str; 5] = ["and", "or", "not", "(", ")"];
const OPERATORS: [&str; 8] = ["=", "!=", ">", "<", ">=", "<=", "in [", "in @"];
/// So many words are offered, and so many names of the store are tried.
const MAX_WORDS: usize = 200;
const MAX_NAMES: usize = 2_000;

/// How `text` may go on behind its end; its last word may be a part of one.
pub fn complete(text: &str, context: &Context<'_>) -> Completion {
    let is_inside = |c: char| !c.is_whitespace() && !"()[]=<>!,\"'".contains(c);
    // A name may have blanks, from its quotation mark on.
    let quoted = (text.matches('"').count() % 2 == 1).then(|| text.rfind('"')).flatten();
    let from = text.char_indices().rev().take_while(|&(_, c)| is_inside(c)).last();
    let from = quoted.unwrap_or_else(|| from.map_or(text.len(), |(at, _)| at));
    let (before, part) = (&text[..from], text[from..].to_ascii_lowercase());
    let part = part.trim_start_matches('"');
    let mut completion = Completion { from, words: Vec::new(), expected: None, error: None };
    if text.len() >= MAX_TEXT_BYTES {
        return completion;
    }
    // Names are looked up once, and files not at all.
    let names = context.files.names().unwrap_or_default();
    let files = Known { names: &names, meaning: context.files.meaning().unwrap_or_default() };
    let context = Context { zone: context.zone.clone(), now: context.now, files: &files };
    let goes_on = |word: &str| {
        let more = format!("{before}{word}");
        match parse(&more, &context) {
            Ok(_) => true,
            Err(error) => error.file.is_none() && error.span.start >= more.trim_end().len(),
        }
    };
    let mut values = values(&names);
    values.extend(meant(before, &files.meaning, quoted.is_some()));
    let fixed = [
        (WordKind::Operator, &OPERATORS[..]),
        (WordKind::Join, &JOINS),
        (WordKind::Field, &words::FIELDS),
    ];
    let fixed =
        fixed.into_iter().flat_map(|(kind, words)| words.iter().map(move |&word| (kind, word)));
    let values = values.iter().map(|value| (WordKind::Value, &**value));
    let values = values.filter(|(_, value)| quoted.is_none() || value.starts_with('"'));
    for (kind, word) in fixed.filter(|_| quoted.is_none()).chain(values) {
        if completion.words.len() >= MAX_WORDS {
            break;
        }
        let is_part = word.to_ascii_lowercase().trim_matches('"').starts_with(part);
        if is_part && word.len() > part.len() && goes_on(word) {
            completion.words.push(Word { text: word.to_owned(), kind });
        }
    }
    match parse(before, &context) {
        Err(error) if error.span.start < before.trim_end().len() => completion.error = Some(error),
        Err(error) => completion.expected = error.expected,
        Ok(_) => {}
    }
    completion
}

/// Values that can be told: protocols, flags, and what exporters call their things.
fn values(names: &Names) -> Vec<String> {
    let all = names.interfaces.values().chain(names.vrfs.values());
    let all = all.chain(names.applications.values()).take(MAX_NAMES);
    let mut quoted: Vec<String> =
        all.filter(|name| !name.contains('"')).map(|name| format!("\"{name}\"")).collect();
    quoted.sort_unstable();
    quoted.dedup();
    let words = words::PROTOCOLS.iter().chain(&["S", "SA", "A", "F", "R", "P", "U"]);
    words.map(|&word| word.to_owned()).chain(quoted).collect()
}

/// What addresses are called, by what the text asks for; all of it in quotes where that is wanted.
fn meant(text: &str, meaning: &Meaning, quoted: bool) -> Vec<String> {
    let text = text.to_ascii_lowercase();
    let asked = |attribute: &Attribute| match attribute {
        Attribute::AsName => text.contains("name"),
        Attribute::Host => text.contains("host"),
        _ => text.contains(attribute.word()),
    };
    let asked = Attribute::ALL.into_iter().filter(asked);
    let tables = asked.filter_map(|attribute| meaning.table(attribute).ok());
    let mut words = Vec::new();
    for table in tables {
        let shown = table.texts().iter().filter(|name| !name.contains('"')).take(MAX_NAMES);
        // In quotes the name of a host stands where an address may.
        let is_word = |name: &str| {
            !quoted
                && table.attribute != Attribute::Host
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        words.extend(
            shown.map(|name| if is_word(name) { name.to_string() } else { format!("\"{name}\"") }),
        );
    }
    words
}

/// What is known while words are tried.
struct Known<'a> {
    names: &'a Names,
    meaning: Arc<Meaning>,
}

impl Files for Known<'_> {
    fn read(&self, name: &str, most_bytes: u64) -> std::io::Result<Vec<u8>> {
        NoFiles.read(name, most_bytes)
    }

    fn names(&self) -> std::io::Result<Names> {
        Ok(self.names.clone())
    }

    fn meaning(&self) -> Result<Arc<Meaning>, MeaningError> {
        Ok(Arc::clone(&self.meaning))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::UnixMillis;
    use jiff::tz::TimeZone;

    fn completed(text: &str) -> Completion {
        let mut names = Names::default();
        names.interfaces.insert(("10.0.0.1".parse().unwrap(), 1), "eth0".to_owned());
        let files = Known { names: &names, meaning: Arc::default() };
        complete(text, &Context { zone: TimeZone::UTC, now: UnixMillis::EPOCH, files: &files })
    }

    fn words(text: &str) -> Vec<String> {
        completed(text).words.into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn what_may_follow_is_offered() {
        for (text, offered, not) in [
            ("", vec!["src", "ip", "not", "("], vec!["and", "="]),
            ("sr", vec!["src"], vec!["dst", "srcip"]),
            ("src ", vec!["ip", "port", "as"], vec!["src", "tcp"]),
            ("proto ", vec!["tcp", "udp"], vec!["and"]),
            ("proto t", vec!["tcp"], vec!["udp"]),
            ("bytes ", vec![">", "<="], vec!["and"]),
            ("tcp ", vec!["and", "or"], vec!["bytes"]),
            ("tcp and (udp", vec![], vec!["and"]),
            ("tcp and (udp ", vec!["or", ")"], vec!["bytes"]),
            ("inputName = ", vec!["\"eth0\""], vec![]),
            ("inputName = \"e", vec!["\"eth0\""], vec!["esp", "ether"]),
            ("inputName = \"eth0\" ", vec!["and"], vec!["\"eth0\""]),
        ] {
            let words = words(text);
            for word in offered {
                assert!(words.iter().any(|known| known == word), "{text:?}: {word} in {words:?}");
            }
            for word in not {
                assert!(
                    words.iter().all(|known| known != word),
                    "{text:?}: no {word} in {words:?}"
                );
            }
        }
    }

    #[test]
    fn what_cannot_be_listed_is_described_and_what_is_wrong_told() {
        assert!(completed("port ").expected.is_some());
        assert_eq!(completed("bytes > 10 and po").from, 15);
        let wrong = completed("prot 443 and ");
        assert_eq!((wrong.words, wrong.error.map(|error| error.column)), (Vec::new(), Some(1)));
    }
}

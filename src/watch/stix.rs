//! Bundles of STIX 2.1: indicators whose patterns tell addresses and nothing else.
//!
//! OASIS STIX 2.1, section 9 (patterns) and section 4.7 (indicators).

use serde::Deserialize;

use super::{Read, WatchError, address, note, shortened, unreadable};
use crate::flow::{TimeRange, UnixMillis};
use crate::store::watchlist::Indicator;

#[derive(Deserialize)]
struct Bundle {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    objects: Vec<Object>,
}

#[derive(Deserialize)]
struct Object {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    pattern: String,
    pattern_type: Option<String>,
    name: Option<String>,
    valid_from: Option<String>,
    valid_until: Option<String>,
    #[serde(default)]
    revoked: bool,
    /// From 0 to 100.
    confidence: Option<u8>,
}

pub(super) fn read(text: &str, read: &mut Read) -> Result<(), WatchError> {
    let bundle: Bundle = serde_json::from_str(text)
        .map_err(|error| unreadable(&format!("it is no bundle of STIX: {error}")))?;
    if bundle.kind != "bundle" {
        let kind = shortened(&bundle.kind);
        return Err(unreadable(&format!("it is no bundle of STIX, its type is {kind}")));
    }
    for object in bundle.objects {
        if object.kind != "indicator" {
            read.count_other(&object.kind);
            continue;
        }
        match indicators(&object) {
            Ok(indicators) => read.indicators.extend(indicators),
            Err(why) => read.count_other(why),
        }
    }
    Ok(())
}

/// What `object` has watched for, or why nothing.
fn indicators(object: &Object) -> Result<Vec<Indicator>, &'static str> {
    if object.revoked {
        return Err("revoked indicator");
    }
    if object.pattern_type.as_deref().is_some_and(|kind| kind != "stix") {
        return Err("indicator in another language");
    }
    let time = |text: &Option<String>, open| match text {
        None => Ok(open),
        Some(text) => text
            .parse()
            .map_err(|_| "indicator without a time that can be read")
            .and_then(|time: jiff::Timestamp| {
                let millis = u64::try_from(time.as_millisecond());
                millis.map(UnixMillis).map_err(|_| "indicator without a time that can be read")
            }),
    };
    let valid = TimeRange {
        since: time(&object.valid_from, UnixMillis::EPOCH)?,
        until: time(&object.valid_until, UnixMillis::MAX)?,
    };
    let note = object.name.as_deref().and_then(note);
    let values = values(&object.pattern).ok_or("indicator of other things than addresses")?;
    let indicator = |value: &String| {
        let indicator = address::indicator(value).filter(|one| one.port.is_none());
        let indicator = indicator.ok_or("indicator with a value that is no address")?;
        let confidence = object.confidence.map(|sure| sure.min(100));
        Ok(Indicator { valid, note: note.clone(), confidence, ..indicator })
    };
    values.iter().map(indicator).collect()
}

/// A part of a pattern.
#[derive(Debug, PartialEq, Eq)]
enum Token {
    Text(String),
    Word(String),
    Mark(char),
}

/// The values of a pattern of which any one is an observation: `[ipv4-addr:value = 'A' OR
/// ipv6-addr:value IN ('B', 'C')] OR [ipv4-addr:value ISSUBSET 'D']`. None where it asks for more, as
/// several at once, or for something else.
fn values(pattern: &str) -> Option<Vec<String>> {
    let tokens = tokens(pattern)?;
    let mut tokens = tokens.into_iter().filter(|token| !matches!(token, Token::Mark('[' | ']')));
    let mut values = Vec::new();
    loop {
        let Token::Word(path) = tokens.next()? else { return None };
        let Token::Word(how) = tokens.next()? else { return None };
        if !["ipv4-addr:value", "ipv6-addr:value"].contains(&path.as_str()) {
            return None;
        }
        match (how.as_str(), tokens.next()?) {
            ("=" | "ISSUBSET", Token::Text(value)) => values.push(value),
            ("IN", Token::Mark('(')) => loop {
                let Token::Text(value) = tokens.next()? else { return None };
                values.push(value);
                match tokens.next()? {
                    Token::Mark(',') => {}
                    Token::Mark(')') => break,
                    _ => return None,
                }
            },
            _ => return None,
        }
        match tokens.next() {
            None => return Some(values),
            Some(Token::Word(or)) if or == "OR" => {}
            Some(_) => return None,
        }
    }
}

/// The parts of a pattern; None where a text in it does not end.
fn tokens(pattern: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut chars = pattern.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\'' => {
                let mut text = String::new();
                loop {
                    match chars.next()? {
                        '\'' => break,
                        '\\' => text.push(chars.next()?),
                        other => text.push(other),
                    }
                }
                tokens.push(Token::Text(text));
            }
            '[' | ']' | '(' | ')' | ',' => tokens.push(Token::Mark(char)),
            '=' => tokens.push(Token::Word("=".to_owned())),
            char if char.is_whitespace() => {}
            char => {
                let mut word = char.to_string();
                let ends = |char: &char| char.is_whitespace() || "[](),='".contains(*char);
                while let Some(next) = chars.next_if(|char| !ends(char)) {
                    word.push(next);
                }
                tokens.push(Token::Word(word));
            }
        }
    }
    Some(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_that_asks_for_one_address_of_several_has_these() {
        for (pattern, expected) in [
            ("[ipv4-addr:value = '198.51.100.1']", Some(&["198.51.100.1"][..])),
            ("[ipv4-addr:value='198.51.100.1/32']", Some(&["198.51.100.1/32"])),
            (
                "[ipv4-addr:value = '198.51.100.1' OR ipv6-addr:value = '2001:db8::1'] OR \
                 [ipv4-addr:value ISSUBSET '203.0.113.0/24']",
                Some(&["198.51.100.1", "2001:db8::1", "203.0.113.0/24"]),
            ),
            ("[ipv4-addr:value IN ('10.0.0.1', '10.0.0.2')]", Some(&["10.0.0.1", "10.0.0.2"])),
            ("[ipv4-addr:value != '198.51.100.1']", None),
            ("[NOT ipv4-addr:value = '198.51.100.1']", None),
            ("[ipv4-addr:value = '198.51.100.1' AND ipv4-addr:value = '198.51.100.2']", None),
            ("[ipv4-addr:value = '198.51.100.1'] FOLLOWEDBY [ipv4-addr:value = '10.0.0.1']", None),
            ("[ipv4-addr:value = '198.51.100.1'] WITHIN 5 SECONDS", None),
            ("[domain-name:value = 'example.org']", None),
            ("[ipv4-addr:value = 'cut", None),
            ("", None),
        ] {
            let expected = expected.map(<[&str]>::to_vec);
            let found = values(pattern);
            let found = found.as_ref().map(|all| all.iter().map(String::as_str).collect());
            assert_eq!(found, expected, "{pattern}");
        }
    }
}

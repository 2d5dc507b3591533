//! Keys as people write them, in the words of this program and of nfdump.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::element::ElementKey;
use super::field::{End, KeyField, Prefix};
use super::layout;
use super::names::{DST, KNOWN, NAMES, SRC, TOLD};
use crate::flow::{Column, Kind, element_by_name, element_by_number, element_named};
use crate::meaning::{Attribute, Table};
use crate::row::{AddressField, NumberField};

/// A key that means nothing, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct ParseKeyError {
    /// What is wrong with it, and what to write instead.
    pub problem: String,
    /// The byte at which it begins.
    pub at: usize,
    /// Its length in bytes.
    pub len: usize,
}

/// Reads keys with commas between them: `srcip,dstport`, `src/24,proto`, `5-tuple`, `bin:5m,as`.
///
/// Names are this program's own or nfdump's; `:p` behind one also tells protocols apart.
///
/// # Errors
///
/// [`ParseKeyError`] for a name that is none, a length or a duration that is none, a field that is
/// there twice, or too many of them for
/// a key.
pub fn parse_keys(text: &str) -> Result<Vec<KeyField>, ParseKeyError> {
    parse_keys_with(text, &|attribute| {
        Err(format!("nothing says which {} addresses are of", attribute.word()))
    })
}

/// What addresses are called by an attribute, or why that is not known.
type Tables<'a> = dyn Fn(Attribute) -> Result<Arc<Table>, String> + 'a;

/// As [`parse_keys`], with keys of what addresses mean, such as `srccountry`.
///
/// # Errors
///
/// As [`parse_keys`], and what `tables` does not know.
pub fn parse_keys_with(text: &str, tables: &Tables<'_>) -> Result<Vec<KeyField>, ParseKeyError> {
    let mut fields: Vec<KeyField> = Vec::new();
    let mut at = 0;
    for key in text.split(',') {
        let wrong = |problem| ParseKeyError { problem, at, len: key.len() };
        for field in parse_key(key, tables).map_err(wrong)? {
            let same = |other: &KeyField| other.has_name_of(&field);
            if fields.iter().any(same) {
                return Err(wrong(format!("{key:?} says again what a key before it says")));
            }
            fields.push(field);
        }
        if layout::most_words(&fields) > layout::MAX_WORDS {
            return Err(wrong(format!("a key of {} fields is too long", fields.len())));
        }
        at += key.len() + 1;
    }
    Ok(fields)
}

/// The keys, by the names that this program tells, for those who choose among them.
pub fn key_words() -> impl Iterator<Item = String> {
    let plain = NAMES.iter().take(TOLD).map(|(name, _)| match *name {
        "5tuple" => "5-tuple".to_owned(),
        name => name.to_owned(),
    });
    let meant = |end| Attribute::ALL.map(|attribute| format!("{end}{}", attribute.word()));
    let shaped = ["src/24", "dst/24", "ip/24", "dstport:p", "bin:5m"].map(str::to_owned);
    plain.chain(["", "src", "dst"].into_iter().flat_map(meant)).chain(shaped)
}

impl KeyField {
    /// Whether flows differ in the numbers of `column` by what they are, and not by how much they are.
    const fn is_told_apart(column: Column) -> bool {
        matches!(
            column,
            Column::Protocol
                | Column::SrcPort
                | Column::DstPort
                | Column::TcpFlags
                | Column::Tos
                | Column::SrcAs
                | Column::DstAs
                | Column::Input
                | Column::Output
                | Column::SrcMask
                | Column::DstMask
        )
    }

    /// Whether both would be called the same in an answer.
    fn has_name_of(&self, other: &Self) -> bool {
        let net = |field: &Self| field.end().filter(|_| field.is_network());
        match (self, other) {
            (Self::Bin(_), Self::Bin(_)) => true,
            _ => self == other || net(self).is_some() && net(self) == net(other),
        }
    }
}

fn parse_key(key: &str, tables: &Tables<'_>) -> Result<Vec<KeyField>, String> {
    if let Some(name) = key.strip_prefix("element:").or_else(|| key.strip_prefix("element ")) {
        return parse_element(name.trim()).map(|field| vec![field]);
    }
    if let Some(name) = key.strip_suffix(":p") {
        return Ok([vec![KeyField::Number(Column::Protocol)], parse_key(name, tables)?].concat());
    }
    if let Some((name, span)) = key.split_once(':') {
        return match plain(name).as_str() {
            "bin" => Ok(vec![KeyField::Bin(parse_span(span)?)]),
            _ => Err(format!("only bin has a colon, as in bin:5m; {}", unknown(name))),
        };
    }
    if let Some((name, lengths)) = key.split_once('/') {
        return parse_net(key, name, lengths).map(|field| vec![field]);
    }
    let name = plain(key);
    if let Some((end, attribute)) = meant(&name) {
        return Ok(vec![KeyField::Meant(end, tables(attribute)?)]);
    }
    match NAMES.iter().find(|(known, _)| *known == name) {
        Some((_, fields)) => Ok(fields.to_vec()),
        None if name == "bin" => Err("bin needs a duration, as in bin:5m".to_owned()),
        None if element_named(key).is_some() => parse_element(key).map(|field| vec![field]),
        None => Err(unknown(key)),
    }
}

/// What a name asks of addresses: `country`, `srccountry`.
fn meant(name: &str) -> Option<(End, Attribute)> {
    let (end, word) = match (name.strip_prefix("src"), name.strip_prefix("dst")) {
        (Some(word), _) => (End::Src, word),
        (_, Some(word)) => (End::Dst, word),
        _ => (End::Any, name),
    };
    // nfdump's word for countries is geo.
    let word = if word == "geo" { Attribute::Country.word() } else { word };
    let attribute = Attribute::ALL.into_iter().find(|known| known.word() == word)?;
    Some((end, attribute))
}

/// Reads an element by its name or number, as filters do. What becomes a common field is that one.
fn parse_element(name: &str) -> Result<KeyField, String> {
    let id = element_by_number(name).or_else(|| element_by_name(name)).ok_or_else(|| {
        format!(
            "{name:?} is no element; write a name or a number of IANA's, such as vlanId or 58, or \
             ENTERPRISE/NUMBER"
        )
    })?;
    if id.enterprise == 0 && id.known().is_some() {
        match AddressField::of_element(id.number) {
            Some(AddressField::Src) => return Ok(SRC),
            Some(AddressField::Dst) => return Ok(DST),
            Some(AddressField::NextHop) => return Ok(KeyField::NextHop),
            Some(AddressField::Exporter) => return Ok(KeyField::Exporter),
            _ => {}
        }
        match NumberField::of_element(id.number) {
            Some(NumberField::Column(column)) if KeyField::is_told_apart(column) => {
                return Ok(KeyField::Number(column));
            }
            None => {}
            Some(_) => return Err(format!("{name} is counted or a time of flows, and no key")),
        }
    }
    match ElementKey::of(id) {
        ElementKey { kind: Kind::List, .. } => Err(format!("{name} is a list, and no key")),
        key => Ok(KeyField::Element(key)),
    }
}

/// Reads `src/24`, `src/24/48`, `srcip4/24` and `srcip6/48`: what no length is given for counts
/// whole.
fn parse_net(key: &str, name: &str, lengths: &str) -> Result<KeyField, String> {
    let plain = plain(name);
    let (base, only) = match plain.strip_suffix("ip4") {
        Some(base) => (base, Some(4)),
        None => match plain.strip_suffix("ip6") {
            Some(base) => (base, Some(6)),
            None => (plain.as_str(), None),
        },
    };
    let end = match base {
        "src" | "srcip" | "srcnet" | "srcaddr" => End::Src,
        "dst" | "dstip" | "dstnet" | "dstaddr" => End::Dst,
        "ip" | "net" | "addr" => End::Any,
        "" if only.is_some() => End::Any,
        _ if NAMES.iter().any(|(known, _)| *known == base) => {
            return Err(format!(
                "{key:?}: only addresses have a length, as in src/24; what to order by goes to --by"
            ));
        }
        _ => return Err(unknown(name)),
    };
    let length = |text: &str, most: u8| match text.parse::<u8>() {
        Ok(length) if length <= most && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            Ok(length)
        }
        _ => Err(format!(
            "{text:?} is no length of a network here; write 0 to {most}, and what to order by to --by"
        )),
    };
    let whole = Prefix::WHOLE;
    let prefix = match (lengths.split_once('/'), only) {
        (Some((v4, v6)), None) => Prefix { v4: length(v4, 32)?, v6: length(v6, 128)? },
        (None, Some(6)) => Prefix { v6: length(lengths, 128)?, ..whole },
        (_, Some(_)) => Prefix { v4: length(lengths, 32)?, ..whole },
        (None, None) => match length(lengths, 128)? {
            v4 @ 0..=32 => Prefix { v4, ..whole },
            v6 => Prefix { v6, ..whole },
        },
    };
    Ok(KeyField::Address(end, prefix))
}

/// Reads `30s`, `5m`, `1h` or `1d`; gives milliseconds.
fn parse_span(text: &str) -> Result<u64, String> {
    let problem = || format!("{text:?} is no duration here; write 30s, 5m, 1h or 1d");
    let unit = text.chars().last().ok_or_else(problem)?;
    let unit_ms: u64 = match unit {
        's' => 1000,
        'm' => 60_000,
        'h' => 3_600_000,
        'd' => 86_400_000,
        _ => return Err(problem()),
    };
    let number = &text[..text.len() - 1];
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(problem());
    }
    let span = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit_ms));
    span.filter(|&span| span > 0).ok_or_else(problem)
}

/// A name in the form of the table.
fn plain(name: &str) -> String {
    let letters = name.chars().filter(|letter| !matches!(letter, '-' | '_' | ' '));
    letters.flat_map(char::to_lowercase).collect()
}

/// Says that there is no key of this name, and which one is near.
fn unknown(name: &str) -> String {
    let plain = plain(name);
    let slips = |known: &str| strsim::damerau_levenshtein(known, &plain);
    let nearest = NAMES.iter().map(|(known, _)| (slips(known), *known)).min_by_key(|near| near.0);
    match nearest {
        Some((slips, known)) if slips <= 2 && slips < plain.len() => {
            let shown = if known == "5tuple" { "5-tuple" } else { known };
            format!("no key is called {name:?}; did you mean {shown}?")
        }
        _ => format!("no key is called {name:?}; write {KNOWN}"),
    }
}

//! Keys as people write them, in the words of this program and of nfdump.

use super::field::{End, KeyField, Prefix};
use super::layout;
use crate::flow::{Column, EventKind};

/// A name, and what it means. Upper case, blanks, `-` and `_` in a name make no difference.
const NAMES: [(&str, &[KeyField]); 56] = [
    ("src", &[SRC]),
    ("dst", &[DST]),
    ("ip", &[IP]),
    ("srcport", &[KeyField::Number(Column::SrcPort)]),
    ("dstport", &[KeyField::Number(Column::DstPort)]),
    ("port", &[KeyField::OfEither(Column::SrcPort)]),
    ("proto", &[KeyField::Number(Column::Protocol)]),
    ("pair", &[KeyField::Pair]),
    ("5tuple", &KeyField::FIVE_TUPLE),
    ("srcnet", &[KeyField::Route(End::Src)]),
    ("dstnet", &[KeyField::Route(End::Dst)]),
    ("net", &[KeyField::Route(End::Any)]),
    ("srcas", &[KeyField::Number(Column::SrcAs)]),
    ("dstas", &[KeyField::Number(Column::DstAs)]),
    ("as", &[KeyField::OfEither(Column::SrcAs)]),
    ("input", &[KeyField::Number(Column::Input)]),
    ("output", &[KeyField::Number(Column::Output)]),
    ("if", &[KeyField::OfEither(Column::Input)]),
    ("exporter", &[KeyField::Exporter]),
    ("nexthop", &[KeyField::NextHop]),
    ("flags", &[KeyField::Number(Column::TcpFlags)]),
    ("tos", &[KeyField::Number(Column::Tos)]),
    ("event", &[KeyField::Event(EventKind::Firewall)]),
    ("xevent", &[KeyField::Event(EventKind::Reason)]),
    ("natevent", &[KeyField::Event(EventKind::Nat)]),
    // What else people call them.
    ("srcip", &[SRC]),
    ("srcaddr", &[SRC]),
    ("srcaddress", &[SRC]),
    ("dstip", &[DST]),
    ("dstaddr", &[DST]),
    ("dstaddress", &[DST]),
    ("addr", &[IP]),
    ("address", &[IP]),
    ("host", &[IP]),
    ("sport", &[KeyField::Number(Column::SrcPort)]),
    ("dport", &[KeyField::Number(Column::DstPort)]),
    ("protocol", &[KeyField::Number(Column::Protocol)]),
    ("pairs", &[KeyField::Pair]),
    ("tuple", &KeyField::FIVE_TUPLE),
    ("record", &KeyField::FIVE_TUPLE),
    ("asn", &[KeyField::OfEither(Column::SrcAs)]),
    ("in", &[KeyField::Number(Column::Input)]),
    ("inif", &[KeyField::Number(Column::Input)]),
    ("out", &[KeyField::Number(Column::Output)]),
    ("outif", &[KeyField::Number(Column::Output)]),
    ("interface", &[KeyField::OfEither(Column::Input)]),
    ("router", &[KeyField::Exporter]),
    ("routerip", &[KeyField::Exporter]),
    ("nhip", &[KeyField::NextHop]),
    ("next", &[KeyField::NextHop]),
    ("nh", &[KeyField::NextHop]),
    ("tcpflags", &[KeyField::Number(Column::TcpFlags)]),
    ("srctos", &[KeyField::Number(Column::Tos)]),
    ("evt", &[KeyField::Event(EventKind::Firewall)]),
    ("nevt", &[KeyField::Event(EventKind::Nat)]),
    ("nat", &[KeyField::Event(EventKind::Nat)]),
];

const SRC: KeyField = KeyField::Address(End::Src, Prefix::WHOLE);
const DST: KeyField = KeyField::Address(End::Dst, Prefix::WHOLE);
const IP: KeyField = KeyField::Address(End::Any, Prefix::WHOLE);

/// What may be written, for people who wrote something else.
const KNOWN: &str = "src, dst, ip, src/24, srcport, dstport, port, proto, pair, 5-tuple, srcnet, \
                     dstnet, srcas, dstas, as, input, output, if, exporter, nexthop, flags, tos, \
                     event, xevent, natevent or bin:5m";

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
    let mut fields: Vec<KeyField> = Vec::new();
    let mut at = 0;
    for key in text.split(',') {
        let wrong = |problem| ParseKeyError { problem, at, len: key.len() };
        for field in parse_key(key).map_err(wrong)? {
            let same = |other: &KeyField| other.has_name_of(field);
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

impl KeyField {
    /// Whether both would be called the same in an answer.
    fn has_name_of(self, other: Self) -> bool {
        let net = |field: Self| field.end().filter(|_| field.is_network());
        match (self, other) {
            (Self::Bin(_), Self::Bin(_)) => true,
            _ => self == other || net(self).is_some() && net(self) == net(other),
        }
    }
}

fn parse_key(key: &str) -> Result<Vec<KeyField>, String> {
    if let Some(name) = key.strip_suffix(":p") {
        return Ok([vec![KeyField::Number(Column::Protocol)], parse_key(name)?].concat());
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
    match NAMES.iter().find(|(known, _)| *known == name) {
        Some((_, fields)) => Ok(fields.to_vec()),
        None if name == "bin" => Err("bin needs a duration, as in bin:5m".to_owned()),
        None => Err(unknown(key)),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_in_the_words_of_both_programs() {
        let net = |end, v4, v6| KeyField::Address(end, Prefix { v4, v6 });
        for (text, expected) in [
            ("src", vec![SRC]),
            ("srcip", vec![SRC]),
            ("Src-IP", vec![SRC]),
            ("src,dst", vec![SRC, DST]),
            (
                "src_port,dst port",
                vec![KeyField::Number(Column::SrcPort), KeyField::Number(Column::DstPort)],
            ),
            ("5-tuple", KeyField::FIVE_TUPLE.to_vec()),
            ("record", KeyField::FIVE_TUPLE.to_vec()),
            (
                "dstport:p",
                vec![KeyField::Number(Column::Protocol), KeyField::Number(Column::DstPort)],
            ),
            ("src/24", vec![net(End::Src, 24, 128)]),
            ("dst/48", vec![net(End::Dst, 32, 48)]),
            ("ip/0/32", vec![net(End::Any, 0, 32)]),
            ("srcip4/24", vec![net(End::Src, 24, 128)]),
            ("srcip6/24", vec![net(End::Src, 32, 24)]),
            ("srcnet", vec![KeyField::Route(End::Src)]),
            ("srcnet/8", vec![net(End::Src, 8, 128)]),
            ("bin:5m,proto", vec![KeyField::Bin(300_000), KeyField::Number(Column::Protocol)]),
            ("bin:30s", vec![KeyField::Bin(30_000)]),
            ("bin:2d", vec![KeyField::Bin(172_800_000)]),
            ("inif,outif", vec![KeyField::Number(Column::Input), KeyField::Number(Column::Output)]),
        ] {
            assert_eq!(parse_keys(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_key_is_told_with_its_place_and_what_is_near() {
        for (text, at, len, problem) in [
            ("scrip", 0, 5, "no key is called \"scrip\"; did you mean srcip?"),
            ("src,dstprt,as", 4, 6, "did you mean dstport?"),
            ("5-tupel", 0, 7, "did you mean 5-tuple?"),
            ("src,", 4, 0, "no key is called \"\"; write src, dst, ip"),
            ("colour", 0, 6, "; write src, dst, ip"),
            ("src,srcip", 4, 5, "says again"),
            ("src/8,src/16", 6, 6, "says again"),
            ("bin:1m,bin:5m", 7, 6, "says again"),
            ("src,5-tuple", 4, 7, "says again"),
            ("src/129", 0, 7, "write 0 to 128"),
            ("src/33/48", 0, 9, "write 0 to 32"),
            ("src/+8", 0, 6, "is no length"),
            ("srcip/bytes", 0, 11, "what to order by to --by"),
            ("port/24", 0, 7, "only addresses have a length"),
            ("bin", 0, 3, "bin:5m"),
            ("bin:5", 0, 5, "is no duration"),
            ("bin:0s", 0, 6, "is no duration"),
            ("bin:-5m", 0, 7, "is no duration"),
            ("bin:99999999999999999d", 0, 22, "is no duration"),
            ("bin:5µ", 0, 7, "is no duration"),
            ("port:5m", 0, 7, "only bin has a colon"),
        ] {
            let error = parse_keys(text).unwrap_err();
            assert_eq!((error.at, error.len), (at, len), "{text}");
            assert!(error.problem.contains(problem), "{text}: {error}");
        }
    }
}

//! Text cut into tokens, each with where it stands.

use std::ops::Range;

use super::ParseFilterError;

/// A token, and the bytes of the text that it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind<'a>,
    pub(super) span: Range<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    /// A keyword, a number, an address and so on: what it is depends on where it stands.
    Word(&'a str),
    /// What stands in quotation marks, without them.
    Quoted(String),
    /// A file, or the word `include`, behind an `@`.
    At(String),
    Open,
    Close,
    OpenList,
    CloseList,
    Comma,
    Not,
    And,
    Or,
    Compare(Comparison),
    /// Behind the last token.
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Symbols, those before others that they begin with.
const SYMBOLS: [(&str, Kind<'static>); 16] = [
    ("==", Kind::Compare(Comparison::Equal)),
    ("=", Kind::Compare(Comparison::Equal)),
    ("!=", Kind::Compare(Comparison::Unequal)),
    ("<>", Kind::Compare(Comparison::Unequal)),
    ("<=", Kind::Compare(Comparison::LessOrEqual)),
    ("<", Kind::Compare(Comparison::Less)),
    (">=", Kind::Compare(Comparison::GreaterOrEqual)),
    (">", Kind::Compare(Comparison::Greater)),
    ("!", Kind::Not),
    ("&&", Kind::And),
    ("||", Kind::Or),
    ("(", Kind::Open),
    (")", Kind::Close),
    ("[", Kind::OpenList),
    ("]", Kind::CloseList),
    (",", Kind::Comma),
];

/// Words that stand for symbols.
const OPERATORS: [(&str, Kind<'static>); 9] = [
    ("not", Kind::Not),
    ("and", Kind::And),
    ("or", Kind::Or),
    ("eq", Kind::Compare(Comparison::Equal)),
    ("ne", Kind::Compare(Comparison::Unequal)),
    ("lt", Kind::Compare(Comparison::Less)),
    ("le", Kind::Compare(Comparison::LessOrEqual)),
    ("gt", Kind::Compare(Comparison::Greater)),
    ("ge", Kind::Compare(Comparison::GreaterOrEqual)),
];

/// The tokens of `text`; the last one is [`Kind::End`].
///
/// # Errors
///
/// Where a quotation mark lacks its other, and where a lone `&` or `|` stands.
pub(super) fn tokens(text: &str) -> Result<Vec<Token<'_>>, ParseFilterError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        let (kind, bytes) = match first {
            // Some editors put the mark before the first letter.
            _ if first.is_whitespace() || first == '\u{feff}' => {
                at += first.len_utf8();
                continue;
            }
            '#' => {
                at += rest.find('\n').unwrap_or(rest.len());
                continue;
            }
            '"' | '\'' => {
                let (content, bytes) = quoted(rest, at)?;
                (Kind::Quoted(content), bytes)
            }
            '@' => {
                let (file, bytes) = file(&rest[1..], at + 1)?;
                (Kind::At(file), 1 + bytes)
            }
            _ => match SYMBOLS.iter().find(|(symbol, _)| rest.starts_with(symbol)) {
                Some((symbol, kind)) => (kind.clone(), symbol.len()),
                None => word(rest, at)?,
            },
        };
        tokens.push(Token { kind, span: at..at + bytes });
        at += bytes;
    }
    tokens.push(Token { kind: Kind::End, span: at..at });
    Ok(tokens)
}

/// The word that `rest` begins with, and its length.
fn word(rest: &str, at: usize) -> Result<(Kind<'_>, usize), ParseFilterError> {
    let ends = |c: char| c.is_whitespace() || "()[],\"'!&|=<>#".contains(c);
    let bytes = rest.find(ends).unwrap_or(rest.len());
    if bytes == 0 {
        // The only characters that end a word and begin no token.
        let symbol = &rest[..1];
        let problem = format!("a single {symbol}");
        return Err(ParseFilterError::at(at..at + 1, problem)
            .expecting(format!("{symbol}{symbol}, or the words `and` and `or`")));
    }
    let word = &rest[..bytes];
    let operator = OPERATORS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
    Ok((operator.map_or(Kind::Word(word), |(_, kind)| kind.clone()), bytes))
}

/// What stands in the quotation marks that `rest` begins with, and the length of all. A backslash
/// keeps a mark of that kind, or another backslash, from being what it is.
fn quoted(rest: &str, at: usize) -> Result<(String, usize), ParseFilterError> {
    let mut chars = rest.char_indices();
    let Some((_, mark)) = chars.next() else { return Ok((String::new(), 0)) };
    let mut content = String::new();
    let mut escaped = false;
    for (place, c) in chars {
        match c {
            '\\' if !escaped => {
                escaped = true;
                continue;
            }
            _ if c == mark && !escaped => return Ok((content, place + c.len_utf8())),
            _ if escaped && c != mark && c != '\\' => content.push('\\'),
            _ => {}
        }
        escaped = false;
        content.push(c);
    }
    let problem = "a quotation mark is never closed".to_owned();
    Err(ParseFilterError::at(at..at + 1, problem).expecting(format!("another {mark} behind it")))
}

/// The name of a file behind an `@`, and its length.
fn file(rest: &str, at: usize) -> Result<(String, usize), ParseFilterError> {
    if rest.starts_with(['"', '\'']) {
        return quoted(rest, at);
    }
    let ends = |c: char| c.is_whitespace() || "()[],\"'".contains(c);
    let bytes = rest.find(ends).unwrap_or(rest.len());
    if bytes == 0 {
        let problem = "an @ without a file".to_owned();
        return Err(ParseFilterError::at(at - 1..at, problem)
            .expecting("the name of a file right behind it, as in @hosts.txt"));
    }
    Ok((rest[..bytes].to_owned(), bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Kind<'_>> {
        tokens(text).unwrap().into_iter().map(|token| token.kind).collect()
    }

    #[test]
    fn tokens_are_told_apart_with_or_without_blanks_between_them() {
        let expected = [
            Kind::Not,
            Kind::Open,
            Kind::Word("src"),
            Kind::Word("port"),
            Kind::Compare(Comparison::GreaterOrEqual),
            Kind::Word("1k"),
            Kind::And,
            Kind::Word("flags"),
            Kind::Compare(Comparison::Equal),
            Kind::Word("S"),
            Kind::Close,
            Kind::Or,
            Kind::Word("ip"),
            Kind::Word("in"),
            Kind::OpenList,
            Kind::Word("10.0.0.0/8"),
            Kind::Comma,
            Kind::At("a/b.txt".to_owned()),
            Kind::CloseList,
            Kind::End,
        ];
        for text in [
            "!(src port>=1k&&flags=S)||ip in[10.0.0.0/8,@a/b.txt]",
            "\u{feff}not ( src port ge 1k # why\n AND flags == S ) Or ip in [ 10.0.0.0/8 , @'a/b.txt' ]\n#end",
        ] {
            assert_eq!(kinds(text), expected, "{text}");
        }
    }

    #[test]
    fn quotation_marks_may_hold_anything() {
        for (text, content) in [
            (r#""a b#""#, "a b#"),
            (r#"'a"b'"#, r#"a"b"#),
            (r#""a\"b""#, r#"a"b"#),
            (r#""a\\b""#, r"a\b"),
            (r#""a\nb""#, r"a\nb"),
            ("''", ""),
        ] {
            assert_eq!(kinds(text)[0], Kind::Quoted(content.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_no_token_is_located() {
        for (text, span) in [
            ("tcp & udp", 4..5),
            ("a | b", 2..3),
            ("ip 'x", 3..4),
            ("ip in @ x", 6..7),
            ("\"\\\"", 0..1),
        ] {
            assert_eq!(tokens(text).unwrap_err().span, span, "{text}");
        }
    }
}

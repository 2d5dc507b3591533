//! Text of others, made harmless.

/// `text` on one line: what is no visible character is a space. What would turn the direction of a
/// line counts as such.
pub(super) fn one_line(text: &str) -> String {
    text.chars().map(|c| if is_harmful(c) { ' ' } else { c }).collect()
}

/// As [`one_line`], and of so many bytes at most.
pub(super) fn short_line(text: &str, bytes: usize) -> String {
    let line = one_line(text);
    if line.len() <= bytes {
        return line;
    }
    let end = line.floor_char_boundary(bytes.saturating_sub('…'.len_utf8()));
    format!("{}…", &line[..end])
}

fn is_harmful(c: char) -> bool {
    let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}' | '\u{feff}');
    c.is_control() || turns
}

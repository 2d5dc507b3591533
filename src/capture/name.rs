//! Names of files as they are shown and recorded.

use std::fmt::Write as _;

/// A name, or any text out of a file, in which nothing can steer a terminal: whoever makes a
/// capture, or an archive of some, chooses what its members are called.
///
/// Control characters are written as escapes (`\x1b`, `\n`), and so are those that turn the
/// direction of writing or end a line.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        // Writing to a string cannot fail.
        let _ = match letter {
            '\n' | '\r' | '\t' => write!(shown, "{}", letter.escape_default()),
            '\u{61c}'
            | '\u{200e}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' => write!(shown, "{}", letter.escape_unicode()),
            _ if letter.is_control() => write!(shown, "\\x{:02x}", u32::from(letter)),
            _ => {
                shown.push(letter);
                Ok(())
            }
        };
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_steer_a_terminal_is_escaped_and_all_else_stays() {
        for (text, shown) in [
            ("/captures/Zürich 日本/a.pcap", "/captures/Zürich 日本/a.pcap"),
            ("\u{1b}[31mred\u{7}", r"\x1b[31mred\x07"),
            ("two\nlines\r\t", r"two\nlines\r\t"),
            ("\u{9b}31m\0\u{7f}", r"\x9b31m\x00\x7f"),
            ("pcap.\u{202e}exe", r"pcap.\u{202e}exe"),
            (r"C:\day", r"C:\day"),
        ] {
            assert_eq!(printable(text), shown);
        }
    }
}

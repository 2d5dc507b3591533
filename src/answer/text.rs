//! Numbers and addresses as text, appended to bytes without an allocation: this is where the time
//! of printing goes.

use std::borrow::Cow;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// `00` to `99`, one behind the other.
const TWO_DIGITS: [[u8; 2]; 100] = {
    let mut table = [[0; 2]; 100];
    let mut number = 0;
    while number < 100 {
        table[number] = [b'0' + number as u8 / 10, b'0' + number as u8 % 10];
        number += 1;
    }
    table
};

/// Appends `number` in decimal.
pub(super) fn push_number(to: &mut Vec<u8>, number: impl Into<u64>) {
    let mut digits = [0; 20];
    let at = write_decimal(number.into(), &mut digits);
    to.extend_from_slice(&digits[at..]);
}

/// Appends `number` in decimal, with blanks before it up to `width`.
pub(super) fn push_number_right(to: &mut Vec<u8>, width: usize, number: impl Into<u64>) {
    let mut digits = [b' '; 20];
    let at = write_decimal(number.into(), &mut digits);
    to.extend_from_slice(&digits[at.min(20 - width.min(20))..]);
}

/// Appends `number` in decimal, with blanks behind it up to `width`, which is at most 8.
pub(super) fn push_number_left(to: &mut Vec<u8>, width: usize, number: impl Into<u64>) {
    let mut digits = [b' '; 28];
    let at = write_decimal_before(20, number.into(), &mut digits);
    let end = (at + width.min(8)).max(20);
    to.extend_from_slice(&digits[at..end]);
}

/// Appends an IPv4 address, with blanks before it up to `width`.
pub(super) fn push_v4_right(to: &mut Vec<u8>, width: usize, address: Ipv4Addr) {
    const BLANKS: [u8; 40] = [b' '; 40];
    let mut text = [b' '; 16];
    let mut at = text.len();
    let octets = address.octets();
    for place in (0..4).rev() {
        at = write_byte_before(at, octets[place], &mut text);
        if place > 0 {
            at -= 1;
            text[at] = b'.';
        }
    }
    if width > text.len() {
        to.extend_from_slice(&BLANKS[..(width - text.len()).min(BLANKS.len())]);
    }
    if width == text.len() {
        // A copy of a fixed length is a few instructions.
        to.extend_from_slice(&text);
    } else {
        to.extend_from_slice(&text[if width > text.len() { 0 } else { at }..]);
    }
}

/// Writes `byte` in decimal so that it ends before `end`, and tells where it begins.
fn write_byte_before<const N: usize>(end: usize, byte: u8, to: &mut [u8; N]) -> usize {
    if byte < 10 {
        to[end - 1] = b'0' + byte;
        return end - 1;
    }
    to[end - 2..end].copy_from_slice(&TWO_DIGITS[usize::from(byte % 100)]);
    if byte < 100 {
        return end - 2;
    }
    to[end - 3] = b'0' + byte / 100;
    end - 3
}

/// Writes `number` to the end of `digits`, and tells where it begins.
fn write_decimal(number: u64, digits: &mut [u8; 20]) -> usize {
    write_decimal_before(20, number, digits)
}

/// Writes `number` so that it ends before `end`, which leaves room for 20 digits.
fn write_decimal_before<const N: usize>(
    end: usize,
    mut number: u64,
    digits: &mut [u8; N],
) -> usize {
    let mut at = end;
    while number >= 10 {
        at -= 2;
        digits[at..at + 2].copy_from_slice(&TWO_DIGITS[(number % 100) as usize]);
        number /= 100;
    }
    // What is left is one digit, or nothing behind an even number of them.
    if number > 0 || at == end {
        at -= 1;
        digits[at] = b'0' + number as u8;
    }
    at
}

/// Appends the two digits of `number`, which is below 100.
pub(super) fn push_two_digits(to: &mut Vec<u8>, number: u32) {
    to.extend_from_slice(&TWO_DIGITS[number as usize % 100]);
}

/// Appends the three digits of `number`, which is below 1000.
pub(super) fn push_three_digits(to: &mut Vec<u8>, number: u32) {
    to.push(b'0' + (number / 100 % 10) as u8);
    push_two_digits(to, number);
}

/// Appends what `push` appends, with blanks before it up to `width`.
pub(super) fn push_right(to: &mut Vec<u8>, width: usize, push: impl FnOnce(&mut Vec<u8>)) {
    let start = to.len();
    push(to);
    let long = to.len() - start;
    if long < width {
        to.resize(start + width, b' ');
        to[start..].rotate_right(width - long);
    }
}

/// Appends what `push` appends, with blanks behind it up to `width`.
pub(super) fn push_left(to: &mut Vec<u8>, width: usize, push: impl FnOnce(&mut Vec<u8>)) {
    let start = to.len();
    push(to);
    if to.len() < start + width {
        to.resize(start + width, b' ');
    }
}

/// Appends an address: IPv6 as RFC 5952 has it.
pub(crate) fn push_address(to: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => push_v4_right(to, 0, address),
        // Writing to bytes cannot fail.
        IpAddr::V6(address) => drop(write!(to, "{address}")),
    }
}

/// Appends an address as `inet_ntop` of the C library has it, and so nfdump: it differs in IPv6
/// addresses that begin with 96 zero bits, whose rest it prints as an IPv4 address.
pub(super) fn push_inet_ntop(to: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V6(address) if is_v4_compatible(address) => {
            to.extend_from_slice(b"::");
            let [.., a, b, c, d] = address.octets();
            push_address(to, [a, b, c, d].into());
        }
        _ => push_address(to, address),
    }
}

/// Whether it is 96 zero bits and an IPv4 address of more than its last 16 bits.
fn is_v4_compatible(address: Ipv6Addr) -> bool {
    let bits = address.to_bits();
    bits >> 32 == 0 && bits >> 16 != 0
}

/// A text that others chose, such that a spreadsheet takes it for no formula: what one may begin with has
/// a `'` before it, unless it is a number (OWASP, "CSV Injection").
pub fn as_no_formula(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) && text.parse::<f64>().is_err() {
        return format!("'{text}").into();
    }
    text.into()
}

/// Appends text that others chose as a cell of CSV.
pub(super) fn push_csv_text(to: &mut Vec<u8>, text: &str) {
    push_quoted(to, &as_no_formula(text));
}

/// Appends text, in quotes where it holds what ends a cell (RFC 4180 §2).
pub(super) fn push_quoted(to: &mut Vec<u8>, text: &str) {
    if !text.contains([',', '"', '\r', '\n']) {
        return to.extend_from_slice(text.as_bytes());
    }
    to.push(b'"');
    to.extend_from_slice(text.replace('"', "\"\"").as_bytes());
    to.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(push: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut to = Vec::new();
        push(&mut to);
        String::from_utf8(to).unwrap()
    }

    proptest! {
        #[test]
        fn numbers_and_addresses_are_those_of_the_standard_library(
            bits in any::<u64>(), shift in 0u32..64, width in 0usize..12, v4 in any::<u32>(), v6 in any::<u128>(),
        ) {
            let number = bits >> shift;
            prop_assert_eq!(text(|to| push_number(to, number)), number.to_string());
            prop_assert_eq!(text(|to| push_number_right(to, width, number)), format!("{number:width$}"));
            prop_assert_eq!(text(|to| push_right(to, width, |to| push_number(to, number))), format!("{number:>width$}"));
            prop_assert_eq!(text(|to| push_left(to, width, |to| push_number(to, number))), format!("{number:<width$}"));
            let left = width.min(8);
            prop_assert_eq!(text(|to| push_number_left(to, left, number)), format!("{number:<left$}"));
            for address in [IpAddr::V4(v4.into()), IpAddr::V6(v6.into())] {
                prop_assert_eq!(text(|to| push_address(to, address)), address.to_string());
            }
        }
    }

    #[test]
    fn a_cell_of_csv_is_quoted_where_it_must_be() {
        for (cell, shown) in [
            ("", ""),
            ("ge-0/0/0 'a'; b", "ge-0/0/0 'a'; b"),
            ("ae0, uplink", "\"ae0, uplink\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("\"", "\"\"\"\""),
            ("a\nb", "\"a\nb\""),
            ("a\rb", "\"a\rb\""),
            ("=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\""),
            ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
            ("-2+3", "'-2+3"),
            ("@SUM(A1,A2)", "\"'@SUM(A1,A2)\""),
            ("\t=1", "'\t=1"),
            ("a=1", "a=1"),
            ("-7", "-7"),
            ("+1.5e3", "+1.5e3"),
            ("-", "'-"),
        ] {
            assert_eq!(text(|to| push_csv_text(to, cell)), shown);
        }
    }

    #[test]
    fn small_numbers_are_all_right() {
        for number in 0..=10_000u64 {
            assert_eq!(text(|to| push_number(to, number)), number.to_string());
        }
        for byte in 0..=255 {
            let address = Ipv4Addr::new(byte, 0, byte, byte);
            for width in [0, 16, 39] {
                assert_eq!(
                    text(|to| push_v4_right(to, width, address)),
                    format!("{:>width$}", address.to_string())
                );
            }
        }
    }

    // What glibc 2.36's inet_ntop prints, as told by Python's socket.inet_ntop.
    #[test]
    fn addresses_in_the_layouts_of_nfdump_are_those_of_the_c_library() {
        for (address, printed) in [
            ("::", "::"),
            ("::1", "::1"),
            ("::ffff", "::ffff"),
            ("::1:0", "::0.1.0.0"),
            ("::102:304", "::1.2.3.4"),
            ("::ffff:1.2.3.4", "::ffff:1.2.3.4"),
            ("::1:102:304", "::1:102:304"),
            ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
            ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),
        ] {
            assert_eq!(text(|to| push_inet_ntop(to, address.parse().unwrap())), printed);
        }
    }
}

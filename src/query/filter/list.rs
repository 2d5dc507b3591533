//! Watch lists: files with an address, a block, a range or a number a line.

use std::net::{IpAddr, Ipv4Addr};

use super::address::read_addresses;
use super::error::Wrong;
use crate::row::{AddressRange, AddressSet, NumberSet};

/// A line that is not what it should be.
#[derive(Debug)]
pub(super) struct ListFault {
    /// Its number, from 1.
    pub(super) line: usize,
    pub(super) wrong: Wrong,
}

/// The addresses in a list.
///
/// What stands in a line behind a blank, a comma, a semicolon or a `#` is no part of it, so lists
/// with remarks and the first column of a CSV file can be read as they are.
pub(super) fn addresses(bytes: &[u8]) -> Result<AddressSet, ListFault> {
    let mut ranges = Vec::new();
    for (line, entry) in entries(bytes) {
        // Nearly every line of a long list is one, and this is the fastest way to read it.
        if let Some(host) = v4(entry) {
            ranges.push(AddressRange::from(IpAddr::V4(host)));
            continue;
        }
        let range = read_addresses(&String::from_utf8_lossy(entry), false)
            .map_err(|wrong| ListFault { line, wrong })?;
        ranges.push(range);
    }
    Ok(AddressSet::new(ranges))
}

/// The numbers in a list, each line of it read by `read`.
pub(super) fn numbers(
    bytes: &[u8],
    read: impl Fn(&str) -> Result<(u64, u64), Wrong>,
) -> Result<NumberSet, ListFault> {
    let mut ranges = Vec::new();
    for (line, entry) in entries(bytes) {
        let range = read(&String::from_utf8_lossy(entry));
        ranges.push(range.map_err(|wrong| ListFault { line, wrong })?);
    }
    Ok(NumberSet::new(ranges))
}

/// The first entry of each line that is not blank and no remark, and the line's number from 1.
fn entries(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    (1..).zip(bytes.split(|&byte| byte == b'\n')).filter_map(|(number, line)| {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") || line.starts_with(b";") {
            return None;
        }
        let line = line.strip_prefix(b"\"").unwrap_or(line);
        let ends = |byte: &u8| byte.is_ascii_whitespace() || b",;#\"".contains(byte);
        let end = line.iter().position(ends).unwrap_or(line.len());
        Some((number, &line[..end]))
    })
}

/// Four numbers in decimal with points between them, and none of them with a zero before it, which
/// would mean octal elsewhere.
fn v4(entry: &[u8]) -> Option<Ipv4Addr> {
    let (mut octets, mut place) = ([0_u8; 4], 0);
    let (mut number, mut digits) = (0_u16, 0);
    for &byte in entry {
        match byte {
            b'0'..=b'9' if digits < 3 && !(digits > 0 && number == 0) => {
                number = number * 10 + u16::from(byte - b'0');
                digits += 1;
            }
            b'.' if digits > 0 && place < 3 => {
                octets[place] = u8::try_from(number).ok()?;
                place += 1;
                (number, digits) = (0, 0);
            }
            _ => return None,
        }
    }
    if place < 3 || digits == 0 {
        return None;
    }
    octets[3] = u8::try_from(number).ok()?;
    Some(octets.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lists_are_read_with_remarks_columns_and_any_line_ends() {
        let list = "\u{feff}# bad hosts\r\n10.0.0.1\r\n\r\n  10.0.0.2 # two\n10.0.0.3,90,\"x\"\n\
                    \"10.0.0.4\",1\n1.10.16.0/20 ; SBL256894\n10.0.0.5-10.0.0.7\n10.9.9.9/24\n\
                    ::ffff:10.0.0.8\n2001:db8::/32\t5\n;\n#";
        let set = addresses(list.as_bytes()).unwrap();
        assert_eq!(set.to_string(), "[1.10.16.0/20 10.0.0.1-10.0.0.8 10.9.9.0/24 2001:db8::/32]");
        assert!(addresses(b"").unwrap().is_empty());
    }

    #[test]
    fn a_line_that_is_no_address_is_named() {
        for (list, line, problem) in [
            ("10.0.0.1\nexample.org\n", 2, "no address"),
            ("\n\n10.0.0.300", 3, "no address"),
            ("10.0.0.01", 1, "no address"),
            ("ip,score\n10.0.0.1,5", 1, "no address"),
            ("10.0.0.0/33", 1, "prefix"),
            ("10.0.0.9-10.0.0.1", 1, "ends before"),
        ] {
            let fault = addresses(list.as_bytes()).unwrap_err();
            assert_eq!(fault.line, line, "{list}");
            assert!(fault.wrong.problem.contains(problem), "{list}: {}", fault.wrong.problem);
        }
        assert_eq!(addresses(b"1\xff\xfe").unwrap_err().line, 1);
    }

    proptest! {
        #[test]
        fn an_ipv4_address_is_what_the_library_takes_for_one(text in "[0-9.]{1,16}|([0-9]{1,3}\\.){3}[0-9]{1,3}") {
            prop_assert_eq!(v4(text.as_bytes()), text.parse::<Ipv4Addr>().ok());
        }
    }
}

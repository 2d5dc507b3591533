//! Protobuf's encoding of messages: fields by their numbers, each with how its value is written.
//!
//! Layout: <https://protobuf.dev/programming-guides/encoding/>.

/// A value as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// Reads a number of groups of seven bits, the lowest first.
pub(crate) fn number(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for at in 0..10 {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f).checked_shl(at * 7)?;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// Reads as many bytes as a number before them says.
pub(crate) fn sized<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let size = usize::try_from(number(bytes)?).ok()?;
    let (value, rest) = bytes.split_at_checked(size)?;
    *bytes = rest;
    Some(value)
}

/// Reads a field: its number, and its value.
pub(crate) fn field<'a>(bytes: &mut &'a [u8]) -> Option<(u32, Value<'a>)> {
    let tag = number(bytes)?;
    let field = u32::try_from(tag >> 3).ok().filter(|&field| field > 0)?;
    let value = match tag & 7 {
        0 => Value::Number(number(bytes)?),
        1 => {
            let (value, rest) = bytes.split_first_chunk()?;
            *bytes = rest;
            Value::Number(u64::from_le_bytes(*value))
        }
        2 => Value::Bytes(sized(bytes)?),
        5 => {
            let (value, rest) = bytes.split_first_chunk()?;
            *bytes = rest;
            Value::Number(u32::from_le_bytes(*value).into())
        }
        _ => return None,
    };
    Some((field, value))
}

/// Appends a number.
pub(crate) fn push_number(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    to.push(value.to_le_bytes()[0]);
}

/// Appends a field that is a number; zero is what a field is that is not there.
pub(crate) fn push(to: &mut Vec<u8>, field: u32, value: u64) {
    if value != 0 {
        push_number(to, u64::from(field) << 3);
        push_number(to, value);
    }
}

/// Appends a field that is bytes.
pub(crate) fn push_bytes(to: &mut Vec<u8>, field: u32, value: &[u8]) {
    push_number(to, u64::from(field) << 3 | 2);
    push_number(to, value.len() as u64);
    to.extend_from_slice(value);
}

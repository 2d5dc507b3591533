//! Values of elements that are neither plain numbers nor addresses, as they are shown.

use std::fmt::{Display, Formatter, Result};

use super::NumberField;
use crate::flow::{Kind, float, printable, signed};

/// The value of an element as JSON shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// A text. Bytes of it that are no UTF-8 are not told apart.
    Text(String),
    /// Bytes, in hexadecimal.
    Bytes(Vec<u8>),
    /// A number with a sign.
    Signed(i64),
    /// The bits of a number with a fraction.
    Float(u64),
}

impl Shown {
    /// Whether `value`, as it was exported, is shown so.
    pub(super) fn is(&self, value: &[u8]) -> bool {
        match self {
            Self::Text(text) => {
                String::from_utf8_lossy(value) == text.as_str() || printable(value) == Some(text)
            }
            // Also a text of such digits.
            Self::Bytes(bytes) => {
                value == bytes || printable(value).is_some_and(|t| is_hex(t, bytes))
            }
            Self::Signed(number) => signed(value) == Some(*number),
            Self::Float(bits) => float(value).is_some_and(|number| number.to_bits() == *bits),
        }
    }
}

/// Whether `text` is `bytes` in hexadecimal.
fn is_hex(text: &str, bytes: &[u8]) -> bool {
    text.len() == 2 * bytes.len()
        && bytes.iter().enumerate().all(|(place, &byte)| {
            let digits = text.get(2 * place..2 * place + 2).unwrap_or_default();
            u8::from_str_radix(digits, 16) == Ok(byte)
        })
}

/// As a filter has it.
impl Display for Shown {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Text(text) => {
                write!(f, "\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
            }
            Self::Bytes(bytes) if bytes.is_empty() => f.write_str("\"\""),
            Self::Bytes(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
            Self::Signed(number) => write!(f, "{number}"),
            Self::Float(bits) => write!(f, "{}", f64::from_bits(*bits)),
        }
    }
}

/// Whether values of this kind are plain numbers.
pub(super) const fn is_number(kind: Kind) -> bool {
    !matches!(
        kind,
        Kind::Address(_) | Kind::Text | Kind::Float | Kind::Signed | Kind::List | Kind::Octets
    )
}

/// Whether digits alone are the bytes of `field` in hexadecimal.
pub(super) fn is_in_hex(field: NumberField) -> bool {
    let NumberField::Element(id) = field else { return false };
    id.known().is_none_or(|known| known.kind == Kind::Octets)
}

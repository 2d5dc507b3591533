//! The key.

use std::fmt;

/// So many bytes it has.
const BYTES: usize = 32;

/// The key of an [`Anonymiser`](super::Anonymiser): who has it can find the addresses again.
#[derive(Clone, PartialEq, Eq)]
pub struct AnonymiseKey([u8; BYTES]);

impl AnonymiseKey {
    /// Of these bytes.
    pub const fn new(bytes: [u8; BYTES]) -> Self {
        Self(bytes)
    }

    /// What a file holds: 32 bytes, or 64 hexadecimal digits with blanks or line ends around them.
    ///
    /// # Errors
    ///
    /// [`ParseKeyError`] if it holds something else.
    pub fn read(bytes: &[u8]) -> Result<Self, ParseKeyError> {
        if let Ok(key) = bytes.try_into() {
            return Ok(Self(key));
        }
        let digits = bytes.trim_ascii();
        let mut key = [0; BYTES];
        if digits.len() == 2 * BYTES {
            for (byte, digits) in key.iter_mut().zip(digits.chunks_exact(2)) {
                let digits = std::str::from_utf8(digits).ok();
                let number = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                *byte = number.ok_or(ParseKeyError { bytes: bytes.len() })?;
            }
            return Ok(Self(key));
        }
        Err(ParseKeyError { bytes: bytes.len() })
    }

    /// What encrypts, and what the pad is made of.
    pub(super) fn halves(&self) -> [[u8; 16]; 2] {
        let mut halves = [[0; 16]; 2];
        for (half, bytes) in halves.iter_mut().zip(self.0.chunks_exact(16)) {
            half.copy_from_slice(bytes);
        }
        halves
    }
}

/// It is not shown.
impl fmt::Debug for AnonymiseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnonymiseKey(…)")
    }
}

/// Bytes that are no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a key has 32 bytes, or 64 hexadecimal digits, and this has {bytes} bytes; \
     `head -c 32 /dev/urandom > FILE` makes one"
)]
pub struct ParseKeyError {
    bytes: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_32_bytes_or_64_digits() {
        let key: Vec<u8> = (0..32).collect();
        let digits = "000102030405060708090a0B0C0D0E0F101112131415161718191a1b1c1d1e1f";
        let read = AnonymiseKey::read(&key).unwrap();
        assert_eq!(AnonymiseKey::read(format!(" {digits}\n").as_bytes()), Ok(read.clone()));
        assert!(!format!("{read:?}").contains("1f"));
        let no_digits = "g".repeat(64);
        for wrong in ["", "secret", &digits[1..], &no_digits, "ä".repeat(32).as_str()] {
            let told = AnonymiseKey::read(wrong.as_bytes()).unwrap_err().to_string();
            assert!(told.contains("64 hexadecimal digits"), "{told}");
        }
    }
}

//! What only its owner knows: made, hashed and compared.

use std::fmt::Write as _;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use ring::digest::{SHA256, digest};
use ring::hmac;

/// What digests of secrets are compared by: that tells nothing of the secret by the time it takes.
pub(super) type Digest = [u8; 32];

/// So many random letters are a secret: 190 bits.
const SECRET_LETTERS: usize = 32;
/// What they are of: nothing that a URL, a cookie or a shell minds, or that looks like another.
const LETTERS: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// A new secret.
///
/// # Errors
///
/// If the system has no random numbers.
pub(super) fn new() -> Result<String, String> {
    letters(SECRET_LETTERS)
}

/// So many random letters.
pub(super) fn letters(count: usize) -> Result<String, String> {
    let mut text = String::with_capacity(count);
    let mut bytes = [0; 64];
    while text.len() < count {
        getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
        // Those beyond the last multiple would make the first letters likelier.
        let even = bytes.iter().filter(|&&byte| usize::from(byte) < 4 * LETTERS.len());
        let letters = even.map(|&byte| LETTERS[usize::from(byte) % LETTERS.len()] as char);
        text.extend(letters.take(count - text.len()));
    }
    Ok(text)
}

/// What is kept of `secret`. It takes a while, by design.
pub(super) fn hash(secret: &str) -> Result<String, String> {
    let hash = Argon2::default().hash_password(secret.as_bytes());
    hash.map(|hash| hash.to_string()).map_err(|error| error.to_string())
}

/// Whether `secret` is what `hash` was made of. It takes a while, by design.
pub(super) fn is_right(secret: &str, hash: &str) -> bool {
    let right = |hash| Argon2::default().verify_password(secret.as_bytes(), &hash).is_ok();
    PasswordHash::new(hash).is_ok_and(right)
}

pub(super) fn digest_of(secret: &str) -> Digest {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, secret.as_bytes()).as_ref());
    bytes
}

/// What only who has `key` can make of `text`, as it is sent.
pub(super) fn signed(key: &str, text: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    let signature = hmac::sign(&key, text.as_bytes());
    signature.as_ref().iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_of_every_letter_and_never_the_same() {
        let text = letters(20_000).unwrap();
        for &letter in LETTERS {
            let share = text.bytes().filter(|&byte| byte == letter).count();
            // 345 are to be expected; six standard deviations are 110.
            assert!((235..=455).contains(&share), "{}: {share}", letter as char);
        }
        assert_ne!(new().unwrap(), new().unwrap());
        assert_eq!(new().unwrap().len(), SECRET_LETTERS);
    }

    #[test]
    fn hashes_and_signatures_are_those_of_others() {
        // Of argon2-cffi 25.1, with the salt "somesaltsomesalt".
        let hash = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA\
                    $/HetJC6LZ4lnwgLB+wJSS2a9bFu2Kq4HxwNWzoJq2qU";
        assert!(is_right("correct horse battery", hash) && !is_right("correct horse", hash));
        let own = super::hash("correct horse battery").unwrap();
        assert!(own.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{own}");
        assert!(is_right("correct horse battery", &own) && !is_right("", &own));
        assert!(!is_right("", "") && !is_right("x", "$argon2id$nonsense"));
        // RFC 4231, test case 2.
        assert_eq!(
            signed("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}

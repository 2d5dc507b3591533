//! What only its owner knows: made, hashed and compared.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use ring::digest::{SHA256, digest};

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

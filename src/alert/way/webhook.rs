//! The alert as JSON to a URL.

use std::fmt::Write as _;
use std::path::PathBuf;

use ring::hmac;

use super::http::Receiver;
use super::view::json;
use super::{Carrier, Failure, Secret, WayError};
use crate::alert::Kept;

/// The header that proves by the secret who sent the body.
const SIGNATURE: &str = "x-earlgrey-signature";

/// Where alerts go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The URL, which may be a secret.
    pub url: Secret,
    /// What is sent as `Authorization: Bearer …`.
    pub token: Option<Secret>,
    /// With what each body is signed: HMAC-SHA256, as `X-Earlgrey-Signature: sha256=…`.
    pub secret: Option<Secret>,
    /// The certificates of who may vouch for the receiver, as PEM, in place of those that browsers
    /// trust.
    pub ca: Option<PathBuf>,
}

/// Posts alerts.
pub struct Webhook {
    receiver: Receiver,
    authorization: Option<String>,
    key: Option<hmac::Key>,
}

impl Webhook {
    /// Posts as `options` say.
    ///
    /// # Errors
    ///
    /// [`WayError`] if it cannot be so.
    pub fn new(options: &Options) -> Result<Self, WayError> {
        let Options { url, token, secret, ca } = options;
        let token = token.as_ref().map(Secret::read).transpose()?;
        let secret = secret.as_ref().map(Secret::read).transpose()?;
        Ok(Self {
            receiver: Receiver::new(&url.read()?, ca.as_ref())?,
            authorization: token.map(|token| format!("Bearer {token}")),
            key: secret.map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())),
        })
    }
}

impl Carrier for Webhook {
    fn send(&self, alerts: &[&Kept]) -> Result<String, Failure> {
        let mut said = String::new();
        for kept in alerts {
            let body = json(kept);
            let signature = self.key.as_ref().map(|key| signature(key, &body));
            let mut headers = Vec::new();
            if let Some(authorization) = &self.authorization {
                headers.push(("authorization", authorization.as_str()));
            }
            if let Some(signature) = &signature {
                headers.push((SIGNATURE, signature.as_str()));
            }
            said = self.receiver.post(&body, &headers)?;
        }
        Ok(said)
    }
}

fn signature(key: &hmac::Key, body: &str) -> String {
    let tag = hmac::sign(key, body.as_bytes());
    tag.as_ref().iter().fold("sha256=".to_owned(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_rfc_4231() {
        // RFC 4231 §4.3, test case 2.
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"Jefe");
        let expected = "sha256=5bdcc146bf60754e6a042426089575c7\
             5a003f089d2739839dec58b964ec3843";
        assert_eq!(signature(&key, "what do ya want for nothing?"), expected);
    }
}

//! How a cluster is reached, and by whom.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ureq::tls::{PemItem, RootCerts, parse_pem};

use super::Credentials;
use crate::store::{Result, StoreError};

/// How a cluster is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// So many connections write side by side.
    pub connections: usize,
    /// How long one answer is waited for.
    pub answer: Duration,
    /// How long a call is repeated before the cluster counts as not to be reached, once it was.
    pub recovery: Duration,
    /// Who asks, where the location does not say it.
    pub credentials: Option<Credentials>,
    /// The certificates of who may vouch for nodes, as PEM, in place of those that browsers trust.
    pub ca: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connections: 4,
            answer: Duration::from_mins(2),
            recovery: Duration::from_mins(3),
            credentials: None,
            ca: None,
        }
    }
}

/// The header that says who asks.
pub(super) struct Secret(pub(super) String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// The header for who asks.
pub(super) fn authorization_of(credentials: &Credentials) -> Secret {
    Secret(match credentials {
        Credentials::Basic { user, password } => {
            format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
        }
        Credentials::ApiKey(key) => format!("ApiKey {key}"),
    })
}

/// The certificates in a file.
pub(super) fn certificates(path: &Path) -> Result<RootCerts> {
    let pem = fs::read(path).map_err(StoreError::io(path, "read"))?;
    let items = parse_pem(&pem).collect::<Result<Vec<_>, _>>();
    let items = items.map_err(|error| StoreError::damaged(path, error.to_string()))?;
    let certificate = |item| match item {
        PemItem::Certificate(certificate) => Some(certificate),
        _ => None,
    };
    let certificates: Vec<_> = items.into_iter().filter_map(certificate).collect();
    if certificates.is_empty() {
        return Err(StoreError::damaged(path, "there is no certificate in it"));
    }
    Ok(RootCerts::new_with_certs(&certificates))
}

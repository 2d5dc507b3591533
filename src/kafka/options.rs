//! How brokers are reached, and by whom.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// How brokers are reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How long one answer is waited for.
    pub answer: Duration,
    /// How long something is tried again before the topic counts as not to be reached, once it was.
    pub recovery: Duration,
    /// Who asks, where the location does not say it.
    pub user: Option<User>,
    /// How he proves it.
    pub mechanism: Mechanism,
    /// The certificates of who may vouch for brokers, as PEM, in place of those that browsers trust.
    pub ca: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(30),
            recovery: Duration::from_mins(3),
            user: None,
            mechanism: Mechanism::default(),
            ca: None,
        }
    }
}

/// Who asks, by a password. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// His name.
    pub name: String,
    /// His password.
    pub password: String,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// How a user proves who he is: a mechanism of SASL.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mechanism {
    /// By his password, which the broker gets to know (RFC 4616).
    #[default]
    Plain,
    /// By what only who knows the password can work out (RFC 7677).
    ScramSha256,
    /// Likewise, with a longer hash.
    ScramSha512,
}

impl Mechanism {
    /// Every mechanism.
    pub const ALL: [Self; 3] = [Self::Plain, Self::ScramSha256, Self::ScramSha512];

    /// Its name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::ScramSha256 => "scram-sha-256",
            Self::ScramSha512 => "scram-sha-512",
        }
    }
}

impl FromStr for Mechanism {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = Self::ALL.into_iter().find(|one| one.name().eq_ignore_ascii_case(text));
        named
            .ok_or_else(|| format!("{text:?} is neither plain nor scram-sha-256 nor scram-sha-512"))
    }
}

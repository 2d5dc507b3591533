//! Who asks, and what he may do.

use std::fmt;
use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::problem::Problem;

/// What a caller may do; each may what those before it may.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Ask.
    Reader,
    /// Start jobs.
    Analyst,
    /// Load, delete old flows, and say who may do what.
    Admin,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Reader, Self::Analyst, Self::Admin];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Analyst => "analyst",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|role| role.name() == text);
        found.ok_or_else(|| format!("{text:?} is no role; write reader, analyst or admin"))
    }
}

/// How it is known who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Via {
    /// He is on this machine.
    Local,
    /// By a token.
    Token,
    /// By a session, after a login.
    Session,
    /// A proxy says so.
    Proxy,
}

/// Who asks. A handler takes it among its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Caller {
    /// The name: of a user, of a token, or `local`.
    pub name: String,
    /// What he may do.
    pub role: Role,
    /// How that is known.
    pub via: Via,
    /// What a form of a page must carry as `csrf`, or what a script of it sends as `X-CSRF-Token`,
    /// to change something. Who has a token needs none.
    pub csrf: Option<String>,
    /// Whether the name is that of a token.
    #[serde(skip)]
    pub by_token: bool,
}

impl Caller {
    /// Whose is what he makes: a name that nobody else has, whatever kind of name his is.
    pub fn owner(&self) -> String {
        if self.by_token { format!("{TOKENS}{}", self.name) } else { self.name.clone() }
    }
}

/// The name of whoever is on this machine, and has no other.
pub const LOCAL: &str = "local";
/// What the owner of what a token makes begins with.
const TOKENS: &str = "token:";

/// Whether a user may have this name: nobody else is called so.
pub fn is_free(name: &str) -> bool {
    name != LOCAL && !name.starts_with(TOKENS)
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // Routes for everybody have nobody to tell.
        parts.extensions.get().cloned().ok_or_else(|| Problem::internal("nobody is known to ask"))
    }
}

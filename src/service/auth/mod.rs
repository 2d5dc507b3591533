//! Who may ask at all, who it is that asks, and what he may do.
//!
//! A request that another site has a browser send is refused (`site`). Who asks is said by a
//! proxy that is believed, by a token, by the session of a browser, or by the connection's coming
//! from this machine (`guard`); tokens and users are in a file (`accounts`), and are proved (`proof`).

mod accounts;
mod body;
mod guard;
mod login;
mod proof;
mod role;
mod secret;
mod sessions;
mod site;

pub use accounts::{Accounts, Token, User, change};
pub(super) use guard::{Guard, admit};
pub(super) use login::refuse;
pub use role::{Caller, Role, Via};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::problem::Problem;
use super::routes::Routes;

pub(super) fn routes() -> Routes {
    login::routes()
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // Routes for everybody have nobody to tell.
        parts.extensions.get().cloned().ok_or_else(|| Problem::internal("nobody is known to ask"))
    }
}

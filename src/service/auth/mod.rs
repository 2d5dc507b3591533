//! Who may ask at all, who it is that asks, and what he may do.
//!
//! A request that another site has a browser send is refused (`site`). Who asks is said by a
//! proxy that is believed, by a token, by the session of a browser, or by the connection's coming
//! from this machine (`guard`); tokens and users are in a file (`accounts`), and are proved (`proof`).

mod accounts;
mod body;
mod guard;
mod known;
mod login;
mod proof;
mod secret;
mod sessions;
mod site;

pub use super::caller::{Caller, Role, Via};
pub use accounts::{Accounts, Token, User, change};
pub(super) use guard::{Guard, admit};

use super::routes::Routes;

pub(super) fn routes() -> Routes {
    login::routes()
}

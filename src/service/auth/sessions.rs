//! Sessions of browsers, after a login. A server that is started again has none.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::accounts::Accounts;
use super::secret::{self, Digest};
use crate::flow::UnixMillis;
use crate::service::caller::{Caller, Via};

/// A session ends when nothing was asked in it for so long.
const IDLE: Duration = Duration::from_hours(8);
/// A session ends after so long, whatever is asked in it.
pub(super) const LASTS: Duration = Duration::from_hours(7 * 24);
/// So many sessions there are. For one more, the one goes that was used longest ago.
const MAX_SESSIONS: usize = 10_000;
/// So many of one login, of which the same goes.
const MAX_OF_LOGIN: usize = 20;

/// As whom somebody has logged in. That he still may is looked up at each request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Login {
    /// As the user of this name, with the password that had this hash.
    User { name: String, hash: String },
    /// With the token of this id, which had this hash.
    Token { id: String, hash: String },
}

/// The sessions, by the digests of their secrets.
#[derive(Default)]
pub(super) struct Sessions(Mutex<HashMap<Digest, Session>>);

struct Session {
    login: Login,
    csrf: String,
    began: Instant,
    used: Instant,
}

impl Session {
    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.used) >= IDLE
            || now.saturating_duration_since(self.began) >= LASTS
    }
}

impl Sessions {
    fn sessions(&self) -> MutexGuard<'_, HashMap<Digest, Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a session, and gives its secret.
    ///
    /// # Errors
    ///
    /// If the system has no random numbers.
    pub(super) fn begin(&self, login: Login, now: Instant) -> Result<String, String> {
        let (secret, csrf) = (secret::new()?, secret::new()?);
        let mut sessions = self.sessions();
        if sessions.len() >= MAX_SESSIONS {
            sessions.retain(|_, session| !session.is_over(now));
        }
        let is_same = |session: &Session| session.login.is_of(&login);
        if sessions.values().filter(|session| is_same(session)).count() >= MAX_OF_LOGIN {
            remove_oldest(&mut sessions, is_same);
        }
        if sessions.len() >= MAX_SESSIONS {
            remove_oldest(&mut sessions, |_| true);
        }
        let session = Session { login, csrf, began: now, used: now };
        sessions.insert(secret::digest_of(&secret), session);
        Ok(secret)
    }

    /// Who asks in the session with this secret, if it goes on and `accounts` still have him.
    pub(super) fn caller(&self, secret: &str, accounts: &Accounts, now: Instant) -> Option<Caller> {
        let digest = secret::digest_of(secret);
        let mut sessions = self.sessions();
        let session = sessions.get_mut(&digest)?;
        let known = (!session.is_over(now)).then(|| session.login.known(accounts)).flatten();
        let Some((name, role)) = known else {
            sessions.remove(&digest);
            return None;
        };
        session.used = now;
        let by_token = matches!(session.login, Login::Token { .. });
        let csrf = Some(session.csrf.clone());
        Some(Caller { name, role, via: Via::Session, csrf, by_token })
    }

    pub(super) fn end(&self, secret: &str) {
        self.sessions().remove(&secret::digest_of(secret));
    }
}

/// Ends the session among some that was used longest ago.
fn remove_oldest(sessions: &mut HashMap<Digest, Session>, among: impl Fn(&Session) -> bool) {
    let some = sessions.iter().filter(|(_, session)| among(session));
    if let Some(oldest) = some.min_by_key(|(_, session)| session.used).map(|(digest, _)| *digest) {
        sessions.remove(&oldest);
    }
}

impl Login {
    /// Whether it is of the same user or token.
    fn is_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::User { name, .. }, Self::User { name: other, .. }) => name == other,
            (Self::Token { id, .. }, Self::Token { id: other, .. }) => id == other,
            _ => false,
        }
    }

    fn known(&self, accounts: &Accounts) -> Option<(String, super::Role)> {
        match self {
            Self::User { name, hash } => {
                let user = accounts.users.get(name)?;
                (user.hash.as_ref() == Some(hash)).then(|| (name.clone(), user.role))
            }
            Self::Token { id, hash } => {
                let token = accounts.tokens.get(id)?;
                let holds = token.hash == *hash && !token.is_over(UnixMillis::now());
                holds.then(|| (token.name.clone(), token.role))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::auth::Role;

    /// Accounts with a user, and his login.
    fn anna() -> (Accounts, Login) {
        let mut accounts = Accounts::default();
        accounts.set_user("anna", Role::Analyst, Some("correct horse battery")).unwrap();
        let hash = accounts.users["anna"].hash.clone().unwrap();
        (accounts, Login::User { name: "anna".to_owned(), hash })
    }

    #[test]
    fn a_session_ends_when_it_is_idle_or_old() {
        let (accounts, login) = anna();
        let (sessions, began) = (Sessions::default(), Instant::now());
        let idle = sessions.begin(login.clone(), began).unwrap();
        let used = sessions.begin(login, began).unwrap();
        assert_ne!(idle, used);
        let goes_on = |secret: &str, after: Duration| {
            sessions.caller(secret, &accounts, began + after).is_some()
        };
        let step = IDLE.saturating_sub(Duration::from_secs(1));
        for steps in 1..=21 {
            assert!(goes_on(&used, step * steps), "{steps}");
        }
        assert!(step * 21 < LASTS && step * 22 > LASTS);
        assert!(!goes_on(&used, LASTS), "it is old");
        assert!(!goes_on(&idle, IDLE), "it is idle");
        assert!(!goes_on(&idle, Duration::ZERO), "it does not come back");
        assert!(!goes_on("guess", Duration::ZERO));
    }

    #[test]
    fn there_are_so_many_sessions_and_no_more() {
        let (accounts, login) = anna();
        let (sessions, began) = (Sessions::default(), Instant::now());
        let at = |number: usize| began + Duration::from_millis(number as u64);
        let first = sessions.begin(login.clone(), at(0)).unwrap();
        let second = sessions.begin(login, at(1)).unwrap();
        for number in 2..=MAX_SESSIONS {
            let other = Login::User { name: number.to_string(), hash: String::new() };
            sessions.begin(other, at(number)).unwrap();
        }
        assert_eq!(sessions.sessions().len(), MAX_SESSIONS);
        assert!(sessions.caller(&first, &accounts, at(MAX_SESSIONS)).is_none());
        assert!(sessions.caller(&second, &accounts, at(MAX_SESSIONS)).is_some());
    }

    #[test]
    fn whoever_logs_in_again_and_again_ends_his_own_sessions_alone() {
        let (mut accounts, login) = anna();
        accounts.set_user("berta", Role::Reader, Some("another long password")).unwrap();
        let hash = accounts.users["berta"].hash.clone().unwrap();
        let (sessions, began) = (Sessions::default(), Instant::now());
        let berta = Login::User { name: "berta".to_owned(), hash };
        let of_berta = sessions.begin(berta, began).unwrap();
        let at = |number: usize| began + Duration::from_millis(number as u64);
        let of_anna: Vec<String> = (0..=MAX_OF_LOGIN)
            .map(|number| sessions.begin(login.clone(), at(number)).unwrap())
            .collect();
        let goes_on = |secret: &str| sessions.caller(secret, &accounts, at(100)).is_some();
        assert!(goes_on(&of_berta) && !goes_on(&of_anna[0]));
        assert!(of_anna[1..].iter().all(|secret| goes_on(secret)));
    }
}

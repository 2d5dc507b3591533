//! Whether a token or a password is right: that takes its time, by design.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::accounts::{self, Accounts, Token};
use super::known::Known;
use super::secret::{self, Digest};
use crate::flow::UnixMillis;
use crate::service::error::ServiceError;
use crate::service::limits::Limiter;
use crate::service::problem::Problem;

/// So many tokens are remembered to be right; then all are looked at again.
const MAX_REMEMBERED: usize = 10_000;
/// So many secrets are looked at at once: each takes 19 MB and some milliseconds.
const AT_ONCE: usize = 2;
/// A hash that nothing is right for, so that a name that nobody has takes as long as another.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA\
                      $AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// The accounts, and what was proved of them.
pub(super) struct Proofs {
    known: Known,
    /// Tokens that were right, with their hashes then.
    remembered: Mutex<HashMap<Digest, String>>,
    turns: Arc<Semaphore>,
}

impl Proofs {
    /// Reads the accounts in `folder`.
    ///
    /// # Errors
    ///
    /// As [`Accounts::read`].
    pub(super) fn open(folder: &Path) -> Result<Self, ServiceError> {
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        Ok(Self { known: Known::open(folder)?, remembered: Mutex::default(), turns })
    }

    /// The accounts as they are now.
    pub(super) fn accounts(&self) -> Arc<Accounts> {
        self.known.now()
    }

    /// The token of this text, with its id, if there is one and it holds.
    ///
    /// # Errors
    ///
    /// [`Problem`] if `peer` was wrong too often.
    pub(super) async fn token(
        &self,
        text: &str,
        peer: IpAddr,
        limiter: &Limiter,
    ) -> Result<Option<(String, Token)>, Problem> {
        let Some((id, secret)) = accounts::split(text) else { return Ok(None) };
        let accounts = self.accounts();
        let token = accounts.tokens.get(id).filter(|token| !token.is_over(UnixMillis::now()));
        let Some(token) = token else { return Ok(None) };
        let digest = secret::digest_of(text);
        let known = || self.remembered().get(&digest) == Some(&token.hash);
        let right = known() || self.proves(secret, &token.hash, peer, limiter, known).await?;
        if right && !known() {
            let mut remembered = self.remembered();
            if remembered.len() >= MAX_REMEMBERED {
                remembered.clear();
            }
            remembered.insert(digest, token.hash.clone());
        }
        Ok(right.then(|| (id.to_owned(), token.clone())))
    }

    /// The hash of the password of the user of this name, if this is it.
    ///
    /// # Errors
    ///
    /// [`Problem`] if `peer` was wrong too often.
    pub(super) async fn password(
        &self,
        name: &str,
        password: &str,
        peer: IpAddr,
        limiter: &Limiter,
    ) -> Result<Option<String>, Problem> {
        let hash = self.accounts().users.get(name).and_then(|user| user.hash.clone());
        let compared = hash.as_deref().unwrap_or(NOBODY);
        let right = self.proves(password, compared, peer, limiter, || false).await?;
        Ok(hash.filter(|_| right))
    }

    /// Whether `secret` is what `hash` was made of. Few are looked at at once; `meanwhile` says
    /// whether that was found out while this one waited.
    async fn proves(
        &self,
        secret: &str,
        hash: &str,
        peer: IpAddr,
        limiter: &Limiter,
        meanwhile: impl Fn() -> bool,
    ) -> Result<bool, Problem> {
        limiter.may_prove(peer)?;
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(Problem::internal)?;
        if meanwhile() {
            return Ok(true);
        }
        limiter.may_prove(peer)?;
        let (secret, hash) = (secret.to_owned(), hash.to_owned());
        // It takes its time, and its turn, also where nobody waits for it any more.
        let work = spawn_blocking(move || {
            let _turn = turn;
            secret::is_right(&secret, &hash)
        });
        let right = work.await.map_err(Problem::internal)?;
        if !right {
            limiter.was_wrong(peer);
        }
        Ok(right)
    }

    fn remembered(&self) -> MutexGuard<'_, HashMap<Digest, String>> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_name_that_nobody_has_takes_as_long_as_another() {
        let took = |hash: &str| {
            let began = Instant::now();
            assert!(!secret::is_right("a guess of somebody", hash));
            began.elapsed()
        };
        let known = secret::hash("correct horse battery").unwrap();
        let least = |hash: &str| (0..5).map(|_| took(hash)).min().unwrap_or(Duration::ZERO);
        assert!(least(NOBODY) * 4 > least(&known));
    }
}

//! Tokens and users, in a file.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::secret;
use crate::flow::UnixMillis;
use crate::service::caller::{Role, is_free};
use crate::service::error::ServiceError;
use crate::service::options::prepare;
use crate::store::StoreError;
use crate::store::durable::NewFile;

pub(super) const FILE: &str = "accounts.json";
const LOCK: &str = "accounts.lock";
/// What every token begins with, so that it is known wherever it is found.
const PREFIX: &str = "egh_";
/// So many letters of a token say which it is; the others prove it.
const ID_LETTERS: usize = 8;
/// A name is no longer than that.
const MAX_NAME: usize = 64;

/// All accounts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Accounts {
    /// Tokens by their first letters.
    pub tokens: BTreeMap<String, Token>,
    /// Users by their names.
    pub users: BTreeMap<String, User>,
}

/// A token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// What its owner calls it.
    pub name: String,
    /// What it may be used for.
    pub role: Role,
    /// When it was made.
    #[serde(with = "crate::flow::text")]
    pub created: UnixMillis,
    /// When it ends, if it does.
    #[serde(with = "crate::flow::text_or_null")]
    pub expires: Option<UnixMillis>,
    pub(super) hash: String,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// What he may do.
    pub role: Role,
    /// When he was added, or changed.
    #[serde(with = "crate::flow::text")]
    pub changed: UnixMillis,
    /// None for whom only a proxy lets in.
    pub(super) hash: Option<String>,
}

impl Token {
    /// Whether it is of no use any more.
    pub fn is_over(&self, now: UnixMillis) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

impl User {
    /// Whether he has a password.
    pub fn has_password(&self) -> bool {
        self.hash.is_some()
    }
}

impl Accounts {
    /// The accounts in `folder`; none where there is no file.
    ///
    /// # Errors
    ///
    /// [`ServiceError::File`] if it cannot be read.
    pub fn read(folder: &Path) -> Result<Self, ServiceError> {
        let path = folder.join(FILE);
        read(&path).map_err(ServiceError::file(&path, "read"))
    }

    /// Whether there is anybody who can prove who he is.
    pub fn let_in(&self, now: UnixMillis) -> bool {
        self.tokens.values().any(|token| !token.is_over(now))
            || self.users.values().any(User::has_password)
    }

    /// Adds a token, and gives its text, which nobody can find out later.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Account`] if the name is taken, or none.
    pub fn add_token(
        &mut self,
        name: &str,
        role: Role,
        expires: Option<UnixMillis>,
    ) -> Result<String, ServiceError> {
        check_name(name)?;
        if self.tokens.values().any(|token| token.name == name) {
            let told =
                format!("there is a token {name:?} already; revoke it, or take another name");
            return Err(ServiceError::Account(told));
        }
        let id = secret::letters(ID_LETTERS).map_err(ServiceError::Account)?;
        let secret = secret::new().map_err(ServiceError::Account)?;
        let hash = secret::hash(&secret).map_err(ServiceError::Account)?;
        let created = UnixMillis::now();
        let token = Token { name: name.to_owned(), role, created, expires, hash };
        self.tokens.insert(id.clone(), token);
        Ok(format!("{PREFIX}{id}{secret}"))
    }

    /// Takes the token of that name away.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Account`] if there is none.
    pub fn revoke(&mut self, name: &str) -> Result<Token, ServiceError> {
        let id = self.tokens.iter().find(|(_, token)| token.name == name).map(|(id, _)| id.clone());
        let missing = || ServiceError::Account(format!("there is no token {name:?}"));
        id.and_then(|id| self.tokens.remove(&id)).ok_or_else(missing)
    }

    /// Adds a user, or changes one; without a password only a proxy lets him in.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Account`] if the name is none, or the password cannot be hashed.
    pub fn set_user(
        &mut self,
        name: &str,
        role: Role,
        password: Option<&str>,
    ) -> Result<(), ServiceError> {
        check_name(name)?;
        let hash = password.map(secret::hash).transpose().map_err(ServiceError::Account)?;
        self.users.insert(name.to_owned(), User { role, changed: UnixMillis::now(), hash });
        Ok(())
    }

    /// Takes a user away.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Account`] if there is none.
    pub fn remove_user(&mut self, name: &str) -> Result<User, ServiceError> {
        let missing = || ServiceError::Account(format!("there is no user {name:?}"));
        self.users.remove(name).ok_or_else(missing)
    }
}

/// Changes the accounts in `folder`, which nobody else does meanwhile.
///
/// # Errors
///
/// What `change` meets, and [`ServiceError::File`] if the file cannot be read or written.
pub fn change<T>(
    folder: &Path,
    change: impl FnOnce(&mut Accounts) -> Result<T, ServiceError>,
) -> Result<T, ServiceError> {
    prepare(folder)?;
    let (path, lock) = (folder.join(FILE), folder.join(LOCK));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    let locked = options.open(&lock).and_then(|file| file.lock().map(|()| file));
    let _locked: File = locked.map_err(ServiceError::file(&lock, "lock"))?;
    let mut accounts = Accounts::read(folder)?;
    let done = change(&mut accounts)?;
    let write = || {
        let mut file = NewFile::create_for(&path, 0o600).map_err(StoreError::into_io)?;
        file.write_all(&serde_json::to_vec_pretty(&accounts)?)?;
        file.finish().map_err(StoreError::into_io)
    };
    write().map_err(ServiceError::file(&path, "write"))?;
    Ok(done)
}

/// Whether a text looks like a token.
pub(super) fn is_token(text: &str) -> bool {
    text.starts_with(PREFIX)
}

/// Which token a text is, and what proves it; none if it is no token.
pub(super) fn split(token: &str) -> Option<(&str, &str)> {
    token.strip_prefix(PREFIX)?.split_at_checked(ID_LETTERS)
}

fn check_name(name: &str) -> Result<(), ServiceError> {
    let fits = |c: char| c.is_alphanumeric() || "-_.@+".contains(c);
    if !is_free(name) {
        return Err(ServiceError::Account(format!("{name} is who asks from this machine")));
    }
    if (1..=MAX_NAME).contains(&name.len()) && name.chars().all(fits) {
        return Ok(());
    }
    Err(ServiceError::Account(format!(
        "{name:?} is no name; write up to {MAX_NAME} letters, digits and -_.@+"
    )))
}

/// The accounts in the file at `path`; none where there is no file.
pub(super) fn read(path: &Path) -> io::Result<Accounts> {
    match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Accounts::default()),
        text => serde_json::from_slice(&text?)
            .map_err(|error| io::Error::new(ErrorKind::InvalidData, error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_called_as_whoever_asks_from_this_machine() {
        let mut accounts = Accounts::default();
        let refused = accounts.set_user("local", Role::Admin, None).unwrap_err().to_string();
        assert_eq!(refused, "local is who asks from this machine");
        assert!(accounts.add_token("local", Role::Reader, None).is_err());
        assert!(accounts.add_token("token:a", Role::Reader, None).is_err());
    }
}

//! The accounts as a running server knows them: it looks at their file whenever that has changed.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};

use super::accounts::{Accounts, FILE, read};
use crate::service::error::ServiceError;

/// The accounts as a running server knows them.
pub(super) struct Known {
    path: PathBuf,
    read: RwLock<(Stamp, Arc<Accounts>)>,
    /// Whether the log was told that the file cannot be had.
    is_away: AtomicBool,
}

/// By what it is told whether a file has changed: it is replaced as a whole.
type Stamp = Option<(u64, i64, i64, u64)>;

impl Known {
    /// # Errors
    ///
    /// As [`Accounts::read`].
    pub(super) fn open(folder: &Path) -> Result<Self, ServiceError> {
        let path = folder.join(FILE);
        let stamp = stamp(&path).map_err(ServiceError::file(&path, "read"))?;
        let accounts = Arc::new(Accounts::read(folder)?);
        Ok(Self { path, read: RwLock::new((stamp, accounts)), is_away: AtomicBool::new(false) })
    }

    /// The accounts as they are now. Where they mean nothing, nobody has one; where they cannot be
    /// had just now, they are as they were.
    pub(super) fn now(&self) -> Arc<Accounts> {
        let stamp = stamp(&self.path);
        let (known_by, known) = self.read.read().unwrap_or_else(PoisonError::into_inner).clone();
        if stamp.as_ref().is_ok_and(|stamp| *stamp == known_by) {
            return known;
        }
        let path = self.path.display();
        let read = stamp.and_then(|stamp| match read(&self.path) {
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                tracing::error!("{path}: nobody is let in: {error}");
                Ok((stamp, Accounts::default()))
            }
            accounts => Ok((stamp, accounts?)),
        });
        match read {
            Ok((stamp, accounts)) => {
                let accounts = Arc::new(accounts);
                let mut read = self.read.write().unwrap_or_else(PoisonError::into_inner);
                *read = (stamp, Arc::clone(&accounts));
                self.is_away.store(false, Relaxed);
                accounts
            }
            Err(error) => {
                if !self.is_away.swap(true, Relaxed) {
                    tracing::error!("{path}: the accounts stay as they were: {error}");
                }
                known
            }
        }
    }
}

/// None where there is no file.
fn stamp(path: &Path) -> io::Result<Stamp> {
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        metadata => metadata?,
    };
    Ok(Some((metadata.ino(), metadata.mtime(), metadata.mtime_nsec(), metadata.size())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::auth::{Role, change};

    #[test]
    fn accounts_that_cannot_be_had_just_now_stay_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let add = |name: &str| {
            change(folder.path(), |accounts| accounts.set_user(name, Role::Reader, None)).unwrap();
        };
        add("anna");
        let known = Known::open(folder.path()).unwrap();
        let names = || known.now().users.keys().cloned().collect::<Vec<_>>();
        add("berta");
        assert_eq!(names(), ["anna", "berta"]);
        // What is there is no file that could be read.
        let path = folder.path().join(FILE);
        fs::rename(&path, folder.path().join("aside")).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(names(), ["anna", "berta"]);
        fs::remove_dir(&path).unwrap();
        fs::write(&path, "{").unwrap();
        assert_eq!(names(), [""; 0]);
        fs::rename(folder.path().join("aside"), &path).unwrap();
        assert_eq!(names(), ["anna", "berta"]);
        fs::remove_file(&path).unwrap();
        assert_eq!(names(), [""; 0]);
    }
}

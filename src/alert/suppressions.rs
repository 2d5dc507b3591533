//! Suppressions in a file: of the commands and of the server of a folder.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, chown};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::detect::Suppression;
use crate::load::chain;
use crate::request::{Suppressions, Surroundings};
use crate::store::durable;

const FILE: &str = "suppressions.json";
const LOCK: &str = "suppressions.lock";
/// The version of the file.
const FORMAT: u32 = 1;
/// So many there are at most: each is looked at for each detection.
const MAX: usize = 10_000;

/// What cannot be done about suppressions.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SuppressionsError {
    /// The file cannot be read or written.
    #[error("{}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The file is of a later version.
    #[error("{}: format {found} is of a later version; this one knows {FORMAT}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// There are too many.
    #[error("there are {MAX} suppressions; remove some")]
    Full,
    /// There is none of this number.
    #[error("there is no suppression {0}")]
    Unknown(u64),
}

type Result<T> = std::result::Result<T, SuppressionsError>;

#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    format: u32,
    /// The number of the next one: none is used again.
    next: u64,
    suppressions: Vec<Suppression>,
}

/// All suppressions of `folder`, by number; none where there is no file.
///
/// # Errors
///
/// [`SuppressionsError`] if the file cannot be read.
pub fn suppressions(folder: &Path) -> Result<Vec<Suppression>> {
    Ok(read(&folder.join(FILE))?.suppressions)
}

/// What need not be told by what `folder` has, as it is read `around`, and what of that does not hold, a
/// sentence each: nothing is suppressed by a file that cannot be read.
pub fn suppressed(folder: &Path, around: &Surroundings<'_>) -> (Suppressions, Vec<String>) {
    let all = match suppressions(folder) {
        Ok(all) => all,
        Err(error) => {
            let told = format!("nothing is suppressed: {}", chain(&error));
            return (Suppressions::default(), vec![told]);
        }
    };
    let (all, wrong) = Suppressions::new(all, around);
    let told = |(number, why)| format!("suppression {number} does not hold: {why}");
    (all, wrong.into_iter().map(told).collect())
}

/// Keeps `suppression` in `folder`; gives its number.
///
/// # Errors
///
/// [`SuppressionsError`].
pub fn suppress(folder: &Path, suppression: Suppression) -> Result<u64> {
    change(folder, |kept| {
        if kept.suppressions.len() >= MAX {
            return Err(SuppressionsError::Full);
        }
        let number = kept.next;
        kept.next += 1;
        kept.suppressions.push(Suppression { number, ..suppression });
        Ok(number)
    })
}

/// Forgets the suppression of that number in `folder`.
///
/// # Errors
///
/// [`SuppressionsError`].
pub fn unsuppress(folder: &Path, number: u64) -> Result<()> {
    change(folder, |kept| {
        let before = kept.suppressions.len();
        kept.suppressions.retain(|suppression| suppression.number != number);
        if kept.suppressions.len() == before {
            return Err(SuppressionsError::Unknown(number));
        }
        Ok(())
    })
}

fn file_error(path: &Path) -> impl FnOnce(io::Error) -> SuppressionsError + use<> {
    let path = path.to_owned();
    move |source| SuppressionsError::File { path, source }
}

fn read(path: &Path) -> Result<Kept> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Ok(Kept { format: FORMAT, next: 1, suppressions: Vec::new() });
        }
        Err(error) => return Err(file_error(path)(error)),
    };
    let kept = |error: serde_json::Error| file_error(path)(error.into());
    let head: serde_json::Value = serde_json::from_slice(&bytes).map_err(kept)?;
    let found = head["format"].as_u64().unwrap_or(0) as u32;
    if found > FORMAT {
        return Err(SuppressionsError::Newer { path: path.to_owned(), found });
    }
    serde_json::from_value(head).map_err(|error| file_error(path)(error.into()))
}

/// Changes the file while nobody else does.
fn change<T>(folder: &Path, change: impl FnOnce(&mut Kept) -> Result<T>) -> Result<T> {
    let path = folder.join(FILE);
    let failed = || file_error(&path);
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(folder).map_err(failed())?;
    let lock: File = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(folder.join(LOCK))
        .map_err(failed())?;
    // Whoever has it changes a small file.
    lock.lock().map_err(failed())?;
    let mut kept = read(&path)?;
    let changed = change(&mut kept)?;
    let bytes = serde_json::to_vec_pretty(&kept).map_err(|error| failed()(error.into()))?;
    durable::replace(&path, &bytes).map_err(|error| failed()(io::Error::other(error)))?;
    // Whoever may do everything leaves them to the server whose folder it is.
    let owner = fs::metadata(folder).map_err(failed())?;
    for file in [&path, &folder.join(LOCK)] {
        if fs::metadata(file).map_err(failed())?.uid() != owner.uid() {
            chown(file, Some(owner.uid()), Some(owner.gid())).map_err(failed())?;
        }
    }
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::UnixMillis;

    fn suppression(reason: &str) -> Suppression {
        Suppression {
            number: 0,
            kinds: Vec::new(),
            id: Some("1".to_owned()),
            written: Some("src ip 10.0.0.1".to_owned()),
            reason: reason.to_owned(),
            by: "ann".to_owned(),
            added: UnixMillis(1_000),
            until: Some(UnixMillis(2_000)),
        }
    }

    #[test]
    fn what_is_kept_is_there_again_and_numbers_are_used_once() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("new");
        assert_eq!(suppressions(&folder).unwrap(), []);
        assert_eq!(suppress(&folder, suppression("one")).unwrap(), 1);
        assert_eq!(suppress(&folder, suppression("two")).unwrap(), 2);
        unsuppress(&folder, 2).unwrap();
        assert_eq!(suppress(&folder, suppression("three")).unwrap(), 3);
        let kept = suppressions(&folder).unwrap();
        assert_eq!(kept[0], Suppression { number: 1, ..suppression("one") });
        assert_eq!(kept[1], Suppression { number: 3, ..suppression("three") });
        assert!(matches!(unsuppress(&folder, 2), Err(SuppressionsError::Unknown(2))));
    }

    #[test]
    fn many_at_once_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..5 {
                        suppress(folder.path(), suppression("one")).unwrap();
                    }
                });
            }
        });
        let numbers: Vec<u64> =
            suppressions(folder.path()).unwrap().iter().map(|kept| kept.number).collect();
        assert_eq!(numbers, (1..=40).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_no_such_file_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        fs::write(&file, b"{\"format\":2,\"next\":1,\"suppressions\":[]}").unwrap();
        let error = suppressions(folder.path()).unwrap_err();
        assert!(error.to_string().contains("later version"), "{error}");
        fs::write(&file, b"{").unwrap();
        assert!(matches!(suppressions(folder.path()), Err(SuppressionsError::File { .. })));
        // Nothing is lost by a change.
        assert!(suppress(folder.path(), suppression("one")).is_err());
        assert_eq!(fs::read(&file).unwrap(), b"{");
    }
}

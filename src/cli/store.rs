//! From the setting to the store.

use std::path::{Path, PathBuf};

use super::failure::Usage;
use super::settings::Settings;
use crate::store::Store;
use crate::store::embedded::EmbeddedStore;

/// The store that the settings name. There need not be one yet.
///
/// # Errors
///
/// [`Usage`] if they name none, or one of a kind that is not known.
pub(crate) fn open(settings: &Settings) -> Result<Box<dyn Store>, Usage> {
    Ok(Box::new(embedded(settings)?))
}

/// The embedded store that the settings name, for what only that can do.
///
/// # Errors
///
/// As [`open`].
pub(crate) fn embedded(settings: &Settings) -> Result<EmbeddedStore, Usage> {
    path(settings).map(EmbeddedStore::new)
}

/// The folder of the embedded store.
fn path(settings: &Settings) -> Result<PathBuf, Usage> {
    let Some(named) = &settings.store.value else {
        return Err(Usage("no store is named; name its folder with --store".to_owned()));
    };
    let scheme = named.to_str().and_then(|url| url.split_once("://"));
    let refuse = |problem: &str| {
        Err(Usage(format!("store {} ({}): {problem}", named.display(), settings.store.origin)))
    };
    match scheme {
        None => Ok(named.clone()),
        Some(("file", path)) if Path::new(path).is_absolute() => Ok(PathBuf::from(path)),
        Some(("file", _)) => refuse("a file URL has three slashes: file:///var/lib/flows"),
        Some(("hbase", _)) => {
            refuse("this version has only the embedded store; name its folder by a path")
        }
        Some(_) => refuse("no kind of store that is known; name its folder by a path"),
    }
}

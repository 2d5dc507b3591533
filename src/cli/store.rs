//! From the setting to the store.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::failure::Usage;
use super::settings::Settings;
use crate::flow::Names;
use crate::load::chain;
use crate::row::Order;
use crate::store::elastic::{self, ElasticStore};
use crate::store::embedded::EmbeddedStore;
use crate::store::hbase::{HbaseStore, Location, Options};
use crate::store::wrap::NamedStore;
use crate::store::{Store, StoreError};

/// Where the settings say that the store is.
pub(crate) enum Place {
    /// The embedded store in a folder.
    Folder(PathBuf),
    /// Tables in HBase.
    Hbase(Location),
    /// An index of Elasticsearch or OpenSearch.
    Elastic(elastic::Location),
}

/// The store that the settings name. There need not be one yet.
///
/// # Errors
///
/// [`Usage`] if they name none, or one of a kind that is not known.
pub(crate) fn open(settings: &Settings) -> Result<Box<dyn Store>, Usage> {
    open_with(settings, &Order::ALL)
}

/// As [`open`]; if there is no store yet, the one that is made has `orders`.
///
/// # Errors
///
/// As [`open`], and if a store of that kind always has both orders.
pub(crate) fn open_with(settings: &Settings, orders: &[Order]) -> Result<Box<dyn Store>, Usage> {
    let store: Box<dyn Store> = match place(settings)? {
        Place::Folder(_) if orders != Order::ALL => {
            return Err(Usage("the embedded store always has both orders".to_owned()));
        }
        Place::Folder(folder) => Box::new(EmbeddedStore::new(folder)),
        Place::Hbase(location) => {
            let options = Options { orders: orders.to_vec(), ..settings.hbase_options() };
            Box::new(HbaseStore::new(location, options))
        }
        Place::Elastic(location) => {
            let store = ElasticStore::new(location, &settings.elastic_options());
            Box::new(store.map_err(|error| Usage(chain(&error)))?)
        }
    };
    let sources = Arc::clone(&settings.meaning.sources);
    if !sources.names_exporters() {
        return Ok(store);
    }
    let name = move |names: &mut Names| {
        let meaning = sources.now().map_err(|error| StoreError::Io {
            path: error.file().unwrap_or(Path::new("")).to_owned(),
            doing: "read",
            source: io::Error::other(error),
        })?;
        meaning.exporters().iter().for_each(|exporters| exporters.name(names));
        Ok(())
    };
    Ok(Box::new(NamedStore::new(store, name)))
}

/// The embedded store that the settings name, for what only that can do.
///
/// # Errors
///
/// As [`open`], and if the store is another one.
pub(crate) fn embedded(settings: &Settings) -> Result<EmbeddedStore, Usage> {
    match place(settings)? {
        Place::Folder(folder) => Ok(EmbeddedStore::new(folder)),
        Place::Hbase(location) => Err(Usage(format!(
            "{location}: this command is for the embedded store; HBase looks after its own files"
        ))),
        Place::Elastic(location) => Err(Usage(format!(
            "{location}: this command is for the embedded store; Elasticsearch looks after its own \
             files, and flows there are only read here"
        ))),
    }
}

/// The embedded store, if it is the one that the settings name.
///
/// # Errors
///
/// As [`open`].
pub(crate) fn if_embedded(settings: &Settings) -> Result<Option<EmbeddedStore>, Usage> {
    Ok(match place(settings)? {
        Place::Folder(folder) => Some(EmbeddedStore::new(folder)),
        Place::Hbase(_) | Place::Elastic(_) => None,
    })
}

/// Reads which orders a store in HBase is made with: both, or only by source.
pub(crate) fn orders() -> impl TypedValueParser<Value = &'static [Order]> {
    let read = |orders: String| if orders == "src" { &[Order::Src][..] } else { &Order::ALL };
    PossibleValuesParser::new(["both", "src"]).map(read)
}

/// Where the store is.
///
/// # Errors
///
/// As [`open`].
pub(crate) fn place(settings: &Settings) -> Result<Place, Usage> {
    let Some(named) = &settings.store.value else {
        return Err(Usage("no store is named; name its folder with --store".to_owned()));
    };
    let scheme = named.to_str().and_then(|url| url.split_once("://"));
    let refuse = |problem: &str| {
        let (named, origin) = (named.display().to_string(), &settings.store.origin);
        Err(Usage(format!("store {} ({origin}): {problem}", elastic::shown(&named))))
    };
    match scheme {
        None => Ok(Place::Folder(named.clone())),
        Some(("file", path)) if Path::new(path).is_absolute() => Ok(Place::Folder(path.into())),
        Some(("file", _)) => refuse("a file URL has three slashes: file:///var/lib/flows"),
        Some(("hbase", _)) => named
            .to_string_lossy()
            .parse()
            .map(Place::Hbase)
            .map_err(|error| Usage(format!("{}: {error}", settings.store.origin))),
        Some(("elastic" | "elastics", _)) => named
            .to_string_lossy()
            .parse()
            .map(Place::Elastic)
            .map_err(|error| Usage(format!("{}: {error}", settings.store.origin))),
        Some(_) => refuse("no kind of store that is known; name its folder by a path"),
    }
}

//! A database of a MongoDB: reached when something is to be kept or read, and waited for by whoever
//! asks.

mod json;

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::time::Duration;

use mongodb::bson::Document;
use mongodb::error::ErrorKind;
use mongodb::options::{Acknowledgment, ClientOptions, WriteConcern};
use mongodb::{Client, Collection, Database, IndexModel};
use tokio::runtime::Runtime;

use super::{KeepError, Result};
pub(crate) use json::{NotKept, read, written};

/// The database where the URL names none.
const DATABASE: &str = "EarlGrey";

/// How long a server is looked for, and how long one that was found may take for an answer.
const REACH_WITHIN: Duration = Duration::from_secs(5);
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// The server's number for a document that is there already.
const DUPLICATE_KEY: i32 = 11_000;

/// A database of a MongoDB. `Display` names it without users and passwords.
pub(crate) struct MongoPlace {
    /// `mongodb://host:port/database`.
    place: String,
    database: Database,
    /// What the driver works on. None while it ends.
    runtime: Option<Runtime>,
}

impl MongoPlace {
    /// The database that `url` names. The server is looked for when something is to be kept or read.
    ///
    /// # Errors
    ///
    /// [`KeepError::Refused`] if the URL names no MongoDB.
    pub(crate) fn new(url: &str) -> Result<Self> {
        let refused = |error: Box<dyn Error + Send + Sync>| KeepError::Refused {
            place: "MongoDB".to_owned(),
            doing: "read its URL",
            source: error,
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("mongodb")
            .enable_all()
            .build()
            .map_err(|error| refused(error.into()))?;
        let options = runtime.block_on(async { ClientOptions::parse(url).await });
        let mut options = options.map_err(|error| refused(error.into()))?;
        options.server_selection_timeout.get_or_insert(REACH_WITHIN);
        options.connect_timeout.get_or_insert(REACH_WITHIN);
        // What a call did is on more disks than one, where there are more.
        let durable = WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build();
        options.write_concern.get_or_insert(durable);
        let hosts: Vec<String> = options.hosts.iter().map(ToString::to_string).collect();
        let context = runtime.enter();
        let client = Client::with_options(options).map_err(|error| refused(error.into()))?;
        drop(context);
        let database = client.default_database().unwrap_or_else(|| client.database(DATABASE));
        let place = format!("mongodb://{}/{}", hosts.join(","), database.name());
        Ok(Self { place, database, runtime: Some(runtime) })
    }

    pub(crate) fn collection(&self, name: &str) -> Collection<Document> {
        self.database.collection(name)
    }

    /// Waits for what the driver does; the error is the driver's.
    pub(crate) fn try_wait<T>(
        &self,
        doing: &'static str,
        work: impl Future<Output = mongodb::error::Result<T>>,
    ) -> Result<mongodb::error::Result<T>> {
        let unreachable = |problem: &str| KeepError::Unreachable {
            place: self.place.clone(),
            problem: format!("{doing}: {problem}"),
        };
        let Some(runtime) = &self.runtime else { return Err(unreachable("it is ending")) };
        let limited = async { tokio::time::timeout(ANSWER_WITHIN, work).await };
        match runtime.block_on(limited) {
            Ok(Err(error)) if is_away(&error) => Err(unreachable(&error.to_string())),
            Ok(done) => Ok(done),
            Err(_) => Err(unreachable(&format!("no answer within {ANSWER_WITHIN:?}"))),
        }
    }

    /// Waits for what the driver does.
    pub(crate) fn wait<T>(
        &self,
        doing: &'static str,
        work: impl Future<Output = mongodb::error::Result<T>>,
    ) -> Result<T> {
        self.try_wait(doing, work)?.map_err(|error| self.refused(doing, error))
    }

    pub(crate) fn refused(
        &self,
        doing: &'static str,
        error: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> KeepError {
        KeepError::Refused { place: self.place.clone(), doing, source: error.into() }
    }

    /// The documents that `find` finds, each as `read` reads it.
    pub(crate) fn all<T>(
        &self,
        doing: &'static str,
        find: mongodb::action::Find<'_, Document>,
        read: impl Fn(Document) -> Result<T, NotKept>,
    ) -> Result<Vec<T>> {
        let found = self.wait(doing, async {
            let mut cursor = find.await?;
            let mut found = Vec::new();
            while cursor.advance().await? {
                found.push(cursor.deserialize_current()?);
            }
            Ok(found)
        })?;
        found.into_iter().map(read).collect::<Result<_, _>>().map_err(|e| self.refused(doing, e))
    }

    /// Has the server find documents by these indexes, without reading all. One that knows no indexes
    /// reads all.
    pub(crate) fn have_indexes(
        &self,
        collection: &Collection<Document>,
        indexes: impl IntoIterator<Item = IndexModel>,
    ) -> Result<()> {
        let made =
            self.try_wait("make an index", async { collection.create_indexes(indexes).await })?;
        if let Err(error) = made {
            tracing::debug!("{self}: {error}");
        }
        Ok(())
    }
}

/// Whether the server cannot be reached, or cannot answer just now.
fn is_away(error: &mongodb::error::Error) -> bool {
    let retryable = ["RetryableWriteError", "RetryableError", "TransientTransactionError"];
    matches!(
        *error.kind,
        ErrorKind::Io(_)
            | ErrorKind::ServerSelection { .. }
            | ErrorKind::ConnectionPoolCleared { .. }
    ) || retryable.iter().any(|label| error.contains_label(label))
}

/// Whether there was a document with the `_id` of one that was to be added.
pub(crate) fn is_duplicate(error: &mongodb::error::Error) -> bool {
    use mongodb::error::WriteFailure::WriteError;
    match &*error.kind {
        ErrorKind::Write(WriteError(refused)) => refused.code == DUPLICATE_KEY,
        ErrorKind::InsertMany(refused) => refused
            .write_errors
            .as_ref()
            .is_some_and(|errors| errors.iter().any(|error| error.code == DUPLICATE_KEY)),
        _ => false,
    }
}

impl fmt::Display for MongoPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)
    }
}

impl Drop for MongoPlace {
    fn drop(&mut self) {
        // A runtime must not wait for its end where others must not wait.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

//! Jobs in a MongoDB: the collection `Jobs`, and one of results for each job, such as
//! `FlowQuery-20251009085310`, whose documents have the number of the result as `_id`.

mod documents;

use std::fmt;
use std::future::Future;
use std::time::Duration;

use mongodb::bson::{Bson, Document, doc};
use mongodb::error::{Error, ErrorKind};
use mongodb::options::{Acknowledgment, ClientOptions, WriteConcern};
use mongodb::{Client, Collection, Database, IndexModel};
use tokio::runtime::Runtime;

use super::keeper::Result;
use super::{Job, JobId, Keeper, KeeperError, Status};
use crate::keep::{KeepError, bounded};
use documents::{document_of, job_of, kept_row, result_row};

/// The database where the URL names none.
const DATABASE: &str = "EarlGrey";
const JOBS: &str = "Jobs";

/// How long a server is looked for, and how long one that was found may take for an answer.
const REACH_WITHIN: Duration = Duration::from_secs(5);
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// The server's number for a document that is there already.
const DUPLICATE_KEY: i32 = 11_000;

/// Keeps jobs in a MongoDB.
pub struct MongoKeeper {
    /// `mongodb://host:port/database`, without users and passwords.
    place: String,
    database: Database,
    /// What the driver works on. None while it ends.
    runtime: Option<Runtime>,
}

impl MongoKeeper {
    /// Keeps jobs where `url` says. The server is looked for when something is to be kept or read.
    ///
    /// # Errors
    ///
    /// [`KeepError::Refused`] if the URL names no MongoDB.
    pub fn new(url: &str) -> Result<Self> {
        let refused = |error: Box<dyn std::error::Error + Send + Sync>| KeepError::Refused {
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

    fn jobs_kept(&self) -> Collection<Document> {
        self.database.collection(JOBS)
    }

    fn results_kept(&self, job: &Job) -> Collection<Document> {
        self.database.collection(&format!("{}-{}", job.kind, job.id))
    }

    /// Waits for what the driver does; the error is the driver's.
    fn try_wait<T>(
        &self,
        doing: &'static str,
        work: impl Future<Output = mongodb::error::Result<T>>,
    ) -> Result<mongodb::error::Result<T>> {
        let unreachable = |problem: &str| KeepError::Unreachable {
            place: self.place.clone(),
            problem: format!("{doing}: {problem}"),
        };
        let Some(runtime) = &self.runtime else { return Err(unreachable("it is ending").into()) };
        let limited = async { tokio::time::timeout(ANSWER_WITHIN, work).await };
        match runtime.block_on(limited) {
            Ok(Err(error)) if is_away(&error) => Err(unreachable(&error.to_string()).into()),
            Ok(done) => Ok(done),
            Err(_) => Err(unreachable(&format!("no answer within {ANSWER_WITHIN:?}")).into()),
        }
    }

    fn wait<T>(
        &self,
        doing: &'static str,
        work: impl Future<Output = mongodb::error::Result<T>>,
    ) -> Result<T> {
        self.try_wait(doing, work)?.map_err(|error| self.refused(doing, error))
    }

    fn refused(
        &self,
        doing: &'static str,
        error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> KeeperError {
        KeepError::Refused { place: self.place.clone(), doing, source: error.into() }.into()
    }

    /// The documents that `find` finds, each as `read` reads it.
    fn all<T>(
        &self,
        doing: &'static str,
        find: mongodb::action::Find<'_, Document>,
        read: impl Fn(Document) -> Result<T, documents::NotKept>,
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

    /// Has the server find jobs in their order, and by what they are, without reading all. One that
    /// knows no indexes reads all.
    fn have_indexes(&self) -> Result<()> {
        let of = |keys: Document| IndexModel::builder().keys(keys).build();
        let indexes = [of(doc! { "second": -1, "number": -1 }), of(doc! { "status": 1 })];
        let made = self
            .try_wait("make an index", async { self.jobs_kept().create_indexes(indexes).await })?;
        if let Err(error) = made {
            tracing::debug!("{self}: {error}");
        }
        Ok(())
    }

    fn drop_results(&self, job: &Job) -> Result<()> {
        let (doing, results) = ("forget results", self.results_kept(job));
        if self.try_wait(doing, async { results.drop().await })?.is_ok() {
            return Ok(());
        }
        // Servers of this protocol do not agree on what they say where there is nothing to drop; they
        // do where there is nothing to delete.
        self.wait(doing, async { results.delete_many(doc! {}).await }).map(drop)
    }
}

/// Whether the server cannot be reached, or cannot answer just now.
fn is_away(error: &Error) -> bool {
    let retryable = ["RetryableWriteError", "RetryableError", "TransientTransactionError"];
    matches!(
        *error.kind,
        ErrorKind::Io(_)
            | ErrorKind::ServerSelection { .. }
            | ErrorKind::ConnectionPoolCleared { .. }
    ) || retryable.iter().any(|label| error.contains_label(label))
}

fn is_duplicate(error: &Error) -> bool {
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

fn id_of(id: JobId) -> Document {
    doc! { "_id": id.to_string() }
}

impl fmt::Display for MongoKeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)
    }
}

impl Drop for MongoKeeper {
    fn drop(&mut self) {
        // A runtime must not wait for its end where others must not wait.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Keeper for MongoKeeper {
    fn add(&self, job: &Job) -> Result<()> {
        let doing = "add a job";
        let kept = document_of(job).map_err(|error| self.refused(doing, error))?;
        let added = self.try_wait(doing, async { self.jobs_kept().insert_one(kept).await })?;
        match added {
            Err(error) if is_duplicate(&error) => {
                if self.job(job.id)?.as_ref() == Some(job) {
                    return Ok(());
                }
                Err(KeeperError::Exists(job.id))
            }
            Err(error) => Err(self.refused(doing, error)),
            Ok(_) => Ok(()),
        }
    }

    fn job(&self, id: JobId) -> Result<Option<Job>> {
        let doing = "read a job";
        let kept = self.wait(doing, async { self.jobs_kept().find_one(id_of(id)).await })?;
        kept.map(job_of).transpose().map_err(|error| self.refused(doing, error))
    }

    fn jobs(&self, offset: u64, limit: u64) -> Result<Vec<Job>> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let jobs = self.jobs_kept();
        let newest = jobs.find(doc! {}).sort(doc! { "second": -1, "number": -1 });
        self.all(
            "list the jobs",
            newest.skip(bounded(offset).cast_unsigned()).limit(bounded(limit)),
            job_of,
        )
    }

    fn unfinished(&self) -> Result<Vec<Job>> {
        self.have_indexes()?;
        let unfinished = [Status::Created.name(), Status::Started.name()];
        let jobs = self.jobs_kept();
        let oldest = jobs.find(doc! { "status": { "$in": &unfinished[..] } });
        self.all("list the jobs", oldest.sort(doc! { "second": 1, "number": 1 }), job_of)
    }

    fn replace(&self, job: &Job, from: Status) -> Result<bool> {
        let doing = "keep a job";
        let kept = document_of(job).map_err(|error| self.refused(doing, error))?;
        let mut known = id_of(job.id);
        known.insert("status", from.name());
        let done = self.wait(doing, async { self.jobs_kept().replace_one(known, kept).await })?;
        // It may have been done before, and the answer lost.
        Ok(done.matched_count > 0 || self.job(job.id)?.as_ref() == Some(job))
    }

    fn append(&self, job: &Job, first: u64, rows: &[String]) -> Result<()> {
        let doing = "keep results";
        let numbered = rows.iter().zip(first..).map(|(row, number)| kept_row(row, bounded(number)));
        let numbered: Vec<Document> =
            numbered.collect::<Result<_, _>>().map_err(|error| self.refused(doing, error))?;
        let results = self.results_kept(job);
        let added = self.try_wait(doing, async { results.insert_many(&numbered).await })?;
        match added {
            Err(error) if is_duplicate(&error) => {
                // Some of them, or all, were kept by a call whose answer was lost.
                let these = doc! { "_id": { "$gte": bounded(first) } };
                self.wait(doing, async { results.delete_many(these).await })?;
                self.wait(doing, async { results.insert_many(&numbered).await }).map(drop)
            }
            added => added.map(drop).map_err(|error| self.refused(doing, error)),
        }
    }

    fn results(&self, job: &Job, offset: u64, limit: u64) -> Result<Vec<String>> {
        let until = bounded(offset.saturating_add(limit));
        let results = self.results_kept(job);
        let these = doc! { "_id": { "$gte": bounded(offset), "$lt": Bson::Int64(until) } };
        self.all("read results", results.find(these).sort(doc! { "_id": 1 }), result_row)
    }

    fn clear(&self, job: &Job) -> Result<()> {
        self.drop_results(job)
    }

    fn remove(&self, job: &Job) -> Result<()> {
        self.drop_results(job)?;
        let id = id_of(job.id);
        self.wait("forget a job", async { self.jobs_kept().delete_one(id).await }).map(drop)
    }
}

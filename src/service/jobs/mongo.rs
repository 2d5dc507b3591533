//! Jobs in a MongoDB: the collection `Jobs`, and one of results for each job, such as
//! `FlowQuery-20251009085310`, whose documents have the number of the result as `_id`.

use std::fmt;

use mongodb::bson::{Bson, DateTime, Document, doc};
use mongodb::{Collection, IndexModel};

use super::keeper::Result;
use super::{Job, JobId, Keeper, KeeperError, Status};
use crate::keep::{MongoPlace, NotKept, bounded, is_duplicate, read, written};

const JOBS: &str = "Jobs";

/// The fields of jobs that are times.
const TIMES: [&str; 5] = ["created", "queued", "started", "ended", "expired"];

/// Keeps jobs in a MongoDB.
pub struct MongoKeeper {
    place: MongoPlace,
}

impl MongoKeeper {
    /// Keeps jobs where `url` says. The server is looked for when something is to be kept or read.
    ///
    /// # Errors
    ///
    /// [`KeepError::Refused`](crate::keep::KeepError::Refused) if the URL names no MongoDB.
    pub fn new(url: &str) -> Result<Self> {
        Ok(Self { place: MongoPlace::new(url)? })
    }

    fn jobs_kept(&self) -> Collection<Document> {
        self.place.collection(JOBS)
    }

    fn results_kept(&self, job: &Job) -> Collection<Document> {
        self.place.collection(&format!("{}-{}", job.kind, job.id))
    }

    /// Has the server find jobs in their order, and by what they are.
    fn have_indexes(&self) -> Result<()> {
        let of = |keys: Document| IndexModel::builder().keys(keys).build();
        let indexes = [of(doc! { "second": -1, "number": -1 }), of(doc! { "status": 1 })];
        Ok(self.place.have_indexes(&self.jobs_kept(), indexes)?)
    }

    fn drop_results(&self, job: &Job) -> Result<()> {
        let (doing, results) = ("forget results", self.results_kept(job));
        if self.place.try_wait(doing, async { results.drop().await })?.is_ok() {
            return Ok(());
        }
        // Servers of this protocol do not agree on what they say where there is nothing to drop; they
        // do where there is nothing to delete.
        self.place.wait(doing, async { results.delete_many(doc! {}).await })?;
        Ok(())
    }
}

fn id_of(id: JobId) -> Document {
    doc! { "_id": id.to_string() }
}

/// The document of a job.
fn document_of(job: &Job) -> Result<Document, NotKept> {
    let text = serde_json::to_string(job).map_err(NotKept::because)?;
    let (second, number) = job.id.numbers();
    let mut document = Document::new();
    document.insert("_id", job.id.to_string());
    for (name, value) in read(&text)? {
        let value = match value {
            Bson::Int64(ms) if TIMES.contains(&name.as_str()) => {
                Bson::DateTime(DateTime::from_millis(ms))
            }
            value => value,
        };
        if name != "id" {
            document.insert(name, value);
        }
    }
    // What jobs are sorted by.
    document.insert("second", second);
    document.insert("number", number);
    Ok(document)
}

/// The job of a document.
fn job_of(mut document: Document) -> Result<Job, NotKept> {
    let id = document.remove("_id").unwrap_or(Bson::Null);
    document.insert("id", id);
    serde_json::from_str(&written(&document)?).map_err(NotKept::because)
}

/// The document of the result of that number.
fn kept_row(row: &str, number: i64) -> Result<Document, NotKept> {
    let mut document = Document::new();
    document.insert("_id", number);
    document.extend(read(row)?);
    Ok(document)
}

/// The result of a document.
fn result_row(mut document: Document) -> Result<String, NotKept> {
    document.remove("_id");
    written(&document)
}

impl fmt::Display for MongoKeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.place.fmt(f)
    }
}

impl Keeper for MongoKeeper {
    fn add(&self, job: &Job) -> Result<()> {
        let doing = "add a job";
        let kept = document_of(job).map_err(|error| self.place.refused(doing, error))?;
        let added =
            self.place.try_wait(doing, async { self.jobs_kept().insert_one(kept).await })?;
        match added {
            Err(error) if is_duplicate(&error) => {
                if self.job(job.id)?.as_ref() == Some(job) {
                    return Ok(());
                }
                Err(KeeperError::Exists(job.id))
            }
            Err(error) => Err(self.place.refused(doing, error).into()),
            Ok(_) => Ok(()),
        }
    }

    fn job(&self, id: JobId) -> Result<Option<Job>> {
        let doing = "read a job";
        let kept = self.place.wait(doing, async { self.jobs_kept().find_one(id_of(id)).await })?;
        Ok(kept.map(job_of).transpose().map_err(|error| self.place.refused(doing, error))?)
    }

    fn jobs(&self, offset: u64, limit: u64) -> Result<Vec<Job>> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let jobs = self.jobs_kept();
        let newest = jobs.find(doc! {}).sort(doc! { "second": -1, "number": -1 });
        let these = newest.skip(bounded(offset).cast_unsigned()).limit(bounded(limit));
        Ok(self.place.all("list the jobs", these, job_of)?)
    }

    fn unfinished(&self) -> Result<Vec<Job>> {
        self.have_indexes()?;
        let unfinished = [Status::Created.name(), Status::Started.name()];
        let jobs = self.jobs_kept();
        let oldest = jobs.find(doc! { "status": { "$in": &unfinished[..] } });
        let oldest = oldest.sort(doc! { "second": 1, "number": 1 });
        Ok(self.place.all("list the jobs", oldest, job_of)?)
    }

    fn replace(&self, job: &Job, from: Status) -> Result<bool> {
        let doing = "keep a job";
        let kept = document_of(job).map_err(|error| self.place.refused(doing, error))?;
        let mut known = id_of(job.id);
        known.insert("status", from.name());
        let done =
            self.place.wait(doing, async { self.jobs_kept().replace_one(known, kept).await })?;
        // It may have been done before, and the answer lost.
        Ok(done.matched_count > 0 || self.job(job.id)?.as_ref() == Some(job))
    }

    fn append(&self, job: &Job, first: u64, rows: &[String]) -> Result<()> {
        let doing = "keep results";
        let numbered = rows.iter().zip(first..).map(|(row, number)| kept_row(row, bounded(number)));
        let numbered: Vec<Document> =
            numbered.collect::<Result<_, _>>().map_err(|error| self.place.refused(doing, error))?;
        let results = self.results_kept(job);
        let added = self.place.try_wait(doing, async { results.insert_many(&numbered).await })?;
        match added {
            Ok(_) => Ok(()),
            Err(error) if is_duplicate(&error) => {
                // Some of them, or all, were kept by a call whose answer was lost.
                let these = doc! { "_id": { "$gte": bounded(first) } };
                self.place.wait(doing, async { results.delete_many(these).await })?;
                self.place.wait(doing, async { results.insert_many(&numbered).await })?;
                Ok(())
            }
            Err(error) => Err(self.place.refused(doing, error).into()),
        }
    }

    fn results(&self, job: &Job, offset: u64, limit: u64) -> Result<Vec<String>> {
        let until = bounded(offset.saturating_add(limit));
        let results = self.results_kept(job);
        let these = doc! { "_id": { "$gte": bounded(offset), "$lt": Bson::Int64(until) } };
        let in_order = results.find(these).sort(doc! { "_id": 1 });
        Ok(self.place.all("read results", in_order, result_row)?)
    }

    fn clear(&self, job: &Job) -> Result<()> {
        self.drop_results(job)
    }

    fn remove(&self, job: &Job) -> Result<()> {
        self.drop_results(job)?;
        let id = id_of(job.id);
        self.place.wait("forget a job", async { self.jobs_kept().delete_one(id).await })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_a_document_with_its_number() {
        let row = "{\"z\":1,\"a\":2}";
        let kept = kept_row(row, 7).unwrap();
        assert_eq!(kept.keys().collect::<Vec<_>>(), ["_id", "z", "a"]);
        assert_eq!(result_row(kept).unwrap(), row);
    }
}

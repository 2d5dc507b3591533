//! Alerts in a MongoDB: the collection `Alerts`, with a document for each alert. Its messages are in that,
//! so an alert and what is to be sent of it are kept in one step, by servers without transactions, too.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use mongodb::bson::{Bson, DateTime, Document, doc};
use mongodb::options::IndexOptions;
use mongodb::{Collection, IndexModel};

use super::Kept;
use super::keeper::{Keeper, Wanted, rank};
use crate::flow::UnixMillis;
use crate::keep::{MongoPlace, NotKept, Result, bounded, is_duplicate, read, written};

const ALERTS: &str = "Alerts";

/// Servers do not find documents by more kinds of keys than this.
const MAX_INDEXED_WAYS: usize = 32;

/// Keeps alerts in a MongoDB.
pub struct MongoKeeper {
    place: MongoPlace,
    /// The indexes that the server was told of: that of all alerts, by no name, and those of ways.
    indexed: Mutex<BTreeSet<String>>,
}

impl MongoKeeper {
    /// Keeps alerts where `url` says. The server is looked for when something is to be kept or read.
    ///
    /// # Errors
    ///
    /// [`KeepError::Refused`](crate::keep::KeepError::Refused) if the URL names no MongoDB.
    pub fn new(url: &str) -> Result<Self> {
        Ok(Self { place: MongoPlace::new(url)?, indexed: Mutex::default() })
    }

    fn kept(&self) -> Collection<Document> {
        self.place.collection(ALERTS)
    }

    /// Sees that the server finds alerts by the index of that name without reading all, of which it is
    /// told once.
    fn have_index(&self, name: &str, index: impl FnOnce() -> IndexModel) -> Result<()> {
        let indexed = || self.indexed.lock().unwrap_or_else(PoisonError::into_inner);
        if indexed().contains(name) || indexed().len() > MAX_INDEXED_WAYS {
            return Ok(());
        }
        // Nobody waits for another to reach the server. Told twice, it has one.
        self.place.have_indexes(&self.kept(), [index()])?;
        indexed().insert(name.to_owned());
        Ok(())
    }

    fn document(&self, doing: &'static str, kept: &Kept) -> Result<Document> {
        document_of(kept).map_err(|error| self.place.refused(doing, error))
    }
}

impl fmt::Display for MongoKeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.place.fmt(f)
    }
}

fn date(time: UnixMillis) -> DateTime {
    DateTime::from_millis(bounded(time.0))
}

/// The field with the time when a message by `way` is due. Names of ways have no dots.
fn due_by(way: &str) -> String {
    format!("waiting.{way}")
}

/// The document of an alert: what it is looked for by, and all of it.
fn document_of(kept: &Kept) -> Result<Document, NotKept> {
    let alert = &kept.alert;
    let waiting = kept.waiting().map(|message| (message.way.clone(), date(message.due).into()));
    let waiting: Document = waiting.collect::<Vec<(String, Bson)>>().into_iter().collect();
    let text = serde_json::to_string(kept).map_err(NotKept::because)?;
    Ok(doc! {
        "_id": &alert.id,
        "raised": date(kept.raised),
        "source": alert.source.name(),
        "name": &alert.name,
        "severity": rank(alert.severity),
        "state": kept.state.name(),
        "version": bounded(kept.version),
        "waiting": waiting,
        "alert": read(&text)?,
    })
}

/// The alert of a document.
fn kept_of(mut document: Document) -> Result<Kept, NotKept> {
    let version = document.get_i64("version").map_err(NotKept::because)?;
    let Some(Bson::Document(alert)) = document.remove("alert") else {
        return Err(NotKept::because("it has no alert"));
    };
    let kept: Kept = serde_json::from_str(&written(&alert)?).map_err(NotKept::because)?;
    Ok(Kept { version: version.cast_unsigned(), ..kept })
}

/// What the documents of alerts that are `wanted` have.
fn filter(wanted: &Wanted) -> Document {
    let Wanted { since, source, name, severity, state, after, .. } = wanted;
    let mut filter = Document::new();
    if let Some(since) = since {
        filter.insert("raised", doc! { "$gte": date(*since) });
    }
    if let Some(source) = source {
        filter.insert("source", source.name());
    }
    if let Some(name) = name {
        filter.insert("name", name);
    }
    if let Some(least) = severity {
        filter.insert("severity", doc! { "$gte": rank(*least) });
    }
    if let Some(state) = state {
        filter.insert("state", state.name());
    }
    if let Some((raised, id)) = after {
        let raised = date(*raised);
        let at_once = doc! { "raised": raised, "_id": { "$lt": id } };
        filter.insert("$or", vec![doc! { "raised": { "$lt": raised } }, at_once]);
    }
    filter
}

fn raised_last_first() -> Document {
    doc! { "raised": -1, "_id": -1 }
}

fn last_first() -> IndexModel {
    IndexModel::builder().keys(raised_last_first()).build()
}

impl Keeper for MongoKeeper {
    fn add(&self, kept: &Kept) -> Result<bool> {
        let doing = "keep an alert";
        let document = self.document(doing, kept)?;
        match self.place.try_wait(doing, async { self.kept().insert_one(document).await })? {
            Ok(_) => Ok(true),
            Err(error) if is_duplicate(&error) => Ok(false),
            Err(error) => Err(self.place.refused(doing, error)),
        }
    }

    fn replace(&self, kept: &Kept) -> Result<bool> {
        let doing = "keep an alert";
        let document = self.document(doing, kept)?;
        let known = doc! { "_id": &kept.alert.id, "version": bounded(kept.version) - 1 };
        let done =
            self.place.wait(doing, async { self.kept().replace_one(known, document).await })?;
        Ok(done.matched_count > 0)
    }

    fn alert(&self, id: &str) -> Result<Option<Kept>> {
        let (doing, one) = ("read an alert", doc! { "_id": id });
        let found = self.place.wait(doing, async { self.kept().find_one(one).await })?;
        found.map(kept_of).transpose().map_err(|error| self.place.refused(doing, error))
    }

    fn alerts(&self, wanted: &Wanted) -> Result<Vec<Kept>> {
        // To this server no limit is none.
        if wanted.limit == 0 {
            return Ok(Vec::new());
        }
        self.have_index("", last_first)?;
        let kept = self.kept();
        let these =
            kept.find(filter(wanted)).sort(raised_last_first()).limit(bounded(wanted.limit));
        self.place.all("list the alerts", these, kept_of)
    }

    fn due(&self, way: &str, limit: u64) -> Result<Vec<Kept>> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let (due, kept) = (due_by(way), self.kept());
        let (is_due, due_first) = (doc! { &due: { "$exists": true } }, doc! { &due: 1, "_id": 1 });
        self.have_index(way, || {
            let only = IndexOptions::builder().partial_filter_expression(is_due.clone()).build();
            IndexModel::builder().keys(due_first.clone()).options(only).build()
        })?;
        let these = kept.find(is_due).sort(due_first).limit(bounded(limit));
        self.place.all("list what is to be sent", these, kept_of)
    }

    fn waiting(&self, way: &str) -> Result<u64> {
        let by_way = doc! { due_by(way): { "$exists": true } };
        let count = async { self.kept().count_documents(by_way).await };
        self.place.wait("count what is to be sent", count)
    }

    fn forget(&self, then: UnixMillis) -> Result<u64> {
        self.have_index("", last_first)?;
        let old = doc! { "raised": { "$lt": date(then) } };
        let forgotten =
            self.place.wait("forget alerts", async { self.kept().delete_many(old).await })?;
        Ok(forgotten.deleted_count)
    }
}

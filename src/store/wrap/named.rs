//! A store whose exporters and interfaces are also named by somebody else.

use std::fmt;

use crate::flow::{Names, Remembered, Topic, UnixMillis};
use crate::store::{Expired, Load, Result, Snapshot, Store, WatchLists, Writer};

/// The store inside, with other names in place of those that exporters told.
pub struct NamedStore<S, F> {
    store: S,
    name: F,
}

impl<S, F: Fn(&mut Names) -> Result<()>> NamedStore<S, F> {
    /// `store`, whose names `name` changes each time that they are asked for.
    pub fn new(store: S, name: F) -> Self {
        Self { store, name }
    }
}

impl<S: fmt::Display, F> fmt::Display for NamedStore<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}

impl<S: Store, F: Fn(&mut Names) -> Result<()> + Send + Sync> Store for NamedStore<S, F> {
    fn snapshot(&self) -> Result<Box<dyn Snapshot>> {
        self.store.snapshot()
    }

    fn writer(&self) -> Result<Box<dyn Writer>> {
        self.store.writer()
    }

    fn loads(&self) -> Result<Vec<Load>> {
        self.store.loads()
    }

    fn names(&self) -> Result<Names> {
        let mut names = self.store.names()?;
        (self.name)(&mut names)?;
        Ok(names)
    }

    fn remembered(&self, topic: Topic) -> Result<Remembered> {
        self.store.remembered(topic)
    }

    fn expire(&self, before: UnixMillis, dry_run: bool) -> Result<Expired> {
        self.store.expire(before, dry_run)
    }

    fn watch_lists(&self) -> Result<Box<dyn WatchLists + '_>> {
        self.store.watch_lists()
    }
}

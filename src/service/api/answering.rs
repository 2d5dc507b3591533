//! How a question of a request is answered: on a thread of its own, within its limits, until it is
//! answered or nobody waits for it.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::sleep;
use xxhash_rust::xxh3::xxh3_64;

use super::sending::Sending;
use super::{Failure, Given};
use crate::aggregate::Limits;
use crate::flow::UnixMillis;
use crate::query::{Asked, Question};
use crate::request::{Parameters, Refused, Surroundings, Zone, read};
use crate::service::limits::Turn;
use crate::service::problem::Problem;
use crate::service::{Rows, Shared};
use crate::store::wrap::WatchedSnapshot;
use crate::store::{StoreError, Watch};

/// How much a question reads: one that looks at everything waits until it has a turn of those.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::service) enum Heavy {
    /// It may look at the whole store.
    Yes,
    /// It is a look at few rows, as far as can be told.
    No,
}

/// A question while it is answered.
pub(in crate::service) struct Answering {
    pub(in crate::service) service: Shared,
    pub(in crate::service) watch: Watch,
    given: Parameters,
    zone: Zone,
    now: UnixMillis,
    known: Option<String>,
}

impl Answering {
    /// The request that the parameters are.
    pub(in crate::service) fn read<R: clap::Args>(&self) -> Result<R, Refused> {
        read(&self.given)
    }

    /// What a request is read in.
    pub(in crate::service) fn surroundings(&self) -> Surroundings<'_> {
        Surroundings {
            zone: &self.zone,
            now: self.now,
            limits: Limits { watch: self.watch.clone(), ..self.service.options.sums.clone() },
            files: &self.service.lists,
        }
    }

    /// The zone of times.
    pub(in crate::service) fn zone(&self) -> &Zone {
        &self.zone
    }

    /// Puts `question` to the store. None if the client has the answer: it is what it was.
    pub(in crate::service) fn ask(
        &self,
        question: Question,
        scaled: bool,
        to: &mut Sending,
    ) -> Result<Option<Asked>, Failure> {
        let snapshot = self.service.store.snapshot()?;
        if let Some(version) = snapshot.version() {
            // What is relative in the parameters is not so in the question.
            let what = format!("{version} {question:?} {:?} {}", self.given, self.zone.name());
            let etag = format!("W/\"{:016x}\"", xxh3_64(what.as_bytes()));
            if self.known.as_deref().is_some_and(|known| known.contains(&*etag)) {
                to.with_etag(etag);
                to.unchanged();
                return Ok(None);
            }
            to.with_etag(etag);
        }
        let snapshot = Box::new(WatchedSnapshot::new(snapshot, self.watch.clone()));
        Ok(Some(Asked::new(question, snapshot, scaled)))
    }
}

/// A request for an answer. A handler takes it as its only argument.
pub(in crate::service) struct Call {
    service: Shared,
    turn: Turn,
    rows: Rows,
    given: Given,
    headers: HeaderMap,
}

impl FromRequestParts<Shared> for Call {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, service: &Shared) -> Result<Self, Problem> {
        let Ok(rows) = Rows::from_request_parts(parts, service).await;
        Ok(Self {
            service: Shared::clone(service),
            turn: Turn::from_request_parts(parts, service).await?,
            rows,
            given: Given::from_request_parts(parts, service).await?,
            headers: parts.headers.clone(),
        })
    }
}

impl Call {
    /// Has the question answered by `work`, and sends what that writes.
    pub(in crate::service) async fn answer(
        self,
        heavy: Heavy,
        work: impl FnOnce(&Answering, &mut Sending) -> Result<(), Failure> + Send + 'static,
    ) -> Response {
        let Self { service, turn, rows, given: Given(mut given), headers } = self;
        let zone = match given.remove("tz").map(|name| Zone::parse(&name)) {
            None => service.options.zone.clone(),
            Some(Ok(zone)) => zone,
            Some(Err(problem)) => {
                return Failure::from(Refused::of("tz", problem)).into_problem().into_response();
            }
        };
        let known = headers.get(header::IF_NONE_MATCH).and_then(|known| known.to_str().ok());
        let watch = Watch::default();
        let answering = Answering {
            service: Shared::clone(&service),
            watch: watch.clone(),
            given,
            zone,
            now: UnixMillis::now(),
            known: known.map(str::to_owned),
        };
        let run = service.options.limits.run;
        // When this goes, with the client or after the last of the answer, nobody waits for more.
        let mut held = Held { watch: watch.clone(), _turn: turn, heavy: None };
        if heavy == Heavy::Yes {
            held.heavy = tokio::select! {
                permit = service.heavy.clone().acquire_owned() => permit.ok(),
                () = sleep(run) => return Failure::from(StoreError::Stopped).into_problem().into_response(),
            };
        }
        let (mut sending, mut begun) = Sending::new(run, rows);
        tokio::task::spawn_blocking(move || {
            let written = work(&answering, &mut sending);
            sending.finish(written);
        });
        let begun = tokio::select! {
            begun = &mut begun => begun,
            () = sleep(run) => {
                watch.stop();
                begun.await
            }
            () = service.stopped() => {
                watch.stop();
                begun.await
            }
        };
        // The thread sends something, unless it panics.
        match begun {
            Ok(begun) => begun.into_response(held),
            Err(_) => Problem::internal("the thread of an answer ended").into_response(),
        }
    }
}

/// What an answer has, from its question to its last byte.
struct Held {
    watch: Watch,
    _turn: Turn,
    /// The turn of a question that may look at everything.
    heavy: Option<OwnedSemaphorePermit>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.watch.stop();
    }
}

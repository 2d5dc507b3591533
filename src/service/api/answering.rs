//! How a question of a request is answered: on a thread of its own, within its limits, until it is
//! answered or nobody waits for it.

use std::fmt::{self, Write as _};
use std::sync::LazyLock;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, Version, header};
use axum::response::{IntoResponse, Response};
use xxhash_rust::xxh3::Xxh3;

use super::sending::{Begun, Sending};
use super::{Failure, Given};
use crate::aggregate::Limits;
use crate::flow::UnixMillis;
use crate::query::{Asked, Question};
use crate::request::{Parameters, Refused, Surroundings, Zone, read};
use crate::service::problem::Problem;
use crate::service::turns::{Reads, Turn};
use crate::service::{Rows, Shared};
use crate::store::wrap::WatchedSnapshot;
use crate::store::{Snapshot, Watch};

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

    /// What an answer to `question` is known by, of a store of this version.
    fn etag(&self, version: &str, question: &Question) -> String {
        let (mut hashed, given) = (Hashed(Xxh3::new()), &self.given);
        // What is relative in the parameters is not so in the question. Hashing cannot fail.
        let _ = write!(
            hashed,
            "{} {version} {question:?} {given:?} {} {:?}",
            *BEGAN,
            self.zone.name(),
            self.service.lists.meaning.state()
        );
        format!("W/\"{:016x}\"", hashed.0.digest())
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
            let etag = self.etag(&version, &question);
            if self.known.as_deref().is_some_and(|known| known.contains(&*etag)) {
                to.with_etag(etag);
                to.unchanged();
                return Ok(None);
            }
            to.with_etag(etag);
        }
        Ok(Some(self.asked(question, snapshot, scaled)))
    }

    /// As [`Self::ask`], for what hangs on more than what is known of the store and the question: no
    /// client has the answer already.
    pub(super) fn ask_anew(&self, question: Question, scaled: bool) -> Result<Asked, Failure> {
        Ok(self.asked(question, self.service.store.snapshot()?, scaled))
    }

    fn asked(&self, question: Question, snapshot: Box<dyn Snapshot>, scaled: bool) -> Asked {
        let snapshot = WatchedSnapshot::new(snapshot, self.watch.clone());
        Asked::new(question, Box::new(snapshot), scaled)
    }
}

/// When this program began: another one may answer otherwise.
static BEGAN: LazyLock<UnixMillis> = LazyLock::new(UnixMillis::now);

/// Hashes text as it is written: a question may name a million addresses.
struct Hashed(Xxh3);

impl fmt::Write for Hashed {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}

/// A request for an answer. A handler takes it as its only argument.
pub(in crate::service) struct Call {
    turn: Turn,
    rows: Rows,
    version: Version,
    pub(super) answering: Answering,
}

impl FromRequestParts<Shared> for Call {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, service: &Shared) -> Result<Self, Problem> {
        let Ok(rows) = Rows::from_request_parts(parts, service).await;
        let turn = Turn::from_request_parts(parts, service).await?;
        let mut given = Given::from_request_parts(parts, service).await?;
        let zone = given.take_zone(&service.options.zone)?;
        let known = parts.headers.get(header::IF_NONE_MATCH).and_then(|known| known.to_str().ok());
        let answering = Answering {
            service: Shared::clone(service),
            watch: turn.watch.clone(),
            given: given.0,
            zone,
            now: UnixMillis::now(),
            known: known.map(str::to_owned),
        };
        Ok(Self { turn, rows, version: parts.version, answering })
    }
}

impl Call {
    /// Has the question answered by `work`, and sends what that writes.
    pub(in crate::service) async fn answer(
        self,
        reads: Reads,
        work: impl FnOnce(&Answering, &mut Sending) -> Result<(), Failure> + Send + 'static,
    ) -> Response {
        let Self { turn, rows, version, answering } = self;
        let (service, until) = (Shared::clone(&answering.service), turn.until);
        let answer = move |begun| {
            let mut sending = Sending::new(until, rows, begun);
            let written = work(&answering, &mut sending);
            sending.finish(written);
        };
        match turn.answer(&service, reads, answer).await {
            Ok((Begun::Pieces(..), _)) if version < Version::HTTP_11 => {
                let told = "a long answer goes in chunks, as its end is told from a loss by them: \
                    ask by HTTP/1.1, and have a proxy do so";
                Problem::new(StatusCode::HTTP_VERSION_NOT_SUPPORTED, told).into_response()
            }
            Ok((begun, wanted)) => begun.into_response(until, wanted),
            Err(problem) => problem.into_response(),
        }
    }
}

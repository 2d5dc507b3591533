//! What a page is asked, as it understands it.

use std::net::IpAddr;
use std::str::FromStr;

use super::link::{carried, link};
use crate::aggregate::Limits;
use crate::answer::Beside;
use crate::flow::{TimeRange, UnixMillis};
use crate::query::Question;
use crate::query::filter::Files;
use crate::request::{AskError, Parameters, Refused, Surroundings, Window, Zone, read};
use crate::service::auth::{Caller, Role};
use crate::store::wrap::WatchedSnapshot;
use crate::store::{Result as StoreResult, Snapshot, Store, StoreError, Watch};

/// What a page is asked, and who answers.
pub(crate) struct Ask<'a> {
    pub(crate) store: &'a dyn Store,
    /// Where watch lists and the names of interfaces are.
    pub(crate) files: &'a dyn Files,
    /// The path of the page.
    pub(crate) path: &'a str,
    pub(crate) params: Parameters,
    pub(crate) zone: Zone,
    /// The window, as far as one was chosen.
    pub(crate) window: TimeRange,
    /// What the answer may take.
    pub(crate) limits: Limits,
    pub(crate) reader: Reader<'a>,
    /// Stops the reading.
    pub(crate) watch: Watch,
}

/// Who reads a page, and how.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reader<'a> {
    /// Light or dark, where the reader chose one.
    pub(crate) scheme: Option<&'a str>,
    /// Who it is; nobody may change anything.
    pub(crate) caller: Option<&'a Caller>,
}

impl<'a> Reader<'a> {
    /// What forms that change something must send along.
    pub(super) fn token(self) -> Option<&'a str> {
        self.caller?.csrf.as_deref()
    }

    /// Whether he may do what asks for `role`.
    pub(super) fn may(self, role: Role) -> bool {
        self.caller.is_some_and(|caller| caller.role >= role)
    }
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// What was asked means nothing.
    #[error("{0}")]
    Refused(Box<Refused>),
    /// There is nothing of the name.
    #[error("{0}")]
    Missing(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Where something is kept does not answer just now: what it is, and the cause, which is told to the
    /// log.
    #[error("{0}")]
    Away(&'static str, String),
    /// A configured file is wrong, which is told to the log.
    #[error("the server could not answer; its log says why")]
    Ours(String),
}

impl<'a> Ask<'a> {
    /// What is asked of `path` by `params`. What is wrong with the window or the zone is told, and
    /// all of time, in the usual zone, is in its place.
    pub(crate) fn new(
        (store, files): (&'a dyn Store, &'a dyn Files),
        path: &'a str,
        params: Parameters,
        (usual, limits): (&Zone, &Limits),
    ) -> (Self, Result<(), Fault>) {
        let named = params.get("tz").map(|name| name.trim()).filter(|name| !name.is_empty());
        let (zone, mut fine) = match named.map(Zone::parse) {
            None => (usual.clone(), Ok(())),
            Some(Ok(zone)) => (zone, Ok(())),
            Some(Err(problem)) => (usual.clone(), Err(Fault::of("tz", problem))),
        };
        let (limits, reader, watch) = (limits.clone(), Reader::default(), Watch::default());
        let window = TimeRange::ALL;
        let mut ask = Self { store, files, path, params, zone, window, limits, reader, watch };
        match ask.window() {
            Ok(window) => ask.window = window,
            Err(refused) => fine = Err(refused),
        }
        (ask, fine)
    }

    fn window(&self) -> Result<TimeRange, Fault> {
        let given = ["since", "until"].into_iter().filter_map(|name| {
            let text = self.get(name)?;
            Some((name.to_owned(), text.to_owned()))
        });
        Ok(read::<Window>(&given.collect())?.range(&self.around())?)
    }

    /// The store as it is now.
    pub(super) fn snapshot(&self) -> StoreResult<Box<dyn Snapshot>> {
        Ok(Box::new(WatchedSnapshot::new(self.store.snapshot()?, self.watch.clone())))
    }

    /// What requests are read in.
    pub(super) fn around(&self) -> Surroundings<'_> {
        let limits = self.limits.clone();
        Surroundings { zone: &self.zone, now: UnixMillis::now(), limits, files: self.files }
    }

    /// A parameter, if it says anything.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.params.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// A parameter as a value, or `usual` where it is left out.
    pub(super) fn value<T: FromStr<Err: std::fmt::Display>>(
        &self,
        name: &str,
        usual: T,
    ) -> Result<T, Fault> {
        let wrong = |error: T::Err| Fault::of(name, error);
        self.get(name).map_or(Ok(usual), |text| text.parse().map_err(wrong))
    }

    /// The address of another page, about the same window.
    pub(super) fn to<'b>(
        &self,
        path: &str,
        changes: impl IntoIterator<Item = (&'b str, &'b str)>,
    ) -> String {
        link(path, &carried(&self.params), changes)
    }

    /// This page's address with changes.
    pub(super) fn again<'b>(
        &self,
        changes: impl IntoIterator<Item = (&'b str, &'b str)>,
    ) -> String {
        link(self.path, &self.params, changes)
    }

    /// The page of a host, about the same window.
    pub(super) fn host(&self, address: IpAddr) -> String {
        self.to(&format!("/host/{address}"), [])
    }

    /// A question about the window.
    pub(super) fn question(&self) -> Question {
        Question { time: self.window, ..Question::everything() }
    }

    /// The window, or the last day up to `newest` where none was chosen.
    pub(super) fn window_or_last_day(&self, newest: Option<UnixMillis>) -> TimeRange {
        const HOUR_MS: u64 = 3_600_000;
        match newest {
            Some(newest) if self.window.is_all() => {
                let until = UnixMillis((newest.0 / HOUR_MS + 1) * HOUR_MS);
                TimeRange { since: UnixMillis(until.0.saturating_sub(24 * HOUR_MS)), until }
            }
            _ => self.window,
        }
    }
}

impl Fault {
    /// A parameter that says what means nothing.
    pub(super) fn of(parameter: &str, problem: impl std::fmt::Display) -> Self {
        Refused::of(parameter, problem.to_string()).into()
    }
}

impl From<Refused> for Fault {
    fn from(refused: Refused) -> Self {
        if refused.ours { Self::Ours(refused.message) } else { Self::Refused(Box::new(refused)) }
    }
}

impl From<AskError> for Fault {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Refused(refused) => refused.into(),
            AskError::Store(error) => Self::Store(error),
        }
    }
}

/// What is said of keys beside them; nothing where a table that says it is wrong, which is told to the log: a
/// page is there without names as well.
pub(super) fn named(beside: Result<Beside, AskError>) -> Result<Beside, Fault> {
    match beside {
        Err(AskError::Refused(refused)) => {
            tracing::warn!("names are not shown: {}", refused.message);
            Ok(Beside::default())
        }
        beside => Ok(beside?),
    }
}

/// When the newest flow began, as far as the store tells without reading flows.
pub(super) fn newest(
    store: &dyn Store,
    snapshot: &dyn Snapshot,
) -> StoreResult<Option<UnixMillis>> {
    let runs = snapshot.size()?.runs;
    let latest = match runs.iter().map(|run| run.latest).max() {
        Some(latest) => Some(latest),
        None => store.loads()?.iter().filter_map(|load| load.account.last).max(),
    };
    // A clock that is wrong does not make a day.
    Ok(latest.map(|latest| latest.min(UnixMillis::now())))
}

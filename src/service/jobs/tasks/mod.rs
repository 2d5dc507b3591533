//! The work of jobs on a store: what the commands of their names do, with the parameters that routes
//! have.

mod asking;
mod export;
mod load;

use std::path::PathBuf;
use std::sync::Arc;

use crate::aggregate::Limits;
use crate::answer::AnswerError;
use crate::flow::UnixMillis;
use crate::query::filter::Files;
use crate::query::{Asked, Question};
use crate::request::{self, Deciding, Parameters, Refused, Surroundings, Zone, read};
use crate::store::wrap::WatchedSnapshot;
use crate::store::{Store, Watch};

use super::{Job, Kind, Results, Work, WorkError};

pub(in crate::service) use export::file_of;

/// The work of jobs on a store.
pub struct Tasks {
    /// Where answers come from, and where loads go to.
    pub store: Arc<dyn Store>,
    /// The zone of times that name none, where a job names none either.
    pub zone: Zone,
    /// How much memory sums may take.
    pub sums: Limits,
    /// Where a filter's `@FILE` is read from.
    pub files: Box<dyn Files + Send + Sync>,
    /// How captures are loaded.
    pub loads: crate::load::Options,
    /// The folders out of which captures may be loaded.
    pub load_folders: Vec<PathBuf>,
    /// The folder that exports are written to.
    pub exports: PathBuf,
    /// What decides in `detect` where a job does not say.
    pub deciding: Deciding,
    /// The folder of the server, which has the suppressions.
    pub folder: PathBuf,
}

/// A job's parameters, and what they are read in.
struct Given<'a> {
    tasks: &'a Tasks,
    parameters: Parameters,
    zone: Zone,
    now: UnixMillis,
    watch: Watch,
}

impl Tasks {
    /// Removes what an earlier process left unfinished.
    pub fn clean(&self) {
        export::clean(&self.exports);
    }

    /// What `given` means when it is asked for at `now`.
    fn given(
        &self,
        given: &Parameters,
        now: UnixMillis,
        watch: &Watch,
    ) -> Result<Given<'_>, Refused> {
        let mut parameters = given.clone();
        let zone = match parameters.remove("tz") {
            None => self.zone.clone(),
            Some(name) => Zone::parse(&name).map_err(|problem| Refused::of("tz", problem))?,
        };
        Ok(Given { tasks: self, parameters, zone, now, watch: watch.clone() })
    }
}

impl Given<'_> {
    fn read<R: clap::Args>(&self) -> Result<R, Refused> {
        read(&self.parameters)
    }

    fn around(&self) -> Surroundings<'_> {
        Surroundings {
            zone: &self.zone,
            now: self.now,
            limits: self.limits(),
            files: &*self.tasks.files,
        }
    }

    fn limits(&self) -> Limits {
        Limits { watch: self.watch.clone(), ..self.tasks.sums.clone() }
    }

    /// Puts `question` to the store, as it is now.
    fn ask(&self, question: Question, scaled: bool) -> Result<Asked, WorkError> {
        self.watch.check()?;
        let snapshot = WatchedSnapshot::new(self.tasks.store.snapshot()?, self.watch.clone());
        Ok(Asked::new(question, Box::new(snapshot), scaled))
    }
}

impl Work for Tasks {
    fn check(&self, kind: Kind, parameters: &Parameters) -> Result<(), Refused> {
        let given = self.given(parameters, UnixMillis::now(), &Watch::default())?;
        let around = given.around();
        match kind {
            Kind::FlowQuery => given.read::<request::Flows>()?.question(&around).map(drop),
            Kind::ActiveFlow => given.read::<asking::Pairs>()?.pairs.question(&around).map(drop),
            Kind::Top => {
                let top = given.read::<request::Top>()?;
                top.options(&around)?;
                top.question(&around).map(drop)
            }
            Kind::Diff => {
                let diff = given.read::<request::Diff>()?;
                let options = diff.options(&around)?;
                diff.question(&options, &around).map(drop)
            }
            Kind::Report => {
                let report = given.read::<request::Report>()?;
                let options = report.options(&around)?;
                report.question(&options, &around).map(drop)
            }
            Kind::Timeline => {
                let timeline = given.read::<request::Timeline>()?;
                timeline.keys(&around)?;
                timeline.question(&around).map(drop)
            }
            Kind::Stats => given.read::<request::Stats>()?.question(&around).map(drop),
            Kind::Detect => {
                let detect = given.read::<request::Detect>()?;
                detect.parameters(&self.deciding, &around)?;
                detect.question(&around).map(drop)
            }
            Kind::Load => load::inputs(&given).map(drop),
            Kind::Export => {
                let export = given.read::<request::Export>()?;
                export::place(&given, &export)?;
                export.flows.question(&around).map(drop)
            }
        }
    }

    fn carry_out(
        &self,
        job: &Job,
        watch: &Watch,
        results: &mut Results<'_>,
    ) -> Result<String, WorkError> {
        // A time such as -2h counts from when it was asked for, not from when its turn came.
        let given = self.given(&job.parameters, job.queued.unwrap_or(job.created), watch)?;
        match job.kind {
            Kind::FlowQuery => asking::flows(&given, results),
            Kind::ActiveFlow => asking::pairs(&given, results),
            Kind::Top => asking::top(&given, results),
            Kind::Diff => asking::diff(&given, results),
            Kind::Timeline => asking::timeline(&given, results),
            Kind::Report => asking::report(&given, results),
            Kind::Stats => asking::stats(&given, results),
            Kind::Detect => asking::detect(&given, results),
            Kind::Load => load::load(&given, results),
            Kind::Export => export::export(&given, results),
        }
    }

    fn undo(&self, job: &Job, first: &str) {
        let file = (job.kind == Kind::Export).then(|| file_of(&self.exports, first)).flatten();
        if let Some(file) = file
            && let Err(error) = std::fs::remove_file(&file)
        {
            tracing::warn!("{}: {error}", file.display());
        }
    }
}

impl From<AnswerError> for WorkError {
    fn from(error: AnswerError) -> Self {
        match error {
            AnswerError::Store(error) => error.into(),
            error => Self::failed(error),
        }
    }
}

impl From<std::io::Error> for WorkError {
    fn from(error: std::io::Error) -> Self {
        Self::failed(error)
    }
}

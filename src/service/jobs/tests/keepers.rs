//! Keepers that are slow, or refuse, at the wrong moment.

use std::sync::{Condvar, Mutex};

use super::*;

/// A keeper of which `replace` does what a test says.
struct Odd<F> {
    inside: SqliteKeeper,
    replace: F,
}

impl<F> fmt::Display for Odd<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inside.fmt(f)
    }
}

impl<F> Keeper for Odd<F>
where
    F: Fn(&SqliteKeeper, &Job, Status) -> keeper::Result<bool> + Send + Sync,
{
    fn add(&self, job: &Job) -> keeper::Result<()> {
        self.inside.add(job)
    }

    fn job(&self, id: JobId) -> keeper::Result<Option<Job>> {
        self.inside.job(id)
    }

    fn jobs(&self, offset: u64, limit: u64) -> keeper::Result<Vec<Job>> {
        self.inside.jobs(offset, limit)
    }

    fn unfinished(&self) -> keeper::Result<Vec<Job>> {
        self.inside.unfinished()
    }

    fn replace(&self, job: &Job, from: Status) -> keeper::Result<bool> {
        (self.replace)(&self.inside, job, from)
    }

    fn append(&self, job: &Job, first: u64, rows: &[String]) -> keeper::Result<()> {
        self.inside.append(job, first, rows)
    }

    fn results(&self, job: &Job, offset: u64, limit: u64) -> keeper::Result<Vec<String>> {
        self.inside.results(job, offset, limit)
    }

    fn clear(&self, job: &Job) -> keeper::Result<()> {
        self.inside.clear(job)
    }

    fn remove(&self, job: &Job) -> keeper::Result<()> {
        self.inside.remove(job)
    }
}

fn open<F>(place: &Place, options: Options, replace: F) -> Jobs
where
    F: Fn(&SqliteKeeper, &Job, Status) -> keeper::Result<bool> + Send + Sync + 'static,
{
    let inside = SqliteKeeper::open(&place.folder.path().join("jobs.sqlite")).unwrap();
    let keeper = Box::new(Odd { inside, replace });
    let jobs = Jobs::open(keeper, Box::new(Made::default()), options).unwrap();
    until(|| !matches!(jobs.create(new("")), Err(JobsError::NotReady(_))));
    jobs
}

/// Something that happens once, and that others wait for.
#[derive(Clone, Default)]
struct Happens(Arc<(Mutex<bool>, Condvar)>);

impl Happens {
    fn now(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    fn wait(&self) {
        let happened = self.0.0.lock().unwrap();
        drop(self.0.1.wait_while(happened, |happened| !*happened).unwrap());
    }
}

#[test]
fn a_job_that_is_given_up_while_it_begins_is_over() {
    let place = Place::new();
    let (begins, tried) = (Happens::default(), Happens::default());
    let (began, other) = (begins.clone(), tried.clone());
    // That it began is kept, and told only when somebody tried to keep that it is given up.
    let jobs = open(&place, Options::default(), move |keeper, job, from| {
        let kept = keeper.replace(job, from);
        match job.status {
            Status::Started => {
                began.now();
                other.wait();
            }
            Status::Canceled => other.now(),
            _ => {}
        }
        kept
    });
    let id = start(&jobs, "then=hang");
    begins.wait();
    jobs.cancel(id).unwrap();
    tried.wait();
    assert_eq!(over(&jobs, id).status, Status::Canceled);
    assert!(matches!(jobs.cancel(id), Err(JobsError::Conflict { status: "Canceled", .. })));
}

#[test]
fn a_keeper_that_refuses_for_good_holds_no_thread() {
    let place = Place::new();
    let options = Options { at_once: 1, patience: Duration::ZERO, ..Options::default() };
    let jobs = open(&place, options, |keeper, job, from| {
        if job.status == Status::End && job.rows == 3 {
            let source = "a test said so".into();
            let refused = KeepError::Refused { place: "odd".to_owned(), doing: "keep", source };
            return Err(refused.into());
        }
        keeper.replace(job, from)
    });
    let id = start(&jobs, "rows=3");
    let job = over(&jobs, id);
    assert_eq!(job.status, Status::Failed);
    assert_eq!(job.message, "how it stands cannot be kept: odd: keep: a test said so");
    assert!(jobs.list(0, 10).unwrap().contains(&job));
    assert_eq!(over(&jobs, jobs.start(id).unwrap().id).message, job.message, "it begins anew");
    assert_eq!(run(&jobs, "rows=1").status, Status::End, "the thread is free");
}

mod bounds;
mod keepers;

use std::fmt;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread::sleep;
use std::time::Instant;

use super::*;
use crate::keep::KeepError;
use crate::request::{Parameters, Refused};
use crate::store::Watch;

/// Sooner than that, on whatever machine.
const NOW: Duration = Duration::from_mins(3);

/// Work that does what the job's parameters say: `rows`, `ms` between them, `then`.
#[derive(Default)]
struct Made {
    at_once: Arc<AtomicUsize>,
    most_at_once: Arc<AtomicUsize>,
}

impl Work for Made {
    fn check(&self, _: Kind, parameters: &Parameters) -> Result<(), Refused> {
        match parameters.keys().find(|name| !["rows", "ms", "then"].contains(&name.as_str())) {
            Some(name) => Err(Refused::of(name, "there is no such parameter")),
            None => Ok(()),
        }
    }

    fn carry_out(
        &self,
        job: &Job,
        watch: &Watch,
        results: &mut Results<'_>,
    ) -> Result<String, WorkError> {
        let at_once = self.at_once.fetch_add(1, SeqCst) + 1;
        self.most_at_once.fetch_max(at_once, SeqCst);
        let number =
            |name: &str| job.parameters.get(name).map_or(0, |value| value.parse().unwrap());
        let then = job.parameters.get("then").map_or("end", String::as_str);
        let mut done = Ok("all of them".to_owned());
        for row in 0..number("rows") {
            if let Err(error) = writeln!(results, "{{\"row\":{row}}}") {
                done = Err(WorkError::failed(error));
                break;
            }
            sleep(Duration::from_millis(number("ms")));
        }
        match then {
            "wait" => {
                done =
                    watch.pause(Duration::from_mins(5)).map(|()| String::new()).map_err(Into::into);
            }
            "hang" => sleep(Duration::from_secs(3)),
            "panic" => panic!("a panic that was asked for"),
            "refuse" => done = Err(WorkError::Refused("it asks for the moon".to_owned())),
            "fail" => done = Err(WorkError::Failed("the store: gone".to_owned())),
            _ => {}
        }
        self.at_once.fetch_sub(1, SeqCst);
        done
    }
}

/// A keeper that does not answer while it is away, shared with whoever sends it away.
#[derive(Clone)]
struct Away(Arc<dyn Keeper>, Arc<AtomicBool>);

impl Away {
    fn reach(&self) -> keeper::Result<&dyn Keeper> {
        if self.1.load(SeqCst) {
            let (place, problem) = ("away".to_owned(), "a test said so".to_owned());
            return Err(KeepError::Unreachable { place, problem }.into());
        }
        Ok(&*self.0)
    }
}

impl fmt::Display for Away {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Keeper for Away {
    fn add(&self, job: &Job) -> keeper::Result<()> {
        self.reach()?.add(job)
    }

    fn job(&self, id: JobId) -> keeper::Result<Option<Job>> {
        self.reach()?.job(id)
    }

    fn jobs(&self, offset: u64, limit: u64) -> keeper::Result<Vec<Job>> {
        self.reach()?.jobs(offset, limit)
    }

    fn unfinished(&self) -> keeper::Result<Vec<Job>> {
        self.reach()?.unfinished()
    }

    fn replace(&self, job: &Job, from: Status) -> keeper::Result<bool> {
        self.reach()?.replace(job, from)
    }

    fn append(&self, job: &Job, first: u64, rows: &[String]) -> keeper::Result<()> {
        self.reach()?.append(job, first, rows)
    }

    fn results(&self, job: &Job, offset: u64, limit: u64) -> keeper::Result<Vec<String>> {
        self.reach()?.results(job, offset, limit)
    }

    fn clear(&self, job: &Job) -> keeper::Result<()> {
        self.reach()?.clear(job)
    }

    fn remove(&self, job: &Job) -> keeper::Result<()> {
        self.reach()?.remove(job)
    }
}

/// A place for jobs, opened for one process after the other.
struct Place {
    folder: tempfile::TempDir,
    away: Arc<AtomicBool>,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), away: Arc::default() }
    }

    fn open(&self, options: Options) -> Jobs {
        self.open_with(Made::default(), options)
    }

    /// One in which so many may be made.
    fn open_made(&self, max_made: usize) -> Jobs {
        let sqlite = SqliteKeeper::open(&self.folder.path().join("jobs.sqlite")).unwrap();
        let options = Options { max_made, ..Options::default() };
        let jobs = Jobs::open(Box::new(sqlite), Box::new(Made::default()), options).unwrap();
        until(|| !matches!(jobs.create(new("row=1")), Err(JobsError::NotReady(_))));
        jobs
    }

    fn open_with(&self, work: Made, options: Options) -> Jobs {
        let sqlite = SqliteKeeper::open(&self.folder.path().join("jobs.sqlite")).unwrap();
        let keeper = Away(Arc::new(sqlite), Arc::clone(&self.away));
        let jobs = Jobs::open(Box::new(keeper), Box::new(work), options).unwrap();
        if !self.away.load(SeqCst) {
            until(|| !matches!(jobs.create(new("")), Err(JobsError::NotReady(_))));
        }
        jobs
    }
}

fn until(holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < NOW, "it does not come");
        sleep(Duration::from_millis(5));
    }
}

/// A job with parameters such as `rows=3 then=fail`.
fn new(parameters: &str) -> NewJob {
    let pairs = parameters.split_whitespace().map(|pair| pair.split_once('=').unwrap());
    NewJob {
        name: parameters.to_owned(),
        kind: Kind::FlowQuery,
        parameters: pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        owner: "ada".to_owned(),
    }
}

fn start(jobs: &Jobs, parameters: &str) -> JobId {
    let job = jobs.create(new(parameters)).unwrap();
    assert_eq!((job.status, job.queued), (Status::Created, None));
    jobs.start(job.id).unwrap().id
}

/// The job when it is over.
fn over(jobs: &Jobs, id: JobId) -> Job {
    until(|| jobs.get(id).unwrap().status.is_over());
    jobs.get(id).unwrap()
}

fn run(jobs: &Jobs, parameters: &str) -> Job {
    over(jobs, start(jobs, parameters))
}

#[test]
fn sqlite_does_what_every_keeper_must() {
    let folder = tempfile::tempdir().unwrap();
    conformance::all(&|number| {
        Box::new(SqliteKeeper::open(&folder.path().join(format!("{number}.sqlite"))).unwrap())
    });
}

#[test]
fn a_file_is_one_process_s_alone_and_a_later_version_s_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.sqlite");
    let first = SqliteKeeper::open(&path).unwrap();
    let refused = SqliteKeeper::open(&path).err().unwrap();
    assert!(matches!(refused, KeeperError::Place(KeepError::InUse { .. })), "{refused}");
    drop(first);
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 2).unwrap();
    let refused = SqliteKeeper::open(&path).err().unwrap().to_string();
    assert!(refused.ends_with("format 2, this version reads up to 1"), "{refused}");
    let no_file = SqliteKeeper::open(&folder.path().join("none/jobs.sqlite")).err().unwrap();
    assert!(matches!(no_file, KeeperError::Place(KeepError::Refused { .. })), "{no_file}");
}

#[test]
fn a_job_is_done_and_its_results_are_there() {
    let place = Place::new();
    let jobs = place.open(Options::default());
    let job = run(&jobs, "rows=2500");
    let counts = (job.status, job.progress, job.rows, job.bytes);
    // {"row":0} has 9 characters: 10 rows of 9, 90 of 10, 900 of 11, 1,500 of 12.
    assert_eq!(counts, (Status::End, 100, 2_500, 90 + 900 + 9_900 + 18_000));
    assert_eq!((job.message.as_str(), job.owner.as_str(), job.attempts), ("all of them", "ada", 1));
    assert!(
        job.created <= job.queued.unwrap() && job.queued <= job.started && job.started <= job.ended
    );
    assert_eq!(jobs.results(job.id, 2_498, 10).unwrap(), ["{\"row\":2498}", "{\"row\":2499}"]);
    assert!(matches!(jobs.start(job.id), Err(JobsError::Conflict { status: "End", .. })));
    assert!(matches!(jobs.cancel(job.id), Err(JobsError::Conflict { status: "End", .. })));
    jobs.delete(job.id).unwrap();
    assert!(matches!(jobs.get(job.id), Err(JobsError::Unknown(id)) if id == job.id));
    let refused = jobs.create(new("row=3")).unwrap_err();
    assert!(
        matches!(&refused, JobsError::Refused(told) if told.parameter.as_deref() == Some("row"))
    );
}

#[test]
fn how_a_job_ends_is_told_by_its_status() {
    let place = Place::new();
    let options =
        Options { max_time: Duration::from_secs(2), keep_bytes: 9_000, ..Options::default() };
    let jobs = place.open(options);
    for (parameters, status, message) in [
        ("rows=0", Status::End, "all of them"),
        ("rows=3 then=refuse", Status::Error, "it asks for the moon"),
        ("rows=3 then=fail", Status::Failed, "the store: gone"),
        ("then=panic", Status::Failed, "a mistake in this program: a panic that was asked for"),
        ("rows=3 then=wait", Status::Failed, "it took longer than 2 s"),
        ("rows=2500", Status::Failed, "its results take more than 9000 bytes"),
    ] {
        let job = run(&jobs, parameters);
        assert_eq!((job.status, job.message.as_str()), (status, message), "{parameters}");
        assert_eq!(job.progress == 100, status == Status::End, "{parameters}");
    }
}

#[test]
fn jobs_take_turns_in_their_order_and_no_more_than_may_run_at_once() {
    let place = Place::new();
    let work = Made::default();
    let most_at_once = Arc::clone(&work.most_at_once);
    let jobs = place.open_with(work, Options { at_once: 2, max_queued: 8, ..Options::default() });
    let first = ["then=wait", "then=wait"].map(|parameters| start(&jobs, parameters));
    until(|| jobs.under_way() == (0, 2));
    let ids: Vec<JobId> = (0..8).map(|_| start(&jobs, "rows=20 ms=5")).collect();
    assert!(ids.is_sorted());
    let one_more = jobs.create(new("")).unwrap().id;
    assert!(matches!(jobs.start(one_more), Err(JobsError::Full(8))), "two run, and eight wait");
    assert!(matches!(jobs.start(ids[7]), Err(JobsError::Conflict { .. })));
    for id in first {
        jobs.cancel(id).unwrap();
    }
    let ended: Vec<Job> = ids.iter().map(|&id| over(&jobs, id)).collect();
    assert!(ended.iter().all(|job| job.status == Status::End && job.rows == 20));
    assert!(ended.is_sorted_by_key(|job| job.started));
    assert_eq!(most_at_once.load(SeqCst), 2);
}

#[test]
fn a_job_is_given_up_within_a_second_wherever_it_is() {
    let place = Place::new();
    let jobs = place.open(Options { at_once: 1, ..Options::default() });
    let waiting = start(&jobs, "rows=10 then=wait");
    until(|| jobs.get(waiting).unwrap().status == Status::Started);
    let queued = start(&jobs, "rows=10");
    assert_eq!(jobs.cancel(queued).unwrap().status, Status::Canceled);
    assert!(matches!(jobs.delete(waiting), Err(JobsError::Conflict { status: "running", .. })));
    let began = Instant::now();
    jobs.cancel(waiting).unwrap();
    assert_eq!(over(&jobs, waiting).status, Status::Canceled);
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(jobs.get(queued).unwrap().started, None);

    // One that does not heed it is over, too, though its thread is not free.
    let hanging = start(&jobs, "then=hang");
    until(|| jobs.get(hanging).unwrap().status == Status::Started);
    let began = Instant::now();
    jobs.cancel(hanging).unwrap();
    assert_eq!(over(&jobs, hanging).status, Status::Canceled);
    assert!(began.elapsed() < Duration::from_millis(1_500), "{:?}", began.elapsed());
    assert!(matches!(jobs.start(hanging), Err(JobsError::Conflict { .. })), "it is still at work");
    assert_eq!(run(&jobs, "rows=1").status, Status::End);
    assert_eq!(jobs.get(hanging).unwrap().status, Status::Canceled, "it stays so");
}

#[test]
fn what_failed_begins_anew_when_it_is_asked_to() {
    let place = Place::new();
    let jobs = place.open(Options::default());
    let failed = run(&jobs, "rows=1500 then=fail");
    assert_eq!(
        (failed.status, failed.rows),
        (Status::Failed, 1_000),
        "the last rows were not kept"
    );
    assert_eq!(jobs.results(failed.id, 0, 2_000).unwrap().len(), 1_000);
    let again = jobs.start(failed.id).unwrap();
    assert_eq!((again.status, again.rows, again.message.as_str()), (Status::Created, 0, ""));
    let again = over(&jobs, failed.id);
    assert_eq!((again.status, again.created, again.attempts), (Status::Failed, failed.created, 1));
}

#[test]
fn a_job_is_followed_from_its_beginning_to_its_end() {
    let place = Place::new();
    let jobs = place.open(Options::default());
    let id = jobs.create(new("rows=3000 ms=0")).unwrap().id;
    let mut follower = jobs.follow(id).unwrap();
    assert_eq!(follower.borrow_and_update().status, Status::Created);
    jobs.start(id).unwrap();
    let told = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let told = told.block_on(async {
        let mut told = Vec::new();
        while follower.changed().await.is_ok() {
            told.push(follower.borrow_and_update().clone());
        }
        told
    });
    assert!(told.is_sorted_by_key(|job| (job.status.is_over(), job.rows)));
    let last = told.last().unwrap();
    assert_eq!((last.status, last.rows, last.progress), (Status::End, 3_000, 100));
    // Who comes late learns how it ended.
    assert_eq!(jobs.follow(id).unwrap().borrow().status, Status::End);
}

#[test]
fn what_ran_when_the_process_ended_failed_or_runs_again() {
    for again in [false, true] {
        let place = Place::new();
        let jobs = place.open(Options { at_once: 1, ..Options::default() });
        let running = start(&jobs, "rows=1000 then=wait");
        until(|| jobs.get(running).unwrap().rows == 1_000);
        let queued = start(&jobs, "rows=7");
        let made = jobs.create(new("rows=7")).unwrap().id;
        jobs.close(NOW);
        drop(jobs);
        let options = Options { again, max_time: Duration::from_millis(500), ..Options::default() };
        let jobs = place.open(options);
        let end = over(&jobs, running);
        let message = if again {
            "it took longer than 500 ms"
        } else {
            "the process ended that carried it out"
        };
        assert_eq!((end.status, end.message.as_str()), (Status::Failed, message));
        // 10 rows of 9 bytes, 90 of 10 and 900 of 11.
        assert_eq!((end.rows, end.bytes), (1_000, 90 + 900 + 9_900));
        assert_eq!(end.attempts, 1 + u32::from(again));
        assert_eq!(jobs.results(running, 0, 5_000).unwrap().len(), 1_000);
        assert_eq!(over(&jobs, queued).rows, 7);
        assert_eq!(jobs.get(made).unwrap().status, Status::Created, "nobody asked it to start");
    }
}

#[test]
fn a_keeper_that_is_away_is_waited_for() {
    let place = Place::new();
    place.away.store(true, SeqCst);
    let jobs = place.open(Options { patience: NOW, ..Options::default() });
    assert!(matches!(jobs.create(new("")), Err(JobsError::NotReady(_))), "it is not there yet");
    assert!(matches!(
        jobs.list(0, 10),
        Err(JobsError::Keeper(KeeperError::Place(KeepError::Unreachable { .. })))
    ));
    place.away.store(false, SeqCst);
    until(|| jobs.create(new("")).is_ok());
    let id = start(&jobs, "rows=3000 ms=1");
    until(|| jobs.get(id).unwrap().rows >= 1_000);
    place.away.store(true, SeqCst);
    sleep(Duration::from_secs(2));
    assert_eq!(jobs.get(id).unwrap().status, Status::Started, "it is told from memory");
    place.away.store(false, SeqCst);
    let end = over(&jobs, id);
    assert_eq!((end.status, end.rows), (Status::End, 3_000), "{}", end.message);
    assert_eq!(jobs.results(id, 0, 5_000).unwrap().len(), 3_000);
}

#[test]
fn what_is_too_old_goes_and_then_what_there_is_no_room_for() {
    let place = Place::new();
    let jobs = place.open(Options::default());
    let ids: Vec<JobId> = (0..3).map(|_| run(&jobs, "rows=100").id).collect();
    jobs.close(NOW);
    drop(jobs);
    // 10 rows of 9 bytes, and 90 of 10: there is room for two of them.
    let jobs = place.open(Options { keep_bytes: 2_000, ..Options::default() });
    let left = |id| jobs.results(id, 0, 500).unwrap().len();
    until(|| left(ids[0]) == 0);
    assert_eq!((left(ids[1]), left(ids[2])), (100, 100));
    let gone = jobs.get(ids[0]).unwrap();
    assert!(gone.status == Status::End && gone.expired.is_some(), "the job is still told of");
    jobs.close(NOW);
    drop(jobs);
    // An id that is free again may be given once more within its second.
    sleep(Duration::from_millis(1_100));
    let jobs = place.open(Options { keep: Duration::from_millis(1), ..Options::default() });
    until(|| ids.iter().all(|&id| jobs.get(id).is_err()));
    assert!(jobs.list(0, 100).unwrap().iter().all(|job| !job.status.is_over()));
}

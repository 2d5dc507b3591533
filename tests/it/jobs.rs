//! Jobs over the end of processes, over faults of what keeps them, and on a store.

mod killed;
mod mongodb;
mod tasks;

use std::io::Write;
use std::thread::sleep;
use std::time::{Duration, Instant};

use earlgrey_hbase::request::{Parameters, Refused};
use earlgrey_hbase::service::jobs::{
    Job, JobId, Jobs, JobsError, Keeper, Kind, NewJob, Options, Results, Work, WorkError,
};
use earlgrey_hbase::store::Watch;

/// Work that gives as many results as the parameter `rows` says, and pauses for `ms` after each
/// hundred of them.
struct Numbers;

impl Work for Numbers {
    fn check(&self, _: Kind, _: &Parameters) -> Result<(), Refused> {
        Ok(())
    }

    fn carry_out(
        &self,
        job: &Job,
        watch: &Watch,
        results: &mut Results<'_>,
    ) -> Result<String, WorkError> {
        let number = |name: &str| job.parameters[name].parse::<u64>().unwrap();
        for row in 0..number("rows") {
            writeln!(results, "{}", numbered(row)).map_err(WorkError::failed)?;
            if row % 100 == 99 {
                watch.pause(Duration::from_millis(number("ms")))?;
            }
        }
        Ok(String::new())
    }
}

/// A row of some length, as a flow's has.
fn numbered(row: u64) -> String {
    format!("{{\"row\":{row},\"text\":\"{:0200}\"}}", row * row)
}

fn new(rows: u64, ms: u64) -> NewJob {
    let parameters = [("rows", rows), ("ms", ms)];
    let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_string()));
    NewJob {
        name: "numbers".to_owned(),
        kind: Kind::FlowQuery,
        parameters: parameters.into(),
        owner: "ada".to_owned(),
    }
}

fn open(keeper: Box<dyn Keeper>, options: Options) -> Jobs {
    Jobs::open(keeper, Box::new(Numbers), options).unwrap()
}

/// Makes a job, as soon as jobs can be made, and has it start.
fn start(jobs: &Jobs, new: &NewJob) -> JobId {
    let made = until("jobs are ready", || match jobs.create(new.clone()) {
        Ok(job) => Some(job),
        Err(JobsError::NotReady(_)) => None,
        Err(error) => panic!("{error}"),
    });
    jobs.start(made.id).unwrap().id
}

/// The job when it is over.
fn over(jobs: &Jobs, id: JobId) -> Job {
    until("a job is over", || jobs.get(id).ok().filter(|job| job.status.is_over()))
}

fn until<T>(what: &str, found: impl Fn() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(began.elapsed() < Duration::from_mins(2), "it does not come that {what}");
        sleep(Duration::from_millis(2));
    }
}

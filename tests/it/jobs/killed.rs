//! A process that is killed while jobs run, and a disk that is full. The process is this one's own
//! program, which carries out jobs in place of tests where a variable of its environment says so.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use earlgrey_hbase::service::jobs::{JobsError, Keeper, Options, SqliteKeeper, Status};

use super::{new, numbered, open, over, start, until};

const FOLDER: &str = "EARLGREY_TEST_JOBS";
const JOBS: usize = 20;
const ROWS: u64 = 2_500;

fn sqlite(folder: &Path) -> SqliteKeeper {
    // Another process may not have let go of it at once.
    until("the file is free", || SqliteKeeper::open(&folder.join("jobs.sqlite")).ok())
}

/// What the process does: it has all jobs run, those that ran before once more.
#[test]
fn in_a_process_of_its_own() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let options = Options { at_once: JOBS, again: true, ..Options::default() };
    let jobs = open(Box::new(sqlite(folder.as_ref())), options);
    for job in jobs.list(0, 100).unwrap() {
        // It was killed before it had this one start.
        if job.status == Status::Created && job.queued.is_none() {
            until("jobs are ready", || match jobs.start(job.id) {
                Err(JobsError::NotReady(_)) => None,
                started => Some(started.unwrap()),
            });
        }
    }
    for _ in jobs.list(0, 100).unwrap().len()..JOBS {
        start(&jobs, &new(ROWS, 10));
    }
    until("all jobs are over", || {
        let all = jobs.list(0, 100).unwrap();
        all.iter().all(|job| job.status.is_over()).then_some(())
    });
    jobs.close(Duration::from_secs(10));
}

fn begin(folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "jobs::killed::in_a_process_of_its_own"])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// How many jobs are at their end. Each of these has all of its results, and no job is lost.
fn check(folder: &Path, made_before: usize) -> (usize, usize) {
    let keeper = sqlite(folder);
    let jobs = keeper.jobs(0, 100).unwrap();
    assert!(jobs.len() >= made_before, "{made_before} jobs were there, and {} are", jobs.len());
    for job in &jobs {
        let results = keeper.results(job, 0, u64::MAX).unwrap();
        assert!(results.iter().zip(0..).all(|(row, number)| *row == numbered(number)), "{job:?}");
        if job.status == Status::End {
            assert_eq!(
                (results.len() as u64, job.rows, job.progress),
                (ROWS, ROWS, 100),
                "{job:?}"
            );
        } else {
            assert!(
                matches!(job.status, Status::Created | Status::Started | Status::Failed),
                "{job:?}"
            );
        }
    }
    (jobs.len(), jobs.iter().filter(|job| job.status == Status::End).count())
}

#[test]
fn no_job_is_lost_and_none_is_at_its_end_without_its_results_whenever_the_process_is_killed() {
    let long = std::env::var_os("EARLGREY_LONG").is_some_and(|it| it == "1");
    let kills = if long { 30 } else { 4 };
    let mut folder = tempfile::tempdir().unwrap();
    let (mut made, mut rounds) = (0, 0);
    for kill in 0..kills {
        let mut child = begin(folder.path());
        // Any time from before the first job to after the last, in an order that jumps.
        sleep(Duration::from_millis(40 + kill * 977 % 1_600));
        child.kill().unwrap();
        child.wait().unwrap();
        let ended;
        (made, ended) = check(folder.path(), made);
        if ended == JOBS {
            folder = tempfile::tempdir().unwrap();
            (made, rounds) = (0, rounds + 1);
        }
    }
    assert!(begin(folder.path()).wait().unwrap().success());
    let keeper = sqlite(folder.path());
    let jobs = keeper.jobs(0, 100).unwrap();
    // A job that was there at three kills is not tried a fourth time.
    assert!(jobs.len() == JOBS && jobs.iter().all(|job| job.status.is_over()), "{jobs:?}");
    assert!(jobs.iter().all(|job| job.status == Status::End || job.attempts == 3), "{jobs:?}");
    drop(keeper);
    check(folder.path(), JOBS);
    println!("{kills} kills, {rounds} rounds");
}

/// What the process does on a disk that is full before its job is done.
#[test]
fn on_a_full_disk() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let jobs = open(Box::new(sqlite(folder.as_ref())), Options::default());
    let job = over(&jobs, start(&jobs, &new(200_000, 0)));
    assert_eq!(job.status, Status::Failed);
    assert!(job.message.contains("jobs.sqlite: keep results: "), "{}", job.message);
    // Smaller ones go on, and what there is can be read and forgotten.
    let kept = jobs.results(job.id, 0, 10).unwrap();
    assert_eq!(kept, (0..10).map(numbered).collect::<Vec<_>>());
    jobs.delete(job.id).unwrap();
    let job = over(&jobs, start(&jobs, &new(1_000, 0)));
    assert_eq!((job.status, job.rows), (Status::End, 1_000), "{}", job.message);
    jobs.close(Duration::from_secs(10));
}

#[test]
fn a_full_disk_fails_the_job_that_fills_it_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    // Whoever writes beyond the limit gets an error, as on a full disk, and no signal.
    let limited = "trap '' XFSZ; ulimit -f 2048; exec \"$0\" --exact jobs::killed::on_a_full_disk";
    let done = Command::new("sh")
        .args(["-c", limited])
        .arg(std::env::current_exe().unwrap())
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
    let keeper = sqlite(folder.path());
    let jobs = keeper.jobs(0, 10).unwrap();
    assert_eq!(jobs.len(), 1);
    assert_eq!(keeper.results(&jobs[0], 0, u64::MAX).unwrap().len(), 1_000);
}

//! A process that is killed while jobs run, and a disk that is full. The process that is killed is this
//! one's own program, which carries out jobs in place of tests where its environment says so.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use earlgrey_hbase::service::jobs::{JobsError, Keeper, Options, SqliteKeeper, Status};

use super::{new, numbered, open, over, start, until};
use crate::needs;

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

#[test]
fn on_a_full_disk_a_job_fails_and_says_so_and_no_other_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=16m", "tmpfs"])
        .arg(folder.path())
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        needs::missing("a small file system cannot be mounted");
        return;
    }
    let _mounted = Mounted(folder.path());
    let jobs = open(Box::new(sqlite(folder.path())), Options::default());
    let before = over(&jobs, start(&jobs, &new(1_000, 0)));
    // Others fill it to the last byte.
    let filler = folder.path().join("filler");
    let mut file = fs::File::create(&filler).unwrap();
    while file.write_all(&[1; 4096]).is_ok() || file.write_all(&[1]).is_ok() {}
    let failed = over(&jobs, start(&jobs, &new(1_000_000, 0)));
    assert_eq!(failed.status, Status::Failed);
    assert!(failed.message.contains("jobs.sqlite: keep results: "), "{}", failed.message);
    assert!(failed.message.contains("o space left") || failed.message.contains("full"));
    assert_eq!(jobs.results(before.id, 0, 2_000).unwrap().len(), 1_000);
    jobs.close(Duration::from_secs(10));
    drop(jobs);
    // The next process finds all that was told.
    let jobs = open(Box::new(sqlite(folder.path())), Options::default());
    assert_eq!([before.id, failed.id].map(|id| jobs.get(id).unwrap()), [before, failed.clone()]);
    fs::remove_file(&filler).unwrap();
    let again = over(&jobs, start(&jobs, &new(1_000, 0)));
    assert_eq!((again.status, again.rows), (Status::End, 1_000), "{}", again.message);
    jobs.delete(failed.id).unwrap();
    jobs.close(Duration::from_secs(10));
}

/// A file system that goes, whoever has something open in it.
struct Mounted<'a>(&'a Path);

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

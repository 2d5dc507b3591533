//! How many jobs there may be, and how much is kept of them.

use super::*;

fn ids(jobs: &Jobs) -> Vec<JobId> {
    jobs.list(0, 1_000).unwrap().iter().map(|job| job.id).collect()
}

#[test]
fn what_cannot_be_started_is_not_made() {
    let place = Place::new();
    let jobs = place.open(Options { at_once: 1, max_queued: 1, ..Options::default() });
    let running = start(&jobs, "then=wait");
    until(|| jobs.get(running).unwrap().status == Status::Started);
    let waiting = jobs.create_started(new("rows=1")).unwrap();
    let before = ids(&jobs);
    assert!(matches!(jobs.create_started(new("rows=1")), Err(JobsError::Full(1))));
    assert_eq!(ids(&jobs), before);
    jobs.cancel(running).unwrap();
    assert_eq!(over(&jobs, waiting.id).status, Status::End);
}

#[test]
fn one_owner_has_half_of_the_jobs_that_nobody_starts() {
    let place = Place::new();
    let jobs = place.open(Options { max_made: 6, ..Options::default() });
    for job in ids(&jobs) {
        jobs.delete(job).unwrap();
    }
    let of = |owner: &str| NewJob { owner: owner.to_owned(), ..new("rows=1") };
    let made = [0; 3].map(|_| jobs.create(of("ada")).unwrap().id);
    assert!(matches!(jobs.create(of("ada")), Err(JobsError::TooManyMade(3))));
    for _ in 0..3 {
        jobs.create(of("berta")).unwrap();
    }
    assert!(matches!(jobs.create(of("clara")), Err(JobsError::TooManyMade(0))));
    // Those that are started, given up or deleted make room.
    over(&jobs, jobs.start(made[0]).unwrap().id);
    jobs.create(of("clara")).unwrap();
    jobs.cancel(made[1]).unwrap();
    jobs.delete(made[2]).unwrap();
    jobs.create(of("ada")).unwrap();
    jobs.close(NOW);
    drop(jobs);
    let jobs = place.open_made(6);
    assert!(matches!(jobs.create(of("berta")), Err(JobsError::TooManyMade(3))), "it is known yet");
}

#[test]
fn names_and_parameters_have_a_length() {
    let place = Place::new();
    let jobs = place.open(Options::default());
    let named = |name: String| NewJob { name, ..new("") };
    let long = new(&format!("rows={}", "1".repeat(80_000)));
    for (order, parameter) in [
        (named("ü".repeat(101)), "name"),
        (named("a\nb".to_owned()), "name"),
        (NewJob { name: String::new(), ..long }, "parameters"),
    ] {
        let refused = jobs.create(order).unwrap_err();
        let JobsError::Refused(refused) = refused else { panic!("{refused}") };
        assert_eq!(refused.parameter.as_deref(), Some(parameter), "{refused}");
    }
    jobs.create(named("ü".repeat(100))).unwrap();
}

#[test]
fn what_nobody_starts_is_forgotten_as_what_is_over() {
    let place = Place::new();
    let jobs = place.open(Options::default());
    let made = jobs.create(new("rows=1")).unwrap().id;
    jobs.close(NOW);
    drop(jobs);
    let jobs = place.open(Options { keep: Duration::from_millis(1), ..Options::default() });
    // Its id may be another's within the same second.
    until(|| jobs.get(made).map_or(true, |job| job.name != "rows=1"));
}

#[test]
fn results_of_the_oldest_go_first_whatever_their_size() {
    let place = Place::new();
    let jobs = place.open(Options::default());
    // 90, 2,090 and 990 bytes.
    let [oldest, middle, newest] =
        ["rows=10", "rows=200", "rows=100"].map(|rows| run(&jobs, rows).id);
    jobs.close(NOW);
    drop(jobs);
    let jobs = place.open(Options { keep_bytes: 2_000, ..Options::default() });
    let left = |id| jobs.results(id, 0, 500).unwrap().len();
    until(|| left(middle) == 0 && left(oldest) == 0);
    assert_eq!(left(newest), 100);
}

#[test]
fn loads_go_one_after_the_other_and_hold_nothing_else_up() {
    let place = Place::new();
    let jobs = place.open(Options { at_once: 3, ..Options::default() });
    let load = |parameters: &str| {
        jobs.create_started(NewJob { kind: Kind::Load, ..new(parameters) }).unwrap().id
    };
    let (first, second) = (load("then=wait"), load("rows=1"));
    until(|| jobs.get(first).unwrap().status == Status::Started);
    assert_eq!(run(&jobs, "rows=1").status, Status::End);
    assert_eq!(jobs.get(second).unwrap().status, Status::Created, "it waits for its turn");
    jobs.cancel(first).unwrap();
    assert_eq!(over(&jobs, second).status, Status::End);
}

#[test]
fn nothing_is_carried_out_before_it_is_to_begin() {
    let place = Place::new();
    let jobs = place.open(Options { at_once: 1, ..Options::default() });
    let running = start(&jobs, "then=wait");
    until(|| jobs.get(running).unwrap().status == Status::Started);
    let waiting = start(&jobs, "rows=1");
    jobs.close(NOW);
    drop(jobs);
    let sqlite = SqliteKeeper::open(&place.folder.path().join("jobs.sqlite")).unwrap();
    let jobs = Jobs::new(Box::new(sqlite), Box::new(Made::default()), Options::default());
    assert!(matches!(jobs.create(new("")), Err(JobsError::NotReady(_))));
    assert_eq!(jobs.get(running).unwrap().status, Status::Started, "nobody looked after it");
    jobs.begin().unwrap();
    assert_eq!(over(&jobs, waiting).status, Status::End);
    assert_eq!(jobs.get(running).unwrap().status, Status::Failed);
}

//! What every keeper must do, as tests that every keeper calls.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "these are tests, in the library only so that the tests of every keeper find them"
)]

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Job, JobId, Keeper, KeeperError, Kind, NewJob, Status};
use crate::flow::UnixMillis;

/// Opens the place in which the keeper of a number keeps its jobs: nothing is in it at the first
/// call, and what was kept is in it at further ones.
pub type Open<'a> = &'a dyn Fn(u32) -> Box<dyn Keeper>;

type Case = (&'static str, fn(&dyn Fn() -> Box<dyn Keeper>));

macro_rules! cases {
    ($($case:ident,)*) => {
        const CASES: &[Case] = &[$((stringify!($case), $case)),*];
    };
}

cases![
    a_place_that_nothing_was_kept_in_is_empty,
    a_job_comes_back_as_it_was,
    an_id_is_given_once,
    jobs_are_listed_newest_first_and_page_by_page,
    a_status_changes_only_from_what_it_was,
    unfinished_jobs_are_told_oldest_first,
    results_come_back_in_order_and_page_by_page,
    every_value_of_a_result_comes_back,
    what_is_kept_again_is_there_once,
    results_go_without_their_job_and_with_it,
    what_was_kept_is_there_for_the_next_process,
];

/// Runs every case, each in a place of its own.
///
/// # Panics
///
/// If a case does not hold; the message names each that does not.
pub fn all(open: Open<'_>) {
    let failed: Vec<&str> = CASES
        .iter()
        .zip(0..)
        .filter(|((name, case), place)| {
            println!("conformance: {name}");
            catch_unwind(AssertUnwindSafe(|| case(&|| open(*place)))).is_err()
        })
        .map(|((name, _), _)| *name)
        .collect();
    assert!(failed.is_empty(), "not as every keeper must do: {}", failed.join(", "));
}

type OpenOne<'a> = &'a dyn Fn() -> Box<dyn Keeper>;

fn id(text: &str) -> JobId {
    text.parse().unwrap()
}

/// A job with a value in each of its fields.
fn job(text: &str) -> Job {
    let parameters = [("where", "port 443 and not src net 10/8"), ("limit", "10"), ("name", "ü\"")];
    let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let new = NewJob {
        name: "Wednesday's 雨".to_owned(),
        kind: Kind::FlowQuery,
        parameters,
        owner: "ada".to_owned(),
    };
    let job = Job::new(id(text), new, UnixMillis(1_759_999_990_123));
    Job { queued: Some(UnixMillis(1_759_999_990_124)), attempts: 2, rows: 1 << 40, ..job }
}

fn rows(numbers: std::ops::Range<u64>) -> Vec<String> {
    numbers
        .map(|number| format!("{{\"src\":\"10.0.0.{}\",\"octets\":{number}}}", number % 256))
        .collect()
}

fn a_place_that_nothing_was_kept_in_is_empty(open: OpenOne<'_>) {
    let keeper = open();
    assert!(keeper.jobs(0, 10).unwrap().is_empty());
    assert!(keeper.unfinished().unwrap().is_empty());
    let none = job("20251009085310");
    assert_eq!(keeper.job(none.id).unwrap(), None);
    assert!(!keeper.replace(&none, Status::Created).unwrap(), "there is nothing to be replaced");
    assert!(keeper.results(&none, 0, 10).unwrap().is_empty());
    keeper.clear(&none).unwrap();
    keeper.remove(&none).unwrap();
}

fn a_job_comes_back_as_it_was(open: OpenOne<'_>) {
    let keeper = open();
    let plain = Job { queued: None, ..job("20251009085310") };
    let full = Job {
        kind: Kind::Export,
        status: Status::Failed,
        progress: 99,
        started: Some(UnixMillis(1_759_999_991_000)),
        ended: Some(UnixMillis(1_759_999_992_999)),
        bytes: 1 << 50,
        message: "store: damaged:\n\t\"x\"".to_owned(),
        expired: Some(UnixMillis(4_102_444_800_000)),
        ..job("20251009085310-1")
    };
    for job in [plain, full] {
        keeper.add(&job).unwrap();
        assert_eq!(keeper.job(job.id).unwrap(), Some(job));
    }
}

fn an_id_is_given_once(open: OpenOne<'_>) {
    let keeper = open();
    let first = job("20251009085310-1");
    keeper.add(&first).unwrap();
    // The answer to the first call may have been lost.
    keeper.add(&first).unwrap();
    let other = Job { name: "another".to_owned(), ..first.clone() };
    let refused = keeper.add(&other).unwrap_err();
    assert!(matches!(refused, KeeperError::Exists(taken) if taken == first.id), "{refused}");
    assert_eq!(keeper.jobs(0, 10).unwrap(), [first]);
}

fn jobs_are_listed_newest_first_and_page_by_page(open: OpenOne<'_>) {
    let keeper = open();
    let ids = [
        "20251009085310-9",
        "20251009085310",
        "20251010000000",
        "20251009085310-10",
        "20251009085309-500",
    ];
    for text in ids {
        keeper.add(&job(text)).unwrap();
    }
    let page = |offset, limit| -> Vec<String> {
        let jobs = keeper.jobs(offset, limit).unwrap();
        jobs.iter().map(|job| job.id.to_string()).collect()
    };
    let newest = [ids[2], ids[3], ids[0], ids[1], ids[4]];
    assert_eq!(page(0, 100), newest);
    assert_eq!(page(1, 2), newest[1..3]);
    assert_eq!(page(4, 2), newest[4..]);
    assert!(page(5, 2).is_empty() && page(0, 0).is_empty());
}

fn a_status_changes_only_from_what_it_was(open: OpenOne<'_>) {
    let keeper = open();
    let created = job("20251009085310");
    keeper.add(&created).unwrap();
    let started = Job { status: Status::Started, ..created.clone() };
    assert!(keeper.replace(&started, Status::Created).unwrap());
    // The answer may have been lost: the same call says the same.
    assert!(keeper.replace(&started, Status::Created).unwrap());
    let canceled = Job { status: Status::Canceled, ..created };
    assert!(!keeper.replace(&canceled, Status::Created).unwrap(), "it has started meanwhile");
    assert_eq!(keeper.job(started.id).unwrap(), Some(started.clone()));
    let end = Job { status: Status::End, progress: 100, rows: 3, ..started };
    assert!(keeper.replace(&end, Status::Started).unwrap());
    let expired = Job { expired: Some(UnixMillis(1)), ..end };
    assert!(keeper.replace(&expired, Status::End).unwrap());
    assert_eq!(keeper.job(expired.id).unwrap(), Some(expired));
}

fn unfinished_jobs_are_told_oldest_first(open: OpenOne<'_>) {
    let keeper = open();
    for (text, status) in [
        ("20251009085312", Status::Started),
        ("20251009085310-10", Status::Created),
        ("20251009085310-2", Status::Created),
        ("20251009085311", Status::End),
        ("20251009085313", Status::Failed),
        ("20251009085314", Status::Error),
        ("20251009085315", Status::Canceled),
    ] {
        keeper.add(&Job { status, ..job(text) }).unwrap();
    }
    let unfinished = keeper.unfinished().unwrap();
    let ids: Vec<String> = unfinished.iter().map(|job| job.id.to_string()).collect();
    assert_eq!(ids, ["20251009085310-2", "20251009085310-10", "20251009085312"]);
}

fn results_come_back_in_order_and_page_by_page(open: OpenOne<'_>) {
    let keeper = open();
    let (one, other) = (job("20251009085310"), job("20251009085310-1"));
    for job in [&one, &other] {
        keeper.add(job).unwrap();
    }
    let all = rows(0..2_500);
    for (first, last) in [(0, 1_000), (1_000, 1_001), (1_001, 2_001), (2_001, 2_500)] {
        keeper.append(&one, first as u64, &all[first..last]).unwrap();
    }
    keeper.append(&other, 0, &rows(7_000..7_003)).unwrap();
    for (offset, limit) in
        [(0, 10), (0, 5_000), (999, 3), (1_000, 1), (1_500, 600), (2_499, 9), (2_500, 9), (0, 0)]
    {
        let until = (offset + limit).min(all.len());
        let found = keeper.results(&one, offset as u64, limit as u64).unwrap();
        assert!(found == all[offset..until], "{limit} from {offset}: {} came", found.len());
    }
    assert_eq!(keeper.results(&one, u64::MAX, u64::MAX).unwrap(), [""; 0]);
    assert_eq!(keeper.results(&other, 0, u64::MAX).unwrap(), rows(7_000..7_003));
}

fn every_value_of_a_result_comes_back(open: OpenOne<'_>) {
    let keeper = open();
    let job = job("20251009085310");
    keeper.add(&job).unwrap();
    let row = "{\"srcAddress\":\"2001:db8::1\",\"srcPort\":65535,\"bytes\":18446744073709551615,\
               \"time\":\"2025-10-09-08:53:10\",\"share\":0.25,\"small\":-1,\"large\":4294967296,\
               \"none\":null,\"yes\":true,\"list\":[1,[],{\"a.b\":\"$x\"}],\"text\":\"ü\\n\\\"\\u0000雨\"}";
    keeper.append(&job, 0, &[row.to_owned()]).unwrap();
    let found = keeper.results(&job, 0, 1).unwrap();
    let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(value(&found[0]), value(row));
    // Fields come in the order in which they were.
    assert!(found[0].starts_with("{\"srcAddress\":\"2001:db8::1\",\"srcPort\":65535,\"bytes\":"));
}

fn what_is_kept_again_is_there_once(open: OpenOne<'_>) {
    let keeper = open();
    let job = job("20251009085310");
    keeper.add(&job).unwrap();
    let all = rows(0..30);
    for (first, last) in [(0, 10), (0, 10), (10, 20), (10, 20), (20, 30)] {
        keeper.append(&job, first as u64, &all[first..last]).unwrap();
    }
    assert_eq!(keeper.results(&job, 0, 100).unwrap(), all);
}

fn results_go_without_their_job_and_with_it(open: OpenOne<'_>) {
    let keeper = open();
    let jobs = ["20251009085310", "20251009085311", "20251009085312"].map(job);
    for job in &jobs {
        keeper.add(job).unwrap();
        keeper.append(job, 0, &rows(0..10)).unwrap();
    }
    let [cleared, removed, other] = &jobs;
    keeper.clear(cleared).unwrap();
    keeper.remove(removed).unwrap();
    // As if the answer had been lost.
    keeper.clear(cleared).unwrap();
    keeper.remove(removed).unwrap();
    let counts: Vec<usize> =
        jobs.iter().map(|job| keeper.results(job, 0, 100).unwrap().len()).collect();
    assert_eq!(counts, [0, 0, 10]);
    assert_eq!(keeper.jobs(0, 10).unwrap(), [other.clone(), cleared.clone()]);
    keeper.append(cleared, 0, &rows(5..6)).unwrap();
    assert_eq!(keeper.results(cleared, 0, 100).unwrap(), rows(5..6));
}

fn what_was_kept_is_there_for_the_next_process(open: OpenOne<'_>) {
    let job = job("20251009085310");
    let keeper = open();
    keeper.add(&job).unwrap();
    keeper.append(&job, 0, &rows(0..10)).unwrap();
    let started = Job { status: Status::Started, ..job };
    assert!(keeper.replace(&started, Status::Created).unwrap());
    drop(keeper);
    let keeper = open();
    assert_eq!(keeper.unfinished().unwrap(), std::slice::from_ref(&started));
    assert_eq!(keeper.results(&started, 0, 100).unwrap(), rows(0..10));
}

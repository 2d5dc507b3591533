//! What jobs do on a store: the same as the commands.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use earlgrey_hbase::aggregate::Limits;
use earlgrey_hbase::query::filter::NoFiles;
use earlgrey_hbase::request::{Deciding, Zone};
use earlgrey_hbase::service::jobs::{
    Job, Jobs, JobsError, Kind, NewJob, Options, SqliteKeeper, Status, Tasks,
};
use earlgrey_hbase::store::embedded::EmbeddedStore;

use super::{over, until};
use crate::cli::{FLOWS, Home, capture, exports};

fn open(home: &Home, store: &Path) -> Jobs {
    let tasks = Tasks {
        store: Arc::new(EmbeddedStore::new(store)),
        zone: Zone::parse("UTC").unwrap(),
        sums: Limits::default(),
        files: Box::new(NoFiles),
        loads: earlgrey_hbase::load::Options::default(),
        load_folders: vec![home.path("captures")],
        exports: home.path("exports"),
        deciding: Deciding::default(),
        folder: home.path("data/earlgrey-hbase/serve"),
    };
    let keeper = SqliteKeeper::open(&home.path("jobs.sqlite")).unwrap();
    let jobs = Jobs::open(Box::new(keeper), Box::new(tasks), Options::default()).unwrap();
    until("jobs are ready", || match jobs.create(new(Kind::Stats, &[])) {
        Err(JobsError::NotReady(_)) => None,
        _ => Some(()),
    });
    jobs
}

fn new(kind: Kind, parameters: &[(&str, &str)]) -> NewJob {
    let parameters = parameters.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
    NewJob { name: String::new(), kind, parameters: parameters.collect(), owner: "ada".to_owned() }
}

fn run(jobs: &Jobs, kind: Kind, parameters: &[(&str, &str)]) -> Job {
    let made = jobs.create(new(kind, parameters)).unwrap();
    over(jobs, jobs.start(made.id).unwrap().id)
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_job_s_results_are_the_rows_that_the_command_prints() {
    let home = Home::with_store();
    let store = home.path("data/earlgrey-hbase/store");
    let jobs = open(&home, &store);
    for (kind, parameters, command) in [
        (Kind::FlowQuery, &[("address", "0.0.0.0/0")][..], &["query", "0.0.0.0/0"][..]),
        (
            Kind::FlowQuery,
            &[("where", "udp"), ("limit", "2")],
            &["query", "--where", "udp", "--limit", "2"],
        ),
        (
            Kind::FlowQuery,
            &[("where", "any"), ("bidir", "yes")],
            &["query", "--where", "any", "--bidir"],
        ),
        (Kind::ActiveFlow, &[("print", "3")], &["active-flow", "-print", "3"]),
        (
            Kind::Top,
            &[("key", "src,dstport"), ("by", "flows")],
            &["top", "src,dstport", "--by", "flows"],
        ),
        (Kind::Timeline, &[("bin", "1h")], &["timeline", "--bin", "1h"]),
        (
            Kind::Diff,
            &[("key", "src"), ("window", "2007-08-02"), ("against", "week")],
            &["diff", "src", "--window", "2007-08-02", "--against", "week"],
        ),
        (
            Kind::Report,
            &[("month", "2007-08"), ("by", "if"), ("billing", "sum")],
            &["report", "--month", "2007-08", "--by", "if", "--billing", "sum"],
        ),
        (
            Kind::Timeline,
            &[("percentile", "90"), ("key", "src"), ("since", "2007-08"), ("until", "2007-09")],
            &[
                "timeline",
                "--percentile",
                "90",
                "--key",
                "src",
                "--since",
                "2007-08",
                "--until",
                "2007-09",
            ],
        ),
    ] {
        let job = run(&jobs, kind, parameters);
        assert_eq!((job.status, job.progress), (Status::End, 100), "{}", job.message);
        let printed = home.run(&[command, &["-o", "ndjson"]].concat()).succeeds().stdout;
        let found = jobs.results(job.id, 0, 1_000).unwrap();
        assert_eq!(found, printed.lines().collect::<Vec<_>>(), "{command:?}");
        assert_eq!(job.rows as usize, found.len());
    }
    let job = run(&jobs, Kind::Stats, &[]);
    let printed = home.run(&["stats", "-o", "json"]).succeeds().stdout;
    assert_eq!(json(&jobs.results(job.id, 0, 9).unwrap()[0]), json(&printed));
    let job = run(&jobs, Kind::FlowQuery, &[("where", "any"), ("count", "yes")]);
    assert_eq!(jobs.results(job.id, 0, 9).unwrap(), [format!("{{\"flows\":{}}}", FLOWS.len())]);
}

#[test]
fn what_cannot_be_asked_for_is_refused_before_there_is_a_job() {
    let home = Home::with_store();
    let jobs = open(&home, &home.path("data/earlgrey-hbase/store"));
    fs::create_dir_all(home.path("captures/empty")).unwrap();
    home.file("secret.pcap", b"");
    symlink(home.path("secret.pcap"), home.path("captures/out")).unwrap();
    let inside = |name: &str| home.path("captures").join(name).to_str().unwrap().to_owned();
    let before = jobs.list(0, 100).unwrap().len();
    for (kind, parameters, parameter) in [
        (Kind::FlowQuery, &[][..], "address"),
        (Kind::FlowQuery, &[("where", "port 99999")], "where"),
        (Kind::FlowQuery, &[("where", "src ip in @/etc/passwd")], "where"),
        (Kind::FlowQuery, &[("address", "10.0.0.1"), ("since", "soon")], "since"),
        (Kind::Top, &[("key", "flavour")], "key"),
        (Kind::Timeline, &[("tz", "Mars")], "tz"),
        (Kind::Diff, &[("key", "src"), ("window", "soon"), ("against", "day")], "window"),
        (Kind::Report, &[("month", "soon"), ("by", "if")], "month"),
        (Kind::Stats, &[("output", "json")], "output"),
        (Kind::Detect, &[], "kinds"),
        (Kind::Detect, &[("kinds", "scan"), ("inside", "here")], "inside"),
        (Kind::Load, &[("path", "/etc/passwd")], "path"),
        (Kind::Load, &[("path", "captures")], "path"),
        (Kind::Load, &[("path", &*inside("../secret.pcap"))], "path"),
        (Kind::Load, &[("path", &*inside("out"))], "path"),
        (Kind::Load, &[("path", &*inside("."))], "path"),
        (Kind::Load, &[("path", &*inside("empty"))], "path"),
        (Kind::Load, &[("path", &*inside("none"))], "path"),
        (Kind::Export, &[("to", "all.xlsx")], "to"),
        (Kind::Export, &[("to", "../all.csv")], "to"),
        (Kind::Export, &[("to", "/tmp/all.csv")], "to"),
        (Kind::Export, &[("to", ".all.csv")], "to"),
        (Kind::Export, &[("to", "a/all.csv")], "to"),
        (Kind::Export, &[("to", "./all.csv")], "to"),
    ] {
        let refused = jobs.create(new(kind, parameters)).unwrap_err();
        let JobsError::Refused(refused) = refused else { panic!("{parameters:?}: {refused}") };
        assert_eq!(refused.parameter.as_deref(), Some(parameter), "{refused}");
    }
    assert_eq!(jobs.list(0, 100).unwrap().len(), before);
}

#[test]
fn captures_are_loaded_out_of_the_folders_for_them_and_flows_exported_to_theirs() {
    let home = Home::new();
    home.file("captures/day/a.pcap", &capture(&[exports(0, &FLOWS)]));
    fs::create_dir_all(home.path("captures/other")).unwrap();
    symlink(home.path("captures/day"), home.path("captures/other/day")).unwrap();
    let store = home.path("store");
    let jobs = open(&home, &store);
    let folder = home.path("captures/other").to_str().unwrap().to_owned();
    let job = run(&jobs, Kind::Load, &[("path", &folder)]);
    assert_eq!(job.status, Status::End, "{}", job.message);
    let entry = json(&jobs.results(job.id, 0, 9).unwrap()[0]);
    assert_eq!(entry["account"]["stored"], FLOWS.len());

    let to = [("to", "all.csv"), ("where", "udp")];
    let job = run(&jobs, Kind::Export, &to);
    assert_eq!(job.status, Status::End, "{}", job.message);
    let written = fs::read_to_string(home.path("exports/all.csv")).unwrap();
    let store = store.to_str().unwrap();
    home.run(&["export", "--where", "udp", "--to", "b.csv", "--store", store]).succeeds();
    assert_eq!(written, fs::read_to_string(home.path("b.csv")).unwrap());
    let told = json(&jobs.results(job.id, 0, 9).unwrap()[0]);
    assert_eq!(told["file"], "all.csv");
    assert_eq!(told["bytes"], written.len());
    let refused = jobs.create(new(Kind::Export, &to)).unwrap_err().to_string();
    assert!(refused.contains("already"), "{refused}");
    let job = run(&jobs, Kind::Export, &[to[0], ("force", "yes")]);
    assert_eq!(job.status, Status::End, "{}", job.message);
    assert_eq!(fs::read_dir(home.path("exports")).unwrap().count(), 1);
}

#[test]
fn a_job_that_takes_long_tells_how_far_it_is_and_is_given_up_at_once() {
    let home = Home::new();
    let store = home.path("store");
    let to = store.to_str().unwrap();
    let more = |seed: &str, flows: &str| {
        let capture = ["generate", "day.pcap", "--seed", seed, "--flows", flows];
        home.run(&capture).succeeds();
        home.run(&["load", "day.pcap", "--store", to]).succeeds();
    };
    more("1", "50000");
    let jobs = open(&home, &store);
    // It is tested on rows, since no bounds tell it.
    let nothing = [("where", "pps > 18446744073709551614 and bps > 18446744073709551614")];
    let all = run(&jobs, Kind::FlowQuery, &nothing);
    assert_eq!((all.status, all.rows, all.progress), (Status::End, 0, 100), "{}", all.message);
    let is_given_up = |kind, parameters| {
        let id = jobs.create(new(kind, parameters)).unwrap().id;
        jobs.start(id).unwrap();
        until("it is at work", || {
            jobs.get(id).ok().filter(|job| job.progress > 0 || job.status.is_over())
        });
        let began = Instant::now();
        let _ = jobs.cancel(id);
        let end = over(&jobs, id);
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
        end.status == Status::Canceled && (1..100).contains(&end.progress)
    };
    // Where the machine is so quick that it is over before it is stopped, it gets more to read.
    let mut rest = [("2", "50000"), ("3", "200000"), ("4", "1000000")].into_iter();
    for (kind, parameters) in [(Kind::FlowQuery, &nothing), (Kind::Detect, &[("kinds", "all")])] {
        while !(0..5).any(|_| is_given_up(kind, parameters)) {
            let (seed, flows) = rest.next().unwrap();
            more(seed, flows);
        }
    }
}

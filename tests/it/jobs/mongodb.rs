//! Jobs in a MongoDB. `scripts/test` starts one and says where: `EARLGREY_MONGODB` is its URL.

#[cfg(feature = "mongodb")]
mod real {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    use std::time::{Duration, Instant};

    use earlgrey_hbase::keep::KeepError;
    use earlgrey_hbase::service::jobs::{
        JobsError, Keeper, KeeperError, MongoKeeper, Options, Status, conformance,
    };

    use crate::hbase::proxy;
    use crate::jobs::{new, numbered, open, over, start, until};
    use crate::needs;

    /// A name of a database that no other test, and no earlier run, has.
    fn new_database() -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let since_1970 = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis();
        format!("test_{since_1970}_{}", NEXT.fetch_add(1, Relaxed))
    }

    fn keeper(url: &str, database: &str) -> MongoKeeper {
        MongoKeeper::new(&format!("{url}/{database}")).unwrap()
    }

    fn address(url: &str) -> &str {
        url.trim_start_matches("mongodb://").trim_end_matches('/')
    }

    #[test]
    fn it_does_what_every_keeper_must() {
        let Some(url) = needs::mongodb() else { return };
        let database = new_database();
        conformance::all(&|number| Box::new(keeper(&url, &format!("{database}_{number}"))));
    }

    #[test]
    fn jobs_are_where_the_url_says_and_in_the_database_of_the_documents_where_it_does_not() {
        let place = MongoKeeper::new("mongodb://ada:secret@127.0.0.1:1,127.0.0.1:2").unwrap();
        assert_eq!(place.to_string(), "mongodb://127.0.0.1:1,127.0.0.1:2/EarlGrey");
        let place = MongoKeeper::new("mongodb://127.0.0.1:1/flows").unwrap();
        assert_eq!(place.to_string(), "mongodb://127.0.0.1:1/flows");
        let refused = MongoKeeper::new("http://127.0.0.1").err().unwrap();
        assert!(matches!(refused, KeeperError::Place(KeepError::Refused { .. })), "{refused}");
    }

    #[test]
    fn results_are_there_for_the_next_process() {
        let Some(url) = needs::mongodb() else { return };
        let database = new_database();
        let jobs = open(Box::new(keeper(&url, &database)), Options::default());
        let id = start(&jobs, &new(2_500, 0));
        let end = over(&jobs, id);
        assert_eq!((end.status, end.rows), (Status::End, 2_500), "{}", end.message);
        jobs.close(Duration::from_secs(10));
        let keeper = keeper(&url, &database);
        assert_eq!(keeper.job(id).unwrap(), Some(end.clone()));
        let expected: Vec<String> = (2_490..2_500).map(numbered).collect();
        assert_eq!(keeper.results(&end, 2_490, 100).unwrap(), expected);
    }

    #[test]
    fn a_server_that_is_not_there_at_the_beginning_is_waited_for() {
        let Some(url) = needs::mongodb() else { return };
        let (gate, is_open) = proxy::gate(address(&url));
        is_open.store(false, Relaxed);
        // It is looked for anew more often than a driver does by itself.
        let url = format!("mongodb://{gate}/{}?serverSelectionTimeoutMS=500", new_database());
        let jobs = open(Box::new(MongoKeeper::new(&url).unwrap()), Options::default());
        let refused = jobs.create(new(10, 0)).unwrap_err();
        assert!(matches!(refused, JobsError::NotReady(_)), "{refused}");
        let refused = jobs.list(0, 10).unwrap_err().to_string();
        assert!(refused.contains("cannot be reached: list the jobs"), "{refused}");
        is_open.store(true, Relaxed);
        let end = over(&jobs, start(&jobs, &new(10, 0)));
        assert_eq!((end.status, end.rows), (Status::End, 10));
    }

    #[test]
    fn a_server_that_goes_in_the_middle_of_a_job_is_waited_for_and_no_result_comes_twice() {
        let Some(url) = needs::mongodb() else { return };
        let (gate, is_open) = proxy::gate(address(&url));
        let gated = format!("mongodb://{gate}/{}?serverSelectionTimeoutMS=500", new_database());
        let jobs = open(Box::new(MongoKeeper::new(&gated).unwrap()), Options::default());
        let id = start(&jobs, &new(10_000, 20));
        for rows in [1_000, 4_000, 7_000] {
            until("some results are kept", || jobs.get(id).ok().filter(|job| job.rows >= rows));
            is_open.store(false, Relaxed);
            std::thread::sleep(Duration::from_millis(700));
            assert_eq!(jobs.get(id).unwrap().status, Status::Started);
            is_open.store(true, Relaxed);
        }
        let end = over(&jobs, id);
        assert_eq!((end.status, end.rows), (Status::End, 10_000), "{}", end.message);
        let results = jobs.results(id, 0, 20_000).unwrap();
        assert!(
            results.len() == 10_000 && results.iter().zip(0..).all(|(row, n)| *row == numbered(n))
        );
    }

    #[test]
    fn a_job_whose_server_stays_away_fails_and_one_that_is_slow_does_not() {
        let Some(url) = needs::mongodb() else { return };
        let (gate, is_open) = proxy::gate(address(&url));
        let gated = format!("mongodb://{gate}/{}?serverSelectionTimeoutMS=500", new_database());
        let options = Options { patience: Duration::from_secs(1), ..Options::default() };
        let jobs = open(Box::new(MongoKeeper::new(&gated).unwrap()), options);
        let id = start(&jobs, &new(100_000, 10));
        until("some results are kept", || jobs.get(id).ok().filter(|job| job.rows >= 1_000));
        is_open.store(false, Relaxed);
        std::thread::sleep(Duration::from_secs(4));
        // That it failed is kept as soon as it can be.
        let trouble = jobs.get(id).unwrap();
        assert_eq!(trouble.status, Status::Started);
        assert!(trouble.message.starts_with("how it stands cannot be kept"), "{}", trouble.message);
        is_open.store(true, Relaxed);
        let end = over(&jobs, id);
        assert_eq!(end.status, Status::Failed);
        assert!(end.message.contains("cannot be reached: keep results"), "{}", end.message);

        let slow = proxy::slow(address(&url), Duration::from_millis(100));
        let keeper = keeper(&format!("mongodb://{slow}"), &new_database());
        let jobs = open(Box::new(keeper), Options::default());
        let id = start(&jobs, &new(5_000, 0));
        assert_eq!(over(&jobs, id).status, Status::End);
        let id = start(&jobs, &new(500_000, 1));
        until("it runs", || jobs.get(id).ok().filter(|job| job.rows > 0));
        let began = Instant::now();
        jobs.cancel(id).unwrap();
        assert_eq!(over(&jobs, id).status, Status::Canceled);
        assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    }
}

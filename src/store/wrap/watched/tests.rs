use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use super::*;
use crate::flow::{Columns, Names, Remembered, Topic, UnixMillis};
use crate::row::{NumberField, NumberSet, Predicate};
use crate::store::conformance::{self, write_sample};
use crate::store::embedded::EmbeddedStore;
use crate::store::memory::MemoryStore;
use crate::store::{Expired, Load, Store, StoreError, WatchLists, Writer};

/// A store that is read for somebody who never gives up.
struct Patient<S>(S);

impl<S: fmt::Display> fmt::Display for Patient<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<S: Store> Store for Patient<S> {
    fn snapshot(&self) -> Result<Box<dyn Snapshot>> {
        Ok(Box::new(WatchedSnapshot::new(self.0.snapshot()?, Watch::default())))
    }

    fn writer(&self) -> Result<Box<dyn Writer>> {
        self.0.writer()
    }

    fn loads(&self) -> Result<Vec<Load>> {
        self.0.loads()
    }

    fn names(&self) -> Result<Names> {
        self.0.names()
    }

    fn remembered(&self, topic: Topic) -> Result<Remembered> {
        self.0.remembered(topic)
    }

    fn expire(&self, before: UnixMillis, dry_run: bool) -> Result<Expired> {
        self.0.expire(before, dry_run)
    }

    fn watch_lists(&self) -> Result<Box<dyn WatchLists + '_>> {
        self.0.watch_lists()
    }
}

#[test]
fn it_does_what_every_store_must() {
    conformance::all(&|| Box::new(Patient(MemoryStore::default())));
}

/// A scan of everything that finds nothing, in either way of reading.
fn fruitless(ordered: bool) -> Scan {
    // No bounds of pages tell that.
    let none = NumberSet::between(u64::MAX, u64::MAX);
    let no_flow = Predicate::Number(NumberField::PacketsPerSecond, none);
    Scan { ordered, ..Scan::all(Columns::ALL).testing(no_flow) }
}

/// Reads all regions; gives how many flows there were, or the error.
fn read(snapshot: &dyn Snapshot, scan: &Scan) -> Result<usize> {
    let mut flows = 0;
    for region in snapshot.regions(scan)? {
        for batch in region.read() {
            flows += batch?.len();
        }
    }
    Ok(flows)
}

fn percent(watch: &Watch) -> u64 {
    (watch.share() * 100.0).round() as u64
}

#[test]
fn what_was_stopped_reads_no_further_and_says_so_once() {
    let folder = tempfile::tempdir().unwrap();
    let stores: [Box<dyn Store>; 2] =
        [Box::new(MemoryStore::default()), Box::new(EmbeddedStore::new(folder.path().join("s")))];
    for store in stores {
        write_sample(&*store, 40_000);
        for ordered in [false, true] {
            let watch = Watch::default();
            let snapshot = WatchedSnapshot::new(store.snapshot().unwrap(), watch.clone());
            let scan = Scan { ordered, ..Scan::all(Columns::ALL) };
            let mut regions = snapshot.regions(&scan).unwrap();
            let mut flows = regions.remove(0).read();
            flows.next().unwrap().unwrap();
            watch.stop();
            assert!(matches!(flows.next(), Some(Err(StoreError::Stopped))), "{store}");
            assert!(flows.next().is_none(), "{store}: something follows an error");
            for region in regions {
                assert!(matches!(region.read().next(), Some(Err(StoreError::Stopped))));
            }
            assert!(matches!(snapshot.regions(&scan), Err(StoreError::Stopped)), "{store}");
            assert!(matches!(snapshot.plan(&scan), Err(StoreError::Stopped)), "{store}");
        }
    }
}

#[test]
fn a_scan_that_finds_nothing_is_stopped_in_the_middle() {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::new(folder.path().join("s"));
    write_sample(&store, 200_000);
    for ordered in [false, true] {
        // Another thread stops it as soon as it has begun; it may come too late now and then.
        let in_the_middle = (0..50).any(|_| {
            let watch = Watch::default();
            let snapshot = WatchedSnapshot::new(store.snapshot().unwrap(), watch.clone());
            let scan = fruitless(ordered);
            let ended = thread::scope(|scope| {
                let reader = scope.spawn(|| read(&snapshot, &scan));
                while watch.rows() == 0 && !reader.is_finished() {
                    thread::yield_now();
                }
                watch.stop();
                reader.join().unwrap()
            });
            matches!(ended, Err(StoreError::Stopped)) && watch.rows() < 200_000
        });
        assert!(in_the_middle, "ordered: {ordered}");
    }
}

#[test]
fn the_share_is_that_of_the_rows_that_were_looked_at_whatever_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::new(folder.path().join("s"));
    write_sample(&store, 60_000);
    for ordered in [false, true] {
        let watch = Watch::default();
        let snapshot = WatchedSnapshot::new(store.snapshot().unwrap(), watch.clone());
        let regions = snapshot.regions(&fruitless(ordered)).unwrap();
        let mut last = 0;
        for region in regions {
            assert_eq!(region.read().count(), 0);
            assert!(last < percent(&watch), "ordered: {ordered}");
            last = percent(&watch);
        }
        assert_eq!((last, watch.rows()), (100, 60_000), "ordered: {ordered}");

        // What is not wanted any more is done, too.
        let watch = Watch::default();
        let snapshot = WatchedSnapshot::new(store.snapshot().unwrap(), watch.clone());
        let scan = Scan { ordered, ..Scan::all(Columns::ALL) };
        let mut regions = snapshot.regions(&scan).unwrap().into_iter();
        regions.next().unwrap().read().next().unwrap().unwrap();
        assert!((1..100).contains(&percent(&watch)), "{}", percent(&watch));
        drop(regions);
        assert_eq!(percent(&watch), 100);
    }
}

#[test]
fn flows_that_nobody_counts_are_not_counted_for_who_gave_up() {
    let store = MemoryStore::default();
    write_sample(&store, 100);
    let watch = Watch::default();
    let snapshot = WatchedSnapshot::new(store.snapshot().unwrap(), watch.clone());
    assert_eq!(snapshot.flows().unwrap(), 100);
    watch.stop();
    assert_eq!(snapshot.flows().unwrap(), 100, "that is kept, and takes no time");
    let began = Instant::now();
    assert!(matches!(read(&snapshot, &fruitless(false)), Err(StoreError::Stopped)));
    assert!(began.elapsed() < Duration::from_secs(1));
}

use super::*;
use crate::flow::{Columns, FlowBatch, Names, Remembered, TimeRange, Topic, UnixMillis};
use crate::row::Order;
use crate::store::memory::MemoryStore;
use crate::store::{Expired, FlowStream, Load, Plan, Region, Result, Scan, Snapshot, Writer};
use std::fmt;

#[test]
fn a_case_that_fails_is_named() {
    let failed = catch_unwind(|| {
        // A store that keeps what it held before is not a new one.
        let kept = MemoryStore::default();
        all(&|| Box::new(kept.clone()));
    });
    let message = *failed.unwrap_err().downcast::<String>().unwrap();
    assert!(message.contains("a_snapshot_stays_as_it_was"), "{message}");
    assert!(!message.contains("a_store_that_nothing_was_written_to_is_empty"), "{message}");
}

#[test]
#[should_panic(expected = "there is no case of_this_name")]
fn a_case_that_is_left_out_exists() {
    all_but(&["of_this_name"], &|| Box::new(MemoryStore::default()));
}

/// A memory store that makes a mistake: in what it is asked, or in what it answers.
#[derive(Clone)]
struct Mistaken {
    store: MemoryStore,
    asked: fn(&mut Scan),
    answer: fn(Vec<FlowBatch>) -> Vec<FlowBatch>,
}

struct MistakenSnapshot(Box<dyn Snapshot>, Mistaken);

struct Batches(Vec<FlowBatch>);

impl fmt::Display for Mistaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}

impl Store for Mistaken {
    fn snapshot(&self) -> Result<Box<dyn Snapshot>> {
        Ok(Box::new(MistakenSnapshot(self.store.snapshot()?, self.clone())))
    }

    fn writer(&self) -> Result<Box<dyn Writer>> {
        self.store.writer()
    }

    fn loads(&self) -> Result<Vec<Load>> {
        self.store.loads()
    }

    fn names(&self) -> Result<Names> {
        self.store.names()
    }

    fn remembered(&self, topic: Topic) -> Result<Remembered> {
        self.store.remembered(topic)
    }

    fn expire(&self, before: UnixMillis, dry_run: bool) -> Result<Expired> {
        self.store.expire(before, dry_run)
    }
}

impl Snapshot for MistakenSnapshot {
    fn regions(&self, scan: &Scan) -> Result<Vec<Box<dyn Region>>> {
        let mut asked = scan.clone();
        (self.1.asked)(&mut asked);
        let regions = self.0.regions(&asked)?.into_iter();
        Ok(regions
            .map(|region| region.read().map(|batch| batch.unwrap()).collect())
            .map(|batches| Box::new(Batches((self.1.answer)(batches))) as Box<dyn Region>)
            .collect())
    }

    fn plan(&self, scan: &Scan) -> Result<Plan> {
        self.0.plan(scan)
    }

    fn flows(&self) -> crate::store::Result<u64> {
        self.0.flows()
    }
}

impl Region for Batches {
    fn read(self: Box<Self>) -> FlowStream {
        Box::new(self.0.into_iter().map(Ok))
    }
}

type AskWrongly = fn(&mut Scan);
type AnswerWrongly = fn(Vec<FlowBatch>) -> Vec<FlowBatch>;

#[test]
fn every_mistake_is_found() {
    let nothing: AskWrongly = |_| ();
    let same: AnswerWrongly = |batches| batches;
    let mistakes: [(&str, AskWrongly, AnswerWrongly); 10] = [
        ("time is not looked at", |scan| scan.time = TimeRange::ALL, same),
        ("its end is in it", |scan| scan.time.until = scan.time.until + 1, same),
        ("the range is not looked at", |scan| scan.lead = None, same),
        ("the predicate is not looked at", |scan| scan.predicate = None, same),
        ("the order is the other one", |scan| scan.order = Order::Src, same),
        ("all columns are read", |scan| scan.columns = Columns::ALL, same),
        ("a batch is lost", nothing, |mut batches| {
            batches.pop();
            batches
        }),
        ("a batch comes twice", nothing, |mut batches| {
            batches.extend(batches.last().cloned());
            batches
        }),
        ("batches come in any order", nothing, |mut batches| {
            batches.reverse();
            batches
        }),
        ("a row is lost", nothing, |mut batches| {
            for batch in &mut batches {
                let rows: Vec<u32> = (1..(batch.len() as u32).max(2)).collect();
                if batch.len() > 1 {
                    *batch = batch.take_rows(&rows);
                }
            }
            batches
        }),
    ];
    for (mistake, asked, answer) in mistakes {
        let open = || -> Box<dyn Store> {
            Box::new(Mistaken { store: MemoryStore::default(), asked, answer })
        };
        let found = CASES
            .iter()
            .any(|case| catch_unwind(AssertUnwindSafe(|| (case.check)(&open))).is_err());
        assert!(found, "{mistake}");
    }
}

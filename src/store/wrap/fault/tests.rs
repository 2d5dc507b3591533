use super::*;
use crate::flow::{Columns, Names, Remembered, Topic, UnixMillis};
use crate::store::conformance;
use crate::store::memory::MemoryStore;

/// Writes, reads and asks; whatever kind of call there is, it is made.
fn use_everything(store: &dyn Store) -> Result<u64> {
    let mut writer = store.writer()?;
    let mut stored = 0;
    for number in 0..4 {
        let batch = conformance::sample_batch(number, 10);
        let mut admitted = true;
        for datagram in &batch.datagrams {
            admitted &= writer.admit(*datagram)?;
        }
        if admitted {
            stored += batch.len() as u64;
            writer.write(batch)?;
        }
        writer.commit()?;
    }
    writer.record(&Load::default())?;
    writer.name(&Names::default())?;
    writer.remember(Topic::Options, &Remembered::default())?;
    drop(writer);
    store.loads()?;
    store.names()?;
    store.remembered(Topic::Options)?;
    store.expire(UnixMillis::EPOCH, false)?;
    let snapshot = store.snapshot()?;
    let scan = Scan::all(Columns::ALL);
    snapshot.plan(&scan)?;
    for region in snapshot.regions(&scan)? {
        for batch in region.read() {
            batch?;
        }
    }
    Ok(stored)
}

#[test]
fn a_store_without_faults_does_what_every_store_must() {
    conformance::all(&|| Box::new(FaultStore::new(MemoryStore::default(), [])));
}

#[test]
fn the_call_that_is_told_to_fail_fails_and_no_other() {
    let whole = FaultStore::new(MemoryStore::default(), []);
    use_everything(&whole).unwrap();
    for call in Call::ALL {
        let calls = whole.faults().calls(call);
        assert!(calls > 0, "{call:?}");
        for nth in 1..=calls {
            for fault in [Fault::Before(call, nth), Fault::After(call, nth)] {
                let memory = MemoryStore::default();
                let store = FaultStore::new(memory.clone(), [fault]);
                let error = use_everything(&store).unwrap_err();
                assert_eq!(error.to_string(), format!("injected fault at {}", call.name()));
                assert_eq!((store.faults().calls(call), store.faults().met()), (nth, 1));
                // It was this once: what was not stored is stored now.
                use_everything(&store).unwrap();
                assert_eq!(memory.snapshot().unwrap().flows().unwrap(), 40, "{fault:?}");
            }
        }
    }
}

#[test]
fn a_lost_answer_is_one_of_a_call_that_was_carried_out() {
    for (fault, flows) in [
        (Fault::Before(Call::Commit, 1), 0),
        (Fault::After(Call::Commit, 1), 10),
        (Fault::After(Call::Commit, 3), 30),
    ] {
        let memory = MemoryStore::default();
        use_everything(&FaultStore::new(memory.clone(), [fault])).unwrap_err();
        assert_eq!(memory.snapshot().unwrap().flows().unwrap(), flows, "{fault:?}");
    }
}

#[test]
fn a_full_store_takes_what_there_is_room_for() {
    let store = FaultStore::new(MemoryStore::default(), [Fault::Full(25)]);
    use_everything(&store).unwrap_err();
    use_everything(&store).unwrap_err();
    assert_eq!(store.faults().met(), 2);
    assert_eq!(store.snapshot().unwrap().flows().unwrap(), 20);
    let mut writer = store.writer().unwrap();
    writer.write(conformance::sample_batch(7, 5)).unwrap();
    writer.commit().unwrap();
    assert_eq!(store.snapshot().unwrap().flows().unwrap(), 25);
}

#[test]
fn after_an_error_a_stream_ends() {
    let memory = MemoryStore::default();
    conformance::write_sample(&memory, 40_000);
    let store = FaultStore::new(memory, [Fault::Before(Call::Read, 2)]);
    let snapshot = store.snapshot().unwrap();
    let regions = snapshot.regions(&Scan::all(Columns::NONE)).unwrap();
    let batches: Vec<_> = regions.into_iter().next().unwrap().read().collect();
    assert_eq!(batches.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false]);
}

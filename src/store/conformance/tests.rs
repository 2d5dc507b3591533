use super::*;
use crate::store::memory::MemoryStore;

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

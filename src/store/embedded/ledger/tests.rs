use super::*;
use crate::flow::UnixMillis;
use crate::store::Account;

fn load(id: &str, stored: u64) -> Load {
    let account = Account { stored, ..Account::default() };
    Load {
        id: id.to_owned(),
        started: UnixMillis(1),
        finished: None,
        interrupted: false,
        failure: None,
        files: Vec::new(),
        other_files: Vec::new(),
        topic: None,
        account,
    }
}

fn ledger_of(dir: &Path, loads: &[Load]) -> Vec<u8> {
    let mut ledger = Ledger::open(&WriteAccess::open(dir).unwrap()).unwrap();
    for load in loads {
        ledger.record(load).unwrap();
    }
    durable::read(&dir.join(LEDGER)).unwrap()
}

#[test]
fn loads_come_back_in_order_and_the_last_word_of_each_counts() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(read(dir.path()).unwrap(), []);
    ledger_of(dir.path(), &[load("a", 1), load("b\n\"", 1), load("a", 2)]);
    assert_eq!(read(dir.path()).unwrap(), [load("a", 2), load("b\n\"", 1)]);
    ledger_of(dir.path(), &[load("c", 1), load("b\n\"", 2)]);
    assert_eq!(read(dir.path()).unwrap(), [load("a", 2), load("b\n\"", 2), load("c", 1)]);
}

#[test]
fn a_line_that_a_crash_cut_short_is_not_there_and_the_next_writer_cuts_it_off() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(LEDGER);
    let whole = ledger_of(dir.path(), &[load("a", 1), load("b", 1)]);
    let first_end = whole.iter().position(|&byte| byte == b'\n').unwrap() + 1;
    for length in 0..whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        let expected = if length < first_end { vec![] } else { vec![load("a", 1)] };
        assert_eq!(read(dir.path()).unwrap(), expected, "{length} bytes");
        ledger_of(dir.path(), &[load("c", 1)]);
        let expected: Vec<_> = expected.into_iter().chain([load("c", 1)]).collect();
        assert_eq!(read(dir.path()).unwrap(), expected, "{length} bytes");
    }
}

#[test]
fn a_damaged_line_end_does_not_take_the_next_entry_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(LEDGER);
    let mut damaged = ledger_of(dir.path(), &[load("a", 1)]);
    *damaged.last_mut().unwrap() ^= 1;
    std::fs::write(&path, &damaged).unwrap();
    let after = ledger_of(dir.path(), &[load("b", 1), load("c", 1)]);
    let lines: Vec<&[u8]> = after.split(|&byte| byte == b'\n').collect();
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[0], damaged);
    assert!(lines[1..3].iter().all(|line| load_text(line).is_some()));
    let error = read(dir.path()).unwrap_err();
    assert!(error.to_string().contains("line 1: the checksum does not match"), "{error}");
}

#[test]
fn every_flipped_bit_is_found_and_its_line_named() {
    let dir = tempfile::tempdir().unwrap();
    let whole = ledger_of(dir.path(), &[load("a", 1), load("b", 1), load("c", 1)]);
    let mut line = 1;
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut damaged = whole.clone();
            damaged[at] ^= 1 << bit;
            let error = decode(Path::new(LEDGER), &damaged).unwrap_err().to_string();
            let place = format!("ledger.ndjson: damaged: line {line}: ");
            assert!(error.starts_with(&place), "byte {at}, bit {bit}: {error}");
        }
        line += usize::from(whole[at] == b'\n');
    }
}

#[test]
fn a_damaged_line_does_not_keep_new_loads_out() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(LEDGER);
    let mut damaged = ledger_of(dir.path(), &[load("a", 1)]);
    damaged[40] ^= 1;
    std::fs::write(&path, &damaged).unwrap();
    let bytes = ledger_of(dir.path(), &[load("b", 1)]);
    assert!(bytes.starts_with(&damaged));
    assert!(read(dir.path()).unwrap_err().to_string().contains("line 1: "));
}

#[test]
fn an_append_that_failed_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(&WriteAccess::open(dir.path()).unwrap()).unwrap();
    ledger.record(&load("a", 1)).unwrap();
    // As a full disk leaves it: a part of the line, which could not be cut off again.
    let mut file = OpenOptions::new().append(true).open(dir.path().join(LEDGER)).unwrap();
    file.write_all(b"{\"checksum\":\"0123").unwrap();
    ledger.record(&load("b", 1)).unwrap();
    assert_eq!(read(dir.path()).unwrap(), [load("a", 1), load("b", 1)]);
}

#[test]
fn a_ledger_of_words_taken_back_is_written_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(LEDGER);
    ledger_of(dir.path(), &[load("first,a", 7), load("first,b", 7)]);
    let mut bytes = std::fs::read(&path).unwrap();
    for stored in 0.. {
        if bytes.len() > REWRITE_BYTES {
            break;
        }
        bytes.extend(encode(&load("long", stored)).unwrap());
    }
    std::fs::write(&path, &bytes).unwrap();
    let before = read(dir.path()).unwrap();
    ledger_of(dir.path(), &[load("last", 9)]);
    let after = read(dir.path()).unwrap();
    assert_eq!(after[..3], before);
    assert_eq!(after[3], load("last", 9));
    assert!(std::fs::metadata(&path).unwrap().len() < 3000);
}

#[test]
fn a_ledger_that_is_held_for_long_is_written_anew_as_it_grows() {
    let dir = tempfile::tempdir().unwrap();
    let access = WriteAccess::open(dir.path()).unwrap();
    let mut ledger = Ledger::open(&access).unwrap();
    ledger.record(&load("first", 7)).unwrap();
    let mut long = load("long", 0);
    long.other_files = vec!["x".repeat(1000); 100];
    for stored in 0..50 {
        long.account.stored = stored;
        ledger.record(&long).unwrap();
        assert_eq!(read(dir.path()).unwrap(), [load("first", 7), long.clone()]);
    }
    let bytes = std::fs::metadata(dir.path().join(LEDGER)).unwrap().len() as usize;
    assert!(bytes < REWRITE_BYTES, "{bytes}");
}

#[test]
fn who_has_the_ledger_keeps_other_writers_out() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(&WriteAccess::open(dir.path()).unwrap()).unwrap();
    assert!(matches!(WriteAccess::open(dir.path()), Err(StoreError::InUse { .. })));
    drop(ledger);
    WriteAccess::open(dir.path()).unwrap();
}

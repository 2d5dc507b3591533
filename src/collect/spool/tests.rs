use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::channel;

use super::*;
use crate::store::durable::FOLDER_MODE;

fn bytes_of(segments: &[Segment]) -> Vec<Vec<u8>> {
    segments.iter().map(|segment| fs::read(&segment.path).unwrap()).collect()
}

/// Frames of one exporter that end there.
fn framed(ends: &[usize]) -> Vec<Framed> {
    let exporter = [192, 0, 2, 1].into();
    ends.iter().map(|&end| Framed { end, exporter }).collect()
}

fn keeps(spool: &Spool, frames: &[u8]) {
    let (left_out, why) = spool.append(frames, &framed(&[frames.len()]));
    assert!(left_out.is_empty() && why.is_none(), "{why:?}");
}

#[test]
fn what_is_appended_is_given_out_in_order_until_it_is_let_go() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), 1000).unwrap();
    assert!(spool.oldest(100).is_empty());
    keeps(&spool, b"one");
    let first = spool.oldest(100);
    keeps(&spool, b"two");
    keeps(&spool, b"three");
    let both = spool.oldest(100);
    let header = frame::file_header();
    let expected = [[&header[..], b"one"].concat(), [&header[..], b"twothree"].concat()];
    assert_eq!(bytes_of(&both), expected);
    assert_eq!((first.len(), spool.oldest(1).len()), (1, 1));
    assert_eq!(spool.usage(), Usage { segments: 2, bytes: 2 * 24 + 11 });
    spool.loaded(first.clone());
    spool.let_go(Vec::new()).unwrap();
    assert_eq!(spool.oldest(100), both[1..]);
    assert_eq!(spool.usage(), Usage { segments: 1, bytes: 24 + 8 });
    assert!(!first[0].path.exists());
}

#[test]
fn a_full_spool_takes_nothing_until_there_is_room_again() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), 200).unwrap();
    keeps(&spool, &[0; 100]);
    let full = |frames: &[u8], ends: &[usize]| {
        let (left_out, why) = spool.append(frames, &framed(ends));
        assert!(matches!(why, Some(NotKept::Full)));
        ends.len() - left_out.len()
    };
    assert_eq!(full(&[0; 100], &[40, 76, 100]), 2);
    let oldest = spool.oldest(1);
    assert_eq!(full(&[0; 100], &[1, 100]), 0);
    spool.loaded(oldest);
    spool.let_go(Vec::new()).unwrap();
    keeps(&spool, &[0; 100]);
    assert_eq!(spool.usage(), Usage { segments: 1, bytes: 124 });
}

#[test]
fn one_that_fills_the_spool_leaves_room_for_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), 10_000).unwrap();
    let sends = |exporter: u8, times: usize| -> usize {
        let one = Framed { end: 100, exporter: [192, 0, 2, exporter].into() };
        (0..times).map(|_| spool.append(&[exporter; 100], &[one]).0.len()).sum()
    };
    // One that is alone may have all of it.
    assert_eq!(sends(1, 80), 0);
    assert_eq!(sends(2, 1), 0);
    let dropped = sends(1, 500);
    assert!(dropped > 480, "{dropped}");
    assert_eq!((sends(2, 3), sends(3, 3)), (0, 0));
    let (left_out, why) =
        spool.append(&[1; 100], &[Framed { end: 100, exporter: [192, 0, 2, 1].into() }]);
    assert!(left_out.len() == 1 && matches!(why, Some(NotKept::Share)), "{why:?}");
    // 99 frames are all that there is room for, and 95 are there.
    assert_eq!((sends(2, 2), sends(2, 100)), (0, 98));
    let all = spool.oldest(1);
    spool.loaded(all);
    spool.let_go(Vec::new()).unwrap();
    assert_eq!(sends(1, 80), 0);
}

#[test]
fn the_next_collector_finds_what_was_left_and_what_waited() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), 1000).unwrap();
    assert!(matches!(Spool::open(dir.path(), 9), Err(CollectError::SpoolInUse { .. })));
    assert!(is_in_use(dir.path()));
    keeps(&spool, b"one");
    spool.let_go(b"waits".to_vec()).unwrap();
    drop(spool);
    assert!(!is_in_use(dir.path()));
    let spool = Spool::open(dir.path(), 1000).unwrap();
    let found = bytes_of(&spool.oldest(1000));
    assert!(found.len() == 2 && found[0].ends_with(b"one") && found[1].ends_with(b"waits"));
    keeps(&spool, b"three");
    assert_eq!(spool.oldest(1000).len(), 3);
    spool.let_go(b"more".to_vec()).unwrap();
    spool.let_go(Vec::new()).unwrap();
    assert!(!dir.path().join(WAITING).exists());
}

#[test]
fn what_waits_is_kept_before_its_segments_go() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), 1000).unwrap();
    // The file cannot be written while this is in its way.
    let in_the_way = dir.path().join("waiting.pcap.tmp");
    fs::create_dir(&in_the_way).unwrap();
    keeps(&spool, b"one");
    let segments = spool.oldest(1);
    spool.loaded(segments.clone());
    let error = spool.let_go(b"waits".to_vec()).unwrap_err();
    assert!(error.to_string().ends_with("waiting.pcap: create"), "{error}");
    assert!(spool.oldest(1).is_empty(), "it is in the store");
    assert_eq!(bytes_of(&segments).len(), 1, "but there yet, and counted");
    assert_eq!(spool.usage(), Usage { segments: 1, bytes: 24 + 3 });
    fs::remove_dir(&in_the_way).unwrap();
    spool.let_go(b"waits".to_vec()).unwrap();
    assert!(!segments[0].path.exists());
    assert!(fs::read(dir.path().join(WAITING)).unwrap().ends_with(b"waits"));
    assert_eq!(spool.usage(), Usage { segments: 0, bytes: 0 });
}

#[test]
fn receivers_do_not_wait_while_what_waits_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), 1000).unwrap();
    // Whoever opens this to write to it waits for one who reads.
    let slow = dir.path().join("waiting.pcap.tmp");
    assert!(Command::new("mkfifo").arg(&slow).status().unwrap().success());
    let spool = &spool;
    thread::scope(|scope| {
        scope.spawn(|| spool.let_go(b"waits".to_vec()).unwrap_err());
        let (appended, done) = channel();
        scope.spawn(move || {
            thread::sleep(Duration::from_millis(50));
            keeps(spool, b"one");
            appended.send(spool.usage()).unwrap();
        });
        let appended = done.recv_timeout(Duration::from_secs(20));
        // Lets the writing go on.
        let read = fs::read(&slow).unwrap();
        assert_eq!(appended, Ok(Usage { segments: 1, bytes: 24 + 3 }));
        assert!(read.ends_with(b"waits"));
    });
}

#[test]
fn files_that_are_only_called_like_segments_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let strays = [
        "segment-1.pcap",
        "segment-+5.pcap",
        "segment-00000000001.pcap",
        "segment-18446744073709551615.pcap",
        "segment-1000000000000000000.pcap",
        "segment-.pcap",
        "segment-0000000009.pcap.gz",
    ];
    for stray in strays {
        fs::write(dir.path().join(stray), b"stray").unwrap();
    }
    let pipe = dir.path().join("segment-0000000008.pcap");
    assert!(Command::new("mkfifo").arg(pipe).status().unwrap().success());
    fs::write(dir.path().join("segment-0000000007.pcap"), b"left").unwrap();
    fs::write(dir.path().join("segment-12345678901.pcap"), b"later").unwrap();
    let spool = Spool::open(dir.path(), 1000).unwrap();
    assert_eq!(spool.usage(), Usage { segments: 2, bytes: 4 + 5 });
    keeps(&spool, b"one");
    let segments = spool.oldest(1000);
    let numbers: Vec<u64> = segments.iter().map(|segment| segment.number).collect();
    assert_eq!(numbers, [7, 12_345_678_901, 12_345_678_902]);
    spool.loaded(segments);
    spool.let_go(Vec::new()).unwrap();
    drop(spool);
    assert!(strays.iter().all(|stray| dir.path().join(stray).exists()));

    // Behind the last number nothing can be numbered, and that is told.
    fs::write(dir.path().join("segment-999999999999999999.pcap"), b"last").unwrap();
    let spool = Spool::open(dir.path(), 1000).unwrap();
    let (left_out, why) = spool.append(b"one", &framed(&[3]));
    let why = why.unwrap().to_string();
    assert_eq!((left_out.len(), &*why), (1, "the spool: there is no number left for a segment"));
    assert_eq!(bytes_of(&spool.oldest(1000)), [b"last"]);
}

#[test]
fn nobody_else_reads_a_spool() {
    let above = tempfile::tempdir().unwrap();
    let dir = above.path().join("a/spool");
    let spool = Spool::open(&dir, 1000).unwrap();
    keeps(&spool, b"one");
    spool.let_go(b"waits".to_vec()).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    // The mask may take more away.
    assert_eq!(mode(&dir) & !FOLDER_MODE, 0);
    for file in fs::read_dir(&dir).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path) & !FILE_MODE, 0, "{}", path.display());
        assert_eq!(mode(&path) & 0o600, 0o600, "{}", path.display());
    }
}

#[test]
fn who_looks_whether_a_collector_runs_keeps_none_from_starting() {
    let dir = tempfile::tempdir().unwrap();
    let over = AtomicBool::new(false);
    drop(Spool::open(dir.path(), 1000).unwrap());
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Relaxed) {
                is_in_use(dir.path());
            }
        });
        let opened: Vec<bool> = (0..200).map(|_| Spool::open(dir.path(), 1000).is_ok()).collect();
        over.store(true, Relaxed);
        assert!(opened.iter().all(|&opened| opened));
    });
}

#[test]
fn what_cannot_be_read_is_out_of_the_way_and_comes_back_in_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), 1000).unwrap();
    let segments: Vec<Segment> = (0..4)
        .map(|number| {
            keeps(&spool, &[number; 10]);
            spool.oldest(1000).pop().unwrap()
        })
        .collect();
    let (hidden, shown) = (dir.path().join("hidden"), &segments[1].path);
    fs::rename(shown, &hidden).unwrap();
    for segment in [&segments[2], &segments[1]] {
        spool.set_aside(segment, "torn".to_owned());
    }
    assert_eq!(spool.oldest(1000), [segments[0].clone(), segments[3].clone()]);
    assert_eq!(spool.usage().segments, 4);
    // The one that can be read comes back, the other is tried again another time.
    spool.try_again(false);
    assert_eq!(spool.oldest(1000), [&segments[..1], &segments[2..]].concat());
    spool.try_again(true);
    let unread = spool.unread();
    assert_eq!((unread.len(), unread[0].segment.number), (1, 2));
    assert!(unread[0].problem.contains("No such file"), "{}", unread[0].problem);
    fs::rename(&hidden, shown).unwrap();
    spool.try_again(false);
    assert_eq!(spool.oldest(1000), segments);
}

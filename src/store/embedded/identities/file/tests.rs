use super::*;

/// So many identities, rising, with export times from `from` on over `secs` seconds.
pub(in super::super) fn ids(from: u32, secs: u32, count: usize) -> Vec<DatagramId> {
    let mut ids: Vec<_> = (0..count as u64)
        .map(|n| DatagramId {
            exported_secs: from.wrapping_add((n * u64::from(secs) / count as u64) as u32),
            hash: xxhash_rust::xxh3::xxh3_64(&(n ^ u64::from(from) << 32).to_be_bytes()),
        })
        .collect();
    ids.sort_unstable();
    ids
}

#[test]
fn identities_are_read_as_they_were_written() {
    let extremes = [0, 1, u32::MAX / 2, u32::MAX / 2 + 1, u32::MAX]
        .into_iter()
        .flat_map(|exported_secs| {
            [0, 1, u64::MAX / 2, u64::MAX / 2 + 1, u64::MAX]
                .map(|hash| DatagramId { exported_secs, hash })
        })
        .collect();
    let dir = tempfile::tempdir().unwrap();
    for (number, written) in [
        extremes,
        ids(7, 1, 1),
        ids(1_700_000_000, 300, BLOCK_IDENTITIES),
        ids(1_700_000_000, 300, BLOCK_IDENTITIES + 1),
        ids(0, 1, 3 * BLOCK_IDENTITIES),
    ]
    .into_iter()
    .enumerate()
    {
        let file = write(dir.path(), number as u64, &written, UnixMillis::EPOCH).unwrap();
        assert_eq!(file.count, written.len() as u64);
        verify(dir.path(), &file).unwrap();
        let open = BlockFile::open(dir.path(), &file).unwrap();
        assert_eq!(open.read_all().unwrap(), written);
        for id in &written {
            let block = open.block_of(*id).unwrap();
            assert_eq!(block, written.binary_search(id).unwrap() / BLOCK_IDENTITIES);
        }
    }
}

#[test]
fn an_identity_takes_about_nine_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let file = write(dir.path(), 1, &ids(1_700_000_000, 3600, 100_000), UnixMillis::EPOCH).unwrap();
    assert!(file.bytes < 900_000, "{} bytes", file.bytes);
}

#[test]
fn every_flipped_bit_and_every_cut_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let file = write(dir.path(), 1, &ids(5, 100, 20), UnixMillis::EPOCH).unwrap();
    let path = dir.path().join(&file.name);
    let whole = std::fs::read(&path).unwrap();
    let refused = |bytes: &[u8], what: &str| {
        std::fs::write(&path, bytes).unwrap();
        let error = verify(dir.path(), &file).unwrap_err().to_string();
        assert!(error.contains("identities-00000001.parquet: damaged: "), "{what}: {error}");
    };
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << (at % 8);
        refused(&damaged, &format!("byte {at}"));
    }
    for length in (0..whole.len()).step_by(7) {
        refused(&whole[..length], &format!("{length} bytes"));
    }
    std::fs::remove_file(&path).unwrap();
    let error = verify(dir.path(), &file).unwrap_err();
    assert!(
        error.to_string().ends_with("identities-00000001.parquet: damaged: it is missing"),
        "{error}"
    );
}

#[test]
fn a_block_that_is_damaged_after_the_file_was_opened_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let file = write(dir.path(), 1, &ids(5, 100, BLOCK_IDENTITIES * 2), UnixMillis::EPOCH).unwrap();
    let path = dir.path().join(&file.name);
    let open = BlockFile::open(dir.path(), &file).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.len() - 5000;
    bytes[at] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    open.read(0).unwrap();
    assert!(matches!(open.read(1), Err(StoreError::Damaged { .. })));
    std::fs::write(&path, &bytes[..at]).unwrap();
    assert!(matches!(open.read(1), Err(StoreError::Damaged { .. })));
}

#[test]
fn a_manifest_that_says_otherwise_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let file = write(dir.path(), 1, &ids(5, 100, 20), UnixMillis::EPOCH).unwrap();
    for (other, detail) in [
        (IdentityFile { count: 21, ..file.clone() }, "20 identities, the manifest says 21"),
        (IdentityFile { bytes: 7, ..file.clone() }, "the manifest says 7"),
        (IdentityFile { spans: Vec::new(), ..file.clone() }, "its export times are others"),
    ] {
        let error = verify(dir.path(), &other).unwrap_err().to_string();
        assert!(error.contains(detail), "{error}");
    }
}

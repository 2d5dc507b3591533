//! Merging small identity files: every commit makes one, and every look-up goes through all that
//! cover its time.

use std::path::Path;

use super::file::{self, BlockFile, MAX_FILE_IDENTITIES};
use crate::store::Result;
use crate::store::embedded::manifest::IdentityFile;

/// So many files of about one size are merged into one, which is of a greater size, or at the least
/// size still. So an identity is written anew a few times only, however many there are.
const MERGE_AT: usize = 8;
/// The sizes, each up to this many identities. Larger files stay as they are.
const SIZES: [u64; 3] = [1 << 12, 1 << 15, 1 << 18];

/// Merges files of one size that have become many, replacing them in `files`.
///
/// # Errors
///
/// [`StoreError`](crate::StoreError) naming the file that cannot be read or written.
pub(super) fn merge_small(
    dir: &Path,
    files: &mut Vec<IdentityFile>,
    mut number: impl FnMut() -> u64,
) -> Result<()> {
    while let Some(size) = crowded(files) {
        let (small, rest): (Vec<_>, _) =
            files.drain(..).partition(|file| size_of(file) == Some(size));
        *files = rest;
        let mut all = Vec::new();
        let latest = small.iter().map(|file| file.latest).max().unwrap_or_default();
        for file in &small {
            all.append(&mut BlockFile::open(dir, file)?.read_all()?);
        }
        // A stable sort takes the sorted files as the runs that it merges.
        all.sort();
        all.dedup();
        for part in all.chunks(MAX_FILE_IDENTITIES) {
            files.push(file::write(dir, number(), part, latest)?);
        }
    }
    Ok(())
}

/// The least size of which there are too many files.
fn crowded(files: &[IdentityFile]) -> Option<usize> {
    (0..SIZES.len())
        .find(|&size| files.iter().filter(|file| size_of(file) == Some(size)).count() >= MERGE_AT)
}

fn size_of(file: &IdentityFile) -> Option<usize> {
    SIZES.iter().position(|&most| file.count <= most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::{DatagramId, UnixMillis};
    use crate::store::embedded::identities::{add, file::tests::ids, verify};
    use std::collections::BTreeSet;

    #[test]
    fn files_stay_few_and_lose_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut files = Vec::new();
        let mut numbers = 1..;
        let mut expected = BTreeSet::new();
        let mut written = 0;
        for commit in 0..400u32 {
            let new = ids(commit * 300, 300, 1 + (commit as usize * 37) % 90);
            expected.extend(&new);
            add(dir.path(), new, UnixMillis(commit.into()), &mut files, || numbers.next().unwrap())
                .unwrap();
            assert!(files.len() < MERGE_AT * SIZES.len(), "{} files", files.len());
            written = numbers.start;
        }
        let mut found = Vec::new();
        for file in &files {
            verify(dir.path(), file).unwrap();
            found.append(&mut BlockFile::open(dir.path(), file).unwrap().read_all().unwrap());
        }
        found.sort_unstable();
        assert_eq!(found, expected.into_iter().collect::<Vec<DatagramId>>());
        // Each file lives as long as its latest flow.
        assert_eq!(files.iter().map(|file| file.latest).max(), Some(UnixMillis(399)));
        assert!(written < 500, "{written} files written");
    }

    #[test]
    fn many_identities_are_cut_into_files_that_stay() {
        let dir = tempfile::tempdir().unwrap();
        let mut files = Vec::new();
        let mut numbers = 1..;
        let many = ids(0, 1000, MAX_FILE_IDENTITIES + 5);
        add(dir.path(), many, UnixMillis::EPOCH, &mut files, || numbers.next().unwrap()).unwrap();
        let counts: Vec<_> = files.iter().map(|file| file.count).collect();
        assert_eq!(counts, [MAX_FILE_IDENTITIES as u64, 5]);
        assert_eq!(size_of(&files[0]), None);
    }

    #[test]
    fn nothing_to_add_makes_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let mut files = Vec::new();
        add(dir.path(), Vec::new(), UnixMillis::EPOCH, &mut files, || unreachable!()).unwrap();
        assert_eq!(files, []);
    }
}

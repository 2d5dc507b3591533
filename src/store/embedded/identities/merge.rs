//! Merging small identity files: every commit makes one, and every look-up goes through all that
//! cover its time.

use std::collections::BTreeMap;
use std::path::Path;

use super::file::{self, BlockFile, MAX_FILE_IDENTITIES};
use crate::flow::UnixMillis;
use crate::store::Result;
use crate::store::embedded::folder::manifest::IdentityFile;

/// So many files of about one size are merged into one, which is of a greater size, or at the least
/// size still. So an identity is written anew a few times only, however many there are.
const MERGE_AT: usize = 8;
/// The sizes, each up to this many identities. Larger files stay as they are.
const SIZES: [u64; 3] = [1 << 12, 1 << 15, 1 << 18];

/// Merges files of one size that have become many, replacing them in `files`. Those whose flows are
/// of days to come, after `horizon`, are merged with each other alone: they stay as long as these.
///
/// # Errors
///
/// [`StoreError`](crate::StoreError) naming the file that cannot be read or written.
pub(crate) fn merge_small(
    dir: &Path,
    files: &mut Vec<IdentityFile>,
    horizon: UnixMillis,
    mut number: impl FnMut() -> u64,
) -> Result<()> {
    while let Some(kind) = crowded(files, horizon) {
        let (small, rest): (Vec<_>, _) =
            files.drain(..).partition(|file| Kind::of(file, horizon) == Some(kind));
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

/// Which files are merged with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    size: usize,
    is_ahead: bool,
}

impl Kind {
    /// None where it is large enough to stay as it is.
    fn of(file: &IdentityFile, horizon: UnixMillis) -> Option<Self> {
        let size = SIZES.iter().position(|&most| file.count <= most)?;
        Some(Self { size, is_ahead: file.latest > horizon })
    }
}

/// The least kind of which there are too many files.
fn crowded(files: &[IdentityFile], horizon: UnixMillis) -> Option<Kind> {
    let mut counts: BTreeMap<Kind, usize> = BTreeMap::new();
    for kind in files.iter().filter_map(|file| Kind::of(file, horizon)) {
        *counts.entry(kind).or_default() += 1;
    }
    counts.into_iter().find(|&(_, count)| count >= MERGE_AT).map(|(kind, _)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::DatagramId;
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
            let latest = UnixMillis(commit.into());
            add(dir.path(), new, latest, &mut files, || numbers.next().unwrap()).unwrap();
            merge_small(dir.path(), &mut files, UnixMillis::MAX, || numbers.next().unwrap())
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
    fn what_stays_for_days_to_come_keeps_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let (today, to_come) = (UnixMillis::of_day(10), UnixMillis::of_day(5000));
        let mut files = Vec::new();
        let mut numbers = 1..;
        for commit in 0..40u32 {
            for (latest, hash) in [(today, 1), (to_come, 2)] {
                let new = vec![DatagramId { exported_secs: commit, hash }];
                add(dir.path(), new, latest, &mut files, || numbers.next().unwrap()).unwrap();
            }
            let horizon = today + 1;
            merge_small(dir.path(), &mut files, horizon, || numbers.next().unwrap()).unwrap();
        }
        for (latest, hash) in [(today, 1), (to_come, 2)] {
            let of = files.iter().filter(|file| file.latest == latest);
            let all =
                of.flat_map(|file| BlockFile::open(dir.path(), file).unwrap().read_all().unwrap());
            let hashes: Vec<u64> = all.map(|id| id.hash).collect();
            assert_eq!(hashes, [hash; 40]);
        }
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
        assert_eq!(Kind::of(&files[0], UnixMillis::MAX), None);
    }

    #[test]
    fn nothing_to_add_makes_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let mut files = Vec::new();
        add(dir.path(), Vec::new(), UnixMillis::EPOCH, &mut files, || unreachable!()).unwrap();
        assert_eq!(files, []);
    }
}

//! The names of the files in a store's folder, and what a folder holds by them.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::flow::{Topic, UnixMillis};
use crate::row::Order;
use crate::store::durable::temp_name_of;
use crate::store::{Result, StoreError};

/// Held by the one writer; says which process that is.
pub(crate) const LOCK: &str = "lock";
/// Held by whoever commits, for that moment.
pub(crate) const COMMIT_LOCK: &str = "commit.lock";
/// Held by whoever deletes old flows, one after the other.
pub(crate) const EXPIRE_LOCK: &str = "expire.lock";
/// Held by whoever changes watch lists, one after the other.
pub(crate) const WATCH_LOCK: &str = "watch.lock";
/// The audit ledger.
pub(crate) const LEDGER: &str = "ledger.ndjson";
/// What exporters call their interfaces, VRFs and applications.
pub(crate) const NAMES: &str = "names.json";
const REMEMBERED_SUFFIX: &str = ".json";
const MANIFEST_PREFIX: &str = "manifest-";
const MANIFEST_SUFFIX: &str = ".json";
const RUN_PREFIX: &str = "run-";
const SUMS_PREFIX: &str = "sums-";
const IDENTITIES_PREFIX: &str = "identities-";
const PARQUET_SUFFIX: &str = ".parquet";
const WATCH_PREFIX: &str = "watch-";
const WATCH_SUFFIX: &str = ".json";
/// What a store has one of, for good.
const KEPT: [&str; 6] = [LOCK, COMMIT_LOCK, EXPIRE_LOCK, WATCH_LOCK, LEDGER, NAMES];
/// What lies about in folders without being anybody's.
const IGNORED: [&str; 2] = ["lost+found", "Thumbs.db"];

/// The name of the manifest with this number.
pub(crate) fn manifest_name(number: u64) -> String {
    format!("{MANIFEST_PREFIX}{number:08}{MANIFEST_SUFFIX}")
}

/// The name of a run's file in `order`; all files of a run have its number.
pub(crate) fn run_name(number: u64, order: Order) -> String {
    format!("{RUN_PREFIX}{number:08}-{order}{PARQUET_SUFFIX}")
}

/// The name of a run's file in `order` after its flows before `since` were cut off; the number stays.
pub(crate) fn cut_run_name(number: u64, since: UnixMillis, order: Order) -> String {
    format!("{RUN_PREFIX}{number:08}-since-{}-{order}{PARQUET_SUFFIX}", since.0)
}

/// The name of a part of a run that is in the order of addresses behind a NAT, while it is written.
pub(crate) fn part_name(number: u64, part: usize) -> String {
    format!("{RUN_PREFIX}{number:08}-part-{part}-{}{PARQUET_SUFFIX}", Order::Nat)
}

/// The name of a file of sums of a run's flows in `order`; the number is not that of the run.
pub(crate) fn sums_name(number: u64, order: Order) -> String {
    format!("{SUMS_PREFIX}{number:08}-{order}{PARQUET_SUFFIX}")
}

/// The name of a file of datagram identities.
pub(crate) fn identities_name(number: u64) -> String {
    format!("{IDENTITIES_PREFIX}{number:08}{PARQUET_SUFFIX}")
}

/// The name of the watch list that the manifest with this number came to name in this place.
pub(crate) fn list_name((manifest, place): (u64, usize)) -> String {
    format!("{WATCH_PREFIX}{manifest:08}-{place}-list{WATCH_SUFFIX}")
}

/// The name of what was hit of it.
pub(crate) fn hits_name((manifest, place): (u64, usize)) -> String {
    format!("{WATCH_PREFIX}{manifest:08}-{place}-hits{WATCH_SUFFIX}")
}

/// The name of the file of what is remembered of `topic`.
pub(crate) fn remembered_name(topic: Topic) -> String {
    format!("{}{REMEMBERED_SUFFIX}", topic.name())
}

/// Whether `name` is one of those.
fn is_remembered(name: &str) -> bool {
    let topic = name.strip_suffix(REMEMBERED_SUFFIX);
    topic.is_some_and(|topic| Topic::ALL.iter().any(|known| known.name() == topic))
}

/// The number of the manifest called `name`.
pub(crate) fn manifest_number(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(MANIFEST_PREFIX)?.strip_suffix(MANIFEST_SUFFIX)?;
    let plain = digits.len() >= 8 && digits.bytes().all(|digit| digit.is_ascii_digit());
    plain.then(|| digits.parse().ok())?
}

/// Whether `name` is one that a file of a run, of sums, of identities or of a watch list has.
fn is_data(name: &str) -> bool {
    let prefixes = [RUN_PREFIX, SUMS_PREFIX, IDENTITIES_PREFIX];
    prefixes.iter().any(|prefix| name.starts_with(prefix)) && name.ends_with(PARQUET_SUFFIX)
        || name.starts_with(WATCH_PREFIX) && name.ends_with(WATCH_SUFFIX)
}

/// What a folder holds, by the names in it.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    /// Whether there is a folder at all.
    pub(crate) exists: bool,
    /// The numbers of the manifests, rising.
    pub(crate) manifests: Vec<u64>,
    /// The names of runs, sums, identity files, watch lists and their hits.
    pub(crate) data: Vec<String>,
    /// The names of files that some writer did not finish.
    pub(crate) unfinished: Vec<String>,
    /// The name of something that is no part of a store, if there is any.
    pub(crate) foreign: Option<String>,
}

impl Contents {
    /// Looks into the folder at `dir`.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotAStore`] if it is a file; [`StoreError::Io`] if it cannot be listed.
    pub(crate) fn of(dir: &Path) -> Result<Self> {
        let entries = match fs::read_dir(dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) if error.kind() == ErrorKind::NotADirectory => {
                return Err(not_a_store(dir, "a file"));
            }
            Err(error) => return Err(StoreError::io(dir, "list")(error)),
        };
        let mut contents = Self { exists: true, ..Self::default() };
        for entry in entries {
            let entry = entry.map_err(StoreError::io(dir, "list"))?;
            contents.enter(entry.file_name().to_string_lossy().into_owned());
        }
        contents.manifests.sort_unstable();
        Ok(contents)
    }

    fn enter(&mut self, name: String) {
        if let Some(number) = manifest_number(&name) {
            self.manifests.push(number);
        } else if is_data(&name) {
            self.data.push(name);
        } else if temp_name_of(&name).is_some_and(is_ours) {
            self.unfinished.push(name);
        } else if !KEPT.contains(&name.as_str())
            && !is_remembered(&name)
            && !name.starts_with('.')
            && !IGNORED.contains(&name.as_str())
        {
            self.foreign.get_or_insert(name);
        }
    }

    /// The number of the manifest that counts; `None` where a store may be made.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotAStore`] if the folder has contents, and no manifest.
    pub(crate) fn newest(&self, dir: &Path) -> Result<Option<u64>> {
        if let Some(&newest) = self.manifests.last() {
            return Ok(Some(newest));
        }
        // A store has a manifest before it has a run: runs without one have lost it.
        match (&self.foreign, self.data.first()) {
            (Some(name), _) => Err(not_a_store(dir, format!("it holds {name}"))),
            (None, Some(run)) => Err(not_a_store(dir, format!("it holds {run}, and no manifest"))),
            (None, None) => Ok(None),
        }
    }
}

/// Whether a writer makes files of this name by way of a temporary one.
fn is_ours(name: &str) -> bool {
    let is_small = name == LEDGER || name == NAMES || is_remembered(name);
    manifest_number(name).is_some() || is_data(name) || is_small
}

fn not_a_store(path: &Path, found: impl Into<String>) -> StoreError {
    StoreError::NotAStore { place: path.display().to_string(), found: found.into() }
}

/// The path of the manifest with this number.
pub(crate) fn manifest_path(dir: &Path, number: u64) -> PathBuf {
    dir.join(manifest_name(number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::durable::temp_name;

    #[test]
    fn a_manifest_is_known_by_its_name() {
        for (name, number) in [
            ("manifest-00000012.json", Some(12)),
            ("manifest-123456789.json", Some(123_456_789)),
            ("manifest-12.json", None),
            ("manifest-+0000012.json", None),
            ("manifest-00000012.json.tmp", None),
            ("manifest-.json", None),
            ("manifest-99999999999999999999.json", None),
        ] {
            assert_eq!(manifest_number(name), number, "{name}");
        }
        for number in [0, 1, 99_999_999, u64::MAX] {
            assert_eq!(manifest_number(&manifest_name(number)), Some(number));
        }
    }

    #[test]
    fn what_is_being_written_is_known_by_its_name() {
        let [manifest, run] = [manifest_name(12), run_name(1, Order::Src)];
        let [identities, sums] = [identities_name(7), sums_name(7, Order::Dst)];
        let [list, hits] = [list_name((7, 0)), hits_name((7, 0))];
        let files = [&manifest, &run, &identities, &sums, &list, &hits];
        for name in files.into_iter().map(String::as_str).chain([LEDGER, NAMES, "options.json"]) {
            for temp in [temp_name(name, 4711, 0), format!("{name}.tmp")] {
                let mut contents = Contents::default();
                contents.enter(temp.clone());
                assert_eq!((contents.unfinished, contents.foreign), (vec![temp], None));
            }
        }
        for foreign in ["mine.4711-0.tmp", "manifest-00000012.json.4711.tmp", "names.json.a-1.tmp"]
        {
            let mut contents = Contents::default();
            contents.enter(foreign.to_owned());
            assert_eq!(contents.foreign.as_deref(), Some(foreign));
        }
    }

    #[test]
    fn a_folder_with_other_contents_is_no_store_and_no_place_for_one() {
        let dir = tempfile::tempdir().unwrap();
        let newest = |dir: &Path| Contents::of(dir).and_then(|contents| contents.newest(dir));
        assert!(matches!(newest(&dir.path().join("absent")), Ok(None)));
        assert!(matches!(newest(dir.path()), Ok(None)));
        let unfinished = "manifest-00000001.json.tmp";
        for harmless in [LOCK, LEDGER, NAMES, "options.json", ".hidden", "lost+found", unfinished] {
            fs::write(dir.path().join(harmless), "").unwrap();
            assert!(matches!(newest(dir.path()), Ok(None)), "{harmless}");
        }
        for foreign in
            ["notes.txt", "run-00000001-src.parquet", "identities-00000001.parquet", "a.tmp"]
        {
            let path = dir.path().join(foreign);
            fs::write(&path, "").unwrap();
            let error = newest(dir.path()).unwrap_err().to_string();
            assert!(error.contains("not a store") && error.contains(foreign), "{error}");
            fs::remove_file(&path).unwrap();
        }
        let file = dir.path().join(LOCK);
        assert!(matches!(newest(&file), Err(StoreError::NotAStore { .. })));
    }
}

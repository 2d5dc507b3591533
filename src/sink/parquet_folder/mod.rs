//! A folder of Parquet files for each day, as Hive lays them out: `year=2026/month=11/day=28/`.
//!
//! Files are written in the folder `_unfinished`, whose name other programs pass over. When those of
//! a day are whole and durable, the list of all files, `_earlgrey.json`, is replaced, and that is the
//! commit: then they are moved to their place, and those that they stand for are removed. Whatever was
//! cut short is brought to its end by the next run, from the list. So a day is there as a whole, once.

mod day;
mod days;
mod encoder;
mod files;
mod list;

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use day::DayFiles;
pub use days::{Days, days, range};
pub use encoder::group_rows;

use self::days::Place;
use self::files::UNFINISHED;
use self::list::{DayEntry, List};
use super::SinkError;
use crate::answer::FileShape;

/// Files may be limited to no less: below, what stands at the end of each is most of it.
pub const MIN_FILE_BYTES: u64 = 1_000_000;

/// What is exported and how, by the names of options: an export goes on where these are the same.
pub type Terms = BTreeMap<String, String>;

/// A folder of files by day, and the list of them.
pub struct ParquetFolder {
    dir: PathBuf,
    list: List,
    shape: Arc<FileShape>,
    file_bytes: u64,
    kept: u64,
    // Keeps others out for as long as it is open.
    _lock: File,
}

/// How a folder stands to a day of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It lacks the day, or files of it.
    Missing,
    /// It has the flows of the day.
    Same,
    /// It has the flows of the day as they were before.
    Changed,
}

impl ParquetFolder {
    /// Opens the folder `dir`, or makes it, for files of this shape of at most `file_bytes` each; what
    /// an earlier export left undone there is done. With `anew`, all that is there is to be written
    /// again, whatever its terms were.
    ///
    /// # Errors
    ///
    /// [`SinkError::Other`] if it holds something else, or an export on other terms and not `anew`;
    /// [`SinkError::Refused`] while another export is at work there; [`SinkError::Io`].
    pub fn open(
        dir: &Path,
        terms: Terms,
        shape: Arc<FileShape>,
        file_bytes: u64,
        anew: bool,
    ) -> Result<Self, SinkError> {
        fs::create_dir_all(dir).map_err(SinkError::io(dir, "make the folder"))?;
        let lock = lock(dir)?;
        files::remove_temporaries(dir)?;
        let mut list = match List::read(dir)? {
            Some(list) => list,
            None if anew || files::is_empty(dir)? => List::new(dir, terms.clone()),
            None => {
                return Err(other(
                    dir,
                    "it holds something else; name a folder that is empty, or not there yet, or say \
                     --force to write beside that",
                ));
            }
        };
        if list.terms != terms && !anew {
            return Err(other(dir, &list.differs_from(&terms)));
        }
        files::settle(dir, &mut list)?;
        if anew {
            list.terms = terms;
            list.days.values_mut().for_each(|day| day.stale = true);
        }
        list.write(dir)?;
        Ok(Self { dir: dir.to_owned(), list, shape, file_bytes, kept: 0, _lock: lock })
    }

    /// Where files are before they are whole.
    pub fn unfinished(dir: &Path) -> PathBuf {
        dir.join(UNFINISHED)
    }

    /// How it stands to `day`, whose flows have this version, where that is known.
    pub fn standing(&self, day: u64, version: Option<&str>) -> Standing {
        match self.list.days.get(&Place(day).date()) {
            Some(entry) if entry.stale || entry.lacking => Standing::Missing,
            Some(entry) if version.is_none_or(|version| version == entry.version) => Standing::Same,
            Some(_) => Standing::Changed,
            None => Standing::Missing,
        }
    }

    /// How many flows of `day` it has.
    pub fn flows_of(&self, day: u64) -> u64 {
        self.list.days.get(&Place(day).date()).map_or(0, |entry| entry.flows)
    }

    /// How many days keep their files although the store has others by now, as it lost flows of them.
    pub fn kept(&self) -> u64 {
        self.kept
    }

    /// Takes the flows of `day`, in place of those that are there.
    pub fn day(&mut self, day: u64, version: &str) -> DayFiles<'_> {
        DayFiles::new(self, Place(day), version.to_owned())
    }

    /// Removes the days that were to be written anew and were not, as the store has none of their
    /// flows any more.
    ///
    /// # Errors
    ///
    /// [`SinkError::Io`].
    pub fn finish(mut self) -> Result<(), SinkError> {
        let (stale, days) = std::mem::take(&mut self.list.days)
            .into_iter()
            .partition::<BTreeMap<_, _>, _>(|(_, entry)| entry.stale);
        self.list.days = days;
        for (date, entry) in stale {
            self.list.gone.extend(entry.paths(&date));
        }
        if !self.list.gone.is_empty() {
            self.list.write(&self.dir)?;
            files::settle(&self.dir, &mut self.list)?;
            self.list.write(&self.dir)?;
        }
        let _ = fs::remove_dir(self.dir.join(UNFINISHED));
        Ok(())
    }

    /// Makes `entry` what is there of a day.
    fn commit(&mut self, place: Place, entry: DayEntry) -> Result<(), SinkError> {
        let date = place.date();
        if let Some(before) = self.list.days.insert(date.clone(), entry) {
            self.list.gone.extend(before.paths(&date));
        }
        self.list.write(&self.dir)?;
        files::settle_day(&self.dir, &self.list, &date)?;
        files::remove_gone(&self.dir, &mut self.list)
    }
}

fn lock(dir: &Path) -> Result<File, SinkError> {
    let lock = File::open(dir).map_err(SinkError::io(dir, "open"))?;
    match lock.try_lock() {
        Err(TryLockError::WouldBlock) => {
            let place = dir.display().to_string();
            Err(SinkError::refused(place, "lock", "another export is at work there"))
        }
        // Not every file system knows locks.
        _ => Ok(lock),
    }
}

fn other(dir: &Path, problem: &str) -> SinkError {
    SinkError::Other { place: dir.display().to_string(), problem: problem.to_owned() }
}

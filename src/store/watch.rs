//! A question that may be given up, and that tells how far its answer is.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::{Result, StoreError};

/// What waits looks so often whether it is to go on.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How much of what is left a look at the store takes that others may follow. How much they will read
/// is not known before it is over; mostly it is the flows of a few keys.
const FOLLOWED: f64 = 0.9;

/// Looks may turn out longer than the first one, and what they find is yet to be judged.
const MOST_OF_ALIKE: f64 = 0.99;

/// Who waits for an answer. Whatever reads or sums up for it asks now and then whether to go on, and
/// says what was read. Clones are one watch, and only they are equal.
#[derive(Debug, Clone, Default)]
pub struct Watch(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    stopped: Arc<AtomicBool>,
    look: Mutex<Look>,
}

/// A look at the store: what is to be read in it, and what was.
#[derive(Debug, Default)]
struct Look {
    /// How much of the whole was done before it, and how much will be after it.
    from: f64,
    to: f64,
    regions: u64,
    regions_done: u64,
    /// As far as regions tell how many rows they look at.
    rows_to_do: u64,
    rows_done: u64,
    /// The greatest share that was told.
    told: f64,
    /// Rows that were looked at, in this look and in those before.
    rows_in_all: u64,
    /// So many looks there will be that are as long as the first one, if somebody said so, and how long
    /// that was, when it is over.
    alike: Option<u64>,
    first_rows: Option<u64>,
}

impl Watch {
    /// Has everything end that works for the answer.
    pub fn stop(&self) {
        self.0.stopped.store(true, Relaxed);
    }

    /// Whether the answer was given up.
    pub fn is_stopped(&self) -> bool {
        self.0.stopped.load(Relaxed)
    }

    /// What is set when the answer is given up, for those who know of no watch.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0.stopped)
    }

    /// Whether to go on.
    ///
    /// # Errors
    ///
    /// [`StoreError::Stopped`] if not.
    pub fn check(&self) -> Result<()> {
        if self.is_stopped() { Err(StoreError::Stopped) } else { Ok(()) }
    }

    /// Waits for so long, if it is to go on after that.
    ///
    /// # Errors
    ///
    /// As [`Self::check`], as soon as it holds.
    pub fn pause(&self, length: Duration) -> Result<()> {
        let began = Instant::now();
        loop {
            self.check()?;
            let left = length.saturating_sub(began.elapsed());
            if left.is_zero() {
                return Ok(());
            }
            sleep(left.min(LOOK_EVERY));
        }
    }

    /// How much of what is to be read was read, from 0 to 1: by rows where the store knows how many
    /// it looks at, else by regions. It never goes back, and is 1 when the last look is over.
    pub fn share(&self) -> f64 {
        self.look().share()
    }

    /// Tells the share of work that is no reading of a store.
    pub fn tell(&self, share: f64) {
        let mut look = self.look();
        look.told = look.told.max(share.min(1.0));
    }

    /// Says that the first look is one of so many that read as many rows each: then rows tell how much of
    /// the whole was read, where the store knows how many it looks at.
    pub fn first_of(&self, looks: u64) {
        self.look().alike = Some(looks);
    }

    /// How many rows were looked at.
    pub fn rows(&self) -> u64 {
        self.look().rows_in_all
    }

    fn look(&self) -> MutexGuard<'_, Look> {
        self.0.look.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of rows that were looked at.
    pub(super) fn count(&self, rows: u64) {
        let mut look = self.look();
        look.rows_done += rows;
        look.rows_in_all += rows;
    }

    /// Takes note of a region that is to be read, and looks at so many rows, as far as that is known;
    /// others may follow when all are read. It is read when what this gives is dropped.
    pub(super) fn begin(&self, rows: Option<u64>, followed: bool) -> Begun {
        let mut look = self.look();
        if look.regions_done == look.regions {
            let from = look.share();
            let to = from + (1.0 - from) * if followed { FOLLOWED } else { 1.0 };
            let first_rows = look.first_rows.or((look.regions > 0).then_some(look.rows_to_do));
            let Look { rows_in_all, alike, .. } = *look;
            *look =
                Look { from, to, told: from, rows_in_all, alike, first_rows, ..Look::default() };
        }
        look.regions += 1;
        look.rows_to_do += rows.unwrap_or(0);
        drop(look);
        Begun(self.clone())
    }
}

impl PartialEq for Watch {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Watch {}

impl Look {
    fn share(&mut self) -> f64 {
        let first_rows = self.first_rows.unwrap_or(self.rows_to_do);
        if let Some(looks) = self.alike.filter(|_| first_rows > 0) {
            let share = self.rows_in_all as f64 / (looks * first_rows) as f64;
            self.told = self.told.max(share.min(MOST_OF_ALIKE));
            return self.told;
        }
        let by_rows = self.rows_to_do > 0 && self.regions_done < self.regions;
        let (done, all) = if by_rows {
            (self.rows_done, self.rows_to_do)
        } else {
            // What a limit cuts short leaves rows unread.
            (self.regions_done, self.regions)
        };
        if all > 0 {
            let part = (done as f64 / all as f64).min(1.0);
            self.told = self.told.max(self.from + (self.to - self.from) * part);
        }
        self.told
    }
}

/// A region on its way.
#[derive(Debug)]
pub(super) struct Begun(Watch);

impl Begun {
    /// Whether to go on with it.
    ///
    /// # Errors
    ///
    /// As [`Watch::check`].
    pub(super) fn check(&self) -> Result<()> {
        self.0.check()
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.0.look().regions_done += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn percent(watch: &Watch) -> u64 {
        (watch.share() * 100.0).round() as u64
    }

    #[test]
    fn the_share_grows_with_rows_and_is_whole_when_the_regions_are_gone() {
        let watch = Watch::default();
        assert_eq!(percent(&watch), 0);
        let regions = [100, 300].map(|rows| watch.begin(Some(rows), false));
        watch.count(100);
        assert_eq!(percent(&watch), 25);
        let more = watch.begin(Some(400), false);
        assert_eq!(percent(&watch), 25, "it never goes back");
        watch.count(300);
        assert_eq!(percent(&watch), 50);
        drop((regions, more));
        assert_eq!((percent(&watch), watch.rows()), (100, 400));
    }

    #[test]
    fn the_share_grows_with_regions_where_rows_are_not_known() {
        let watch = Watch::default();
        let mut regions: Vec<Begun> = (0..4).map(|_| watch.begin(None, false)).collect();
        watch.count(1_000);
        assert_eq!(percent(&watch), 0);
        for expected in [25, 50, 75, 100] {
            regions.pop();
            assert_eq!(percent(&watch), expected);
        }
    }

    #[test]
    fn the_share_is_whole_only_after_the_last_of_several_looks() {
        let watch = Watch::default();
        for (look, expected) in [(true, [45, 90]), (true, [95, 99]), (false, [100, 100])] {
            let region = watch.begin(Some(10), look);
            watch.count(5);
            let half = percent(&watch);
            drop(region);
            assert_eq!([half, percent(&watch)], expected);
        }
        assert_eq!(watch.rows(), 15);
    }

    #[test]
    fn looks_that_are_alike_count_by_their_rows() {
        let watch = Watch::default();
        watch.first_of(4);
        assert_eq!(percent(&watch), 0);
        let read = |rows| {
            let region = watch.begin(Some(rows), false);
            watch.count(rows);
            drop(region);
            percent(&watch)
        };
        assert_eq!(read(100), 25);
        // The others in pieces.
        assert_eq!([read(60), read(100), read(40), read(99)], [40, 65, 75, 99]);
        assert_eq!(read(100), 99, "there was more than was known");
    }

    #[test]
    fn a_pause_ends_when_the_answer_is_given_up() {
        let watch = Watch::default();
        watch.pause(Duration::from_millis(1)).unwrap();
        let other = watch.clone();
        std::thread::spawn(move || {
            sleep(Duration::from_millis(50));
            other.stop();
        });
        let began = Instant::now();
        let stopped = watch.pause(Duration::from_mins(1)).unwrap_err();
        assert!(matches!(stopped, StoreError::Stopped), "{stopped}");
        assert!(began.elapsed() < Duration::from_secs(1));
    }
}

//! From which day on the flows fit into so many bytes.

use std::sync::Arc;

use super::lock::Held;
use super::manifest::Manifest;
use super::store::EmbeddedStore;
use crate::flow::UnixMillis;
use crate::store::Result;

impl EmbeddedStore {
    /// The start of the first day such that what began from then on takes at most `max_bytes`, runs
    /// and identities together; of the newest day where that one alone takes more. None where
    /// everything fits. A run of several days counts in full, so somewhat less may be left.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError) if there is no store, or its manifest cannot be read.
    pub fn cut_that_fits(&self, max_bytes: u64) -> Result<Option<UnixMillis>> {
        let held = Held::open(self.dir(), None)?;
        Ok(cut_that_fits(&Arc::clone(held.manifest()), max_bytes, UnixMillis::now()))
    }
}

fn cut_that_fits(manifest: &Manifest, max_bytes: u64, now: UnixMillis) -> Option<UnixMillis> {
    if manifest.bytes() <= max_bytes {
        return None;
    }
    // Flows of days to come are of a clock that is wrong. They are no reason to let today go.
    let newest = manifest.runs.iter().map(|run| run.max_first.day()).max()?.min(now.day());
    // What is left changes where a run ends.
    let mut cuts: Vec<u64> = manifest.runs.iter().map(|run| run.max_first.day() + 1).collect();
    cuts.push(newest);
    cuts.retain(|&day| day <= newest);
    cuts.sort_unstable();
    let fits = |&day: &u64| left(manifest, UnixMillis::of_day(day)) <= max_bytes;
    let day = cuts.into_iter().find(fits).unwrap_or(newest);
    Some(UnixMillis::of_day(day))
}

/// The bytes of what is not all before `cut`.
fn left(manifest: &Manifest, cut: UnixMillis) -> u64 {
    let runs = manifest.runs.iter().filter(|run| run.max_first >= cut);
    let identities = manifest.identities.iter().filter(|file| file.latest >= cut);
    runs.map(super::manifest::Run::bytes).sum::<u64>()
        + identities.map(|file| file.bytes).sum::<u64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::embedded::manifest::tests::{any_identities, any_run};
    use crate::store::embedded::manifest::{IdentityFile, Run};

    /// Runs of 100 bytes of these days, each with identities of 10 bytes.
    fn manifest(days: &[(u64, u64)]) -> Manifest {
        let mut manifest = Manifest::default();
        for (number, &(from, to)) in days.iter().enumerate() {
            let (min_first, max_first) = (UnixMillis::of_day(from) + 5, UnixMillis::of_day(to) + 7);
            manifest.runs.push(Run { min_first, max_first, ..any_run(number as u64) });
            let latest = max_first;
            manifest.identities.push(IdentityFile { latest, ..any_identities(number as u64) });
        }
        manifest
    }

    #[test]
    fn as_many_of_the_oldest_days_go_as_it_takes() {
        let now = UnixMillis::of_day(1000);
        let four = [(10, 10), (11, 11), (12, 12), (12, 12)];
        for (days, max_bytes, expected) in [
            (&four[..], 440, None),
            (&four, 439, Some(11)),
            (&four, 330, Some(11)),
            (&four, 329, Some(12)),
            // The newest day stays, however large.
            (&four, 100, Some(12)),
            (&four, 0, Some(12)),
            (&[], 0, None),
            (&[(10, 10)], 1, Some(10)),
            // What lies in the future goes last, and today stays as well.
            (&[(999, 999), (1000, 1000), (5000, 5000)], 230, Some(1000)),
            (&[(999, 999), (1000, 1000), (5000, 5000)], 1, Some(1000)),
            // A run of several days ends on its last one.
            (&[(3, 11), (12, 12)], 110, Some(12)),
        ] {
            let cut = cut_that_fits(&manifest(days), max_bytes, now);
            assert_eq!(cut, expected.map(UnixMillis::of_day), "{days:?} in {max_bytes}");
        }
    }
}

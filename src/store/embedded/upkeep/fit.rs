//! From which day on the flows fit into so many bytes (retention by size).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::days::flows_by_day;
use super::expire::falls_into;
use crate::flow::UnixMillis;
use crate::store::embedded::folder::manifest::{Manifest, Run};
use crate::store::embedded::snapshot::EmbeddedSnapshot;
use crate::store::embedded::store::EmbeddedStore;
use crate::store::{AHEAD_MS, Result};

/// What it takes to keep a store within so many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// Nothing: everything fits.
    Whole,
    /// That what began before this day goes. It is the newest one where that alone takes more.
    From(UnixMillis),
    /// More than deleting old flows can do.
    Never(Misfit),
}

/// Why deleting old flows does not make a store fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Misfit {
    /// The newest day but for days to come, which would be left with these.
    pub newest: UnixMillis,
    /// About how many bytes would be left.
    pub left_bytes: u64,
    /// About how many of them are of days to come, or of datagrams that have flows then.
    pub ahead_bytes: u64,
}

impl EmbeddedStore {
    /// From which day on flows, runs and identities together, take at most `max_bytes`. No more days
    /// go than it takes: of a run of several days only the flows before the cut count as gone.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError) if there is no store, or it cannot be read.
    pub fn fit(&self, max_bytes: u64) -> Result<Fit> {
        let snapshot = self.open()?;
        if snapshot.manifest().bytes() <= max_bytes {
            return Ok(Fit::Whole);
        }
        let held = Days::of(&snapshot)?;
        let fit = held.fit(max_bytes, UnixMillis::now());
        let Fit::From(first) = fit else { return Ok(fit) };
        // How large a part of a run is, is only known when it is written.
        for cut in held.cuts(UnixMillis::now()).into_iter().filter(|&cut| cut >= first) {
            if !held.manifest.runs.iter().any(|run| falls_into(run, cut)) {
                return Ok(Fit::From(cut));
            }
            let left = self.would_expire(cut)?.files.map(|files| files.bytes_left);
            if left.is_none_or(|left| left <= max_bytes) {
                return Ok(Fit::From(cut));
            }
        }
        Ok(held.fit(0, UnixMillis::now()))
    }
}

/// What a store holds of each day.
struct Days {
    manifest: Arc<Manifest>,
    /// Of each run its flows by day.
    runs: Vec<BTreeMap<u64, u64>>,
}

impl Days {
    fn of(snapshot: &EmbeddedSnapshot) -> Result<Self> {
        let days = snapshot.runs().iter().map(|run| flows_by_day(snapshot, run));
        let runs = days.collect::<Result<_>>()?;
        Ok(Self { manifest: Arc::clone(snapshot.manifest()), runs })
    }

    /// The newest day on which flows began, but for days to come: those are of clocks that are wrong,
    /// and no reason to let the newest day go.
    fn newest(&self, now: UnixMillis) -> Option<u64> {
        let today = now.day();
        let days = || self.runs.iter().flat_map(BTreeMap::keys).copied();
        days().filter(|&day| day <= today).max().or_else(|| days().min().map(|_| today))
    }

    /// The days from which on something less is left, the oldest first, and the newest day.
    fn cuts(&self, now: UnixMillis) -> Vec<UnixMillis> {
        let Some(newest) = self.newest(now) else { return Vec::new() };
        let mut cuts: Vec<u64> =
            self.runs.iter().flat_map(BTreeMap::keys).map(|day| day + 1).collect();
        cuts.push(newest);
        cuts.retain(|&day| day <= newest);
        cuts.sort_unstable();
        cuts.dedup();
        cuts.into_iter().map(UnixMillis::of_day).collect()
    }

    fn fit(&self, max_bytes: u64, now: UnixMillis) -> Fit {
        let cuts = self.cuts(now);
        let Some(&newest) = cuts.last() else { return Fit::Whole };
        if let Some(&cut) = cuts.iter().find(|&&cut| self.left(cut) <= max_bytes) {
            return Fit::From(cut);
        }
        let left_bytes = self.left(newest);
        // Clocks may differ by hours.
        let tomorrow = (now + AHEAD_MS).day();
        let ahead_bytes = self.left(UnixMillis::of_day(newest.day().max(tomorrow) + 1));
        // The newest day stays in any case, and asks no more than the rest of the past. What is of
        // days to come would have all of the past deleted, and not fit then either.
        if ahead_bytes > 0 && left_bytes - ahead_bytes <= max_bytes {
            return Fit::Never(Misfit { newest, left_bytes, ahead_bytes });
        }
        Fit::From(newest)
    }

    /// About how many bytes are left if what began before `cut` goes.
    fn left(&self, cut: UnixMillis) -> u64 {
        let of_run = |(run, days): (&Run, &BTreeMap<u64, u64>)| {
            let rows: u64 = days.range(cut.day()..).map(|(_, rows)| rows).sum();
            let bytes = u128::from(run.bytes()) * u128::from(rows);
            bytes.div_ceil(u128::from(run.rows.max(1))) as u64
        };
        let runs = self.manifest.runs.iter().zip(&self.runs).map(of_run);
        let identities = self.manifest.identities.iter().filter(|file| file.latest >= cut);
        runs.sum::<u64>() + identities.map(|file| file.bytes).sum::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::embedded::folder::manifest::IdentityFile;
    use crate::store::embedded::folder::manifest::tests::{any_identities, any_run};

    /// Runs of 100 bytes, each of the same number of flows on each of these days, with identities
    /// of 10 bytes.
    fn days(runs: &[&[u64]]) -> Days {
        let mut manifest = Manifest::default();
        let mut of_runs = Vec::new();
        for (number, days) in runs.iter().enumerate() {
            let first = UnixMillis::of_day(*days.first().unwrap()) + 5;
            let last = UnixMillis::of_day(*days.last().unwrap()) + 7;
            let run = any_run(number as u64);
            let rows = days.len() as u64;
            manifest.runs.push(Run { min_first: first, max_first: last, rows, ..run });
            manifest
                .identities
                .push(IdentityFile { latest: last, ..any_identities(number as u64) });
            of_runs.push(days.iter().map(|&day| (day, 1)).collect());
        }
        Days { manifest: Arc::new(manifest), runs: of_runs }
    }

    #[test]
    fn as_many_of_the_oldest_days_go_as_it_takes() {
        let now = UnixMillis::of_day(1000);
        let four: &[&[u64]] = &[&[10], &[11], &[12], &[12]];
        for (runs, max_bytes, expected) in [
            (four, 439, 11),
            (four, 330, 11),
            (four, 329, 12),
            // The newest day stays, however large.
            (four, 100, 12),
            (four, 0, 12),
            (&[&[10][..]], 1, 10),
            // What lies in the future goes last, and today stays as well.
            (&[&[999], &[1000], &[5000]], 230, 1000),
            // Today is too large itself.
            (&[&[999], &[1000], &[5000]], 1, 1000),
            // The newest day is not today.
            (&[&[998], &[999], &[5000]], 230, 999),
            // Of a run of several days the flows before the cut go.
            (&[&[3, 11], &[12]], 170, 4),
            (&[&[3, 11], &[12]], 110, 12),
            (&[&[997, 5000], &[998, 5000], &[999, 5000], &[1000, 5000]], 439, 998),
        ] {
            let fit = days(runs).fit(max_bytes, now);
            assert_eq!(fit, Fit::From(UnixMillis::of_day(expected)), "{runs:?} in {max_bytes}");
        }
        assert_eq!(days(&[]).fit(0, now), Fit::Whole);
    }

    #[test]
    fn the_past_is_not_deleted_for_what_is_of_days_to_come() {
        let now = UnixMillis::of_day(1000);
        let newest = UnixMillis::of_day(1000);
        for (runs, max_bytes, left_bytes, ahead_bytes) in [
            (&[&[999][..], &[1000], &[5000], &[6000]][..], 200, 330, 220),
            // Identities stay as long as the latest of their flows.
            (&[&[997, 5000], &[998, 5000], &[999, 5000], &[1000, 5000]], 200, 290, 240),
        ] {
            let misfit = Misfit { newest, left_bytes, ahead_bytes };
            assert_eq!(days(runs).fit(max_bytes, now), Fit::Never(misfit), "{runs:?}");
        }
    }
}

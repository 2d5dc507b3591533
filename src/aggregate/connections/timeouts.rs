//! After how long exporters cut flows that go on, learnt from how long records last.

use std::collections::HashMap;
use std::net::IpAddr;

use super::super::{Aggregate, over};
use crate::flow::{Column, Columns, FlowBatch};
use crate::query::Lookup;
use crate::store::{Result, Snapshot};

/// Time-outs are looked for up to so many seconds; Cisco's is 30 minutes where nobody set it.
const MOST_SECONDS: usize = 3_600;

/// Shorter records say nothing of it.
const LEAST_SECONDS: usize = 10;

/// So many longer ones are needed.
const LEAST_RECORDS: u64 = 100;

/// An exporter looks for flows to be cut every few seconds, so they last up to so much longer.
const SLACK_SECONDS: usize = 5;

/// So many times more records last as long as the time-out than as long as anything below it.
const PEAK: u64 = 4;

/// So many exporters are learnt of; what is to be known of others is what is known of all.
const MAX_EXPORTERS: usize = 4_096;

/// What stands for a time-out that shows nowhere, in milliseconds: what most exporters are set to.
pub const USUAL_ACTIVE_MS: u64 = 60_000;

/// The active time-outs of exporters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// In milliseconds, where it shows.
    by_exporter: HashMap<IpAddr, u64>,
    /// What was said to be that of all.
    given: Option<u64>,
}

impl Timeouts {
    /// That of every exporter is `active_ms`.
    pub fn given(active_ms: u64) -> Self {
        Self { by_exporter: HashMap::new(), given: Some(active_ms) }
    }

    /// What the records of `lookup` show, which reads [`Self::COLUMNS`] in any order.
    ///
    /// # Errors
    ///
    /// As [`over`].
    pub fn learn(snapshot: &dyn Snapshot, lookup: &Lookup) -> Result<Self> {
        let Durations(by_exporter) = over(snapshot, lookup.scans(), Durations::default)?;
        let learnt = by_exporter
            .into_iter()
            .filter_map(|(exporter, seconds)| Some((exporter, time_out(&seconds)? as u64 * 1_000)));
        Ok(Self { by_exporter: learnt.collect(), given: None })
    }

    /// What must be known of a flow.
    pub const COLUMNS: Columns = Columns::of(&[Column::Duration, Column::Source]);

    /// That of `exporter`, in milliseconds.
    pub fn active_ms(&self, exporter: IpAddr) -> u64 {
        let learnt = || self.by_exporter.get(&exporter).copied();
        self.given.or_else(learnt).unwrap_or(USUAL_ACTIVE_MS)
    }

    /// Whether `span_ms` is the time-out of any exporter, as far as a fiftieth of it.
    pub fn may_be(&self, span_ms: u64) -> bool {
        let is = |active_ms: u64| span_ms.abs_diff(active_ms) <= active_ms / 50;
        match self.given {
            Some(given) => is(given),
            None => is(USUAL_ACTIVE_MS) || self.by_exporter.values().any(|&learnt| is(learnt)),
        }
    }

    /// Those that were learnt, by exporter, in milliseconds.
    pub fn learnt(&self) -> Vec<(IpAddr, u64)> {
        let mut learnt: Vec<_> = self.by_exporter.iter().map(|(&who, &ms)| (who, ms)).collect();
        learnt.sort_unstable();
        learnt
    }
}

/// How many records lasted how many seconds, by exporter.
#[derive(Default)]
struct Durations(HashMap<IpAddr, Vec<u64>>);

impl Durations {
    fn of(&mut self, exporter: IpAddr) -> Option<&mut Vec<u64>> {
        if self.0.len() >= MAX_EXPORTERS && !self.0.contains_key(&exporter) {
            return None;
        }
        Some(self.0.entry(exporter).or_insert_with(|| vec![0; MOST_SECONDS + 1]))
    }
}

impl Aggregate for Durations {
    fn observe(&mut self, flows: &FlowBatch) -> Result<()> {
        let mut rows: Vec<(u32, usize)> = Vec::new();
        for (&source, &duration_ms) in flows.source.iter().zip(&flows.duration_ms) {
            let seconds = duration_ms.div_ceil(1_000) as usize;
            if (LEAST_SECONDS..=MOST_SECONDS).contains(&seconds) {
                rows.push((source, seconds));
            }
        }
        // Those of one exporter together, so that its table is looked up once.
        rows.sort_unstable();
        for rows in rows.chunk_by(|(one, _), (other, _)| one == other) {
            let Some(source) = flows.sources.get(rows[0].0 as usize) else { continue };
            let Some(table) = self.of(source.exporter) else { continue };
            for &(_, seconds) in rows {
                table[seconds] += 1;
            }
        }
        Ok(())
    }

    fn merge(&mut self, other: Self) -> Result<()> {
        for (exporter, seconds) in other.0 {
            if let Some(table) = self.of(exporter) {
                table.iter_mut().zip(seconds).for_each(|(sum, more)| *sum += more);
            }
        }
        Ok(())
    }
}

/// The commonest duration of the longest records, in seconds, if they are many more than those below:
/// nothing but a time-out has so many flows end after the same time.
fn time_out(records: &[u64]) -> Option<usize> {
    let all: u64 = records.iter().sum();
    if all < LEAST_RECORDS {
        return None;
    }
    // What lasted longer than its exporter lets flows last is a clock's mistake, and rare.
    let mut above = 0;
    let longest = (0..records.len()).rev().find(|&seconds| {
        above += records[seconds];
        above > all / 100
    })?;
    let within = |end: usize| -> u64 {
        let first = (end + 1).saturating_sub(SLACK_SECONDS);
        records[first..=end.min(records.len() - 1)].iter().sum()
    };
    let last = (longest + SLACK_SECONDS).min(records.len() - 1);
    let end = (longest / 2..=last).rev().max_by_key(|&end| within(end))?;
    let below = (end / 2).max(LEAST_SECONDS)..(end + 1).saturating_sub(SLACK_SECONDS);
    let widths = (below.len() as u64).div_ceil(SLACK_SECONDS as u64).max(1);
    let usual = records.get(below).map_or(0, |below| below.iter().sum::<u64>()) / widths;
    let peak = within(end);
    let most_there = (end + 1).saturating_sub(SLACK_SECONDS)..=end;
    (peak >= LEAST_RECORDS / 10 && peak > PEAK * usual)
        .then(|| most_there.rev().find(|&seconds| records[seconds] > 0))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(durations: impl IntoIterator<Item = (usize, u64)>) -> Vec<u64> {
        let mut records = vec![0; MOST_SECONDS + 1];
        durations.into_iter().for_each(|(seconds, count)| records[seconds] += count);
        records
    }

    #[test]
    fn a_time_out_shows_as_a_peak_at_the_end() {
        let falling = |last: usize| (10..=last).map(|seconds| (seconds, 400 / seconds as u64));
        // softflowd's, nfdump's and Cisco's usual ones.
        for set in [60, 300, 1_800] {
            let cut = [(set - 1, 150), (set, 900), (set + 1, 200)];
            assert_eq!(time_out(&records(falling(set - 2).chain(cut))), Some(set + 1), "{set}");
        }
        let clock = [(3_000, 3)];
        let cut = records(falling(58).chain([(60, 500)]).chain(clock));
        assert_eq!(time_out(&cut), Some(60), "some clocks are wrong");
    }

    #[test]
    fn where_nothing_is_cut_nothing_is_learnt() {
        assert_eq!(time_out(&records([])), None);
        assert_eq!(time_out(&records([(60, 99)])), None, "too few");
        assert_eq!(time_out(&records((10..1_000).map(|seconds| (seconds, 7)))), None);
        let falling = (10..900).map(|seconds| (seconds, 100_000 / (seconds * seconds) as u64));
        assert_eq!(time_out(&records(falling)), None);
    }
}

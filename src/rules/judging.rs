//! Which keys come to too much, and in which windows.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::history::{LEAST_WINDOWS, Usual};
use super::rule::{Counted, Limit, Rule};
use crate::aggregate::{
    BinWidth, KeyField, KeyValue, KnownKeys, Limits, Measure, PeersOptions, Timeline,
    TimelineError, TimelineOptions, Top, TopOptions, TopOrder, Whose, bins_of_keys, peers,
};
use crate::flow::{Columns, TimeRange, UnixMillis};
use crate::store::{Result, Snapshot};

/// Of so many keys, those that come to most, a rule judges in a stretch of windows.
pub const MAX_KEYS: usize = 10_000;
/// So many keys a top is asked for: for so many it keeps all of a key at once, and looks none up again.
const TOP_KEYS: usize = 65_537;
/// Into so many stretches a long time is parted, to leave out those in which there is nothing.
const MAX_STRETCHES: usize = 2_000;
/// What a key takes with its peers in a window while they are put in order.
const PEERS_BYTES: usize = 200;
/// So many windows are looked at at once.
const AT_ONCE: u64 = 60;

/// A key that came to too much in a window.
#[derive(Debug, Clone, PartialEq)]
pub struct Firing {
    /// A value for each field of the rule.
    pub key: Vec<KeyValue>,
    /// When.
    pub window: TimeRange,
    /// What it came to.
    pub value: u128,
    /// What was usual, where the rule goes by that.
    pub usual: Option<Usual>,
}

/// What a rule says of a stretch of time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Judged {
    /// The keys that came to too much, by windows, in each the greatest first.
    pub firings: Vec<Firing>,
    /// Whether there were more keys than are judged.
    pub cut: bool,
}

impl Rule {
    /// What it says of the windows that `range` touches, by the flows that `snapshot` has.
    ///
    /// # Errors
    ///
    /// What reading meets.
    pub fn judge(
        &self,
        snapshot: &dyn Snapshot,
        range: TimeRange,
        limits: &Limits,
    ) -> Result<Judged> {
        let range = self.windows(range);
        let step = self.window_ms.get().saturating_mul(AT_ONCE);
        let mut judged = Judged::default();
        for busy in self.busy(snapshot, range)? {
            let mut since = busy.since;
            while since < busy.until {
                let until = UnixMillis(since.0.saturating_add(step)).min(busy.until);
                let part = TimeRange { since, until };
                judged.add(Judging { rule: self, snapshot, limits, part }.judge()?);
                since = until;
            }
        }
        Ok(judged)
    }

    /// The stretches of `range` in which there is anything that counts, by one look at all of it: of years
    /// of minutes most may be empty.
    fn busy(&self, snapshot: &dyn Snapshot, range: TimeRange) -> Result<Vec<TimeRange>> {
        if (range.until - range.since) / self.window_ms <= AT_ONCE {
            return Ok(vec![range]);
        }
        let by = match self.counted {
            Counted::Measure(measure) => measure,
            Counted::Peers => Measure::Flows,
        };
        let lookup = self.question(range).plan_unordered(Timeline::columns(by));
        let options =
            TimelineOptions { by, width: BinWidth::AtMost(MAX_STRETCHES), zone: TimeZone::UTC };
        let timeline = match Timeline::of(snapshot, &[(Whose::All, lookup)], &options) {
            Err(TimelineError::Store(error)) => return Err(error),
            // Bins that may be of any length are never too many.
            Err(TimelineError::TooManyBins { .. }) => return Ok(vec![range]),
            Ok(timeline) => timeline,
        };
        let mut busy: Vec<TimeRange> = Vec::new();
        for bin in 0..timeline.starts.len() {
            if timeline.series.iter().all(|series| series.values[bin] == 0) {
                continue;
            }
            let windows = self.windows(TimeRange {
                since: timeline.starts[bin].max(range.since),
                until: timeline.end(bin).min(range.until),
            });
            match busy.last_mut() {
                Some(last) if windows.since <= last.until => last.until = windows.until,
                _ if windows.since < windows.until => busy.push(windows),
                _ => {}
            }
        }
        Ok(busy)
    }
}

impl Judged {
    fn add(&mut self, mut other: Self) {
        self.firings.append(&mut other.firings);
        self.cut |= other.cut;
    }
}

/// Those of `firings` that are told: none of a key within its pause after one that was. Each comes with
/// how many were not told after it.
pub fn after_pauses(firings: Vec<Firing>, pause_ms: u64) -> Vec<(Firing, u64)> {
    let mut told: Vec<(Firing, u64)> = Vec::new();
    let mut last: BTreeMap<Vec<KeyValue>, usize> = BTreeMap::new();
    for firing in firings {
        if let Some(&place) = last.get(&firing.key) {
            let until = told[place].0.window.until + pause_ms;
            if firing.window.since < until {
                told[place].1 += 1;
                continue;
            }
        }
        last.insert(firing.key.clone(), told.len());
        told.push((firing, 0));
    }
    told
}

/// A rule, and a few windows that it is asked of.
struct Judging<'a> {
    rule: &'a Rule,
    snapshot: &'a dyn Snapshot,
    limits: &'a Limits,
    part: TimeRange,
}

/// What keys have, window by window, from so many windows before on.
struct Values {
    keys: Vec<Vec<KeyValue>>,
    each: Vec<Vec<u128>>,
    /// Whether anybody had anything.
    had: Vec<bool>,
    before: usize,
}

impl Judging<'_> {
    fn judge(&self) -> Result<Judged> {
        let (values, cut) = match self.rule.counted {
            Counted::Measure(measure) => self.measured(measure)?,
            Counted::Peers => self.peers()?,
        };
        let mut firings: Vec<Firing> = Vec::new();
        for window in 0..self.windows() {
            let mut of_window: Vec<Firing> =
                (0..values.keys.len()).filter_map(|key| self.fired(&values, key, window)).collect();
            of_window.sort_by(|a, b| b.value.cmp(&a.value).then_with(|| a.key.cmp(&b.key)));
            firings.append(&mut of_window);
        }
        Ok(Judged { firings, cut })
    }

    /// How many windows are judged.
    fn windows(&self) -> usize {
        ((self.part.until - self.part.since) / self.rule.window_ms.get()) as usize
    }

    /// The windows that are judged, and those that say what is usual.
    fn with_history(&self) -> TimeRange {
        let since = UnixMillis(self.part.since.0.saturating_sub(self.rule.limit.over_ms()));
        TimeRange { since: self.rule.windows(TimeRange { since, ..self.part }).since, ..self.part }
    }

    fn fired(&self, values: &Values, key: usize, window: usize) -> Option<Firing> {
        let rule = self.rule;
        let all = &values.each[key];
        let at = values.before + window;
        let value = all[at];
        if value < rule.least().into() {
            return None;
        }
        let usual = match rule.limit {
            Limit::Above(_) => None,
            Limit::Percent { percent, over_ms } => {
                let before = self.before(values, all, at, over_ms)?;
                let usual = Usual::by_mean(before, value);
                Some(usual.is_above(percent.into()).then_some(usual)?)
            }
            Limit::Unusual { z_milli, over_ms } => {
                let before = self.before(values, all, at, over_ms)?;
                let usual = Usual::by_median(before, value);
                Some(usual.is_above(f64::from(z_milli) / 1000.0).then_some(usual)?)
            }
        };
        let since = self.part.since + window as u64 * rule.window_ms.get();
        let window = TimeRange { since, until: since + rule.window_ms.get() };
        Some(Firing { key: values.keys[key].clone(), window, value, usual })
    }

    /// What a key had in the windows before, as far back as the rule goes, and from the first on in which
    /// anybody had anything; none where these are too few to say what is usual.
    fn before<'v>(
        &self,
        values: &Values,
        all: &'v [u128],
        at: usize,
        over_ms: u64,
    ) -> Option<&'v [u128]> {
        let windows = over_ms.div_ceil(self.rule.window_ms.get()) as usize;
        let from = (at.saturating_sub(windows)..at).find(|&at| values.had[at])?;
        (at - from >= LEAST_WINDOWS.min(windows)).then(|| &all[from..at])
    }

    /// What the keys have that come to most, of octets, packets or flows. What whole flows come to that
    /// were under way is never less than what of them falls into a window.
    fn measured(&self, by: Measure) -> Result<(Values, bool)> {
        let lookup = self.rule.question(self.part).plan_unordered(Columns::NONE);
        let options = TopOptions {
            fields: self.rule.fields.clone(),
            order: TopOrder::Measure(by),
            count: Some(TOP_KEYS),
            zone: TimeZone::UTC,
            limits: self.limits.clone(),
        };
        let top = Top::of(self.snapshot, lookup.scans(), &options)?;
        let enough = |value: u128| value >= self.rule.least().into();
        let entries = top.entries.into_iter().filter(|entry| enough(entry.counts.counters.get(by)));
        let mut keys: Vec<_> = entries.map(|entry| entry.key).collect();
        let window = self.with_history();
        let most = self.most_keys(window);
        let cut = keys.len() > most;
        keys.truncate(most);
        if keys.is_empty() {
            return Ok((Values::none(), false));
        }
        let lookup = self.rule.question(window).plan_unordered(Columns::NONE);
        let known = self.known(&keys);
        let what = (by, window, self.rule.window_ms.get());
        let mut each = bins_of_keys(self.snapshot, &lookup, &known, what)?;
        let others = each.pop().unwrap_or_default();
        let before = others.len() - self.windows();
        Ok((Values::new(keys, each, &others, before), cut))
    }

    /// For the bins of how many keys there is memory: half of it, and a hundred in any case.
    fn most_keys(&self, window: TimeRange) -> usize {
        // Either end of a key has bins of its own; peers come with their keys.
        let each = match self.rule.counted {
            Counted::Measure(_) => 2 * size_of::<u64>(),
            Counted::Peers => PEERS_BYTES,
        };
        let bytes = self.bins(window).max(1) * each;
        (self.limits.memory_bytes / 2 / bytes).clamp(100, MAX_KEYS)
    }

    fn known(&self, keys: &[Vec<KeyValue>]) -> KnownKeys {
        KnownKeys::new(&self.rule.fields, &TimeZone::UTC, &keys.iter().map(Vec::as_slice))
    }

    /// The hosts that the keys deal with that deal with most.
    fn peers(&self) -> Result<(Values, bool)> {
        let bin = KeyField::Bin(self.rule.window_ms.get());
        let fields: Vec<_> = [bin].into_iter().chain(self.rule.fields.iter().cloned()).collect();
        let options = PeersOptions {
            fields: &fields,
            among: None,
            least: self.rule.least(),
            count: (self.limits.memory_bytes / 2 / PEERS_BYTES).max(MAX_KEYS),
            limits: self.limits,
        };
        let lookup = self.rule.question(self.part).plan_unordered(Columns::NONE);
        let found = peers(self.snapshot, &lookup, options)?;
        let window = self.with_history();
        let most = self.most_keys(window);
        let mut places: BTreeMap<&[KeyValue], usize> = BTreeMap::new();
        let mut cut = false;
        for (key, _) in &found {
            let next = places.len();
            if next < most {
                places.entry(&key[1..]).or_insert(next);
            } else {
                cut |= !places.contains_key(&key[1..]);
            }
        }
        if places.is_empty() {
            return Ok((Values::none(), false));
        }
        let mut keys = vec![Vec::new(); places.len()];
        for (key, place) in &places {
            keys[*place] = key.to_vec();
        }
        let before = self.bins(window) - self.windows();
        let mut each = vec![vec![0; before + self.windows()]; keys.len()];
        let mut fill = |found: &[(Vec<KeyValue>, u64)]| {
            for (key, peers) in found {
                if let (Some(&place), [KeyValue::Time(start), ..]) =
                    (places.get(&key[1..]), &key[..])
                    && let Some(value) = each[place].get_mut(self.bin(window, *start))
                {
                    *value = (*peers).into();
                }
            }
        };
        let others = if before == 0 {
            fill(&found);
            vec![0; self.windows()]
        } else {
            let known = self.known(&keys);
            let lookup = self.rule.question(window).plan_unordered(Columns::NONE);
            let what = (Measure::Flows, window, self.rule.window_ms.get());
            let flows = bins_of_keys(self.snapshot, &lookup, &known, what)?;
            let options = PeersOptions { among: Some(&known), least: 0, ..options };
            fill(&peers(self.snapshot, &lookup, options)?);
            flows.into_iter().last().unwrap_or_default()
        };
        Ok((Values::new(keys, each, &others, before), cut))
    }

    fn bins(&self, window: TimeRange) -> usize {
        self.bin(window, window.until)
    }

    /// In which window of `range` a moment is.
    fn bin(&self, range: TimeRange, moment: UnixMillis) -> usize {
        ((moment - range.since) / self.rule.window_ms.get()) as usize
    }
}

impl Values {
    fn none() -> Self {
        Self { keys: Vec::new(), each: Vec::new(), had: Vec::new(), before: 0 }
    }

    /// `others` is what all other keys have together.
    fn new(keys: Vec<Vec<KeyValue>>, each: Vec<Vec<u128>>, others: &[u128], before: usize) -> Self {
        let mut had: Vec<bool> = others.iter().map(|&value| value > 0).collect();
        for values in &each {
            had.iter_mut().zip(values).for_each(|(had, &value)| *had |= value > 0);
        }
        Self { keys, each, had, before }
    }
}

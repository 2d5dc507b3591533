//! Hosts inside, and exporters, that stopped: of which nothing was seen for several times as long as
//! ever before.
//!
//! Who is seen in so many stretches of five minutes at random is silent for four times the longest of his
//! gaps about once in as many to the fourth times; of a hundred, once in a hundred million.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use super::detection::EXPORTER;
use super::{Detection, Evidence, Kind, Parameters, Severity};
use crate::aggregate::{Aggregate, Connection, over};
use crate::flow::{Column, Columns, FlowBatch, Source, UnixMillis};
use crate::query::Question;
use crate::store::{Result, Snapshot};

const BIN_MS: u64 = 300_000;

/// Who was seen in fewer stretches of five minutes is not known well enough.
const FEW_BINS: u64 = 100;

/// And who was seen within less than half a day.
const KNOWN_MS: u64 = 12 * 3_600_000;

/// So many stretches of all exporters together are kept.
const MAX_BINS: usize = 1 << 22;

/// When somebody was seen.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Life {
    first_ms: u64,
    last_ms: u64,
    /// The longest time between two sights.
    gap_ms: u64,
    /// In how many stretches he was seen, and the last of them.
    bins: u64,
    last_bin: u64,
}

impl Life {
    /// Takes in that he was seen; sights come by when they began.
    fn see(&mut self, first_ms: u64, last_ms: u64) {
        let bin = first_ms / BIN_MS;
        if self.bins == 0 {
            *self = Self { first_ms, last_ms, gap_ms: 0, bins: 1, last_bin: bin };
            return;
        }
        self.gap_ms = self.gap_ms.max(first_ms.saturating_sub(self.last_ms));
        self.last_ms = self.last_ms.max(last_ms);
        if bin > self.last_bin {
            self.last_bin = bin;
            self.bins += 1;
        }
    }

    /// Takes in a connection of `host`, if it sent anything: who is only spoken to may be gone.
    pub(super) fn take(&mut self, host: IpAddr, connection: &Connection) {
        let own = if connection.initiator == host { connection.sent } else { connection.returned };
        if own.packets > 0 {
            self.see(connection.first.0, connection.last.0);
        }
    }

    /// Whether enough is known of it to say what is usual.
    fn is_known(&self) -> bool {
        self.bins >= FEW_BINS && self.last_ms - self.first_ms >= KNOWN_MS
    }

    /// How long it was silent until `end_ms`, if that stands out.
    fn silence_ms(&self, end_ms: u64, parameters: &Parameters) -> Option<u64> {
        let silence_ms = end_ms.saturating_sub(self.last_ms);
        let least_ms = parameters.silent_minutes.saturating_mul(60_000);
        let usual_ms = self.gap_ms.saturating_mul(parameters.silent_times);
        (self.is_known() && silence_ms >= least_ms.max(usual_ms).max(1)).then_some(silence_ms)
    }

    fn told(
        &self,
        (variant, host): (&'static str, IpAddr),
        end_ms: u64,
        parameters: &Parameters,
    ) -> Option<Detection> {
        let silence_ms = self.silence_ms(end_ms, parameters)?;
        // The flows before it are what there is to be seen.
        let before_ms = self.gap_ms.max(BIN_MS);
        Some(Detection {
            kind: Kind::Silent,
            variant,
            host,
            peer: None,
            protocol: None,
            port: None,
            first: UnixMillis(self.last_ms.saturating_sub(before_ms)),
            last: UnixMillis(end_ms),
            severity: if variant == EXPORTER { Severity::High } else { Severity::Medium },
            confidence: 1.0 - (self.gap_ms as f64 / silence_ms as f64).min(1.0),
            evidence: vec![
                ("silence", Evidence::Span(silence_ms)),
                ("longestGap", Evidence::Span(self.gap_ms)),
                ("lastSeen", Evidence::Text(UnixMillis(self.last_ms).to_string())),
                ("knownFor", Evidence::Span(self.last_ms - self.first_ms)),
                ("fiveMinutes", Evidence::Count(self.bins)),
            ],
        })
    }
}

/// A host of which enough is known.
#[derive(Debug)]
pub(super) struct Known {
    host: IpAddr,
    life: Life,
}

impl Known {
    pub(super) fn of(host: IpAddr, life: Life) -> Option<Self> {
        life.is_known().then_some(Self { host, life })
    }

    /// Who was seen last at the earliest has the least.
    pub(super) fn rank(&self) -> (u64, IpAddr) {
        (self.life.last_ms, self.host)
    }
}

/// When each exporter told of something.
#[derive(Debug, Default)]
struct Exporters {
    bins: HashMap<IpAddr, BTreeSet<u64>>,
    count: usize,
    last_ms: u64,
    /// Whether there was no room for some: then nobody is known well enough.
    is_full: bool,
}

impl Exporters {
    const COLUMNS: Columns = Columns::of(&[Column::Source, Column::First, Column::Duration]);

    fn enter(&mut self, exporter: IpAddr, bin: u64) {
        if self.count == MAX_BINS {
            let known = self.bins.get(&exporter).is_some_and(|bins| bins.contains(&bin));
            self.is_full |= !known;
        } else if self.bins.entry(exporter).or_default().insert(bin) {
            self.count += 1;
        }
    }

    /// The life of one that was seen in `bins`, each taken for a whole one.
    fn life(bins: &BTreeSet<u64>) -> Life {
        let mut life = Life::default();
        for bin in bins {
            life.see(bin * BIN_MS, (bin + 1) * BIN_MS);
        }
        life
    }
}

impl Aggregate for Exporters {
    fn observe(&mut self, flows: &FlowBatch) -> Result<()> {
        for row in 0..flows.len() {
            let last_ms = flows.first_ms[row].saturating_add(flows.duration_ms[row].into());
            self.last_ms = self.last_ms.max(last_ms);
            let source = flows.source_of(row);
            if source != Source::UNKNOWN {
                self.enter(source.exporter, last_ms / BIN_MS);
            }
        }
        Ok(())
    }

    fn merge(&mut self, other: Self) -> Result<()> {
        self.last_ms = self.last_ms.max(other.last_ms);
        self.is_full |= other.is_full;
        for (exporter, bins) in other.bins {
            for bin in bins {
                self.enter(exporter, bin);
            }
        }
        Ok(())
    }
}

/// The exporters that stopped, and those of `hosts`, until the last flow that there is, or the end of what
/// is asked for: a flow may go on behind it, or be of a clock that runs ahead. Where nothing at all comes
/// any more, nobody is told.
pub(super) fn judge(
    snapshot: &dyn Snapshot,
    question: &Question,
    parameters: &Parameters,
    hosts: &[Known],
) -> Result<Vec<Detection>> {
    let lookup = question.plan_unordered(Exporters::COLUMNS);
    let exporters = over(snapshot, lookup.scans(), Exporters::default)?;
    let until = question.time.until.min(parameters.now);
    let end_ms = exporters.last_ms.min(until.0);
    let known = exporters.bins.iter().filter(|_| !exporters.is_full);
    let of_exporters = known.filter_map(|(&exporter, bins)| {
        Exporters::life(bins).told((EXPORTER, exporter), end_ms, parameters)
    });
    let of_hosts =
        hosts.iter().filter_map(|known| known.life.told(("host", known.host), end_ms, parameters));
    Ok(of_exporters.chain(of_hosts).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE_MS: u64 = 60_000;

    /// Who is seen each ten minutes for so many hours, but for two hours in between.
    fn life(hours: u64) -> Life {
        let mut life = Life::default();
        for at in (0..hours * 6).filter(|at| !(30..42).contains(at)) {
            life.see(at * 10 * MINUTE_MS, at * 10 * MINUTE_MS + 1_000);
        }
        life
    }

    #[test]
    fn silence_is_measured_by_the_longest_gap() {
        let parameters = Parameters::default();
        let life = life(24);
        // From 4:50:01 to 7:00.
        assert_eq!(life.gap_ms, 130 * MINUTE_MS - 1_000);
        assert_eq!(life.bins, 24 * 6 - 12);
        let last = (24 * 60 - 10) * MINUTE_MS + 1_000;
        let silence =
            |minutes: u64| life.silence_ms(last + minutes * MINUTE_MS, &parameters).is_some();
        // Four times 129 minutes and 59 seconds are 519 minutes and 56 seconds.
        assert!(!silence(519) && silence(520));
        // Of too little nothing is said.
        assert_eq!(self::life(14).silence_ms(u64::MAX, &parameters), None);
        assert_eq!(Life::default().silence_ms(1, &parameters), None);
    }
}

//! A snapshot whose reading may be given up, and tells how far it is.

use std::iter::from_fn;
use std::net::IpAddr;

use crate::store::watch::Begun;
use crate::store::{FlowStream, Plan, Region, Result, Scan, Size, Snapshot, StoredDay, Watch};

/// The snapshot inside, read for who watches: every call of it, and every region, ends with
/// [`StoreError::Stopped`](crate::StoreError::Stopped) soon after the watch is stopped, also within
/// a long stretch in which nothing is found.
pub struct WatchedSnapshot {
    inside: Box<dyn Snapshot>,
    watch: Watch,
}

impl WatchedSnapshot {
    /// The flows of `inside`, as long as `watch` is not stopped.
    pub fn new(inside: Box<dyn Snapshot>, watch: Watch) -> Self {
        Self { inside, watch }
    }

    fn watched(&self, scan: &Scan) -> Result<Scan> {
        self.watch.check()?;
        Ok(Scan { watch: self.watch.clone(), ..scan.clone() })
    }
}

impl Snapshot for WatchedSnapshot {
    fn regions(&self, scan: &Scan) -> Result<Vec<Box<dyn Region>>> {
        let regions = self.inside.regions(&self.watched(scan)?)?;
        let watched = |region: Box<dyn Region>| {
            let begun = self.watch.begin(region.rows(), scan.followed);
            Box::new(WatchedRegion { region, begun }) as Box<dyn Region>
        };
        Ok(regions.into_iter().map(watched).collect())
    }

    fn version(&self) -> Option<String> {
        self.inside.version()
    }

    fn is_in_order(&self, scan: &Scan) -> bool {
        self.inside.is_in_order(scan)
    }

    fn plan(&self, scan: &Scan) -> Result<Plan> {
        self.inside.plan(&self.watched(scan)?)
    }

    fn cuts(&self, scan: &Scan) -> Result<Vec<IpAddr>> {
        self.inside.cuts(&self.watched(scan)?)
    }

    fn counted(&self) -> Option<u64> {
        self.inside.counted()
    }

    fn size(&self) -> Result<Size> {
        self.watch.check()?;
        self.inside.size()
    }

    fn days(&self) -> Result<Option<Vec<StoredDay>>> {
        self.watch.check()?;
        self.inside.days()
    }

    fn summed(&self, scan: &Scan) -> (u64, u64) {
        self.inside.summed(scan)
    }

    fn may_be_sampled(&self) -> bool {
        self.inside.may_be_sampled()
    }
}

struct WatchedRegion {
    region: Box<dyn Region>,
    begun: Begun,
}

impl Region for WatchedRegion {
    fn read(self: Box<Self>) -> FlowStream {
        let Self { region, begun } = *self;
        let mut open = Some((region.read(), begun));
        Box::new(from_fn(move || {
            let (flows, begun) = open.as_mut()?;
            let batch = match begun.check() {
                Ok(()) => flows.next(),
                Err(stopped) => Some(Err(stopped)),
            };
            if !matches!(batch, Some(Ok(_))) {
                open = None;
            }
            batch
        }))
    }

    fn rows(&self) -> Option<u64> {
        self.region.rows()
    }
}

#[cfg(test)]
mod tests;

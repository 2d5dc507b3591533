//! A snapshot whose flows stand for others: no address in them is one of the network.

use std::net::IpAddr;
use std::sync::Arc;

use crate::anonymise::Anonymiser;
use crate::store::{FlowStream, Plan, Region, Result, Rows, Scan, Size, Snapshot, StoredDay};

/// The flows of the snapshot inside, with addresses that stand for theirs. Scans name those of the
/// network, and so do predicates. What is read is in no order that anybody could tell from it, so
/// flows are to be sorted before they are shown: the order of keys tells of the keys.
pub struct AnonymisedSnapshot {
    inside: Box<dyn Snapshot>,
    by: Arc<Anonymiser>,
}

impl AnonymisedSnapshot {
    /// The flows of `inside`, as `by` has them.
    pub fn new(inside: Box<dyn Snapshot>, by: Arc<Anonymiser>) -> Self {
        Self { inside, by }
    }
}

impl Snapshot for AnonymisedSnapshot {
    fn regions(&self, scan: &Scan) -> Result<Vec<Box<dyn Region>>> {
        let flows = Scan { rows: Rows::Flows, ..scan.clone() };
        let wrap = |region| {
            let by = Arc::clone(&self.by);
            Box::new(AnonymisedRegion { region, by }) as Box<dyn Region>
        };
        Ok(self.inside.regions(&flows)?.into_iter().map(wrap).collect())
    }

    fn version(&self) -> Option<String> {
        self.inside.version()
    }

    fn plan(&self, scan: &Scan) -> Result<Plan> {
        self.inside.plan(scan)
    }

    fn cuts(&self, scan: &Scan) -> Result<Vec<IpAddr>> {
        self.inside.cuts(scan)
    }

    fn counted(&self) -> Option<u64> {
        self.inside.counted()
    }

    fn size(&self) -> Result<Size> {
        self.inside.size()
    }

    fn days(&self) -> Result<Option<Vec<StoredDay>>> {
        self.inside.days()
    }

    fn may_be_sampled(&self) -> bool {
        self.inside.may_be_sampled()
    }
}

struct AnonymisedRegion {
    region: Box<dyn Region>,
    by: Arc<Anonymiser>,
}

impl Region for AnonymisedRegion {
    fn read(self: Box<Self>) -> FlowStream {
        let Self { region, by } = *self;
        Box::new(region.read().map(move |batch| Ok(by.batch(batch?))))
    }

    fn rows(&self) -> Option<u64> {
        self.region.rows()
    }
}

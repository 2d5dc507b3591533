//! A snapshot in which a flow counts once that several routers saw, or one router twice.
//!
//! Records of one flow have the same addresses, so the order of keys brings them together: what is
//! read in it is judged row by row, within a window of time. What several threads read is parted
//! between addresses. What a NAT made of a flow has other addresses, and lies elsewhere; so the few
//! records that tell both sides of a NAT are read before.

mod pass;
mod sightings;
mod spans;
mod translated;

use std::sync::Arc;

use pass::Pass;
use translated::Translated;

use crate::flow::{Column, Columns, TimeRange, UnixMillis};
use crate::row::{AddressSet, Order};
use crate::store::{
    FlowStream, Plan, Region, Result, Rows, Scan, Size, Snapshot, StoreError, StoredDay,
};

/// What is compared.
const COMPARED: Columns = Columns::of(&[
    Column::Src,
    Column::Dst,
    Column::Protocol,
    Column::SrcPort,
    Column::DstPort,
    Column::First,
    Column::Duration,
    Column::Octets,
    Column::Input,
    Column::Output,
    Column::Source,
    Column::Extras,
]);

/// What is read beyond a window of time on either side of it, in milliseconds: a record in it may be of
/// a flow of which another one lies before it, and that one of yet another.
const BESIDE_MS: u64 = 2 * sightings::JITTER_MS;

/// What so much of all addresses leads, a block of 256 of IPv4, is rather read twice than all that has
/// an address behind a NAT.
const FEW: u128 = 256 << 96;

/// The snapshot inside, of which a scan gives one record of each flow among those that it finds: the
/// one of the router that sampled least, then the one of most octets, then the first in key order.
pub struct DedupedSnapshot {
    inside: Box<dyn Snapshot>,
}

impl DedupedSnapshot {
    /// The flows of `inside`, each once.
    pub fn new(inside: Box<dyn Snapshot>) -> Self {
        Self { inside }
    }

    /// The regions for `scan`, each of which reads all that its addresses lead.
    fn parts(&self, scan: &Scan) -> Result<Vec<Box<dyn Region>>> {
        let read = asked(scan);
        let (columns, time) = (scan.columns, scan.time);
        let translated = Arc::new(self.translated(scan)?);
        let part = |lead| -> Result<Box<dyn Region>> {
            let regions = self.inside.regions(&Scan { lead, ..read.clone() })?;
            let translated = Arc::clone(&translated);
            Ok(Box::new(DedupedRegion { regions, columns, time, translated }))
        };
        let is_of_host = scan.lead.as_ref().is_some_and(|lead| lead.host().is_some());
        if scan.order == Order::Nat || is_of_host {
            return Ok(vec![part(scan.lead.clone())?]);
        }
        let parts = AddressSet::between(&self.inside.cuts(&read)?).into_iter();
        let leads = parts.map(|part| match &scan.lead {
            Some(lead) => lead.intersection(&part),
            None => part,
        });
        leads.filter(|lead| !lead.is_empty()).map(|lead| part(Some(lead))).collect()
    }
}

impl DedupedSnapshot {
    /// The flows that `scan` finds as they are on the far side of a NAT, where a store finds those
    /// that tell it without a look at everything.
    fn translated(&self, scan: &Scan) -> Result<Translated> {
        let read = Scan { ordered: false, ..asked(scan) };
        let by_nat = Scan { order: Order::Nat, lead: None, port: None, ..read.clone() };
        if scan.order == Order::Nat || !self.inside.is_in_order(&by_nat) {
            return Ok(Translated::default());
        }
        let read = match &scan.lead {
            None => by_nat,
            Some(lead) if lead.weight() <= FEW => read,
            Some(lead) => by_nat.testing(scan.order.leads(lead.clone())),
        };
        Translated::read(&*self.inside, &read)
    }
}

/// What the snapshot inside is asked for `scan`.
fn asked(scan: &Scan) -> Scan {
    let TimeRange { since, until } = scan.time;
    let time = TimeRange {
        since: UnixMillis(since.0.saturating_sub(BESIDE_MS)),
        until: UnixMillis(until.0.saturating_add(BESIDE_MS)),
    };
    let columns = scan.columns | COMPARED;
    Scan { ordered: true, rows: Rows::Flows, columns, time, ..scan.clone() }
}

impl Snapshot for DedupedSnapshot {
    fn regions(&self, scan: &Scan) -> Result<Vec<Box<dyn Region>>> {
        match self.parts(scan) {
            // A store that keeps one order only looks through that, where any will do.
            Err(StoreError::Refused { .. }) if !scan.ordered => {
                let other = if scan.order == Order::Src { Order::Dst } else { Order::Src };
                self.parts(&scan.looking(other))
            }
            parts => parts,
        }
    }

    fn version(&self) -> Option<String> {
        self.inside.version()
    }

    fn plan(&self, scan: &Scan) -> Result<Plan> {
        let mut plan = self.inside.plan(&asked(scan))?;
        plan.notes.push("records of one flow are compared, and one of them counts".to_owned());
        Ok(plan)
    }

    /// As they are stored, each record for itself.
    fn counted(&self) -> Option<u64> {
        self.inside.counted()
    }

    fn flows(&self) -> Result<u64> {
        self.inside.flows()
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

/// All that some addresses lead.
struct DedupedRegion {
    /// In key order; an address may lie in several.
    regions: Vec<Box<dyn Region>>,
    /// What was asked for.
    columns: Columns,
    time: TimeRange,
    translated: Arc<Translated>,
}

impl Region for DedupedRegion {
    fn read(self: Box<Self>) -> FlowStream {
        let Self { regions, columns, time, translated } = *self;
        let flows = Box::new(regions.into_iter().flat_map(Region::read));
        Box::new(Pass::new(flows, columns, time, translated))
    }

    fn rows(&self) -> Option<u64> {
        self.regions.iter().map(|region| region.rows()).sum()
    }
}

#[cfg(test)]
mod tests;

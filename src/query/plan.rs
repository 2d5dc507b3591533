//! From a question to the scans that answer it (the planner).

use std::sync::Arc;

use super::{Direction, Position, Question};
use crate::flow::{Column, Columns, TimeRange};
use crate::row::{AddressSet, Ends, NatRows, NumberField, NumberSet, Order, Predicate};
use crate::store::{Access, Meter, Reading, Rows, Scan};

/// The scans that answer a question, and the meter that they share.
///
/// There are two scans where a flow may be found by either of its ends: what some addresses sent,
/// and what some received that the first ones did not send, so that no flow is found twice. Likewise
/// for a port behind a NAT: what tells no port of its own there, and what tells this one.
#[derive(Debug, Clone)]
pub struct Lookup {
    pub(super) scans: Vec<Scan>,
    pub(super) columns: Columns,
    pub(super) limit: Option<u64>,
    pub(super) access: Access,
    /// Where the flows may be found by two scans, the addresses whose flows the first one finds.
    pub(super) sent: Option<AddressSet>,
    /// The flow behind which the answer begins.
    pub(super) after: Option<Position>,
    meter: Arc<Meter>,
}

/// What the merge of two scans compares.
const MERGE_COLUMNS: Columns = Columns::of(&[Column::Src, Column::Dst, Column::First]);

/// Two ranges that weigh more (see [`AddressSet::weight`]) have more to read than one look at
/// everything.
const MAX_WEIGHT_OF_TWO: u128 = 1 << 127;

impl Question {
    /// Plans to read `columns` of the flows, in key order: by address, then by time.
    pub fn plan(&self, columns: Columns) -> Lookup {
        self.lookup(columns, true)
    }

    /// Plans to read `columns` of the flows in any order, as aggregates want them.
    pub fn plan_unordered(&self, columns: Columns) -> Lookup {
        self.lookup(columns, false)
    }

    /// Plans to count the flows only: no columns, and no order to keep.
    pub fn plan_count(&self) -> Lookup {
        self.lookup(Columns::NONE, false)
    }

    /// Plans to read `columns` of what hosts sent, and of what they received, each in key order: the
    /// flows of the addresses of the question, or of all there are. A flow between two of these is
    /// found by both scans.
    pub fn plan_hosts(&self, columns: Columns) -> Lookup {
        let meter = Arc::<Meter>::default();
        let lead = self.addresses.map_or_else(AddressSet::all, AddressSet::from);
        let ends = [(Direction::Src, Order::Src), (Direction::Dst, Order::Dst)];
        let scans = ends.map(|(direction, order)| {
            // A look at everything would find the same, host by host.
            let question = Self { direction, access: Access::Range, ..self.clone() };
            let base = question.base(columns, true, &meter);
            question.scan(order, lead.clone(), &AddressSet::default(), base)
        });
        let (limit, access) = (None, Access::Range);
        Lookup { scans: scans.into(), columns, limit, access, sent: None, after: None, meter }
    }

    /// What all scans have in common.
    fn base(&self, columns: Columns, ordered: bool, meter: &Arc<Meter>) -> Scan {
        let began = if self.alive {
            TimeRange { until: self.time.until, ..TimeRange::ALL }
        } else {
            self.time
        };
        let time = began.and(self.condition().time());
        Scan { time, ordered, meter: Arc::clone(meter), ..Scan::all(columns) }
    }

    fn lookup(&self, columns: Columns, ordered: bool) -> Lookup {
        let meter = Arc::<Meter>::default();
        let base = self.base(columns, ordered, &meter);
        let leads = self.leads();
        let behind_nat = self.behind_nat(leads.as_ref());
        let mut sent = None;
        let mut scans = match leads {
            _ if let Some(rows) = &behind_nat => self.scans_behind_nat(rows, &base),
            // A whole table needs to be looked at only once where no order is to be kept.
            Some(_) if self.access == Access::Filter && !ordered => vec![self.whole(base)],
            None => vec![self.whole(base)],
            Some(Ends { src, dst }) if dst.is_empty() => {
                vec![self.scan(Order::Src, src, &AddressSet::default(), base)]
            }
            Some(Ends { src, dst }) if src.is_empty() => {
                vec![self.scan(Order::Dst, dst, &src, base)]
            }
            Some(Ends { src, dst }) => {
                let received = self.scan(Order::Dst, dst, &src, base.clone());
                sent = Some(src.clone());
                vec![self.scan(Order::Src, src, &AddressSet::default(), base), received]
            }
        };
        if let ([one, other], true) = (&mut scans[..], ordered) {
            for scan in [one, other] {
                scan.columns = scan.columns | MERGE_COLUMNS;
            }
        }
        let (limit, access) = (self.limit, self.access);
        Lookup { scans, columns, limit, access, sent, after: None, meter }
    }

    /// The addresses by which the flows are found. None if only a look at everything finds them.
    fn leads(&self) -> Option<Ends> {
        let of_filter = self.filter.as_ref().and_then(Predicate::ends);
        let Some(addresses) = self.addresses else {
            let one_end = |ends: &Ends| ends.src.is_empty() || ends.dst.is_empty();
            return of_filter.filter(|ends| one_end(ends) || ends.weight() <= MAX_WEIGHT_OF_TWO);
        };
        // By the addresses of the question, whose order the answer has; the filter may narrow them.
        let (addresses, none) = (AddressSet::from(addresses), AddressSet::default());
        Some(match (self.direction, of_filter) {
            (Direction::Src, Some(Ends { src, dst })) if dst.is_empty() => {
                Ends { src: addresses.intersection(&src), dst }
            }
            (Direction::Dst, Some(Ends { src, dst })) if src.is_empty() => {
                Ends { src, dst: addresses.intersection(&dst) }
            }
            (Direction::Src, _) => Ends { src: addresses, dst: none },
            (Direction::Dst, _) => Ends { src: none, dst: addresses },
            (Direction::Any, _) => Ends { src: addresses.clone(), dst: addresses },
        })
    }

    /// The rows behind a NAT by which the flows are found, where these are less to read than `ends`.
    fn behind_nat(&self, ends: Option<&Ends>) -> Option<NatRows> {
        let rows = self.filter.as_ref().and_then(Predicate::behind_nat)?;
        let is_less = ends.is_none_or(|ends| rows.weight() < ends.weight());
        (self.addresses.is_none() && is_less).then_some(rows)
    }

    /// The scans for the flows that `rows` find; of a port, that of rows that tell none comes first.
    fn scans_behind_nat(&self, rows: &NatRows, base: &Scan) -> Vec<Scan> {
        let base = base.clone().testing(self.predicate());
        let no_port = rows.port.filter(|&port| port > 0).map(|_| Some(0));
        let scan = |port| {
            let scan = base.clone().behind_nat(NatRows { port, ..rows.clone() });
            match self.access {
                Access::Range => scan,
                Access::Filter => Scan { lead: None, port: None, ..scan },
            }
        };
        no_port.into_iter().chain([rows.port]).map(scan).collect()
    }

    /// The scan for the flows that `lead` leads in `order`, but for those that `found` sent.
    fn scan(&self, order: Order, lead: AddressSet, found: &AddressSet, base: Scan) -> Scan {
        let not_found = (!found.is_empty()).then(|| Predicate::not(Predicate::src(found.clone())));
        let rest = self.predicate().given(order, &lead, base.time);
        let rest = Predicate::and([rest].into_iter().chain(not_found));
        match self.access {
            Access::Range => Scan { order, lead: Some(lead), ..base }.testing(rest),
            Access::Filter => {
                Scan { order, ..base }.testing(Predicate::and([order.leads(lead), rest]))
            }
        }
    }

    /// The scan that looks at everything.
    fn whole(&self, base: Scan) -> Scan {
        base.testing(self.predicate())
    }

    /// What holds of every flow that is asked for, but for the time of the question.
    fn predicate(&self) -> Predicate {
        let addresses = self.addresses.map(|addresses| {
            let (src, dst) = (Predicate::src(addresses), Predicate::dst(addresses));
            match self.direction {
                Direction::Src => src,
                Direction::Dst => dst,
                Direction::Any => Predicate::or([src, dst]),
            }
        });
        Predicate::and(addresses.into_iter().chain([self.condition()]))
    }

    /// What holds of every flow that is asked for beside its ends and when it began.
    fn condition(&self) -> Predicate {
        let since = self.time.since.0;
        let alive = (self.alive && since > 0)
            .then(|| Predicate::Number(NumberField::Last, NumberSet::between(since, u64::MAX)));
        Predicate::and(self.filter.clone().into_iter().chain(alive))
    }
}

impl Lookup {
    /// The scans, in the order of the directions; that of no port first.
    pub fn scans(&self) -> &[Scan] {
        &self.scans
    }

    /// At most so many flows are wanted.
    pub fn limit(&self) -> Option<u64> {
        self.limit
    }

    /// How many addresses it reads the flows of, as [`AddressSet::weight`] has it. None if some scan
    /// looks at everything.
    pub fn weight(&self) -> Option<u128> {
        let mut leads = self.scans.iter().map(|scan| scan.lead.as_ref());
        leads.try_fold(0, |sum: u128, lead| Some(sum.saturating_add(lead?.weight())))
    }

    /// This lookup, of rows that may stand for several flows.
    #[must_use]
    pub fn of(mut self, rows: Rows) -> Self {
        self.scans.iter_mut().for_each(|scan| scan.rows = rows);
        self
    }

    /// This lookup, of flows only that began within `time`, too.
    #[must_use]
    pub fn within(mut self, time: TimeRange) -> Self {
        self.scans.iter_mut().for_each(|scan| scan.time = scan.time.and(time));
        self
    }

    /// What was read so far.
    pub fn reading(&self) -> Reading {
        self.meter.reading()
    }
}

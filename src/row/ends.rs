//! What a predicate says of the leading addresses and of the times of the flows that pass it: so
//! much of it can be answered by ranges of row keys.

use super::{AddressField, AddressSet, NatRows, NumberField, NumberSet, Order, Predicate};
use crate::flow::{Column, Family, TimeRange, UnixMillis, is_nat_address, nat_lead};

/// The longest that a flow is kept to have lasted: 49.7 days.
const MAX_DURATION_MS: u64 = u32::MAX as u64;

/// Addresses of which every flow that passes a predicate has one: its source is in `src`, or its
/// destination in `dst`, or both.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ends {
    /// Sources.
    pub src: AddressSet,
    /// Destinations.
    pub dst: AddressSet,
}

impl Ends {
    /// How much there is to read for them, as [`AddressSet::weight`] has it.
    pub fn weight(&self) -> u128 {
        self.src.weight().saturating_add(self.dst.weight())
    }

    /// What passes one or the other of several predicates.
    fn union_of(all: &[Self]) -> Self {
        Self {
            src: AddressSet::union_of(all.iter().map(|ends| &ends.src)),
            dst: AddressSet::union_of(all.iter().map(|ends| &ends.dst)),
        }
    }

    /// The better of what two predicates say that both hold.
    fn intersection(self, other: Self) -> Self {
        // Where both speak of the same end, what is in both is better than either.
        if self.dst.is_empty() && other.dst.is_empty() {
            return Self { src: self.src.intersection(&other.src), dst: AddressSet::default() };
        }
        if self.src.is_empty() && other.src.is_empty() {
            return Self { src: AddressSet::default(), dst: self.dst.intersection(&other.dst) };
        }
        if other.weight() < self.weight() { other } else { self }
    }
}

impl Predicate {
    /// The addresses of which every flow that passes has one, as source or as destination. None if
    /// it says nothing of them.
    pub fn ends(&self) -> Option<Ends> {
        self.ends_unless(false)
    }

    /// Likewise of the flows that pass, or, where `negated`, of those that do not.
    fn ends_unless(&self, negated: bool) -> Option<Ends> {
        match self {
            Self::Family(family) => {
                let other = if *family == Family::V4 { Family::V6 } else { Family::V4 };
                let src = AddressSet::of(if negated { other } else { *family });
                Some(Ends { src, ..Ends::default() })
            }
            Self::Address(field, set) => {
                let set = || if negated { set.complement() } else { set.clone() };
                match field {
                    AddressField::Src => Some(Ends { src: set(), ..Ends::default() }),
                    AddressField::Dst => Some(Ends { dst: set(), ..Ends::default() }),
                    _ => None,
                }
            }
            Self::Number(..)
            | Self::Bits(..)
            | Self::Shown(..)
            | Self::Community(_)
            | Self::Nat(_)
            | Self::Led(_) => None,
            Self::Not(term) => term.ends_unless(!negated),
            Self::And(terms) | Self::Or(terms) => {
                let of_each = terms.iter().map(|term| term.ends_unless(negated));
                if matches!(self, Self::And(_)) == negated {
                    of_each.collect::<Option<Vec<_>>>().map(|all| Ends::union_of(&all))
                } else {
                    of_each.flatten().reduce(Ends::intersection)
                }
            }
        }
    }

    /// The rows in the order of addresses behind a NAT of which every flow that passes has one, where
    /// those of a port are among those of port 0, too. None if it says nothing of such addresses, or
    /// if an unspecified one, which leads no flow, is among them.
    pub fn behind_nat(&self) -> Option<NatRows> {
        let led = |addresses: AddressSet, port| {
            let [v4, v6] = Family::ALL.map(|family| family.address(0));
            let has_none = [v4, v6, nat_lead(v4).into()].iter().any(|&it| addresses.contains(it));
            (!has_none).then_some(NatRows { addresses, port })
        };
        match self {
            Self::Nat(end) => {
                led(end.addresses.into(), end.port.filter(|_| end.addresses.host().is_some()))
            }
            Self::Address(AddressField::Nat, set) => led(set.clone(), None),
            Self::Address(AddressField::Element(id), set) => {
                let is_told = id.enterprise == 0 && is_nat_address(id.number);
                led(set.clone(), None).filter(|_| is_told)
            }
            Self::And(terms) => {
                terms.iter().filter_map(Self::behind_nat).min_by_key(NatRows::weight)
            }
            Self::Or(terms) => {
                let of_each = terms.iter().map(Self::behind_nat);
                let of_each = of_each.collect::<Option<Vec<_>>>().filter(|all| !all.is_empty())?;
                let addresses = of_each.iter().map(|rows| &rows.addresses);
                Some(NatRows { addresses: AddressSet::union_of(addresses), port: None })
            }
            _ => None,
        }
    }

    /// What is still to be tested of a flow that `lead` leads in `order`, and that began in `time`.
    #[must_use]
    pub fn given(&self, order: Order, lead: &AddressSet, time: TimeRange) -> Self {
        match self {
            Self::Address(field, set) if *field == order.lead() => known(self, set, lead),
            Self::Family(family) => known(self, &AddressSet::of(*family), lead),
            Self::Number(NumberField::Column(Column::First), set) => {
                let last = if time.until == UnixMillis::MAX {
                    u64::MAX
                } else {
                    time.until.0.saturating_sub(1)
                };
                if set.covers(time.since.0, last) { Self::ANY } else { self.clone() }
            }
            Self::And(terms) => Self::and(terms.iter().map(|term| term.given(order, lead, time))),
            Self::Or(terms) => Self::or(terms.iter().map(|term| term.given(order, lead, time))),
            Self::Not(term) => Self::not(term.given(order, lead, time)),
            _ => self.clone(),
        }
    }

    /// When every flow that passes began.
    pub fn time(&self) -> TimeRange {
        match self.first(false) {
            None => TimeRange::ALL,
            Some(set) => {
                let none = TimeRange { since: UnixMillis::EPOCH, until: UnixMillis::EPOCH };
                // A range up to the last moment but one has no end that could be told from the end of
                // time, and so holds the last one, too; the predicate sorts that out.
                set.hull().map_or(none, |(first, last)| TimeRange {
                    since: UnixMillis(first),
                    until: UnixMillis(last.saturating_add(1)),
                })
            }
        }
    }

    /// When the flows that pass began, or, where `negated`, those that do not.
    fn first(&self, negated: bool) -> Option<NumberSet> {
        match self {
            Self::Number(NumberField::Column(Column::First), set) => {
                Some(if negated { set.complement() } else { set.clone() })
            }
            // No flow begins after it ended, or longer before that than a column of durations holds.
            Self::Number(NumberField::Last, set) => {
                let set = if negated { &set.complement() } else { set };
                Some(set.hull().map_or_else(NumberSet::default, |(first, last)| {
                    NumberSet::between(first.saturating_sub(MAX_DURATION_MS), last)
                }))
            }
            Self::Not(term) => term.first(!negated),
            Self::And(terms) | Self::Or(terms) => {
                let of_each = terms.iter().map(|term| term.first(negated));
                if matches!(self, Self::And(_)) == negated {
                    of_each.collect::<Option<Vec<_>>>().map(|all| NumberSet::union_of(&all))
                } else {
                    of_each.flatten().reduce(|a, b| a.intersection(&b))
                }
            }
            _ => None,
        }
    }
}

/// What is left of `term`, which says that an address is in `set`, where it is in `lead`.
fn known(term: &Predicate, set: &AddressSet, lead: &AddressSet) -> Predicate {
    let both = set.intersection(lead);
    if both == *lead {
        Predicate::ANY
    } else if both.is_empty() {
        Predicate::NONE
    } else {
        term.clone()
    }
}

//! What a scan can test on a flow inside the store, column by column (predicate pushdown).

use std::collections::{BTreeSet, HashMap};
use std::mem;

use super::field::{Test, by_element};
use super::{AddressField, AddressSet, NatEnd, NatRows, NumberField, NumberSet, Order, Shown};
use crate::flow::{Column, Columns, CommunityId, ElementId, Family, FlowBatch};

/// A test on flows that a store evaluates while it scans.
///
/// [`Self::and`], [`Self::or`] and [`Self::not`] make the simplest form of what they join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Predicate {
    /// Both ends are of this family.
    Family(Family),
    /// The address is one of these.
    Address(AddressField, AddressSet),
    /// The number is one of these.
    Number(NumberField, NumberSet),
    /// The number has all of these bits.
    Bits(NumberField, u64),
    /// The element is shown so.
    Shown(ElementId, Shown),
    /// Its Community ID is one of these.
    Community(BTreeSet<CommunityId>),
    /// It used one of these addresses behind a NAT, or the port there.
    Nat(NatEnd),
    /// It is found by one of these rows. In the order of addresses behind a NAT, where several rows
    /// may be of one flow, only the first of them passes: so it is found once.
    Led(NatRows),
    /// All of them hold; of none: every flow passes.
    And(Vec<Predicate>),
    /// At least one of them holds; of none: no flow passes.
    Or(Vec<Predicate>),
    /// It does not hold.
    Not(Box<Predicate>),
}

impl Predicate {
    /// Every flow passes.
    pub const ANY: Self = Self::And(Vec::new());
    /// No flow passes.
    pub const NONE: Self = Self::Or(Vec::new());

    /// The source is one of these.
    pub fn src<A: Into<AddressSet>>(addresses: A) -> Self {
        Self::Address(AddressField::Src, addresses.into())
    }

    /// The destination is one of these.
    pub fn dst<A: Into<AddressSet>>(addresses: A) -> Self {
        Self::Address(AddressField::Dst, addresses.into())
    }

    /// All of `terms` hold.
    pub fn and(terms: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Vec::new();
        for term in terms {
            match term {
                Self::And(inner) => all.extend(inner),
                Self::Or(inner) if inner.is_empty() => return Self::NONE,
                term => all.push(term),
            }
        }
        Self::one_or(all, Self::And)
    }

    /// At least one of `terms` holds.
    pub fn or(terms: impl IntoIterator<Item = Self>) -> Self {
        let mut some = Vec::new();
        for term in terms {
            match term {
                Self::Or(inner) => some.extend(inner),
                Self::And(inner) if inner.is_empty() => return Self::ANY,
                term => some.push(term),
            }
        }
        Self::one_or(joined(some), Self::Or)
    }

    fn one_or(mut terms: Vec<Self>, many: fn(Vec<Self>) -> Self) -> Self {
        match (terms.pop(), terms.is_empty()) {
            (Some(only), true) => only,
            (last, _) => {
                terms.extend(last);
                many(terms)
            }
        }
    }

    /// `term` does not hold.
    #[expect(clippy::should_implement_trait, reason = "it stands beside `and` and `or`")]
    pub fn not(term: Self) -> Self {
        match term {
            Self::Not(inner) => *inner,
            term if term == Self::ANY => Self::NONE,
            term if term == Self::NONE => Self::ANY,
            term => Self::Not(Box::new(term)),
        }
    }

    /// The terms that must all hold.
    pub fn conjuncts(&self) -> &[Self] {
        match self {
            Self::And(terms) => terms,
            term => std::slice::from_ref(term),
        }
    }

    /// The columns that it reads.
    pub fn columns(&self) -> Columns {
        match self {
            Self::Family(_) => Columns::NONE,
            Self::Address(field, _) => field.columns(),
            Self::Number(field, _) | Self::Bits(field, _) => field.columns(),
            Self::Shown(..) | Self::Nat(_) => Columns::of(&[Column::Extras]),
            Self::Community(_) => Columns::of(&[
                Column::Src,
                Column::Dst,
                Column::SrcPort,
                Column::DstPort,
                Column::Protocol,
            ]),
            Self::And(terms) | Self::Or(terms) => {
                terms.iter().fold(Columns::NONE, |columns, term| columns | term.columns())
            }
            Self::Led(_) => Order::Nat.lead_columns() | Columns::of(&[Column::Extras]),
            Self::Not(term) => term.columns(),
        }
    }

    /// Whether each row of `batch`, which has the columns of [`Self::columns`], passes.
    pub fn evaluate(&self, batch: &FlowBatch) -> Vec<bool> {
        match self {
            Self::Family(family) => vec![*family == batch.family(); batch.len()],
            Self::Address(field, set) => field.test(batch, set),
            Self::Number(field, set) => field.test(batch, Test::In(set)),
            Self::Bits(field, bits) => field.test(batch, Test::Has(*bits)),
            Self::Community(ids) => {
                CommunityId::of_each(batch).map(|id| ids.contains(&id)).collect()
            }
            Self::Nat(end) => {
                let used = |row| end.used_by(batch.extras.get(row)).is_some();
                (0..batch.len()).map(used).collect()
            }
            Self::Led(rows) => {
                let passes = |row| {
                    let found = rows.found_by(batch.extras.get(row));
                    found.is_some_and(|by| batch.nat_lead(row).is_none_or(|lead| lead == by))
                };
                (0..batch.len()).map(passes).collect()
            }
            Self::Shown(element, shown) => by_element(batch, *element, |value| shown.is(value)),
            Self::And(terms) => join(terms, batch, true, |all, pass| all & pass),
            Self::Or(terms) => join(terms, batch, false, |any, pass| any | pass),
            Self::Not(term) => {
                let mut passes = term.evaluate(batch);
                for pass in &mut passes {
                    *pass = !*pass;
                }
                passes
            }
        }
    }
}

/// `terms`, of which one must hold, with one in place of all that ask the same field for sets: for
/// what is in any of these.
fn joined(terms: Vec<Predicate>) -> Vec<Predicate> {
    let mut addresses: HashMap<AddressField, Vec<AddressSet>> = HashMap::new();
    let mut numbers: HashMap<NumberField, Vec<NumberSet>> = HashMap::new();
    let mut communities = BTreeSet::new();
    for term in &terms {
        match term {
            Predicate::Address(field, set) => {
                addresses.entry(*field).or_default().push(set.clone());
            }
            Predicate::Number(field, set) => numbers.entry(*field).or_default().push(set.clone()),
            Predicate::Community(ids) => communities.extend(ids),
            _ => {}
        }
    }
    let one_of_each = |term| match term {
        // The first of them stands for all.
        Predicate::Address(field, _) => {
            let sets = addresses.remove(&field)?;
            Some(Predicate::Address(field, AddressSet::union_of(&sets)))
        }
        Predicate::Number(field, _) => {
            let sets = numbers.remove(&field)?;
            Some(Predicate::Number(field, NumberSet::union_of(&sets)))
        }
        Predicate::Community(_) => {
            let ids = mem::take(&mut communities);
            (!ids.is_empty()).then_some(Predicate::Community(ids))
        }
        other => Some(other),
    };
    terms.into_iter().filter_map(one_of_each).collect()
}

impl Order {
    /// The address that leads in this order.
    pub const fn lead(self) -> AddressField {
        match self {
            Self::Src => AddressField::Src,
            Self::Dst => AddressField::Dst,
            Self::Nat => AddressField::Nat,
        }
    }

    /// One of `addresses` leads in this order.
    pub const fn leads(self, addresses: AddressSet) -> Predicate {
        match self {
            Self::Src => Predicate::Address(AddressField::Src, addresses),
            Self::Dst => Predicate::Address(AddressField::Dst, addresses),
            Self::Nat => Predicate::Led(NatRows { addresses, port: None }),
        }
    }
}

fn join(
    terms: &[Predicate],
    batch: &FlowBatch,
    of_none: bool,
    both: fn(bool, bool) -> bool,
) -> Vec<bool> {
    let Some((first, rest)) = terms.split_first() else { return vec![of_none; batch.len()] };
    let mut passes = first.evaluate(batch);
    for term in rest {
        for (pass, of_term) in passes.iter_mut().zip(term.evaluate(batch)) {
            *pass = both(mem::take(pass), of_term);
        }
    }
    passes
}

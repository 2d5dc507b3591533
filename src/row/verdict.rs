//! What the bounds of a page say of the rows in it, before any of them is read (page pruning by
//! zone maps).

use super::{AddressField, AddressRange, AddressSet, NumberField, NumberSet, Predicate};
use crate::flow::{Column, Family, Protocol};

/// How many rows pass a predicate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// None of them.
    None,
    /// Nobody knows.
    Some,
    /// All of them.
    All,
}

/// The least and the greatest value of a column among some rows, unsigned, and addresses as
/// numbers. None where nobody knows.
pub type Bounds = (u128, u128);

impl Predicate {
    /// How many rows of `family` pass, as far as the bounds of their columns tell.
    pub fn verdict(&self, family: Family, bounds: &impl Fn(Column) -> Option<Bounds>) -> Verdict {
        match self {
            Self::Family(of) => all_or_none(*of == family),
            Self::Address(field, set) => {
                let column = match field {
                    AddressField::Src => Column::Src,
                    AddressField::Dst => Column::Dst,
                    _ => return Verdict::Some,
                };
                bounds(column).map_or(Verdict::Some, |bounds| of_addresses(set, family, bounds))
            }
            Self::Number(field, set) => of_number(*field, set, bounds),
            Self::Bits(NumberField::Column(Column::TcpFlags), _) => {
                of_protocol(bounds, |p| p == Protocol::TCP)
            }
            Self::Bits(..) | Self::Shown(..) | Self::Community(_) | Self::Nat(_) | Self::Led(_) => {
                Verdict::Some
            }
            Self::And(terms) => {
                let of_terms = terms.iter().map(|term| term.verdict(family, bounds));
                of_terms.min().unwrap_or(Verdict::All)
            }
            Self::Or(terms) => {
                let of_terms = terms.iter().map(|term| term.verdict(family, bounds));
                of_terms.max().unwrap_or(Verdict::None)
            }
            Self::Not(term) => match term.verdict(family, bounds) {
                Verdict::None => Verdict::All,
                Verdict::Some => Verdict::Some,
                Verdict::All => Verdict::None,
            },
        }
    }
}

const fn all_or_none(all: bool) -> Verdict {
    if all { Verdict::All } else { Verdict::None }
}

fn of_addresses(set: &AddressSet, family: Family, (first, last): Bounds) -> Verdict {
    if first > last || last > family.max_bits() {
        return Verdict::Some;
    }
    let range = AddressRange::of_bits(family, first, last);
    match (set.meets(&range), set.covers(&range)) {
        (false, _) => Verdict::None,
        (true, true) => Verdict::All,
        (true, false) => Verdict::Some,
    }
}

fn of_number(
    field: NumberField,
    set: &NumberSet,
    bounds: &impl Fn(Column) -> Option<Bounds>,
) -> Verdict {
    let column = match field {
        NumberField::Column(Column::TcpFlags) => {
            return of_protocol(bounds, |p| p == Protocol::TCP);
        }
        NumberField::Column(column) => column,
        NumberField::IcmpType | NumberField::IcmpCode => {
            return of_protocol(bounds, Protocol::is_icmp);
        }
        NumberField::Last => {
            return match (bounds(Column::First), bounds(Column::Duration)) {
                (Some(first), Some(duration)) => {
                    within(set, (first.0 + duration.0, first.1 + duration.1))
                }
                _ => Verdict::Some,
            };
        }
        _ => return Verdict::Some,
    };
    bounds(column).map_or(Verdict::Some, |bounds| within(set, bounds))
}

fn within(set: &NumberSet, (least, greatest): Bounds) -> Verdict {
    let bits = |number| u64::try_from(number).unwrap_or(u64::MAX);
    let (least, greatest) = (bits(least), bits(greatest));
    match (set.meets(least, greatest), set.covers(least, greatest)) {
        (false, _) => Verdict::None,
        (true, true) => Verdict::All,
        (true, false) => Verdict::Some,
    }
}

/// What can be said of a field that only some protocols have: nothing where one may be there.
fn of_protocol(
    bounds: &impl Fn(Column) -> Option<Bounds>,
    has: impl Fn(Protocol) -> bool,
) -> Verdict {
    let Some((least, greatest)) = bounds(Column::Protocol) else { return Verdict::Some };
    let any =
        (0..=u8::MAX).filter(|&p| (least..=greatest).contains(&p.into())).any(|p| has(Protocol(p)));
    if any { Verdict::Some } else { Verdict::None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::flow::{FlowBatch, FlowRecord, Origin, UnixMillis};

    fn any_predicate() -> impl Strategy<Value = Predicate> {
        let field = prop::sample::select(vec![
            NumberField::Column(Column::Protocol),
            NumberField::Column(Column::DstPort),
            NumberField::Column(Column::Octets),
            NumberField::Column(Column::Duration),
            NumberField::Column(Column::First),
            NumberField::Last,
            NumberField::Column(Column::TcpFlags),
            NumberField::IcmpType,
            NumberField::BytesPerPacket,
        ]);
        let number = (field, 0u64..9, 0u64..9).prop_map(|(field, a, b)| {
            Predicate::Number(field, NumberSet::between(a.min(b), a.max(b)))
        });
        let address = (any::<bool>(), 0u128..9, 0u128..9).prop_map(|(src, a, b)| {
            let range = AddressRange::of_bits(Family::V4, a.min(b), a.max(b));
            if src { Predicate::src(range) } else { Predicate::dst(range) }
        });
        let bits =
            (0u64..4).prop_map(|bits| Predicate::Bits(NumberField::Column(Column::TcpFlags), bits));
        let family = prop::sample::select(Family::ALL.to_vec()).prop_map(Predicate::Family);
        let term = prop_oneof![4 => number, 3 => address, 1 => bits, 1 => family];
        term.prop_recursive(3, 8, 3, |term| {
            let terms = || prop::collection::vec(term.clone(), 0..3);
            prop_oneof![
                terms().prop_map(Predicate::and),
                terms().prop_map(Predicate::or),
                term.clone().prop_map(Predicate::not),
            ]
        })
    }

    fn any_flow() -> impl Strategy<Value = FlowRecord> {
        (0u128..9, 0u128..9, 0u64..9, 0u32..4, 0u64..9, prop::sample::select(vec![1, 6, 17]))
            .prop_map(|(src, dst, first, duration_ms, octets, protocol)| FlowRecord {
                src: Family::V4.address(src),
                dst: Family::V4.address(dst),
                first: UnixMillis(first),
                duration_ms,
                octets,
                packets: 1,
                protocol: Protocol(protocol),
                tcp_flags: 3,
                dst_port: octets as u16,
                ..FlowBatch::new(Family::V4).record(0)
            })
    }

    proptest! {
        #[test]
        fn a_verdict_is_never_wrong(
            flows in prop::collection::vec(any_flow(), 1..4), predicate in any_predicate(), known in any::<u32>(),
        ) {
            let mut batch = FlowBatch::new(Family::V4);
            for flow in &flows {
                batch.push(flow, 0, Origin(0));
            }
            let bounds = |column: Column| {
                let value = |flow: &FlowRecord| -> Option<u128> { Some(match column {
                    Column::Src => crate::flow::address_bits(flow.src),
                    Column::Dst => crate::flow::address_bits(flow.dst),
                    Column::First => flow.first.0.into(),
                    Column::Duration => flow.duration_ms.into(),
                    Column::Octets => flow.octets.into(),
                    Column::DstPort => flow.dst_port.into(),
                    Column::Protocol => flow.protocol.0.into(),
                    _ => return None,
                }) };
                let values = || flows.iter().filter_map(value);
                (known & 1 << column as u32 != 0).then_some((values().min()?, values().max()?))
            };
            let passes = predicate.evaluate(&batch);
            match predicate.verdict(Family::V4, &bounds) {
                Verdict::None => prop_assert!(!passes.contains(&true)),
                Verdict::Some => {}
                Verdict::All => prop_assert!(!passes.contains(&false)),
            }
        }
    }
}

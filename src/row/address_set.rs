//! Sets of addresses of both families.

use std::net::IpAddr;
use std::sync::Arc;

use super::{AddressRange, RangeSet};
use crate::flow::{Addresses, Family, address_bits, canonical, nat_lead};

/// Addresses of both families. Clones share them.
///
/// `Display` is as the filter language has it: one address or block, several and ranges in
/// brackets, or the file that they were read from behind an `@`.
#[derive(Debug, Clone, Default)]
pub struct AddressSet {
    v4: RangeSet<u32>,
    v6: RangeSet<u128>,
    file: Option<Arc<str>>,
}

impl PartialEq for AddressSet {
    /// Where they were read from makes no difference.
    fn eq(&self, other: &Self) -> bool {
        self.v4 == other.v4 && self.v6 == other.v6
    }
}

impl Eq for AddressSet {}

impl AddressSet {
    /// The addresses of `ranges`, which come in any order.
    pub fn new(ranges: impl IntoIterator<Item = AddressRange>) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for range in ranges {
            let (first, last) = range.bits();
            match range.family() {
                Family::V4 => v4.push((first as u32, last as u32)),
                Family::V6 => v6.push((first, last)),
            }
        }
        Self { v4: RangeSet::new(v4), v6: RangeSet::new(v6), file: None }
    }

    /// Every address of `family`.
    pub fn of(family: Family) -> Self {
        AddressRange::all(family).into()
    }

    /// All addresses, in parts that begin with each of `cuts`, in rising order.
    pub(crate) fn between(cuts: &[IpAddr]) -> Vec<Self> {
        let of_family = |family| {
            let bits = cuts.iter().filter(move |&&cut| Family::of(cut) == family).copied();
            let mut starts: Vec<u128> = bits.map(address_bits).chain([0]).collect();
            starts.sort_unstable();
            starts.dedup();
            let ends: Vec<u128> = starts.iter().skip(1).map(|next| next - 1).collect();
            let ends = ends.into_iter().chain([family.max_bits()]);
            let range = move |(first, last)| AddressRange::of_bits(family, first, last).into();
            starts.into_iter().zip(ends).map(range).collect::<Vec<Self>>()
        };
        Family::ALL.into_iter().flat_map(of_family).collect()
    }

    /// Every address of both families.
    pub fn all() -> Self {
        Self::new(Family::ALL.map(AddressRange::all))
    }

    /// This set, with the file that it was read from.
    #[must_use]
    pub fn read_from(self, file: &str) -> Self {
        Self { file: Some(file.into()), ..self }
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// Whether it holds nothing of `family`.
    pub fn lacks(&self, family: Family) -> bool {
        match family {
            Family::V4 => self.v4.is_empty(),
            Family::V6 => self.v6.is_empty(),
        }
    }

    /// Whether it holds all or nothing of each family.
    pub fn is_of_families(&self) -> bool {
        (self.v4.is_empty() || self.v4 == RangeSet::all())
            && (self.v6.is_empty() || self.v6 == RangeSet::all())
    }

    /// Of how many ranges it is.
    pub fn len(&self) -> usize {
        self.v4.ranges().len() + self.v6.ranges().len()
    }

    /// How large a part of a family's addresses it holds, of 2¹²⁸ for IPv6: a measure of how much a
    /// scan of them has to read, since an IPv4 address is as busy as a whole block of IPv6.
    pub fn weight(&self) -> u128 {
        let v4 = self.v4.count().checked_shl(96).filter(|&weight| weight > 0);
        let v4 = if self.v4.is_empty() { 0 } else { v4.unwrap_or(u128::MAX) };
        v4.saturating_add(self.v6.count())
    }

    /// Whether `address` is in the set.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.meets(&address.into())
    }

    /// Whether `address` is in the set, as it is or as questions have it, where those of IPv4 are
    /// never in the form of IPv6.
    pub(crate) fn has(&self, address: IpAddr) -> bool {
        self.contains(address) || self.contains(canonical(address))
    }

    /// Whether any address of `range` is in the set.
    pub fn meets(&self, range: &AddressRange) -> bool {
        let (first, last) = range.bits();
        match range.family() {
            Family::V4 => self.v4.meets(first as u32, last as u32),
            Family::V6 => self.v6.meets(first, last),
        }
    }

    /// Whether every address of `range` is in the set.
    pub fn covers(&self, range: &AddressRange) -> bool {
        let (first, last) = range.bits();
        match range.family() {
            Family::V4 => self.v4.covers(first as u32, last as u32),
            Family::V6 => self.v6.covers(first, last),
        }
    }

    /// Its ranges in ascending order, those of IPv4 first.
    pub fn ranges(&self) -> impl Iterator<Item = AddressRange> + '_ {
        self.ranges_of(Family::V4).chain(self.ranges_of(Family::V6))
    }

    /// Its ranges of `family` in ascending order.
    pub fn ranges_of(&self, family: Family) -> impl Iterator<Item = AddressRange> + '_ {
        let (v4, v6) = match family {
            Family::V4 => (self.v4.ranges(), &[][..]),
            Family::V6 => (&[][..], self.v6.ranges()),
        };
        let range = move |first, last| AddressRange::of_bits(family, first, last);
        let v4 = v4.iter().map(move |&(first, last)| range(first.into(), last.into()));
        v4.chain(v6.iter().map(move |&(first, last)| range(first, last)))
    }

    /// From the least to the greatest address of `family`.
    pub fn hull(&self, family: Family) -> Option<AddressRange> {
        let (first, last) = match family {
            Family::V4 => self.v4.hull().map(|(first, last)| (first.into(), last.into()))?,
            Family::V6 => self.v6.hull()?,
        };
        Some(AddressRange::of_bits(family, first, last))
    }

    /// The one address, if it holds only one.
    pub fn host(&self) -> Option<IpAddr> {
        if self.len() != 1 {
            return None;
        }
        self.ranges().next()?.host()
    }

    /// What is in any of `sets`.
    pub fn union_of<'a>(sets: impl IntoIterator<Item = &'a Self>) -> Self {
        let sets: Vec<&Self> = sets.into_iter().filter(|set| !set.is_empty()).collect();
        match sets[..] {
            [only] => only.clone(),
            _ => Self {
                v4: RangeSet::union_of(sets.iter().map(|set| &set.v4)),
                v6: RangeSet::union_of(sets.iter().map(|set| &set.v6)),
                file: None,
            },
        }
    }

    /// What is in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self {
            v4: self.v4.intersection(&other.v4),
            v6: self.v6.intersection(&other.v6),
            file: None,
        }
    }

    /// What is not in the set.
    #[must_use]
    pub fn complement(&self) -> Self {
        Self { v4: self.v4.complement(), v6: self.v6.complement(), file: None }
    }

    /// This set as addresses lead rows in the order of those behind a NAT: IPv4 in the form of IPv6.
    #[must_use]
    pub fn as_nat_leads(&self) -> Self {
        let mapped = |range: AddressRange| {
            let bits = |address| nat_lead(address).into();
            AddressRange::of_bits(Family::V6, bits(range.first()), bits(range.last()))
        };
        Self::new(self.ranges().map(mapped))
    }

    /// This set with addresses of IPv4 in the form of IPv6 as those of IPv4.
    #[must_use]
    pub fn canonical(&self) -> Self {
        let mapped = Self::of(Family::V4).as_nat_leads();
        let v4 = self.intersection(&mapped);
        let v4 = v4.ranges().map(|range| {
            let (first, last) = range.bits();
            let low = Family::V4.max_bits();
            AddressRange::of_bits(Family::V4, first & low, last & low)
        });
        Self::union_of([&Self::new(v4), &self.intersection(&mapped.complement())])
    }

    /// A set of at most `most` ranges (at least 1) of each family that holds this one.
    #[must_use]
    pub fn coarsened(&self, most: usize) -> Self {
        Self { v4: self.v4.coarsened(most), v6: self.v6.coarsened(most), file: None }
    }

    /// Whether each of `addresses` is in the set.
    pub fn test(&self, addresses: &Addresses) -> Vec<bool> {
        match addresses {
            Addresses::V4(addresses) => self.v4.test(addresses.iter().copied()),
            Addresses::V6(addresses) => self.v6.test(addresses.iter().copied()),
        }
    }

    /// The file that it was read from, if it is as it was read.
    pub(super) fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }
}

impl From<AddressRange> for AddressSet {
    fn from(range: AddressRange) -> Self {
        Self::new([range])
    }
}

impl From<IpAddr> for AddressSet {
    fn from(host: IpAddr) -> Self {
        AddressRange::from(host).into()
    }
}

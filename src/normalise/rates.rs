//! How exporters sample, as a user says it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::flow::{Sampling, canonical};

/// What a user says of one exporter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// One packet of so many is seen.
    pub interval: u32,
    /// Whether that counts more than what the exporter tells; else it goes where that tells none.
    pub overrides: bool,
}

impl Rate {
    /// What counts beside what the exporter `told`.
    #[inline]
    fn beside(self, told: Sampling) -> Sampling {
        if self.overrides || told.interval == 0 {
            Sampling { interval: self.interval, ..told }
        } else {
            told
        }
    }
}

/// What a user says of exporters, by their addresses as flows have them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rates(Arc<HashMap<IpAddr, Rate>>);

impl Rates {
    /// How packets were sampled that `exporter` `told` of so.
    #[inline]
    pub(super) fn applied(&self, exporter: IpAddr, told: Sampling) -> Sampling {
        self.of(exporter).map_or(told, |rate| rate.beside(told))
    }

    /// What is said of `exporter`, if anything is.
    #[inline]
    fn of(&self, exporter: IpAddr) -> Option<Rate> {
        if self.0.is_empty() { None } else { self.0.get(&canonical(exporter)).copied() }
    }
}

impl FromIterator<(IpAddr, Rate)> for Rates {
    fn from_iter<I: IntoIterator<Item = (IpAddr, Rate)>>(rates: I) -> Self {
        let rates = rates.into_iter().map(|(exporter, rate)| (canonical(exporter), rate));
        Self(Arc::new(rates.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_user_says_goes_where_nothing_is_told_or_where_it_is_forced() {
        let exporter = IpAddr::from([192, 0, 2, 1]);
        let told = |interval| Sampling { mode: 2, interval };
        for (overrides, expected) in [(false, [500, 1, 1000]), (true, [500; 3])] {
            let rates: Rates =
                [(exporter, Rate { interval: 500, overrides })].into_iter().collect();
            assert_eq!(rates.of([192, 0, 2, 2].into()), None);
            // An address of IPv4 in the form of IPv6 is the same.
            let rate = rates.of("::ffff:192.0.2.1".parse().unwrap()).unwrap();
            assert_eq!([0, 1, 1000].map(|interval| rate.beside(told(interval)).interval), expected);
        }
    }
}

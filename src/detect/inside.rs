//! Which hosts are one's own.

use std::net::IpAddr;

use crate::row::{AddressRange, AddressSet};

/// Addresses that nobody has on the Internet: of RFC 1918, RFC 6598, RFC 4193 and of links.
const PRIVATE: [&str; 7] = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "fc00::/7",
    "fe80::/10",
];

/// The addresses that are one's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inside(AddressSet);

impl Default for Inside {
    /// Private ones.
    fn default() -> Self {
        let ranges = PRIVATE.iter().filter_map(|block| crate::query::parse_addresses(block).ok());
        Self::of(ranges)
    }
}

impl Inside {
    /// The usual ones as a filter has them, of who is sent to.
    pub const PRIVATE: &str = "dst ip in [10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 100.64.0.0/10 \
                               169.254.0.0/16 fc00::/7 fe80::/10]";

    /// Those of `ranges`.
    pub fn of(ranges: impl IntoIterator<Item = AddressRange>) -> Self {
        Self(AddressSet::new(ranges))
    }

    /// Whether `host` is one's own.
    pub fn has(&self, host: IpAddr) -> bool {
        self.0.contains(host)
    }
}

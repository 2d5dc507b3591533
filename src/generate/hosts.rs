//! The hosts of the made-up world, and the routes to them.
//!
//! Inside are the customers of a provider; outside is the rest of the Internet. Mask, AS, next hop
//! and interface follow from the prefix that an address is in, as in a router's table.

use std::net::Ipv4Addr;

use super::random::{Random, Weighted, scale};

/// The host of the documentation's examples; every capture of some size has it.
pub const EXAMPLE_HOST: Ipv4Addr = Ipv4Addr::new(122, 166, 26, 132);

/// The customers' networks, each a /16.
const INSIDE: [u32; 4] = [0x7aa6_0000, 0x7aa7_0000, 0x7aab_0000, 0x75c8_0000];
const INSIDE_HOSTS: u32 = 20_000;
/// A customer has a /22.
const CUSTOMER_BITS: u32 = 10;
const CUSTOMERS: u32 = INSIDE.len() as u32 * (1 << (16 - CUSTOMER_BITS));

const OUTSIDE_PREFIXES: u32 = 4096;
const OUTSIDE_AS: u32 = 2000;
const PEERS: u32 = 24;

/// What a router knows of an address.
#[derive(Debug, Clone, Copy)]
pub(super) struct Route {
    pub(super) mask: u8,
    pub(super) asn: u16,
    pub(super) next_hop: u32,
    pub(super) interface: u16,
}

/// A host, and how it is reached.
#[derive(Debug, Clone, Copy)]
pub(super) struct Host {
    pub(super) address: u32,
    pub(super) route: Route,
}

/// Hosts of customers.
#[derive(Debug)]
pub(super) struct Inside {
    addresses: Vec<u32>,
    popularity: Weighted,
    customers: Vec<Route>,
}

/// Hosts of everybody else.
#[derive(Debug)]
pub(super) struct Outside {
    prefixes: Vec<Prefix>,
    popularity: Weighted,
}

#[derive(Debug, Clone, Copy)]
struct Prefix {
    base: u32,
    hosts: u32,
    route: Route,
}

impl Inside {
    pub(super) fn new(random: &mut Random) -> Self {
        let customers = (0..CUSTOMERS)
            .map(|customer| Route {
                mask: if random.chance(192) { 22 } else { 24 },
                // A router gives 0 for its own AS; few customers have one.
                asn: if random.chance(32) { random.between(1000, 60_000) as u16 } else { 0 },
                next_hop: 0x0a40_0001 + customer * 4,
                interface: 200 + customer as u16,
            })
            .collect();
        // An odd factor makes a permutation of the 2¹⁶ host numbers of a network.
        let factor = random.below(1 << 15) * 2 + 1;
        let mut addresses: Vec<u32> = (0_u32..)
            .map(|index| INSIDE[index as usize % 4] + (index / 4).wrapping_mul(factor) % 65_536)
            .filter(|address| !matches!(address & 0xff, 0 | 255))
            .take(INSIDE_HOSTS as usize)
            .collect();
        if !addresses.contains(&EXAMPLE_HOST.into()) {
            addresses[INSIDE_HOSTS as usize / 2] = EXAMPLE_HOST.into();
        }
        Self { addresses, popularity: Weighted::popularity(INSIDE_HOSTS), customers }
    }

    /// A host of a customer of which nothing is heard by itself.
    pub(super) fn idle(&self, random: &mut Random) -> Host {
        loop {
            let address = INSIDE[random.below(4) as usize] + random.below(65_536);
            if !matches!(address & 0xff, 0 | 255) && !self.addresses.contains(&address) {
                return self.host(address);
            }
        }
    }

    /// A host, the popular ones more often.
    #[inline]
    pub(super) fn draw(&self, random: &mut Random) -> Host {
        self.host(self.addresses[self.popularity.draw(random)])
    }

    /// A host, each as often as any other.
    #[inline]
    pub(super) fn any(&self, random: &mut Random) -> Host {
        self.host(self.addresses[random.below(INSIDE_HOSTS) as usize])
    }

    /// Whether the address is of a customer.
    pub(super) fn has(address: u32) -> bool {
        INSIDE.iter().any(|network| network >> 16 == address >> 16)
    }

    /// One of the hosts that serve; popular ones more often.
    #[inline]
    pub(super) fn server(&self, random: &mut Random) -> Host {
        let place = self.popularity.draw(random) / 16 * 16;
        self.host(self.addresses[place])
    }

    /// The host with this address, which must be inside.
    #[inline]
    pub(super) fn host(&self, address: u32) -> Host {
        Host { address, route: self.customers[customer(address) as usize] }
    }
}

/// The customer whose host has this address.
#[inline]
pub(super) fn customer(address: u32) -> u32 {
    let network = INSIDE.iter().position(|network| network >> 16 == address >> 16).unwrap_or(0);
    (network as u32) << (16 - CUSTOMER_BITS) | (address & 0xffff) >> CUSTOMER_BITS
}

impl Outside {
    pub(super) fn new(random: &mut Random) -> Self {
        let numbers: Vec<u16> = (0..OUTSIDE_AS).map(|_| random.between(1, 64_495) as u16).collect();
        let networks = distinct_networks(random);
        let prefixes = networks
            .into_iter()
            .map(|network| {
                let mask = random.one_of(&[24, 24, 24, 24, 23, 22, 22, 21, 20, 19, 18, 16]);
                let size = 1_u32 << (32 - mask);
                let asn = random.below(OUTSIDE_AS);
                let peer = asn * 7 % PEERS;
                Prefix {
                    base: network + random.below(65_536 / size) * size,
                    hosts: random.between(16, (size - 2).min(600)),
                    route: Route {
                        mask,
                        asn: numbers[asn as usize],
                        next_hop: 0x0a80_0001 + peer * 4,
                        interface: 10 + peer as u16,
                    },
                }
            })
            .collect();
        Self { prefixes, popularity: Weighted::popularity(OUTSIDE_PREFIXES) }
    }

    /// A host, each about as often as any other.
    pub(super) fn any(&self, random: &mut Random) -> Host {
        let prefix = &self.prefixes[random.below(OUTSIDE_PREFIXES) as usize];
        prefix.host(random.below(prefix.hosts))
    }

    /// A host, the popular ones more often.
    #[inline]
    pub(super) fn draw(&self, random: &mut Random) -> Host {
        let prefix = &self.prefixes[self.popularity.draw(random)];
        let bits = random.next() >> 32;
        prefix.host(scale((bits * bits) >> 32, prefix.hosts))
    }
}

impl Prefix {
    #[inline]
    fn host(&self, index: u32) -> Host {
        // Hosts lie scattered in their prefix: the prime shares no factor with any size − 2.
        let size = 1_u32 << (32 - self.route.mask);
        let address = self.base + 1 + index * 7919 % (size - 2);
        Host { address, route: self.route }
    }
}

/// As many /16 networks as there are prefixes outside, none of them inside or reserved.
fn distinct_networks(random: &mut Random) -> Vec<u32> {
    let usable = |network: u32| {
        let (high, low) = (network >> 8, network & 0xff);
        !matches!(
            (high, low),
            (0 | 10 | 100 | 127 | 224.., _)
                | (169, 254)
                | (172, 16..=31)
                | (192, 0 | 88 | 168)
                | (198, 18 | 19 | 51)
                | (203, 0)
        ) && !INSIDE.contains(&(network << 16))
    };
    let factor = random.below(1 << 15) * 2 + 1;
    (1..65_536_u32)
        .map(|index| index.wrapping_mul(factor) % 65_536)
        .filter(|&network| usable(network))
        .take(OUTSIDE_PREFIXES as usize)
        .map(|network| network << 16)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn an_address_has_one_route() {
        let random = &mut Random::new(7, 0);
        let (inside, outside) = (Inside::new(random), Outside::new(random));
        let mut routes = HashMap::new();
        for _ in 0..200_000 {
            for host in [inside.draw(random), outside.draw(random)] {
                let mask = u32::MAX << (32 - host.route.mask.min(22));
                let route = (host.route.mask, host.route.asn, host.route.next_hop);
                let known = *routes.entry(host.address & mask).or_insert(route);
                assert_eq!(known, route, "{}", Ipv4Addr::from(host.address));
            }
        }
    }

    #[test]
    fn few_hosts_are_popular_and_many_are_seen() {
        let random = &mut Random::new(7, 0);
        let outside = Outside::new(random);
        let mut seen: HashMap<u32, u32> = HashMap::new();
        for _ in 0..1_000_000 {
            *seen.entry(outside.draw(random).address).or_default() += 1;
        }
        assert!((150_000..1_000_000).contains(&seen.len()), "{} hosts", seen.len());
        assert!(seen.values().max().unwrap() > &1000);
    }

    #[test]
    fn the_example_host_is_inside() {
        let inside = Inside::new(&mut Random::new(1, 0));
        assert!(inside.addresses.contains(&EXAMPLE_HOST.into()));
        assert_eq!(inside.host(EXAMPLE_HOST.into()).address, u32::from(EXAMPLE_HOST));
    }
}

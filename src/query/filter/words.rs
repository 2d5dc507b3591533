//! The words of the language, and which one was meant by a word that is none.

use crate::flow::Protocol;

/// Words that stand between terms and values.
const BETWEEN: [&str; 5] = ["and", "or", "not", "in", "has"];

/// Words that a term begins with, or has.
#[rustfmt::skip]
pub(super) const FIELDS: [&str; 78] = [
    "any", "ipv4", "ipv6", "inet", "inet6",
    "src", "dst", "out", "ingress", "egress", "nat", "next", "bgp", "prev", "router",
    "exporter", "min", "max", "ip", "host", "net", "port", "as", "mask", "tos",
    "if", "vlan", "vrf", "mac", "bytes", "octets", "packets", "flows", "ttl", "proto",
    "protocol", "flags", "duration", "pps", "bps", "bpp", "icmp-type", "icmp-code", "engine-type", "engine-id",
    "engine", "sampling", "fwdstat", "flowdir", "ethertype", "first", "last", "seen", "mpls", "observation",
    "element", "tcp", "udp", "icmp", "icmp6", "gre", "esp", "sctp", "include", "type",
    "event", "xevent", "asa", "nel", "community", "country", "city", "asname", "network", "role",
    "site", "tenant", "hostname",
];

/// Names of protocols that stand for a term by themselves.
pub(super) const PROTOCOLS: [&str; 16] = [
    "tcp", "udp", "icmp", "icmp6", "icmpv6", "igmp", "gre", "esp", "ah", "sctp", "ospf", "eigrp",
    "ipip", "pim", "vrrp", "l2tp",
];

/// The protocol that `word`, in small letters, is as a term.
pub(super) fn protocol(word: &str) -> Option<Protocol> {
    match word {
        "icmpv6" => Some(Protocol::ICMP6),
        _ if PROTOCOLS.contains(&word) => Protocol::named(word),
        _ => None,
    }
}

/// The word of the language that `word`, in small letters, may be a slip of.
pub(super) fn suggested(word: &str) -> Option<&'static str> {
    // One that only stands in the wrong place is none.
    let mut words = BETWEEN.into_iter().chain(FIELDS);
    if words.clone().any(|known| known == word) { None } else { nearest(word, &mut words) }
}

/// The one of `known` that `word` may be a slip of: in one letter of a short word, in two of a
/// longer one.
pub(super) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // No word is so long, and to compare very long ones takes long.
    if word.len() > 64 {
        return None;
    }
    let word = word.to_ascii_lowercase();
    let most = match word.chars().count() {
        0 | 1 => 0,
        2..=4 => 1,
        _ => 2,
    };
    known
        .filter_map(|known| {
            let slips = strsim::damerau_levenshtein(&word, &known.to_ascii_lowercase());
            // Of two that are equally near, the one that begins alike.
            let begins = known.chars().next().is_some_and(|first| word.starts_with(first));
            (1..=most).contains(&slips).then_some((slips, !begins, known))
        })
        .min()
        .map(|(.., known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_told_from_a_strange_word() {
        for (word, suggestion) in [
            ("ipp", Some("ip")),
            ("prot", Some("port")),
            ("protco", Some("proto")),
            ("in", None),
            ("packet", Some("packets")),
            ("durration", Some("duration")),
            ("srcport", None),
            ("x", None),
            ("colour", None),
        ] {
            assert_eq!(suggested(word), suggestion, "{word}");
        }
    }
}

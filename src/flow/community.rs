//! Community ID: a short text for a conversation, the same in every tool that makes one of it.
//!
//! Version 1, as <https://github.com/corelight/community-id-spec> has it.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha1::{Digest, Sha1};

use super::{FlowBatch, FlowRecord, Protocol};

/// What a text begins with: the version.
const VERSION: &str = "1:";
/// What tools take where nobody tells them another one.
const DEFAULT_SEED: u16 = 0;
const DIGEST_BYTES: usize = 20;

/// The ID of a conversation, by which Zeek, Suricata, Arkime and Elastic join events. Both
/// directions have the same; it says nothing of times, so later conversations of the same ends
/// have it, too.
///
/// ```
/// use earlgrey_hbase::flow::{CommunityId, FlowRecord, Protocol};
///
/// let flow = FlowRecord {
///     protocol: Protocol::TCP,
///     src_port: 34_855,
///     dst_port: 80,
///     ..FlowRecord::between([128, 232, 110, 120].into(), [66, 35, 250, 204].into())
/// };
/// assert_eq!(CommunityId::of(&flow).to_string(), "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommunityId([u8; DIGEST_BYTES]);

/// That of this process. A site has one, and only IDs of one seed can be compared.
static SEED: OnceLock<u16> = OnceLock::new();

fn seed() -> u16 {
    SEED.get().copied().unwrap_or(DEFAULT_SEED)
}

impl CommunityId {
    /// Has every ID of this process made with `seed`, as all tools of a site that compare them must
    /// have it; says whether it is. What was said first stays.
    pub fn use_seed(seed: u16) -> bool {
        *SEED.get_or_init(|| seed) == seed
    }

    /// That of `flow`.
    pub fn of(flow: &FlowRecord) -> Self {
        Self::between((flow.src, flow.src_port), (flow.dst, flow.dst_port), flow.protocol, seed())
    }

    /// Those of `flows`, which have their ends and protocols.
    pub fn of_each(flows: &FlowBatch) -> impl Iterator<Item = Self> + '_ {
        let seed = seed();
        (0..flows.len()).map(move |row| {
            let src = (flows.src.get(row), flows.src_port[row]);
            let dst = (flows.dst.get(row), flows.dst_port[row]);
            Self::between(src, dst, Protocol(flows.protocol[row]), seed)
        })
    }

    /// Flows of ICMP have type and code in place of the destination's port.
    fn between(src: (IpAddr, u16), dst: (IpAddr, u16), protocol: Protocol, seed: u16) -> Self {
        let ports = match protocol {
            Protocol::ICMP | Protocol::ICMP6 => {
                let [of_type, code] = dst.1.to_be_bytes();
                match icmp_counterpart(protocol, of_type) {
                    Some(answer) => Some((of_type.into(), answer.into(), true)),
                    None => Some((of_type.into(), code.into(), false)),
                }
            }
            Protocol::TCP | Protocol::UDP | Protocol::SCTP => Some((src.1, dst.1, true)),
            _ => None,
        };
        let (from, to, goes_both_ways) = ports.unwrap_or((0, 0, true));
        let [mut low, mut high] = [(src.0, from), (dst.0, to)];
        if goes_both_ways && high < low {
            (low, high) = (high, low);
        }
        let mut hash = Sha1::new();
        hash.update(seed.to_be_bytes());
        for (address, _) in [low, high] {
            match address {
                IpAddr::V4(address) => hash.update(address.octets()),
                IpAddr::V6(address) => hash.update(address.octets()),
            }
        }
        hash.update([protocol.0, 0]);
        if ports.is_some() {
            hash.update(low.1.to_be_bytes());
            hash.update(high.1.to_be_bytes());
        }
        Self(hash.finalize().into())
    }

    /// Appends it as text.
    pub(crate) fn push(self, to: &mut Vec<u8>) {
        to.extend_from_slice(VERSION.as_bytes());
        let mut text = [0; DIGEST_BYTES.div_ceil(3) * 4];
        if let Ok(length) = BASE64_STANDARD.encode_slice(self.0, &mut text) {
            to.extend_from_slice(&text[..length]);
        }
    }
}

/// The type of ICMP with which one of `of_type` is answered, or which it answers itself, as Zeek and
/// Community IDs have it. What has none goes one way only.
pub(crate) const fn icmp_counterpart(protocol: Protocol, of_type: u8) -> Option<u8> {
    Some(match (protocol, of_type) {
        (Protocol::ICMP, 8) => 0,
        (Protocol::ICMP, 0) => 8,
        // Who looks for routers, and who answers.
        (Protocol::ICMP, 10) => 9,
        (Protocol::ICMP, 9) => 10,
        // Time stamps, information and masks; echoes, listeners, routers, neighbours, names, agents.
        (Protocol::ICMP, 13 | 15 | 17) | (Protocol::ICMP6, 128 | 130 | 133 | 135 | 139 | 144) => {
            of_type + 1
        }
        (Protocol::ICMP, 14 | 16 | 18) | (Protocol::ICMP6, 129 | 131 | 134 | 136 | 140 | 145) => {
            of_type - 1
        }
        _ => return None,
    })
}

impl fmt::Display for CommunityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{VERSION}{}", BASE64_STANDARD.encode(self.0))
    }
}

impl FromStr for CommunityId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "1: and 28 characters of base64, as in 1:LQU9qZlK+B5F3KDmev6m5PMibrg=";
        let digest = text.strip_prefix(VERSION).ok_or(wrong)?;
        let digest = BASE64_STANDARD.decode(digest).map_err(|_| wrong)?;
        Ok(Self(digest.try_into().map_err(|_| wrong)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protocol, source, destination, seed: as the specification's own program in Python (communityid
    /// 1.5.0) tells them, and last those of its `baseline_seed1.json` that are not among these. Of
    /// ICMP, the ports are type and code.
    const BASELINE: &str = "
        6 128.232.110.120 34855 66.35.250.204 80 0 1:LQU9qZlK+B5F3KDmev6m5PMibrg=
        6 66.35.250.204 80 128.232.110.120 34855 0 1:LQU9qZlK+B5F3KDmev6m5PMibrg=
        6 10.0.0.1 80 10.0.0.1 80 0 1:xK6lw4idWvrwNwOsMmGICgbsxLc=
        6 10.0.0.1 81 10.0.0.1 80 0 1:tlfFsHe+E3VVycVoOYQhDlTTvRc=
        17 192.168.1.52 54585 8.8.8.8 53 0 1:d/FP5EW3wiY1vCndhwleRRKHowQ=
        132 192.168.170.8 7 192.168.170.56 7 0 1:MP2EtRCAUIZvTw6MxJHLV7N7JDs=
        1 192.168.0.89 8 192.168.0.1 0 0 1:X0snYXpgwiv9TZtqg64sgzUn6Dk=
        1 192.168.0.89 0 192.168.0.1 0 0 1:Xd3I0IiB3MnC0cDe3fbqH8+dDGI=
        1 192.168.0.89 11 192.168.0.1 0 0 1:WWhK5yv9t1/eWrodrgw+6KseRoA=
        1 192.168.0.89 3 192.168.0.1 1 0 1:LXCfhMUFbYXe+CEMrQuZCbiLY3o=
        1 192.168.0.89 13 192.168.0.1 0 0 1:oeo0XqAz7cn/+sOcFFOn55Omz0U=
        1 192.168.0.89 14 192.168.0.1 0 0 1:uiloJmzo9VB4N869eqNADHXuQJM=
        1 192.168.0.89 10 192.168.0.1 0 0 1:ZCE6FYKtYq6/Z5/7VYclhgEesAg=
        1 192.168.0.89 9 192.168.0.1 0 0 1:0hTYL8ekh0YMbFphUlZIMctBe1g=
        1 192.168.0.89 17 192.168.0.1 0 0 1:l6FQTO9IDRsq7cW/KitEu2ab7NM=
        1 192.168.0.89 15 192.168.0.1 0 0 1:fOg3Bo3uOxI7xD431D+RTtZCCjw=
        58 fe80::200:86ff:fe05:80da 128 fe80::260:97ff:fe07:69ea 0 0 1:QrVnZEjGihSsEkRF1XxqheQ1Za8=
        58 fe80::200:86ff:fe05:80da 129 fe80::260:97ff:fe07:69ea 0 0 1:0v7671U6aMFvKQtpE4ZMYXnSVjQ=
        58 fe80::200:86ff:fe05:80da 133 fe80::260:97ff:fe07:69ea 0 0 1:MxMeSyWe6OTpBt36dIzrtH7OcS8=
        58 fe80::200:86ff:fe05:80da 134 fe80::260:97ff:fe07:69ea 0 0 1:QpYRAQH404PdAphcvVTflGzHNos=
        58 fe80::200:86ff:fe05:80da 135 fe80::260:97ff:fe07:69ea 0 0 1:dGHyGvjMfljg6Bppwm3bg0LO8TY=
        58 fe80::200:86ff:fe05:80da 136 fe80::260:97ff:fe07:69ea 0 0 1:zavyT/cezQr1fmImYCwYnMXbgck=
        58 fe80::200:86ff:fe05:80da 1 fe80::260:97ff:fe07:69ea 3 0 1:dN95UmgOFM7oku3k0B3vsgfH2/U=
        58 fe80::200:86ff:fe05:80da 130 fe80::260:97ff:fe07:69ea 0 0 1:AqqGbwQfzV0erxPUVV+XZ02Zm5M=
        58 fe80::200:86ff:fe05:80da 139 fe80::260:97ff:fe07:69ea 0 0 1:5M4clpPt0fX67/4bIqQT4gA26Dw=
        58 fe80::200:86ff:fe05:80da 144 fe80::260:97ff:fe07:69ea 0 0 1:m49RyQ8yIT9LBEoGoI5SnZktCdQ=
        58 fe80::200:86ff:fe05:80da 143 fe80::260:97ff:fe07:69ea 0 0 1:u29u/40f5pp+Flrmr8QOASz7JG4=
        47 10.0.0.2 0 10.0.0.1 0 0 1:+KlEHDT0vJgzs/eNmzHq0aSpRYw=
        46 10.1.24.4 0 10.1.12.1 0 0 1:/nQI4Rh/TtY3mf0R2gJFBkVlgS4=
        50 2001:db8::2 0 2001:db8::1 0 0 1:JIAyWiD7dl1e74CJAdetAUPF/To=
        6 128.232.110.120 34855 66.35.250.204 80 1 1:3V71V58M3Ksw/yuFALMcW0LAHvc=
        6 66.35.250.204 80 128.232.110.120 34855 1 1:3V71V58M3Ksw/yuFALMcW0LAHvc=
        6 10.0.0.1 80 10.0.0.1 80 1 1:FcuWRo0zHoBtGekigA/2zBCFoPc=
        6 10.0.0.1 81 10.0.0.1 80 1 1:FJnBjzHCdhEZHmT255A2U+paFuE=
        17 192.168.1.52 54585 8.8.8.8 53 1 1:Q9We8WO3piVF8yEQBNJF4uiSVrI=
        132 192.168.170.8 7 192.168.170.56 7 1 1:5w3ZRjeKBzqT3zsaEECDGjUbYeg=
        1 192.168.0.89 8 192.168.0.1 0 1 1:03g6IloqVBdcZlPyX8r0hgoE7kA=
        1 192.168.0.89 0 192.168.0.1 0 1 1:qTJaeWYLbqZxmWmMGpwhoSeGjdM=
        1 192.168.0.89 11 192.168.0.1 0 1 1:rMbtrew3evxPId/m9EePP9Qv9AM=
        1 192.168.0.89 3 192.168.0.1 1 1 1:J32psRHA3bnPy94Wl0cSFRGXNQo=
        1 192.168.0.89 13 192.168.0.1 0 1 1:UezhneSw0NX2ikJ3wYNUFn7W+1Q=
        1 192.168.0.89 14 192.168.0.1 0 1 1:6vpFf7VYQiwfY2j+gr1mdnE4F40=
        1 192.168.0.89 10 192.168.0.1 0 1 1:rOUw2cqdjvZmBJGKLwX1TFZvZd0=
        1 192.168.0.89 9 192.168.0.1 0 1 1:0sZLNbbAtr8CqbUUHsOy3aSU/ZQ=
        1 192.168.0.89 17 192.168.0.1 0 1 1:qzitFb8D6WDosvkqHUkUjQ1PW8I=
        1 192.168.0.89 15 192.168.0.1 0 1 1:X1eBGsLPrGyntL8Jnr7jYWnezq4=
        58 fe80::200:86ff:fe05:80da 128 fe80::260:97ff:fe07:69ea 0 1 1:l5D/vIzNArKXy6FzXaD++pkCJ0g=
        58 fe80::200:86ff:fe05:80da 129 fe80::260:97ff:fe07:69ea 0 1 1:om63A6lQ/5qKSd37R6F8tf8WfWs=
        58 fe80::200:86ff:fe05:80da 133 fe80::260:97ff:fe07:69ea 0 1 1:GYvW9gu3DwmB+azr9ZcaBdrmpkE=
        58 fe80::200:86ff:fe05:80da 134 fe80::260:97ff:fe07:69ea 0 1 1:TPqLc7TDCB8VqnP7cGNHiDkpjKc=
        58 fe80::200:86ff:fe05:80da 135 fe80::260:97ff:fe07:69ea 0 1 1:kHa1FhMYIT6Ym2Vm2AOtoOARDzY=
        58 fe80::200:86ff:fe05:80da 136 fe80::260:97ff:fe07:69ea 0 1 1:2hSqmsDZ2kdcY9kbiUzOEBic0iM=
        58 fe80::200:86ff:fe05:80da 1 fe80::260:97ff:fe07:69ea 3 1 1:weu5lM+WOkbzHJBzjf2vCFSz7mI=
        58 fe80::200:86ff:fe05:80da 130 fe80::260:97ff:fe07:69ea 0 1 1:dzvNbMnntcSrqpTv36ApU+Ra+qE=
        58 fe80::200:86ff:fe05:80da 139 fe80::260:97ff:fe07:69ea 0 1 1:IMn7hYm+i9dnopP6acwQDTuzxRE=
        58 fe80::200:86ff:fe05:80da 144 fe80::260:97ff:fe07:69ea 0 1 1:QDG+A7DE9HSc3SVbP/LEKVwQvq0=
        58 fe80::200:86ff:fe05:80da 143 fe80::260:97ff:fe07:69ea 0 1 1:kN8INoA7UWpJ9LPVwgvKgCD+k4M=
        47 10.0.0.2 0 10.0.0.1 0 1 1:BuvF116GIMVorQSVAHuZSothg0Q=
        46 10.1.24.4 0 10.1.12.1 0 1 1:BK3BVW3U2eemuwVQVN3zd/GULno=
        50 2001:db8::2 0 2001:db8::1 0 1 1:DFfHsIgIAKpSYCVCtZF2EiXGcXc=
        58 3ffe:501:1800:2345::2 3 3ffe:507:0:1:200:86ff:fe05:80da 0 1 1:lVEtCZpYu84Xqaa++3lXFyuu2n4=
        58 3ffe:501:410:0:2c0:dfff:fe47:33e 1 3ffe:507:0:1:200:86ff:fe05:80da 4 1 1:W8MHwXpWzpoSTD+cGcaJr4u0ys8=
        58 3ffe:507:0:1:200:86ff:fe05:80da 128 3ffe:501:0:1001::2 0 1 1:GfZxjAkDk2MkegpBYHV6tadtFXQ=
        58 3ffe:501:0:1001::2 129 3ffe:507:0:1:200:86ff:fe05:80da 0 1 1:GfZxjAkDk2MkegpBYHV6tadtFXQ=
        58 fe80::200:86ff:fe05:80da 133 ff02::2 0 1 1:L7Ka0ZMYu+J3bL4ulW2PrqyXNo8=
        58 fe80::260:97ff:fe07:69ea 134 ff02::1 0 1 1:K/ee5UCqAMAQXDorP5nSa2CGLjc=
        1 10.0.0.1 11 10.0.0.2 0 1 1:XjUibYHaafLQ3pxQeiMI8g25q20=
        6 2001:470:e5bf:dead:4957:2174:e82c:4887 63943 2607:f8b0:400c:c03::1a 25 1 1:eJYTW6AOzFLlSUoESovMjnu7rMw=
        46 10.1.12.1 0 10.1.12.2 0 1 1:rYir8gphR31noO9iDRQmF/BteEI=
    ";

    #[test]
    fn ids_are_those_of_the_specification() {
        let mut checked = 0;
        for line in BASELINE.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let words: Vec<&str> = line.split(' ').collect();
            let [protocol, src, src_port, dst, dst_port, seed, id] = words[..] else {
                panic!("{line}")
            };
            let protocol = Protocol(protocol.parse().unwrap());
            let [mut from, mut to]: [u16; 2] =
                [src_port, dst_port].map(|port| port.parse().unwrap());
            if protocol.is_icmp() {
                (from, to) = (0, from << 8 | to);
            }
            let (src, dst) = (src.parse().unwrap(), dst.parse().unwrap());
            let seed = seed.parse().unwrap();
            let made = CommunityId::between((src, from), (dst, to), protocol, seed);
            assert_eq!(made.to_string(), id, "{line}");
            assert_eq!(id.parse(), Ok(made));
            let mut text = Vec::new();
            made.push(&mut text);
            assert_eq!(text, id.as_bytes());
            if !protocol.is_icmp() {
                assert_eq!(CommunityId::between((dst, to), (src, from), protocol, seed), made);
            }
            checked += 1;
        }
        assert_eq!(checked, 69);
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in [
            "",
            "1:",
            "LQU9qZlK+B5F3KDmev6m5PMibrg=",
            "2:LQU9qZlK+B5F3KDmev6m5PMibrg=",
            "1:LQU9qZlK+B5F3KDmev6m5PMibrg",
            "1:LQU9qZlK+B5F3KDmev6m5PMibr==",
            "1:LQU9qZlK+B5F3KDmev6m5PMibrgA",
            "1:????????????????????????????",
        ] {
            assert!(text.parse::<CommunityId>().is_err(), "{text}");
        }
    }
}

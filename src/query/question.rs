//! What is asked: whose flows, in which direction, of when, and how many of them.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::flow::{TimeRange, canonical};
use crate::row::{AddressRange, NatEnd, Predicate};
use crate::store::Access;

/// A question about a host, a block of addresses, or everybody.
///
/// ```
/// use earlgrey_hbase::query::{Direction, Question, parse_addresses};
///
/// let question = Question {
///     direction: Direction::Any,
///     limit: Some(10),
///     ..Question::about(parse_addresses("10.0.0.0/8").unwrap())
/// };
/// assert_eq!(question.addresses, parse_addresses("10.1.2.3/8").ok());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Whose flows; None: everybody's.
    pub addresses: Option<AddressRange>,
    /// Which end of a flow they are.
    pub direction: Direction,
    /// When the flows began, or, where [`Self::alive`], when they were under way.
    pub time: TimeRange,
    /// Whether `time` is of all flows that had begun before its end and had not ended before its
    /// beginning, rather than of those that began in it.
    pub alive: bool,
    /// What else holds of the flows.
    pub filter: Option<Predicate>,
    /// Whether one record of each flow is looked at among those that pass: a flow counts once that
    /// several routers saw, or one router on its way in and on its way out.
    pub dedup: bool,
    /// By a range of row keys, or by a filter over the whole table. The answer is the same.
    pub access: Access,
    /// At most so many flows, the first in key order.
    pub limit: Option<u64>,
}

impl Question {
    /// All that `addresses` sent, by a range of row keys.
    pub const fn about(addresses: AddressRange) -> Self {
        let mut question = Self::everything();
        question.addresses = Some(addresses);
        question
    }

    /// All that there is.
    pub const fn everything() -> Self {
        Self {
            addresses: None,
            direction: Direction::Src,
            time: TimeRange::ALL,
            alive: false,
            filter: None,
            dedup: false,
            access: Access::Range,
            limit: None,
        }
    }
}

/// Which end of a flow is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// What the addresses sent.
    #[default]
    Src,
    /// What they received.
    Dst,
    /// Both; a flow from one of them to another of them is one flow.
    Any,
}

impl Direction {
    /// Every direction.
    pub const ALL: [Self; 3] = [Self::Src, Self::Dst, Self::Any];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Src => "src",
            Self::Dst => "dst",
            Self::Any => "any",
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Direction {
    type Err = ParseQuestionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|direction| direction.name() == text)
            .ok_or_else(|| ParseQuestionError::Direction { text: text.to_owned() })
    }
}

/// Reads an address or a block in CIDR notation. Bits beyond the prefix are ignored, as most tools
/// do: `10.1.2.3/8` is `10.0.0.0/8`. `::ffff:10.1.2.3` is `10.1.2.3`.
///
/// # Errors
///
/// [`ParseQuestionError::Prefix`] if only the length of the prefix is wrong;
/// [`ParseQuestionError::Addresses`] with the text, if it is neither.
pub fn parse_addresses(text: &str) -> Result<AddressRange, ParseQuestionError> {
    if let Ok(host) = text.parse::<IpAddr>() {
        return Ok(canonical(host).into());
    }
    text.parse::<IpNet>()
        .map(|block| AddressRange::from(canonical_block(block)))
        .map_err(|_| no_addresses(text))
}

/// Reads addresses behind a NAT, or one of them with a port: `203.0.113.7:40123`, `[2001:db8::1]:80`,
/// or what [`parse_addresses`] reads.
///
/// # Errors
///
/// As [`parse_addresses`].
pub fn parse_nat_end(text: &str) -> Result<NatEnd, ParseQuestionError> {
    if let Ok(end) = text.parse::<SocketAddr>() {
        return Ok(NatEnd { addresses: canonical(end.ip()).into(), port: Some(end.port()) });
    }
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    Ok(NatEnd { addresses: parse_addresses(bare)?, port: None })
}

/// What is wrong with `text`, which is neither an address nor a block.
fn no_addresses(text: &str) -> ParseQuestionError {
    let is_number = |bits: &str| !bits.is_empty() && bits.bytes().all(|byte| byte.is_ascii_digit());
    if let Some((start, bits)) = text.split_once('/')
        && let Ok(start) = start.parse::<IpAddr>()
        && is_number(bits)
    {
        let most = if start.is_ipv6() { 128 } else { 32 };
        return ParseQuestionError::Prefix { text: text.to_owned(), most };
    }
    ParseQuestionError::Addresses { text: text.to_owned() }
}

/// A block of IPv4 addresses that is written as one of IPv6, as dual-stack systems do, is one of
/// IPv4.
fn canonical_block(block: IpNet) -> IpNet {
    let v4 = |block: ipnet::Ipv6Net| {
        let bits = block.prefix_len().checked_sub(96)?;
        Some(ipnet::Ipv4Net::new(block.network().to_ipv4_mapped()?, bits).ok()?.into())
    };
    match block {
        IpNet::V6(v6) => v4(v6).unwrap_or(block),
        IpNet::V4(_) => block,
    }
}

/// Text that is no part of a question.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseQuestionError {
    /// Neither an address nor a block.
    #[error("{text:?} is no address; write 10.0.0.1, 10.0.0.0/8, 2001:db8::1 or 2001:db8::/32")]
    Addresses {
        /// What was written.
        text: String,
    },
    /// A block whose prefix is longer than its addresses.
    #[error("the prefix of {text:?} is too long; it is at most {most}")]
    Prefix {
        /// What was written.
        text: String,
        /// How many bits the addresses of that family have.
        most: u8,
    },
    /// No direction.
    #[error("{text:?} is no direction; write src, dst or any")]
    Direction {
        /// What was written.
        text: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_blocks_are_read_and_bits_beyond_the_prefix_ignored() {
        for (text, first, last) in [
            ("10.1.2.3", "10.1.2.3", "10.1.2.3"),
            ("10.1.2.3/8", "10.0.0.0", "10.255.255.255"),
            ("10.1.2.3/32", "10.1.2.3", "10.1.2.3"),
            ("0.0.0.0/0", "0.0.0.0", "255.255.255.255"),
            ("2001:db8::1", "2001:db8::1", "2001:db8::1"),
            ("2001:db8::1/126", "2001:db8::", "2001:db8::3"),
            ("::ffff:10.1.2.3", "10.1.2.3", "10.1.2.3"),
            ("::ffff:10.1.2.3/104", "10.0.0.0", "10.255.255.255"),
            ("::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ] {
            let range = AddressRange::new(first.parse().unwrap(), last.parse().unwrap()).unwrap();
            assert_eq!(parse_addresses(text), Ok(range), "{text}");
        }
        for text in ["", "10.0.0", "10.0.0.0/33", "10.0.0.0/", "example.org", "::/129", "10.0.0.1 "]
        {
            assert!(parse_addresses(text).is_err(), "{text:?}");
        }
        for (text, most) in [
            ("1.2.3.4/33", Some(32)),
            ("::/129", Some(128)),
            ("10.0.0.0/999", Some(32)),
            ("1/33", None),
        ] {
            let told = parse_addresses(text).unwrap_err().to_string();
            let expected = most.map(|most| format!("it is at most {most}"));
            assert!(told.contains(expected.as_deref().unwrap_or("is no address")), "{told}");
        }
    }

    #[test]
    fn an_end_behind_a_nat_is_read_with_a_port_and_without() {
        for (text, addresses, port, shown) in [
            ("203.0.113.7", "203.0.113.7", None, "203.0.113.7"),
            ("203.0.113.7:40123", "203.0.113.7", Some(40123), "203.0.113.7:40123"),
            ("203.0.113.7/24", "203.0.113.0/24", None, "203.0.113.0/24"),
            ("::1", "::1", None, "::1"),
            ("[::1]", "::1", None, "::1"),
            ("[::1]:80", "::1", Some(80), "[::1]:80"),
            ("[::ffff:203.0.113.7]:80", "203.0.113.7", Some(80), "203.0.113.7:80"),
        ] {
            let end = NatEnd { addresses: parse_addresses(addresses).unwrap(), port };
            assert_eq!(parse_nat_end(text), Ok(end), "{text}");
            assert_eq!(end.to_string(), shown);
        }
        for text in ["203.0.113.7:", "203.0.113.7:65536", "203.0.113.0/24:80", "[::1", "nat", ""] {
            assert!(parse_nat_end(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_direction_is_read_as_it_prints() {
        for direction in Direction::ALL {
            assert_eq!(direction.to_string().parse(), Ok(direction));
        }
        assert_eq!(
            "out".parse::<Direction>().unwrap_err().to_string(),
            "\"out\" is no direction; write src, dst or any"
        );
    }
}

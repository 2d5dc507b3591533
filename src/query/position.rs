//! Where in an answer a page of it ends, so that the next one begins behind it.
//!
//! A page ends at a row key, as far as answers have it: the addresses and the time. Flows that are
//! equal in these are counted. So nothing is read again of what lies before a page but the flows of
//! the host that it ends in, of its last millisecond.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use crate::flow::{Column, Columns, UnixMillis};

/// The last flow of a page. `Display` gives a text without blanks that `FromStr` reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    pub(super) place: Place,
    /// How many flows with this place were on the pages so far.
    pub(super) seen: u64,
}

/// Flows that are equal in what answers have of a row key; in the order of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// An end of the flow, when it began, whether it is what that end sent (0) or received (1), and
    /// the other end.
    Key(IpAddr, UnixMillis, u8, IpAddr),
    /// Of flows behind a NAT.
    Behind(Behind),
    /// Anywhere, in answers whose order is not that of an end.
    Anywhere,
}

/// Where a flow stands that an address behind a NAT leads, in the order of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Behind {
    /// 4 or 6, of the flow.
    pub(super) family: u8,
    /// What leads it, as IPv6.
    pub(super) lead: Ipv6Addr,
    /// The port that leads it; 0 where answers of all ports are merged by time.
    pub(super) port: u16,
    pub(super) first: UnixMillis,
    /// Whether it is of the rows that tell a port (1), where those that tell none (0) come first.
    pub(super) side: u8,
    pub(super) src: IpAddr,
    pub(super) dst: IpAddr,
}

/// What is read of flows whose positions are to be told.
pub const POSITION_COLUMNS: Columns = Columns::of(&[Column::Src, Column::Dst, Column::First]);

/// As parameters have it: end, time in milliseconds, side, other end and number, `~` between them; of
/// a flow behind a NAT what leads it comes first.
impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Place::Key(lead, first, side, other) => {
                write!(f, "{lead}~{}~{side}~{other}~{}", first.0, self.seen)
            }
            Place::Behind(Behind { family, lead, port, first, side, src, dst }) => {
                write!(f, "{family}~{lead}~{port}~{}~{side}~{src}~{dst}~{}", first.0, self.seen)
            }
            Place::Anywhere => write!(f, "~{}", self.seen),
        }
    }
}

impl FromStr for Position {
    type Err = ParsePositionError;

    fn from_str(text: &str) -> Result<Self, ParsePositionError> {
        let wrong = |()| ParsePositionError { text: text.to_owned() };
        let number = |text: &str| text.parse::<u64>().map_err(|_| wrong(()));
        let parts: Vec<&str> = text.split('~').collect();
        match parts[..] {
            ["", seen] => Ok(Self { place: Place::Anywhere, seen: number(seen)? }),
            [lead, first, side @ ("0" | "1"), other, seen] => {
                let address = |text: &str| text.parse::<IpAddr>().map_err(|_| wrong(()));
                let (lead, other) = (address(lead)?, address(other)?);
                let place =
                    Place::Key(lead, UnixMillis(number(first)?), u8::from(side == "1"), other);
                Ok(Self { place, seen: number(seen)? })
            }
            [family @ ("4" | "6"), lead, port, first, side @ ("0" | "1"), src, dst, seen] => {
                let behind = Behind {
                    family: if family == "4" { 4 } else { 6 },
                    lead: lead.parse().map_err(|_| wrong(()))?,
                    port: port.parse().map_err(|_| wrong(()))?,
                    first: UnixMillis(number(first)?),
                    side: u8::from(side == "1"),
                    src: src.parse().map_err(|_| wrong(()))?,
                    dst: dst.parse().map_err(|_| wrong(()))?,
                };
                Ok(Self { place: Place::Behind(behind), seen: number(seen)? })
            }
            _ => Err(wrong(())),
        }
    }
}

/// Text that is no position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no place in an answer; take it from the page before")]
pub struct ParsePositionError {
    /// What was written.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_is_no_position_is_refused() {
        for text in ["", "~", "~x", "10.0.0.1~1~2~10.0.0.2~1", "10.0.0.1~1~0~10.0.0.2", "a~1~0~b~1"]
        {
            text.parse::<Position>().unwrap_err();
        }
    }
}

//! What flows are sorted by.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::flow::{Column, Columns, Family, FlowRecord, address_bits, rate};

/// What flows are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlowOrder {
    by: By,
    /// Whether the greatest come first.
    downward: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// The row key, as flows are found: by source, beginning and destination, IPv4 before IPv6.
    RowKey,
    Src,
    Dst,
    /// When the last packet was seen.
    Last,
    PacketsASecond,
    BitsASecond,
    OctetsAPacket,
    /// The number of a column.
    Number(Column),
}

/// Names, of which each first one is what it prints as; then whether the greatest come first where
/// nothing is said of that.
const NAMES: [(&[&str], By, bool); 13] = [
    (&["octets", "bytes"], By::Number(Column::Octets), true),
    (&["packets"], By::Number(Column::Packets), true),
    (&["duration"], By::Number(Column::Duration), true),
    (&["pps"], By::PacketsASecond, true),
    (&["bps"], By::BitsASecond, true),
    (&["bpp"], By::OctetsAPacket, true),
    (&["first", "time", "tstart"], By::Number(Column::First), false),
    (&["last", "tend"], By::Last, false),
    (&["src", "srcip"], By::Src, false),
    (&["dst", "dstip"], By::Dst, false),
    (&["srcport"], By::Number(Column::SrcPort), false),
    (&["dstport"], By::Number(Column::DstPort), false),
    (&["proto", "protocol"], By::Number(Column::Protocol), false),
];

impl FlowOrder {
    /// That of row keys.
    pub const ROW_KEY: Self = Self { by: By::RowKey, downward: false };

    /// The columns that flows must have to be sorted, which are those of the row key, too.
    pub fn columns(self) -> Columns {
        const ROW_KEY: Columns = Columns::of(&[Column::Src, Column::First, Column::Dst]);
        ROW_KEY
            | Columns::of(match self.by {
                By::RowKey | By::Src | By::Dst => &[],
                By::Last => &[Column::Duration],
                By::PacketsASecond => &[Column::Packets, Column::Duration],
                By::BitsASecond => &[Column::Octets, Column::Duration],
                By::OctetsAPacket => &[Column::Octets, Column::Packets],
                By::Number(column) => return ROW_KEY | Columns::of(&[column]),
            })
    }

    /// Every name that is read.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().flat_map(|(names, ..)| names.iter().copied())
    }

    /// Appends the bytes by which `flow` is sorted: as bytes are in order, so are flows.
    pub(super) fn push_key(self, flow: &FlowRecord, to: &mut Vec<u8>) {
        let start = to.len();
        match self.by {
            // It follows in every row.
            By::RowKey => {}
            By::Src => push_address(flow.src, to),
            By::Dst => push_address(flow.dst, to),
            By::Last => push_number(flow.last().0, to),
            By::PacketsASecond => push_rate(flow.packets, 1000, flow.duration_ms, to),
            By::BitsASecond => push_rate(flow.octets, 8000, flow.duration_ms, to),
            By::OctetsAPacket => {
                push_number(flow.octets.checked_div(flow.packets).unwrap_or(0), to);
            }
            By::Number(column) => push_number(flow.number(column), to),
        }
        if self.downward {
            to[start..].iter_mut().for_each(|byte| *byte = !*byte);
        }
    }

    /// How many bytes that appends.
    pub(super) fn key_bytes(self) -> usize {
        match self.by {
            By::RowKey => 0,
            By::Src | By::Dst => 1 + size_of::<u128>(),
            _ => size_of::<u64>(),
        }
    }
}

fn push_number(number: u64, to: &mut Vec<u8>) {
    to.extend_from_slice(&number.to_be_bytes());
}

fn push_rate(count: u64, factor: u128, millis: u32, to: &mut Vec<u8>) {
    let rate = rate(count.into(), factor, millis.into());
    push_number(u64::try_from(rate).unwrap_or(u64::MAX), to);
}

fn push_address(address: IpAddr, to: &mut Vec<u8>) {
    to.push(u8::from(Family::of(address) == Family::V6));
    to.extend_from_slice(&address_bits(address).to_be_bytes());
}

impl fmt::Display for FlowOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = NAMES.iter().find(|(_, by, _)| *by == self.by);
        let Some((names, _, usual)) = found else { return f.write_str("row key") };
        f.write_str(names[0])?;
        match self.downward {
            downward if downward == *usual => Ok(()),
            true => f.write_str(":desc"),
            false => f.write_str(":asc"),
        }
    }
}

impl FromStr for FlowOrder {
    type Err = ParseFlowOrderError;

    /// Reads a name, with `:asc` or `:desc` behind it where that is to be otherwise than usual.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseFlowOrderError { text: text.to_owned() };
        let (name, direction) = text.split_once(':').unwrap_or((text, ""));
        let found = NAMES.iter().find(|(names, ..)| names.contains(&name));
        let &(_, by, usual) = found.ok_or_else(wrong)?;
        let downward = match direction {
            "" if !text.ends_with(':') => usual,
            "asc" => false,
            "desc" => true,
            _ => return Err(wrong()),
        };
        Ok(Self { by, downward })
    }
}

/// Text that is nothing to sort flows by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is nothing to sort by; write octets, packets, duration, pps, bps, bpp (the greatest \
     first), first, last, src, dst, srcport, dstport or proto (the least first), and :asc or \
     :desc behind it for the other way"
)]
pub struct ParseFlowOrderError {
    text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_read_as_it_prints() {
        for name in FlowOrder::names() {
            for direction in ["", ":asc", ":desc"] {
                let order: FlowOrder = format!("{name}{direction}").parse().unwrap();
                assert_eq!(order.to_string().parse(), Ok(order));
            }
        }
        for text in ["", "size", "octets:", "octets:up", ":desc", "Octets"] {
            let told = text.parse::<FlowOrder>().unwrap_err().to_string();
            assert!(told.contains("write octets"), "{told}");
        }
        let named = |text: &str| text.parse::<FlowOrder>().unwrap().to_string();
        assert_eq!(named("bytes:desc"), "octets");
        assert_eq!(named("first:desc"), "first:desc");
        assert_eq!(named("octets:asc"), "octets:asc");
    }
}

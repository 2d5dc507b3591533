//! What keys are ordered by.

use std::fmt;
use std::str::FromStr;

use super::super::measure::Measure;

/// What keys are ordered by, downwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopOrder {
    /// A counter.
    Measure(Measure),
    /// Packets a second, from the first flow's beginning to the last one's end.
    PacketsASecond,
    /// Bits a second.
    BitsASecond,
    /// Octets a packet.
    OctetsAPacket,
}

impl TopOrder {
    /// Every order.
    pub const ALL: [Self; 6] = [
        Self::Measure(Measure::Octets),
        Self::Measure(Measure::Packets),
        Self::Measure(Measure::Flows),
        Self::PacketsASecond,
        Self::BitsASecond,
        Self::OctetsAPacket,
    ];

    /// Its name on the command line and in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Measure(measure) => measure.name(),
            Self::PacketsASecond => "pps",
            Self::BitsASecond => "bps",
            Self::OctetsAPacket => "bpp",
        }
    }

    /// The counter, if it is one.
    pub const fn measure(self) -> Option<Measure> {
        match self {
            Self::Measure(measure) => Some(measure),
            _ => None,
        }
    }
}

impl Default for TopOrder {
    fn default() -> Self {
        Self::Measure(Measure::default())
    }
}

impl fmt::Display for TopOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for TopOrder {
    type Err = ParseOrderError;

    /// Reads its name; `bytes` is octets.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = if text == "bytes" { Measure::Octets.name() } else { text };
        Self::ALL
            .into_iter()
            .find(|order| order.name() == name)
            .ok_or_else(|| ParseOrderError { text: text.to_owned() })
    }
}

/// Text that is nothing to order by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is nothing to order by; write octets, packets, flows, pps, bps or bpp")]
pub struct ParseOrderError {
    text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_read_as_it_prints() {
        for order in TopOrder::ALL {
            assert_eq!(order.to_string().parse(), Ok(order));
            assert!("size".parse::<TopOrder>().unwrap_err().to_string().contains(order.name()));
        }
        assert_eq!("bytes".parse(), Ok(TopOrder::default()));
    }
}

//! What is watched for: an address or a block of them, at a port or at any, for a time or for ever.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::flow::{Family, TimeRange, UnixMillis};
use crate::row::AddressRange;

/// Addresses that are watched for.
///
/// `Display` is what they are called: `203.0.113.7`, `203.0.113.0/24`, `203.0.113.7:443`,
/// `[2001:db8::1]:443`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indicator {
    /// Which addresses.
    pub addresses: AddressRange,
    /// The port at these; None: any.
    pub port: Option<u16>,
    /// Flows count that began in this time.
    pub valid: TimeRange,
    /// What the list says of it.
    pub note: Option<Box<str>>,
    /// How sure the list is of it, from 0 to 100, as STIX 2.1 has it.
    pub confidence: Option<u8>,
    /// Whether not all that was stored when it came was looked through for it.
    pub(crate) fresh: bool,
}

impl Indicator {
    /// `addresses`, at any port and for ever.
    pub fn of(addresses: impl Into<AddressRange>) -> Self {
        let addresses = addresses.into();
        let (port, valid, note, confidence) = (None, TimeRange::ALL, None, None);
        Self { addresses, port, valid, note, confidence, fresh: false }
    }
}

impl fmt::Display for Indicator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.port, self.addresses.family()) {
            (None, _) => self.addresses.fmt(f),
            (Some(port), Family::V4) => write!(f, "{}:{port}", self.addresses),
            (Some(port), Family::V6) => write!(f, "[{}]:{port}", self.addresses),
        }
    }
}

/// An indicator as it is kept: short, as there may be a million of them.
#[derive(Serialize, Deserialize)]
struct Kept {
    first: std::net::IpAddr,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last: Option<std::net::IpAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    valid: Option<TimeRange>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    confidence: Option<u8>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    fresh: bool,
}

impl Serialize for Indicator {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { addresses, port, valid, note, confidence, fresh } = self;
        let kept = Kept {
            first: addresses.first(),
            last: addresses.host().is_none().then(|| addresses.last()),
            port: *port,
            valid: (!valid.is_all()).then_some(*valid),
            note: note.clone(),
            confidence: *confidence,
            fresh: *fresh,
        };
        kept.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Indicator {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let kept = Kept::deserialize(deserializer)?;
        let Kept { first, last, port, valid, note, confidence, fresh } = kept;
        let addresses = AddressRange::new(first, last.unwrap_or(first))
            .ok_or_else(|| de::Error::custom("the addresses of an indicator are in no order"))?;
        let valid = valid.unwrap_or(TimeRange::ALL);
        Ok(Self { addresses, port, valid, note, confidence, fresh })
    }
}

/// Indicators under a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchList {
    /// What it is called.
    pub name: String,
    /// The file that it was read from.
    pub file: String,
    /// When it was added.
    pub added: UnixMillis,
    /// What is watched for.
    pub indicators: Vec<Indicator>,
}

impl WatchList {
    /// This list when all of it was looked for.
    #[must_use]
    pub(crate) fn sought(mut self) -> Self {
        for indicator in &mut self.indicators {
            indicator.fresh = false;
        }
        self
    }

    /// What of it is still to be looked for in what was stored before.
    pub(crate) fn fresh(&self) -> impl Iterator<Item = &Indicator> {
        self.indicators.iter().filter(|indicator| indicator.fresh)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn indicator(text: &str) -> Indicator {
        Indicator::of(text.parse::<std::net::IpAddr>().unwrap())
    }

    #[test]
    fn an_indicator_is_called_what_it_is_and_comes_back_as_it_was() {
        let block: ipnet::IpNet = "2001:db8::/32".parse().unwrap();
        let valid = TimeRange { since: UnixMillis(5), until: UnixMillis::MAX };
        for (indicator, text) in [
            (indicator("203.0.113.7"), "203.0.113.7"),
            (Indicator { port: Some(443), ..indicator("203.0.113.7") }, "203.0.113.7:443"),
            (Indicator { port: Some(1), ..indicator("::1") }, "[::1]:1"),
            (Indicator { confidence: Some(85), ..indicator("203.0.113.8") }, "203.0.113.8"),
            (Indicator { valid, note: Some("x".into()), ..Indicator::of(block) }, "2001:db8::/32"),
        ] {
            assert_eq!(indicator.to_string(), text);
            let kept = serde_json::to_string(&indicator).unwrap();
            assert_eq!(serde_json::from_str::<Indicator>(&kept).unwrap(), indicator, "{kept}");
        }
        let kept = serde_json::to_string(&indicator("203.0.113.7")).unwrap();
        assert_eq!(kept, r#"{"first":"203.0.113.7"}"#);
    }
}

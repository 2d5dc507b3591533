//! What need not be told: detections that somebody looked at and found to be in order.
//!
//! A suppression holds when a report is made, never when flows are stored: what was suppressed by mistake
//! is told again once that is removed.

use serde::{Deserialize, Serialize};

use super::detection::{Detection, Kind};
use crate::flow::{Column, Family, UnixMillis, address_bits};
use crate::row::{Predicate, Verdict};

/// What need not be told, why, who said so, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppression {
    /// Its number, by which it is removed.
    pub number: u64,
    /// Of which kinds detections are; none for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<Kind>,
    /// The detection that it is, by its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// A filter that holds of who did it as the source, whom it was done to as the destination, and of
    /// protocol and destination port; all where there is none.
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
    pub written: Option<String>,
    /// Why.
    pub reason: String,
    /// Who said so.
    pub by: String,
    /// When.
    #[serde(with = "crate::flow::text")]
    pub added: UnixMillis,
    /// Until when it holds; none for as long as it is not removed.
    #[serde(default, with = "crate::flow::text_or_null")]
    pub until: Option<UnixMillis>,
}

impl Suppression {
    /// Whether it holds of `detection` at `now`; `filter` is what its filter means.
    pub fn holds(
        &self,
        detection: &Detection,
        filter: Option<&Predicate>,
        now: UnixMillis,
    ) -> bool {
        self.until.is_none_or(|until| now < until)
            && (self.kinds.is_empty() || self.kinds.contains(&detection.kind))
            && self.id.as_ref().is_none_or(|id| *id == detection.id())
            && filter.is_none_or(|filter| passes(detection, filter))
    }

    /// The id of what it holds of at `now` whatever that is: rules and watch lists raise what has no kind
    /// and nothing that a filter could hold of.
    pub fn id_alone(&self, now: UnixMillis) -> Option<&str> {
        let is_alone = self.kinds.is_empty() && self.written.is_none();
        self.id.as_deref().filter(|_| is_alone && self.until.is_none_or(|until| now < until))
    }
}

/// Whether every flow would pass from who did it to whom it was done to, whatever else it is like: what a
/// detection does not tell is of nobody.
fn passes(detection: &Detection, filter: &Predicate) -> bool {
    let &Detection { host, peer, protocol, port, first, .. } = detection;
    let family = Family::of(host);
    let known = |column| -> Option<u128> {
        Some(match column {
            Column::Src => address_bits(host),
            Column::Dst => address_bits(peer.filter(|peer| Family::of(*peer) == family)?),
            Column::Protocol => protocol?.0.into(),
            Column::DstPort => port?.into(),
            Column::First => first.0.into(),
            // Systems are told by databases.
            Column::SrcAs | Column::DstAs => 0,
            _ => return None,
        })
    };
    let bounds = |column| known(column).map(|value| (value, value));
    filter.verdict(family, &bounds) == Verdict::All
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::Severity;
    use crate::flow::Protocol;
    use crate::query::filter::{Context, NoFiles, parse};

    fn beacon() -> Detection {
        Detection {
            kind: Kind::Beacon,
            variant: "beacon",
            host: [10, 0, 0, 1].into(),
            peer: Some([192, 0, 2, 1].into()),
            protocol: Some(Protocol::TCP),
            port: Some(443),
            first: UnixMillis(1_000),
            last: UnixMillis(5_000),
            severity: Severity::High,
            confidence: 0.9,
            evidence: Vec::new(),
        }
    }

    fn suppression() -> Suppression {
        Suppression {
            number: 1,
            kinds: Vec::new(),
            id: None,
            written: None,
            reason: "updates".to_owned(),
            by: "ann".to_owned(),
            added: UnixMillis(0),
            until: None,
        }
    }

    #[test]
    fn a_suppression_holds_of_what_it_says_as_long_as_it_says() {
        let now = UnixMillis(10_000);
        let holds = |suppression: Suppression| suppression.holds(&beacon(), None, now);
        assert!(holds(suppression()));
        assert!(holds(Suppression { kinds: vec![Kind::Scan, Kind::Beacon], ..suppression() }));
        assert!(!holds(Suppression { kinds: vec![Kind::Scan], ..suppression() }));
        assert!(holds(Suppression { id: Some(beacon().id()), ..suppression() }));
        assert!(!holds(Suppression { id: Some("0".to_owned()), ..suppression() }));
        assert!(holds(Suppression { until: Some(UnixMillis(10_001)), ..suppression() }));
        assert!(!holds(Suppression { until: Some(now), ..suppression() }));
    }

    #[test]
    fn its_filter_is_of_who_did_what_to_whom() {
        let around = Context { zone: jiff::tz::TimeZone::UTC, now: UnixMillis(0), files: &NoFiles };
        for (filter, expected) in [
            ("src ip 10.0.0.1 and dst ip 192.0.2.1", true),
            ("src net 10.0.0.0/8 and dst port 443 and proto tcp", true),
            ("net 192.0.2.0/24", true),
            ("dst ip 10.0.0.1", false),
            ("dst port 80", false),
            ("proto udp", false),
            ("ip 2001:db8::1", false),
            ("not dst net 10.0.0.0/8", true),
            ("packets < 10", false),
            ("not in if 5", false),
        ] {
            let filter = parse(filter, &around).unwrap();
            let holds = suppression().holds(&beacon(), Some(&filter), UnixMillis(0));
            assert_eq!(holds, expected, "{filter:#}");
        }
        // Whom a scan of many is done to is not one.
        let scan = Detection { kind: Kind::Scan, peer: None, port: None, ..beacon() };
        let of = |text: &str| {
            let filter = parse(text, &around).unwrap();
            suppression().holds(&scan, Some(&filter), UnixMillis(0))
        };
        assert!(of("src ip 10.0.0.1") && !of("dst ip 192.0.2.1"));
        // What it does not tell is neither so nor not so.
        for text in ["not dst net 10.0.0.0/8", "not port 443", "dst port < 1024", "packets < 10"] {
            assert!(!of(text), "{text}");
        }
        assert!(of("src ip 10.0.0.1 or dst port 80") && of("not src net 192.0.2.0/24"));
    }
}

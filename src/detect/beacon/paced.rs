//! Calls that follow on each other by the same two ports and without an end, as UDP has none: they are
//! joined to one connection, and the calls are its records.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use super::super::contact::{Contact, is_polled};
use super::super::{Detection, Evidence, Parameters};
use super::of_pair;
use crate::aggregate::{Aggregate, Connection, Timeouts, over};
use crate::flow::{Column, Columns, FlowBatch, Protocol};
use crate::query::{Direction, Question};
use crate::store::{Result, Snapshot};

/// Who calls whom, by which protocol, at which port.
type Call = (IpAddr, Protocol, u16);

/// So many calls of one host are looked at by each thread.
const MAX_CALLS: usize = 1 << 20;

/// A connection that may be calls.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Paced {
    host: IpAddr,
    call: Call,
    records: u32,
}

/// That of most records has the least.
pub(in super::super) type PacedRank = (Reverse<u32>, IpAddr, Call);

impl Paced {
    /// `connection`, if it may be one: from inside to outside, of many records that do not last, and of
    /// no protocol that has an end.
    pub(in super::super) fn of(connection: &Connection, parameters: &Parameters) -> Option<Self> {
        let Connection { initiator, responder, protocol, responder_port, sent, .. } = *connection;
        let inside = &parameters.inside;
        let is_called = !matches!(protocol, Protocol::TCP)
            && !protocol.is_icmp()
            && !is_polled(protocol, responder_port)
            && inside.has(initiator)
            && !inside.has(responder);
        let is_many = sent.records as usize >= parameters.beacon_contacts;
        // What goes on all the time is cut by the router, and not by who calls.
        let is_paced = sent.active_ms < connection.duration_ms() / 2;
        let call = (responder, protocol, responder_port);
        let paced = Self { host: initiator, call, records: sent.records };
        (is_called && is_many && is_paced).then_some(paced)
    }

    pub(in super::super) fn rank(&self) -> PacedRank {
        (Reverse(self.records), self.host, self.call)
    }
}

/// Each record of some calls of one host.
#[derive(Debug, Default)]
struct Records {
    calls: HashMap<Call, Vec<Contact>>,
    count: usize,
}

impl Records {
    const COLUMNS: Columns = Columns::of(&[
        Column::Src,
        Column::Dst,
        Column::Protocol,
        Column::SrcPort,
        Column::DstPort,
        Column::First,
        Column::Duration,
        Column::Octets,
        Column::Packets,
    ]);

    fn of(calls: &[Call]) -> Self {
        Self { calls: calls.iter().map(|&call| (call, Vec::new())).collect(), count: 0 }
    }
}

impl Aggregate for Records {
    fn observe(&mut self, flows: &FlowBatch) -> Result<()> {
        for row in 0..flows.len() {
            let (peer, port) = (flows.dst.get(row), flows.dst_port[row]);
            let protocol = Protocol(flows.protocol[row]);
            if let Some(of_call) = self.calls.get_mut(&(peer, protocol, port))
                && self.count < MAX_CALLS
            {
                self.count += 1;
                let first_ms = flows.first_ms[row];
                of_call.push(Contact {
                    peer,
                    protocol,
                    port,
                    own_port: flows.src_port[row],
                    first_ms,
                    last_ms: first_ms + u64::from(flows.duration_ms[row]),
                    octets: flows.octets[row],
                    packets: flows.packets[row],
                    failed: false,
                    sampled: false,
                    one_way: false,
                });
            }
        }
        Ok(())
    }

    fn merge(&mut self, other: Self) -> Result<()> {
        self.count += other.count;
        for (call, contacts) in other.calls {
            self.calls.entry(call).or_default().extend(contacts);
        }
        Ok(())
    }
}

/// Beacons among `paced`, by a look at the records that each host sent. What comes at the pace of an
/// exporter's time-out is cut by that, and nobody calls.
pub(in super::super) fn of_records(
    snapshot: &dyn Snapshot,
    question: &Question,
    (parameters, timeouts): (&Parameters, &Timeouts),
    paced: Vec<Paced>,
) -> Result<Vec<Detection>> {
    let mut by_host: BTreeMap<IpAddr, Vec<Call>> = BTreeMap::new();
    for Paced { host, call, .. } in paced {
        by_host.entry(host).or_default().push(call);
    }
    let mut found = Vec::new();
    for (host, calls) in by_host {
        let (addresses, direction) = (Some(host.into()), Direction::Src);
        let question = Question { addresses, direction, limit: None, ..question.clone() };
        let lookup = question.plan_unordered(Records::COLUMNS);
        let records = over(snapshot, lookup.scans(), || Records::of(&calls))?;
        for mut contacts in records.calls.into_values() {
            contacts.sort_unstable_by_key(|contact| (contact.first_ms, contact.own_port));
            let calls: Vec<&Contact> = contacts.iter().collect();
            let detection = of_pair(host, &calls, parameters);
            found.extend(detection.filter(|detection| !is_cut(detection, timeouts)));
        }
    }
    Ok(found)
}

/// Whether a detection has the pace at which exporters cut what goes on, all of the time or in the longest
/// part of it.
fn is_cut(detection: &Detection, timeouts: &Timeouts) -> bool {
    detection.evidence.iter().any(|(name, value)| match value {
        Evidence::Span(span_ms) => {
            matches!(*name, "medianInterval" | "period") && timeouts.may_be(*span_ms)
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::{Kind, Severity};
    use crate::flow::UnixMillis;

    #[test]
    fn what_an_exporter_cut_for_a_while_is_nobodys() {
        let of = |median_ms, period_ms| Detection {
            kind: Kind::Beacon,
            variant: "beacon",
            host: [10, 0, 0, 1].into(),
            peer: None,
            protocol: None,
            port: None,
            first: UnixMillis(1),
            last: UnixMillis(2),
            severity: Severity::Low,
            confidence: 0.8,
            evidence: vec![
                ("window", Evidence::Span(60_000)),
                ("medianInterval", Evidence::Span(median_ms)),
                ("period", Evidence::Span(period_ms)),
            ],
        };
        let timeouts = Timeouts::given(60_000);
        for (median_ms, period_ms, expected) in
            [(60_000, 90_000, true), (73_000, 59_700, true), (73_000, 63_000, false)]
        {
            assert_eq!(is_cut(&of(median_ms, period_ms), &timeouts), expected, "{period_ms}");
        }
    }

    #[test]
    fn the_pace_of_a_time_out_is_nobodys() {
        let given = Timeouts::given(120_000);
        for (span_ms, expected) in
            [(120_000, true), (122_400, true), (122_500, false), (60_000, false), (30_000, false)]
        {
            assert_eq!(given.may_be(span_ms), expected, "{span_ms}");
        }
        assert!(Timeouts::default().may_be(60_016) && !Timeouts::default().may_be(45_000));
    }
}

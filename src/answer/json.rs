//! A flow as a JSON object.

use super::clock::Clock;
use super::elements::{push_extras, push_names, push_text};
use super::nfdump::tcp_flags;
use super::text::{push_address, push_number};
use crate::flow::{CommunityId, FlowRecord, Names};
use crate::meaning::{Ends, Said};

/// Writes flows as the objects of `query -o json`, with times of UTC.
#[cfg(any(feature = "elastic", feature = "kafka"))]
pub(crate) struct Objects {
    clock: Clock,
    names: Names,
    ends: Ends,
}

#[cfg(any(feature = "elastic", feature = "kafka"))]
impl Objects {
    /// Names what exporters call their interfaces, VRFs and applications as `names` has it, and ends
    /// as `ends` has them.
    pub(crate) fn new(names: Names, ends: Ends) -> Self {
        Self { clock: Clock::new(jiff::tz::TimeZone::UTC), names, ends }
    }

    /// Appends the object of a flow with these extras, but for the brace at its end.
    pub(crate) fn push_open(&mut self, to: &mut Vec<u8>, flow: &FlowRecord, extras: &[u8]) {
        push_object(to, &mut self.clock, flow, extras, (&self.names, &mut self.ends));
        to.pop();
    }
}

/// Appends the object of `flow` with every field: `"time":"2007-07-26T22:15:38.007Z"`.
/// What it has beyond these follows under the elements' names, and then what the exporter calls its
/// interfaces, VRFs and applications; and what its addresses mean.
pub(super) fn push_object(
    to: &mut Vec<u8>,
    clock: &mut Clock,
    flow: &FlowRecord,
    extras: &[u8],
    (names, ends): (&Names, &mut Ends),
) {
    push_first_fields(to, flow, |to| clock.push_rfc_3339(to, flow.first));
    to.extend_from_slice(br#","tcpFlags":""#);
    to.extend_from_slice(&tcp_flags(flow.tcp_flags));
    to.push(b'"');
    push_field(to, r#","tos":"#, flow.tos);
    push_field(to, r#","input":"#, flow.input);
    push_field(to, r#","output":"#, flow.output);
    push_field(to, r#","srcAs":"#, flow.src_as);
    push_field(to, r#","dstAs":"#, flow.dst_as);
    push_field(to, r#","srcMask":"#, flow.src_mask);
    push_field(to, r#","dstMask":"#, flow.dst_mask);
    to.extend_from_slice(br#","nextHop":""#);
    push_address(to, flow.next_hop);
    to.extend_from_slice(br#"","exporter":""#);
    push_address(to, flow.source.exporter);
    push_field(to, r#"","engine":"#, flow.source.engine);
    push_field(to, r#","sampling":"#, flow.source.sampling.interval);
    to.extend_from_slice(br#","communityId":""#);
    CommunityId::of(flow).push(to);
    to.push(b'"');
    if !extras.is_empty() {
        push_extras(to, extras);
    }
    if !names.is_empty() {
        push_names(to, flow, extras, names);
    }
    for said in &mut ends.said {
        push_meant(to, flow, said);
    }
    to.push(b'}');
}

/// Appends what the ends of `flow` are called, where something is said of them.
fn push_meant(to: &mut Vec<u8>, flow: &FlowRecord, said: &mut Said) {
    let [src, dst, _] = said.attribute.called();
    for ((member, _), address) in [(src, flow.src), (dst, flow.dst)] {
        let text = said.of(address, flow.first);
        if !text.is_empty() {
            to.extend_from_slice(b",\"");
            to.extend_from_slice(member.as_bytes());
            to.extend_from_slice(b"\":");
            push_text(to, text);
        }
    }
}

/// Appends the object of `flow` with the nine first fields: `"time":"2007-07-26-22:15:38"`.
pub(super) fn push_short_object(to: &mut Vec<u8>, clock: &mut Clock, flow: &FlowRecord) {
    push_first_fields(to, flow, |to| clock.push_dashed(to, flow.first));
    to.push(b'}');
}

fn push_first_fields(to: &mut Vec<u8>, flow: &FlowRecord, time: impl FnOnce(&mut Vec<u8>)) {
    to.extend_from_slice(br#"{"srcAddress":""#);
    push_address(to, flow.src);
    push_field(to, r#"","srcPort":"#, flow.src_port);
    to.extend_from_slice(br#","dstAddress":""#);
    push_address(to, flow.dst);
    push_field(to, r#"","dstPort":"#, flow.dst_port);
    // A string also where it is a number, so that the field has one type.
    to.extend_from_slice(br#","protocol":""#);
    match flow.protocol.name() {
        Some(name) => to.extend_from_slice(name.as_bytes()),
        None => push_number(to, flow.protocol.0),
    }
    to.extend_from_slice(br#"","time":""#);
    time(to);
    push_field(to, r#"","duration":"#, flow.duration_ms);
    push_field(to, r#","bytes":"#, flow.octets);
    push_field(to, r#","packets":"#, flow.packets);
}

fn push_field(to: &mut Vec<u8>, before: &str, number: impl Into<u64>) {
    to.extend_from_slice(before.as_bytes());
    push_number(to, number);
}

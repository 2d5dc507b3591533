//! Keys that flows are summed up by: what they are called, and what they are.

use std::borrow::Cow;
use std::iter;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::clock::Clock;
use super::elements::element_name;
use super::rows::Value;
use super::text::{push_inet_ntop, push_number};
use crate::aggregate::{ElementKey, End, KeyField, KeyValue, Prefix};
use crate::flow::{Column, EventKind};
use crate::meaning::Attribute;

/// The values of a key, as many as its fields have [names](key_names).
pub(super) fn key_values(key: &[KeyValue]) -> impl Iterator<Item = Value> {
    key.iter().flat_map(field_values)
}

/// A key in one line: `10.0.0.1, 443`.
pub fn key_text(key: &[KeyValue]) -> String {
    key_texts(key).collect::<Vec<_>>().join(", ")
}

/// The values of a key as texts, as many as its fields have [names](key_names).
pub(super) fn key_texts(key: &[KeyValue]) -> impl Iterator<Item = String> {
    let mut clock = Clock::new(TimeZone::UTC);
    key_values(key).map(move |value| {
        let mut text = Vec::new();
        match value {
            Value::Text(name) => text.extend_from_slice(called(&name).as_bytes()),
            value => value.push(&mut text, &mut clock),
        }
        String::from_utf8_lossy(&text).into_owned()
    })
}

/// What stands for a name that may not be known.
fn called(name: &str) -> &str {
    if name.is_empty() { "-" } else { name }
}

/// The values of a field of a key: a pair has two.
fn field_values(value: &KeyValue) -> impl Iterator<Item = Value> + use<> {
    let (one, other) = match *value {
        KeyValue::Address(one) => (Value::Address(one), None),
        KeyValue::Pair(one, other) => (Value::Address(one), Some(Value::Address(other))),
        KeyValue::Net(net) => (Value::Net(net), None),
        KeyValue::Number(number) => (Value::number(number), None),
        KeyValue::Protocol(protocol) => (Value::Protocol(protocol), None),
        KeyValue::TcpFlags(flags) => (Value::TcpFlags(flags), None),
        KeyValue::Time(time) => (Value::Time(time), None),
        KeyValue::Event(kind, number) => (event(kind, number), None),
        KeyValue::Element(kind, ref value) => {
            (value.as_deref().map_or(Value::None, |value| Value::Element(kind, *value)), None)
        }
        KeyValue::Label(ref text) => (Value::Text(Arc::clone(text)), None),
    };
    iter::once(one).chain(other)
}

/// An event by its name, as filters take it.
fn event(kind: EventKind, number: Option<u16>) -> Value {
    match number {
        None => Value::Word("none"),
        Some(number) => match kind.name(number.into()) {
            Some(name) => Value::Word(name),
            None => Value::number(number),
        },
    }
}

/// What a field is called in JSON and CSV; a pair has two names.
pub(super) fn key_names(field: &KeyField) -> Vec<Cow<'static, str>> {
    let of = |end, src, dst, any| match end {
        End::Src => src,
        End::Dst => dst,
        End::Any => any,
    };
    let name = match *field {
        KeyField::Address(end, Prefix::WHOLE) => of(end, "srcAddress", "dstAddress", "address"),
        KeyField::Address(end, _) | KeyField::Route(end) => of(end, "srcNet", "dstNet", "net"),
        KeyField::Pair => return vec!["first".into(), "second".into()],
        KeyField::Number(column) => number_words(column).0,
        KeyField::OfEither(column) => either_words(column).0,
        KeyField::Exporter => "exporter",
        KeyField::NextHop => "nextHop",
        KeyField::Bin(_) => "bin",
        KeyField::Event(kind) => event_words(kind).0,
        KeyField::Element(key) => return vec![element_words(&key).0],
        KeyField::EitherElement(src, _) => either_element_words(&src).0,
        KeyField::Meant(end, ref table) => meant_words(end, table.attribute).0,
        KeyField::AsNumber(end, _) => meant_words(end, Attribute::Asn).0,
    };
    vec![name.into()]
}

/// What a column of numbers is called in JSON and CSV, and what stands over it.
const fn number_words(column: Column) -> (&'static str, &'static str) {
    match column {
        Column::Protocol => ("protocol", "Protocol"),
        Column::SrcPort => ("srcPort", "Src Port"),
        Column::DstPort => ("dstPort", "Dst Port"),
        Column::SrcAs => ("srcAs", "Src AS"),
        Column::DstAs => ("dstAs", "Dst AS"),
        Column::Input => ("input", "Input If"),
        Column::Output => ("output", "Output If"),
        Column::TcpFlags => ("tcpFlags", "Flags"),
        Column::Tos => ("tos", "Tos"),
        Column::SrcMask => ("srcMask", "Src Mask"),
        Column::DstMask => ("dstMask", "Dst Mask"),
        // As files call it: no key is made of any of these yet.
        other => (other.name(), other.name()),
    }
}

/// Likewise of what is the same at both ends.
const fn either_words(column: Column) -> (&'static str, &'static str) {
    match column {
        Column::SrcPort | Column::DstPort => ("port", "Port"),
        Column::SrcAs | Column::DstAs => ("as", "AS"),
        Column::Input | Column::Output => ("interface", "In/Out If"),
        other => number_words(other),
    }
}

/// Likewise of events.
const fn event_words(kind: EventKind) -> (&'static str, &'static str) {
    match kind {
        EventKind::Firewall => ("event", "Event"),
        EventKind::Reason => ("xevent", "X-Event"),
        EventKind::Nat => ("natEvent", "NAT Event"),
    }
}

/// Likewise of elements: IANA's name where a key is of one alone.
fn element_words(key: &ElementKey) -> (Cow<'static, str>, Cow<'static, str>) {
    let number = key.ids[0].number;
    if key.is_label {
        let place = number - 69;
        return (format!("mplsLabel{place}").into(), format!("MPLS lab {place}").into());
    }
    let of_two = |name: &'static str, title: &'static str| (name.into(), title.into());
    match (number, key.ids[1].number) {
        _ if key.ids.iter().any(|id| id.enterprise != 0) => {}
        (58, 243) => return of_two("srcVlan", "Src Vlan"),
        (59, 254) => return of_two("dstVlan", "Dst Vlan"),
        (56, 81) => return of_two("srcMac", "Src Mac"),
        (80, 57) => return of_two("dstMac", "Dst Mac"),
        _ => {}
    }
    let name = element_name(key.ids[0]);
    let title = match number {
        _ if key.ids[0].enterprise != 0 => name.clone(),
        56 => "In Src Mac".into(),
        57 => "Out Dst Mac".into(),
        80 => "In Dst Mac".into(),
        81 => "Out Src Mac".into(),
        234 => "I-vrf-ID".into(),
        235 => "E-vrf-ID".into(),
        95 => "Application".into(),
        _ => name.clone(),
    };
    (name, title)
}

/// Likewise of what two elements say of both ends, by the source's.
const fn either_element_words(src: &ElementKey) -> (&'static str, &'static str) {
    match src.ids[0].number {
        58 => ("vlan", "Vlan"),
        56 => ("mac", "Mac"),
        _ => ("vrf", "VRF"),
    }
}

/// Likewise of what an address is called.
const fn meant_words(end: End, attribute: Attribute) -> (&'static str, &'static str) {
    let [src, dst, any] = attribute.called();
    match end {
        End::Src => src,
        End::Dst => dst,
        End::Any => any,
    }
}

/// What stands over its column: nfdump's word.
pub(super) fn title(field: &KeyField) -> Cow<'static, str> {
    let of = |end, src, dst, any| match end {
        End::Src => src,
        End::Dst => dst,
        End::Any => any,
    };
    let title = match *field {
        KeyField::Address(end, Prefix::WHOLE) => of(end, "Src IP Addr", "Dst IP Addr", "IP Addr"),
        KeyField::Address(end, _) | KeyField::Route(end) => {
            of(end, "Src Network", "Dst Network", "Network")
        }
        KeyField::Pair => "IP Addr",
        KeyField::Number(column) => number_words(column).1,
        KeyField::OfEither(column) => either_words(column).1,
        KeyField::Exporter => "Router IP",
        KeyField::NextHop => "Nexthop IP",
        KeyField::Bin(_) => "Time bin",
        KeyField::Event(kind) => event_words(kind).1,
        KeyField::Element(key) => return element_words(&key).1,
        KeyField::EitherElement(src, _) => either_element_words(&src).1,
        KeyField::Meant(end, ref table) => meant_words(end, table.attribute).1,
        KeyField::AsNumber(end, _) => meant_words(end, Attribute::Asn).1,
    };
    title.into()
}

/// What stands over the columns of a key: a pair has two.
pub fn key_titles(fields: &[KeyField]) -> Vec<String> {
    let titles = |field| key_names(field).into_iter().map(move |_| title(field).into_owned());
    fields.iter().flat_map(titles).collect()
}

/// The values of a field of a key as the table shows them.
pub(super) fn cells(value: &KeyValue, clock: &mut Clock) -> Vec<String> {
    let mut cell = |value| {
        let mut text = Vec::new();
        match value {
            Value::Address(address) => push_inet_ntop(&mut text, address),
            // Its name is in a column of its own.
            Value::Protocol(protocol) => push_number(&mut text, protocol.0),
            Value::Time(time) => clock.push(&mut text, time),
            // Flows that lack the element.
            Value::None => text.extend_from_slice(b"none"),
            Value::Text(name) => text.extend_from_slice(called(&name).as_bytes()),
            _ => value.push(&mut text, clock),
        }
        // An element may hold what steers a terminal.
        String::from_utf8_lossy(&text).replace(char::is_control, "\u{fffd}")
    };
    field_values(value).map(&mut cell).collect()
}

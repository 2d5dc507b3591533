//! Elements out of the text of an export: an object in JSON, by their names, with values by their
//! kinds. What was put into such a text comes out of it, but for what the text does not tell: how
//! many bytes a number had.

use std::fmt;
use std::net::IpAddr;

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::Value;

use super::draft::Draft;
use crate::flow::{
    ElementId, Kind, NTP_TO_UNIX_SECS, REVERSE_ENTERPRISE, UnixMillis, element_named, printable,
    without_zeros_at_start,
};

/// Keeps every element of `text` in `to`; None where it is no such object.
pub(super) fn take(text: &[u8], to: &mut Draft) -> Option<()> {
    let mut source = serde_json::Deserializer::from_slice(text);
    source.deserialize_map(Members(to)).ok()?;
    source.end().ok()
}

/// Keeps the element of this name in `to`, whose value is a text by itself, without quotes; None
/// where there is no such element, or it has no such value.
pub(super) fn take_plain(name: &[u8], text: &[u8], to: &mut Draft) -> Option<()> {
    let id = named(str::from_utf8(name).ok()?)?;
    let text = str::from_utf8(text).ok()?;
    let kind = id.known().map_or(Kind::Octets, |known| known.kind);
    let is_number = matches!(kind, Kind::Unsigned | Kind::Signed | Kind::Float | Kind::Boolean);
    // What is told several times is a list.
    let value = match serde_json::from_str(text) {
        Ok(Value::Array(list)) if is_number || list.iter().all(Value::is_string) => {
            Value::Array(list)
        }
        Ok(value) if is_number => value,
        _ => Value::String(text.to_owned()),
    };
    keep(id, value, to)
}

/// Keeps the values of an element; None where it has no such value.
pub(super) fn keep(id: ElementId, value: Value, to: &mut Draft) -> Option<()> {
    let values = match value {
        Value::Array(values) => values,
        value => vec![value],
    };
    for value in values {
        to.keep(id, &bytes_of(id, &value)?);
    }
    Some(())
}

/// The members of an object in their order.
struct Members<'a>(&'a mut Draft);

impl<'de> Visitor<'de> for Members<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("elements by their names")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        use serde::de::Error;
        while let Some((name, value)) = members.next_entry::<String, Value>()? {
            let id = named(&name).ok_or_else(|| A::Error::custom("no element"))?;
            keep(id, value, self.0).ok_or_else(|| A::Error::custom("no value"))?;
        }
        Ok(())
    }
}

/// The element of this name, as exports name it.
pub(super) fn named(name: &str) -> Option<ElementId> {
    if let Some(id) = element_named(name) {
        return Some(id);
    }
    if let Some(id) = name.strip_prefix("reverse").and_then(element_named)
        && id.enterprise == 0
    {
        return Some(ElementId { enterprise: REVERSE_ENTERPRISE, ..id });
    }
    if let Some(number) = name.strip_prefix("element") {
        return Some(ElementId { number: number.parse().ok()?, enterprise: 0 });
    }
    let (enterprise, number) = name.strip_prefix("enterprise")?.split_once("Element")?;
    Some(ElementId { number: number.parse().ok()?, enterprise: enterprise.parse().ok()? })
}

fn bytes_of(id: ElementId, value: &Value) -> Option<Vec<u8>> {
    let kind = id.known().map_or(Kind::Octets, |known| known.kind);
    match (kind, value) {
        (Kind::Unsigned, Value::Number(number)) => Some(short(number.as_u64()?)),
        (Kind::Signed, Value::Number(number)) => Some(number.as_i64()?.to_be_bytes().to_vec()),
        (Kind::Float, Value::Number(number)) => Some(number.as_f64()?.to_be_bytes().to_vec()),
        (Kind::Float, Value::Null) => Some(f64::NAN.to_be_bytes().to_vec()),
        (Kind::Boolean, Value::Bool(is)) => Some(vec![if *is { 1 } else { 2 }]),
        (_, Value::String(text)) => of_text(kind, text),
        _ => None,
    }
}

fn of_text(kind: Kind, text: &str) -> Option<Vec<u8>> {
    match kind {
        Kind::Seconds => moment(text).map(|time| short(time / 1000)),
        Kind::Millis => moment(text).map(short),
        Kind::Ntp => moment(text).map(|time| {
            // Rounded up, so that it is shown as the same millisecond.
            let fraction = ((time % 1000) << 32).div_ceil(1000);
            (((time / 1000 + NTP_TO_UNIX_SECS) << 32) + fraction).to_be_bytes().to_vec()
        }),
        Kind::Mac => hex(&text.replace(':', "")),
        Kind::Address(_) => match text.parse() {
            Ok(IpAddr::V4(address)) => Some(address.octets().to_vec()),
            Ok(IpAddr::V6(address)) => Some(address.octets().to_vec()),
            Err(_) => hex(text),
        },
        Kind::Text => Some(text.as_bytes().to_vec()),
        // Bytes that are a text are shown as that, and others by their digits.
        _ => match hex(text).filter(|bytes| printable(bytes).is_none()) {
            Some(bytes) => Some(bytes),
            None => Some(text.as_bytes().to_vec()),
        },
    }
    .or_else(|| hex(text))
}

/// The milliseconds since 1970 of a time that is written so.
pub(super) fn moment(text: &str) -> Option<u64> {
    let time: jiff::Timestamp = text.parse().ok()?;
    u64::try_from(time.as_millisecond()).ok().filter(|&time| time <= UnixMillis::LAST.0)
}

fn short(number: u64) -> Vec<u8> {
    without_zeros_at_start(&number.to_be_bytes()).to_vec()
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digit = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?));
    rest.is_empty().then(|| bytes.collect()).flatten()
}

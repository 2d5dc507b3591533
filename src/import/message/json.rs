//! A flow as the objects of `query -o json` have it. What they do not tell is how an exporter chooses
//! what it samples, and how many bytes a number beyond the common fields had.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use crate::flow::{Column, UnixMillis};
use crate::import::draft::Draft;
use crate::import::elements;
use crate::import::text::{Wrong, protocol, wrong};

/// What is made of other members, or said by a table of names, and no element of its own.
const BESIDE: [&str; 5] =
    ["communityId", "inputName", "outputName", "ingressVRFName", "egressVRFName"];

/// Whether a message begins as an object in JSON does: what goflow2 writes has no number of a field
/// there.
pub(super) fn is_told_by(value: &[u8]) -> bool {
    let mut bytes = value.iter().filter(|byte| !byte.is_ascii_whitespace());
    bytes.next() == Some(&b'{') && matches!(bytes.next(), Some(b'"' | b'}'))
}

/// Hands over each line that is not empty.
pub(super) fn each(
    value: &[u8],
    mut line: impl FnMut(&[u8]) -> Result<(), Wrong>,
) -> Result<(), Wrong> {
    let value = value.trim_ascii();
    // An object may be written on several lines as well, if it is alone.
    if !value.contains(&b'\n') || serde_json::from_slice::<IgnoredAny>(value).is_ok() {
        return line(value);
    }
    let lines = value.split(|&byte| byte == b'\n');
    lines.filter(|text| !text.iter().all(u8::is_ascii_whitespace)).try_for_each(line)
}

/// Puts what an object says into `to`, and the names of members that nobody knows into `unknown`.
pub(super) fn take(text: &[u8], to: &mut Draft, unknown: &mut Vec<String>) -> Result<(), Wrong> {
    let mut source = serde_json::Deserializer::from_slice(text);
    let taken = source.deserialize_map(Members { to, unknown }).and_then(|()| source.end());
    taken.map_err(|error| wrong("malformed JSON", error.to_string()))
}

/// The members of an object.
struct Members<'a> {
    to: &'a mut Draft,
    unknown: &'a mut Vec<String>,
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a flow")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let Self { to, unknown } = self;
        let (mut first, mut duration) = (None, 0);
        while let Some(Text(name)) = members.next_key()? {
            match &*name {
                "srcAddress" => to.record.src = Some(members.next_value()?),
                "dstAddress" => to.record.dst = Some(members.next_value()?),
                "nextHop" => to.record.next_hop = Some(members.next_value()?),
                "exporter" => to.source.exporter = members.next_value::<IpAddr>()?,
                "engine" => to.source.engine = members.next_value()?,
                "sampling" => to.source.sampling.interval = members.next_value()?,
                "time" => first = Some(time(&members.next_value::<Text<'_>>()?.0)?),
                "duration" => duration = members.next_value::<u32>()?.into(),
                "protocol" => {
                    let Text(text) = members.next_value()?;
                    let number = protocol(&text);
                    let number = number.ok_or_else(|| A::Error::custom("no protocol"))?;
                    to.number(Column::Protocol, number.0);
                }
                "tcpFlags" => {
                    let Text(text) = members.next_value()?;
                    let flags = flags(&text).ok_or_else(|| A::Error::custom("no TCP flags"))?;
                    to.number(Column::TcpFlags, flags);
                }
                name => match column(name) {
                    Some((column, most)) => {
                        let number = members.next_value::<u64>()?;
                        if number > most {
                            return Err(A::Error::custom(format_args!("{name} is over {most}")));
                        }
                        to.number(column, number);
                    }
                    None if BESIDE.contains(&name) => drop(members.next_value::<IgnoredAny>()?),
                    None => {
                        if let Some(id) = elements::named(name) {
                            let value: Value = members.next_value()?;
                            let kept = elements::keep(id, value, to);
                            kept.ok_or_else(|| A::Error::custom(format_args!("no {name}")))?;
                        } else {
                            unknown.push(name.to_owned());
                            members.next_value::<IgnoredAny>()?;
                        }
                    }
                },
            }
        }
        let first = first.ok_or_else(|| A::Error::custom("it has no time"))?;
        to.lasts(first, first + duration);
        Ok(())
    }
}

/// The column of a member that is a number, and the highest one.
fn column(name: &str) -> Option<(Column, u64)> {
    let (byte, word) = (u64::from(u8::MAX), u64::from(u32::MAX));
    Some(match name {
        "srcPort" => (Column::SrcPort, u16::MAX.into()),
        "dstPort" => (Column::DstPort, u16::MAX.into()),
        "bytes" => (Column::Octets, u64::MAX),
        "packets" => (Column::Packets, u64::MAX),
        "tos" => (Column::Tos, byte),
        "input" => (Column::Input, word),
        "output" => (Column::Output, word),
        "srcAs" => (Column::SrcAs, word),
        "dstAs" => (Column::DstAs, word),
        "srcMask" => (Column::SrcMask, byte),
        "dstMask" => (Column::DstMask, byte),
        _ => return None,
    })
}

fn time<E: serde::de::Error>(text: &str) -> Result<UnixMillis, E> {
    let millis = elements::moment(text);
    millis.map(UnixMillis).ok_or_else(|| E::custom(format_args!("{text:?} is no time")))
}

/// Flags by their letters, a dot for each that is not set.
fn flags(text: &str) -> Option<u8> {
    let letters: [u8; 8] = text.as_bytes().try_into().ok()?;
    letters.iter().zip(b"CEUAPRSF").try_fold(0, |flags, (&letter, &known)| {
        (letter == known || letter == b'.').then_some(flags << 1 | u8::from(letter == known))
    })
}

/// A text, copied only where it is written with escapes.
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Texts;
        impl<'de> Visitor<'de> for Texts {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        from.deserialize_str(Texts)
    }
}

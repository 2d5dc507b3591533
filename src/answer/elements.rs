//! What flows have beyond the common fields, as members of a JSON object: by the names of the
//! elements, with values by their kinds.

use std::borrow::Cow;
use std::io::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::text::{push_address, push_number};
use crate::aggregate::ElementValue;
use crate::flow::{
    ElementId, Extra, FlowRecord, Kind, NTP_TO_UNIX_SECS, Names, REVERSE_ENTERPRISE, UnixMillis,
    extra_value, extras, float, printable, signed, unsigned, without_zeros_at_start,
};

/// Appends `,"vlanId":7,"sourceMacAddress":"00:00:5e:00:53:01"` and so on. Of an element that comes
/// several times the values are a list, in the order in which they came.
pub(super) fn push_extras(to: &mut Vec<u8>, bytes: &[u8]) {
    for (place, extra) in extras(bytes).enumerate() {
        if is_repeated(bytes, place, extra) {
            continue;
        }
        to.extend_from_slice(b",\"");
        let kind = push_name(to, extra.id());
        to.extend_from_slice(b"\":");
        let mut more = extras(bytes).skip(place + 1).filter(|other| other.id() == extra.id());
        let Some(second) = more.next() else {
            push_value(to, kind, extra.value);
            continue;
        };
        to.push(b'[');
        push_value(to, kind, extra.value);
        for other in std::iter::once(second).chain(more) {
            to.push(b',');
            push_value(to, kind, other.value);
        }
        to.push(b']');
    }
}

/// Appends the elements of `bytes` as an object by themselves.
pub(crate) fn push_elements(to: &mut Vec<u8>, bytes: &[u8]) {
    let start = to.len();
    push_extras(to, bytes);
    match to.get_mut(start) {
        // Where the comma before the first one is.
        Some(first) => *first = b'{',
        None => to.push(b'{'),
    }
    to.push(b'}');
}

/// Whether an element like the one at `place` stands before it.
fn is_repeated(bytes: &[u8], place: usize, extra: Extra<'_>) -> bool {
    extras(bytes).take(place).any(|other| other.id() == extra.id())
}

/// Appends what the exporter of `flow` calls the interfaces, VRFs and the application that it names
/// by number, as far as that is known, and what it is called itself: `,"inputName":"eth0"` and so on.
pub(super) fn push_names(to: &mut Vec<u8>, flow: &FlowRecord, bytes: &[u8], names: &Names) {
    let exporter = flow.source.exporter;
    let interface = |index| names.interfaces.get(&(exporter, index));
    let mut push = |member: &str, name: Option<&String>| {
        if let Some(name) = name {
            // Writing to memory cannot fail.
            let _ = write!(to, ",\"{member}\":");
            push_text(to, name);
        }
    };
    push("exporterName", names.exporters.get(&exporter));
    push("inputName", interface(flow.input));
    push("outputName", interface(flow.output));
    for (place, extra) in extras(bytes).enumerate() {
        let Extra { number, enterprise, value } = extra;
        if enterprise != 0 || !matches!(number, 234 | 235 | 95) || is_repeated(bytes, place, extra)
        {
            continue;
        }
        let vrf = || names.vrfs.get(&(exporter, unsigned(value) as u32));
        match number {
            234 => push("ingressVRFName", vrf()),
            235 => push("egressVRFName", vrf()),
            95 if !says(bytes, 96) => {
                push("applicationName", names.applications.get(&(exporter, unsigned(value))));
            }
            _ => {}
        }
    }
}

/// Whether IANA's element `number` is among those of a flow.
fn says(bytes: &[u8], number: u16) -> bool {
    extra_value(bytes, ElementId::iana(number)).is_some()
}

fn push_name(to: &mut Vec<u8>, id: ElementId) -> Kind {
    to.extend_from_slice(element_name(id).as_bytes());
    id.known().map_or(Kind::Octets, |known| known.kind)
}

/// The element's name: IANA's, with `reverse` before it for the flow's way back (RFC 5103 §6.1), or one
/// of an enterprise; else its number, behind that of its enterprise.
pub(super) fn element_name(id: ElementId) -> Cow<'static, str> {
    let ElementId { number, enterprise } = id;
    match id.known() {
        Some(known) if enterprise != REVERSE_ENTERPRISE => known.name.into(),
        Some(known) => {
            let (first, rest) = known.name.split_at(1);
            format!("reverse{}{rest}", first.to_ascii_uppercase()).into()
        }
        None if enterprise == 0 => format!("element{number}").into(),
        None => format!("enterprise{enterprise}Element{number}").into(),
    }
}

/// Appends the value of an element in a key as JSON: what was cut of it ends with an ellipsis.
pub(super) fn push_element(to: &mut Vec<u8>, kind: Kind, value: &ElementValue) {
    match value {
        ElementValue::Number(number) => {
            push_value(to, kind, without_zeros_at_start(&number.to_be_bytes()));
        }
        ElementValue::Signed(number) => push_value(to, kind, &number.to_be_bytes()),
        ElementValue::Bytes(bytes) => {
            push_value(to, kind, bytes.get());
            if bytes.is_cut() && to.pop_if(|last| *last == b'"').is_some() {
                to.extend_from_slice("…\"".as_bytes());
            }
        }
    }
}

fn push_value(to: &mut Vec<u8>, kind: Kind, value: &[u8]) {
    match (kind, value.len()) {
        (Kind::Unsigned, 0..=8) => push_number(to, unsigned(value)),
        (Kind::Signed, 1..=8) => push_signed(to, value),
        (Kind::Boolean, 1) => {
            to.extend_from_slice(if value[0] == 1 { b"true" } else { b"false" });
        }
        (Kind::Seconds, 0..=6) => push_time(to, UnixMillis(unsigned(value) * 1000)),
        (Kind::Millis, 0..=8) => push_time(to, UnixMillis(unsigned(value))),
        (Kind::Ntp, 8) => push_ntp(to, unsigned(value)),
        (Kind::Text, _) => push_text(to, &String::from_utf8_lossy(value)),
        (Kind::Float, 4 | 8) => push_float(to, value),
        (Kind::Mac, 6) => push_hex(to, value, ":"),
        (Kind::Address(_), 4 | 16) => push_quoted_address(to, value),
        (Kind::Octets, _) if let Some(text) = printable(value) => push_text(to, text),
        _ => push_hex(to, value, ""),
    }
}

fn push_signed(to: &mut Vec<u8>, value: &[u8]) {
    let _ = write!(to, "{}", signed(value).unwrap_or_default());
}

fn push_float(to: &mut Vec<u8>, value: &[u8]) {
    // JSON has no number for what is none.
    let _ = match float(value).filter(|number| number.is_finite()) {
        Some(number) => write!(to, "{number}"),
        None => write!(to, "null"),
    };
}

fn push_time(to: &mut Vec<u8>, time: UnixMillis) {
    let _ = write!(to, "\"{time}\"");
}

fn push_ntp(to: &mut Vec<u8>, stamp: u64) {
    let secs = (stamp >> 32).saturating_sub(NTP_TO_UNIX_SECS);
    let millis = ((stamp & 0xffff_ffff) * 1000) >> 32;
    push_time(to, UnixMillis(secs * 1000 + millis));
}

fn push_quoted_address(to: &mut Vec<u8>, value: &[u8]) {
    to.push(b'"');
    if let Ok(address) = <[u8; 4]>::try_from(value) {
        push_address(to, Ipv4Addr::from(address).into());
    } else if let Ok(address) = <[u8; 16]>::try_from(value) {
        push_address(to, Ipv6Addr::from(address).into());
    }
    to.push(b'"');
}

fn push_hex(to: &mut Vec<u8>, value: &[u8], between: &str) {
    to.push(b'"');
    for (place, byte) in value.iter().enumerate() {
        let between = if place == 0 { "" } else { between };
        let _ = write!(to, "{between}{byte:02x}");
    }
    to.push(b'"');
}

/// Appends text as a string of JSON.
pub(super) fn push_text(to: &mut Vec<u8>, text: &str) {
    // A string can be written as JSON.
    let _ = serde_json::to_writer(to, text);
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::flow::push_extra;

    #[test]
    fn a_vrf_that_comes_twice_is_named_once() {
        let mut bytes = Vec::new();
        for value in [&[1][..], &[2]] {
            assert!(push_extra(&mut bytes, 0, Extra { number: 234, enterprise: 0, value }));
        }
        let zero = IpAddr::from([0; 4]);
        let flow = FlowRecord::between(zero, zero);
        let mut names = Names::default();
        for vrf in [1, 2] {
            names.vrfs.insert((zero, vrf), format!("vrf{vrf}"));
        }
        let mut text = Vec::new();
        push_names(&mut text, &flow, &bytes, &names);
        assert_eq!(String::from_utf8(text).unwrap(), r#","ingressVRFName":"vrf1""#);
    }

    #[test]
    fn values_are_shown_by_their_kinds() {
        let mut bytes = Vec::new();
        for (number, enterprise, value) in [
            (58, 0, &[7][..]),
            (232, 0, &[]),
            (56, 0, &[0, 0, 0x5e, 0, 0x53, 1]),
            (225, 0, &[192, 0, 2, 1]),
            (281, 0, &[0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
            (82, 0, b"a\"b\x01"),
            (70, 0, &[0, 1, 0x41]),
            (276, 0, &[2]),
            (258, 0, &[0x01, 0x14, 0x25, 0x86, 0x38, 0x98]),
            (1, 29_305, &[1, 0]),
            (40_006, 0, &[1, 2]),
            (40_000, 0, b"alice"),
            (93, 637, b"LSN-Host@100.64.0.9\0\0\0"),
            (5, 9, &[0xff]),
            (58, 0, &[8]),
        ] {
            assert!(push_extra(&mut bytes, 0, Extra { number, enterprise, value }));
        }
        let mut text = Vec::new();
        push_extras(&mut text, &bytes);
        let object = format!("{{{}}}", String::from_utf8(text).unwrap().trim_start_matches(','));
        let object: serde_json::Value = serde_json::from_str(&object).unwrap();
        assert_eq!(
            object,
            serde_json::json!({
                "vlanId": [7, 8],
                "responderOctets": 0,
                "sourceMacAddress": "00:00:5e:00:53:01",
                "postNATSourceIPv4Address": "192.0.2.1",
                "postNATSourceIPv6Address": "2001:db8::1",
                "interfaceName": "a\"b\u{1}",
                "mplsTopLabelStackSection": "000141",
                "dataRecordsReliability": false,
                "collectionTimeMilliseconds": "2007-08-02T07:42:07.000Z",
                "reverseOctetDeltaCount": 256,
                "element40006": "0102",
                "aaaUserName": "alice",
                "enterprise637Element93": "LSN-Host@100.64.0.9",
                "enterprise9Element5": "ff",
            })
        );
    }
}

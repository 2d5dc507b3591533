//! The greatest keys to an output.

use std::io::Write;
use std::iter;

use jiff::tz::TimeZone;

use super::clock::{Clock, push_duration};
use super::nfdump::push_scaled;
use super::pieces::write_text;
use super::rows::{Head, Value, write_rows};
use super::text::{push_inet_ntop, push_left, push_number};
use super::{AnswerError, PairFormat};
use crate::aggregate::{
    Counters, Counts, End, KeyField, KeyValue, Prefix, Top, TopEntry, TopOptions,
};
use crate::flow::{Column, EventKind};

/// How a top is written.
#[derive(Debug, Clone)]
pub struct TopStyle {
    /// The layout.
    pub format: PairFormat,
    /// The zone of its times.
    pub zone: TimeZone,
    /// Whether `line` has all digits of numbers, durations in seconds, and protocols as numbers.
    pub plain: bool,
}

/// Prints `top`, which was made with `options`.
///
/// `line` is nfdump's table of `-s`, with a column for each field where there are several; a
/// protocol beside other fields is in the column `Proto`. In JSON and CSV shares are percent of all
/// flows that were looked at, `duration` is milliseconds, and `pps`, `bps` and `bpp` are packets and
/// bits a second and octets a packet, rounded down. JSON is one object, with the totals.
///
/// # Errors
///
/// [`AnswerError::Output`] for what the output meets, but for a closed pipe.
pub fn write_top(
    top: &Top,
    options: &TopOptions,
    style: &TopStyle,
    to: impl Write,
) -> Result<(), AnswerError> {
    if style.format == PairFormat::Line {
        let mut clock = Clock::new(style.zone.clone());
        return write_text(&table(top, options, style.plain, &mut clock), to);
    }
    let key: Vec<&str> = options.fields.iter().flat_map(|&field| key_names(field)).collect();
    let head = Head { object: object(top, options, &key), names: [&key[..], &FIELDS].concat() };
    let rows = top
        .entries
        .iter()
        .map(|entry| Ok(key_values(&entry.key).chain(values(&entry.counts, &top.totals))));
    write_rows(rows, &head, style.format, style.zone.clone(), to).map(drop)
}

/// What JSON has before the rows.
fn object(top: &Top, options: &TopOptions, key: &[&str]) -> String {
    let Counters { flows, packets, octets } = top.totals;
    format!(
        "{{\"key\":[\"{}\"],\"by\":\"{}\",\"keys\":{},\n\
         \"totals\":{{\"octets\":{octets},\"packets\":{packets},\"flows\":{flows},\
         \"withoutTraffic\":{}}},\n\
         \"top\":",
        key.join("\",\""),
        options.order,
        top.keys,
        top.without_traffic,
    )
}

/// The values of a key, as many as its fields have [names](key_names).
pub(super) fn key_values(key: &[KeyValue]) -> impl Iterator<Item = Value> {
    key.iter().flat_map(|&value| field_values(value))
}

/// A key in one line: `10.0.0.1, 443`.
pub fn key_text(key: &[KeyValue]) -> String {
    let mut clock = Clock::new(TimeZone::UTC);
    let mut text = Vec::new();
    for value in key_values(key) {
        if !text.is_empty() {
            text.extend_from_slice(b", ");
        }
        value.push(&mut text, &mut clock);
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// The values of a field of a key: a pair has two.
fn field_values(value: KeyValue) -> impl Iterator<Item = Value> {
    let (one, other) = match value {
        KeyValue::Address(one) => (Value::Address(one), None),
        KeyValue::Pair(one, other) => (Value::Address(one), Some(Value::Address(other))),
        KeyValue::Net(net) => (Value::Net(net), None),
        KeyValue::Number(number) => (Value::number(number), None),
        KeyValue::Protocol(protocol) => (Value::Protocol(protocol), None),
        KeyValue::TcpFlags(flags) => (Value::TcpFlags(flags), None),
        KeyValue::Time(time) => (Value::Time(time), None),
        KeyValue::Event(kind, number) => (event(kind, number), None),
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

/// The values of [`FIELDS`].
fn values(counts: &Counts, totals: &Counters) -> [Value; FIELDS.len()] {
    let Counters { flows, packets, octets } = counts.counters;
    [
        Value::Number(octets),
        Value::Percent(percent(octets, totals.octets)),
        Value::Number(packets),
        Value::Percent(percent(packets, totals.packets)),
        Value::Number(flows),
        Value::Percent(percent(flows, totals.flows)),
        Value::Time(counts.first),
        Value::Time(counts.last),
        Value::number(counts.duration_ms()),
        Value::Number(counts.packets_a_second()),
        Value::Number(counts.bits_a_second()),
        Value::Number(counts.counters.octets_a_packet()),
    ]
}

/// The fields behind those of the key.
const FIELDS: [&str; 12] = [
    "octets",
    "octetsPercent",
    "packets",
    "packetsPercent",
    "flows",
    "flowsPercent",
    "firstSeen",
    "lastSeen",
    "duration",
    "pps",
    "bps",
    "bpp",
];

/// What a field is called in JSON and CSV; a pair has two names.
pub(super) fn key_names(field: KeyField) -> Vec<&'static str> {
    let of = |end, src, dst, any| match end {
        End::Src => src,
        End::Dst => dst,
        End::Any => any,
    };
    vec![match field {
        KeyField::Address(end, Prefix::WHOLE) => of(end, "srcAddress", "dstAddress", "address"),
        KeyField::Address(end, _) | KeyField::Route(end) => of(end, "srcNet", "dstNet", "net"),
        KeyField::Pair => return vec!["first", "second"],
        KeyField::Number(column) => number_words(column).0,
        KeyField::OfEither(column) => either_words(column).0,
        KeyField::Exporter => "exporter",
        KeyField::NextHop => "nextHop",
        KeyField::Bin(_) => "bin",
        KeyField::Event(kind) => event_words(kind).0,
    }]
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

/// What stands over its column: nfdump's word.
fn title(field: KeyField) -> &'static str {
    let of = |end, src, dst, any| match end {
        End::Src => src,
        End::Dst => dst,
        End::Any => any,
    };
    match field {
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
    }
}

fn table(top: &Top, options: &TopOptions, plain: bool, clock: &mut Clock) -> String {
    let alone = options.fields.len() == 1;
    let shown = |field: &KeyField| alone || *field != KeyField::Number(Column::Protocol);
    // A pair has two columns.
    let titles: Vec<&str> = options
        .fields
        .iter()
        .filter(|field| shown(field))
        .flat_map(|&field| key_names(field).into_iter().map(move |_| title(field)))
        .collect();
    let rows: Vec<Vec<String>> = top
        .entries
        .iter()
        .map(|entry| {
            let fields = options.fields.iter().zip(&entry.key);
            fields
                .filter(|(field, _)| shown(field))
                .flat_map(|(_, &value)| cells(value, clock))
                .collect()
        })
        .collect();
    // One column alone is as wide as nfdump's.
    let least = if titles.len() == 1 { 17 } else { 0 };
    let widths: Vec<usize> = (0..titles.len())
        .map(|column| {
            let cells = rows.iter().map(|row| row[column].len());
            cells.chain([titles[column].len(), least]).max().unwrap_or(0)
        })
        .collect();
    let mut text = b"Date first seen             Duration     Proto".to_vec();
    let push_key = |text: &mut Vec<u8>, row: &mut dyn Iterator<Item = &str>| {
        for (cell, width) in row.zip(&widths) {
            // Writing to bytes cannot fail.
            let _ = write!(text, " {cell:>width$}");
        }
    };
    push_key(&mut text, &mut titles.iter().copied());
    text.extend_from_slice(
        b"    Flows(%)     Packets(%)       Bytes(%)         pps      bps   bpp\n",
    );
    for (entry, row) in top.entries.iter().zip(&rows) {
        clock.push(&mut text, entry.counts.first);
        push_length(&mut text, entry.counts.duration_ms(), plain);
        push_left(&mut text, 5, |text| text.extend_from_slice(protocol(entry, plain).as_bytes()));
        push_key(&mut text, &mut row.iter().map(String::as_str));
        push_counts(&mut text, &entry.counts, &top.totals, plain);
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// What is in the column `Proto`.
fn protocol(entry: &TopEntry, plain: bool) -> String {
    let protocol = entry.key.iter().find_map(|value| match value {
        KeyValue::Protocol(protocol) if plain => Some(protocol.0.to_string()),
        KeyValue::Protocol(protocol) => Some(protocol.to_string()),
        _ => None,
    });
    protocol.unwrap_or_else(|| "any".to_owned())
}

/// The values of a field of a key as the table shows them.
fn cells(value: KeyValue, clock: &mut Clock) -> Vec<String> {
    let mut cell = |value| {
        let mut text = Vec::new();
        match value {
            Value::Address(address) => push_inet_ntop(&mut text, address),
            // Its name is in a column of its own.
            Value::Protocol(protocol) => push_number(&mut text, protocol.0),
            Value::Time(time) => clock.push(&mut text, time),
            _ => value.push(&mut text, clock),
        }
        String::from_utf8_lossy(&text).into_owned()
    };
    field_values(value).map(&mut cell).collect()
}

fn push_length(text: &mut Vec<u8>, millis: u64, plain: bool) {
    text.push(b' ');
    if plain {
        let _ = write!(text, "{:>12}.{:03}", millis / 1000, millis % 1000);
    } else {
        push_duration(text, millis);
    }
    text.push(b' ');
}

fn push_counts(text: &mut Vec<u8>, counts: &Counts, totals: &Counters, plain: bool) {
    let push = |text: &mut Vec<u8>, number: u128| {
        if plain {
            let _ = write!(text, " {number:>8}");
        } else {
            push_scaled(text, number);
        }
    };
    let Counters { flows, packets, octets } = counts.counters;
    let of = [(flows, totals.flows), (packets, totals.packets), (octets, totals.octets)];
    for (number, total) in of {
        push(text, number);
        let _ = write!(text, "({:4.1})", percent(number, total));
    }
    push(text, counts.packets_a_second());
    push(text, counts.bits_a_second());
    let _ = writeln!(text, " {:>5}", counts.counters.octets_a_packet());
}

fn percent(number: u128, total: u128) -> f64 {
    if total == 0 { 0.0 } else { number as f64 * 100.0 / total as f64 }
}

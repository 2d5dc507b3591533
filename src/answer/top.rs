//! The greatest keys to an output.

use std::io::Write;

use jiff::tz::TimeZone;

use super::clock::{Clock, push_duration};
use super::nfdump::{push_scaled, tcp_flags};
use super::pieces::or_closed;
use super::text::{push_address, push_inet_ntop, push_left};
use super::{AnswerError, PairFormat};
use crate::aggregate::{
    Counters, Counts, End, KeyField, KeyValue, Prefix, Top, TopEntry, TopOptions,
};
use crate::flow::UnixMillis;

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
    mut to: impl Write,
) -> Result<(), AnswerError> {
    let mut clock = Clock::new(style.zone.clone());
    let text = match style.format {
        PairFormat::Line => table(top, options, style.plain, &mut clock),
        PairFormat::Ndjson => {
            let objects = top.entries.iter();
            objects.map(|entry| object(entry, top, options, &mut clock) + "\n").collect()
        }
        PairFormat::Json => json(top, options, &mut clock),
        PairFormat::Csv => csv(top, options, &mut clock),
    };
    or_closed(to.write_all(text.as_bytes()).and_then(|()| to.flush()))
        .map(|_| ())
        .map_err(AnswerError::Output)
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

/// What a field is called in JSON and CSV.
fn names(field: KeyField) -> &'static [&'static str] {
    let of = |end, src, dst, any| match end {
        End::Src => src,
        End::Dst => dst,
        End::Any => any,
    };
    match field {
        KeyField::Address(end, Prefix::WHOLE) => {
            of(end, &["srcAddress"], &["dstAddress"], &["address"])
        }
        KeyField::Address(end, _) | KeyField::Route(end) => {
            of(end, &["srcNet"], &["dstNet"], &["net"])
        }
        KeyField::Pair => &["first", "second"],
        KeyField::Port(end) => of(end, &["srcPort"], &["dstPort"], &["port"]),
        KeyField::Protocol => &["protocol"],
        KeyField::As(end) => of(end, &["srcAs"], &["dstAs"], &["as"]),
        KeyField::Interface(end) => of(end, &["input"], &["output"], &["interface"]),
        KeyField::Exporter => &["exporter"],
        KeyField::NextHop => &["nextHop"],
        KeyField::TcpFlags => &["tcpFlags"],
        KeyField::Tos => &["tos"],
        KeyField::Bin(_) => &["bin"],
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
        KeyField::Port(end) => of(end, "Src Port", "Dst Port", "Port"),
        KeyField::Protocol => "Protocol",
        KeyField::As(end) => of(end, "Src AS", "Dst AS", "AS"),
        KeyField::Interface(end) => of(end, "Input If", "Output If", "In/Out If"),
        KeyField::Exporter => "Router IP",
        KeyField::NextHop => "Nexthop IP",
        KeyField::TcpFlags => "Flags",
        KeyField::Tos => "Tos",
        KeyField::Bin(_) => "Time bin",
    }
}

fn table(top: &Top, options: &TopOptions, plain: bool, clock: &mut Clock) -> String {
    let alone = options.fields.len() == 1;
    let shown = |field: &KeyField| alone || *field != KeyField::Protocol;
    // A pair has two columns.
    let titles: Vec<&str> = options
        .fields
        .iter()
        .filter(|field| shown(field))
        .flat_map(|&field| names(field).iter().map(move |_| title(field)))
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

/// A value as the table shows it.
fn cells(value: KeyValue, clock: &mut Clock) -> Vec<String> {
    let address = |address| {
        let mut text = Vec::new();
        push_inet_ntop(&mut text, address);
        String::from_utf8_lossy(&text).into_owned()
    };
    match value {
        KeyValue::Address(one) => vec![address(one)],
        KeyValue::Pair(a, b) => vec![address(a), address(b)],
        // Its name is in a column of its own.
        KeyValue::Protocol(protocol) => vec![protocol.0.to_string()],
        KeyValue::Time(time) => vec![moment(time, clock)],
        _ => texts(value, clock),
    }
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

/// A value as JSON and CSV have it, without quotes.
fn texts(value: KeyValue, clock: &mut Clock) -> Vec<String> {
    let address = |address| {
        let mut text = Vec::new();
        push_address(&mut text, address);
        String::from_utf8_lossy(&text).into_owned()
    };
    match value {
        KeyValue::Address(one) => vec![address(one)],
        KeyValue::Net(net) => vec![net.to_string()],
        KeyValue::Pair(a, b) => vec![address(a), address(b)],
        KeyValue::Number(number) => vec![number.to_string()],
        KeyValue::Protocol(protocol) => vec![protocol.to_string()],
        KeyValue::TcpFlags(flags) => {
            vec![String::from_utf8_lossy(&tcp_flags(flags)).into_owned()]
        }
        KeyValue::Time(time) => vec![rfc_3339(time, clock)],
    }
}

fn moment(time: UnixMillis, clock: &mut Clock) -> String {
    let mut text = Vec::new();
    clock.push(&mut text, time);
    String::from_utf8_lossy(&text).into_owned()
}

fn rfc_3339(time: UnixMillis, clock: &mut Clock) -> String {
    let mut text = Vec::new();
    clock.push_rfc_3339(&mut text, time);
    String::from_utf8_lossy(&text).into_owned()
}

/// The values of [`FIELDS`], without quotes.
fn values(entry: &TopEntry, totals: &Counters, clock: &mut Clock) -> [String; 12] {
    let Counts { counters, first, last } = entry.counts;
    let share = |number, total| format!("{:.4}", percent(number, total));
    [
        counters.octets.to_string(),
        share(counters.octets, totals.octets),
        counters.packets.to_string(),
        share(counters.packets, totals.packets),
        counters.flows.to_string(),
        share(counters.flows, totals.flows),
        rfc_3339(first, clock),
        rfc_3339(last, clock),
        entry.counts.duration_ms().to_string(),
        entry.counts.packets_a_second().to_string(),
        entry.counts.bits_a_second().to_string(),
        counters.octets_a_packet().to_string(),
    ]
}

fn object(entry: &TopEntry, top: &Top, options: &TopOptions, clock: &mut Clock) -> String {
    let mut members = Vec::new();
    for (&field, &value) in options.fields.iter().zip(&entry.key) {
        let quotes = if matches!(value, KeyValue::Number(_)) { "" } else { "\"" };
        for (name, text) in names(field).iter().zip(texts(value, clock)) {
            members.push(format!("\"{name}\":{quotes}{text}{quotes}"));
        }
    }
    for (name, text) in FIELDS.iter().zip(values(entry, &top.totals, clock)) {
        let quotes = if name.ends_with("Seen") { "\"" } else { "" };
        members.push(format!("\"{name}\":{quotes}{text}{quotes}"));
    }
    format!("{{{}}}", members.join(","))
}

fn json(top: &Top, options: &TopOptions, clock: &mut Clock) -> String {
    let keys: Vec<String> = key_names(options).iter().map(|name| format!("\"{name}\"")).collect();
    let objects: Vec<String> =
        top.entries.iter().map(|entry| object(entry, top, options, clock)).collect();
    let lines =
        if objects.is_empty() { String::new() } else { format!("\n{}\n", objects.join(",\n")) };
    let Counters { flows, packets, octets } = top.totals;
    format!(
        "{{\"key\":[{}],\"by\":\"{}\",\"keys\":{},\n\
         \"totals\":{{\"octets\":{octets},\"packets\":{packets},\"flows\":{flows}}},\n\
         \"top\":[{lines}]}}\n",
        keys.join(","),
        options.order,
        top.keys,
    )
}

fn csv(top: &Top, options: &TopOptions, clock: &mut Clock) -> String {
    let mut header = key_names(options);
    header.extend(FIELDS);
    let mut text = header.join(",") + "\n";
    for entry in &top.entries {
        // No value needs quotes.
        let mut row: Vec<String> =
            entry.key.iter().flat_map(|&value| texts(value, clock)).collect();
        row.extend(values(entry, &top.totals, clock));
        text += &row.join(",");
        text.push('\n');
    }
    text
}

fn key_names(options: &TopOptions) -> Vec<&'static str> {
    options.fields.iter().flat_map(|&field| names(field)).copied().collect()
}

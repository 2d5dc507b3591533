//! The greatest keys to an output.

use std::io::Write;
use std::iter;

use jiff::tz::TimeZone;

use super::beside::{Beside, OF_ALL, Told, Used};
use super::clock::{Clock, push_duration};
use super::keys::{cells, key_names, key_values, title};
use super::nfdump::push_scaled;
use super::pieces::write_text;
use super::rows::{Head, Value, write_rows};
use super::text::push_left;
use super::{AnswerError, PairFormat};
use crate::aggregate::{Counters, Counts, KeyField, KeyValue, Top, TopEntry, TopOptions};
use crate::flow::Column;

/// How a top is written.
#[derive(Debug, Clone)]
pub struct TopStyle {
    /// The layout.
    pub format: PairFormat,
    /// The zone of its times.
    pub zone: TimeZone,
    /// Whether `line` has all digits of numbers, durations in seconds, and protocols as numbers.
    pub plain: bool,
    /// What is said of keys beside them.
    pub beside: Beside,
}

/// Prints `top`, which was made with `options`.
///
/// `line` is nfdump's table of `-s`, with a column for each field where there are several; a
/// protocol beside other fields is in the column `Proto`. In JSON and CSV shares are percent of all
/// flows that were looked at, `duration` is milliseconds, and `pps`, `bps` and `bpp` are packets and
/// bits a second and octets a packet, rounded down. JSON is one object, with the totals. What is said
/// of keys [beside](Beside) them comes last.
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
        return write_text(&table(top, options, style, &mut clock), to);
    }
    let told = style.beside.told(&options.fields, &OF_ALL);
    let names: Vec<_> = options.fields.iter().flat_map(key_names).collect();
    let key: Vec<&str> = names.iter().map(|name| &**name).collect();
    let beside: Vec<&str> = told.iter().map(|told| &*told.name).collect();
    let names = [&key[..], &FIELDS, &beside].concat();
    let head = Head { object: object(top, options, &key), names };
    let rows = top.entries.iter().map(|entry| {
        let (of, used) = ((&*options.fields, &*entry.key), used(entry, &style.beside));
        let beside = told.iter().map(move |told| style.beside.value(told, of, &used));
        Ok(key_values(&entry.key).chain(values(&entry.counts, &top.totals)).chain(beside))
    });
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

fn table(top: &Top, options: &TopOptions, style: &TopStyle, clock: &mut Clock) -> String {
    let plain = style.plain;
    let alone = options.fields.len() == 1;
    let shown = |field: &KeyField| alone || *field != KeyField::Number(Column::Protocol);
    // A pair has two columns.
    let titles: Vec<String> = options
        .fields
        .iter()
        .filter(|field| shown(field))
        .flat_map(|field| key_names(field).into_iter().map(move |_| title(field).into_owned()))
        .collect();
    let rows: Vec<Vec<String>> = top
        .entries
        .iter()
        .map(|entry| {
            let fields = options.fields.iter().zip(&entry.key);
            fields
                .filter(|(field, _)| shown(field))
                .flat_map(|(_, value)| cells(value, clock))
                .collect()
        })
        .collect();
    // One column alone is as wide as nfdump's.
    let least = if titles.len() == 1 { 17 } else { 0 };
    let widths: Vec<usize> = (0..titles.len())
        .map(|column| {
            let cells = rows.iter().map(|row| row[column].chars().count());
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
    push_key(&mut text, &mut titles.iter().map(String::as_str));
    text.extend_from_slice(
        b"    Flows(%)     Packets(%)       Bytes(%)         pps      bps   bpp",
    );
    let mut beside = beside_lines(top, options, &style.beside).into_iter();
    text.extend(beside.next().into_iter().flatten());
    text.push(b'\n');
    for (entry, row) in top.entries.iter().zip(&rows) {
        clock.push(&mut text, entry.counts.first);
        push_length(&mut text, entry.counts.duration_ms(), plain);
        push_left(&mut text, 5, |text| text.extend_from_slice(protocol(entry, plain).as_bytes()));
        push_key(&mut text, &mut row.iter().map(String::as_str));
        push_counts(&mut text, &entry.counts, &top.totals, plain);
        text.extend(beside.next().into_iter().flatten());
        text.push(b'\n');
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
    let _ = write!(text, " {:>5}", counts.counters.octets_a_packet());
}

/// What was sent of a key, in the time that shares of links are of.
fn used(entry: &TopEntry, beside: &Beside) -> [Used; 1] {
    [Used { octets: entry.counts.counters.octets, window_ms: beside.window_ms }]
}

/// What stands behind the table's first line, and behind each of its others.
fn beside_lines(top: &Top, options: &TopOptions, beside: &Beside) -> Vec<Vec<u8>> {
    let told = beside.told(&options.fields, &OF_ALL);
    let shown: Vec<(&Told, &str)> =
        told.iter().filter_map(|told| Some((told, told.title.as_deref()?))).collect();
    let head = shown.iter().map(|(_, title)| (*title).to_owned()).collect();
    let row = |entry: &TopEntry| {
        let (of, used) = ((&*options.fields, &*entry.key), used(entry, beside));
        shown.iter().map(|(told, _)| beside.cell(told, of, &used)).collect()
    };
    let rows: Vec<Vec<String>> = iter::once(head).chain(top.entries.iter().map(row)).collect();
    let wide = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..shown.len()).filter_map(wide).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("  {cell:<width$}"));
        cells.collect::<String>().trim_end().as_bytes().to_vec()
    };
    rows.iter().map(line).collect()
}

fn percent(number: u128, total: u128) -> f64 {
    if total == 0 { 0.0 } else { number as f64 * 100.0 / total as f64 }
}

//! What changed between two stretches of time, to an output.

use std::io::Write;

use jiff::tz::TimeZone;

use super::beside::{Share, Told, Used};
use super::clock::Clock;
use super::keys::{cells, key_names, key_titles, key_values};
use super::pieces::write_text;
use super::rows::{Head, Value, write_rows};
use super::timeline::time_text;
use super::top::TopStyle;
use super::units::{amount, rate, short};
use super::words::{columns, grouped};
use super::{AnswerError, PairFormat};
use crate::aggregate::{
    Change, Counters, Diff, DiffEntry, DiffOptions, KeyValue, Measure, TopOrder,
};
use crate::flow::{TimeRange, rate as per_second};

/// Prints `diff`, which was made with `options`.
///
/// `line` is a table for people: each key with what it comes to before and now, the difference, and a
/// bar as long as that is great, light where there is less. In JSON and CSV the names of what is of the
/// window before end in `Before`; rates are those over all of a window. JSON is one object, with the
/// windows and the totals. What is said of keys [beside](super::Beside) them comes last, in the table
/// before the bars.
///
/// # Errors
///
/// [`AnswerError::Output`] for what the output meets, but for a closed pipe.
pub fn write_diff(
    diff: &Diff,
    options: &DiffOptions,
    style: &TopStyle,
    to: impl Write,
) -> Result<(), AnswerError> {
    if style.format == PairFormat::Line {
        return write_text(&table(diff, options, style), to);
    }
    let names: Vec<_> = options.top.fields.iter().flat_map(key_names).collect();
    let key: Vec<&str> = names.iter().map(|name| &**name).collect();
    let told = style.beside.told(&options.top.fields, &SHARES);
    let beside: Vec<&str> = told.iter().map(|told| &*told.name).collect();
    let object = object(diff, options, &key, &style.zone);
    let head = Head { object, names: [&key[..], &FIELDS, &beside].concat() };
    let rows = diff.entries.iter().map(|entry| {
        let (of, used) = ((&*options.top.fields, &*entry.key), used(entry, options));
        let beside = told.iter().map(move |told| style.beside.value(told, of, &used));
        Ok(key_values(&entry.key).chain(values(entry, options)).chain(beside))
    });
    write_rows(rows, &head, style.format, style.zone.clone(), to).map(drop)
}

/// The fields behind those of the key.
const FIELDS: [&str; 15] = [
    "change",
    "difference",
    "differencePercent",
    "octets",
    "octetsBefore",
    "packets",
    "packetsBefore",
    "flows",
    "flowsBefore",
    "pps",
    "ppsBefore",
    "bps",
    "bpsBefore",
    "bpp",
    "bppBefore",
];

/// The shares of a link's speed, of the window and of the one before.
const SHARES: [Share; 2] = [("", "Link(%)"), ("Before", "before(%)")];

/// What was sent in both windows.
fn used(entry: &DiffEntry, options: &DiffOptions) -> [Used; 2] {
    let [now, before] = &entry.counters;
    let used = |of: &Counters, window| Used { octets: of.octets, window_ms: length_ms(window) };
    [used(now, &options.windows.now), used(before, &options.windows.before)]
}

/// The values of [`FIELDS`].
fn values(entry: &DiffEntry, options: &DiffOptions) -> [Value; FIELDS.len()] {
    let [now, before] = &entry.counters;
    let windows = &options.windows;
    let pps = |of: &Counters, window| per_second(of.packets, 1000, length_ms(window));
    let bps = |of: &Counters, window| per_second(of.octets, 8000, length_ms(window));
    [
        Value::Word(options.change(entry).name()),
        Value::Signed(options.difference(entry)),
        percent(entry, options).map_or(Value::None, Value::Percent),
        Value::Number(now.octets),
        Value::Number(before.octets),
        Value::Number(now.packets),
        Value::Number(before.packets),
        Value::Number(now.flows),
        Value::Number(before.flows),
        Value::Number(pps(now, &windows.now)),
        Value::Number(pps(before, &windows.before)),
        Value::Number(bps(now, &windows.now)),
        Value::Number(bps(before, &windows.before)),
        Value::Number(now.octets_a_packet()),
        Value::Number(before.octets_a_packet()),
    ]
}

fn length_ms(window: &TimeRange) -> u64 {
    window.until - window.since
}

/// By how much there is more, in percent of what there was before; None where there was nothing.
fn percent(entry: &DiffEntry, options: &DiffOptions) -> Option<f64> {
    let [_, before] = options.weighed(&entry.counters);
    (before > 0).then(|| options.difference(entry) as f64 * 100.0 / before as f64)
}

/// What JSON has before the rows.
fn object(diff: &Diff, options: &DiffOptions, key: &[&str], zone: &TimeZone) -> String {
    let mut clock = Clock::new(zone.clone());
    let mut window = |name: &str, range: &TimeRange| {
        let mut text = format!("\"{name}\":{{\"since\":\"").into_bytes();
        clock.push_rfc_3339(&mut text, range.since);
        text.extend_from_slice(b"\",\"until\":\"");
        clock.push_rfc_3339(&mut text, range.until);
        text.extend_from_slice(b"\"}");
        String::from_utf8_lossy(&text).into_owned()
    };
    let windows =
        [window("window", &options.windows.now), window("against", &options.windows.before)];
    let kinds = Change::ALL.iter().zip(diff.keys);
    let kinds: Vec<String> =
        kinds.map(|(change, keys)| format!("\"{}\":{keys}", change.name())).collect();
    let [now, before] = diff.totals;
    format!(
        "{{\"key\":[\"{}\"],\"by\":\"{}\",\n{},\n\"keys\":{{{}}},\n\
         \"totals\":{{\"octets\":{},\"octetsBefore\":{},\"packets\":{},\"packetsBefore\":{},\
         \"flows\":{},\"flowsBefore\":{}}},\n\"diff\":",
        key.join("\",\""),
        options.top.order,
        windows.join(",\n"),
        kinds.join(","),
        now.octets,
        before.octets,
        now.packets,
        before.packets,
        now.flows,
        before.flows,
    )
}

/// A bar has at most so many blocks.
const BAR: usize = 20;

fn table(diff: &Diff, options: &DiffOptions, style: &TopStyle) -> String {
    let mut clock = Clock::new(style.zone.clone());
    let titles = key_titles(&options.top.fields);
    let keys = titles.len();
    let told = style.beside.told(&options.top.fields, &SHARES);
    let shown: Vec<(&Told, &str)> =
        told.iter().filter_map(|told| Some((told, told.title.as_deref()?))).collect();
    let head = ["Before", "Now", "Change", "", ""].into_iter();
    let head = head.chain(shown.iter().map(|(_, title)| *title)).chain([""]).map(str::to_owned);
    let mut rows: Vec<Vec<String>> = vec![titles.into_iter().chain(head).collect()];
    let difference = |entry: &DiffEntry| options.difference(entry).unsigned_abs();
    let greatest = diff.entries.iter().map(difference).max().unwrap_or(0);
    for entry in &diff.entries {
        let mut row: Vec<String> =
            entry.key.iter().flat_map(|value| key_cells(value, &mut clock)).collect();
        row.extend(change_cells(entry, options, style.plain));
        let (of, used) = ((&*options.top.fields, &*entry.key), used(entry, options));
        row.extend(shown.iter().map(|(told, _)| style.beside.cell(told, of, &used)));
        row.push(bar(options.difference(entry), greatest));
        rows.push(row);
    }
    let all = keys + shown.len() + 6;
    let right: Vec<bool> = (0..all).map(|column| (keys..keys + 4).contains(&column)).collect();
    format!("{}\n\n{}", heading(options, &style.zone), columns(&rows, &right))
}

/// The values of a field of a key; a protocol by its name.
fn key_cells(value: &KeyValue, clock: &mut Clock) -> Vec<String> {
    match value {
        KeyValue::Protocol(protocol) => vec![protocol.to_string()],
        value => cells(value, clock),
    }
}

/// What the key comes to before and now, the difference, that in percent, and what became of it; if
/// `plain`, with all digits.
pub fn change_cells(entry: &DiffEntry, options: &DiffOptions, plain: bool) -> [String; 5] {
    let order = options.top.order;
    let text = |value: u128| match order {
        _ if plain => value.to_string(),
        TopOrder::Measure(Measure::Octets) => amount(Measure::Octets, value as f64),
        TopOrder::Measure(_) => short(value as f64),
        TopOrder::BitsASecond => rate(Measure::Octets, value as f64 / 8.0),
        TopOrder::PacketsASecond => rate(Measure::Packets, value as f64),
        TopOrder::OctetsAPacket => grouped(value),
    };
    let [now, before] = options.weighed(&entry.counters);
    let there = |counters: &Counters, value: u128| {
        if counters.flows == 0 { "-".to_owned() } else { text(value) }
    };
    let sign = if now < before { '-' } else { '+' };
    let percent = percent(entry, options).map(|percent| format!("{percent:+.0} %"));
    [
        there(&entry.counters[1], before),
        there(&entry.counters[0], now),
        format!("{sign}{}", text(now.abs_diff(before))),
        percent.unwrap_or_default(),
        options.change(entry).name().to_owned(),
    ]
}

/// As long as the difference is great, light where there is less.
fn bar(difference: i128, greatest: u128) -> String {
    let share = difference.unsigned_abs() as f64 / greatest.max(1) as f64;
    let blocks = (share * BAR as f64).round() as usize;
    let blocks = if difference == 0 { 0 } else { blocks.max(1) };
    (if difference < 0 { "░" } else { "█" }).repeat(blocks)
}

/// `Octets, 2026-11-23 00:00 – 2026-11-24 00:00 against 2026-11-22 00:00 – 2026-11-23 00:00 (UTC)`.
fn heading(options: &DiffOptions, zone: &TimeZone) -> String {
    let by = match options.top.order {
        TopOrder::Measure(Measure::Octets) => "Octets",
        TopOrder::Measure(Measure::Packets) => "Packets",
        TopOrder::Measure(Measure::Flows) => "Flows",
        TopOrder::PacketsASecond => "Packets a second",
        TopOrder::BitsASecond => "Bits a second",
        TopOrder::OctetsAPacket => "Octets a packet",
    };
    let window = |range: &TimeRange| {
        let is_whole =
            |unit: &u64| range.since.0.is_multiple_of(*unit) && range.until.0.is_multiple_of(*unit);
        let precision = [60_000, 1000].into_iter().find(is_whole).unwrap_or(1);
        let moment = |time| time_text(time, zone, precision);
        format!("{} – {}", moment(range.since), moment(range.until))
    };
    let windows = &options.windows;
    let since = windows.now.since.timestamp().to_zoned_datetime(zone.clone());
    let zone = since.strftime("%:Q");
    format!("{by}, {} against {} ({zone})", window(&windows.now), window(&windows.before))
}

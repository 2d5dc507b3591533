//! What a load came to, as text and as JSON.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;

use crate::answer::words::{bytes, grouped, plural, seconds, span};
use crate::flow::{Lost, SequenceUnit, Unit};
use crate::netflow::Unread;
use crate::request::{Zone, load_state, show};
use crate::store::{Account, Ahead, Clock, Load, TopicRead, WrongMessage};

/// So many streams that lost flows, and so many files with faults, are told one by one in text.
const MAX_TOLD: usize = 10;

/// A load as lines for people, without the last line's end.
///
/// `bytes_read` is what was read of all inputs, also what a load that failed did not keep.
pub(crate) fn text(
    load: &Load,
    bytes_read: u64,
    took_secs: f64,
    store: &str,
    zone: &Zone,
) -> String {
    let account = &load.account;
    let rate = account.records as f64 / took_secs.max(0.001);
    let read: u64 = load.files.iter().map(|file| file.bytes).sum();
    let began = match load_state(load) {
        "failed" => {
            let kept = plural(account.stored, "flow");
            // The error that follows says why.
            format!("failed: {kept} kept in {store}, {} read", bytes(bytes_read))
        }
        state => format!(
            "{} {} ({}) into {store}",
            if state == "done" { "loaded" } else { "interrupted: loaded" },
            match &load.topic {
                Some(topic) => format!("topic {}", topic.topic),
                None => plural(load.files.len() as u64, "file"),
            },
            bytes(read)
        ),
    };
    let took = seconds(took_secs);
    format!("{began} in {took}, {} flows/s{}", grouped(rate as u64), accounts(load, zone))
}

/// What became of all that was read, on lines that follow another one.
pub(crate) fn accounts(load: &Load, zone: &Zone) -> String {
    let account = &load.account;
    let mut text = String::new();
    let mut line = |name: &str, what: String| {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n  {name:<10} {what}");
    };
    let pieces = account.pieces + account.damaged_pieces;
    if account.datagrams > 0 || pieces == 0 && load.topic.is_none() {
        line("datagrams", datagrams(account));
    }
    if let Some(topic) = &load.topic {
        line("messages", messages(account, topic));
        for (reason, first) in &topic.first_wrong {
            let WrongMessage { partition, offset, detail } = first;
            line(
                "wrong",
                format!("{reason}: first in partition {partition} at offset {offset}: {detail}"),
            );
        }
    }
    if pieces > 0 {
        line(
            "pieces",
            format!(
                "{}: {} new, {} duplicate, {} damaged",
                grouped(pieces),
                grouped(account.pieces - account.duplicate_pieces),
                grouped(account.duplicate_pieces),
                grouped(account.damaged_pieces),
            ),
        );
    }
    line("records", records(account));
    if let (Some(first), Some(last)) = (account.first, account.last) {
        line("flows", format!("from {} to {}", show(first, zone), show(last, zone)));
        line(
            "traffic",
            format!("{} octets in {} packets", grouped(account.octets), grouped(account.packets)),
        );
    }
    if account.hits > 0 {
        line(
            "watched",
            format!("{}; see earlgrey-hbase watch list", plural(account.hits, "new hit")),
        );
    }
    if account.moved > 0 {
        line("moved", moved(account, zone));
    }
    if !account.conflicting_templates.is_empty() {
        let (count, of) = by_exporter(&account.conflicting_templates);
        line(
            "templates",
            format!("{count} that UDP ports of an exporter define differently ({of})"),
        );
    }
    if !account.clocks.is_empty() {
        line("clocks", format!("{}; their times stay", clocks(&account.clocks)));
    }
    if !account.flows_before_rate.is_empty() {
        let (count, of) = by_exporter(&account.flows_before_rate);
        let came = if count == "1" { "flow came before its" } else { "flows came before their" };
        line("rates", format!("{count} {came} exporter told its rate ({of})"));
    }
    if !account.lost.is_empty() {
        line("lost", lost(&account.lost));
    }
    if !account.sequence_units.is_empty() {
        line("sequences", sequence_units(&account.sequence_units));
    }
    if !account.skipped_packets.is_empty() {
        let skipped = account.skipped_packets.values().sum::<u64>();
        let of = grouped(account.captured_packets);
        line(
            "skipped",
            format!("{} of {of} packets{}", grouped(skipped), reasons(&account.skipped_packets)),
        );
    }
    if account.other_files > 0 {
        let more = (account.other_files as usize).saturating_sub(MAX_TOLD);
        let names = load.other_files.iter().take(MAX_TOLD).cloned().collect::<Vec<_>>().join(", ");
        line("no capture", format!("{names}{}", and_more(more)));
    }
    if !account.passed_over.is_empty() {
        let passed_over = account.passed_over.iter().take(MAX_TOLD);
        let told: Vec<_> =
            passed_over.map(|(what, times)| format!("{what} ({})", grouped(*times))).collect();
        let more = account.passed_over.len().saturating_sub(MAX_TOLD);
        line("not kept", format!("{}{}", told.join(", "), and_more(more)));
    }
    let faults: Vec<_> =
        load.files.iter().filter_map(|file| Some((file, file.fault.as_ref()?))).collect();
    for (file, fault) in faults.iter().take(MAX_TOLD) {
        line("fault", format!("{}: {fault}", file.path));
    }
    if faults.len() > MAX_TOLD {
        line("", format!("and {} more", plural((faults.len() - MAX_TOLD) as u64, "file")));
    }
    text
}

fn datagrams(account: &Account) -> String {
    let (versions, malformed): (BTreeMap<_, _>, BTreeMap<_, _>) =
        account.malformed.clone().into_iter().partition(|(reason, _)| Unread::is_label(reason));
    let mut text = format!(
        "{}: {} decoded, {} duplicate, {} malformed{}, {} no flow export",
        grouped(account.datagrams),
        grouped(account.decoded),
        grouped(account.duplicate_datagrams),
        grouped(malformed.values().sum::<u64>()),
        reasons(&malformed),
        grouped(account.not_flow_export),
    );
    for (version, count) in versions {
        let _ = write!(text, ", {} {version}", grouped(count));
    }
    if account.waiting_for_template > 0 {
        let _ = write!(text, ", {} without template", grouped(account.waiting_for_template));
    }
    if account.given_up > 0 {
        let _ = write!(text, ", {} given up", grouped(account.given_up));
    }
    if !account.faulty.is_empty() {
        let faulty = account.faulty.values().sum::<u64>();
        let _ = write!(text, "; {} decoded in part{}", grouped(faulty), reasons(&account.faulty));
    }
    text
}

fn messages(account: &Account, topic: &TopicRead) -> String {
    let new = account.messages - account.duplicate_messages;
    let wrong: u64 =
        topic.first_wrong.keys().filter_map(|reason| account.rejected.get(reason)).sum();
    let mut text = format!(
        "{}: {} new, {} duplicate, {} malformed",
        grouped(account.messages),
        grouped(new.saturating_sub(wrong)),
        grouped(account.duplicate_messages),
        grouped(wrong),
    );
    if account.gone_messages > 0 {
        let _ = write!(text, "; {} not kept so long by the topic", grouped(account.gone_messages));
    }
    if topic.replaced > 0 {
        let partitions = plural(topic.replaced, "partition");
        let _ = write!(text, "; {partitions} of another topic than the one that was read before");
    }
    text
}

fn records(account: &Account) -> String {
    let mut text = format!(
        "{}: {} stored, {} duplicate, {} rejected{}",
        grouped(account.records),
        grouped(account.stored),
        grouped(account.duplicate_records),
        grouped(account.rejected.values().sum::<u64>()),
        reasons(&account.rejected),
    );
    if account.reverse > 0 {
        let flows = plural(account.reverse, "flow");
        let _ = write!(text, "; {flows} more of what came back, as some tell both directions");
    }
    if account.clamped > 0 {
        let _ = write!(text, "; {} ended before they began", grouped(account.clamped));
    }
    if account.not_believed > 0 {
        let _ = write!(
            text,
            "; {} with a time of more than a day after the export, not believed",
            grouped(account.not_believed)
        );
    }
    if account.shortened > 0 {
        let _ = write!(
            text,
            "; {} of more than 49.7 days, of which the beginning is cut",
            grouped(account.shortened)
        );
    }
    text
}

/// `10 flows to their receipt, of clocks that run ahead (192.0.2.1 by 5840 days since …)`.
fn moved(account: &Account, zone: &Zone) -> String {
    let more = account.ahead.len().saturating_sub(MAX_TOLD);
    let each = |ahead: &Ahead| {
        let (by, since) = (span(ahead.by_ms), show(ahead.since, zone));
        format!("{} by {by} since {since}", ahead.exporter)
    };
    let exporters: Vec<String> = account.ahead.iter().take(MAX_TOLD).map(each).collect();
    format!(
        "{} to their receipt, of clocks that run ahead ({}{})",
        plural(account.moved, "flow"),
        exporters.join("; "),
        and_more(more)
    )
}

/// How many there are in all, and `192.0.2.1: 10; 192.0.2.2: 3`, most first.
fn by_exporter(counts: &BTreeMap<IpAddr, u64>) -> (String, String) {
    let mut most: Vec<_> = counts.iter().collect();
    most.sort_by_key(|&(_, &count)| Reverse(count));
    let told = most.iter().take(MAX_TOLD);
    let told: Vec<_> =
        told.map(|(exporter, count)| format!("{exporter}: {}", grouped(**count))).collect();
    let more = most.len().saturating_sub(MAX_TOLD);
    (grouped(counts.values().sum::<u64>()), format!("{}{}", told.join("; "), and_more(more)))
}

/// `192.0.2.1 20369 days behind`: by which the clocks of exporters are far from the receipt's.
pub(super) fn clocks(clocks: &[Clock]) -> String {
    let more = clocks.len().saturating_sub(MAX_TOLD);
    let each = |Clock { exporter, ahead_ms, .. }: &Clock| {
        let way = if *ahead_ms > 0 { "ahead" } else { "behind" };
        format!("{exporter} {} {way}", span(ahead_ms.unsigned_abs()))
    };
    let all: Vec<String> = clocks.iter().take(MAX_TOLD).map(each).collect();
    format!("{}{}", all.join(", "), and_more(more))
}

/// `192.0.2.1 engine 0 counts flows, not packets`.
pub(super) fn sequence_units(units: &[SequenceUnit]) -> String {
    let more = units.len().saturating_sub(MAX_TOLD);
    let each = |SequenceUnit { exporter, engine, unit, format }: &SequenceUnit| {
        format!("{exporter} engine {engine} counts {unit}, not {format}")
    };
    let all: Vec<String> = units.iter().take(MAX_TOLD).map(each).collect();
    format!("{}{}", all.join("; "), and_more(more))
}

/// `10 flows (192.0.2.1 engine 0: 10), 3 packets (…)`.
fn lost(lost: &[Lost]) -> String {
    let mut units: Vec<Unit> = lost.iter().map(|lost| lost.unit).collect();
    units.sort_unstable();
    units.dedup();
    let of_unit = |unit| lost_of(unit, lost.iter().filter(move |lost| lost.unit == unit));
    units.into_iter().map(of_unit).collect::<Vec<_>>().join(", ")
}

fn lost_of<'a>(unit: Unit, lost: impl Iterator<Item = &'a Lost> + Clone) -> String {
    let count: u64 = lost.clone().map(|lost| lost.count).sum();
    let more = lost.clone().count().saturating_sub(MAX_TOLD);
    let streams: Vec<String> = lost
        .take(MAX_TOLD)
        .map(|lost| format!("{} engine {}: {}", lost.exporter, lost.engine, grouped(lost.count)))
        .collect();
    format!("{} {unit} ({}{})", grouped(count), streams.join("; "), and_more(more))
}

/// ` (cut 3, record count 2)`, or nothing.
pub(super) fn reasons(counts: &BTreeMap<String, u64>) -> String {
    if counts.is_empty() {
        return String::new();
    }
    let each: Vec<String> =
        counts.iter().map(|(reason, &count)| format!("{reason} {}", grouped(count))).collect();
    format!(" ({})", each.join(", "))
}

fn and_more(more: usize) -> String {
    if more == 0 { String::new() } else { format!(" and {} more", grouped(more as u64)) }
}

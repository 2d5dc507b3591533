//! How a collector stands, for people to read.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::Path;

use serde::Serialize;

use crate::answer::words::{bytes, columns, grouped, plural, seconds, span};
use crate::cli::summary;
use crate::collect::{
    ExporterStatus, Finished, Gap, Rules, SpoolStatus, State, Status, UnreadSegment,
};
use crate::load::{ClockAhead, ClockOff, Exported};
use crate::request::LoadView;
use crate::request::Zone;
use crate::request::show;

/// So many exporters are told one by one in text.
const MAX_TOLD: usize = 50;

/// What a collector did, as JSON.
#[derive(Serialize)]
pub(super) struct FinishedView<'a> {
    load: LoadView<'a>,
    status: &'a Status,
}

impl<'a> FinishedView<'a> {
    pub(super) fn new(finished: &'a Finished, zone: &Zone) -> Self {
        Self { load: LoadView::new(&finished.load, None, zone), status: &finished.status }
    }
}

/// The accounts of a collector that ended.
pub(super) fn finished(finished: &Finished, zone: &Zone) -> String {
    let Finished { load, status, .. } = finished;
    let store = &status.store.name;
    let took_secs = (status.written - status.started) as f64 / 1000.0;
    let received: u64 = status.sockets.iter().map(|socket| socket.datagrams).sum();
    let mut text = format!(
        "collected {} into {store} in {}; received {}",
        plural(load.account.stored, "flow"),
        seconds(took_secs),
        plural(received, "datagram"),
    );
    text += &summary::accounts(load, zone);
    let mut tables = String::new();
    tables_of(&mut tables, status, zone);
    for line in tables.lines() {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n  {line}");
    }
    text
}

/// How a collector stands.
pub(super) fn status(status: &Status, zone: &Zone) -> String {
    let mut text = String::new();
    let state = match status.state {
        State::Running => format!("running (process {})", status.process),
        State::Failed => format!("failed at {}", show(status.written, zone)),
        State::Stopped => format!("stopped at {}", show(status.written, zone)),
        State::Killed => format!("killed, last seen at {}", show(status.written, zone)),
    };
    let store = &status.store;
    let fails = match (&store.failure, store.failing_since) {
        (Some(failure), Some(since)) => format!("fails since {}: {failure}", show(since, zone)),
        _ => plural(store.commits, "commit"),
    };
    let last = store.last_commit.map_or_else(|| "none yet".to_owned(), |time| show(time, zone));
    let spool = &status.spool;
    for (name, what) in [
        ("collector", state),
        ("failure", status.failure.clone().unwrap_or_default()),
        ("started", show(status.started, zone)),
        ("store", format!("{}: {fails}", store.name)),
        ("committed", last),
        (
            "spool",
            format!(
                "{} of {} in {}, {}",
                bytes(spool.bytes),
                bytes(spool.limit_bytes),
                plural(spool.segments, "segment"),
                spool.folder.display()
            ),
        ),
    ] {
        if !what.is_empty() {
            let _ = writeln!(text, "{name:<10} {what}");
        }
    }
    for line in troubles(spool, zone) {
        let _ = writeln!(text, "{:<10} {line}", "");
    }
    if let Some(gap) = &status.gap {
        let _ = writeln!(text, "{:<10} {}", "gap", gap_between(gap, zone));
    }
    tables_of(&mut text, status, zone);
    text
}

/// What of a spool does not work.
fn troubles(spool: &SpoolStatus, zone: &Zone) -> Vec<String> {
    let mut lines = Vec::new();
    if let (Some(failure), Some(since)) = (&spool.failure, spool.failing_since) {
        let since = show(since, zone);
        lines.push(format!("what waits for a template cannot be kept since {since}: {failure}"));
    }
    lines.extend(spool.unread.iter().map(|UnreadSegment { file, failure, since }| {
        let name = Path::new(file.file_name().unwrap_or(file.as_os_str()));
        format!("{} cannot be read since {}: {failure}", name.display(), show(*since, zone))
    }));
    let more = spool.unread_segments.saturating_sub(spool.unread.len() as u64);
    if more > 0 {
        lines.push(format!("and {} cannot be read", plural(more, "more segment")));
    }
    lines
}

/// That nothing was received for a while.
pub(super) fn gap(gap: &Gap, zone: &Zone) -> String {
    format!("nothing was received {}", gap_between(gap, zone))
}

fn gap_between(gap: &Gap, zone: &Zone) -> String {
    let why = if gap.killed { ": the collector before was killed" } else { "" };
    format!("from {} to {}{why}", show(gap.from, zone), show(gap.to, zone))
}

/// That an earlier collector left something.
pub(super) fn left(spool: &SpoolStatus) -> String {
    format!("loading {} that was left in {}", bytes(spool.bytes), spool.folder.display())
}

/// What became of the rules.
pub(super) fn changes(before: &Rules, now: &Rules) -> Vec<String> {
    let mut changes = Vec::new();
    if before.exporters != now.exporters {
        let list = |rules: &Rules| match &rules.exporters[..] {
            [] => "everybody".to_owned(),
            nets => nets.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        };
        changes.push(format!("exporters: {}, was {}", list(now), list(before)));
    }
    if before.commit_every != now.commit_every {
        let secs = |rules: &Rules| seconds(rules.commit_every.as_secs_f64());
        changes.push(format!("commit every {}, was {}", secs(now), secs(before)));
    }
    changes
}

fn tables_of(text: &mut String, status: &Status, zone: &Zone) {
    let heads = ["socket", "datagrams", "bytes", "kernel drops", "last received"];
    let sockets = status.sockets.iter().map(|socket| {
        vec![
            socket.address.to_string(),
            grouped(socket.datagrams),
            bytes(socket.bytes),
            grouped(socket.kernel_drops),
            socket.last_received.map_or_else(|| "-".to_owned(), |time| show(time, zone)),
        ]
    });
    *text += &table(&heads, sockets, &[false, true, true, true, false]);
    let tees = status.tees.iter().map(|tee| {
        let counts = [tee.datagrams, tee.dropped, tee.failed].map(grouped);
        let source = if tee.keeps_sources { "exporter" } else { "this machine" };
        let failure = tee.failure.clone().unwrap_or_else(|| "-".to_owned());
        [&[tee.to.to_string()], &counts[..], &[source.to_owned(), failure]].concat()
    });
    if !status.tees.is_empty() {
        let heads = ["sent on to", "datagrams", "dropped", "failed", "comes from", "last failure"];
        *text += &table(&heads, tees, &[false, true, true, true, false, false]);
    }
    if status.exporters.is_empty() {
        return;
    }
    let heads = [
        "exporter",
        "datagrams",
        "flows",
        "lost",
        "duplicate",
        "waiting",
        "given up",
        "malformed",
        "foreign",
        "refused",
        "spool drops",
        "rejected records",
    ];
    let exporters = status.exporters.iter().take(MAX_TOLD).map(row);
    let right: Vec<bool> = (0..heads.len()).map(|column| column > 0).collect();
    *text += &table(&heads, exporters, &right);
    let more = status.exporters.len().saturating_sub(MAX_TOLD);
    if more > 0 {
        let _ = writeln!(text, "and {}", plural(more as u64, "more exporter"));
    }
    if !status.malformed.is_empty() {
        let reasons = summary::reasons(&status.malformed);
        let _ = writeln!(text, "\nmalformed{reasons}");
    }
    if !status.sequence_units.is_empty() {
        let _ = writeln!(text, "\nsequences: {}", summary::sequence_units(&status.sequence_units));
    }
    let ahead = status.exporters.iter().filter_map(|exporter| {
        let ClockAhead { by_ms, since, until } = exporter.exported.clock_ahead?;
        let times = [since, until].map(|time| show(time, zone));
        Some(
            [&[name(exporter), span(by_ms)], &times[..], &[grouped(exporter.exported.moved)]]
                .concat(),
        )
    });
    let ahead: Vec<_> = ahead.take(MAX_TOLD).collect();
    if !ahead.is_empty() {
        let heads = ["exporter", "clock ahead by", "since", "last", "flows moved"];
        *text += &table(&heads, ahead.into_iter(), &[false, true, false, false, true]);
    }
    let odd = status.exporters.iter().filter_map(|exporter| {
        let Exported { conflicting_templates, flows_before_rate, .. } = exporter.exported;
        let counts = [conflicting_templates, flows_before_rate];
        let told = || counts.map(grouped);
        (counts != [0, 0]).then(|| [&[name(exporter)], &told()[..]].concat())
    });
    let odd: Vec<_> = odd.take(MAX_TOLD).collect();
    if !odd.is_empty() {
        let heads =
            ["exporter", "templates that its ports define differently", "flows before its rate"];
        *text += &table(&heads, odd.into_iter(), &[false, true, true]);
    }
    let behind = status.exporters.iter().filter_map(|exporter| {
        let ClockOff { ahead_ms, since, until, datagrams } = exporter.exported.clock_off?;
        let times = [since, until].map(|time| show(time, zone));
        let by = span(ahead_ms.unsigned_abs());
        Some([&[name(exporter), by], &times[..], &[grouped(datagrams)]].concat())
    });
    let behind: Vec<_> = behind.take(MAX_TOLD).collect();
    if !behind.is_empty() {
        let heads = ["exporter", "clock behind by", "since", "last", "datagrams"];
        *text += &table(&heads, behind.into_iter(), &[false, true, false, false, true]);
    }
}

fn name(exporter: &ExporterStatus) -> String {
    exporter.exporter.as_ref().map_or_else(|| "others".to_owned(), IpAddr::to_string)
}

fn row(exporter: &ExporterStatus) -> Vec<String> {
    let counts = exporter.exported;
    let lost: Vec<String> =
        exporter.lost.iter().map(|(unit, &count)| format!("{} {unit}", grouped(count))).collect();
    vec![
        name(exporter),
        grouped(counts.datagrams),
        grouped(counts.flows),
        if lost.is_empty() { "0".to_owned() } else { lost.join(", ") },
        grouped(counts.duplicates),
        grouped(counts.waiting),
        grouped(counts.given_up),
        grouped(counts.malformed),
        grouped(counts.not_flow_export),
        grouped(exporter.refused),
        grouped(exporter.spool_drops),
        grouped(counts.rejected),
    ]
}

fn table(heads: &[&str], rows: impl Iterator<Item = Vec<String>>, right: &[bool]) -> String {
    let heads = heads.iter().map(|&head| head.to_owned()).collect();
    columns(&std::iter::once(heads).chain(rows).collect::<Vec<_>>(), right)
}

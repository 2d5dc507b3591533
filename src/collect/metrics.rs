//! How a collector stands, as Prometheus reads it.

use std::fmt::{self, Display};

use super::exposition::Exposition;
use super::{ExporterStatus, SocketStatus, Status, TeeStatus};
use crate::flow::UnixMillis;

/// The status as a page of Prometheus' text format, version 0.0.4.
pub fn text(status: &Status) -> String {
    let mut page = Exposition::of(PREFIX);
    whole(&mut page, status);
    for (name, help, value) in SOCKETS {
        page.head(name, "counter", help);
        for socket in &status.sockets {
            page.sample(name, &[("socket", &socket.address)], value(socket));
        }
    }
    for (name, help, value) in TEES {
        page.head(name, "counter", help);
        for tee in &status.tees {
            page.sample(name, &[("to", &tee.to)], value(tee));
        }
    }
    for (name, help, value) in EXPORTERS {
        page.head(name, "counter", help);
        for exporter in &status.exporters {
            page.sample(name, &[("exporter", &Name(exporter))], value(exporter));
        }
    }
    let name = "lost_total";
    page.head(name, "counter", "What sequence numbers say was exported and never came.");
    for exporter in &status.exporters {
        for (unit, &count) in &exporter.lost {
            page.sample(name, &[("exporter", &Name(exporter)), ("unit", unit)], count);
        }
    }
    page.head("waiting_datagrams", "gauge", "Datagrams that wait for a template.");
    for exporter in &status.exporters {
        let waiting = exporter.exported.waiting;
        page.sample("waiting_datagrams", &[("exporter", &Name(exporter))], waiting);
    }
    let name = "clock_ahead_seconds";
    page.head(name, "gauge", "How far the exporter's clock ran ahead when it last did.");
    for exporter in &status.exporters {
        if let Some(ahead) = exporter.exported.clock_ahead {
            page.sample(name, &[("exporter", &Name(exporter))], ahead.by_ms / 1000);
        }
    }
    let name = "clock_behind_seconds";
    page.head(name, "gauge", "How far the exporter's clock was behind when it last was.");
    for exporter in &status.exporters {
        if let Some(off) = exporter.exported.clock_off.filter(|off| off.ahead_ms < 0) {
            let secs = off.ahead_ms.unsigned_abs() / 1000;
            page.sample(name, &[("exporter", &Name(exporter))], secs);
        }
    }
    let name = "malformed_by_reason_total";
    page.head(name, "counter", "Datagrams that could not be decoded, by reason.");
    for (reason, &count) in &status.malformed {
        page.sample(name, &[("reason", reason)], count);
    }
    page.text()
}

type Row<T> = (&'static str, &'static str, fn(&T) -> u64);

const SOCKETS: [Row<SocketStatus>; 3] = [
    ("received_datagrams_total", "Datagrams received.", |socket| socket.datagrams),
    ("received_bytes_total", "Bytes of the datagrams received.", |socket| socket.bytes),
    ("kernel_drops_total", "Datagrams that the system dropped.", |socket| socket.kernel_drops),
];

const TEES: [Row<TeeStatus>; 3] = [
    ("tee_datagrams_total", "Datagrams sent on.", |tee| tee.datagrams),
    ("tee_drops_total", "Datagrams not sent on, as too many waited.", |tee| tee.dropped),
    ("tee_failed_total", "Datagrams that the system did not send on.", |tee| tee.failed),
];

const EXPORTERS: [Row<ExporterStatus>; 15] = [
    ("datagrams_total", "Datagrams loaded.", |exporter| exporter.exported.datagrams),
    ("decoded_datagrams_total", "Datagrams decoded.", |exporter| exporter.exported.decoded),
    ("duplicate_datagrams_total", "Datagrams met before.", |exporter| exporter.exported.duplicates),
    ("malformed_datagrams_total", "Datagrams that could not be decoded.", |exporter| {
        exporter.exported.malformed
    }),
    (
        "given_up_datagrams_total",
        "Datagrams that had no room to wait for a template.",
        |exporter| exporter.exported.given_up,
    ),
    ("foreign_datagrams_total", "Datagrams that are no flow export.", |exporter| {
        exporter.exported.not_flow_export
    }),
    ("flows_total", "Flows stored.", |exporter| exporter.exported.flows),
    ("rejected_records_total", "Records of which no flow could be made.", |exporter| {
        exporter.exported.rejected
    }),
    ("faulty_datagrams_total", "Datagrams that were decoded in part.", |exporter| {
        exporter.exported.faulty
    }),
    (
        "not_believed_flows_total",
        "Flows with a time that nobody can have meant; another stands for it.",
        |exporter| exporter.exported.not_believed,
    ),
    ("moved_flows_total", "Flows moved, as the exporter's clock runs ahead.", |exporter| {
        exporter.exported.moved
    }),
    (
        "conflicting_templates_total",
        "Templates that UDP ports of the exporter define differently.",
        |exporter| exporter.exported.conflicting_templates,
    ),
    (
        "flows_before_rate_total",
        "Flows that came before the exporter told how it samples.",
        |exporter| exporter.exported.flows_before_rate,
    ),
    ("refused_datagrams_total", "Datagrams of exporters that are not wanted.", |exporter| {
        exporter.refused
    }),
    ("spool_drops_total", "Datagrams for which the spool had no room.", |exporter| {
        exporter.spool_drops
    }),
];

/// What there is once.
fn whole(page: &mut Exposition, status: &Status) {
    let seconds = |time: UnixMillis| time.0 as f64 / 1000.0;
    let (store, spool) = (&status.store, &status.spool);
    let last_commit = store.last_commit.unwrap_or_default();
    page.head("up", "gauge", "Whether all of its threads work.");
    page.sample("up", &[], u8::from(status.failure.is_none()));
    page.head("start_time_seconds", "gauge", "When the collector began.");
    page.sample("start_time_seconds", &[], seconds(status.started));
    page.head("store_up", "gauge", "Whether the store takes what it is given.");
    page.sample("store_up", &[], u8::from(store.failure.is_none()));
    page.head("commits_total", "counter", "Commits.");
    page.sample("commits_total", &[], store.commits);
    page.head("last_commit_time_seconds", "gauge", "When the last commit was.");
    page.sample("last_commit_time_seconds", &[], seconds(last_commit));
    page.head("spool_bytes", "gauge", "Bytes that wait to be loaded.");
    page.sample("spool_bytes", &[], spool.bytes);
    page.head("spool_limit_bytes", "gauge", "Bytes that may wait.");
    page.sample("spool_limit_bytes", &[], spool.limit_bytes);
    page.head("spool_segments", "gauge", "Files that wait to be loaded.");
    page.sample("spool_segments", &[], spool.segments);
    page.head("spool_unread_segments", "gauge", "Files of those that could not be read.");
    page.sample("spool_unread_segments", &[], spool.unread_segments);
    page.head("spool_up", "gauge", "Whether what waits for a template can be kept.");
    page.sample("spool_up", &[], u8::from(spool.failure.is_none()));
}

const PREFIX: &str = "earlgrey_collect_";

/// An exporter's address, or that it stands for many.
struct Name<'a>(&'a ExporterStatus);

impl Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.exporter {
            Some(address) => address.fmt(f),
            None => f.write_str("others"),
        }
    }
}

//! Connections that last for hours.
//!
//! By the classes of RITA: an hour, four, eight and twelve.

use super::contact::is_polled;
use super::{Detection, Evidence, Kind, Parameters, Severity};
use crate::aggregate::Connection;
use crate::flow::Protocol;

const HOUR_MS: u64 = 3_600_000;

/// Whether `connection`, which a host inside began, lasts long.
pub(super) fn judge(connection: &Connection, parameters: &Parameters) -> Option<Detection> {
    let duration_ms = connection.duration_ms();
    let hours = duration_ms / HOUR_MS;
    let Connection { initiator, responder, sent, returned, .. } = connection;
    let inside = &parameters.inside;
    let is_outbound = inside.has(*initiator) && !inside.has(*responder);
    let is_polled = connection.protocol == Protocol::UDP
        && is_polled(connection.protocol, connection.responder_port);
    // What is asked and answered again and again by the same ports is no connection, where no flags of
    // TCP say that it is.
    let active_ms = sent.active_ms.max(returned.active_ms);
    let is_one = connection.protocol == Protocol::TCP || active_ms >= duration_ms / 2;
    if hours < parameters.long_hours.max(1) || !is_outbound || is_polled || !is_one {
        return None;
    }
    let severity = match hours {
        12.. => Severity::High,
        8.. => Severity::Medium,
        _ => Severity::Low,
    };
    Some(Detection {
        kind: Kind::Long,
        variant: "connection",
        host: *initiator,
        peer: Some(*responder),
        protocol: Some(connection.protocol),
        port: Some(connection.responder_port),
        first: connection.first,
        last: connection.last,
        severity,
        confidence: (duration_ms as f64 / (12 * HOUR_MS) as f64).min(1.0),
        evidence: vec![
            ("duration", Evidence::Span(duration_ms)),
            ("records", Evidence::Count(u64::from(sent.records) + u64::from(returned.records))),
            ("sentBytes", Evidence::Count(sent.octets)),
            ("receivedBytes", Evidence::Count(returned.octets)),
        ],
    })
}

//! Detections as OCSF's Detection Finding, class 2004 of version 1.3 of the Open Cybersecurity Schema
//! Framework (schema.ocsf.io).

use serde_json::{Value, json};

use super::called::Called;
use super::detections::{detection_json, detection_title};
use crate::detect::{Detection, Kind, Severity};

const VERSION: &str = "1.3.0";

/// What a detection is in OCSF: the numbers that decided are in `unmapped`.
pub(super) fn ocsf_finding(detection: &Detection, called: &Called) -> Value {
    let Detection { kind, variant, host, peer, protocol, port, first, last, severity, .. } =
        detection;
    let (severity_id, severity) = match severity {
        Severity::Low => (2, "Low"),
        Severity::Medium => (3, "Medium"),
        Severity::High => (4, "High"),
    };
    // Of a flood the host is who suffers it.
    let host = json!({ "ip": host, "port": null });
    let peer = peer.map(|peer| json!({ "ip": peer, "port": port }));
    let is_victim = *kind == Kind::Ddos;
    let (src, dst) = if is_victim { (peer, Some(host)) } else { (Some(host), peer) };
    let mut evidence = json!({
        "connection_info": {
            "protocol_num": protocol.map_or(-1, |protocol| i64::from(protocol.0)),
            "direction_id": 0,
        },
    });
    for (name, end) in [("src_endpoint", src), ("dst_endpoint", dst)] {
        if let Some(mut end) = end {
            if let Some(object) = end.as_object_mut() {
                object.retain(|_, value| !value.is_null());
            }
            evidence[name] = end;
        }
    }
    let confidence = (detection.confidence * 100.0).round() as u64;
    let title = detection_title(detection, called);
    json!({
        "activity_id": 1,
        "activity_name": "Create",
        "category_name": "Findings",
        "category_uid": 2,
        "class_name": "Detection Finding",
        "class_uid": 2004,
        "confidence_score": confidence,
        "evidences": [evidence],
        "finding_info": {
            "analytic": { "name": format!("{kind} ({variant})"), "type": "Behavioral", "type_id": 2 },
            "attacks": [{ "technique": { "uid": kind.attack() }, "version": "15.1" }],
            "first_seen_time": first.0,
            "last_seen_time": last.0,
            "title": title,
            "types": [kind.name()],
            "uid": detection.id(),
        },
        "message": title,
        "metadata": {
            "product": {
                "name": "earlgrey-hbase",
                "vendor_name": "earlgrey-hbase",
                "version": env!("CARGO_PKG_VERSION"),
            },
            "version": VERSION,
        },
        "severity": severity,
        "severity_id": severity_id,
        "status": "New",
        "status_id": 1,
        "time": last.0,
        "type_name": "Detection Finding: Create",
        "type_uid": 200_401,
        "unmapped": detection_json(detection, called),
    })
}

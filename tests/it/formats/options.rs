//! What options say reaches the flows.

use earlgrey_hbase::FlowBatch;

use super::files::{Read, read, read_all};
use crate::needs::captures;

/// The sampling intervals of all flows, each once.
fn intervals(found: &Read) -> Vec<u32> {
    let records = found.flows.iter().flat_map(FlowBatch::records);
    let mut intervals: Vec<u32> = records.map(|flow| flow.source.sampling.interval).collect();
    intervals.sort_unstable();
    intervals.dedup();
    intervals
}

#[test]
fn flows_have_the_interval_of_their_sampler() {
    let Some(folder) = captures() else { return };
    let folder = folder.join("akvorado/netflow");
    let files = |names: &[&str]| -> Vec<_> {
        names.iter().map(|name| folder.join(format!("{name}.pcap"))).collect()
    };
    // Two samplers, by the comments of the collector whose test data this is.
    let found = read_all(&files(&[
        "multiplesamplingrates-options-template",
        "multiplesamplingrates-options-data",
        "multiplesamplingrates-template",
        "multiplesamplingrates-data",
    ]));
    assert_eq!(intervals(&found), [2000, 4000]);
    let found = read_all(&files(&["options-template", "options-data", "template", "data"]));
    assert_eq!(intervals(&found), [30_000]);
}

#[test]
fn flows_of_sflow_have_the_rate_of_their_sample() {
    let Some(folder) = captures() else { return };
    for (path, expected) in [
        ("akvorado/sflow/data-1140.pcap", vec![1024]),
        ("akvorado/sflow/data-sflow-expanded-sample.pcap", vec![1000]),
    ] {
        assert_eq!(intervals(&read(&folder.join(path))), expected, "{path}");
    }
}

#[test]
fn a_frame_in_a_record_is_a_flow() {
    let Some(folder) = captures() else { return };
    let folder = folder.join("akvorado/netflow");
    let found =
        read_all(&[folder.join("datalink-template.pcap"), folder.join("datalink-data.pcap")]);
    assert_eq!(found.flows.iter().map(FlowBatch::len).sum::<usize>(), 1);
}

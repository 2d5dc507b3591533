use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use proptest::prelude::*;

use super::*;
use crate::flow::Family;
use crate::store::{FlowStream, Plan, Region, SCAN_BATCH_ROWS};

/// One flow: source, destination, octets, packets.
type Flow = (u128, u128, u64, u64);

fn batch(family: Family, flows: &[Flow]) -> FlowBatch {
    let mut batch = FlowBatch::new(family);
    for &(src, dst, octets, packets) in flows {
        batch.src.push(family.address(src));
        batch.dst.push(family.address(dst));
        batch.octets.push(octets);
        batch.packets.push(packets);
    }
    batch.set_len(flows.len());
    batch
}

fn slow_top(v4: &[Flow], v6: &[Flow], options: &PairOptions, count: usize) -> Vec<ActivePair> {
    let mut sums = HashMap::new();
    for (family, flows) in [(Family::V4, v4), (Family::V6, v6)] {
        for &(src, dst, octets, packets) in flows {
            let (mut a, mut b) = (family.address(src), family.address(dst));
            if !options.directed && a.to_string() > b.to_string() {
                (a, b) = (b, a);
            }
            *sums.entry((a, b)).or_insert(0) += match options.by {
                Measure::Octets => u128::from(octets),
                Measure::Packets => u128::from(packets),
                Measure::Flows => 1,
            };
        }
    }
    let mut pairs: Vec<_> = sums
        .into_iter()
        .map(|((first, second), value)| ActivePair { first, second, value })
        .collect();
    pairs.sort_by_key(|pair| (Reverse(pair.value), format!("({},{})", pair.first, pair.second)));
    pairs.truncate(count);
    pairs
}

fn any_flows() -> impl Strategy<Value = Vec<Flow>> {
    let address =
        || prop_oneof![0u128..12, Just(u128::MAX), (0u128..4).prop_map(|n| n << 100 | 0x64 << n)];
    let count = || prop_oneof![0u64..5, Just(u64::MAX)];
    prop::collection::vec((address(), address(), count(), count()), 0..100)
}

proptest! {
    #[test]
    fn the_most_active_pairs_are_those_of_a_sorted_map(
        v4 in any_flows(), v6 in any_flows(), by in prop::sample::select(&Measure::ALL[..]),
        directed in any::<bool>(), count in 0usize..40, parts in 1usize..4,
    ) {
        let v4: Vec<Flow> =
            v4.into_iter().map(|(a, b, o, p)| (u128::from(a as u32), u128::from(b as u32), o, p)).collect();
        let options = PairOptions { by, directed, ..PairOptions::default() };
        let mut wholes: Vec<_> = (0..parts).map(|_| ActivePairs::new(&options)).collect();
        for (number, flows) in v4.chunks(7).enumerate() {
            wholes[number % parts].observe(&batch(Family::V4, flows)).unwrap();
        }
        for (number, flows) in v6.chunks(7).enumerate() {
            wholes[number % parts].observe(&batch(Family::V6, flows)).unwrap();
        }
        // Any order will do.
        let mut whole = wholes.pop().unwrap();
        while let Some(part) = wholes.pop() {
            whole.merge(part).unwrap();
        }
        prop_assert_eq!(whole.top(count).unwrap(), slow_top(&v4, &v6, &options, count));
    }
}

#[test]
fn only_what_is_needed_is_read() {
    let columns = |by| {
        let options = PairOptions { by, ..PairOptions::default() };
        ActivePairs::columns(&options)
    };
    let ends = Columns::of(&[Column::Src, Column::Dst]);
    assert_eq!(columns(Measure::Octets), ends | Columns::of(&[Column::Octets]));
    assert_eq!(columns(Measure::Packets), ends | Columns::of(&[Column::Packets]));
    assert_eq!(columns(Measure::Flows), ends);
}

/// Batches in memory, as many to a region as a row group has.
struct Batches(Vec<Arc<FlowBatch>>);

impl Snapshot for Batches {
    fn regions(&self, _: &Scan) -> Result<Vec<Box<dyn Region>>> {
        let region =
            |batches: &[Arc<FlowBatch>]| Box::new(Self(batches.to_vec())) as Box<dyn Region>;
        Ok(self.0.chunks(64).map(region).collect())
    }

    fn plan(&self, _: &Scan) -> Result<Plan> {
        unimplemented!("nobody asks")
    }

    fn flows(&self) -> crate::store::Result<u64> {
        Ok(self.0.iter().map(|batch| batch.len() as u64).sum())
    }
}

impl Region for Batches {
    fn read(self: Box<Self>) -> FlowStream {
        Box::new(self.0.into_iter().map(|batch| Ok((*batch).clone())))
    }
}

/// Run it as `cargo test --release active_pairs_of_20_million_flows -- --ignored --nocapture`.
#[test]
#[ignore = "takes its time, and tells it"]
fn active_pairs_of_20_million_flows() {
    const FLOWS: usize = 20_000_000;
    let mut state = 88_172_645_463_325_252u64;
    let mut uniform = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    // Zipf's law with exponent 1: the rank's logarithm is uniform.
    let mut flows: Vec<Flow> = (0..FLOWS)
        .map(|_| {
            let inside = 0x0a00_0000 + u128::from(2e3_f64.powf(uniform()) as u32);
            let outside = u128::from((7e4_f64.powf(uniform()) as u32).wrapping_mul(2_654_435_761));
            let octets = (40.0 / uniform().max(1e-6)) as u64;
            let (src, dst) = if uniform() < 0.5 { (inside, outside) } else { (outside, inside) };
            (src, dst, octets, 1)
        })
        .collect();
    // In key order, as a run has them.
    flows.sort_by_key(|flow| flow.0);
    let octets: u128 = flows.iter().map(|flow| u128::from(flow.2)).sum();
    let batches =
        flows.chunks(SCAN_BATCH_ROWS).map(|flows| Arc::new(batch(Family::V4, flows))).collect();
    drop(flows);
    let snapshot = Batches(batches);
    let scans = [Scan::all(ActivePairs::columns(&PairOptions::default()))];
    for _ in 0..5 {
        let started = Instant::now();
        let top = ActivePairs::top_of(&snapshot, &scans, &PairOptions::default(), 10).unwrap();
        let elapsed = started.elapsed();
        let threads = rayon::current_num_threads();
        let nanos = elapsed.as_nanos() as f64 * threads as f64 / FLOWS as f64;
        println!("{elapsed:.0?} on {threads} threads, {nanos:.1} ns a flow and core");
        assert!(top.len() == 10 && top[0].value < octets);
    }
}

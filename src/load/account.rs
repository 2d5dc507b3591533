//! Adding up what was read.

use std::collections::BTreeMap;

use crate::flow::{FlowBatch, UnixMillis};
use crate::store::Account;

/// Adds to a count, and returns it.
pub(super) fn count(counts: &mut BTreeMap<String, u64>, reason: &str, more: u64) -> u64 {
    if let Some(count) = counts.get_mut(reason) {
        *count += more;
        return *count;
    }
    *counts.entry(reason.to_owned()).or_insert(more)
}

/// Adds the times, octets and packets of `flows`.
pub(super) fn sum_up(account: &mut Account, flows: &FlowBatch) {
    account.octets += flows.octets.iter().map(|&octets| u128::from(octets)).sum::<u128>();
    account.packets += flows.packets.iter().map(|&packets| u128::from(packets)).sum::<u128>();
    let first = flows.first_ms.iter().min().map(|&first| UnixMillis(first));
    let last = flows
        .first_ms
        .iter()
        .zip(&flows.duration_ms)
        .map(|(&first, &duration)| UnixMillis(first) + u64::from(duration))
        .max();
    // `None` is less than any time.
    account.first = account.first.into_iter().chain(first).min();
    account.last = account.last.max(last);
}

/// An error and its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

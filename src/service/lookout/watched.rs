//! Hits of watch lists, as commits bring them.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::json;
use xxhash_rust::xxh3::xxh3_64;

use super::{AGAIN, Failed, Kind, Quieted, TICK, quieted, wait};
use crate::alert::{Alert, Source};
use crate::answer::words::plural;
use crate::detect::Severity;
use crate::flow::UnixMillis;
use crate::service::Shared;
use crate::store::watchlist::Hit;
use crate::watch;

/// Where a store does not tell whether it has anything new, hits are looked at so often.
const BLIND: Duration = Duration::from_secs(30);
/// So many hits of a list are told at once, those of most flows first: a list of a million that fits
/// everything is a wrong one.
const MAX_TOLD: usize = 1_000;

/// By how many flows each list was hit when it was looked at last.
type Seen = HashMap<String, u64>;

/// Raises what is hit of the watch lists of the store until `service` stops.
pub(super) fn look_out(service: &Shared) {
    let mut seen = Seen::new();
    let mut known = None;
    let mut quiet = Quieted::new();
    loop {
        let version = service.store.snapshot().ok().and_then(|snapshot| snapshot.version());
        let is_blind = version.is_none();
        let now_quiet = quieted(service, &quiet);
        let is_changed = now_quiet != quiet;
        if is_changed {
            // What is suppressed no longer may have been hit meanwhile.
            seen.clear();
            quiet = now_quiet;
        }
        if is_blind || is_changed || version != known {
            // A look that failed is made again.
            if service.lookout.counters.look(Kind::Watched, || look(service, &mut seen, &quiet)) {
                known = version;
            } else if wait(service, AGAIN) {
                return;
            }
        }
        if wait(service, if is_blind { BLIND } else { TICK }) {
            return;
        }
    }
}

fn look(service: &Shared, seen: &mut Seen, quiet: &Quieted) -> Result<(), Failed> {
    for listed in service.store.watch_lists()?.lists()? {
        if listed.flows == 0 || seen.get(&listed.name) == Some(&listed.flows) {
            continue;
        }
        // What was hit so long ago that alerts of it are forgotten is not new.
        let keep = service.options.alerts.keep.as_millis() as u64;
        let since = UnixMillis(UnixMillis::now().0.saturating_sub(keep));
        let hits = watch::hits(&*service.store, &listed.name)?;
        let hits = hits.iter().filter(|hit| hit.listed && hit.sum.last >= since);
        for hit in hits.take(MAX_TOLD) {
            raise(service, &listed.name, hit, quiet)?;
        }
        seen.insert(listed.name, listed.flows);
    }
    Ok(())
}

/// What finds the flows with an indicator, which is addresses, or an address and a port.
fn filter(indicator: &str) -> String {
    let v6 = indicator.strip_prefix('[').and_then(|rest| rest.split_once("]:"));
    let v4 = indicator.split_once(':').filter(|(_, port)| !port.contains(':'));
    match v6.or(v4) {
        Some((address, port)) => format!("ip {address} and port {port}"),
        None => format!("ip in [{indicator}]"),
    }
}

/// Raises what was hit, unless that is known as it stands or need not be told.
fn raise(service: &Shared, list: &str, hit: &Hit, quiet: &Quieted) -> Result<(), Failed> {
    let indicator = &hit.indicator;
    let id = format!("{:016x}", xxh3_64(format!("watch {list} {indicator}").as_bytes()));
    if quiet.contains(&id) {
        return Ok(());
    }
    let document = json!({
        "list": list,
        "indicator": indicator,
        "note": hit.note,
        "flows": hit.sum.flows,
        "octets": u64::try_from(hit.sum.octets).unwrap_or(u64::MAX),
        "packets": u64::try_from(hit.sum.packets).unwrap_or(u64::MAX),
        "others": hit.others.iter().map(|(address, _)| address.to_string()).collect::<Vec<_>>(),
    });
    if service.alerts().get(&id).is_ok_and(|kept| kept.alert.document == document) {
        return Ok(());
    }
    let note = hit.note.as_ref().map(|note| format!(" ({note})")).unwrap_or_default();
    let flows = plural(hit.sum.flows, "flow");
    let who = match &hit.others[..] {
        [] => String::new(),
        [(one, _)] => format!(" by {one}"),
        [(one, _), others @ ..] => format!(" by {one} and {} more", others.len()),
    };
    let alert = Alert {
        id,
        source: Source::Watch,
        name: list.to_owned(),
        severity: Severity::High,
        title: format!("{indicator}{note} of {list}: {flows}{who}"),
        first: hit.sum.first,
        last: hit.sum.last,
        filter: filter(indicator),
        attack: None,
        document,
    };
    service.alerts().raise(&alert, UnixMillis::now())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::filter::{Context, NoFiles, parse};

    #[test]
    fn every_kind_of_indicator_has_a_filter() {
        for (indicator, expected) in [
            ("203.0.113.7", "ip in [203.0.113.7]"),
            ("198.51.100.0/24", "ip in [198.51.100.0/24]"),
            ("10.2.0.1-10.2.0.9", "ip in [10.2.0.1-10.2.0.9]"),
            ("203.0.113.7:443", "ip 203.0.113.7 and port 443"),
            ("2001:db8::/32", "ip in [2001:db8::/32]"),
            ("[2001:db8::7]:443", "ip 2001:db8::7 and port 443"),
        ] {
            let filter = filter(indicator);
            assert_eq!(filter, expected);
            let around =
                Context { zone: jiff::tz::TimeZone::UTC, now: UnixMillis::now(), files: &NoFiles };
            assert!(parse(&filter, &around).is_ok(), "{filter}");
        }
    }
}

//! Rules, evaluated over the windows that may change yet, whenever the store has something new.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::{AGAIN, Failed, Kind, Quieted, TICK, around, quieted, wait};
use crate::alert::{Alert, Source};
use crate::answer::{firing_filter, firing_json, firing_title};
use crate::flow::{TimeRange, UnixMillis};
use crate::query::Asked;
use crate::rules::{Firing, Rule};
use crate::service::Shared;

/// Where a store does not tell whether it has anything new, rules are evaluated so often.
const BLIND: Duration = Duration::from_secs(30);
/// What evaluating takes is at most this part of the time, unless it would have to wait for longer than
/// this; half of the time it is at most.
const SHARE: u32 = 4;
const LONGEST_REST: Duration = Duration::from_secs(2);

/// How far back the first look of a process goes, and any other one at most.
const FIRST_MS: u64 = 3_600_000;
const LONGEST_MS: u64 = 86_400_000;

/// Until when keys that were told of are quiet, by the ids of alerts.
type Quiet = HashMap<String, UnixMillis>;

/// Evaluates the rules of `service` until it stops.
pub(super) fn look_out(service: &Shared) {
    let mut quiet = Quiet::new();
    let mut known = None;
    // The moment that the last look that went well was of.
    let mut seen = UnixMillis(UnixMillis::now().0.saturating_sub(FIRST_MS));
    loop {
        let version = service.store.snapshot().ok().and_then(|snapshot| snapshot.version());
        let is_blind = version.is_none();
        let mut pause = TICK;
        if is_blind || version != known {
            let (began, now) = (Instant::now(), UnixMillis::now());
            let evaluate = || evaluate(service, seen, &mut quiet);
            // A look that failed is made again.
            if service.lookout.counters.look(Kind::Rules, evaluate) {
                (known, seen) = (version, now);
            } else {
                pause = AGAIN;
            }
            let took = began.elapsed();
            pause = pause.max((took * (SHARE - 1)).min(LONGEST_REST)).max(took);
            if is_blind {
                pause = pause.max(BLIND);
            }
        }
        if wait(service, pause) {
            return;
        }
    }
}

/// Evaluates all rules over the windows that may have changed since `seen`.
fn evaluate(service: &Shared, seen: UnixMillis, quiet: &mut Quiet) -> Result<(), Failed> {
    let around = around(service);
    let seen = seen.max(UnixMillis(around.now.0.saturating_sub(LONGEST_MS)));
    let quieted = quieted(service, &Quieted::new());
    let mut failed = None;
    for (place, (name, options)) in service.options.lookout.rules.iter().enumerate() {
        let mut evaluate = || -> Result<(), Failed> {
            // Files that say what addresses mean may have changed.
            let rule = options.rule(name, &around)?;
            let open = rule.open_windows(around.now);
            let since = open.since.min(rule.open_windows(seen).since);
            let window = TimeRange { since, ..open };
            let asked = Asked::new(rule.question(window), service.store.snapshot()?, true);
            let judged = rule.judge(asked.snapshot(), window, &around.limits)?;
            let greatest = judged.firings.iter().map(|firing| firing.value).max();
            service.lookout.counters.came_to(place, greatest);
            if judged.cut {
                tracing::warn!("rule {name}: more keys came to enough than are judged");
            }
            let is_told = |firing: &&Firing| !quieted.contains(&rule.id(&firing.key));
            for firing in judged.firings.iter().filter(is_told) {
                if raise(service, &rule, firing, quiet)? {
                    service.lookout.counters.told(place, 1);
                }
            }
            Ok(())
        };
        // The others have their turn all the same.
        if let Err(error) = evaluate() {
            failed = Some(format!("{name}: {error}"));
        }
    }
    quiet.retain(|_, until| *until > seen);
    failed.map_or(Ok(()), |failed| Err(failed.into()))
}

/// Raises what `rule` tells of a key, unless that is to be quiet; says whether it did.
fn raise(
    service: &Shared,
    rule: &Rule,
    firing: &Firing,
    quiet: &mut Quiet,
) -> Result<bool, Failed> {
    let id = rule.id(&firing.key);
    let told = |until: &UnixMillis| firing.window.since < *until;
    if quiet.get(&id).is_some_and(told) {
        return Ok(false);
    }
    // An earlier process may have told of it.
    let until = |last: UnixMillis| last + 1 + rule.pause_ms;
    if !quiet.contains_key(&id)
        && let Ok(kept) = service.alerts().get(&id)
        && told(&until(kept.alert.last))
    {
        quiet.insert(id, until(kept.alert.last));
        return Ok(false);
    }
    let alert = Alert {
        id: id.clone(),
        source: Source::Rule,
        name: rule.name.clone(),
        severity: rule.severity,
        title: firing_title(rule, firing),
        first: firing.window.since,
        last: UnixMillis(firing.window.until.0 - 1),
        filter: firing_filter(rule, &firing.key),
        attack: None,
        document: firing_json(rule, firing, 0),
    };
    service.alerts().raise_after(&alert, UnixMillis::now(), Duration::ZERO)?;
    quiet.insert(id, until(alert.last));
    Ok(true)
}

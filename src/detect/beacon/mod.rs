//! Hosts inside that call the same one outside again and again: the scores of RITA, over several
//! windows, and the period that a periodogram finds.

mod callers;
mod destinations;
mod paced;
mod period;
#[cfg(test)]
mod scattered;
mod scores;

use std::net::IpAddr;

pub(super) use callers::confirm;
pub(super) use destinations::Destinations;
pub(super) use paced::{Paced, PacedRank, of_records};

use period::{Period, period};
use scores::Scores;

use super::contact::{Contact, is_polled};
use super::{Detection, Evidence, Kind, Parameters, Severity};
use crate::flow::UnixMillis;

/// What is looked at, back from the last contact: RITA has a day; this store has the history.
const WINDOWS_MS: [u64; 3] = [3_600_000, 86_400_000, 30 * 86_400_000];

/// More than so many contacts a second are a strobe, which is told apart and not scored.
const STROBE_MS: u64 = 1_000;

/// A period that is as unlikely by chance counts where the scores alone are not high enough.
const UNLIKELY: f64 = 1e-6;

/// High scores are to come of a period that is unlikely by chance, or of many intervals that are even:
/// whoever comes back to one page all day has the other three, and by chance even intervals if they are
/// few.
const DOUBTFUL: f64 = 1e-3;
/// Or of one that is five times as likely, where they are so high, and that of sizes by itself: who comes
/// back to a page gets another one each time.
const LIKELY: f64 = 5e-3;
const ALIKE: f64 = 0.85;
const EVEN: f64 = 0.8;
/// Of intervals that are less even than this, pauses tell no period.
const SLEEPING: f64 = 0.5;
const MANY: usize = 100;

/// So much lower may the scores be then.
const LENIENCY: f64 = 0.1;

/// Beacons of `host`, which is inside, by whom and by which port it calls; `contacts` is all that it
/// began.
pub(super) fn judge(host: IpAddr, contacts: &[Contact], parameters: &Parameters) -> Vec<Detection> {
    if contacts.len() < parameters.beacon_contacts {
        return Vec::new();
    }
    let key = |contact: &Contact| (contact.peer, contact.protocol, contact.port);
    let is_called = |contact: &&Contact| {
        let Contact { peer, protocol, port, .. } = **contact;
        !parameters.inside.has(peer) && !is_polled(protocol, port) && !protocol.is_icmp()
    };
    let mut sorted: Vec<&Contact> = contacts.iter().filter(is_called).collect();
    sorted.sort_by_key(|contact| (key(contact), contact.first_ms));
    let groups = sorted.chunk_by(|one, other| key(one) == key(other));
    groups.filter_map(|group| of_pair(host, group, parameters)).collect()
}

/// A window that shows a beacon.
struct Window<'a> {
    length_ms: u64,
    calls: &'a [&'a Contact],
    scores: Scores,
    period: Option<Period>,
    is_strobe: bool,
}

impl<'a> Window<'a> {
    /// What `calls` show, which lie in the last `length_ms` before the last of them, if that is anything.
    fn of(length_ms: u64, calls: &'a [&'a Contact], parameters: &Parameters) -> Option<Self> {
        let times: Vec<u64> = calls.iter().map(|call| call.first_ms).collect();
        if times.first() == times.last() {
            return None;
        }
        let octets = calls.iter().map(|call| call.octets).collect();
        let scores = Scores::of(&times, octets, length_ms);
        let score = scores.mean();
        let is_strobe = (calls.len() as u64).saturating_mul(STROBE_MS) > length_ms;
        if score < parameters.beacon_score - LENIENCY && !is_strobe {
            return None;
        }
        // Many pauses that are more alike than at random are soon unlikely, and no beacon for that.
        let is_high = score >= parameters.beacon_score;
        let period = period(&times, is_high && scores.interval >= SLEEPING);
        let is_below = |chance: f64| period.is_some_and(|period| period.chance < chance);
        let is_alike = score >= ALIKE && scores.size >= ALIKE;
        let is_even = calls.len() >= MANY && scores.interval >= EVEN
            || is_below(DOUBTFUL)
            || is_alike && is_below(LIKELY);
        let is_sure = is_high && is_even || is_below(UNLIKELY);
        (is_sure || is_strobe).then_some(Self { length_ms, calls, scores, period, is_strobe })
    }
}

/// What the calls of one pair are, by when they began.
fn of_pair(host: IpAddr, calls: &[&Contact], parameters: &Parameters) -> Option<Detection> {
    let last_ms = calls.last()?.first_ms;
    // That of the highest scores, of those that show a beacon: a few calls of the last hour may score
    // higher than a day of them, and be too few to say so.
    let mut best: Option<Window<'_>> = None;
    for window_ms in WINDOWS_MS {
        let from = calls.partition_point(|call| call.first_ms + window_ms < last_ms);
        let within = &calls[from..];
        let span = last_ms - within.first()?.first_ms;
        let distinct = within.chunk_by(|one, next| one.first_ms == next.first_ms).count();
        // A window that is not half filled says what the shorter one says, if that says anything.
        if distinct < parameters.beacon_contacts || best.is_some() && span < window_ms / 2 {
            continue;
        }
        let is_better = |window: &Window<'_>| {
            best.as_ref().is_none_or(|best| window.scores.mean() >= best.scores.mean())
        };
        best = Window::of(window_ms, within, parameters).filter(is_better).or(best);
    }
    let Window { length_ms: window_ms, calls: within, scores, period: found, is_strobe } = best?;
    let (score, contacts) = (scores.mean(), within.len());
    let first = within[0];
    let mut evidence = vec![
        ("score", Evidence::Share(score)),
        ("interval", Evidence::Share(scores.interval)),
        ("size", Evidence::Share(scores.size)),
        ("histogram", Evidence::Share(scores.histogram)),
        ("duration", Evidence::Share(scores.duration)),
        ("contacts", Evidence::Count(contacts as u64)),
        ("window", Evidence::Span(window_ms)),
        ("medianInterval", Evidence::Span(scores.median_interval_ms)),
    ];
    if let Some(period) = found {
        evidence.push(("period", Evidence::Span(period.millis)));
        evidence.push(("chance", Evidence::Chance(period.chance)));
    }
    if within.iter().any(|call| call.sampled) {
        evidence.push(("sampled", Evidence::Text("contacts may be unseen".to_owned())));
    }
    let severity = match score {
        0.9.. => Severity::High,
        0.8.. => Severity::Medium,
        _ => Severity::Low,
    };
    Some(Detection {
        kind: Kind::Beacon,
        variant: if is_strobe { "strobe" } else { "beacon" },
        host,
        peer: Some(first.peer),
        protocol: Some(first.protocol),
        port: Some(first.port),
        first: UnixMillis(first.first_ms),
        last: UnixMillis(last_ms),
        severity: if is_strobe { Severity::Low } else { severity },
        confidence: score,
        evidence,
    })
}

#[cfg(test)]
mod tests {
    use super::scattered::scattered;
    use super::*;
    use crate::flow::Protocol;

    fn call(first_ms: u64) -> Contact {
        Contact {
            peer: [192, 0, 2, 1].into(),
            protocol: Protocol::TCP,
            port: 443,
            own_port: 50_000,
            first_ms,
            last_ms: first_ms + 100,
            octets: 500,
            packets: 5,
            failed: false,
            sampled: false,
            one_way: false,
        }
    }

    const HOUR_MS: f64 = 3_600_000.0;

    /// How many of a hundred hosts are told that call at what `times` makes of the numbers of each.
    fn told(times: impl Fn(Vec<f64>) -> Vec<u64>) -> usize {
        let is_told = |host: &u64| {
            let times = times(scattered(*host, 48).collect());
            let calls: Vec<Contact> = times.into_iter().map(call).collect();
            !judge([10, 0, 0, 1].into(), &calls, &Parameters::default()).is_empty()
        };
        (0..100).filter(is_told).count()
    }

    /// When somebody calls each hour of a day, up to a fifth of an hour early or late, and who loses each
    /// tenth call.
    fn hourly(drawn: &[f64], sleeps: bool) -> Vec<u64> {
        let mut next = HOUR_MS;
        let mut times = Vec::new();
        for (hour, pair) in drawn.chunks(2).take(23).enumerate() {
            let at = next + (pair[0] - 0.5) * 0.4 * HOUR_MS;
            next = if sleeps { at } else { (hour + 1) as f64 * HOUR_MS } + HOUR_MS;
            if pair[1] >= 0.1 {
                times.push(at as u64);
            }
        }
        times
    }

    #[test]
    fn few_calls_are_told_from_what_comes_at_random() {
        let by_clock = told(|drawn| hourly(&drawn, false));
        let sleeping = told(|drawn| hourly(&drawn, true));
        let at_random = told(|mut drawn| {
            drawn.truncate(21);
            drawn.sort_by(f64::total_cmp);
            drawn.into_iter().map(|part| (part * 24.0 * HOUR_MS) as u64).collect()
        });
        assert!(by_clock >= 95 && sleeping >= 95, "{by_clock} by the clock, {sleeping} sleeping");
        assert!(at_random <= 2, "{at_random} at random");
    }

    #[test]
    fn a_last_hour_that_says_little_hides_no_day() {
        const MINUTE_MS: u64 = 60_000;
        // A call every five minutes, up to a minute early or late.
        let jitter = |at: u64| at.wrapping_mul(7_919) % 121 * 1_000;
        let mut times: Vec<u64> = (0..276).map(|at| at * 5 * MINUTE_MS + jitter(at)).collect();
        let start = times[times.len() - 1];
        let calls = |times: &[u64]| times.iter().copied().map(call).collect::<Vec<_>>();
        let judged =
            |times: &[u64]| judge([10, 0, 0, 1].into(), &calls(times), &Parameters::default());
        assert_eq!(judged(&times).len(), 1);
        // Twelve whose intervals grow from 150 to 450 seconds: even, and without a period.
        let mut time = start;
        let hour: Vec<u64> = (5..=15)
            .map(|halves| {
                time += halves * MINUTE_MS / 2;
                time
            })
            .collect();
        let few = [&[start][..], &hour].concat();
        assert!(judged(&few).is_empty(), "twelve calls say nothing");
        times.extend(hour);
        let found = judged(&times);
        assert_eq!(found.len(), 1);
        let window = found[0].evidence.iter().find(|(name, _)| *name == "window");
        assert!(matches!(window, Some((_, Evidence::Span(86_400_000)))), "{window:?}");
    }
}

//! Values over time: of a flood by minute, of uploads by hour, of rules by window, of others as traffic.

use std::num::NonZeroU64;

use jiff::tz::TimeZone;

use super::super::super::ask::{Ask, Fault};
use super::super::super::parts;
use super::super::super::silence::spanning;
use super::super::why;
use super::bounded::{bounded, too_long};
use super::peers::by_window;
use super::reading::{Reading, filter};
use super::{Drawn, GONE, figure, nothing};
use crate::aggregate::{BinWidth, Measure, Timeline, TimelineError, TimelineOptions, Whose};
use crate::answer::{Columns, amount, draw_columns, rate, width};
use crate::detect::{Inside, Parameters};
use crate::flow::{TimeRange, UnixMillis};
use crate::query::{Asked, Direction, Question};
use crate::request::RuleOptions;
use crate::store::{Snapshot, StoreError};

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 3_600_000;
/// So many minutes around a flood are shown, and so many hours before an upload.
const AROUND_MINUTES: u64 = 30;
/// Of a flood that was told again and again, the last days.
const LAST_DAYS: u64 = 30;
const BEFORE_HOURS: u64 = 7 * 24;
/// So many windows of a rule are shown, of which a few come after what was told.
const MAX_WINDOWS: u64 = 240;
const MIN_WINDOWS: u64 = 48;
const AFTER: u64 = 6;

/// What was counted, or why it was not.
type Counted<T> = Result<Result<T, String>, Fault>;

/// Has `question` counted by `by` in bins of `width`.
fn counted(
    ask: &Ask<'_>,
    question: Question,
    by: Measure,
    width: BinWidth,
    zone: TimeZone,
) -> Counted<Timeline> {
    let options = TimelineOptions { by, width, zone };
    let read = bounded(ask, |snapshot: Box<dyn Snapshot>| {
        let asked = Asked::new(question, snapshot, true);
        let lookup = asked.question.plan_unordered(Timeline::columns(by));
        Ok(Timeline::of(asked.snapshot(), &[(Whose::All, lookup)], &options))
    })?;
    match read {
        Err(TimelineError::Store(StoreError::Stopped)) => Ok(Err(too_long())),
        read => read.map(Ok).map_err(parts::of_timeline),
    }
}

/// The values of `timeline` from `time.since` on, one for each step until `time.until`.
pub(in super::super) fn steps(timeline: &Timeline, time: TimeRange, step_ms: u64) -> Vec<f64> {
    let count = time.until.0.saturating_sub(time.since.0).div_ceil(step_ms);
    let mut values = vec![0.0; count as usize];
    let of_all = timeline.series.first().map_or(&[][..], |series| &series.values);
    for (start, value) in timeline.starts.iter().zip(of_all) {
        let place = start.0.checked_sub(time.since.0).map(|after| after / step_ms);
        if let Some(known) = place.and_then(|place| values.get_mut(place as usize)) {
            *known += *value as f64;
        }
    }
    values
}

/// The stretches that an alert told of: one that begins when it ended is none of them.
fn told(reading: &Reading<'_>) -> TimeRange {
    TimeRange { until: reading.alert.last.max(reading.time.since + 1), ..reading.time }
}

fn drawn(
    ask: &Ask<'_>,
    title: &'static str,
    said: String,
    columns: impl Fn() -> Columns<'static>,
) -> Vec<Drawn> {
    if columns().values.iter().all(|value| *value <= 0.0) {
        return nothing(title, GONE);
    }
    let picture = figure(ask, title, |look| draw_columns(columns(), look));
    vec![Drawn { title, said, picture, lacking: None }]
}

/// `time` with so much before and after it, from a whole step to a whole step.
fn around(time: TimeRange, (before_ms, after_ms): (u64, u64), step_ms: u64) -> TimeRange {
    let since = time.since.0.saturating_sub(before_ms) / step_ms * step_ms;
    let until = time.until.0.saturating_add(after_ms).div_ceil(step_ms) * step_ms;
    TimeRange { since: UnixMillis(since), until: UnixMillis(until) }
}

/// The last days of `time`, and what is said where these are not all.
fn last_days(time: TimeRange) -> (TimeRange, Option<String>) {
    let since = UnixMillis(time.until.0.saturating_sub(LAST_DAYS * 24 * HOUR_MS)).max(time.since);
    let lacking = || format!("Drawn are the last {LAST_DAYS} days of it.");
    (TimeRange { since, ..time }, (since > time.since).then(lacking))
}

/// Pictures with what is not in them.
fn lacking_too(drawn: Vec<Drawn>, lacking: Option<&str>) -> Vec<Drawn> {
    let lacking = lacking.map(str::to_owned);
    drawn.into_iter().map(|drawn| Drawn { lacking: lacking.clone(), ..drawn }).collect()
}

/// A flood: the packets that its host received by the minute.
pub(super) fn minutes(
    ask: &Ask<'_>,
    reading: &Reading<'_>,
    by: &Parameters,
) -> Result<Vec<Drawn>, Fault> {
    const TITLE: &str = "What it received by the minute";
    let beside = AROUND_MINUTES * MINUTE_MS;
    let (last, lacking) = last_days(reading.time);
    let time = around(last, (beside, beside), MINUTE_MS);
    let question = Question {
        addresses: reading.host.map(Into::into),
        direction: Direction::Dst,
        time,
        ..Question::everything()
    };
    let width = BinWidth::Millis(const { NonZeroU64::new(MINUTE_MS).unwrap() });
    let timeline = match counted(ask, question, Measure::Packets, width, TimeZone::UTC)? {
        Ok(timeline) => timeline,
        Err(why) => return Ok(nothing(TITLE, &why)),
    };
    let values: Vec<f64> =
        steps(&timeline, time, MINUTE_MS).iter().map(|packets| packets / 60.0).collect();
    let usual = reading.number("usualPacketsPerSecond").unwrap_or(0);
    let most = by.flood_packets.max(usual.saturating_mul(by.flood_times)) as f64;
    let lines = vec![("a flood from".to_owned(), most), ("usual".to_owned(), usual as f64)];
    let columns = || Columns {
        since: time.since,
        step_ms: MINUTE_MS,
        values: values.clone(),
        lines: lines.clone(),
        told: told(reading),
        least: most,
        text: &|packets| rate(Measure::Packets, packets),
    };
    let said = "packets a second, the mean of each minute; those of the flood in the other colour";
    Ok(lacking_too(drawn(ask, TITLE, said.to_owned(), columns), lacking.as_deref()))
}

/// An upload: the octets that its host sent to the outside by the hour.
pub(super) fn hours(
    ask: &Ask<'_>,
    reading: &Reading<'_>,
    by: &Parameters,
) -> Result<Vec<Drawn>, Fault> {
    const TITLE: &str = "What it sent to the outside by the hour";
    let time = around(reading.time, (BEFORE_HOURS * HOUR_MS, 2 * HOUR_MS), HOUR_MS);
    let inside = if by.inside == Inside::default() { Inside::PRIVATE } else { "dst role internal" };
    let question = Question {
        addresses: reading.host.map(Into::into),
        direction: Direction::Src,
        time,
        filter: filter(ask, &format!("not ({inside})"))?,
        ..Question::everything()
    };
    let width = BinWidth::Millis(const { NonZeroU64::new(HOUR_MS).unwrap() });
    let timeline = match counted(ask, question, Measure::Octets, width, TimeZone::UTC)? {
        Ok(timeline) => timeline,
        Err(why) => return Ok(nothing(TITLE, &why)),
    };
    let values = steps(&timeline, time, HOUR_MS);
    let usual = reading.number("usualBytes").unwrap_or(0);
    let mut lines = vec![("much from".to_owned(), by.exfil_octets as f64)];
    lines.push(("usual".to_owned(), usual as f64));
    let columns = || Columns {
        since: time.since,
        step_ms: HOUR_MS,
        values: values.clone(),
        lines: lines.clone(),
        told: told(reading),
        least: by.exfil_octets as f64,
        text: &|octets| amount(Measure::Octets, octets),
    };
    let said = "octets, whoever began; the hours that stand out in the other colour";
    Ok(drawn(ask, TITLE, said.to_owned(), columns))
}

/// A rule: what its key came to in each window.
pub(super) fn windows(
    ask: &Ask<'_>,
    reading: &Reading<'_>,
    rules: &[(String, RuleOptions)],
) -> Result<Vec<Drawn>, Fault> {
    const TITLE: &str = "What it came to by window";
    let alert = reading.alert;
    let Some((from, until)) = why::window(alert) else { return strip(ask, reading) };
    let window_ms = until - from;
    let over_ms = alert.document["over"].as_u64().unwrap_or(0);
    let before = (over_ms / window_ms).clamp(MIN_WINDOWS, MAX_WINDOWS);
    let told = TimeRange { since: from, until };
    let time = around(told, (before * window_ms, AFTER * window_ms), window_ms);
    let measure = alert.document["measure"].as_str().unwrap_or_default().to_owned();
    let read = match measure.parse::<Measure>() {
        Ok(by) => window_values(ask, reading, by, (time, window_ms))?,
        Err(_) => window_peers(ask, reading, rules, (time, window_ms))?,
    };
    let values = match read {
        Ok(values) => values,
        Err(why) => return Ok(nothing(TITLE, &why)),
    };
    let lines = limits(&alert.document);
    // What counts is known by its name alone.
    let text: &'static dyn Fn(f64) -> String = match &*measure {
        "packets" => &|value| why::counted("packets", value),
        "flows" => &|value| why::counted("flows", value),
        "peers" => &|value| why::counted("peers", value),
        _ => &|value| why::counted("octets", value),
    };
    let columns = || Columns {
        since: time.since,
        step_ms: window_ms,
        values: values.clone(),
        lines: lines.clone(),
        told,
        least: 0.0,
        text,
    };
    let said = format!(
        "{measure} in each {}; the window that was told in the other colour",
        width(window_ms)
    );
    // Peers are those of its key by themselves.
    let wider = measure != "peers" && alert.document["wider"] == true;
    let lacking = wider.then_some(super::super::WIDER);
    Ok(lacking_too(drawn(ask, TITLE, said, columns), lacking))
}

/// What a rule counts in each window of a time. As it asks: octets and packets also of flows that were
/// under way before.
fn window_values(
    ask: &Ask<'_>,
    reading: &Reading<'_>,
    by: Measure,
    (time, window_ms): (TimeRange, u64),
) -> Counted<Vec<f64>> {
    let alive = matches!(by, Measure::Octets | Measure::Packets);
    let question = Question { alive, ..reading.question(time) };
    let wide = BinWidth::Millis(NonZeroU64::new(window_ms).unwrap_or(NonZeroU64::MIN));
    let counted = counted(ask, question, by, wide, TimeZone::UTC)?;
    Ok(counted.map(|timeline| steps(&timeline, time, window_ms)))
}

/// The peers of its key in each window, by what the rule sums up by.
fn window_peers(
    ask: &Ask<'_>,
    reading: &Reading<'_>,
    rules: &[(String, RuleOptions)],
    (time, window_ms): (TimeRange, u64),
) -> Counted<Vec<f64>> {
    let Some((name, options)) = rules.iter().find(|(name, _)| *name == reading.alert.name) else {
        return Ok(Err("Its rule is not in the configuration any more.".to_owned()));
    };
    let rule = options.rule(name, &ask.around())?;
    let question = reading.question(time);
    let key = &reading.alert.document["key"];
    let limits = ask.limits.clone();
    let read = bounded(ask, |snapshot| {
        by_window(&*snapshot, (&question, window_ms), (&rule, key), &limits)
    });
    match read {
        Err(StoreError::Stopped) => Ok(Err(too_long())),
        read => Ok(Ok(read?)),
    }
}

/// What the windows of a rule are compared with.
pub(in super::super) fn limits(document: &serde_json::Value) -> Vec<(String, f64)> {
    let (above, usual) = (&document["above"], &document["usual"]);
    let number = |value: &serde_json::Value| value.as_f64();
    let mean = number(&usual["mean"]);
    let median = number(&usual["median"]);
    let deviation = number(&usual["deviation"]);
    let percent = |percent: f64| mean.map(|mean| mean * percent / 100.0);
    let unusual = |z: f64| Some(median? + z * deviation?);
    let most = number(&above["amount"])
        .or_else(|| percent(number(&above["percent"])?))
        .or_else(|| unusual(number(&above["z"])?));
    let lines = [("too much above", most), ("mean", mean), ("median", median)];
    lines.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// Anything else: its traffic over time.
pub(super) fn strip(ask: &Ask<'_>, reading: &Reading<'_>) -> Result<Vec<Drawn>, Fault> {
    const TITLE: &str = "Its traffic over time";
    let time = reading.time;
    let zone = ask.zone.zone().clone();
    let most = BinWidth::AtMost(parts::PLOT_BINS);
    let question = reading.question(time);
    let timeline = match counted(ask, question, Measure::Octets, most, zone)? {
        Ok(timeline) => spanning(timeline, time, ask.zone.zone()),
        Err(why) => return Ok(nothing(TITLE, &why)),
    };
    if timeline.is_empty() {
        return Ok(nothing(TITLE, GONE));
    }
    let total = timeline.series.first().map_or(0, crate::aggregate::Series::total);
    let drawn = parts::Drawn::of_all(&timeline);
    let said = format!("{} in all", amount(Measure::Octets, total as f64));
    Ok(vec![Drawn { title: TITLE, said, picture: parts::plot(ask, &drawn), lacking: None }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_flood_the_last_days_are_drawn() {
        let day = 24 * HOUR_MS;
        let of = |days: u64| {
            last_days(TimeRange { since: UnixMillis(day), until: UnixMillis((1 + days) * day) })
        };
        assert_eq!(
            of(30),
            (TimeRange { since: UnixMillis(day), until: UnixMillis(31 * day) }, None)
        );
        let (time, lacking) = of(100);
        assert_eq!((time.since.0 / day, time.until.0 / day), (71, 101));
        assert!(lacking.is_some());
        // With what is around it in minutes: less than the 100,000 bins that there may be.
        let beside = AROUND_MINUTES * MINUTE_MS;
        let drawn = around(time, (beside, beside), MINUTE_MS);
        assert_eq!((drawn.until.0 - drawn.since.0) / MINUTE_MS, 43_260);
    }
}

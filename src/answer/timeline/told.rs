//! What is told of a timeline in words, beside its chart.

use std::fmt::Write as _;

use jiff::tz::TimeZone;

use super::TimelineView;
use crate::aggregate::{Measure, Series, Timeline, Whose};
use crate::answer::beside::Used;
use crate::answer::keys::key_text;
use crate::answer::units::{amount, rate, width};
use crate::flow::UnixMillis;

/// `Traffic over time, 10.0.0.1`.
pub(in crate::answer) fn title(timeline: &Timeline, view: &TimelineView<'_>) -> String {
    let counted = match timeline.by {
        Measure::Octets => "Traffic",
        Measure::Packets => "Packets",
        Measure::Flows => "Flows that began",
    };
    match view.of {
        "" => format!("{counted} over time"),
        of => format!("{counted} over time, {of}"),
    }
}

/// `sent: 1.2 GB in all, 3 Mbit/s on average, at most 9 Mbit/s (5 min from 2007-07-26 22:15)`; of a
/// link whose speed is known also how much of it that is: `3 Mbit/s (30.0 % of the link) on average`.
pub(in crate::answer) fn summary(
    timeline: &Timeline,
    series: &Series,
    view: &TimelineView<'_>,
) -> String {
    let by = timeline.by;
    let seconds = |since: Option<&UnixMillis>, until: UnixMillis| {
        (since.map_or(timeline.bin_ms, |&since| until - since)) as f64 / 1000.0
    };
    let total = series.total();
    let average = total as f64 / seconds(timeline.starts.first(), timeline.until);
    let link = |octets, since: Option<&UnixMillis>, until| {
        let window_ms = until - *since?;
        let used = Used { octets, window_ms };
        let share = view.beside?.share((view.fields, view.key(series)?), used)?;
        (by == Measure::Octets).then(|| format!(" ({share:.1} % of the link)"))
    };
    let of_link = link(total, timeline.starts.first(), timeline.until).unwrap_or_default();
    let (all, mean) = (amount(by, total as f64), rate(by, average));
    let mut text = format!("{all} in all, {mean}{of_link} on average");
    if series.whose != Whose::All {
        text = format!("{}: {text}", series_name(series.whose, view));
    }
    // The first of equal ones.
    let busiest = (0..series.values.len()).rev().max_by_key(|&bin| series.values[bin]);
    if let Some(bin) = busiest.filter(|_| total > 0) {
        let peak = rate(
            by,
            series.values[bin] as f64 / seconds(timeline.starts.get(bin), timeline.end(bin)),
        );
        let of_link = link(series.values[bin], timeline.starts.get(bin), timeline.end(bin));
        let of_link = of_link.unwrap_or_default();
        let start = time_text(timeline.starts[bin], &view.zone, timeline.bin_ms);
        // Writing to a string cannot fail.
        let _ = write!(text, ", at most {peak}{of_link} ({} from {start})", width(timeline.bin_ms));
    }
    text
}

/// Whose traffic a series is, in a few words: a key is told by its values.
pub(in crate::answer) fn series_name(whose: Whose, view: &TimelineView<'_>) -> String {
    match whose {
        Whose::All => "all".to_owned(),
        Whose::Sent => "sent".to_owned(),
        Whose::Received => "received".to_owned(),
        Whose::Key(place) => {
            view.keys.get(place).map_or_else(String::new, |entry| match view.beside {
                Some(beside) => beside.called((view.fields, &entry.key), 0..entry.key.len(), ", "),
                None => key_text(&entry.key),
            })
        }
        Whose::OtherKeys => "others".to_owned(),
    }
}

/// A moment to the precision that bins of `bin_ms` need: `2007-07-26 22:15`.
pub fn time_text(moment: UnixMillis, zone: &TimeZone, bin_ms: u64) -> String {
    let format = match bin_ms {
        ms if ms.is_multiple_of(60_000) => "%Y-%m-%d %H:%M",
        ms if ms.is_multiple_of(1000) => "%Y-%m-%d %H:%M:%S",
        _ => "%Y-%m-%d %H:%M:%S%.3f",
    };
    moment.timestamp().to_zoned_datetime(zone.clone()).strftime(format).to_string()
}

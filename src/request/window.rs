//! Times: `--since`, `--until`, and how times are shown.

use super::{Refused, Surroundings, Zone};
use crate::flow::{TimeRange, UnixMillis};

/// When the flows began that are asked for.
#[derive(Debug, Clone, clap::Args)]
pub struct Window {
    /// Only flows that began at this time or later: 2026-11-23, 2026-11-23T14:05, RFC 3339, -2h,
    /// today, yesterday, 'last monday', 'this month', 2026-W47, 2026-11: when that begins
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    since: Option<String>,
    /// Only flows that began before this time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    until: Option<String>,
    /// Flows that were under way at some time between --since and --until, whenever they began and
    /// ended, in place of those that began then
    #[arg(long)]
    pub(super) alive: bool,
}

impl Window {
    /// The range that is meant.
    ///
    /// # Errors
    ///
    /// [`Refused`] for text that is no time, for a range that ends before it begins, and where none is
    /// given that flows could have been alive in.
    pub fn range(&self, around: &Surroundings<'_>) -> Result<TimeRange, Refused> {
        let read = |name: &str, text: &Option<String>, open: UnixMillis| match text {
            None => Ok(open),
            Some(text) => moment(name, text, around),
        };
        let range = TimeRange {
            since: read("since", &self.since, UnixMillis::EPOCH)?,
            until: read("until", &self.until, UnixMillis::MAX)?,
        };
        if self.alive && range.is_all() {
            return Err(Refused::of("alive", "--alive when? Say it with --since or --until"));
        }
        if range.until < range.since {
            let message = format!(
                "--until {} is before --since {}",
                show(range.until, around.zone),
                show(range.since, around.zone)
            );
            return Err(Refused::of("until", message));
        }
        Ok(range)
    }
}

/// The time that is meant by `text`, of the parameter of this name.
///
/// # Errors
///
/// [`Refused`] for text that is no time.
pub fn moment(
    parameter: &str,
    text: &str,
    around: &Surroundings<'_>,
) -> Result<UnixMillis, Refused> {
    UnixMillis::parse(text, around.zone.zone(), around.now)
        .map_err(|error| Refused::of(parameter, format!("--{parameter}: {error}")))
}

/// The range in words: `from 2026-11-23T00:00:00.000Z, before …`; nothing where it is all of time.
pub fn range_text(range: TimeRange, zone: &Zone) -> String {
    let since =
        (range.since > UnixMillis::EPOCH).then(|| format!("from {}", show(range.since, zone)));
    let until =
        (range.until < UnixMillis::MAX).then(|| format!("before {}", show(range.until, zone)));
    since.into_iter().chain(until).collect::<Vec<_>>().join(", ")
}

/// Reads a span of time, such as `30d`, `2w` or `1d12h`, in milliseconds up to now: not nothing.
///
/// # Errors
///
/// What would be right, for text that is no span.
pub fn span_ms(text: &str) -> Result<u64, String> {
    let now = UnixMillis::now();
    let since = UnixMillis::parse(&format!("-{text}"), &jiff::tz::TimeZone::UTC, now).ok();
    let span = since.map(|since| now - since).filter(|&span| span > 0);
    span.ok_or_else(|| format!("{text:?} is no span of time; write 30d, 2w or 12h"))
}

/// A time in RFC 3339 with milliseconds, in `zone`.
pub fn show(time: UnixMillis, zone: &Zone) -> String {
    if zone.is_utc() {
        return time.to_string();
    }
    time.timestamp()
        .to_zoned_datetime(zone.zone().clone())
        .strftime("%Y-%m-%dT%H:%M:%S%.3f%:z")
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::Limits;
    use crate::query::filter::NoFiles;

    #[test]
    fn a_span_is_read_and_is_not_nothing() {
        for (text, hours) in [
            ("30d", Some(720)),
            ("2w", Some(336)),
            ("12h", Some(12)),
            ("1d12h", Some(36)),
            ("90min", None),
            ("0d", None),
            ("", None),
            ("30", None),
            ("-1d", None),
            ("soon", None),
            ("900y", None),
        ] {
            let read = span_ms(text).ok().filter(|span| span % 3_600_000 == 0);
            assert_eq!(read, hours.map(|hours: u64| hours * 3_600_000), "{text}");
        }
        assert_eq!(span_ms("90min"), Ok(5_400_000));
    }

    #[test]
    fn a_window_is_read_in_the_zone_and_shown_in_it() {
        let zone = Zone::parse("+02:00").unwrap();
        let (now, limits) = (UnixMillis::now(), Limits::default());
        let around = Surroundings { zone: &zone, now, limits, files: &NoFiles };
        let window = |since: &str, until: &str| Window {
            since: Some(since.to_owned()),
            until: Some(until.to_owned()),
            alive: false,
        };
        let range = window("2007-07-27", "2007-07-26T22:15:38Z").range(&around).unwrap();
        assert_eq!(show(range.since, &zone), "2007-07-27T00:00:00.000+02:00");
        assert_eq!(show(range.until, &Zone::utc()), "2007-07-26T22:15:38.000Z");
        let error = window("2007-07-28", "2007-07-27").range(&around).unwrap_err();
        assert!(error.to_string().starts_with("--until 2007-07-27T00:00:00.000+02:00 is before"));
        let error = window("soon", "now").range(&around).unwrap_err();
        assert!(error.to_string().starts_with("--since: \"soon\" is no time"), "{error}");
    }
}

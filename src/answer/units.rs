//! Amounts and rates for people: three digits, and a prefix of the SI.

use crate::aggregate::Measure;

const PREFIXES: [&str; 11] = ["", "k", "M", "G", "T", "P", "E", "Z", "Y", "R", "Q"];

/// `value` with one place behind the point, or none where it is a whole number, and its prefix.
fn scaled(mut value: f64) -> (String, &'static str) {
    let mut step = 0;
    // What would round to 1000.0 is 1.0 of the next prefix.
    while value >= 999.95 && step + 1 < PREFIXES.len() {
        value /= 1000.0;
        step += 1;
    }
    let prefix = PREFIXES[step];
    if value >= 999.95 {
        return (format!("{value:.1e}"), prefix);
    }
    // Little is not nothing: what is less than one has two digits that count.
    let places = if value > 0.0 && value < 0.995 { 1 - value.log10().floor() as i32 } else { 1 };
    let text = format!("{value:.places$}", places = places.max(1) as usize);
    (text.trim_end_matches('0').trim_end_matches('.').to_owned(), prefix)
}

/// A number for people, with the prefix behind it: `1.2M`.
pub(super) fn short(value: f64) -> String {
    let (number, prefix) = scaled(value);
    number + prefix
}

/// An amount of what is counted: `1.2 MB` of octets, `1.2M packets`, `3 flows`.
pub fn amount(by: Measure, value: f64) -> String {
    let (number, prefix) = scaled(value);
    match by {
        Measure::Octets => format!("{number} {prefix}B"),
        Measure::Packets | Measure::Flows => format!("{number}{prefix} {by}"),
    }
}

/// How much of it a second: `1.2 Mbit/s` of octets, `1.2k packets/s`, `0.5 flows/s`.
pub fn rate(by: Measure, per_second: f64) -> String {
    match by {
        Measure::Octets => {
            let (number, prefix) = scaled(per_second * 8.0);
            format!("{number} {prefix}bit/s")
        }
        Measure::Packets | Measure::Flows => {
            let (number, prefix) = scaled(per_second);
            format!("{number}{prefix} {by}/s")
        }
    }
}

/// What a chart of rates is drawn in: so many of it to one that is counted.
pub(super) const fn units_each(by: Measure) -> f64 {
    match by {
        Measure::Octets => 8.0,
        Measure::Packets | Measure::Flows => 1.0,
    }
}

/// The name of that unit.
pub(super) const fn rate_unit(by: Measure) -> &'static str {
    match by {
        Measure::Octets => "bit/s",
        Measure::Packets => "packets/s",
        Measure::Flows => "flows/s",
    }
}

/// A span of time that bins have: `30 s`, `5 min`, `2 h`, `1 d`.
pub fn width(millis: u64) -> String {
    const UNITS: [(u64, &str); 4] =
        [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s")];
    let unit = UNITS.into_iter().find(|(unit, _)| millis.is_multiple_of(*unit) && millis > 0);
    let (each, name) = unit.unwrap_or((1, "ms"));
    format!("{} {name}", millis / each)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_and_rates_have_few_digits_and_a_prefix() {
        for (value, text) in [
            (0.0, "0 B"),
            (999.0, "999 B"),
            (999.96, "1 kB"),
            (1_234_567.0, "1.2 MB"),
            (12_000.0, "12 kB"),
            (3.4e38, "3.4e8 QB"),
            (0.0025, "0.0025 B"),
            (0.5, "0.5 B"),
            (0.996, "1 B"),
            (100.0, "100 B"),
            (1e-7, "0.0000001 B"),
        ] {
            assert_eq!(amount(Measure::Octets, value), text);
        }
        assert_eq!(amount(Measure::Packets, 1500.0), "1.5k packets");
        assert_eq!(rate(Measure::Octets, 125.0), "1 kbit/s");
        assert_eq!(rate(Measure::Flows, 0.5), "0.5 flows/s");
        assert_eq!(rate(Measure::Flows, 0.012), "0.012 flows/s");
    }

    #[test]
    fn a_width_is_told_in_the_largest_unit_that_it_is_whole_in() {
        for (millis, text) in [
            (1, "1 ms"),
            (1500, "1500 ms"),
            (90_000, "90 s"),
            (300_000, "5 min"),
            (86_400_000, "1 d"),
            (2_419_200_000, "28 d"),
        ] {
            assert_eq!(width(millis), text);
        }
    }
}

//! Pairs of addresses to an output.

use std::io::Write;

use jiff::tz::TimeZone;

use super::rows::{Head, Value, write_rows};
use super::{AnswerError, PairFormat};
use crate::aggregate::{ActivePair, PairOptions};

/// Prints `pairs`, which were made with `options`, in `format`.
///
/// The fields of JSON and CSV are `first` and `second`, or `srcAddress` and `dstAddress` for
/// directed pairs, and the value under the name of the measure: `octets`, `packets` or `flows`.
///
/// # Errors
///
/// [`AnswerError::Output`] for what the output meets, but for a closed pipe.
pub fn write_pairs(
    pairs: &[ActivePair],
    options: &PairOptions,
    format: PairFormat,
    to: impl Write,
) -> Result<(), AnswerError> {
    let (first, second) =
        if options.directed { ("srcAddress", "dstAddress") } else { ("first", "second") };
    let head = Head { names: vec![first, second, options.by.name()], object: String::new() };
    let rows = pairs.iter().map(|pair| {
        Ok([Value::Address(pair.first), Value::Address(pair.second), Value::Number(pair.value)])
    });
    write_rows(rows, &head, format, TimeZone::UTC, to).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::Measure;

    fn text(pairs: &[ActivePair], directed: bool, format: PairFormat) -> String {
        let options = PairOptions { by: Measure::Octets, directed, ..PairOptions::default() };
        let mut text = Vec::new();
        write_pairs(pairs, &options, format, &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn pairs_are_printed_in_every_format() {
        let pair = |first: &str, second: &str, value| ActivePair {
            first: first.parse().unwrap(),
            second: second.parse().unwrap(),
            value,
        };
        let pairs =
            [pair("10.0.0.1", "2.0.0.2", u128::from(u64::MAX) + 1), pair("2001:db8::1", "::1", 7)];
        for (directed, format, expected) in [
            (
                false,
                PairFormat::Line,
                "(10.0.0.1,2.0.0.2,18446744073709551616)\n(2001:db8::1,::1,7)\n",
            ),
            (
                false,
                PairFormat::Csv,
                "first,second,octets\n10.0.0.1,2.0.0.2,18446744073709551616\n2001:db8::1,::1,7\n",
            ),
            (
                true,
                PairFormat::Ndjson,
                "{\"srcAddress\":\"10.0.0.1\",\"dstAddress\":\"2.0.0.2\",\"octets\":18446744073709551616}\n\
                 {\"srcAddress\":\"2001:db8::1\",\"dstAddress\":\"::1\",\"octets\":7}\n",
            ),
            (
                false,
                PairFormat::Json,
                "[\n{\"first\":\"10.0.0.1\",\"second\":\"2.0.0.2\",\"octets\":18446744073709551616},\n\
                 {\"first\":\"2001:db8::1\",\"second\":\"::1\",\"octets\":7}\n]\n",
            ),
        ] {
            assert_eq!(text(&pairs, directed, format), expected, "{format}");
        }
        assert_eq!(text(&[], false, PairFormat::Json), "[]\n");
        assert_eq!(text(&[], false, PairFormat::Line), "");
    }
}

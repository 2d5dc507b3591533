//! Pairs of addresses to an output.

use std::io::Write;

use super::json::push_array;
use super::pieces::or_closed;
use super::text::push_address;
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
    mut to: impl Write,
) -> Result<(), AnswerError> {
    let text = match format {
        PairFormat::Line => lines(pairs, [b"(", b",", b",", b")\n"]),
        PairFormat::Ndjson => {
            let [before, between, behind] = json_names(options);
            lines(pairs, [before.as_bytes(), between.as_bytes(), behind.as_bytes(), b"}\n"])
        }
        PairFormat::Json => json_array(pairs, options),
        PairFormat::Csv => {
            let (first, second) = names(options);
            let mut text = format!("{first},{second},{}\n", options.by).into_bytes();
            text.append(&mut lines(pairs, [b"", b",", b",", b"\n"]));
            text
        }
    };
    or_closed(to.write_all(&text).and_then(|()| to.flush()))
        .map(|_| ())
        .map_err(AnswerError::Output)
}

const fn names(options: &PairOptions) -> (&'static str, &'static str) {
    if options.directed { ("srcAddress", "dstAddress") } else { ("first", "second") }
}

/// What stands before each of the three fields.
fn json_names(options: &PairOptions) -> [String; 3] {
    let (first, second) = names(options);
    [format!("{{\"{first}\":\""), format!("\",\"{second}\":\""), format!("\",\"{}\":", options.by)]
}

/// A line for each pair: its three fields, with these texts before, between and behind them.
fn lines(pairs: &[ActivePair], [before, between, value, end]: [&[u8]; 4]) -> Vec<u8> {
    let mut text = Vec::new();
    for pair in pairs {
        text.extend_from_slice(before);
        push_address(&mut text, pair.first);
        text.extend_from_slice(between);
        push_address(&mut text, pair.second);
        text.extend_from_slice(value);
        text.extend_from_slice(pair.value.to_string().as_bytes());
        text.extend_from_slice(end);
    }
    text
}

fn json_array(pairs: &[ActivePair], options: &PairOptions) -> Vec<u8> {
    let [before, between, value] = json_names(options);
    let objects = lines(pairs, [before.as_bytes(), between.as_bytes(), value.as_bytes(), b"},\n"]);
    let mut text = Vec::new();
    push_array(&mut text, &objects);
    text.push(b'\n');
    text
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

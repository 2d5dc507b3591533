//! Numbers, in decimal with a factor behind them or in hexadecimal.

/// It is a number, but of more than 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLarge;

/// Reads a number such as `1500`, `10k` (×1000), `2M`, `1g`, `1t` or `0x1f`. None if it is none.
pub(super) fn read_number(text: &str) -> Option<Result<u64, TooLarge>> {
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        let is_hex = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        return is_hex.then(|| u64::from_str_radix(digits, 16).map_err(|_| TooLarge));
    }
    let (digits, factor) = match text.bytes().last()?.to_ascii_lowercase() {
        b'k' => (&text[..text.len() - 1], 1000),
        b'm' => (&text[..text.len() - 1], 1_000_000),
        b'g' => (&text[..text.len() - 1], 1_000_000_000),
        b't' => (&text[..text.len() - 1], 1_000_000_000_000),
        _ => (text, 1_u64),
    };
    let is_decimal = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_decimal.then(|| {
        let number = digits.parse::<u64>().ok();
        number.and_then(|number| number.checked_mul(factor)).ok_or(TooLarge)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_factors() {
        for (text, number) in [
            ("0", Some(Ok(0))),
            ("1k", Some(Ok(1000))),
            ("2M", Some(Ok(2_000_000))),
            ("3g", Some(Ok(3_000_000_000))),
            ("1T", Some(Ok(1_000_000_000_000))),
            ("0x1F", Some(Ok(31))),
            ("18446744073709551615", Some(Ok(u64::MAX))),
            ("18446744073709551616", Some(Err(TooLarge))),
            ("99999999999t", Some(Err(TooLarge))),
            ("0x", None),
            ("k", None),
            ("", None),
            ("1.5", None),
            ("-1", None),
            ("1kk", None),
            ("+1", None),
        ] {
            assert_eq!(read_number(text), number, "{text}");
        }
    }
}

//! How values are written: flags, protocols, MAC addresses, durations.

use crate::flow::Protocol;

/// The letters of TCP flags, from the lowest bit.
const FLAG_LETTERS: [u8; 8] = *b"FSRPAUEC";
/// X: every flag that there was before congestion was told.
const EVERY_FLAG: u64 = 0x3f;

/// Units of a duration, in milliseconds.
const UNITS: [(&str, u64); 6] =
    [("ms", 1), ("s", 1000), ("sec", 1000), ("min", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// The bits of flags in letters; None if there are others among them.
pub(super) fn read_flags(text: &str) -> Option<u64> {
    let bit = |letter: u8| {
        let letter = letter.to_ascii_uppercase();
        let place = FLAG_LETTERS.iter().position(|&known| known == letter);
        place.map(|place| 1 << place).or((letter == b'X').then_some(EVERY_FLAG))
    };
    if text.is_empty() {
        return None;
    }
    // As flags are shown: each at its place, or a point there.
    let places = || text.bytes().zip(FLAG_LETTERS.into_iter().rev());
    let as_shown = text.len() == FLAG_LETTERS.len()
        && places().all(|(letter, known)| letter == b'.' || letter == known);
    let is_set = |letter: &u8| !as_shown || *letter != b'.';
    text.bytes().filter(is_set).try_fold(0, |bits, letter| Some(bits | bit(letter)?))
}

pub(super) fn read_protocol(text: &str) -> Option<u64> {
    let other_names = [("icmpv6", 58), ("ipv6-icmp", 58), ("ospfigp", 89), ("udplite", 136)];
    let other = other_names.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    match other {
        Some(&(_, number)) => Some(number),
        None => Protocol::named(text).map(|protocol| protocol.0.into()),
    }
}

/// Six bytes in hexadecimal, with colons or dashes between them, or three times two with points.
pub(super) fn read_mac(text: &str) -> Option<u64> {
    let hex = |part: &str| {
        let digits = part.bytes().all(|byte| byte.is_ascii_hexdigit());
        u64::from_str_radix(part, 16).ok().filter(|_| digits)
    };
    for (between, parts, digits, bits) in
        [(':', 6, 1..=2, 8), ('-', 6, 1..=2, 8), ('.', 3, 4..=4, 16)]
    {
        let split: Vec<&str> = text.split(between).collect();
        if split.len() == parts && split.iter().all(|part| digits.contains(&part.len())) {
            return split.iter().try_fold(0, |mac, part| Some(mac << bits | hex(part)?));
        }
    }
    None
}

/// A duration as nfdump shows it: `00:00:04.791`, or days before that.
pub(super) fn clock(text: &str) -> Option<u64> {
    let number = |text: &str, digits| -> Option<u64> {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit());
        (plain && text.len() == digits).then(|| text.parse().ok()).flatten()
    };
    let (days, clock) = match text.trim().split_once("d ") {
        Some((days, clock)) => (days.trim().parse::<u64>().ok()?, clock),
        None => (0, text.trim()),
    };
    if !clock.contains(':') {
        // Seconds, as in CSV.
        let (secs, millis) = clock.split_once('.')?;
        let plain = days == 0 && secs.bytes().all(|byte| byte.is_ascii_digit());
        let secs = secs.parse::<u64>().ok().filter(|_| plain)?;
        return secs.checked_mul(1000)?.checked_add(number(millis, 3)?);
    }
    let (hours, rest) = clock.split_once(':')?;
    let (minutes, rest) = rest.split_once(':')?;
    let (secs, millis) = rest.split_once('.')?;
    let secs = number(hours, 2)? * 3600 + number(minutes, 2)? * 60 + number(secs, 2)?;
    days.checked_mul(86_400_000)?.checked_add(secs * 1000 + number(millis, 3)?)
}

/// Type and code of ICMP as nfdump shows them in place of the port: `8.0`.
pub(super) fn type_and_code(text: &str) -> Option<u64> {
    let (of_type, code) = text.split_once('.')?;
    Some(u64::from(of_type.parse::<u8>().ok()?) << 8 | u64::from(code.parse::<u8>().ok()?))
}

pub(super) fn with_unit(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).filter(|&digits| digits > 0)?;
    let (number, unit) = text.split_at(digits);
    let (_, millis) = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    number.parse::<u64>().ok()?.checked_mul(*millis)
}

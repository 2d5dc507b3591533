//! Values as texts write them.

use std::net::{IpAddr, Ipv4Addr};

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

use super::{Wrong, wrong};
use crate::flow::{Protocol, UnixMillis};

/// A number, in decimal digits, or in hexadecimal ones behind `0x`.
pub(super) fn number(text: &str, what: &str) -> Result<u64, Wrong> {
    let number = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    };
    number.ok_or_else(|| malformed(text, what))
}

/// Likewise; nothing, `-` and `*` are 0.
pub(super) fn number_or_none(text: &str, what: &str) -> Result<u64, Wrong> {
    if matches!(text, "" | "-" | "*") { Ok(0) } else { number(text, what) }
}

/// A port; nothing is 0.
pub(super) fn port(text: &str) -> Result<u64, Wrong> {
    let port = number_or_none(text, "port")?;
    if port > u16::MAX.into() { Err(malformed(text, "port")) } else { Ok(port) }
}

pub(super) fn malformed(text: &str, what: &str) -> Wrong {
    let shown: String = text.chars().take(40).collect();
    wrong("malformed", format!("{shown:?} is no {what}"))
}

/// An address, also one whose numbers are filled up with zeros, or that is one number.
pub(super) fn address(text: &str) -> Result<IpAddr, Wrong> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    if let Ok(number) = text.parse::<u32>() {
        return Ok(Ipv4Addr::from(number).into());
    }
    let mut octets = [0; 4];
    let mut parts = text.split('.');
    for octet in &mut octets {
        let part = parts.next().filter(|part| part.len() == 3).and_then(|part| part.parse().ok());
        *octet = part.ok_or_else(|| malformed(text, "address"))?;
    }
    match parts.next() {
        None => Ok(octets.into()),
        Some(_) => Err(malformed(text, "address")),
    }
}

/// Milliseconds of seconds with a fraction, of which what is beyond is cut off.
pub(super) fn millis(text: &str, what: &str) -> Result<u64, Wrong> {
    let (secs, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        // 1.5e-05, as JSON has it.
        let secs: f64 = text.parse().map_err(|_| malformed(text, what))?;
        return whole(secs * 1000.0).ok_or_else(|| malformed(text, what));
    }
    let secs: u64 = secs.parse().map_err(|_| malformed(text, what))?;
    let digits = fraction.bytes().chain(*b"000").take(3);
    let millis = digits.fold(0, |millis, digit| millis * 10 + u64::from(digit - b'0'));
    secs.checked_mul(1000).map(|ms| ms.saturating_add(millis)).ok_or_else(|| malformed(text, what))
}

/// A number without its fraction, if it is one of time.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is in range")]
fn whole(number: f64) -> Option<u64> {
    (0.0..1e15).contains(&number).then_some(number as u64)
}

/// A moment in UTC: `2009/02/12T00:00:00.000`, `2009-02-12 00:00:00`, `02/12/2009 …`, or seconds
/// since 1970.
pub(super) fn moment(text: &str) -> Result<UnixMillis, Wrong> {
    let malformed = || wrong("malformed time", format!("{text:?} is no time"));
    let is_epoch = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if is_epoch && !text.is_empty() {
        return millis(text, "time").map(UnixMillis).map_err(|_| malformed());
    }
    let (date, time) = text.split_once(['T', ' ']).ok_or_else(malformed)?;
    let time = time.strip_suffix('Z').unwrap_or(time);
    let time: Time = time.parse().map_err(|_| malformed())?;
    let date = day(date).ok_or_else(malformed)?;
    let moment = TimeZone::UTC.to_timestamp(DateTime::from_parts(date, time));
    let millis = moment.ok().and_then(|moment| u64::try_from(moment.as_millisecond()).ok());
    millis.map(UnixMillis).ok_or_else(malformed)
}

fn day(text: &str) -> Option<Date> {
    let mut parts = text.split(['/', '-']);
    let [first, second, third] = [parts.next()?, parts.next()?, parts.next()?];
    let (year, month, day) =
        if first.len() == 4 { (first, second, third) } else { (third, first, second) };
    let parsed = (year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
    Date::new(parsed.0, parsed.1, parsed.2).ok().filter(|_| parts.next().is_none())
}

/// Letters of TCP flags, in any order and with gaps; what is no flag is passed over.
pub(super) fn tcp_flags(text: &str) -> u8 {
    text.chars().fold(0, |flags, letter| {
        flags
            | match letter {
                'F' => 1,
                'S' => 2,
                'R' => 4,
                'P' => 8,
                'A' => 16,
                'U' => 32,
                'E' => 64,
                'C' => 128,
                _ => 0,
            }
    })
}

/// A protocol, by its number or its name.
pub(in crate::import) fn protocol(text: &str) -> Option<Protocol> {
    let number = text.parse().ok().map(Protocol);
    number.or_else(|| Protocol::named(text))
}

/// Type and code of ICMP, as the destination port has them.
pub(in crate::import) const fn icmp(kind: u64, code: u64) -> u64 {
    (kind & 0xff) << 8 | (code & 0xff)
}

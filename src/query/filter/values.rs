//! What the values of a field are, and how one is read.

use super::Context;
use super::error::Wrong;
use super::forms::{clock, read_flags, read_mac, read_protocol, type_and_code, with_unit};
use super::number::read_number;
use super::time::{read_time, stamps};
use crate::flow::{EventKind, Kind};
use crate::row::NumberSet;

/// What the values of a field are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Values {
    /// Numbers from 0 to this one.
    UpTo(u64),
    /// Milliseconds, or a number with another unit.
    Millis,
    /// Numbers or names of IP protocols.
    Protocol,
    /// Numbers or letters of TCP flags.
    Flags,
    /// Labels of MPLS: the upper 20 of 24 bits.
    Label,
    /// MAC addresses.
    Mac,
    /// Times.
    Time,
    /// Times, or numbers that count so many a second since 1970. They are milliseconds in a store.
    Clock { per_second: u64 },
    /// Times, or numbers as exporters send them: in the unit of elements of this kind.
    Stamp(Kind),
    /// Microseconds, or a number with another unit. They are milliseconds in a store.
    Micros,
    /// 0 ingress, 1 egress; some exporters send 255 where they do not know.
    FlowDirection,
    /// Numbers, or what the router did with the packets.
    Forwarding,
    /// 1 true, 2 false.
    Truth,
    /// Numbers or names of events.
    Event(EventKind),
}

/// The greatest port.
const PORTS: u64 = u16::MAX as u64;

/// What was done with packets, by the upper two bits (RFC 7270 §4.12).
const FORWARDING: [(&str, u64, u64); 4] =
    [("unknown", 0, 63), ("forwarded", 64, 127), ("dropped", 128, 191), ("consumed", 192, 255)];

/// What stands behind a label: three bits of traffic class, and one at the bottom of the stack.
const LABEL_BITS: u32 = 4;

impl Values {
    /// The greatest of them.
    const fn most(self) -> u64 {
        match self {
            Self::UpTo(most) => most,
            Self::Protocol | Self::Flags | Self::Forwarding | Self::Truth | Self::FlowDirection => {
                u8::MAX as u64
            }
            Self::Event(_) => u16::MAX as u64,
            Self::Label => (1 << 20) - 1,
            Self::Millis
            | Self::Micros
            | Self::Mac
            | Self::Time
            | Self::Clock { .. }
            | Self::Stamp(_) => u64::MAX,
        }
    }

    /// The same with all numbers: exporters may send more.
    pub(super) const fn of_any_size(self) -> Self {
        if let Self::UpTo(_) = self { Self::UpTo(u64::MAX) } else { self }
    }

    /// Whether they are moments.
    pub(super) const fn is_time(self) -> bool {
        matches!(self, Self::Time | Self::Clock { .. } | Self::Stamp(_))
    }

    /// The numbers that a store has for those in `set`.
    pub(super) fn stored(self, set: &NumberSet) -> NumberSet {
        match self {
            Self::Label => {
                let upper = |label: u64| label.saturating_mul(1 << LABEL_BITS);
                let ranges = set.ranges().iter();
                NumberSet::new(
                    ranges
                        .map(|&(first, last)| {
                            (upper(first), upper(last).saturating_add((1 << LABEL_BITS) - 1))
                        })
                        .collect(),
                )
            }
            _ => set.clone(),
        }
    }

    /// The bits that a store has for `bits`.
    pub(super) fn stored_bits(self, bits: u64) -> u64 {
        if self == Self::Label { bits << LABEL_BITS } else { bits }
    }

    /// What is expected where one should stand.
    pub(super) fn expected(self) -> String {
        match self {
            Self::UpTo(u64::MAX) => "a number, such as 1500, 10k or 0x10".to_owned(),
            Self::Millis => {
                "milliseconds, or a number with a unit, such as 1500, 10s or 5min".to_owned()
            }
            Self::Protocol => "a protocol, such as tcp, or a number from 0 to 255".to_owned(),
            Self::Flags => "letters of FSRPAUECX, or a number from 0 to 255".to_owned(),
            Self::Mac => "a MAC address, such as 00:00:5e:00:53:01".to_owned(),
            Self::Micros => {
                "microseconds, or a number with a unit, such as 1500, 10s or 5min".to_owned()
            }
            Self::Stamp(_) => {
                "a time, such as 2026-11-23 or -2h, or the exported number".to_owned()
            }
            Self::Time => "a time, such as 2026-11-23, 2026-11-23T14:05 or -2h".to_owned(),
            Self::Clock { per_second } => {
                let unit = match per_second {
                    1 => "seconds",
                    1000 => "milliseconds",
                    1_000_000 => "microseconds",
                    _ => "nanoseconds",
                };
                format!("a time, such as 2026-11-23 or -2h, or {unit} since 1970")
            }
            Self::FlowDirection => "ingress, egress, 0 or 1".to_owned(),
            Self::Forwarding => {
                "unknown, forwarded, dropped, consumed, or a number from 0 to 255".to_owned()
            }
            Self::Truth => "true or false".to_owned(),
            Self::Event(kind) => {
                let names: Vec<&str> = kind.names().iter().map(|(name, _)| *name).collect();
                format!("{}, or a number", names.join(", "))
            }
            Self::UpTo(_) | Self::Label => format!("a number from 0 to {}", self.most()),
        }
    }

    /// Reads one value, or a range of them: `443`, `1000-2000`, `1000..`. Gives the first and the
    /// last number that are meant.
    pub(super) fn read(self, text: &str, context: &Context<'_>) -> Result<(u64, u64), Wrong> {
        if let (Self::Flags, Some(flags)) = (self, read_flags(text)) {
            return Ok((flags, flags));
        }
        if let Some((first, last)) = text.split_once("..") {
            let first = self.read_one(first, context)?.0;
            let last = if last.is_empty() { u64::MAX } else { self.read_one(last, context)?.1 };
            return in_order(text, first, last);
        }
        let one = match self.read_one(text, context) {
            Ok(one) => return Ok(one),
            Err(wrong) => wrong,
        };
        // A name, a time or an address may have a dash itself.
        if let Some((first, last)) = text.split_once('-')
            && !self.is_time()
            && !first.is_empty()
            && !last.is_empty()
        {
            let (first, last) = (self.read_one(first, context)?.0, self.read_one(last, context)?.1);
            return in_order(text, first, last);
        }
        Err(one)
    }

    /// Reads one value; a name may stand for several numbers.
    fn read_one(self, text: &str, context: &Context<'_>) -> Result<(u64, u64), Wrong> {
        let one = |number| Ok((number, number));
        match self {
            Self::Time => {
                return one(read_time(text, &context.zone, context.now)?.0);
            }
            Self::Clock { per_second } => {
                // Four digits are a year.
                if let Ok(time) = read_time(text, &context.zone, context.now) {
                    return one(time.0);
                }
                if let Some(Ok(number)) = read_number(text) {
                    return Ok(millis(number, per_second));
                }
            }
            // Digits alone are the number.
            Self::Stamp(kind) if read_number(text).is_none() => {
                return Ok(stamps(read_time(text, &context.zone, context.now)?, kind));
            }
            Self::Micros => {
                if let Some(millis) = with_unit(text) {
                    return one(millis);
                }
                if let Some(Ok(number)) = read_number(text) {
                    return one(number / 1000);
                }
            }
            Self::Mac if let Some(mac) = read_mac(text) => return one(mac),
            Self::Millis if let Some(millis) = with_unit(text).or_else(|| clock(text)) => {
                return one(millis);
            }
            Self::Flags if let Some(flags) = read_flags(text) => return one(flags),
            Self::UpTo(PORTS) if let Some(port) = type_and_code(text) => return one(port),
            _ => {}
        }
        match read_number(text) {
            Some(Ok(number)) if number <= self.most() => return one(number),
            Some(_) => {
                let problem = format!("{text} is out of range");
                return Err(Wrong::new(problem).expecting(self.expected()));
            }
            None => {}
        }
        let is = |name: &str| name.eq_ignore_ascii_case(text);
        let known = match self {
            Self::Protocol => read_protocol(text).map(|number| (number, number)),
            // nfdump's cells show the first letters.
            Self::FlowDirection => [("ingress", "i"), ("egress", "e")]
                .iter()
                .position(|(name, letter)| is(name) || is(letter))
                .map(|number| (number as u64, number as u64)),
            Self::Forwarding => {
                FORWARDING.iter().find(|(name, ..)| is(name)).map(|&(_, first, last)| (first, last))
            }
            Self::Event(kind) => kind.named(text).map(|number| (number, number)),
            Self::Truth => match () {
                () if is("true") => Some((1, 1)),
                () if is("false") => Some((2, 2)),
                () => None,
            },
            _ => None,
        };
        known.ok_or_else(|| {
            let what = match self {
                Self::Protocol => "protocol",
                Self::Flags => "set of flags",
                Self::Event(_) => "event",
                Self::Mac => "MAC address",
                Self::UpTo(_) | Self::Label | Self::Millis | Self::Micros => "number",
                _ => "value here",
            };
            Wrong::new(format!("{text:?} is no {what}")).expecting(self.expected())
        })
    }
}

/// The milliseconds of a number that counts so many a second.
fn millis(number: u64, per_second: u64) -> (u64, u64) {
    if let 0..1000 = per_second {
        let each = 1000 / per_second.max(1);
        let first = number.saturating_mul(each);
        return (first, first.saturating_add(each - 1));
    }
    let first = number / (per_second / 1000);
    (first, first)
}

fn in_order(text: &str, first: u64, last: u64) -> Result<(u64, u64), Wrong> {
    if first > last {
        return Err(Wrong::new(format!("the range {text} ends before it begins")));
    }
    Ok((first, last))
}

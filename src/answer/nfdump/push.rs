//! Cells to text: in lines as wide as nfdump has them, in CSV without blanks.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::cells::{End, Moment, Named, Number, Shown, Value, Whose};
use super::layout::Layout;
use super::row::Row;
use super::{tcp_flags, values};
use crate::answer::clock::{Clock, push_duration};
use crate::answer::text::{
    push_csv_text, push_inet_ntop, push_left, push_number, push_number_left, push_number_right,
    push_right, push_three_digits, push_v4_right,
};
use crate::flow::{EventKind, UnixMillis, unsigned};
use crate::meaning::Attribute;

impl Layout {
    /// Appends the line of `row`.
    pub(in crate::answer) fn push(&self, to: &mut Vec<u8>, clock: &mut Clock, row: &Row<'_>) {
        to.extend_from_slice(&self.before);
        for step in &self.steps {
            self.push_cell(to, clock, step.value, row);
            match *step.then {
                [one] => to.push(one),
                ref text => to.extend_from_slice(text),
            }
        }
        to.push(b'\n');
    }

    fn push_cell(&self, to: &mut Vec<u8>, clock: &mut Clock, value: Value, row: &Row<'_>) {
        let flow = row.flow;
        match value {
            Value::Time(moment, shown) => self.push_time(to, clock, (moment, shown), row),
            Value::Duration { seconds } => self.push_duration(to, seconds, row.duration_ms),
            Value::Protocol => self.push_protocol(to, flow.protocol.0, flow.protocol.name()),
            Value::Flags => self.push_flags(to, values::shown_flags(flow)),
            Value::Address(whose) => self.push_address(to, values::address(whose, row)),
            Value::AddressPort(whose) => self.push_address_port(to, whose, row),
            Value::Net(end) => self.push_net(to, end, row),
            Value::Number(number, width) => {
                push_number_right(to, self.width(width), self::number(number, row));
            }
            Value::DstPort => self.right(to, 6, |to| push_dst_port(to, row)),
            Value::Scaled(counter) => self.push_scaled(to, values::counter(counter, row)),
            Value::OctetsAPacket => {
                let octets = row.octets.checked_div(row.packets).unwrap_or(0);
                self.right(to, 6, |to| push_large(to, octets));
            }
            _ => self.push_rare(to, value, row),
        }
    }

    /// The cells that few layouts have.
    fn push_rare(&self, to: &mut Vec<u8>, value: Value, row: &Row<'_>) {
        // Writing to bytes cannot fail.
        match value {
            Value::Direction => {
                let letter = if row.number(61).unwrap_or(0) == 0 { b'I' } else { b'E' };
                self.right(to, 3, |to| to.push(letter));
            }
            Value::Mac(number) => push_mac(to, row.number(number).unwrap_or(0)),
            Value::Mpls(place) => self.push_label(to, row, place),
            Value::MplsStack => {
                for place in 1..=10 {
                    self.push_label(to, row, place);
                    to.push(if self.csv && place < 10 { b'-' } else { b' ' });
                }
                if self.csv {
                    to.pop();
                }
            }
            Value::Engine => self.push_engine(to, row),
            Value::TimesToLive => {
                push_number_right(to, 5, row.number(52).or(row.number(192)).unwrap_or(0));
                to.push(b' ');
                push_number_right(to, 5, row.number(53).or(row.number(192)).unwrap_or(0));
            }
            Value::Fragments => {
                let flags = row.number(197).unwrap_or(0);
                to.extend_from_slice(if flags & 0x40 == 0 { b"--" } else { b"DF" });
                to.extend_from_slice(if flags & 0x20 == 0 { b"--" } else { b"MF" });
            }
            Value::Hex(number, width) => match row.number(number) {
                Some(id) => drop(write!(to, "0x{id:0width$x}", width = usize::from(width))),
                None => to.extend_from_slice(b"0x00"),
            },
            Value::Application => push_application(to, row.element(95)),
            Value::Name(named) => self.push_text(to, name(named, row)),
            Value::Meant(Attribute::Country, end) => match row.meant(Attribute::Country, end) {
                "" => to.extend_from_slice(b".."),
                code => to.extend_from_slice(code.as_bytes()),
            },
            Value::Meant(attribute, end) => self.push_text(to, row.meant(attribute, end)),
            Value::Event(kinds, width) => self.push_event(to, kinds, width, row),
            Value::NewLine => to.push(b'\n'),
            Value::Family => push_number(to, if row.flow.src.is_ipv4() { 2u8 } else { 10 }),
            _ => {}
        }
    }

    /// Appends what happened: its name, or its number where it has none. Where numbers are plain, so
    /// is that of an event, but not that of its reason: as nfdump has it.
    fn push_event(&self, to: &mut Vec<u8>, kinds: &[EventKind], width: u8, row: &Row<'_>) {
        let told = |kind: &EventKind| row.element(kind.element()).map(|n| (*kind, unsigned(n)));
        let told: Vec<_> = kinds.iter().filter_map(told).collect();
        // Some exporters tell of both, and mean one.
        let happened = told.iter().find(|(_, number)| *number != 0).or(told.first()).copied();
        if self.plain && kinds != [EventKind::Reason] {
            return push_number(to, happened.map_or(0, |(_, number)| number));
        }
        let text = match happened {
            None => "<no-evt>".to_owned(),
            Some((kind, number)) => {
                kind.name(number).map_or_else(|| number.to_string(), str::to_ascii_uppercase)
            }
        };
        self.right(to, width, |to| to.extend_from_slice(text.as_bytes()));
    }

    /// Appends what an exporter calls something, which may be any text.
    fn push_text(&self, to: &mut Vec<u8>, text: &str) {
        if self.csv { push_csv_text(to, text) } else { to.extend_from_slice(text.as_bytes()) }
    }

    fn width(&self, width: u8) -> usize {
        if self.csv { 0 } else { width.into() }
    }

    fn right(&self, to: &mut Vec<u8>, width: u8, push: impl FnOnce(&mut Vec<u8>)) {
        if self.csv { push(to) } else { push_right(to, width.into(), push) }
    }

    #[inline]
    fn push_time(
        &self,
        to: &mut Vec<u8>,
        clock: &mut Clock,
        (moment, shown): (Moment, Shown),
        row: &Row<'_>,
    ) {
        let first = row.flow.first;
        let time = match moment {
            Moment::First => first,
            Moment::Last => UnixMillis(first.0.saturating_add(row.duration_ms)),
        };
        match shown {
            Shown::Local => clock.push(to, time),
            Shown::Utc => clock.push_utc(to, time),
            Shown::Millis => push_number(to, time.0),
            Shown::Raw => {
                push_number_right(to, self.width(10), time.0 / 1000);
                to.push(b'.');
                push_three_digits(to, (time.0 % 1000) as u32);
            }
        }
    }

    #[inline]
    fn push_duration(&self, to: &mut Vec<u8>, seconds: bool, millis: u64) {
        if !(self.csv || seconds || self.plain) {
            return push_duration(to, millis);
        }
        push_number_right(to, self.width(12), millis / 1000);
        to.push(b'.');
        push_three_digits(to, (millis % 1000) as u32);
    }

    #[inline]
    fn push_protocol(&self, to: &mut Vec<u8>, number: u8, name: Option<&str>) {
        if self.csv {
            return push_number(to, number);
        }
        match name {
            Some(name) if !self.plain => {
                push_left(to, 5, |to| to.extend_from_slice(name.as_bytes()));
            }
            _ => push_number_left(to, 5, number),
        }
    }

    fn push_flags(&self, to: &mut Vec<u8>, flags: u8) {
        if self.plain && !self.csv {
            push_number_right(to, 8, flags);
        } else {
            to.extend_from_slice(&tcp_flags(flags));
        }
    }

    /// Appends an address: in lines, with blanks before it, and without its middle if it is long.
    #[inline]
    fn push_address(&self, to: &mut Vec<u8>, address: IpAddr) {
        const WIDTH: usize = 16;
        const WIDE: usize = 39;
        // What is left at either end of an address that is longer.
        const END: usize = 7;
        if self.csv {
            return push_inet_ntop(to, address);
        }
        let width = if self.wide { WIDE } else { WIDTH };
        if let IpAddr::V4(address) = address {
            return push_v4_right(to, width, address);
        }
        push_right(to, width, |to| {
            let start = to.len();
            push_inet_ntop(to, address);
            if !self.wide && to.len() - start > WIDTH {
                to.splice(start + END..to.len() - END, *b"..");
            }
        });
    }

    /// Appends an address, what separates the port from it (a colon, for IPv6 a dot), and the port.
    #[inline]
    fn push_address_port(&self, to: &mut Vec<u8>, whose: Whose, row: &Row<'_>) {
        let address = values::address(whose, row);
        self.push_address(to, address);
        to.push(if address.is_ipv4() { b':' } else { b'.' });
        match whose {
            Whose::End(End::Dst) if row.flow.protocol.is_icmp() => {
                push_left(to, 5, |to| push_dst_port(to, row));
            }
            Whose::End(End::Src) => push_number_left(to, 5, row.flow.src_port),
            Whose::End(End::Dst) => push_number_left(to, 5, row.flow.dst_port),
            Whose::Element(.., port) => push_number_left(to, 5, row.number(port).unwrap_or(0)),
            Whose::NextHop | Whose::Router => {}
        }
    }

    fn push_net(&self, to: &mut Vec<u8>, end: End, row: &Row<'_>) {
        let (address, bits) = match end {
            End::Src => (row.flow.src, row.flow.src_mask),
            End::Dst => (row.flow.dst, row.flow.dst_mask),
        };
        self.push_address(to, network(address, bits));
        to.push(b'/');
        if self.csv { push_number(to, bits) } else { push_number_left(to, 2, bits) }
    }

    #[inline]
    fn push_scaled(&self, to: &mut Vec<u8>, number: u128) {
        if !(self.csv || self.plain) {
            push_scaled_right(to, number);
        } else if let Ok(number) = u64::try_from(number) {
            push_number_right(to, self.width(8), number);
        } else {
            self.right(to, 8, |to| push_large(to, number));
        }
    }

    fn push_label(&self, to: &mut Vec<u8>, row: &Row<'_>, place: u8) {
        let entry = row.number(69 + u16::from(place)).unwrap_or(0);
        push_number_right(to, self.width(8), entry >> 4);
        // The traffic class and whether it is the last of the stack.
        let _ = write!(to, "-{}-{}", (entry & 0xf) >> 1, entry & 1);
    }

    fn push_engine(&self, to: &mut Vec<u8>, row: &Row<'_>) {
        let [.., kind, id] = row.flow.source.engine.to_be_bytes();
        push_number_right(to, self.width(3), kind);
        to.push(b'/');
        if self.csv { push_number(to, id) } else { push_number_left(to, 3, id) }
    }
}

/// Appends a blank and `number`, 8 wide and scaled.
pub(in crate::answer) fn push_scaled(to: &mut Vec<u8>, number: u128) {
    to.push(b' ');
    push_scaled_right(to, number);
}

/// Appends `number`, 8 wide: in millions, thousand millions and so on where it is large.
fn push_scaled_right(to: &mut Vec<u8>, number: u128) {
    let (unit, name) = match number {
        0..1_000_000 => return push_number_right(to, 8, number as u64),
        1_000_000..1_000_000_000 => (1e6, 'M'),
        1_000_000_000..1_000_000_000_000 => (1e9, 'G'),
        _ => (1e12, 'T'),
    };
    // Writing to bytes cannot fail.
    push_right(to, 8, |to| drop(write!(to, "{:.1} {name}", number as f64 / unit)));
}

fn push_large(to: &mut Vec<u8>, number: u128) {
    match u64::try_from(number) {
        Ok(number) => push_number(to, number),
        // Writing to bytes cannot fail.
        Err(_) => drop(write!(to, "{number}")),
    }
}

fn push_dst_port(to: &mut Vec<u8>, row: &Row<'_>) {
    if row.flow.protocol.is_icmp() {
        let [kind, code] = row.flow.dst_port.to_be_bytes();
        push_number(to, kind);
        to.push(b'.');
        push_number(to, code);
    } else {
        push_number(to, row.flow.dst_port);
    }
}

pub(super) fn push_mac(to: &mut Vec<u8>, address: u64) {
    let [_, _, rest @ ..] = address.to_be_bytes();
    for (place, byte) in rest.iter().enumerate() {
        let _ = write!(to, "{}{byte:02x}", if place == 0 { "" } else { ":" });
    }
}

/// The engine that classified, of a private one the enterprise, and the application's number there
/// (RFC 6759 §4).
fn push_application(to: &mut Vec<u8>, id: Option<&[u8]>) {
    const PRIVATE: u8 = 20;
    let _ = match id.and_then(|id| id.split_first()) {
        None => write!(to, "0..0..0"),
        Some((&PRIVATE, [a, b, c, d, selector @ ..])) => {
            let enterprise = u32::from_be_bytes([*a, *b, *c, *d]);
            write!(to, "{PRIVATE:2}..{enterprise}..{}", unsigned(selector))
        }
        Some((engine, selector)) => write!(to, "{engine:2}..{}", unsigned(selector)),
    };
}

/// What the exporter calls it; nothing where that is not known.
fn name<'a>(whose: Named, row: &Row<'a>) -> &'a str {
    let (names, exporter) = (row.names, row.flow.source.exporter);
    let vrf = |element| {
        let id = row.number(element)?;
        names.vrfs.get(&(exporter, id as u32))
    };
    let name = match whose {
        Named::Input => names.interfaces.get(&(exporter, row.flow.input)),
        Named::Output => names.interfaces.get(&(exporter, row.flow.output)),
        Named::IngressVrf => vrf(234),
        Named::EgressVrf => vrf(235),
        Named::Application => row.number(95).and_then(|id| names.applications.get(&(exporter, id))),
    };
    let unknown = if whose == Named::Application { "<no nbar>" } else { "" };
    name.map_or(unknown, String::as_str)
}

#[inline]
fn number(number: Number, row: &Row<'_>) -> u64 {
    let flow = row.flow;
    let [icmp_type, icmp_code] = flow.dst_port.to_be_bytes();
    match number {
        Number::Place => row.place,
        Number::Flows => row.flows,
        Number::Column(column) => flow.number(column),
        Number::IcmpType => icmp_type.into(),
        Number::IcmpCode => icmp_code.into(),
        Number::Element(one, other) => row.number(one).or_else(|| row.number(other)).unwrap_or(0),
    }
}

/// `address` without the bits behind the first `bits`.
pub(super) fn network(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits.min(32))).unwrap_or(0);
            Ipv4Addr::from_bits(address.to_bits() & mask).into()
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits.min(128))).unwrap_or(0);
            Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
    }
}
